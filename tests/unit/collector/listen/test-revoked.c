/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate that is revoked while its connection is between two loops: whoever judges there does not see it. */
#include "proto/stream/tls-context.h"
#include "tests/unit/authority.h"
#include "tests/unit/collector/listen/rig.h"

enum log_level log_level = LOG_LEVEL_ERROR;

#define SERIAL 7

struct world {
	struct authority authority;
	struct tls_context *server, *client;
	struct census census;
	struct route route;
	bool elsewhere; /* where boots belong */
	struct passage *passage;
};

static bool is_ours(void *owner, const struct boot_id *boot)
{
	(void)boot;
	return !((struct world *)owner)->elsewhere;
}

static void move(void *owner, const struct boot_id *boot, struct passage *passage)
{
	(void)boot;
	((struct world *)owner)->passage = passage;
}

static void joined(void *owner, const struct hello *hello)
{
	(void)owner;
	(void)hello;
}

static void breathe(void *owner)
{
	(void)owner;
}

static struct tls_context *make_context(const struct folder *folder, enum tls_side side)
{
	const char *const names[] = {"ca.pem", side == TLS_SERVER ? "collector.pem" : "sensor.pem",
				     side == TLS_SERVER ? "collector.key" : "sensor.key", "crl.pem"};
	char paths[4][FOLDER_PATH_MAX * 2];
	struct tls_options options = {.side = side, .ca = paths[0], .cert = paths[1], .key = paths[2], .mutual = side == TLS_SERVER};
	struct tls_context *context;

	for (unsigned i = 0; i < 4; i++)
		folder_file(folder, names[i], paths[i]);
	options.crl = side == TLS_SERVER ? paths[3] : NULL;
	assert_int_equal(tls_context_create(&context, &options, NULL), 0);
	return context;
}

static void begin(struct world *world, struct rig *rig)
{
	const struct folder *folder = &rig->folder;

	authority_make(&world->authority, "test authority");
	authority_write(&world->authority, folder, "ca.pem");
	authority_write_revocations(&world->authority, folder, "crl.pem");
	authority_issue(&world->authority, folder, "collector", &(struct request_for){"c", "IP:127.0.0.1", "serverAuth", 0, 0, 2});
	authority_issue(&world->authority, folder, "sensor", &(struct request_for){"web-1", "DNS:web-1", "clientAuth", 0, 0, SERIAL});
	world->server = make_context(folder, TLS_SERVER);
	world->client = make_context(folder, TLS_CLIENT);
	assert_int_equal(census_init(&world->census), 0);
	world->route = (struct route){.is_ours = is_ours, .move = move, .joined = joined, .breathe = breathe, .owner = world};
	listen_with(rig, &(struct listener_options){.tls = world->server, .census = &world->census, .route = &world->route});
}

static void finish(struct world *world, struct rig *rig)
{
	close_listener(rig);
	census_finish(&world->census);
	tls_context_unref(world->server);
	tls_context_unref(world->client);
	authority_finish(&world->authority);
}

static struct peer *secure_peer(struct rig *rig, struct tls_context *context)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	assert_non_null(peer);
	peer->rig = rig;
	frame_reader_init(&peer->reader, INPUT_MAX);
	assert_int_equal(stream_create(&peer->stream, &rig->loop, &events, peer), 0);
	assert_int_equal(stream_secure(peer->stream, context, "127.0.0.1"), 0);
	assert_int_equal(stream_connect(peer->stream, "127.0.0.1", rig->address.port), 0);
	assert_true(loop_until(&rig->loop, is_connected, peer));
	assert_int_equal(stream_read_start(peer->stream), 0);
	say_hello(peer, PROTOCOL_VERSION);
	return peer;
}

static bool is_on_its_way(void *owner)
{
	return ((struct world *)owner)->passage;
}

/* The witness shows that the listener has judged those who are there. */
static void who_was_between_two_loops_is_judged_on_arrival(void **state)
{
	struct rig *rig = *state;
	struct peer *witness, *traveller;
	struct world world = {0};

	begin(&world, rig);
	witness = secure_peer(rig, world.client);
	assert_true(loop_until(&rig->loop, was_welcomed, witness));
	world.elsewhere = true;
	traveller = secure_peer(rig, world.client);
	assert_true(loop_until(&rig->loop, is_on_its_way, &world));
	authority_revoke(&world.authority, SERIAL);
	authority_write_revocations(&world.authority, &rig->folder, "crl.pem");
	assert_int_equal(tls_context_refresh(world.server, NULL), 0);
	assert_rejected(witness, REJECT_IDENTITY, "revoked");
	world.elsewhere = false;
	listener_adopt(rig->listener, &world.census, world.passage);
	assert_rejected(traveller, REJECT_IDENTITY, "revoked");
	finish(&world, rig);
}

static void who_is_not_revoked_goes_on(void **state)
{
	struct rig *rig = *state;
	struct peer *traveller;
	struct world world = {.elsewhere = true};

	begin(&world, rig);
	traveller = secure_peer(rig, world.client);
	assert_true(loop_until(&rig->loop, is_on_its_way, &world));
	assert_int_equal(tls_context_reload(world.server, NULL), 0);
	world.elsewhere = false;
	listener_adopt(rig->listener, &world.census, world.passage);
	assert_true(loop_until(&rig->loop, was_welcomed, traveller));
	peer_close(traveller);
	finish(&world, rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_was_between_two_loops_is_judged_on_arrival),
	    TEST(who_is_not_revoked_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
