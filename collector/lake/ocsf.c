/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope of an event, and the choice of who its actor is: of a fork whoever called fork, of an exec the parent
 * (the pair of which is what a launch means to an analyst), of an exit the process itself. A snapshot is nobody's act,
 * its actor is the sensor. */
#include "collector/lake/ocsf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/lake/cpid.h"
#include "collector/lake/process.h"
#include "proto/model/gap.h"

#define CLASS_PROCESS_ACTIVITY 1007u
#define ACTIVITY_LAUNCH 1u
#define ACTIVITY_TERMINATE 2u
#define ACTIVITY_OTHER 99u
#define SEQUENCE_INDEX_BITS 16 /* BATCH_DECODED_EVENTS_MAX facts in one journal position */

static void number(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_uint(json, value);
}

static void text(struct json *json, const char *key, const char *value)
{
	json_key(json, key);
	json_text(json, value);
}

static void string(struct json *json, const char *key, struct bytes value)
{
	if (!value.len)
		return;
	json_key(json, key);
	json_string(json, value);
}

/* ---- relatives ------------------------------------------------------------------------------------------------- */

/* The image that a process had at a moment; before the first one that is known, that one. */
static const struct process_image *image_at(const struct process_view *view, uint64_t time_ns)
{
	const struct process_image *image = NULL;

	for (size_t i = 0; i < view->image_count; i++)
		if (!image || view->images[i].time_ns <= time_ns)
			image = &view->images[i];
	return image;
}

static void from_image(struct lake_process *p, const struct process_image *image)
{
	p->image_known = true;
	p->image = *image;
	p->comm = image->comm;
}

static bool from_node(struct lake_process *p, const struct ocsf_source *source, const struct forest_node *node,
		      uint64_t time_ns, struct arena *arena)
{
	const struct process_image *image;
	struct process_view view;

	if (forest_view(node, 0, arena, &view) < 0)
		return false;
	*p = LAKE_PROCESS_NULL;
	p->boot = source->boot;
	p->arch = source->info->arch;
	p->key = view.self;
	p->start_wall_ns = view.start_wall_ns;
	p->ns_tgid = view.ns_tgid;
	p->pgid = view.pgid;
	p->sid = view.sid;
	p->tty = view.tty;
	p->context = view.context;
	image = image_at(&view, time_ns);
	if (image)
		from_image(p, image);
	return true;
}

/* What is known of a relative: from the forest, or else its bare identity. */
static void from_key(struct lake_process *p, const struct ocsf_source *source, struct process_key key, uint64_t time_ns,
		     struct arena *arena)
{
	const struct forest_node *node = source->host ? forest_find(source->host, key) : NULL;

	if (node && from_node(p, source, node, time_ns, arena))
		return;
	*p = LAKE_PROCESS_NULL;
	p->boot = source->boot;
	p->key = key;
	if (key.start_ns)
		p->start_wall_ns = (int64_t)(key.start_ns + (uint64_t)source->boottime_to_wall_ns);
}

/* The family of creation: an orphan keeps the parent that made it, as in the forest. Without a node the fact's own word
 * has to do. */
static void find_family(struct lake_family *family, struct lake_process at[OCSF_ANCESTORS_MAX],
			const struct ocsf_source *source, const struct fact *fact, struct arena *arena)
{
	const struct forest_node *self = source->host ? forest_find(source->host, fact->self) : NULL;
	const struct forest_node *node = self ? forest_parent(self) : NULL;
	struct process_key parent = node ? forest_node_key(node) : fact->parent;

	*family = (struct lake_family){.ancestors = at};
	if (!parent.tgid)
		return;
	if (!node && source->host)
		node = forest_find(source->host, parent);
	from_key(&at[0], source, parent, fact->time_ns, arena);
	family->parent = &at[0];
	family->ancestor_count = 1;
	for (node = node ? forest_parent(node) : NULL; node && family->ancestor_count < OCSF_ANCESTORS_MAX;
	     node = forest_parent(node))
		if (from_node(&at[family->ancestor_count], source, node, fact->time_ns, arena))
			family->ancestor_count++;
	family->cut = node != NULL;
}

/* ---- the process of the fact ----------------------------------------------------------------------------------- */

