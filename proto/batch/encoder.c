/* SPDX-License-Identifier: Apache-2.0 */
/* Facts become rows of numbers at once, with every string, process, context, job and image replaced by its place in a
 * table; the bytes are written in one go at the end. What a fact can add at most is reckoned and reserved first, so
 * that adding it either fails before anything has changed or cannot fail. Rows have fixed places and buffers are kept:
 * in steady state a fact costs no allocation. */
#include "proto/batch/encoder.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/batch/columns.h"
#include "proto/batch/rows.h"
#include "proto/batch/strings.h"
#include "proto/batch/table.h"

/* Gaps and marks are rare; more of them than this is a storm of its own that another batch may carry. */
#define GAPS_MAX 64u
#define SNAPSHOTS_MAX 16u

/* The most that each thing costs in the encoded batch: the sum of its columns' widest varints. An index is below 2^21,
 * as BATCH_BYTES_MAX bounds all tables. */
#define COST_INDEX 3u
#define COST_HEADER 512u /* identity, times; tag and length of 66 columns and 5 tables */
#define COST_STRING 6u   /* tag and length */
#define COST_PROCESS (5u + 10u + 1u + 10u)
#define COST_CONTEXT (10u * 5u + 3u * 10u + 7u * 5u + 10u + 3u * COST_INDEX)
#define COST_JOB (3u * 5u)
#define COST_IMAGE (3u * COST_INDEX + 10u + 3u * 5u + 10u)
#define COST_EVENT (1u + 10u + 6u * COST_INDEX + 5u + 2u * 5u)
#define COST_IMAGE_EVENT (2u * COST_INDEX + 4u + 10u + 4u + 2u)
#define COST_EXIT (3u + 5u * 10u + COST_INDEX)
#define COST_GAP (2u + 2u * 6u + 3u * 11u)
#define COST_SNAPSHOT (2u + 2u * 11u)
#define COST_ITEM (COST_INDEX + COST_STRING) /* beside its bytes, as long as it may be a new string */

/* From this length on arguments are counted to reckon their cost; below, one a byte is assumed. */
#define SPLIT_COUNT_MIN 4096u
/* List elements and bytes of output, each, for which memory is kept over batches. */
#define ITEMS_KEEP 65536u
#define OUTPUT_KEEP 262144u

/* Arguments or variables of all events, as indexes of strings. */
struct item_list {
	uint32_t *items; /* owned */
	uint32_t count, capacity;
};

struct batch_encoder {
	struct strings strings;
	struct table processes, contexts, jobs, images;
	struct event_row events[BATCH_EVENTS_MAX];
	struct image_event_row image_events[BATCH_EVENTS_MAX];
	struct exit_row exits[BATCH_EVENTS_MAX];
	struct item_list argv_items, environ_items;
	struct gap gaps[GAPS_MAX];
	struct snapshot_mark snapshots[SNAPSHOTS_MAX];
	uint32_t event_count, image_event_count, exit_count, gap_count, snapshot_count;
	uint64_t base_ns, last_time_ns, last_start_ns;
	uint32_t last_context; /* row that the fact before had: mostly the next one's too */
	uint8_t *output;       /* owned; what finish last handed out */
	size_t output_size;
};

/* A fact with what it costs, and with as much of its lists as there is room for. */
struct candidate {
	const struct fact *fact;
	struct bytes argv, environ_;
	uint32_t flags;
	uint64_t argv_count, environ_count; /* from above */
	uint64_t fixed_cost;                /* without the lists */
};

static uint64_t random_seed(void)
{
	uint64_t seed;

	/* Only while the kernel's pool is not ready, early at boot: collisions are then guessable, not wrong. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed;
	return seed;
}

static int init_tables(struct batch_encoder *encoder, uint64_t seed)
{
	int r = strings_init(&encoder->strings, seed);

	/* a fact speaks of up to four processes, and of one of everything else */
	if (r == 0)
		r = table_init(&encoder->processes, sizeof(struct process_row), PROCESS_KEY_BYTES, 4 * BATCH_EVENTS_MAX,
			       seed);
	if (r == 0)
		r = table_init(&encoder->contexts, sizeof(struct context_row), sizeof(struct context_row),
			       BATCH_EVENTS_MAX, seed);
	if (r == 0)
		r = table_init(&encoder->jobs, sizeof(struct job_row), sizeof(struct job_row), BATCH_EVENTS_MAX, seed);
	if (r == 0)
		r = table_init(&encoder->images, sizeof(struct image_row), sizeof(struct image_row), BATCH_EVENTS_MAX,
			       seed);
	return r;
}

