/* SPDX-License-Identifier: Apache-2.0 */
/* canopy verify: audits the journal of a collector or the spool of a sensor, on this machine and without either. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/console/cli/audit.h"
#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/escape.h"
#include "proto/seglog/segment.h"

#define BOOT_TEXT 37 /* of a boot id with its dashes, and NUL */

/* One row for each type of finding. */
struct saying {
	int type;
	const char *name, *text, *journal, *spool; /* what it is, what to do about it */
};

#define DISK "check the disk and its cables"
#define GONE                                                                                                           \
	"these batches were acknowledged, their sensors have let go of them: restore the file from a copy if there is one; " \
	"the collector goes on around the hole, lakes tell it as a row of class gap; " DISK
#define TOLD "the sensor goes on behind it and tells a gap by itself; " DISK

static const struct saying sayings[] = {
	{AUDIT_HOLE, "hole", "damaged bytes", GONE, TOLD},
	{AUDIT_SHORT, "short", "the segment ends too early", GONE, TOLD},
	{AUDIT_MISSING, "missing", "a segment is missing", "put the file back if it was moved away; otherwise: " GONE,
	 "put the file back if it was moved away; otherwise: " TOLD},
	{AUDIT_HEADER, "header-copy", "one copy of the header is damaged, the other one serves", "nothing is lost; " DISK,
	 "nothing is lost; " DISK},
	{AUDIT_UNREADABLE, "unreadable", "both copies of the header are damaged, no record can be told", GONE, TOLD},
	{AUDIT_FOREIGN, "foreign", "of another log, of a newer version, or renamed",
	 "move it away, or read the folder with the program that wrote it",
	 "move it away, or read the folder with the program that wrote it"},
	{AUDIT_UNREAD, "unread", "cannot be read",
	 "check owner, mode and disk; copy the file with a tool that puts zeros for bad sectors, then audit the copy",
	 "check owner, mode and disk; copy the file with a tool that puts zeros for bad sectors, then audit the copy"},
	{AUDIT_TORN, "torn-tail", "an incomplete record at the end, as a crash leaves it or a write under way",
	 "none: never acknowledged, the next start cuts it off", "none: the next start cuts it off"},
	{AUDIT_UNBORN, "unborn", "a segment that was being made", "none: the next start removes it",
	 "none: the next start removes it"},
	{AUDIT_SKIPPED, "skipped", "record numbers that were given out and never written", "none",
	 "none: batches that a failing disk or a power cut took before they were durable"},
	{REPORT_DISORDER, "disorder", "a batch stands behind a later one of its stream",
	 "report it with this output: the collector should never write that", ""},
	{REPORT_UNDECODABLE, "undecodable", "an intact record that is not what its type and number say",
	 "report it with this output, or use the program that wrote it",
	 "report it with this output, or use the program that wrote it"},
	{REPORT_UNKNOWN, "unknown-type", "records of types that this version does not know", "use the newer program",
	 "use the newer program"},
	{REPORT_ELSEWHERE, "elsewhere", "batches that never came here: their sensors dropped them, or another collector has them",
	 "none: the host shows the gap", ""},
	{REPORT_ACKED, "acked", "the acknowledged position is beyond the end of the log", "",
	 "none: numbers go on behind it"},
};

static const struct saying *saying_of(int type)
{
	for (size_t i = 0; i < sizeof(sayings) / sizeof(*sayings); i++)
		if (sayings[i].type == type)
			return &sayings[i];
	return NULL;
}

static const char *remedy_of(const struct report *report, const struct saying *saying)
{
	return report->log.kind == SEGLOG_SPOOL ? saying->spool : saying->journal;
}

static const char *kind_of(const struct report *report)
{
	return report->log.kind == SEGLOG_SPOOL ? "spool" : report->log.kind == SEGLOG_JOURNAL ? "journal" : "unknown";
}

static void format_boot(const struct boot_id *boot, char text[BOOT_TEXT])
{
	const uint8_t *o = boot->octets;

	(void)snprintf(text, BOOT_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", o[0], o[1],
		       o[2], o[3], o[4], o[5], o[6], o[7], o[8], o[9], o[10], o[11], o[12], o[13], o[14], o[15]);
}

/* ---- text ---------------------------------------------------------------------------------------------------- */

