/* SPDX-License-Identifier: Apache-2.0 */
/* A batch is scanned by hand rather than unpacked: columns go straight from the bytes into rows (columns.c), rows into
 * facts. protobuf-c would first make an array of each column; facts are wanted, not arrays. The strings' stretch of the
 * batch is copied once as a whole and facts point into it; each argv is joined into the kernel's form once. Nothing is
 * used before its index, its length and its cost have been checked. */
#include "proto/batch/decoder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/batch/columns.h"
#include "proto/batch/rows.h"
#include "proto/wire/scan.h"

#define WHY_MAX 192u
/* Short strings are copied by one load and store of this many bytes; what is copied from and to has as much slack. */
#define SLACK 16u

static const struct fact_context context_none = {
	.uid = FACT_ID_UNKNOWN, .gid = FACT_ID_UNKNOWN, .euid = FACT_ID_UNKNOWN, .egid = FACT_ID_UNKNOWN,
	.suid = FACT_ID_UNKNOWN, .sgid = FACT_ID_UNKNOWN, .fsuid = FACT_ID_UNKNOWN, .fsgid = FACT_ID_UNKNOWN,
	.loginuid = FACT_ID_UNKNOWN, .session = FACT_ID_UNKNOWN,
};

/* The pieces of message Batch as a first walk over it finds them. */
struct outline {
	struct batch_id id;
	bool boot_known;
	uint64_t base_ns;
	int64_t boottime_to_wall_ns;
	struct scan tables[BATCH_EVENTS + 1]; /* by field number; at is NULL where it is missing */
	size_t string_count, gap_count, snapshot_count;
	const uint8_t *strings_begin, *strings_end; /* from the first string's bytes to behind the last one's */
};

/* Row 0 of each table is 'none'. */
struct decoder {
	struct arena *arena;
	size_t spent; /* bytes allocated for this batch */
	const char *why;
	struct outline outline;
	uint64_t limits[DOMAIN_COUNT]; /* rows of each table, none included */
	struct bytes *strings;
	struct process_row *processes;
	struct fact_context *contexts;
	struct job_row *jobs;
	struct image_row *images;
};

/* The columns of message Events. */
struct event_rows {
	struct event_row *events;
	struct image_event_row *image_events;
	struct exit_row *exits;
	uint32_t *argv_items, *environ_items;
	size_t count, image_event_count, exit_count, argv_item_count, environ_item_count;
	size_t known; /* events of a type that this version knows */
};

__attribute__((format(printf, 2, 3)))
static int refuse(struct decoder *decoder, const char *format, ...)
{
	char *why = arena_alloc_aligned(decoder->arena, WHY_MAX, 1);
	va_list args;

	decoder->why = why ? why : "Batch: not valid";
	va_start(args, format);
	if (why)
		(void)vsnprintf(why, WHY_MAX, format, args);
	va_end(args);
	return -EBADMSG;
}

static int refuse_column(struct decoder *decoder, const struct column_group *group, const struct column_error *error)
{
	if (!error->column && error->value == 0)
		return refuse(decoder, "Batch.%s %s", group->message, error->what);
	if (!error->column)
		return refuse(decoder, "Batch.%s %s %" PRIu64, group->message, error->what, error->value);
	return refuse(decoder, "Batch.%s.%s %s %" PRIu64 ", bound %" PRIu64, group->message, error->column, error->what,
		      error->value, error->bound);
}

/* All memory of a batch comes from here, so that its sum is bounded whatever the bytes say. */
static int allocate(struct decoder *decoder, size_t count, size_t size, void *ret)
{
	void *memory;

	if (count > BATCH_DECODED_BYTES_MAX / size || count * size > BATCH_DECODED_BYTES_MAX - decoder->spent)
		return -E2BIG;
	memory = arena_alloc(decoder->arena, count * size);
	if (!memory)
		return -ENOMEM;
	decoder->spent += count * size;
	memcpy(ret, &memory, sizeof(memory));
	return 0;
}

static int allocate_zeroed(struct decoder *decoder, size_t count, size_t size, void *ret)
{
	void *memory;
	int r = allocate(decoder, count, size, &memory);

	if (r < 0)
		return r;
	memset(memory, 0, count * size);
	memcpy(ret, &memory, sizeof(memory));
	return 0;
}

