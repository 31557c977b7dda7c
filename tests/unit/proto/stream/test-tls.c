/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends that speak through memory: every failure that a person must be able to mend, every cut, garbage. */
#include "tests/unit/proto/stream/ends.h"

#define BULK ((size_t)1 << 20)

/* ---- what works ---------------------------------------------------------------------------------------------- */

static void both_ends_know_each_other(void **state)
{
	struct tls_context *client = client_context("sensor"), *server = server_context();
	struct certificate certificate;
	struct pair pair;
	int at_client, at_server;

	(void)state;
	open_pair(&pair, client, server, "collector.example");
	shake(&pair, TLS_FEED_MAX, &at_client, &at_server);
	assert_int_equal(at_client, 0);
	assert_int_equal(at_server, 0);
	assert_true(tls_peer(pair.server, &certificate));
	assert_int_equal(certificate.name_count, 1);
	assert_string_equal(certificate.names[0], "web-1");
	assert_string_equal(certificate.serial, "0B");
	assert_true(certificate.machine_known);
	assert_false(certificate.machine_bad);
	assert_int_equal(tls_verify_again(pair.server), 0);
	say(pair.client, pair.server, "hello");
	say(pair.server, pair.client, "welcome");
	assert_string_equal(tls_why(pair.client), "");
	close_pair(&pair);
	tls_context_unref(client);
	tls_context_unref(server);
}

static void every_cut_of_the_handshake_works(void **state)
{
	struct tls_context *client = client_context("sensor"), *server = server_context();

	(void)state;
	for (size_t piece = 1; piece <= 67; piece += piece == 1 ? 1 : 13) {
		int at_client, at_server;
		struct pair pair;

		open_pair(&pair, client, server, "127.0.0.1");
		shake(&pair, piece, &at_client, &at_server);
		assert_int_equal(at_client, 0);
		assert_int_equal(at_server, 0);
		close_pair(&pair);
	}
	tls_context_unref(client);
	tls_context_unref(server);
}

static void carries_bulk_in_order(void **state)
{
	struct tls_context *client = client_context("sensor"), *server = server_context();
	uint8_t *plain = malloc(BULK), *heard = malloc(BULK), *sealed;
	size_t len, got = 0, part;
	int at_client, at_server;
	struct pair pair;

	(void)state;
	assert_true(plain && heard);
	for (size_t i = 0; i < BULK; i++)
		plain[i] = (uint8_t)(i * 31 + (i >> 9));
	open_pair(&pair, client, server, "collector.example");
	shake(&pair, TLS_FEED_MAX, &at_client, &at_server);
	assert_int_equal(tls_write(pair.client, plain, BULK, &sealed, &len), 0);
	assert_true(len > BULK);
	for (size_t at = 0; at < len; at += 5000) {
		assert_int_equal(tls_feed(pair.server, sealed + at, len - at < 5000 ? len - at : 5000), 0);
		(void)read_all(pair.server, heard + got, BULK - got, &part);
		got += part;
	}
	assert_int_equal(got, BULK);
	assert_memory_equal(heard, plain, BULK);
	assert_false(tls_has_input(pair.server));
	free(plain);
	free(heard);
	free(sealed);
	close_pair(&pair);
	tls_context_unref(client);
	tls_context_unref(server);
}

static void the_end_is_told(void **state)
{
	struct tls_context *client = client_context("sensor"), *server = server_context();
	int at_client, at_server;
	struct pair pair;
	uint8_t byte;
	size_t len;

	(void)state;
	open_pair(&pair, client, server, "collector.example");
	shake(&pair, TLS_FEED_MAX, &at_client, &at_server);
	tls_end(pair.client);
	assert_true(carry(pair.client, pair.server, TLS_FEED_MAX) > 0);
	assert_int_equal(tls_read(pair.server, &byte, 1, &len), TLS_E_END);
	close_pair(&pair);
	tls_context_unref(client);
	tls_context_unref(server);
}