static void put_lost(struct text *out, const struct lost *lost)
{
	char boot[BOOT_TEXT] = "unknown";

	if (lost->boot_known)
		format_boot(&lost->boot, boot);
	text_printf(out, "  lost: boot %s stream %016" PRIx64 " batches %" PRIu64 " to %" PRIu64 "\n", boot, lost->stream,
		    lost->from, lost->to);
}

static void put_finding(struct text *out, const struct report *report, size_t i)
{
	const struct report_finding *finding = &report->findings[i];
	const struct audit_finding *at = &finding->at;
	const struct saying *saying = saying_of((int)at->type);
	char name[SEGMENT_NAME_BYTES];
	bool streams = false;

	segment_name(name, at->segment);
	text_printf(out, "%s: ", finding->damage ? "damage" : "note");
	if (at->segment)
		text_printf(out, "%s offset %" PRIu64 ": ", name, at->offset);
	text_puts(out, saying->text);
	if (at->bytes)
		text_printf(out, ", %" PRIu64 " bytes", at->bytes);
	if (finding->count)
		text_printf(out, ", %" PRIu64, finding->count);
	if (at->error)
		text_printf(out, ": %s", strerror(-at->error));
	if (at->to > at->from)
		text_printf(out, ", records %" PRIu64 " to %" PRIu64, at->from, at->to - 1);
	text_putc(out, '\n');
	for (size_t k = 0; k < report->lost_count; k++) {
		if (report->lost[k].finding != i)
			continue;
		put_lost(out, &report->lost[k]);
		streams = true;
	}
	if (!streams && finding->damage && at->to > at->from && report->log.kind == SEGLOG_JOURNAL)
		text_puts(out, "  lost: not the middle of any stream: the newest batches of some, or descriptions of hosts\n");
	text_printf(out, "  remedy: %s\n", remedy_of(report, saying));
}

static void put_text(struct text *out, const struct report *report, const char *path)
{
	const struct audit_result *log = &report->log;

	text_printf(out, "%s: %s %016" PRIx64 ", %" PRIu64 " segments, %" PRIu64 " bytes, records %" PRIu64 " to %" PRIu64
		    ", %" PRIu64 " batches", path, kind_of(report), log->id, log->segments, log->bytes, log->first,
		    log->next ? log->next - 1 : 0, report->batches);
	if (log->kind == SEGLOG_SPOOL)
		text_printf(out, ", acknowledged up to %" PRIu64, report->acked);
	else
		text_printf(out, " of %zu streams", report->stream_count);
	if (log->owner)
		text_puts(out, "; in use: what is written meanwhile is not looked at");
	text_putc(out, '\n');
	for (size_t i = 0; i < report->finding_count; i++)
		put_finding(out, report, i);
	if (report->findings_left_out || report->lost_left_out)
		text_printf(out, "and %" PRIu64 " more findings, %" PRIu64 " more ranges\n", report->findings_left_out,
			    report->lost_left_out);
	if (report->damages)
		text_printf(out, "damaged: %" PRIu64 " places, %" PRIu64 " records lost\n", report->damages,
			    report->lost_records);
	else
		text_puts(out, "sound\n");
}

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