/* The wire type that each field of Batch has. */
static enum scan_wire batch_wire(uint32_t number)
{
	switch (number) {
	case BATCH_STREAM:
		return SCAN_FIXED64;
	case BATCH_SEQ:
	case BATCH_BASE_NS:
	case BATCH_BOOTTIME_TO_WALL_NS:
		return SCAN_VARINT;
	default:
		return SCAN_BYTES;
	}
}

static void outline_string(struct outline *outline, struct scan string)
{
	if (!outline->strings_begin || string.at < outline->strings_begin)
		outline->strings_begin = string.at;
	if (!outline->strings_end || string.end > outline->strings_end)
		outline->strings_end = string.end;
	outline->string_count++;
}

/* Returns a static text that says what is wrong, or NULL. */
static const char *outline_field(struct outline *outline, const struct scan_field *field)
{
	switch (field->number) {
	case BATCH_BOOT_ID:
		if (scan_left(&field->bytes) != BOOT_ID_BYTES)
			return "Batch.boot_id: not 16 bytes";
		memcpy(outline->id.boot.octets, field->bytes.at, BOOT_ID_BYTES);
		outline->boot_known = true;
		return NULL;
	case BATCH_STREAM:
		outline->id.stream = field->value;
		return NULL;
	case BATCH_SEQ:
		outline->id.seq = field->value;
		return NULL;
	case BATCH_BASE_NS:
		outline->base_ns = field->value;
		return NULL;
	case BATCH_BOOTTIME_TO_WALL_NS:
		outline->boottime_to_wall_ns = (int64_t)unzigzag64(field->value);
		return NULL;
	case BATCH_STRINGS:
		outline_string(outline, field->bytes);
		return NULL;
	case BATCH_GAPS:
		outline->gap_count++;
		return NULL;
	case BATCH_SNAPSHOTS:
		outline->snapshot_count++;
		return NULL;
	default: /* BATCH_PROCESSES to BATCH_EVENTS */
		if (outline->tables[field->number].at)
			return "Batch: a table stands twice";
		outline->tables[field->number] = field->bytes;
		return NULL;
	}
}

static const char *outline_scan(struct outline *outline, struct scan batch)
{
	while (scan_left(&batch) > 0) {
		struct scan_field field;
		const char *why;

		if (scan_next(&batch, &field) < 0)
			return "Batch: not a valid protobuf message";
		if (field.number > BATCH_SNAPSHOTS)
			continue;
		if (field.wire != batch_wire(field.number))
			return "Batch: a field has another type than canopy.proto gives it";
		why = outline_field(outline, &field);
		if (why)
			return why;
	}
	return outline->boot_known ? NULL : "Batch.boot_id: missing";
}

/* The second walk: the strings into their table, pointing into one copy of the stretch they lie in. */
static int read_strings(struct decoder *decoder, struct scan batch)
{
	struct outline *outline = &decoder->outline;
	size_t stretch = outline->string_count ? (size_t)(outline->strings_end - outline->strings_begin) : 0;
	struct bytes *next;
	struct scan_field field;
	char *copy;
	int r = allocate(decoder, outline->string_count + 1, sizeof(*decoder->strings), &decoder->strings);

	if (r == 0)
		r = allocate(decoder, stretch + SLACK, 1, &copy);
	if (r < 0)
		return r;
	if (stretch)
		memcpy(copy, outline->strings_begin, stretch);
	memset(copy + stretch, 0, SLACK);
	next = decoder->strings;
	*next++ = bytes_make(copy, 0);
	while (next <= decoder->strings + outline->string_count && scan_next(&batch, &field) == 0) {
		if (field.number == BATCH_STRINGS)
			*next++ = bytes_make(copy + (field.bytes.at - outline->strings_begin), scan_left(&field.bytes));
	}
	decoder->limits[DOMAIN_STRING] = outline->string_count + 1;
	return 0;
}

/* Reads a whole table, row 0 = none in front. */
static int read_table(struct decoder *decoder, unsigned field, const struct column_group *group, void *ret_rows,
		      size_t *ret_count)
{
	struct column_spans spans;
	struct column_error error;
	size_t count;
	uint8_t *rows;
	int r;

	if (column_spans_find(&spans, decoder->outline.tables[field], &error) < 0)
		return refuse_column(decoder, group, &error);
	count = columns_count(&spans, group);
	r = allocate_zeroed(decoder, count + 1, group->row_size, &rows);
	if (r < 0)
		return r;
	if (columns_read(&spans, group, decoder->limits, rows + group->row_size, count, &error) < 0)
		return refuse_column(decoder, group, &error);
	memcpy(ret_rows, &rows, sizeof(rows));
	*ret_count = count + 1;
	return 0;
}