int batch_encoder_create(struct batch_encoder **ret)
{
	struct batch_encoder *encoder = calloc(1, sizeof(*encoder));
	int r;

	if (!encoder)
		return -ENOMEM;
	r = init_tables(encoder, random_seed());
	if (r < 0) {
		batch_encoder_destroy(encoder);
		return r;
	}
	*ret = encoder;
	return 0;
}

void batch_encoder_destroy(struct batch_encoder *encoder)
{
	if (!encoder)
		return;
	strings_finish(&encoder->strings);
	table_finish(&encoder->processes);
	table_finish(&encoder->contexts);
	table_finish(&encoder->jobs);
	table_finish(&encoder->images);
	free(encoder->argv_items.items);
	free(encoder->environ_items.items);
	free(encoder->output);
	free(encoder);
}

size_t batch_encoder_count(const struct batch_encoder *encoder)
{
	return (size_t)encoder->event_count + encoder->gap_count + encoder->snapshot_count;
}

size_t batch_encoder_bytes(const struct batch_encoder *encoder)
{
	return COST_HEADER + encoder->strings.used + (size_t)encoder->strings.count * COST_STRING +
	       (size_t)encoder->processes.count * COST_PROCESS + (size_t)encoder->contexts.count * COST_CONTEXT +
	       (size_t)encoder->jobs.count * COST_JOB + (size_t)encoder->images.count * COST_IMAGE +
	       (size_t)encoder->event_count * COST_EVENT + (size_t)encoder->image_event_count * COST_IMAGE_EVENT +
	       (size_t)encoder->exit_count * COST_EXIT +
	       ((size_t)encoder->argv_items.count + encoder->environ_items.count) * COST_INDEX +
	       (size_t)encoder->gap_count * COST_GAP + (size_t)encoder->snapshot_count * COST_SNAPSHOT;
}

static bool has_image(const struct fact *fact)
{
	return fact->type == FACT_EXEC || fact->type == FACT_SNAPSHOT;
}

/* How many elements a list of NUL-ended strings has at most. */
static uint64_t item_bound(struct bytes list)
{
	const char *at = list.data, *end;
	uint64_t count = 1;

	if (list.len < SPLIT_COUNT_MIN)
		return list.len;
	for (end = at + list.len; (at = memchr(at, 0, (size_t)(end - at))); at++, count++)
		;
	return count;
}

static uint64_t list_cost(struct bytes list, uint64_t count)
{
	return list.len + count * COST_ITEM;
}

static uint64_t candidate_cost(const struct candidate *candidate)
{
	return candidate->fixed_cost + list_cost(candidate->argv, candidate->argv_count) +
	       list_cost(candidate->environ_, candidate->environ_count);
}

static struct candidate candidate_make(const struct fact *fact)
{
	const struct fact_context *context = fact->context;
	struct candidate candidate = {.fact = fact, .flags = fact->flags};
	uint64_t strings = (uint64_t)context->cgroup.len + context->user.len + context->nodename.len + fact->comm.len;

	candidate.fixed_cost = COST_EVENT + 3 * COST_PROCESS + COST_CONTEXT + COST_JOB + 4 * COST_STRING;
	if (fact->type == FACT_EXIT)
		candidate.fixed_cost += COST_EXIT + COST_PROCESS;
	if (has_image(fact)) {
		candidate.fixed_cost += COST_IMAGE_EVENT + COST_IMAGE + 4 * COST_STRING;
		strings += (uint64_t)fact->exe.len + fact->script.len + fact->interpreter.len + fact->cwd.len;
		candidate.argv = fact->argv;
		candidate.environ_ = fact->environ_;
		candidate.argv_count = item_bound(fact->argv);
		candidate.environ_count = item_bound(fact->environ_);
	}
	candidate.fixed_cost += strings;
	return candidate;
}

/* The longest prefix of a list that costs no more than budget, and the number of its elements. */
static struct bytes cut_list(struct bytes list, uint64_t budget, uint64_t *ret_count)
{
	uint32_t taken = 0;
	uint64_t count = 0;

	while (taken < list.len && budget > COST_ITEM) {
		const char *at = list.data + taken, *nul = memchr(at, 0, list.len - taken);
		uint64_t len = nul ? (uint64_t)(nul - at) + 1 : list.len - taken;

		if (len > budget - COST_ITEM)
			len = budget - COST_ITEM;
		taken += (uint32_t)len;
		budget -= COST_ITEM + len;
		count++;
	}
	*ret_count = count;
	return bytes_make(list.data, taken);
}

