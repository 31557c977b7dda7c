/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "collector/console/cli/model.h"
#include "collector/console/cli/object.h"

/* id is 'host-pid', so that tests can be read. */
static json_t *make(const char *host, int pid, int parent, int current, int start, const char *state)
{
	json_t *object = json_pack("{s:s,s:s,s:i,s:s,s:[s]}", "host", host, "boot_id", host, "pid", pid, "state", state,
				   "argv", "x");
	char id[32], time[40];

	assert_non_null(object);
	(void)snprintf(id, sizeof(id), "%s-%d", host, pid);
	json_object_set_new(object, "id", json_string(id));
	(void)snprintf(id, sizeof(id), "%s-%d", host, parent);
	if (parent)
		json_object_set_new(object, "parent_id", json_string(id));
	if (current)
		json_object_set_new(object, "current_ppid", json_integer(current));
	(void)snprintf(time, sizeof(time), "2026-11-22T12:00:%02dZ", start);
	json_object_set_new(object, "start", json_string(time));
	return object;
}

static void poll_add(struct model *model, json_t *object)
{
	assert_int_equal(model_poll_add(model, object), 0);
	json_decref(object);
}

static void apply(struct model *model, json_t *object, int64_t now_ms)
{
	assert_int_equal(model_apply(model, object, now_ms), 0);
	json_decref(object);
}

/* The rows as 'host: pid/depth …', a * at what has ended. */
static void assert_rows(struct model *model, const char *expected)
{
	struct text out = TEXT_NULL;

	assert_int_equal(model_layout(model), 0);
	for (size_t i = 0; i < model->row_count; i++) {
		const struct model_row *row = &model->rows[i];

		if (row->node)
			text_printf(&out, "%d/%u%s ", (int)row->node->pid, row->depth, row->node->exited ? "*" : "");
		else
			text_printf(&out, "%s: ", row->of->host);
	}
	assert_string_equal(text_string(&out), expected);
	text_finish(&out);
}

static void poll_two_hosts(struct model *model, int64_t asked_ms)
{
	model_poll_begin(model, asked_ms);
	poll_add(model, make("web", 1, 0, 0, 1, "live"));
	poll_add(model, make("web", 7, 1, 1, 3, "live"));
	poll_add(model, make("web", 9, 1, 1, 2, "live"));
	poll_add(model, make("web", 8, 9, 9, 4, "live"));
	poll_add(model, make("db", 1, 0, 0, 1, "live"));
	model_poll_end(model, asked_ms);
}

static void test_layout(void **state)
{
	struct model model;

	model_init(&model, &(struct face){.utf8 = true});
	assert_rows(&model, "");
	poll_two_hosts(&model, 0);
	/* hosts by name, children by start */
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 ");
	assert_true(model.rows[6].last);
	assert_false(model.rows[4].last);
	model_finish(&model);
}

static void test_ended_ones_linger(void **state)
{
	struct model model;

	model_init(&model, &(struct face){.utf8 = true});
	poll_two_hosts(&model, 0);
	apply(&model, make("web", 20, 7, 7, 9, "live"), 100);
	apply(&model, make("web", 20, 7, 7, 9, "exited"), 200);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 20/2* ");
	poll_two_hosts(&model, 1000);
	model_expire(&model, 200 + MODEL_LINGER_MS - 1);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 20/2* ");
	model_expire(&model, 200 + MODEL_LINGER_MS);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 ");
	model_finish(&model);
}

/* Of a crowd of children that come and go only the youngest linger, and those with children of their own. */
static void test_crowds(void **state)
{
	struct model model;

	model_init(&model, &(struct face){.utf8 = true});
	poll_two_hosts(&model, 0);
	apply(&model, make("web", 40, 7, 7, 10, "exited"), 100);
	apply(&model, make("web", 39, 40, 40, 11, "live"), 100);
	for (int i = 0; i < 20; i++)
		apply(&model, make("web", 20 + i % 10 + i / 10 * 30, 7, 7, 11 + i, "exited"), 100);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 40/2* 39/3 55/2* 56/2* 57/2* 58/2* 59/2* ");
	model_expire(&model, 101);
	assert_int_equal(model.count, 12);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 40/2* 39/3 55/2* 56/2* 57/2* 58/2* 59/2* ");
	model_finish(&model);
}

/* An answer that was asked for before an event must not undo it. */
static void test_old_answers(void **state)
{
	struct model model;

	model_init(&model, &(struct face){.utf8 = true});
	poll_two_hosts(&model, 0);
	apply(&model, make("web", 20, 7, 7, 9, "live"), 1500);
	poll_two_hosts(&model, 1000);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 20/2 ");
	poll_two_hosts(&model, 2000);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1 ");
	apply(&model, make("web", 7, 1, 1, 3, "exited"), 2500);
	poll_two_hosts(&model, 2400);
	assert_rows(&model, "db: 1/0 web: 1/0 9/1 8/2 7/1* ");
	model_finish(&model);
}

/* Whose creator is gone hangs under whoever has it now, and under nobody when that is unknown. */
static void test_orphans(void **state)
{
	struct model model;

	model_init(&model, &(struct face){.utf8 = true});
	poll_two_hosts(&model, 0);
	apply(&model, make("web", 30, 99, 7, 9, "live"), 100);
	apply(&model, make("web", 31, 99, 98, 10, "live"), 100);
	apply(&model, make("db", 32, 99, 7, 11, "live"), 100);
	assert_rows(&model, "db: 1/0 32/0 web: 1/0 9/1 8/2 7/1 30/2 31/0 ");
	model_finish(&model);
}

static void test_odd_objects(void **state)
{
	struct model model;
	json_t *object;

	model_init(&model, &(struct face){.utf8 = true});
	apply(&model, json_object(), 0);
	apply(&model, json_array(), 0);
	/* its own parent, and a ring of two: nothing of it is shown, nothing goes round for ever */
	apply(&model, make("web", 5, 5, 5, 1, "live"), 0);
	apply(&model, make("web", 6, 7, 0, 1, "live"), 0);
	apply(&model, make("web", 7, 6, 0, 1, "live"), 0);
	object = make("web", 8, 0, 0, 1, "live");
	json_object_del(object, "host");
	json_object_del(object, "boot_id");
	json_object_set_new(object, "parent_id", json_integer(3));
	apply(&model, object, 0);
	assert_int_equal(model_layout(&model), 0);
	assert_int_equal(model.count, 4);
	assert_int_equal(model.row_count, 4);
	model_clear(&model);
	assert_rows(&model, "");
	model_finish(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),      cmocka_unit_test(test_ended_ones_linger),
		cmocka_unit_test(test_crowds),
		cmocka_unit_test(test_old_answers), cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_odd_objects),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