/* The wire carries a process once for the fact about itself and for those that name it. */
static int read_processes(struct decoder *decoder)
{
	uint64_t start = decoder->outline.base_ns;
	size_t count;
	int r = read_table(decoder, BATCH_PROCESSES, &process_columns, &decoder->processes, &count);

	if (r < 0)
		return r;
	for (size_t i = 1; i < count; i++) {
		struct process_row *row = &decoder->processes[i];

		if (row->tgid == 0)
			return refuse(decoder, "Batch.processes.tgid of row %zu is 0", i);
		if (row->ns_tgid > (uint64_t)UINT32_MAX + 1)
			return refuse(decoder, "Batch.processes.ns_tgid of row %zu is %" PRIu64, i, row->ns_tgid);
		row->ns_tgid = row->ns_tgid == 1 ? row->tgid : row->ns_tgid ? row->ns_tgid - 1 : 0;
		if (!row->start_unknown)
			row->start_ns = start += unzigzag64(row->start_delta_ns);
	}
	decoder->limits[DOMAIN_PROCESS] = count;
	decoder->limits[DOMAIN_PROCESS_PLUS_ONE] = (uint64_t)count + 1;
	return 0;
}

static struct fact_context make_context(const struct decoder *decoder, const struct context_row *row)
{
	return (struct fact_context){
		.uid = row->uid - 1, .gid = row->gid - 1, .euid = row->euid - 1, .egid = row->egid - 1,
		.suid = row->suid - 1, .sgid = row->sgid - 1, .fsuid = row->fsuid - 1, .fsgid = row->fsgid - 1,
		.loginuid = row->loginuid - 1, .session = row->session - 1,
		.cap_effective = row->cap_effective, .cap_permitted = row->cap_permitted,
		.cap_inheritable = row->cap_inheritable,
		.ns_mnt = row->ns_mnt, .ns_pid = row->ns_pid, .ns_net = row->ns_net, .ns_user = row->ns_user,
		.ns_uts = row->ns_uts, .ns_ipc = row->ns_ipc, .ns_cgroup = row->ns_cgroup,
		.ns_time = row->ns_time,
		.cgroup_id = row->cgroup_id, .cgroup = decoder->strings[row->cgroup],
		.user = decoder->strings[row->user], .nodename = decoder->strings[row->nodename],
	};
}

static int read_contexts(struct decoder *decoder)
{
	struct context_row *rows;
	size_t count;
	int r = read_table(decoder, BATCH_CONTEXTS, &context_columns, &rows, &count);

	if (r == 0)
		r = allocate(decoder, count, sizeof(*decoder->contexts), &decoder->contexts);
	if (r < 0)
		return r;
	decoder->contexts[0] = context_none;
	for (size_t i = 1; i < count; i++)
		decoder->contexts[i] = make_context(decoder, &rows[i]);
	decoder->limits[DOMAIN_CONTEXT] = count;
	return 0;
}

static int read_tables(struct decoder *decoder, struct scan batch)
{
	size_t count;
	int r = read_strings(decoder, batch);

	if (r == 0)
		r = read_processes(decoder);
	if (r == 0)
		r = read_contexts(decoder);
	if (r == 0) {
		r = read_table(decoder, BATCH_JOBS, &job_columns, &decoder->jobs, &count);
		decoder->limits[DOMAIN_JOB] = count;
	}
	if (r == 0) {
		r = read_table(decoder, BATCH_IMAGES, &image_columns, &decoder->images, &count);
		decoder->limits[DOMAIN_IMAGE] = count;
	}
	return r;
}

/* The rows of one group of message Events. */
static int read_group(struct decoder *decoder, const struct column_spans *spans, const struct column_group *group,
		      void *ret_rows, size_t count)
{
	struct column_error error;
	void *rows;
	int r = allocate_zeroed(decoder, count, group->row_size, &rows);

	if (r < 0)
		return r;
	if (columns_read(spans, group, decoder->limits, rows, count, &error) < 0)
		return refuse_column(decoder, group, &error);
	memcpy(ret_rows, &rows, sizeof(rows));
	return 0;
}

static int count_kinds(struct decoder *decoder, struct event_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct event_row *row = &rows->events[i];

		if (row->type == 0)
			return refuse(decoder, "Batch.events.type of event %zu is 0", i);
		if (row->type > FACT_SNAPSHOT)
			continue;
		if (row->process == 0)
			return refuse(decoder, "Batch.events.process of event %zu is 0: a fact about nobody", i);
		rows->known++;
		rows->exit_count += row->type == FACT_EXIT;
		rows->image_event_count += row->type == FACT_EXEC || row->type == FACT_SNAPSHOT;
	}
	return 0;
}