static json_t *json_u64(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_stream(uint64_t stream)
{
	return json_sprintf("%016" PRIx64, stream);
}

static json_t *lost_object(const struct lost *lost)
{
	char boot[BOOT_TEXT];

	if (lost->boot_known)
		format_boot(&lost->boot, boot);
	return json_pack("{s:s?, s:o, s:o, s:o}", "boot_id", lost->boot_known ? boot : NULL, "stream",
			 json_stream(lost->stream), "from", json_u64(lost->from), "to", json_u64(lost->to));
}

static json_t *finding_object(const struct report *report, size_t i)
{
	const struct report_finding *finding = &report->findings[i];
	const struct audit_finding *at = &finding->at;
	const struct saying *saying = saying_of((int)at->type);
	json_t *lost = json_array();
	char name[SEGMENT_NAME_BYTES];

	segment_name(name, at->segment);
	for (size_t k = 0; k < report->lost_count; k++)
		if (report->lost[k].finding == i)
			(void)json_array_append_new(lost, lost_object(&report->lost[k]));
	return json_pack("{s:s, s:b, s:s?, s:o, s:o, s:o, s:o, s:o, s:s?, s:s, s:o, s:s}", "type", saying->name, "damage",
			 finding->damage, "segment", at->segment ? name : NULL, "offset", json_u64(at->offset), "bytes",
			 json_u64(at->bytes), "first_record", at->to > at->from ? json_u64(at->from) : json_null(),
			 "last_record", at->to > at->from ? json_u64(at->to - 1) : json_null(), "count",
			 finding->count ? json_u64(finding->count) : json_null(), "error",
			 at->error ? strerror(-at->error) : NULL, "text", saying->text, "lost", lost, "remedy",
			 remedy_of(report, saying));
}

static json_t *log_object(const struct report *report, const char *path)
{
	const struct audit_result *log = &report->log;
	json_t *findings = json_array();

	for (size_t i = 0; i < report->finding_count; i++)
		(void)json_array_append_new(findings, finding_object(report, i));
	return json_pack("{s:s, s:s, s:o, s:b, s:b, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path", path,
			 "kind", kind_of(report), "id", json_stream(log->id), "sound", report->damages == 0, "in_use",
			 log->owner != 0, "version", (int)log->version, "segments", json_u64(log->segments), "bytes",
			 json_u64(log->bytes), "first_record", json_u64(log->first), "next_record", json_u64(log->next),
			 "records", json_u64(log->records), "batches", json_u64(report->batches), "acked",
			 log->kind == SEGLOG_SPOOL ? json_u64(report->acked) : json_null(), "lost_records",
			 json_u64(report->lost_records), "findings_left_out", json_u64(report->findings_left_out),
			 "findings", findings);
}

static void put_json(struct text *out, json_t *logs, bool sound)
{
	json_t *whole = json_pack("{s:b, s:O}", "sound", sound, "logs", logs);
	char *dump = whole ? json_dumps(whole, JSON_INDENT(2)) : NULL;

	if (dump)
		text_puts(out, dump);
	out->failed = out->failed || !dump;
	text_putc(out, '\n');
	free(dump);
	json_decref(whole);
}

/* ---- the command --------------------------------------------------------------------------------------------- */

struct verify {
	struct context *context;
	struct text out;
	json_t *logs; /* owned */
	bool damaged;
};

static bool wants_json(const struct verify *verify)
{
	enum output_format format = verify->context->options.output;

	return verify->context->options.json || format == OUTPUT_JSON || format == OUTPUT_NDJSON;
}

/* Returns an exit code having said why, or 0. */
static int verify_log(struct verify *verify, const char *folder)
{
	struct text shown = TEXT_NULL;
	struct report report;
	char *why = NULL;
	int r = report_make(&report, folder, &why);

	if (r < 0) {
		message("%s", why ? why : strerror(-r));
		free(why);
		return r == -ENOENT || r == -ENOTDIR ? EXIT_USAGE : EXIT_SERVER;
	}
	verify->damaged = verify->damaged || report.damages > 0;
	escape_text(&shown, bytes_from_string(folder), verify->context->terminal.utf8);
	if (wants_json(verify))
		(void)json_array_append_new(verify->logs, log_object(&report, folder));
	else
		put_text(&verify->out, &report, text_string(&shown));
	text_finish(&shown);
	report_finish(&report);
	return 0;
}

/* A collector's --state folder holds a journal for each shard: of the first in itself, of the others in shard-1 and so on. */
static int verify_state(struct verify *verify, const char *state, bool *ret_is_state)
{
	int code = 0;

	*ret_is_state = false;
	for (unsigned shard = 0; code == 0; shard++) {
		char folder[PATH_MAX];
		int len = shard ? snprintf(folder, sizeof(folder), "%s/shard-%u/journal", state, shard)
				: snprintf(folder, sizeof(folder), "%s/journal", state);

		if (len >= (int)sizeof(folder) || access(folder, F_OK) != 0)
			break;
		*ret_is_state = true;
		code = verify_log(verify, folder);
	}
	return code;
}

int cmd_verify(struct context *context)
{
	struct verify verify = {.context = context, .out = TEXT_NULL, .logs = json_array()};
	bool is_state;
	int code = verify_state(&verify, context->options.words[0], &is_state), r = 0;

	if (!is_state)
		code = verify_log(&verify, context->options.words[0]);
	if (code == 0 && wants_json(&verify))
		put_json(&verify.out, verify.logs, !verify.damaged);
	r = text_write(&verify.out, stdout);
	json_decref(verify.logs);
	text_finish(&verify.out);
	if (r < 0)
		return context_fail(r);
	return code ? code : verify.damaged ? EXIT_NOTHING : EXIT_OK;
}
