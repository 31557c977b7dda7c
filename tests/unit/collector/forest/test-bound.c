/* SPDX-License-Identifier: Apache-2.0 */
/* What sensors take is held as it was told; of what is longer a part, always the same one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "canopy/event.h"
#include "collector/forest/bound.h"
#include "collector/forest/forest.h"

#define LONG (1u << 20)
#define CUT (FACT_ARGV_TRUNCATED | FACT_EXE_TRUNCATED | FACT_CWD_TRUNCATED | FACT_CGROUP_TRUNCATED)

_Static_assert(BOUND_ARGV_MAX >= 2u * EVENT_ARGV_MAX && BOUND_ENVIRON_MAX >= 2u * EVENT_ENVIRON_MAX,
	       "a hidden secret may be longer than it was");
_Static_assert(BOUND_TEXT_MAX >= EVENT_SCRIPT_MAX && BOUND_TEXT_MAX >= EVENT_PATH_MAX && BOUND_TEXT_MAX >= EVENT_CGROUP_MAX,
	       "what a sensor takes is held");

static char text[LONG];
static struct fact_context context;

static struct bytes first(uint32_t len)
{
	return bytes_make(text, len);
}

static struct bytes last(uint32_t len)
{
	return bytes_make(text + sizeof(text) - len, len);
}

static struct fact fact_with(uint32_t argv, uint32_t environ_, uint32_t other)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i * i % 23 + i / 65536 % 3);
	context = (struct fact_context){.uid = 7, .cgroup = first(other), .user = first(other), .nodename = first(other)};
	return (struct fact){.type = FACT_EXEC,
			     .flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN | FACT_CWD_KNOWN,
			     .time_ns = 9,
			     .self = {5, 5},
			     .exec_seq = 1,
			     .context = &context,
			     .comm = first(other),
			     .exe = first(other),
			     .script = first(other),
			     .interpreter = first(other),
			     .cwd = first(other),
			     .argv = first(argv),
			     .argv_bytes = argv,
			     .environ_ = first(environ_)};
}

struct rig {
	struct forest *forest;
	struct forest_host *host;
	struct arena arena;
};

static struct rig rig_make(void)
{
	struct rig rig = {.arena = ARENA_NULL};
	struct boot_id boot = {{1}};

	assert_int_equal(forest_create(&rig.forest, &FOREST_OPTIONS_DEFAULT), 0);
	assert_int_equal(forest_host_get(rig.forest, &boot, &rig.host), 0);
	return rig;
}

static void rig_finish(struct rig *rig)
{
	forest_destroy(rig->forest);
	arena_finish(&rig->arena);
}

static bool apply(struct rig *rig, const struct fact *fact)
{
	bool news;

	assert_int_equal(forest_apply(rig->forest, rig->host, fact, 0, &news), 0);
	return news;
}

static struct process_view view(struct rig *rig)
{
	struct process_view ret;

	assert_int_equal(forest_view(forest_find(rig->host, (struct process_key){5, 5}), 0, &rig->arena, &ret), 0);
	assert_int_equal(ret.image_count, 1);
	return ret;
}

static void what_a_sensor_takes_is_held_whole(void **state)
{
	struct fact fact = fact_with(BOUND_ARGV_MAX, BOUND_ENVIRON_MAX, BOUND_TEXT_MAX);
	struct rig rig = rig_make();
	struct process_view seen;

	(void)state;
	assert_true(apply(&rig, &fact));
	seen = view(&rig);
	assert_true(bytes_equal(seen.images[0].argv, fact.argv) && bytes_equal(seen.images[0].environ_, fact.environ_));
	assert_true(bytes_equal(seen.images[0].exe, fact.exe) && bytes_equal(seen.images[0].script, fact.script));
	assert_true(bytes_equal(seen.context->cgroup, context.cgroup));
	assert_int_equal(seen.images[0].flags & CUT, 0);
	assert_int_equal(seen.images[0].argv_bytes, fact.argv_bytes);
	rig_finish(&rig);
}

static void expect_cut(const struct process_view *seen)
{
	const struct process_image *image = &seen->images[0];
	struct bytes head = first(BOUND_TEXT_MAX), tail = last(BOUND_TEXT_MAX);

	assert_true(bytes_equal(image->argv, first(BOUND_ARGV_MAX)));
	assert_int_equal(image->argv_bytes, LONG);
	assert_true(bytes_equal(image->environ_, first(BOUND_ENVIRON_MAX)));
	assert_true(bytes_equal(image->exe, tail) && bytes_equal(image->cwd, tail));
	assert_true(bytes_equal(image->script, head) && bytes_equal(image->interpreter, head) && bytes_equal(image->comm, head));
	assert_true(bytes_equal(seen->context->cgroup, tail));
	assert_true(bytes_equal(seen->context->user, head) && bytes_equal(seen->context->nodename, head));
	assert_int_equal(image->flags & CUT, CUT);
}

/* With what is remembered of a batch's addresses, and without. */
static void what_is_longer_is_cut_the_same_way_each_time(void **state)
{
	struct fact fact = fact_with(LONG, LONG, LONG);
	struct rig rig = rig_make();
	struct process_view seen;

	(void)state;
	forest_batch_begin(rig.forest);
	assert_true(apply(&rig, &fact));
	assert_false(apply(&rig, &fact));
	forest_batch_end(rig.forest);
	assert_false(apply(&rig, &fact));
	seen = view(&rig);
	expect_cut(&seen);
	rig_finish(&rig);
}

static int restore_saved(void *owner, unsigned saved, const struct fact *fact, int64_t boottime_to_wall_ns)
{
	struct rig *rig = owner;

	return forest_restore(rig->forest, rig->host, saved, fact, boottime_to_wall_ns);
}

static void what_was_cut_is_restored_as_it_is(void **state)
{
	struct fact fact = fact_with(LONG, LONG, LONG);
	struct rig rig = rig_make(), copy = rig_make();
	struct process_view seen;

	(void)state;
	assert_true(apply(&rig, &fact));
	assert_int_equal(forest_save_node(forest_find(rig.host, fact.self), 0, restore_saved, &copy), 0);
	seen = view(&copy);
	expect_cut(&seen);
	assert_false(apply(&copy, &fact));
	rig_finish(&rig);
	rig_finish(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_sensor_takes_is_held_whole),
	    cmocka_unit_test(what_is_longer_is_cut_the_same_way_each_time),
	    cmocka_unit_test(what_was_cut_is_restored_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