static int sum_items(struct decoder *decoder, struct event_rows *rows)
{
	for (size_t i = 0; i < rows->image_event_count; i++) {
		const struct image_event_row *row = &rows->image_events[i];

		if ((row->argv_open && !row->argc) || (row->environ_open && !row->environ_count))
			return refuse(decoder,
				      "Batch.events.argv_open or environ_open of image event %zu without an element",
				      i);
		rows->argv_item_count += row->argc;
		rows->environ_item_count += row->environ_count;
	}
	return 0;
}

static int check_exits(struct decoder *decoder, const struct event_rows *rows)
{
	for (size_t i = 0; i < rows->exit_count; i++) {
		uint32_t status = rows->exits[i].exit_status;

		if (status > EXIT_STATUS_UNKNOWN ||
		    (status != EXIT_STATUS_UNKNOWN && status & 0x7f && status & 0xff00) || (status & 0xff) == 0x80)
			return refuse(decoder, "Batch.events.exit_status of exit %zu is %" PRIu32 ", no wait status", i,
				      status);
	}
	return 0;
}

/* The events say how many elements there should be, a number that anyone can write: it is compared before it is
 * allocated. */
static int read_list(struct decoder *decoder, const struct column_spans *spans, const struct column_group *group,
		     uint32_t **ret_items, size_t count)
{
	size_t here = columns_count(spans, group);

	if (here != 0 && here != count)
		return refuse(decoder, "Batch.%s.%s has %zu elements, the events count %zu", group->message,
			      group->columns[0].name, here, count);
	return read_group(decoder, spans, group, ret_items, count);
}

static int read_lists(struct decoder *decoder, const struct column_spans *spans, struct event_rows *rows)
{
	int r = read_list(decoder, spans, &argv_item_columns, &rows->argv_items, rows->argv_item_count);

	if (r == 0)
		r = read_list(decoder, spans, &environ_item_columns, &rows->environ_items, rows->environ_item_count);
	return r;
}

/* The group of columns that has an element an event, and with it the kinds of events. */
static int read_event_group(struct decoder *decoder, const struct column_spans *spans, struct event_rows *rows)
{
	int r;

	rows->count = columns_count(spans, &event_columns);
	if (rows->count > BATCH_DECODED_EVENTS_MAX)
		return -E2BIG;
	r = read_group(decoder, spans, &event_columns, &rows->events, rows->count);
	return r < 0 ? r : count_kinds(decoder, rows);
}

static int read_event_rows(struct decoder *decoder, struct event_rows *rows)
{
	struct column_spans spans;
	struct column_error error;
	int r;

	if (column_spans_find(&spans, decoder->outline.tables[BATCH_EVENTS], &error) < 0)
		return refuse_column(decoder, &event_columns, &error);
	r = read_event_group(decoder, &spans, rows);
	if (r == 0)
		r = read_group(decoder, &spans, &image_event_columns, &rows->image_events, rows->image_event_count);
	if (r == 0)
		r = read_group(decoder, &spans, &exit_columns, &rows->exits, rows->exit_count);
	if (r == 0)
		r = check_exits(decoder, rows);
	if (r == 0)
		r = sum_items(decoder, rows);
	return r < 0 ? r : read_lists(decoder, &spans, rows);
}

/* The bytes that all lists have once they are joined. Few strings can stand in many lists: this is what must not
 * explode, and allocate() bounds it. */
static size_t joined_size(const struct decoder *decoder, const uint32_t *items, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += (size_t)decoder->strings[items[i]].len + 1;
	return size;
}

/* Where the joined lists go, and what is still to be joined. */
struct joiner {
	const struct bytes *strings;
	const uint32_t *items;
	char *at;
};

static struct bytes join(struct joiner *joiner, uint32_t count, bool open)
{
	char *begin = joiner->at, *at = begin;

	for (uint32_t i = 0; i < count; i++) {
		struct bytes string = joiner->strings[joiner->items[i]];

		if (string.len <= SLACK)
			memcpy(at, string.data, SLACK);
		else
			memcpy(at, string.data, string.len);
		at += string.len;
		*at++ = '\0';
	}
	joiner->items += count;
	joiner->at = at;
	return bytes_make(begin, (size_t)(at - begin) - open);
}