static struct process_image fact_image(const struct fact *fact)
{
	return (struct process_image){
		.seq = fact->exec_seq,
		.time_ns = fact->time_ns,
		.flags = fact->flags,
		.comm = fact->comm,
		.exe = fact->exe,
		.script = fact->script,
		.interpreter = fact->interpreter,
		.cwd = fact->cwd,
		.argv = fact->argv,
		.argv_bytes = fact->argv_bytes,
		.exe_inode = fact->exe_inode,
		.exe_ctime_ns = fact->exe_ctime_ns,
		.exe_dev = fact->exe_dev,
		.exe_mode = fact->exe_mode,
		.exe_nlink = fact->exe_nlink,
	};
}

/* The image of a fork is the parent's, of an exit the last one: facts of these kinds carry none. */
static void find_image(struct lake_process *p, const struct ocsf_source *source, const struct fact *fact,
		       const struct lake_process *parent, struct arena *arena)
{
	struct lake_process known = LAKE_PROCESS_NULL;

	if (fact->flags & (FACT_EXE_KNOWN | FACT_ARGV_KNOWN)) {
		p->image_known = true;
		p->image = fact_image(fact);
		return;
	}
	from_key(&known, source, fact->self, fact->time_ns, arena);
	if (known.image_known && known.image.flags & FACT_EXE_KNOWN)
		p->image = known.image;
	else if (fact->type == FACT_FORK && parent && parent->image_known)
		p->image = parent->image;
	else
		return;
	p->image_known = true;
	p->image.seq = fact->type == FACT_FORK ? 0 : p->image.seq;
}

static void from_fact(struct lake_process *p, const struct ocsf_source *source, const struct fact *fact)
{
	*p = LAKE_PROCESS_NULL;
	p->boot = source->boot;
	p->arch = source->info ? source->info->arch : BYTES_NULL;
	p->key = fact->self;
	if (fact->self.start_ns)
		p->start_wall_ns = (int64_t)(fact->self.start_ns + (uint64_t)source->boottime_to_wall_ns);
	if (fact->type == FACT_EXIT)
		p->end_wall_ns = (int64_t)(fact->time_ns + (uint64_t)source->boottime_to_wall_ns);
	p->tid = fact->tid;
	p->ns_tgid = fact->ns_tgid;
	p->pgid = fact->pgid;
	p->sid = fact->sid;
	p->tty = fact->tty;
	if (!process_key_equal(fact->creator, fact->parent))
		p->creator = fact->creator;
	p->current_ppid = fact->parent.tgid;
	p->context = fact->context;
	p->comm = fact->comm;
	p->environ_ = fact->environ_;
}

/* ---- envelope -------------------------------------------------------------------------------------------------- */

struct activity {
	unsigned id;
	const char *name, *type_name, *code;
	unsigned launch_type_id; /* 0 = none */
	const char *launch_type;
};

static const struct activity *activity_of(enum fact_type type)
{
	static const struct activity activities[] = {
		[FACT_FORK] = {ACTIVITY_LAUNCH, "Launch", "Process Activity: Launch", "fork", 2, "Fork"},
		[FACT_EXEC] = {ACTIVITY_LAUNCH, "Launch", "Process Activity: Launch", "exec", 3, "Exec"},
		[FACT_EXIT] = {ACTIVITY_TERMINATE, "Terminate", "Process Activity: Terminate", "exit", 0, NULL},
		[FACT_SNAPSHOT] = {ACTIVITY_OTHER, "Snapshot", "Process Activity: Other", "snapshot", 0, NULL},
	};

	return &activities[type];
}

static void classification(struct json *json, unsigned class_uid, const char *class_name, unsigned category_uid,
			   const char *category_name, unsigned activity_id, const char *activity_name,
			   const char *type_name)
{
	number(json, "class_uid", class_uid);
	text(json, "class_name", class_name);
	number(json, "category_uid", category_uid);
	text(json, "category_name", category_name);
	number(json, "activity_id", activity_id);
	text(json, "activity_name", activity_name);
	number(json, "type_uid", class_uid * 100 + activity_id);
	text(json, "type_name", type_name);
}

static void severity(struct json *json, unsigned id, const char *name)
{
	number(json, "severity_id", id);
	text(json, "severity", name);
}

