/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "collector/console/cli/glyph.h"
#include "collector/console/cli/live.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/timefmt.h"

/* 2026-11-22 12:01:07 UTC */
#define NOW (INT64_C(1795348867) * NS_PER_SECOND)

static const char hosts_json[] =
	"[{'host':'web','boot_id':'b','state':'live','lag_seconds':0.012,'live':3,'lost':{'exec':2},'gaps':[]},"
	"{'host':'db','boot_id':'c','state':'silent','live':1,'lost':{},'gaps':[]}]";

static const char *const processes[] = {
	"{'id':'1','host':'web','boot_id':'b','pid':1,'user':'root','state':'live',"
	 "'start':'2026-11-22T12:00:00Z','argv':['init']}",
	"{'id':'2','parent_id':'1','host':'web','boot_id':'b','pid':20,'user':'alice','state':'live',"
	 "'start':'2026-11-22T12:00:57Z','argv':['-bash']}",
	("{'id':'3','parent_id':'2','host':'web','boot_id':'b','pid':21,'user':'averylongname','state':'live',"
	 "'start':'2026-11-22T12:01:05.5Z',"
	 "'argv':['echo','\\u001b[2J and much more that does not fit']}"),
};

static const char ended[] =
	"{'type':'exit','time':'2026-11-22T12:01:06.25Z','id':'3','parent_id':'2','host':'web','boot_id':'b',"
	"'pid':21,'user':'alice',"
	"'state':'exited','start':'2026-11-22T12:01:05.5Z','duration_ns':750000000,'exit':{'code':null,"
	"'signal':11,'core':true},'argv':['echo']}";

static void fill(struct live *live)
{
	assert_int_equal(timefmt_zone("UTC"), 0);
	live_set_hosts(live, sample(hosts_json));
	model_poll_begin(&live->model, 0);
	for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++) {
		json_t *object = sample(processes[i]);

		assert_int_equal(model_poll_add(&live->model, object), 0);
		json_decref(object);
	}
	model_poll_end(&live->model, 0);
}

static void add_event(struct live *live, const char *type, const char *json, int64_t now_ms)
{
	json_t *object = sample(json);

	assert_int_equal(live_add_event(live, type, object, now_ms), 0);
	json_decref(object);
}

static void test_golden(void **state)
{
	struct terminal terminal = {.utf8 = true, .columns = 80, .rows = 18};
	struct text out = TEXT_NULL;
	struct live live;

	live_init(&live, &terminal);
	fill(&live);
	add_event(&live, "exit", ended, 4500);
	add_event(&live, "gap", "{'type':'gap','host':'web','lost_type':'exec','count':2}", 4600);
	assert_int_equal(live_draw(&live, NOW, 5500, &out), 0);
	assert_text(&out,
		    "\033[7m canopy  1/2 hosts  1 silent  4 processes  0.2 events/s  lag 12ms  lost 2       \033[0m\n"
		    "    PID USER        AGE STATE     COMMAND                                       \n"
		    "web  live, lag 12ms, 3 processes, 2 facts lost                                  \n"
		    "      1 root      1m07s           init                                          \n"
		    "     20 alice       10s           └─-bash                                       \n"
		    "     21 alice     750ms signal 11   └─echo                                      \n"
		    "\n\n\n\n\n\n"
		    "── q quit  j/k scroll  g/G ends  x ended  space pause  ── 1-4 of 4 ─────────────\n"
		    "12:01:06.250 signal 11 web               21 alice    echo                       \n"
		    "GAP on web: 2 exec facts lost                                                   \n"
		    "\n\n");
	live_finish(&live);
	text_finish(&out);
}

/* Whatever the size: as many lines as there are rows, none wider than the terminal once the fixed columns fit. */
static void test_every_size(void **state)
{
	for (unsigned columns = 1; columns < 100; columns += 7) {
		for (unsigned rows = 1; rows < 40; rows++) {
			struct terminal terminal = {.utf8 = columns % 2, .columns = columns, .rows = rows};
			struct text out = TEXT_NULL;
			struct live live;
			unsigned lines = 1;
			size_t begin = 0;

			live_init(&live, &terminal);
			fill(&live);
			add_event(&live, "exit", ended, 4500);
			assert_int_equal(live_draw(&live, NOW, 5500, &out), 0);
			for (size_t i = 0; i <= out.len; i++) {
				size_t reverse = begin == 0 ? 8 : 0; /* the bar's sequences take no room */

				if (i < out.len && out.data[i] != '\n')
					continue;
				if (columns > 40)
					assert_true(glyph_width(out.data + begin, i - begin) <= columns + reverse);
				begin = i + 1;
				lines += i < out.len;
			}
			assert_int_equal(lines, rows);
			live_finish(&live);
			text_finish(&out);
		}
	}
}

static void draw_top(struct live *live, struct text *out)
{
	text_reset(out);
	assert_int_equal(live_draw(live, NOW, 0, out), 0);
}

/* What stands at the upper edge stays there when something comes above it. */
static void test_scrolling_never_jumps(void **state)
{
	struct terminal terminal = {.utf8 = true, .columns = 80, .rows = 5};
	struct text out = TEXT_NULL;
	struct live live;

	live_init(&live, &terminal);
	fill(&live);
	draw_top(&live, &out);
	assert_int_equal(live.top, 0);
	live_scroll(&live, KEY_UP);
	assert_int_equal(live.top, 0);
	live_scroll(&live, KEY_DOWN);
	live_scroll(&live, KEY_DOWN);
	assert_int_equal(live.top, 2);
	assert_string_equal(live.anchor, "2");
	add_event(
		&live, "fork",
		"{'id':'0','host':'a','boot_id':'a','pid':5,'state':'live','start':'2026-11-22T12:00:00Z',"
		 "'argv':['a']}",
		0);
	draw_top(&live, &out);
	assert_int_equal(live.top, 4);
	live_scroll(&live, KEY_END);
	assert_int_equal(live.top, 4);
	live_scroll(&live, KEY_HOME);
	assert_int_equal(live.top, 0);
	assert_null(live.anchor);
	live_scroll(&live, KEY_PAGE_DOWN);
	assert_int_equal(live.top, 1);
	live_finish(&live);
	text_finish(&out);
}

static void test_rate(void **state)
{
	struct terminal terminal = {.columns = 80, .rows = 24};
	struct live live;

	live_init(&live, &terminal);
	assert_true(live_rate(&live, 0) == 0);
	for (int64_t ms = 100000; ms < 104000; ms += 100)
		add_event(&live, "fork", "{}", ms);
	assert_true(live_rate(&live, 104000) == 10);
	assert_true(live_rate(&live, 105000) == 7.5);
	assert_true(live_rate(&live, 108000) == 0);
	assert_true(live_rate(&live, 1000000) == 0);
	add_event(&live, "fork", "{}", 1000000);
	assert_true(live_rate(&live, 1001000) == 0.25);
	live_finish(&live);
}

static void test_trouble_is_said(void **state)
{
	struct terminal terminal = {.columns = 60, .rows = 4};
	struct text out = TEXT_NULL;
	struct live live;

	live_init(&live, &terminal);
	text_puts(&live.trouble, "Connection refused");
	live.paused = true;
	draw_top(&live, &out);
	assert_non_null(strstr(text_string(&out), "[paused]"));
	assert_non_null(strstr(text_string(&out), "NOT CONNECTED: Connection refused"));
	live_finish(&live);
	text_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_scrolling_never_jumps),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_trouble_is_said),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
