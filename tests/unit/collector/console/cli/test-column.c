/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>

#include "collector/console/cli/column.h"
#include "collector/console/cli/gap.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/summary.h"
#include "collector/console/cli/timefmt.h"

static const char process_json[] =
	"{'id':'i-1','host':'web\\u001b[2J','pid':4433,'ppid':null,'start':'2026-11-22T12:01:07.123456789Z',"
	"'state':'exited',"
	"'comm':'curl','exe':'/usr/bin/curl','argv':['curl','a b','','\\u202e'],'argv_truncated':true,"
	"'user':null,'uid':1000,"
	"'flags':['setuid','memfd'],'exit':{'code':22,'signal':null,'core':false,'max_rss_bytes':3670016},"
	"'duration_ns':1234567,'quality':[]}";

static void shows(const char *json, const struct column *table, const char *name, const struct face *face,
		  const char *expected)
{
	json_t *object = sample(json);
	struct text out = TEXT_NULL, problem = TEXT_NULL;
	struct column_set set;

	assert_int_equal(column_set_parse(table, name, &set, &problem), 0);
	assert_int_equal(set.count, 1);
	(void)column_add(set.columns[0], object, face, &out);
	if (strcmp(text_string(&out), expected) != 0)
		fail_msg("%s: '%s' instead of '%s'", name, text_string(&out), expected);
	text_finish(&out);
	text_finish(&problem);
	json_decref(object);
}