static void a_second_connection_resumes_until_the_files_are_read_again(void **state)
{
	struct tls_context *client = client_context("sensor"), *server = server_context();
	struct tls_counts counts;
	bool resumed;

	(void)state;
	shakes(client, server, &resumed);
	assert_false(resumed);
	shakes(client, server, &resumed);
	assert_true(resumed);
	shakes(client, server, &resumed);
	assert_true(resumed);
	assert_int_equal(tls_context_reload(server, NULL), 0);
	shakes(client, server, &resumed);
	assert_false(resumed);
	tls_context_counts(server, &counts);
	assert_int_equal(counts.full, 2);
	assert_int_equal(counts.resumed, 2);
	assert_int_equal(counts.reloads, 1);
	assert_int_equal(tls_context_reload(client, NULL), 0);
	shakes(client, server, &resumed);
	assert_false(resumed);
	tls_context_unref(client);
	tls_context_unref(server);
}

/* ---- what must fail, and what is said ------------------------------------------------------------------------ */

static void a_stranger_is_refused(void **state)
{
	(void)state;
	issue(&world.stranger, "foreign", &(struct request_for){"web-1", "DNS:web-1", "clientAuth", 0, 0, 3});
	check_refused(client_context("foreign"), server_context(), "collector.example", "does not trust the authority of our certificate",
		      "is its authority in the collector's --tls-ca?");
}

static void a_collector_of_a_stranger_is_refused(void **state)
{
	struct tls_context *server;

	(void)state;
	issue(&world.stranger, "false", &(struct request_for){"c", "DNS:collector.example", "serverAuth", 0, 0, 3});
	server = context(&(struct tls_options){.side = TLS_SERVER, .cert = file("false.pem"), .key = file("false.key")});
	check_refused(client_context("sensor"), server, "collector.example", "is its authority in the file of --tls-ca here?", "unknown CA");
}

static void an_expired_certificate_is_refused(void **state)
{
	(void)state;
	issue(&world.authority, "old", &(struct request_for){"web-1", "DNS:web-1", "clientAuth", -7200, -3600, 4});
	check_refused(client_context("old"), server_context(), "collector.example", "our certificate has expired: renew it",
		      "'/CN=web-1' is refused: certificate has expired");
	issue(&world.authority, "young", &(struct request_for){"web-1", "DNS:web-1", "clientAuth", 3600, 7200, 5});
	check_refused(client_context("young"), server_context(), "collector.example", "the peer refuses", "look at the clocks");
}

static void another_name_is_refused(void **state)
{
	(void)state;
	check_refused(client_context("sensor"), server_context(), "other.example", "connect by a name that stands in it", "the peer refuses");
	check_refused(client_context("sensor"), server_context(), "127.0.0.2", "connect by a name that stands in it", "the peer refuses");
}

static void a_sensor_cannot_pose_as_collector(void **state)
{
	struct tls_context *server = context(&(struct tls_options){.side = TLS_SERVER,
								   .ca = file("ca.pem"),
								   .cert = file("sensor.pem"),
								   .key = file("sensor.key"),
								   .mutual = true});

	(void)state;
	check_refused(client_context("sensor"), server, "web-1", "it was made for a client", "the peer refuses");
}

static void without_certificate_is_refused(void **state)
{
	struct tls_context *client = context(&(struct tls_options){.side = TLS_CLIENT, .ca = file("ca.pem")});

	(void)state;
	check_refused(client, server_context(), "collector.example", "give --tls-cert and --tls-key", "the peer shows no certificate");
}

static void a_file_that_is_broken_changes_nothing(void **state)
{
	struct tls_context *client = client_context("sensor"), *server;
	char *why = NULL;
	struct tls_counts counts;

	(void)state;
	issue(&world.authority, "other", &(struct request_for){"collector", "DNS:collector.example", "serverAuth", 0, 0, 12});
	server = context(&(struct tls_options){
	    .side = TLS_SERVER, .ca = file("ca.pem"), .cert = file("other.pem"), .key = file("other.key"), .mutual = true});
	assert_int_equal(folder_truncate(&world.folder, "other.pem", 100), 0);
	assert_int_equal(tls_context_refresh(server, &why), -EINVAL);
	assert_non_null(strstr(why, "other.pem holds no certificate"));
	free(why);
	assert_int_equal(tls_context_refresh(server, NULL), TLS_CONTEXT_E_SAME); /* said once */
	tls_context_counts(server, &counts);
	assert_int_equal(counts.reload_failures, 1);
	shakes(client, server, NULL);
	tls_context_unref(client);
	tls_context_unref(server);
}