static void product(struct json *json)
{
	text(json, "version", OCSF_VERSION);
	json_key(json, "product");
	json_object_begin(json);
	text(json, "name", "Canopy");
	text(json, "vendor_name", "Canopy");
	text(json, "version", CANOPY_VERSION);
	json_object_end(json);
}

static void labels(struct json *json, const struct forest_host_info *info)
{
	if (!info || !info->tag_count)
		return;
	json_key(json, "tags");
	json_array_begin(json);
	for (size_t i = 0; i < info->tag_count; i++) {
		json_object_begin(json);
		json_key(json, "name");
		json_string(json, info->tags[2 * i]);
		json_key(json, "value");
		json_string(json, info->tags[2 * i + 1]);
		json_object_end(json);
	}
	json_array_end(json);
}

/* The identity of a fact does not depend on the sensor that told it, nor on the batch that brought it. */
static void fact_uid(struct json *json, const struct ocsf_source *source, const struct fact *fact, const char *code)
{
	char process[PROCESS_ID_MAX], uid[PROCESS_ID_MAX + 32];

	process_id_format(source->boot, fact->self, process);
	if (fact->type == FACT_EXEC || fact->type == FACT_SNAPSHOT)
		(void)snprintf(uid, sizeof(uid), "%s-%s-%" PRIx64, process, code, fact->time_ns);
	else
		(void)snprintf(uid, sizeof(uid), "%s-%s", process, code);
	text(json, "uid", uid);
}

static void metadata(struct json *json, const struct ocsf_source *source, const struct fact *fact, const char *code)
{
	static const uint32_t cut =
		FACT_ARGV_TRUNCATED | FACT_EXE_TRUNCATED | FACT_CWD_TRUNCATED | FACT_CGROUP_TRUNCATED;

	json_key(json, "metadata");
	json_object_begin(json);
	product(json);
	json_key(json, "profiles");
	json_array_begin(json);
	json_text(json, "container");
	json_text(json, "host");
	json_text(json, "linux/linux_users");
	json_array_end(json);
	fact_uid(json, source, fact, code);
	text(json, "event_code", code);
	number(json, "sequence", source->position << SEQUENCE_INDEX_BITS | source->index);
	json_key(json, "logged_time");
	json_int(json, lake_ms(source->received_wall_ns));
	json_key(json, "is_truncated");
	json_bool(json, fact->flags & cut);
	labels(json, source->info);
	json_object_end(json);
}

static void device(struct json *json, const struct ocsf_source *source)
{
	static const char digits[] = "0123456789abcdef";
	const struct forest_host_info *info = source->info;
	char uuid[CPID_MAX], machine[32];

	json_key(json, "device");
	json_object_begin(json);
	number(json, "type_id", 0); /* a host does not say whether it is a server or a desktop */
	text(json, "type", "Unknown");
	cpid_uuid_format(source->boot->octets, uuid);
	text(json, "boot_uid", uuid);
	if (info && info->machine_id_known) {
		for (unsigned i = 0; i < 16; i++) {
			machine[2 * i] = digits[info->machine_id[i] >> 4];
			machine[2 * i + 1] = digits[info->machine_id[i] & 15];
		}
		string(json, "uid", bytes_make(machine, sizeof(machine)));
	}
	if (info)
		string(json, "hostname", info->hostname);
	if (!info || (!info->machine_id_known && !info->hostname.len))
		text(json, "name", uuid); /* the schema wants one of uid, hostname, name */
	json_key(json, "os");
	json_object_begin(json);
	text(json, "name", "Linux");
	number(json, "type_id", 200);
	text(json, "type", "Linux");
	if (info)
		string(json, "kernel_release", info->kernel);
	json_object_end(json);
	json_object_end(json);
}

static void actor(struct json *json, const struct fact *fact, const struct lake_process *process, struct arena *arena)
{
	json_key(json, "actor");
	json_object_begin(json);
	if (process) {
		json_key(json, "process");
		lake_process_write(json, process, NULL, arena);
		(void)lake_user_write(json, "user", process->context);
	} else if (fact->type == FACT_SNAPSHOT) {
		text(json, "app_name", "canopy-sensor");
	} else if (!lake_user_write(json, "user", fact->context)) {
		text(json, "app_name", "unknown");
	}
	json_object_end(json);
}

/* ---- outcome --------------------------------------------------------------------------------------------------- */

