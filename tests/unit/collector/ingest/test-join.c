/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak for which host boot, and how many of them anybody may bring; also after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/internal.h"
#include "tests/unit/batches.h"
#include "tests/unit/folder.h"
#include "tests/unit/loop.h"

#define NOW 1700000000000000000ll
#define HOSTS_MAX 32u

struct rig {
	struct folder folder;
	uv_loop_t loop;
	struct forest *forest;
	struct journal *journal;
	struct ingest *ingest;
	struct arena arena;
	struct batches batches;
	int64_t now_ns;
	uint64_t hellos;
	bool closed;
};

struct visitor {
	struct ingest_peer *peer;
	struct welcome welcome;
	uint64_t acked;
	struct ingest_refusal refusal;
};

static void on_acked(void *owner, uint64_t seq)
{
	((struct visitor *)owner)->acked = seq;
}

static void on_paused(void *owner, bool paused)
{
	(void)owner;
	(void)paused;
}

static void on_refused(void *owner, const struct ingest_refusal *refusal)
{
	(void)owner;
	fail_msg("%s", refusal->reason);
}

static const struct ingest_peer_events events = {.acked = on_acked, .paused = on_paused, .refused = on_refused};

static void open_rooms(struct rig *rig)
{
	struct forest_options forest = FOREST_OPTIONS_DEFAULT;
	struct journal_options journal = {.dir = rig->folder.path};
	struct seglog_recovery recovery;

	forest.hosts_max = HOSTS_MAX;
	assert_int_equal(forest_create(&rig->forest, &forest), 0);
	assert_int_equal(journal_open(&rig->journal, &rig->loop, &journal, &recovery, NULL), 0);
	assert_int_equal(ingest_create(&rig->ingest, rig->forest, rig->journal), 0);
	ingest_require_machines(rig->ingest);
}

static void on_closed(void *owner)
{
	((struct rig *)owner)->closed = true;
}

static bool is_closed(void *owner)
{
	return ((struct rig *)owner)->closed;
}

static void close_rooms(struct rig *rig)
{
	ingest_destroy(rig->ingest);
	rig->closed = false;
	journal_close(rig->journal, on_closed, rig);
	assert_true(loop_until(&rig->loop, is_closed, rig));
	forest_destroy(rig->forest);
}

static struct replay_counts reopen(struct rig *rig)
{
	struct replay_counts counts;

	close_rooms(rig);
	open_rooms(rig);
	assert_int_equal(ingest_recover(rig->ingest, &counts), 0);
	return counts;
}

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	*state = rig;
	if (!rig || folder_make(&rig->folder) != 0 || uv_loop_init(&rig->loop) != 0 ||
	    batches_init(&rig->batches, 1, 77) != 0)
		return -1;
	rig->now_ns = NOW;
	open_rooms(rig);
	return 0;
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	close_rooms(rig);
	batches_finish(&rig->batches);
	arena_finish(&rig->arena);
	folder_remove(&rig->folder);
	if (!loop_finish(&rig->loop))
		return -1;
	free(rig);
	return 0;
}

static struct boot_id boot_of(uint32_t number)
{
	struct boot_id boot = {{0}};

	memcpy(boot.octets, &number, sizeof(number));
	return boot;
}

/* A certificate of up to two names, and of a machine when that is not 0. */
static struct certificate certificate_of(const char *name, const char *other, uint8_t machine)
{
	struct certificate certificate = {.machine_known = machine, .name_count = other ? 2 : 1};

	(void)snprintf(certificate.names[0], sizeof(certificate.names[0]), "%s", name);
	(void)snprintf(certificate.names[1], sizeof(certificate.names[1]), "%s", other ? other : "");
	memset(certificate.machine_id, machine, sizeof(certificate.machine_id));
	(void)snprintf((char *)certificate.digest, sizeof(certificate.digest), "%s %s %u", name, other ? other : "", machine);
	return certificate;
}