/* Makes a fact fit into an empty batch. The variables go only when no argument at all is not enough. */
static int candidate_cut(struct candidate *candidate, uint64_t room)
{
	uint64_t environ_cost = list_cost(candidate->environ_, candidate->environ_count);
	uint64_t left;

	if (candidate->fixed_cost > room)
		return -EINVAL;
	left = room - candidate->fixed_cost;
	candidate->argv =
		cut_list(candidate->argv, left > environ_cost ? left - environ_cost : 0, &candidate->argv_count);
	if (candidate->argv.len < candidate->fact->argv.len)
		candidate->flags |= FACT_ARGV_TRUNCATED;
	if (environ_cost > left)
		candidate->environ_ = cut_list(candidate->environ_, left, &candidate->environ_count);
	return 0;
}

static int reserve_items(struct item_list *list, uint64_t count)
{
	uint32_t capacity = list->capacity ? list->capacity : 1024;
	uint32_t *grown;

	while (capacity < list->count + count)
		capacity *= 2;
	if (capacity == list->capacity)
		return 0;
	grown = realloc(list->items, (size_t)capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	list->capacity = capacity;
	return 0;
}

/* Everything that can fail. fixed_cost and the lists' lengths bound the bytes of new strings. */
static int reserve(struct batch_encoder *encoder, const struct candidate *candidate)
{
	uint64_t strings = 8 + candidate->argv_count + candidate->environ_count; /* 8: cgroup, user, …, cwd */
	int r = strings_reserve(&encoder->strings, (uint32_t)strings, (uint32_t)candidate_cost(candidate));

	if (r == 0)
		r = reserve_items(&encoder->argv_items, candidate->argv_count);
	if (r == 0)
		r = reserve_items(&encoder->environ_items, candidate->environ_count);
	return r;
}

static struct process_row make_process(struct batch_encoder *encoder, struct process_key key, uint64_t ns_tgid,
				       bool told)
{
	struct process_row row = {.start_ns = key.start_ns, .tgid = key.tgid, .ns_tgid = ns_tgid, .told = told};

	if (key.start_ns == 0)
		row.start_unknown = 1;
	else
		row.start_delta_ns = zigzag64(key.start_ns - encoder->last_start_ns);
	return row;
}

/* A row was really added: the next one's delta starts from it. */
static void process_added(struct batch_encoder *encoder, struct process_key key)
{
	if (key.start_ns != 0)
		encoder->last_start_ns = key.start_ns;
}

/* A process that a fact names without telling its number in its own namespace. */
static uint32_t intern_other(struct batch_encoder *encoder, struct process_key key)
{
	struct process_row row;
	uint32_t before = encoder->processes.count, index;

	if (key.tgid == 0)
		return 0;
	row = make_process(encoder, key, 0, false);
	index = table_intern(&encoder->processes, &row);
	if (encoder->processes.count > before)
		process_added(encoder, key);
	return index;
}

/* The process that the fact is about. A row that no fact has told about yet takes the number; where facts contradict
 * each other (one knows the number, another does not) the second gets a row of its own, for nothing may be invented. */
static uint32_t intern_self(struct batch_encoder *encoder, const struct fact *fact)
{
	uint64_t ns_tgid = fact->ns_tgid == 0 ? 0 : fact->ns_tgid == fact->self.tgid ? 1 : (uint64_t)fact->ns_tgid + 1;
	uint32_t index = intern_other(encoder, fact->self);
	struct process_row *row = table_row(&encoder->processes, index);
	struct process_row own;

	if (!row->told) {
		row->told = true;
		row->ns_tgid = ns_tgid;
	}
	if (row->ns_tgid == ns_tgid)
		return index;
	own = make_process(encoder, fact->self, ns_tgid, true);
	process_added(encoder, fact->self);
	return table_append(&encoder->processes, &own);
}

static struct context_row context_numbers(const struct fact_context *from)
{
	return (struct context_row){
		.cap_effective = from->cap_effective, .cap_permitted = from->cap_permitted,
		.cap_inheritable = from->cap_inheritable, .cgroup_id = from->cgroup_id,
		.uid = from->uid + 1, .gid = from->gid + 1, .euid = from->euid + 1, .egid = from->egid + 1,
		.suid = from->suid + 1, .sgid = from->sgid + 1, .fsuid = from->fsuid + 1, .fsgid = from->fsgid + 1,
		.loginuid = from->loginuid + 1, .session = from->session + 1,
		.ns_mnt = from->ns_mnt, .ns_pid = from->ns_pid, .ns_net = from->ns_net, .ns_user = from->ns_user,
		.ns_uts = from->ns_uts, .ns_ipc = from->ns_ipc, .ns_cgroup = from->ns_cgroup,
		.ns_time = from->ns_time,
	};
}

static bool string_is(const struct batch_encoder *encoder, uint32_t index, struct bytes string)
{
	return bytes_equal(index ? strings_get(&encoder->strings, index) : BYTES_NULL, string);
}

static bool context_is(const struct batch_encoder *encoder, uint32_t index, const struct context_row *numbers,
		       const struct fact_context *context)
{
	const struct context_row *row = index ? table_row(&encoder->contexts, index) : NULL;

	return row && memcmp(row, numbers, offsetof(struct context_row, cgroup)) == 0 &&
	       string_is(encoder, row->cgroup, context->cgroup) && string_is(encoder, row->user, context->user) &&
	       string_is(encoder, row->nodename, context->nodename);
}

static uint32_t intern_context(struct batch_encoder *encoder, const struct fact_context *context)
{
	struct context_row row = context_numbers(context);

	if (context_is(encoder, encoder->last_context, &row, context))
		return encoder->last_context;
	row.cgroup = strings_intern(&encoder->strings, context->cgroup);
	row.user = strings_intern(&encoder->strings, context->user);
	row.nodename = strings_intern(&encoder->strings, context->nodename);
	return encoder->last_context = table_intern(&encoder->contexts, &row);
}

static uint32_t intern_job(struct batch_encoder *encoder, const struct fact *fact)
{
	struct job_row row = {.pgid = fact->pgid, .sid = fact->sid, .tty = fact->tty};

	return table_intern(&encoder->jobs, &row);
}

static uint32_t intern_image(struct batch_encoder *encoder, const struct fact *fact)
{
	struct image_row row = {
		.inode = fact->exe_inode, .ctime_ns = fact->exe_ctime_ns,
		.exe = strings_intern(&encoder->strings, fact->exe),
		.script = strings_intern(&encoder->strings, fact->script),
		.interpreter = strings_intern(&encoder->strings, fact->interpreter),
		.dev = fact->exe_dev, .mode = fact->exe_mode, .nlink = fact->exe_nlink,
	};

	return table_intern(&encoder->images, &row);
}

/* Splits a list at its NULs. Returns how many elements it has; *ret_open: the last one had no NUL. */
static uint32_t add_items(struct batch_encoder *encoder, struct item_list *list, struct bytes from, uint32_t *ret_open)
{
	const char *at = from.data, *end = from.len ? at + from.len : at;
	uint32_t before = list->count;

	*ret_open = 0;
	while (at < end) {
		const char *nul = memchr(at, 0, (size_t)(end - at));
		const char *stop = nul ? nul : end;

		*ret_open = !nul;
		list->items[list->count++] = strings_intern(&encoder->strings, bytes_make(at, (size_t)(stop - at)));
		at = stop + 1;
	}
	return list->count - before;
}

static void add_image_event(struct batch_encoder *encoder, const struct candidate *candidate)
{
	const struct fact *fact = candidate->fact;
	struct image_event_row *row = &encoder->image_events[encoder->image_event_count++];

	row->image = intern_image(encoder, fact);
	row->cwd = strings_intern(&encoder->strings, fact->cwd);
	row->argc = add_items(encoder, &encoder->argv_items, candidate->argv, &row->argv_open);
	row->argv_missing = fact->argv_bytes - candidate->argv.len;
	row->environ_count = add_items(encoder, &encoder->environ_items, candidate->environ_, &row->environ_open);
}

/* Numbers that no wait status can hold are brought into its form: the kernel cannot have said them. */
static uint32_t exit_status(const struct fact_exit *ended)
{
	if (ended->signal != 0)
		return (ended->signal & 0x7f) | (ended->core ? 0x80 : 0);
	return ended->code < 0 ? EXIT_STATUS_UNKNOWN : (uint32_t)(ended->code & 0xff) << 8;
}

static void add_exit(struct batch_encoder *encoder, const struct fact_exit *ended)
{
	encoder->exits[encoder->exit_count++] = (struct exit_row){
		.exit_status = exit_status(ended), .utime_ns = ended->utime_ns, .stime_ns = ended->stime_ns,
		.max_rss_bytes = ended->max_rss_bytes,
		.read_bytes = ended->read_bytes + 1, .written_bytes = ended->written_bytes + 1,
		.reaper = intern_other(encoder, ended->reaper),
	};
}

static uint32_t intern_creator(struct batch_encoder *encoder, const struct fact *fact)
{
	if (fact->creator.tgid == fact->parent.tgid &&
	    (fact->creator.tgid == 0 || fact->creator.start_ns == fact->parent.start_ns))
		return 0;
	return intern_other(encoder, fact->creator) + 1;
}

/* Time deltas begin at the first fact of the batch; so do the start times, which lie close before it. */
static void add_event(struct batch_encoder *encoder, const struct candidate *candidate)
{
	const struct fact *fact = candidate->fact;
	struct event_row *row = &encoder->events[encoder->event_count];

	if (encoder->event_count++ == 0)
		encoder->base_ns = encoder->last_time_ns = encoder->last_start_ns = fact->time_ns;
	row->type = fact->type;
	row->time_delta_ns = zigzag64(fact->time_ns - encoder->last_time_ns);
	encoder->last_time_ns = fact->time_ns;
	row->parent = intern_other(encoder, fact->parent);
	row->creator = intern_creator(encoder, fact);
	row->process = intern_self(encoder, fact);
	row->tid_delta = zigzag32(fact->tid - fact->self.tgid);
	row->context = intern_context(encoder, fact->context);
	row->job = intern_job(encoder, fact);
	row->comm = strings_intern(&encoder->strings, fact->comm);
	row->exec_seq = fact->exec_seq;
	row->flags = candidate->flags;
}

int batch_encoder_add(struct batch_encoder *encoder, const struct fact *fact)
{
	struct candidate candidate;
	size_t used = batch_encoder_bytes(encoder);
	int r;

	if (fact->type < FACT_FORK || fact->type > FACT_SNAPSHOT || fact->self.tgid == 0 || !fact->context)
		return -EINVAL;
	if (encoder->event_count == BATCH_EVENTS_MAX)
		return BATCH_E_FULL;
	candidate = candidate_make(fact);
	if (candidate_cost(&candidate) > BATCH_BYTES_MAX - used) {
		if (batch_encoder_count(encoder) > 0)
			return BATCH_E_FULL;
		r = candidate_cut(&candidate, BATCH_BYTES_MAX - used);
		if (r < 0)
			return r;
	}
	r = reserve(encoder, &candidate);
	if (r < 0)
		return r;
	add_event(encoder, &candidate);
	if (has_image(fact))
		add_image_event(encoder, &candidate);
	if (fact->type == FACT_EXIT)
		add_exit(encoder, &fact->exit);
	return 0;
}

int batch_encoder_add_gap(struct batch_encoder *encoder, const struct gap *gap)
{
	if (encoder->gap_count == GAPS_MAX || COST_GAP > BATCH_BYTES_MAX - batch_encoder_bytes(encoder))
		return BATCH_E_FULL;
	encoder->gaps[encoder->gap_count++] = *gap;
	return 0;
}

int batch_encoder_add_snapshot(struct batch_encoder *encoder, const struct snapshot_mark *mark)
{
	if (encoder->snapshot_count == SNAPSHOTS_MAX || COST_SNAPSHOT > BATCH_BYTES_MAX - batch_encoder_bytes(encoder))
		return BATCH_E_FULL;
	encoder->snapshots[encoder->snapshot_count++] = *mark;
	return 0;
}

static void write_marks(struct writer *writer, const struct batch_encoder *encoder)
{
	for (uint32_t i = encoder->snapshot_count; i-- > 0;) {
		const struct snapshot_mark *mark = &encoder->snapshots[i];
		size_t at = writer_length(writer);

		writer_uint(writer, SNAPSHOT_END_NS, mark->end_ns);
		writer_uint(writer, SNAPSHOT_BEGIN_NS, mark->begin_ns);
		writer_enclose(writer, BATCH_SNAPSHOTS, at);
	}
	for (uint32_t i = encoder->gap_count; i-- > 0;) {
		const struct gap *gap = &encoder->gaps[i];
		size_t at = writer_length(writer);

		writer_uint(writer, GAP_COUNT, gap->count);
		writer_uint(writer, GAP_TO_NS, gap->to_ns);
		writer_uint(writer, GAP_FROM_NS, gap->from_ns);
		writer_uint(writer, GAP_REASON, gap->reason);
		writer_uint(writer, GAP_TYPE, gap->type);
		writer_enclose(writer, BATCH_GAPS, at);
	}
}

static void write_events(struct writer *writer, const struct batch_encoder *encoder)
{
	size_t at = writer_length(writer);

	columns_write(writer, &exit_columns, encoder->exits, encoder->exit_count);
	columns_write(writer, &environ_item_columns, encoder->environ_items.items, encoder->environ_items.count);
	columns_write(writer, &argv_item_columns, encoder->argv_items.items, encoder->argv_items.count);
	columns_write(writer, &image_event_columns, encoder->image_events, encoder->image_event_count);
	columns_write(writer, &event_columns, encoder->events, encoder->event_count);
	if (encoder->event_count > 0)
		writer_enclose(writer, BATCH_EVENTS, at);
}

static void write_table(struct writer *writer, unsigned field, const struct column_group *group,
			const struct table *table)
{
	size_t at = writer_length(writer);

	columns_write(writer, group, table->rows, table->count);
	if (table->count > 0)
		writer_enclose(writer, field, at);
}

static void write_batch(struct writer *writer, const struct batch_encoder *encoder, const struct batch_id *id,
			int64_t boottime_to_wall_ns)
{
	write_marks(writer, encoder);
	write_events(writer, encoder);
	write_table(writer, BATCH_IMAGES, &image_columns, &encoder->images);
	write_table(writer, BATCH_JOBS, &job_columns, &encoder->jobs);
	write_table(writer, BATCH_CONTEXTS, &context_columns, &encoder->contexts);
	write_table(writer, BATCH_PROCESSES, &process_columns, &encoder->processes);
	for (uint32_t i = encoder->strings.count; i > 0; i--) {
		struct bytes string = strings_get(&encoder->strings, i);

		writer_bytes(writer, BATCH_STRINGS, string.data, string.len);
	}
	writer_uint(writer, BATCH_BOOTTIME_TO_WALL_NS, zigzag64((uint64_t)boottime_to_wall_ns));
	writer_uint(writer, BATCH_BASE_NS, encoder->base_ns);
	writer_uint(writer, BATCH_SEQ, id->seq);
	writer_fixed64(writer, BATCH_STREAM, id->stream);
	writer_bytes(writer, BATCH_BOOT_ID, id->boot.octets, BOOT_ID_BYTES);
}

static void clear_items(struct item_list *list)
{
	list->count = 0;
	if (list->capacity > ITEMS_KEEP) {
		free(list->items);
		*list = (struct item_list){0};
	}
}

static void clear(struct batch_encoder *encoder)
{
	strings_clear(&encoder->strings);
	table_clear(&encoder->processes);
	table_clear(&encoder->contexts);
	table_clear(&encoder->jobs);
	table_clear(&encoder->images);
	clear_items(&encoder->argv_items);
	clear_items(&encoder->environ_items);
	encoder->event_count = encoder->image_event_count = encoder->exit_count = 0;
	encoder->gap_count = encoder->snapshot_count = 0;
	encoder->base_ns = encoder->last_time_ns = encoder->last_start_ns = 0;
	encoder->last_context = 0;
}

static int reserve_output(struct batch_encoder *encoder, size_t need)
{
	uint8_t *output;

	if (need <= encoder->output_size && (encoder->output_size <= OUTPUT_KEEP || need > OUTPUT_KEEP))
		return 0;
	/* two sizes, so that steady state never reallocates */
	need = need > OUTPUT_KEEP ? BATCH_BYTES_MAX : OUTPUT_KEEP;
	output = malloc(need);
	if (!output)
		return -ENOMEM;
	free(encoder->output);
	encoder->output = output;
	encoder->output_size = need;
	return 0;
}

int batch_encoder_finish(struct batch_encoder *encoder, const struct batch_id *id, int64_t boottime_to_wall_ns,
			 const uint8_t **ret_data, size_t *ret_len)
{
	struct writer writer;
	int r;

	if (batch_encoder_count(encoder) == 0)
		return -ENODATA;
	r = reserve_output(encoder, batch_encoder_bytes(encoder));
	if (r < 0)
		return r;
	writer = writer_make(encoder->output, encoder->output_size);
	write_batch(&writer, encoder, id, boottime_to_wall_ns);
	assert(!writer.overflow); /* the costs above are too low: our own bug */
	clear(encoder);
	*ret_data = writer.at;
	*ret_len = writer_length(&writer);
	return 0;
}
