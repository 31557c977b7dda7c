/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of what is revoked: whom they end, when, and who is asked for. */
#include <openssl/x509v3.h>

#include "tests/unit/proto/stream/ends.h"

static struct tls_context *revoking_context(void)
{
	return context(&(struct tls_options){.side = TLS_SERVER,
					     .ca = file("ca.pem"),
					     .cert = file("collector.pem"),
					     .key = file("collector.key"),
					     .crl = file("crl.pem"),
					     .mutual = true});
}

/* A handshake that ends well. */
static void meet(struct pair *pair, struct tls_context *client, struct tls_context *server)
{
	int at_client, at_server;

	open_pair(pair, client, server, "collector.example");
	shake(pair, TLS_FEED_MAX, &at_client, &at_server);
	assert_int_equal(at_server, 0);
}

static void a_revoked_one_is_refused_and_found_under_a_live_connection(void **state)
{
	struct tls_context *client, *server;
	struct pair pair;

	(void)state;
	issue(&world.authority, "lost", &(struct request_for){"web-2", "DNS:web-2", "clientAuth", 0, 0, 77});
	authority_write_revocations(&world.authority, &world.folder, "crl.pem");
	client = client_context("lost");
	server = revoking_context();
	meet(&pair, client, server);
	say(pair.server, pair.client, "welcome");
	assert_int_equal(tls_verify_again(pair.server), 0);
	assert_int_equal(tls_context_refresh(server, NULL), TLS_CONTEXT_E_SAME);

	authority_revoke(&world.authority, 77);
	authority_write_revocations(&world.authority, &world.folder, "crl.pem");
	assert_int_equal(tls_context_refresh(server, NULL), 0);
	say(pair.client, pair.server, "still here"); /* a reload breaks no connection by itself */
	assert_int_equal(tls_verify_again(pair.server), -EPROTO);
	assert_says(pair.server, "certificate revoked; make a new one");
	close_pair(&pair);
	/* with a ticket of before, too */
	check_refused(client, server, "collector.example", "our certificate is revoked", "certificate revoked");
	check_refused(client_context("sensor"), context(&(struct tls_options){.side = TLS_SERVER,
									      .ca = file("ca.pem"),
									      .cert = file("sensor.pem"),
									      .key = file("sensor.key"),
									      .mutual = true}),
		      "web-1", "", "");
}

/* A handshake that began under the old files, and ends under the new ones. */
static int end_after_a_reload(struct tls_context *client, struct tls_context *server, long revoked, struct pair *pair)
{
	open_pair(pair, client, server, "collector.example");
	assert_int_equal(tls_handshake(pair->client), TLS_E_AGAIN);
	assert_true(carry(pair->client, pair->server, TLS_FEED_MAX) > 0);
	assert_int_equal(tls_handshake(pair->server), TLS_E_AGAIN);
	authority_revoke(&world.authority, revoked);
	authority_write_revocations(&world.authority, &world.folder, "crl.pem");
	assert_int_equal(tls_context_refresh(server, NULL), 0);
	assert_true(carry(pair->server, pair->client, TLS_FEED_MAX) > 0);
	assert_int_equal(tls_handshake(pair->client), 0);
	assert_true(carry(pair->client, pair->server, TLS_FEED_MAX) > 0);
	return tls_handshake(pair->server);
}

static void who_began_before_a_reload_is_judged_by_what_it_loaded(void **state)
{
	struct tls_context *client, *server;
	struct tls_counts counts;
	struct pair pair;

	(void)state;
	issue(&world.authority, "late", &(struct request_for){"web-5", "DNS:web-5", "clientAuth", 0, 0, 90});
	authority_write_revocations(&world.authority, &world.folder, "crl.pem");
	client = client_context("late");
	server = revoking_context();
	shakes(client, server, NULL); /* leaves a ticket: what comes next resumes, which verifies nothing */
	assert_int_equal(end_after_a_reload(client, server, 91, &pair), 0); /* somebody else's */
	assert_true(tls_resumed(pair.server));
	say(pair.client, pair.server, "hello");
	close_pair(&pair);
	shakes(client, server, NULL);
	assert_int_equal(end_after_a_reload(client, server, 90, &pair), -EPROTO);
	assert_says(pair.server, "certificate revoked; make a new one");
	close_pair(&pair);
	tls_context_counts(server, &counts);
	assert_int_equal(counts.failed, 1);
	tls_context_unref(client);
	tls_context_unref(server);
}

/* One resumed by a ticket, which has the peer's certificate without those between it and the authority. */
static void resume(struct pair *pair, struct tls_context *client, struct tls_context *server)
{
	shakes(client, server, NULL);
	meet(pair, client, server);
	assert_true(tls_resumed(pair->server));
	say(pair->client, pair->server, "hello");
}