static void signal_name(unsigned number_, char out[16])
{
	const char *name = number_ <= INT32_MAX ? sigabbrev_np((int)number_) : NULL;

	if (name)
		(void)snprintf(out, 16, "SIG%s", name);
	else
		(void)snprintf(out, 16, "SIG%u", number_ & 0xffff); /* real-time signals have no names of their own */
}

static void outcome(struct json *json, const struct fact *fact)
{
	char name[16];

	if (fact->type == FACT_SNAPSHOT)
		return;
	number(json, "status_id", 1); /* of the activity: the kernel speaks only of what took place */
	text(json, "status", "Success");
	if (fact->type != FACT_EXIT)
		return;
	json_key(json, "exit_code");
	json_int(json, fact->exit.signal ? 128 + (int64_t)fact->exit.signal : fact->exit.code);
	if (fact->exit.signal) {
		signal_name(fact->exit.signal, name);
		text(json, "status_code", name);
		text(json, "status_detail", fact->exit.core ? "ended by a signal, core dumped" : "ended by a signal");
	}
}

static void usage(struct json *json, const struct fact_exit *exit)
{
	if (exit->signal)
		number(json, "exit_signal", exit->signal);
	json_key(json, "core_dumped");
	json_bool(json, exit->core);
	json_key(json, "rusage");
	json_object_begin(json);
	number(json, "utime_ns", exit->utime_ns);
	number(json, "stime_ns", exit->stime_ns);
	number(json, "max_rss_bytes", exit->max_rss_bytes);
	if (exit->read_bytes != UINT64_MAX)
		number(json, "read_bytes", exit->read_bytes);
	if (exit->written_bytes != UINT64_MAX)
		number(json, "written_bytes", exit->written_bytes);
	json_object_end(json);
}

/* Who takes over the children that live on. */
static void reaper(struct json *json, const struct boot_id *boot, struct process_key key)
{
	char uid[PROCESS_ID_MAX];

	if (!key.tgid)
		return;
	number(json, "reaper_pid", key.tgid);
	if (!key.start_ns)
		return;
	process_id_format(boot, key, uid);
	text(json, "reaper_uid", uid);
}

static void batch(struct json *json, const struct ocsf_source *source)
{
	json_key(json, "batch");
	json_object_begin(json);
	json_key(json, "stream");
	json_hex64(json, source->stream); /* text: readers that guess types would make a double of it */
	number(json, "seq", source->seq);
	number(json, "index", source->index);
	json_object_end(json);
}