static void check_not_created(const struct tls_options *options, int error, const char *says)
{
	struct tls_context *made;
	char *why = NULL;

	assert_int_equal(tls_context_create(&made, options, &why), error);
	assert_non_null(why);
	if (!strstr(why, says))
		fail_msg("'%s' does not say '%s'", why, says);
	free(why);
}

static void files_that_will_not_do_are_named(void **state)
{
	struct tls_options options = {
	    .side = TLS_SERVER, .ca = file("ca.pem"), .cert = file("collector.pem"), .key = file("collector.key"), .mutual = true};
	char path[FOLDER_PATH_MAX * 2];

	(void)state;
	options.key = file("sensor.key");
	check_not_created(&options, -EINVAL, "does not belong to the certificate");
	options.key = file("ca.pem");
	check_not_created(&options, -EACCES, "can read it; chmod 600 it");
	options.key = file("none.key");
	check_not_created(&options, -ENOENT, "cannot open the private key");
	options.key = NULL;
	check_not_created(&options, -EINVAL, "belong together");
	options.key = file("collector.key");
	options.crl = file("ca.pem");
	check_not_created(&options, -EINVAL, "holds no list");
	options.crl = NULL;
	options.ca = file("collector.key");
	check_not_created(&options, -EINVAL, "holds no certificate");
	options.ca = NULL;
	check_not_created(&options, -EINVAL, "authorities that peers must be signed by");
	options.ca = world.folder.path;
	check_not_created(&options, -EINVAL, "not a plain file");
	issue(&world.authority, "open", &(struct request_for){"x", "DNS:x", "serverAuth", 0, 0, 13});
	folder_file(&world.folder, "open.key", path);
	assert_int_equal(chmod(path, 0620), 0);
	options = (struct tls_options){.side = TLS_SERVER, .cert = file("open.pem"), .key = path};
	check_not_created(&options, -EACCES, "can write it");
	assert_int_equal(chmod(path, 0640), 0);
	tls_context_unref(context(&options));
	folder_file(&world.folder, "open.pem", path);
	assert_int_equal(chmod(path, 0666), 0);
	options = (struct tls_options){.side = TLS_SERVER, .cert = path, .key = file("open.key")};
	check_not_created(&options, -EACCES, "everybody can write it");
}

/* ---- peers that are none ------------------------------------------------------------------------------------- */

static void check_garbage(const void *data, size_t len, const char *says)
{
	struct tls_context *server = server_context();
	struct tls_counts counts;
	uint8_t *alert;
	struct tls *tls;
	size_t alert_len;

	assert_int_equal(tls_create(&tls, server, NULL), 0);
	assert_int_equal(tls_feed(tls, data, len), 0);
	assert_int_equal(tls_handshake(tls), -EPROTO);
	assert_says(tls, says);
	assert_int_equal(tls_take(tls, &alert, &alert_len), 0);
	free(alert);
	tls_context_counts(server, &counts);
	assert_int_equal(counts.failed, 1);
	assert_int_equal(tls_handshake(tls), -EPROTO); /* and ever after */
	tls_destroy(tls);
	tls_context_unref(server);
}

static void garbage_is_refused(void **state)
{
	uint8_t zeros[64] = {0}, record[64] = {22, 3, 1, 0, 59, 99};

	(void)state;
	check_garbage("GET / HTTP/1.1\r\n\r\n", 18, "plain HTTP");
	check_garbage("\0\0\0\0\20hello, collector", 21, "no TLS");
	check_garbage(zeros, sizeof(zeros), "no TLS");
	check_garbage(record, sizeof(record), "");
}