static void who_resumed_is_judged_by_its_whole_chain(void **state)
{
	struct tls_context *clients[2], *server;
	struct authority between;
	struct pair pairs[2];

	(void)state;
	authority_make_below(&between, &world.authority, "between", 80);
	authority_issue(&between, &world.folder, "good", &(struct request_for){"web-3", "DNS:web-3", "clientAuth", 0, 0, 81});
	authority_issue(&between, &world.folder, "lost", &(struct request_for){"web-4", "DNS:web-4", "clientAuth", 0, 0, 82});
	authority_append(&between, &world.folder, "good.pem");
	authority_append(&between, &world.folder, "lost.pem");
	authority_write_revocations(&between, &world.folder, "crl.pem");
	server = revoking_context();
	clients[0] = client_context("good");
	clients[1] = client_context("lost");
	for (unsigned i = 0; i < 2; i++)
		resume(&pairs[i], clients[i], server);
	assert_int_equal(tls_context_reload(server, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(tls_verify_again(pairs[i].server), 0);

	authority_revoke(&between, 82);
	authority_write_revocations(&between, &world.folder, "crl.pem");
	assert_int_equal(tls_context_refresh(server, NULL), 0);
	assert_int_equal(tls_verify_again(pairs[0].server), 0);
	assert_int_equal(tls_verify_again(pairs[1].server), -EPROTO);
	assert_says(pairs[1].server, "certificate revoked; make a new one");
	for (unsigned i = 0; i < 2; i++)
		close_pair(&pairs[i]);
	check_refused(clients[1], server, "collector.example", "our certificate is revoked", "certificate revoked");
	tls_context_unref(clients[0]);
	authority_finish(&between);
}

static void write_lists(struct authority *between)
{
	authority_write_revocations(between, &world.folder, "crl.pem");
	authority_append_revocations(&world.authority, &world.folder, "crl.pem");
}

/* By the list of the authority above it, where there is one. */
static void an_authority_between_is_revoked_with_all_that_it_signed(void **state)
{
	struct tls_context *client, *server;
	struct authority between;
	struct pair pair;

	(void)state;
	authority_make_below(&between, &world.authority, "between", 83);
	authority_issue(&between, &world.folder, "signed", &(struct request_for){"web-6", "DNS:web-6", "clientAuth", 0, 0, 84});
	authority_append(&between, &world.folder, "signed.pem");
	write_lists(&between);
	server = revoking_context();
	client = client_context("signed");
	meet(&pair, client, server);
	say(pair.client, pair.server, "hello");

	authority_revoke(&world.authority, 83);
	write_lists(&between);
	assert_int_equal(tls_context_refresh(server, NULL), 0);
	assert_int_equal(tls_verify_again(pair.server), -EPROTO);
	assert_says(pair.server, "the authority above the peer's certificate '/CN=between' is refused: certificate revoked");
	close_pair(&pair);
	check_refused(client, server, "collector.example", "our certificate is revoked", "certificate revoked");
	authority_finish(&between);
}

/* What is named as trusted needs nobody's list, also where there is one of whoever signed it, which nothing here can prove. */
static void a_trusted_authority_below_another_needs_no_list(void **state)
{
	struct tls_context *client, *server;
	struct authority between;

	(void)state;
	authority_make_below(&between, &world.authority, "trusted", 85);
	authority_issue(&between, &world.folder, "signed", &(struct request_for){"web-7", "DNS:web-7", "clientAuth", 0, 0, 86});
	authority_write(&between, &world.folder, "between.pem");
	write_lists(&between);
	client = client_context("signed");
	server = context(&(struct tls_options){.side = TLS_SERVER,
					       .ca = file("between.pem"),
					       .cert = file("collector.pem"),
					       .key = file("collector.key"),
					       .crl = file("crl.pem"),
					       .mutual = true});
	shakes(client, server, NULL);
	authority_revoke(&between, 86);
	write_lists(&between);
	assert_int_equal(tls_context_refresh(server, NULL), 0);
	check_refused(client, server, "collector.example", "our certificate is revoked", "certificate revoked");
	authority_finish(&between);
}

static void a_list_of_users_alone_says_nothing_of_authorities(void **state)
{
	ISSUING_DIST_POINT *users = ISSUING_DIST_POINT_new();
	struct tls_context *client, *server;
	struct authority between;

	(void)state;
	users->onlyuser = 0xff;
	assert_int_equal(X509_CRL_add1_ext_i2d(world.authority.crl, NID_issuing_distribution_point, users, 1, 0), 1);
	ISSUING_DIST_POINT_free(users);
	authority_make_below(&between, &world.authority, "between", 87);
	authority_issue(&between, &world.folder, "signed", &(struct request_for){"web-8", "DNS:web-8", "clientAuth", 0, 0, 88});
	authority_append(&between, &world.folder, "signed.pem");
	write_lists(&between);
	client = client_context("signed");
	server = revoking_context();
	shakes(client, server, NULL);
	authority_revoke(&between, 88);
	write_lists(&between);
	assert_int_equal(tls_context_refresh(server, NULL), 0);
	check_refused(client, server, "collector.example", "our certificate is revoked", "certificate revoked");
	authority_finish(&between);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_revoked_one_is_refused_and_found_under_a_live_connection),
	    cmocka_unit_test(who_began_before_a_reload_is_judged_by_what_it_loaded),
	    cmocka_unit_test(who_resumed_is_judged_by_its_whole_chain),
	    cmocka_unit_test(an_authority_between_is_revoked_with_all_that_it_signed),
	    cmocka_unit_test(a_trusted_authority_below_another_needs_no_list),
	    cmocka_unit_test(a_list_of_users_alone_says_nothing_of_authorities), /* last: its list stays as it is */
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