static void unmapped(struct json *json, const struct ocsf_source *source, const struct fact *fact, int64_t wall_ns)
{
	json_key(json, "unmapped");
	json_object_begin(json);
	json_key(json, "time_ns");
	json_int(json, wall_ns);
	number(json, "boottime_ns", fact->time_ns);
	if (fact->type == FACT_EXIT) {
		usage(json, &fact->exit);
		reaper(json, source->boot, fact->exit.reaper);
	}
	batch(json, source);
	json_object_end(json);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static const struct lake_process *actor_of(const struct fact *fact, const struct lake_process *self,
					   const struct lake_process *parent, const struct lake_process *creator)
{
	switch (fact->type) {
	case FACT_FORK:
		return creator ? creator : parent;
	case FACT_EXEC:
		return parent ? parent : self;
	case FACT_EXIT:
		return self;
	case FACT_SNAPSHOT:
		break;
	}
	return NULL;
}

void ocsf_fact_write(struct json *json, const struct ocsf_source *source, const struct fact *fact, struct arena *arena)
{
	struct lake_process self, creator, related[OCSF_ANCESTORS_MAX];
	struct lake_family family;
	const struct activity *activity = activity_of(fact->type);
	int64_t wall_ns = (int64_t)(fact->time_ns + (uint64_t)source->boottime_to_wall_ns);
	bool other_creator =
		fact->type == FACT_FORK && fact->creator.tgid && !process_key_equal(fact->creator, fact->parent);

	from_fact(&self, source, fact);
	find_family(&family, related, source, fact, arena);
	if (other_creator)
		from_key(&creator, source, fact->creator, fact->time_ns, arena);
	find_image(&self, source, fact, family.parent, arena);

	json_object_begin(json);
	classification(json, CLASS_PROCESS_ACTIVITY, "Process Activity", 1, "System Activity", activity->id,
		       activity->name, activity->type_name);
	if (activity->launch_type_id) {
		number(json, "launch_type_id", activity->launch_type_id);
		text(json, "launch_type", activity->launch_type);
	}
	severity(json, 1, "Informational");
	json_key(json, "time");
	json_int(json, lake_ms(wall_ns));
	outcome(json, fact);
	metadata(json, source, fact, activity->code);
	device(json, source);
	actor(json, fact, actor_of(fact, &self, family.parent, other_creator ? &creator : NULL), arena);
	json_key(json, "process");
	lake_process_write(json, &self, &family, arena);
	unmapped(json, source, fact, wall_ns);
	json_object_end(json);
}

static const char *fact_type_word(uint32_t type)
{
	return type >= FACT_FORK && type <= FACT_SNAPSHOT ? activity_of((enum fact_type)type)->code : "unknown";
}

static void gap_metadata(struct json *json, const char *uid, uint64_t sequence, const struct ocsf_source *source)
{
	json_key(json, "metadata");
	json_object_begin(json);
	product(json);
	if (source) {
		json_key(json, "profiles");
		json_array_begin(json);
		json_text(json, "host");
		json_array_end(json);
	}
	text(json, "uid", uid);
	text(json, "event_code", "gap");
	number(json, "sequence", sequence);
	if (source) {
		json_key(json, "logged_time");
		json_int(json, lake_ms(source->received_wall_ns));
		labels(json, source->info);
	}
	json_object_end(json);
}

static void interval(struct json *json, int64_t from_ns, int64_t to_ns)
{
	json_key(json, "time");
	json_int(json, lake_ms(from_ns));
	json_key(json, "start_time");
	json_int(json, lake_ms(from_ns));
	json_key(json, "end_time");
	json_int(json, lake_ms(to_ns));
}

static void gap_head(struct json *json)
{
	classification(json, 0, "Base Event", 0, "Uncategorized", ACTIVITY_OTHER, "Gap", "Base Event: Other");
	severity(json, 2, "Low");
}

void ocsf_gap_write(struct json *json, const struct ocsf_source *source, const struct gap *gap)
{
	const char *reason = gap_reason_word(gap->reason), *type = fact_type_word(gap->type);
	char boot[CPID_MAX], uid[160], message[128];

	cpid_uuid_format(source->boot->octets, boot);
	(void)snprintf(uid, sizeof(uid), "%s-gap-%s-%s-%" PRIx64 "-%" PRIx64 "-%" PRIu64, boot, reason, type,
		       gap->from_ns, gap->to_ns, gap->count);
	(void)snprintf(message, sizeof(message), "facts of type %s are missing: %s", type, reason);
	json_object_begin(json);
	gap_head(json);
	interval(json, (int64_t)(gap->from_ns + (uint64_t)source->boottime_to_wall_ns),
		 (int64_t)(gap->to_ns + (uint64_t)source->boottime_to_wall_ns));
	if (gap->count)
		number(json, "count", gap->count);
	text(json, "message", message);
	gap_metadata(json, uid, source->position << SEQUENCE_INDEX_BITS | (source->index & 0xffff), source);
	device(json, source);
	json_key(json, "unmapped");
	json_object_begin(json);
	text(json, "reason", reason);
	text(json, "fact_type", type);
	number(json, "from_boottime_ns", gap->from_ns);
	number(json, "to_boottime_ns", gap->to_ns);
	batch(json, source);
	json_object_end(json);
	json_object_end(json);
}

void ocsf_hole_write(struct json *json, uint64_t from, uint64_t to, int64_t wall_ns)
{
	char uid[80];

	(void)snprintf(uid, sizeof(uid), "journal-hole-%" PRIu64 "-%" PRIu64 "-%" PRIx64, from, to, (uint64_t)wall_ns);
	json_object_begin(json);
	gap_head(json);
	interval(json, wall_ns, wall_ns);
	text(json, "message",
	     "records of the collector's journal could not be read, or were deleted before they reached the lake");
	gap_metadata(json, uid, from << SEQUENCE_INDEX_BITS, NULL);
	json_key(json, "unmapped");
	json_object_begin(json);
	text(json, "reason", "journal_hole");
	text(json, "fact_type", "unknown");
	number(json, "from_position", from);
	number(json, "to_position", to);
	json_object_end(json);
	json_object_end(json);
}