static int join(struct rig *rig, struct visitor *visitor, uint32_t boot, const char *name, uint8_t machine,
		const struct certificate *certificate)
{
	struct origin origin = {.certificate = certificate};
	struct hello hello = {.protocol_version = 1,
			      .boot = boot_of(boot),
			      .hostname = bytes_from_string(name),
			      .stream = 77,
			      .first_unacked_seq = 1,
			      .boottime_ns = ++rig->hellos,
			      .machine_id_known = machine};

	*visitor = (struct visitor){0};
	memset(hello.machine_id, machine, sizeof(hello.machine_id));
	return ingest_join(rig->ingest, &hello, &origin, &events, visitor, rig->now_ns, &visitor->peer, &visitor->welcome,
			   &visitor->refusal);
}

static int bring(struct rig *rig, struct visitor *visitor, uint32_t boot, uint64_t seq, unsigned facts)
{
	const uint8_t *data;
	size_t len;

	rig->batches.boot = boot_of(boot);
	data = batches_make(&rig->batches, seq, facts, seq * 1000, &len);
	assert_non_null(data);
	arena_reset(&rig->arena);
	return ingest_batch(visitor->peer, &rig->arena, bytes_make(data, len), rig->now_ns, &visitor->refusal);
}

static bool has_all(void *owner)
{
	return ingest_unacked(((struct visitor *)owner)->peer) == 0;
}

/* The host of boot 1 is still web-1, and that somebody wanted to be it is counted. */
static void assert_untouched(struct rig *rig, uint64_t refused)
{
	struct fleet_ingest_stats stats = {0};
	struct boot_id boot = boot_of(1);
	struct forest_host_info info;
	struct fleet_link link;

	forest_host_info(forest_host_find(rig->forest, &boot), &info);
	assert_true(bytes_equal(info.hostname, BYTES_LITERAL("web-1")));
	ingest_link(rig->ingest, &boot, NOW, &link);
	assert_int_equal(link.refused, refused);
	ingest_stats(rig->ingest, &stats);
	assert_int_equal(stats.foreign_total, refused);
}

/* A host whose certificate has no more than its name knows another one's ids, which are no secrets. */
static void a_certificate_speaks_for_its_own_host_alone(void **state)
{
	struct certificate victim = certificate_of("web-1.example", NULL, 0), thief = certificate_of("web-2", NULL, 0);
	struct speaker speaker;
	struct rig *rig = *state;
	struct visitor visitor;

	assert_int_equal(join(rig, &visitor, 1, "web-1", 5, &victim), 0);
	assert_int_equal(bring(rig, &visitor, 1, 1, 3), 0);
	assert_true(loop_until(&rig->loop, has_all, &visitor));
	ingest_leave(visitor.peer);
	for (int i = 0; i < 2; i++) {
		struct boot_id boot = boot_of(1);
		struct origin origin = {.certificate = &thief};
		struct hello hello = {.machine_id_known = true};

		assert_int_equal(join(rig, &visitor, 1, "web-2", 5, &thief), INGEST_E_REFUSED);
		assert_int_equal(visitor.refusal.code, REJECT_IDENTITY);
		assert_non_null(strstr(visitor.refusal.reason, "belongs to another machine"));
		/* and a batch as one of a boot before, here and for another loop */
		assert_int_equal(join(rig, &visitor, 2, "web-2", 5, &thief), 0);
		assert_int_equal(bring(rig, &visitor, 1, 1, 4), INGEST_E_REFUSED);
		assert_int_equal(visitor.refusal.code, REJECT_IDENTITY);
		ingest_leave(visitor.peer);
		memset(hello.machine_id, 5, sizeof(hello.machine_id));
		assert_int_equal(speaker_init(&speaker, &hello, &origin), 0);
		assert_int_equal(ingest_join_other(rig->ingest, &boot, 77, &speaker, &events, &visitor, &visitor.peer,
						   &visitor.refusal),
				 INGEST_E_REFUSED);
		speaker_finish(&speaker);
		assert_untouched(rig, 3);
		(void)reopen(rig); /* who it was is known from the journal */
	}
	assert_int_equal(join(rig, &visitor, 1, "web-1", 5, &victim), 0);
	ingest_leave(visitor.peer);
}