static int joiner_make(struct decoder *decoder, const uint32_t *items, size_t count, struct joiner *ret)
{
	size_t size = joined_size(decoder, items, count);
	char *memory;
	int r = allocate(decoder, size + SLACK, 1, &memory);

	if (r == 0)
		*ret = (struct joiner){decoder->strings, items, memory};
	return r;
}

static inline struct process_key key_of(const struct process_row *row)
{
	return (struct process_key){row->start_ns, row->tgid};
}

static inline void fill_fact(const struct decoder *decoder, const struct event_row *row, uint64_t time_ns,
			     struct fact *fact)
{
	const struct process_row *self = &decoder->processes[row->process];
	const struct job_row *job = &decoder->jobs[row->job];
	uint32_t creator = row->creator ? row->creator - 1 : row->parent;

	fact->type = (enum fact_type)row->type;
	fact->flags = row->flags;
	fact->time_ns = time_ns;
	fact->self = key_of(self);
	fact->parent = key_of(&decoder->processes[row->parent]);
	fact->creator = key_of(&decoder->processes[creator]);
	fact->tid = self->tgid + unzigzag32(row->tid_delta);
	fact->ns_tgid = (uint32_t)self->ns_tgid;
	fact->pgid = job->pgid;
	fact->sid = job->sid;
	fact->tty = job->tty;
	fact->exec_seq = row->exec_seq;
	fact->comm = decoder->strings[row->comm];
	fact->context = &decoder->contexts[row->context];
}

static inline void fill_image(const struct decoder *decoder, const struct image_event_row *row, struct joiner *argv,
			      struct joiner *environ_, struct fact *fact)
{
	const struct image_row *image = &decoder->images[row->image];

	fact->exe = decoder->strings[image->exe];
	fact->script = decoder->strings[image->script];
	fact->interpreter = decoder->strings[image->interpreter];
	fact->exe_inode = image->inode;
	fact->exe_ctime_ns = image->ctime_ns;
	fact->exe_dev = image->dev;
	fact->exe_mode = image->mode;
	fact->exe_nlink = image->nlink;
	fact->cwd = decoder->strings[row->cwd];
	fact->argv = join(argv, row->argc, row->argv_open);
	fact->argv_bytes = fact->argv.len + row->argv_missing;
	fact->environ_ = join(environ_, row->environ_count, row->environ_open);
}

static inline void fill_exit(const struct decoder *decoder, const struct exit_row *row, struct fact_exit *ended)
{
	bool known = row->exit_status != EXIT_STATUS_UNKNOWN;

	ended->signal = known ? row->exit_status & 0x7f : 0;
	ended->core = known && row->exit_status & 0x80;
	ended->code = known && !ended->signal ? (int32_t)(row->exit_status >> 8) : -1;
	ended->utime_ns = row->utime_ns;
	ended->stime_ns = row->stime_ns;
	ended->max_rss_bytes = row->max_rss_bytes;
	ended->read_bytes = row->read_bytes - 1;
	ended->written_bytes = row->written_bytes - 1;
	ended->reaper = key_of(&decoder->processes[row->reaper]);
}

static void fill_facts(const struct decoder *decoder, const struct event_rows *rows, struct joiner *argv,
		       struct joiner *environ_, struct fact *facts)
{
	const struct image_event_row *image_event = rows->image_events;
	const struct exit_row *ended = rows->exits;
	uint64_t time_ns = decoder->outline.base_ns;

	for (size_t i = 0; i < rows->count; i++) {
		const struct event_row *row = &rows->events[i];

		time_ns += unzigzag64(row->time_delta_ns);
		if (row->type > FACT_SNAPSHOT)
			continue;
		fill_fact(decoder, row, time_ns, facts);
		if (row->type == FACT_EXEC || row->type == FACT_SNAPSHOT)
			fill_image(decoder, image_event++, argv, environ_, facts);
		else if (row->type == FACT_EXIT)
			fill_exit(decoder, ended++, &facts->exit);
		facts++;
	}
}

static int read_facts(struct decoder *decoder, struct batch *batch)
{
	struct event_rows rows = {0};
	struct joiner argv, environ_;
	int r = read_event_rows(decoder, &rows);

	if (r == 0)
		r = joiner_make(decoder, rows.argv_items, rows.argv_item_count, &argv);
	if (r == 0)
		r = joiner_make(decoder, rows.environ_items, rows.environ_item_count, &environ_);
	if (r == 0)
		r = allocate_zeroed(decoder, rows.known, sizeof(*batch->facts), &batch->facts);
	if (r < 0)
		return r;
	fill_facts(decoder, &rows, &argv, &environ_, batch->facts);
	batch->fact_count = rows.known;
	return 0;
}