static void test_process(void **state)
{
	static const struct face face = {.utf8 = true, .now = INT64_C(1795348867) * NS_PER_SECOND};
	static const char *const rows[][2] = {
		{"id", "i-1"},        {"host", "web\\x1b[2J"},
		{"pid", "4433"},      {"proc.pid", "4433"},
		{"ppid", "-"},        {"start", "12:01:07"},
		{"state", "exit 22"}, {"command", "[setuid] [/usr/bin/curl] curl 'a b' '' \\xe2\\x80\\xae …"},
		{"user", "1000"},     {"flags", "setuid,memfd"},
		{"exit_code", "22"},  {"exit.code", "22"},
		{"signal", "-"},      {"core", "no"},
		{"max_rss", "3.5M"},  {"duration", "1.2ms"},
		{"quality", "-"},     {"cwd", "-"},
	};

	assert_int_equal(timefmt_zone("UTC"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		shows(process_json, column_process_table(), rows[i][0], &face, rows[i][1]);
}

static void test_raw(void **state)
{
	static const struct face face = {.utf8 = true, .raw = true};
	static const char *const rows[][2] = {
		{"ppid", ""},
		{"command", "curl 'a b' '' \\xe2\\x80\\xae …"},
		{"start", "2026-11-22T12:01:07.123456789Z"},
		{"duration", "1234567"},
		{"max_rss", "3670016"},
		{"quality", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		shows(process_json, column_process_table(), rows[i][0], &face, rows[i][1]);
}

static void test_states(void **state)
{
	static const char *const rows[][2] = {
		{"{'state':'live'}", "live"},
		{"{'state':'live','flags':['zombie']}", "zombie"},
		{"{'state':'exited','exit':{'code':0,'signal':null}}", "exit 0"},
		{"{'state':'exited','exit':{'code':null,'signal':9,'core':false}}", "signal 9"},
		{"{'state':'exited','exit':{'signal':11,'core':true}}", "signal 11 core"},
		{"{'state':'exited','exit':null,'quality':['exit_unknown']}", "exit ?"},
		{"{'state':'exited','exit':null,'quality':['host_rebooted']}", "rebooted"},
		{"{'state':'unknown'}", "unknown"}, {"{}", "unknown"}, {"{'state':7}", "unknown"},
	};
	static const struct face face = {.utf8 = true};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		shows(rows[i][0], column_process_table(), "state", &face, rows[i][1]);
	shows("{'state':'live'}", column_process_table(), "exit", &(struct face){.raw = true}, "");
	shows("{'comm':'x\\n','argv':null}", column_process_table(), "command", &face, "(x\\x0a)");
	shows("{'argv':[]}", column_process_table(), "command", &face, "(?)");
}

static void test_hosts(void **state)
{
	static const char json[] =
		"{'host':'web-1','state':'live','lag_seconds':0.0123,'skew_seconds':-0.25,'queue_bytes':20480,"
		"'lost':{'fork':1,'exec':2,'exit':3},'gaps':[{}],'tags':{'role':'web','x':'\\u0007'},"
		"'events_total':812345}";
	static const struct face face = {.utf8 = true};
	static const char *const rows[][2] = {
		{"host", "web-1"},    {"state", "live"}, {"lag", "12ms"}, {"skew", "-250ms"},
		{"queue", "20K"},     {"lost", "6"},     {"gaps", "1"},   {"tags", "role=web,x=\\x07"},
		{"events", "812345"}, {"kernel", "-"},
	};
	static const char most[] = "{'lost':{'fork':9223372036854775807,'exec':9223372036854775807}}",
			  least[] = "{'lost':{'fork':-9223372036854775807,'exec':-9223372036854775807}}";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		shows(json, column_host_table(), rows[i][0], &face, rows[i][1]);
	shows("{'skew_seconds':-0.0002}", column_host_table(), "skew", &face, "0ms");
	shows("{'lag_seconds':1e300}", column_host_table(), "lag", &face, "?");
	shows(most, column_host_table(), "lost", &face, "9223372036854775807");
	shows(least, column_host_table(), "lost", &face, "-9223372036854775808");
}

static void test_sets(void **state)
{
	struct text problem = TEXT_NULL;
	struct column_set set;

	assert_int_equal(column_set_parse(column_process_table(), "pid,proc.name,command", &set, &problem), 0);
	assert_int_equal(set.count, 3);
	assert_string_equal(set.columns[1]->name, "comm");
	assert_int_equal(column_set_parse(column_process_table(), "pid,nme", &set, &problem), -EINVAL);
	assert_text(&problem, "there is no field 'nme'");
	assert_int_equal(column_set_parse(column_process_table(), ",", &set, &problem), -EINVAL);
	text_finish(&problem);
}

static void test_gap_in_words(void **state)
{
	static const char *const rows[][2] = {
		{"{'host':'web\\n','lost_type':'exec','count':12,'from':'2026-11-22T12:00:00.1Z',"
		"'to':'2026-11-22T12:00:01Z','reason':'ring full'}",
		 "GAP on web\\x0a: 12 exec facts lost between 12:00:00.100 and 12:00:01.000 (ring full)"},
		{"{'type':'gap','count':0}", "GAP: an unknown number of facts lost"},
		{"{'type':'exit','count':1,'from':'2026-11-22T12:00:00Z'}",
		 "GAP: 1 exit fact lost since 12:00:00.000"},
	};
	static const struct face face = {.utf8 = true};
	struct text out = TEXT_NULL;

	assert_int_equal(timefmt_zone("UTC"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *gap = sample(rows[i][0]);

		gap_add_line(gap, &face, &out);
		assert_text(&out, rows[i][1]);
		json_decref(gap);
	}
	text_finish(&out);
}

static void test_how_many_hosts_are_current(void **state)
{
	static const char *const rows[][2] = {
		{"[]", "0 of 0 hosts are current"},
		{"[{'host':'a','state':'live'}]", "1 of 1 host is current"},
		{"[{'host':'a','state':'live'},{'host':'b\\u001b','state':'silent'},{'host':'a','state':'rebooted'}]",
		 "1 of 2 hosts are current; not: b\\x1b (silent)"},
	};
	static const struct face face = {.utf8 = true};
	struct text out = TEXT_NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *hosts = sample(rows[i][0]);

		summary_add_current(hosts, &face, &out);
		assert_text(&out, rows[i][1]);
		json_decref(hosts);
	}
	text_finish(&out);
}

/* Figures that no collector of ours sends. */
static void test_sums_are_bounded(void **state)
{
	json_t *hosts = sample("[{'state':'live','live':9223372036854775807,'lost':9223372036854775807,'lag_seconds':1e300},"
			       "{'state':'live','live':9223372036854775807,'lost':{'exec':1},'lag_seconds':-1e300}]");
	struct summary summary;

	summary_of(hosts, &summary);
	assert_int_equal(summary.live, INT64_MAX);
	assert_int_equal(summary.lost, INT64_MAX);
	assert_true(summary.lag_seconds < 0);
	json_decref(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_gap_in_words),
		cmocka_unit_test(test_how_many_hosts_are_current),
		cmocka_unit_test(test_sums_are_bounded),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