/* An independent client that is held down to TLS 1.2. */
static void tls_1_2_is_refused(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;
	char hello[4096];
	int len;

	(void)state;
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION), 1);
	ssl = SSL_new(ctx);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(ssl);
	assert_int_equal(SSL_do_handshake(ssl), -1);
	len = BIO_read(SSL_get_wbio(ssl), hello, sizeof(hello));
	assert_true(len > 0);
	check_garbage(hello, (size_t)len, "older than TLS 1.3");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* Records that are in order and never lead anywhere. */
static void a_handshake_without_end_is_cut_off(void **state)
{
	struct tls_context *server = server_context();
	uint8_t piece[1024] = {22, 3, 1, 64, 0, 1, 0, 255, 255}; /* a record of 16 KiB, a hello of 64 KiB */
	struct tls *tls;
	int fed = 0, shaken = TLS_E_AGAIN;

	(void)state;
	assert_int_equal(tls_create(&tls, server, NULL), 0);
	for (unsigned i = 0; i < 1000 && fed == 0 && shaken == TLS_E_AGAIN; i++) {
		fed = tls_feed(tls, piece, sizeof(piece));
		shaken = tls_handshake(tls);
		memset(piece, 0, sizeof(piece));
	}
	assert_int_equal(shaken, -EPROTO);
	tls_destroy(tls);
	tls_context_unref(server);
}

/* The version in the header of a record is ignored (RFC 8446, 5.1). */
static bool says_nothing(const uint8_t *data, size_t len, size_t at)
{
	for (size_t record = 0; record + 5 <= len; record += 5 + ((size_t)data[record + 3] << 8 | data[record + 4]))
		if (at == record + 1 || at == record + 2)
			return true;
	return false;
}

/* Whatever byte of the handshake is changed on the way, nobody ends with a connection to somebody else. */
static void a_changed_byte_breaks_the_handshake(void **state)
{
	struct tls_context *client = client_context("sensor"), *server = server_context();

	(void)state;
	for (size_t at = 0; at < 1200; at += 7) {
		struct pair pair;
		uint8_t *data;
		size_t len;
		int r;

		open_pair(&pair, client, server, "collector.example");
		(void)tls_handshake(pair.client);
		(void)carry(pair.client, pair.server, TLS_FEED_MAX);
		assert_int_equal(tls_take(pair.server, &data, &len), 0);
		assert_true(len > 0);
		if (says_nothing(data, len, at % len)) {
			free(data);
			close_pair(&pair);
			continue;
		}
		data[at % len] ^= 0x20;
		assert_int_equal(tls_feed(pair.client, data, len), 0);
		free(data);
		r = tls_handshake(pair.client);
		assert_int_not_equal(r, 0);
		close_pair(&pair);
	}
	tls_context_unref(client);
	tls_context_unref(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ends_know_each_other),
	    cmocka_unit_test(every_cut_of_the_handshake_works),
	    cmocka_unit_test(carries_bulk_in_order),
	    cmocka_unit_test(the_end_is_told),
	    cmocka_unit_test(a_second_connection_resumes_until_the_files_are_read_again),
	    cmocka_unit_test(a_stranger_is_refused),
	    cmocka_unit_test(a_collector_of_a_stranger_is_refused),
	    cmocka_unit_test(an_expired_certificate_is_refused),
	    cmocka_unit_test(another_name_is_refused),
	    cmocka_unit_test(a_sensor_cannot_pose_as_collector),
	    cmocka_unit_test(without_certificate_is_refused),
	    cmocka_unit_test(a_file_that_is_broken_changes_nothing),
	    cmocka_unit_test(files_that_will_not_do_are_named),
	    cmocka_unit_test(garbage_is_refused),
	    cmocka_unit_test(tls_1_2_is_refused),
	    cmocka_unit_test(a_handshake_without_end_is_cut_off),
	    cmocka_unit_test(a_changed_byte_breaks_the_handshake),
	};

	return cmocka_run_group_tests(tests, begin_world, end_world);
}