static void a_host_may_change_its_name_if_its_certificate_may(void **state)
{
	struct certificate both = certificate_of("web-1", "db-1", 0), machine = certificate_of("web-9", NULL, 5),
			   other = certificate_of("web-8", NULL, 0);
	struct rig *rig = *state;
	struct visitor visitor;

	assert_int_equal(join(rig, &visitor, 1, "web-1", 5, &both), 0);
	ingest_leave(visitor.peer);
	assert_int_equal(join(rig, &visitor, 1, "db-1", 5, &both), 0);
	ingest_leave(visitor.peer);
	assert_int_equal(join(rig, &visitor, 1, "web-9", 5, &machine), 0); /* the authority says that it is this machine */
	ingest_leave(visitor.peer);
	assert_int_equal(join(rig, &visitor, 1, "web-8", 5, &other), INGEST_E_REFUSED);
	assert_int_equal(join(rig, &visitor, 1, "web-9", 6, &machine), INGEST_E_REFUSED);
}

static void a_session_has_only_so_many_boots_before(void **state)
{
	struct rig *rig = *state;
	struct visitor visitor;
	uint64_t seq = 1;

	assert_int_equal(join(rig, &visitor, 1, "web-1", 0, NULL), 0);
	for (; seq <= INGEST_SESSION_BOOTS_MAX; seq++) {
		assert_int_equal(bring(rig, &visitor, 100 + (uint32_t)seq, seq, 1), 0);
		assert_true(loop_until(&rig->loop, has_all, &visitor));
	}
	assert_int_equal(bring(rig, &visitor, 100 + (uint32_t)seq, seq, 1), INGEST_E_REFUSED);
	assert_int_equal(visitor.refusal.code, REJECT_LIMIT);
	ingest_leave(visitor.peer);
	assert_int_equal(join(rig, &visitor, 1, "web-1", 0, NULL), 0); /* the rest may come now */
	assert_int_equal(bring(rig, &visitor, 100 + (uint32_t)seq, seq, 1), 0);
	assert_int_equal(bring(rig, &visitor, 1, seq + 1, 1), 0);
	ingest_leave(visitor.peer);
}

/* A boot a day of each of a few machines, for longer than the table has room: nobody is turned away, a restart in the midst of
 * it included, and those of today are there after each. */
static void reboots_never_fill_the_table(void **state)
{
	struct rig *rig = *state;
	struct forest_stats stats;
	struct visitor visitor;

	for (uint32_t day = 0; day < 40; day++) {
		for (uint32_t machine = 1; machine <= 4; machine++) {
			assert_int_equal(join(rig, &visitor, day * 10 + machine, "web", (uint8_t)machine, NULL), 0);
			assert_int_equal(bring(rig, &visitor, day * 10 + machine, 1, 2), 0);
			assert_true(loop_until(&rig->loop, has_all, &visitor));
			ingest_leave(visitor.peer);
		}
		rig->now_ns += 86400ll * 1000000000;
		if (day % 10 == 9)
			assert_int_equal(reopen(rig).refused, 0);
		forest_stats(rig->forest, &stats);
		assert_true(stats.hosts <= HOSTS_MAX);
		for (uint32_t machine = 1; machine <= 4; machine++) {
			struct boot_id boot = boot_of(day * 10 + machine);

			assert_non_null(forest_host_find(rig->forest, &boot));
			assert_non_null(streams_find(&rig->ingest->streams, &boot, 77));
		}
		assert_int_equal(rig->ingest->links.index.count, stats.hosts);
		assert_int_equal(rig->ingest->streams.boots.count, stats.hosts);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_certificate_speaks_for_its_own_host_alone),
	    TEST(a_host_may_change_its_name_if_its_certificate_may),
	    TEST(a_session_has_only_so_many_boots_before),
	    TEST(reboots_never_fill_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