/* The numbers of a message that holds nothing but varints, by field number; the last one of a field wins. */
static int read_numbers(struct decoder *decoder, struct scan message, const char *name, uint64_t *values, size_t count)
{
	while (scan_left(&message) > 0) {
		struct scan_field field;

		if (scan_next(&message, &field) < 0)
			return refuse(decoder, "Batch.%s: not a valid protobuf message", name);
		if (field.number >= count)
			continue;
		if (field.wire != SCAN_VARINT)
			return refuse(decoder, "Batch.%s: field %" PRIu32 " is not a number", name, field.number);
		values[field.number] = field.value;
	}
	return 0;
}

static int read_gap(struct decoder *decoder, struct scan message, struct gap *ret)
{
	uint64_t values[GAP_COUNT + 1] = {0};
	int r = read_numbers(decoder, message, "gaps", values, GAP_COUNT + 1);

	if (r < 0)
		return r;
	if (values[GAP_TYPE] > UINT32_MAX || values[GAP_REASON] > UINT32_MAX)
		return refuse(decoder, "Batch.gaps: type %" PRIu64 " or reason %" PRIu64 " has more than 32 bits",
			      values[GAP_TYPE], values[GAP_REASON]);
	*ret = (struct gap){
		.type = (uint32_t)values[GAP_TYPE], .reason = (uint32_t)values[GAP_REASON],
		.from_ns = values[GAP_FROM_NS], .to_ns = values[GAP_TO_NS], .count = values[GAP_COUNT],
	};
	return 0;
}

static int read_snapshot(struct decoder *decoder, struct scan message, struct snapshot_mark *ret)
{
	uint64_t values[SNAPSHOT_END_NS + 1] = {0};
	int r = read_numbers(decoder, message, "snapshots", values, SNAPSHOT_END_NS + 1);

	if (r == 0)
		*ret = (struct snapshot_mark){values[SNAPSHOT_BEGIN_NS], values[SNAPSHOT_END_NS]};
	return r;
}

static int read_marks(struct decoder *decoder, struct scan scan, struct batch *batch)
{
	const struct outline *outline = &decoder->outline;
	struct scan_field field;
	int r;

	if (outline->gap_count > BATCH_DECODED_EVENTS_MAX || outline->snapshot_count > BATCH_DECODED_EVENTS_MAX)
		return -E2BIG;
	r = allocate(decoder, outline->gap_count, sizeof(*batch->gaps), &batch->gaps);
	if (r == 0)
		r = allocate(decoder, outline->snapshot_count, sizeof(*batch->snapshots), &batch->snapshots);
	if (outline->gap_count + outline->snapshot_count == 0)
		return r;
	while (r == 0 && scan_left(&scan) > 0 && scan_next(&scan, &field) == 0) {
		if (field.number == BATCH_GAPS)
			r = read_gap(decoder, field.bytes, &batch->gaps[batch->gap_count++]);
		else if (field.number == BATCH_SNAPSHOTS)
			r = read_snapshot(decoder, field.bytes, &batch->snapshots[batch->snapshot_count++]);
	}
	return r;
}

int batch_decode(struct arena *arena, const uint8_t *data, size_t len, struct batch *ret, const char **ret_why)
{
	struct decoder decoder = {.arena = arena};
	struct batch batch = {0};
	int r;

	decoder.why = outline_scan(&decoder.outline, scan_make(data, len));
	r = decoder.why ? -EBADMSG : read_tables(&decoder, scan_make(data, len));
	if (r == 0)
		r = read_facts(&decoder, &batch);
	if (r == 0)
		r = read_marks(&decoder, scan_make(data, len), &batch);
	if (r == -EBADMSG && ret_why)
		*ret_why = decoder.why;
	if (r < 0)
		return r;
	batch.id = decoder.outline.id;
	batch.boottime_to_wall_ns = decoder.outline.boottime_to_wall_ns;
	*ret = batch;
	return 0;
}

int batch_peek(const uint8_t *data, size_t len, struct batch_id *ret)
{
	struct outline outline = {0};

	if (outline_scan(&outline, scan_make(data, len)))
		return -EBADMSG;
	*ret = outline.id;
	return 0;
}
