/* SPDX-License-Identifier: Apache-2.0 */
/* The forest knows the process as it is by now, which may be later than the fact: a fork whose exec stood in the same
 * batch, an exec whose exit has come since. Images and the end that came later are taken off again; what the fact says
 * itself goes first. */
#include "collector/console/api/moment.h"

#include <errno.h>

static void image_of_fact(const struct fact *fact, int64_t wall_ns, struct process_image *ret)
{
	*ret = (struct process_image){
	    .seq = fact->exec_seq,
	    .time_ns = fact->time_ns,
	    .wall_ns = wall_ns,
	    .flags = fact->flags,
	    .comm = fact->comm,
	    .exe = fact->exe,
	    .script = fact->script,
	    .interpreter = fact->interpreter,
	    .cwd = fact->cwd,
	    .argv = fact->argv,
	    .argv_bytes = fact->argv_bytes,
	    .environ_ = fact->environ_,
	    .exe_inode = fact->exe_inode,
	    .exe_ctime_ns = fact->exe_ctime_ns,
	    .exe_dev = fact->exe_dev,
	    .exe_mode = fact->exe_mode,
	    .exe_nlink = fact->exe_nlink,
	};
}

static void begin_from_fact(const struct forest_host *host, const struct fact *fact, int64_t offset_ns,
			    struct process_view *view)
{
	struct forest_host_info info;

	*view = (struct process_view){
	    .self = fact->self,
	    .parent = fact->parent,
	    .creator = fact->creator,
	    .start_wall_ns = fact->self.start_ns ? (int64_t)fact->self.start_ns + offset_ns : INT64_MIN,
	    .ns_tgid = fact->ns_tgid,
	};
	if (!host)
		return;
	forest_host_info(host, &info);
	view->host = info.hostname;
	view->boot = info.boot;
	view->tags = info.tags;
	view->tag_count = info.tag_count;
}

/* Leaves the images that were there by then; when none is known the fact's own stands in. */
static int cut_images(const struct fact *fact, int64_t offset_ns, struct arena *arena, struct process_view *view)
{
	size_t count = 0;
	struct process_image *images;

	while (count < view->image_count && view->images[count].time_ns <= fact->time_ns)
		count++;
	if (count > 0 || !fact->comm.len) {
		view->image_count = count;
		return 0;
	}
	images = arena_alloc(arena, sizeof(*images));
	if (!images)
		return -ENOMEM;
	image_of_fact(fact, (int64_t)fact->time_ns + offset_ns, images);
	view->images = images;
	view->image_count = 1;
	return 0;
}

static void set_end(const struct fact *fact, int64_t offset_ns, struct process_view *view)
{
	bool exit = fact->type == FACT_EXIT;

	view->exited = view->exit_known = exit;
	view->state = exit ? PROCESS_EXITED : PROCESS_LIVE;
	view->now_ns = fact->time_ns;
	view->end_ns = exit ? fact->time_ns : 0;
	view->end_wall_ns = exit ? (int64_t)fact->time_ns + offset_ns : INT64_MIN;
	view->exit = exit ? fact->exit : (struct fact_exit){0};
	view->quality &= ~(uint32_t)(QUALITY_EXIT_UNKNOWN | QUALITY_HOST_REBOOTED);
}

int moment_view(const struct forest_host *host, const struct forest_node *node, const struct fact *fact,
		int64_t boottime_to_wall_ns, struct arena *arena, struct process_view *ret)
{
	struct process_view view;
	int r = 0;

	if (node)
		r = forest_view(node, fact->time_ns, arena, &view);
	else
		begin_from_fact(host, fact, boottime_to_wall_ns, &view);
	if (r == 0)
		r = cut_images(fact, boottime_to_wall_ns, arena, &view);
	if (r < 0)
		return r;
	if (fact->type != FACT_EXIT || !view.context) /* a dying process has given up parts of it */
		view.context = fact->context;
	view.pgid = fact->pgid ? fact->pgid : view.pgid;
	view.sid = fact->sid ? fact->sid : view.sid;
	view.tty = fact->tty ? fact->tty : view.tty;
	set_end(fact, boottime_to_wall_ns, &view);
	*ret = view;
	return 0;
}
