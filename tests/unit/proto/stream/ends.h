/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of TLS that speak through memory, and the authorities, certificates and lists that they go by. For tests. */
#ifndef CANOPY_TESTS_ENDS_H
#define CANOPY_TESTS_ENDS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "proto/stream/tls.h"
#include "tests/unit/authority.h"

#define MACHINE "0123456789abcdef0123456789abcdef"

struct world {
	struct folder folder;
	struct authority authority, stranger;
};

static struct world world;

static inline int begin_world(void **state)
{
	(void)state;
	assert_int_equal(folder_make(&world.folder), 0);
	authority_make(&world.authority, "test authority");
	authority_make(&world.stranger, "a stranger");
	authority_write(&world.authority, &world.folder, "ca.pem");
	authority_write(&world.stranger, &world.folder, "stranger.pem");
	authority_issue(&world.authority, &world.folder, "collector",
			&(struct request_for){"collector", "DNS:collector.example,IP:127.0.0.1", "serverAuth", 0, 0, 10});
	authority_issue(&world.authority, &world.folder, "sensor",
			&(struct request_for){"web-1", "DNS:web-1,URI:canopy://machine/" MACHINE, "clientAuth", 0, 0, 11});
	return 0;
}

static inline int end_world(void **state)
{
	(void)state;
	authority_finish(&world.authority);
	authority_finish(&world.stranger);
	folder_remove(&world.folder);
	return 0;
}

static inline const char *file(const char *name)
{
	static char paths[8][FOLDER_PATH_MAX * 2];
	static unsigned next;
	char *path = paths[next++ % 8];

	folder_file(&world.folder, name, path);
	return path;
}

static inline struct tls_context *context(const struct tls_options *options)
{
	struct tls_context *made;
	char *why = NULL;
	int r = tls_context_create(&made, options, &why);

	if (r < 0)
		print_error("%s\n", why ? why : "");
	assert_int_equal(r, 0);
	return made;
}

static inline struct tls_context *server_context(void)
{
	return context(&(struct tls_options){.side = TLS_SERVER,
					     .ca = file("ca.pem"),
					     .cert = file("collector.pem"),
					     .key = file("collector.key"),
					     .mutual = true});
}

static inline struct tls_context *client_context(const char *name)
{
	char cert[64], key[64];

	(void)snprintf(cert, sizeof(cert), "%s.pem", name);
	(void)snprintf(key, sizeof(key), "%s.key", name);
	return context(&(struct tls_options){.side = TLS_CLIENT, .ca = file("ca.pem"), .cert = file(cert), .key = file(key)});
}

/* ---- a pair of ends ------------------------------------------------------------------------------------------ */

struct pair {
	struct tls *client, *server;
};

static inline void open_pair(struct pair *pair, struct tls_context *client, struct tls_context *server, const char *peer)
{
	assert_int_equal(tls_create(&pair->client, client, peer), 0);
	assert_int_equal(tls_create(&pair->server, server, NULL), 0);
}

static inline void close_pair(struct pair *pair)
{
	tls_destroy(pair->client);
	tls_destroy(pair->server);
}

/* Carries what one end has to say to the other, in pieces of this size. Returns the bytes carried. */
static inline size_t carry(struct tls *from, struct tls *to, size_t piece)
{
	uint8_t *data;
	size_t len;

	assert_int_equal(tls_take(from, &data, &len), 0);
	for (size_t at = 0; at < len; at += piece) {
		size_t part = len - at < piece ? len - at : piece;

		if (tls_feed(to, data + at, part) < 0)
			break;
		(void)tls_handshake(to);
	}
	free(data);
	return len;
}

/* Until neither has anything to say. */
static inline void shake(struct pair *pair, size_t piece, int *ret_client, int *ret_server)
{
	size_t carried;

	do {
		*ret_client = tls_handshake(pair->client);
		carried = carry(pair->client, pair->server, piece);
		*ret_server = tls_handshake(pair->server);
		carried += carry(pair->server, pair->client, piece);
	} while (carried > 0);
	*ret_client = tls_handshake(pair->client);
}

static inline int read_all(struct tls *tls, uint8_t *at, size_t size, size_t *ret_len)
{
	size_t done = 0, len;
	int r = 0;

	while (r == 0 && done < size) {
		r = tls_read(tls, at + done, size - done, &len);
		done += r == 0 ? len : 0;
	}
	*ret_len = done;
	return r;
}

static inline void say(struct tls *from, struct tls *to, const char *text)
{
	uint8_t heard[256], *data;
	size_t len;

	assert_int_equal(tls_write(from, (const uint8_t *)text, strlen(text), &data, &len), 0);
	assert_int_equal(tls_feed(to, data, len), 0);
	free(data);
	assert_int_equal(read_all(to, heard, sizeof(heard), &len), TLS_E_AGAIN);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(heard, text, len);
}

static inline void shakes(struct tls_context *client, struct tls_context *server, bool *ret_resumed)
{
	struct pair pair;
	int at_client, at_server;

	open_pair(&pair, client, server, "collector.example");
	shake(&pair, TLS_FEED_MAX, &at_client, &at_server);
	assert_int_equal(at_client, 0);
	assert_int_equal(at_server, 0);
	say(pair.server, pair.client, "welcome"); /* brings the ticket, too */
	say(pair.client, pair.server, "hello");
	if (ret_resumed)
		*ret_resumed = tls_resumed(pair.server);
	close_pair(&pair);
}

/* ---- what must fail, and what is said ------------------------------------------------------------------------ */

static inline void assert_says(const struct tls *tls, const char *text)
{
	if (!strstr(tls_why(tls), text))
		fail_msg("'%s' does not say '%s'", tls_why(tls), text);
}

/* Neither end may take the connection for good; each sentence says so much. */
static inline void check_refused(struct tls_context *client, struct tls_context *server, const char *peer, const char *client_says,
			  const char *server_says)
{
	int at_client, at_server;
	struct pair pair;
	uint8_t byte;
	size_t len;

	open_pair(&pair, client, server, peer);
	shake(&pair, TLS_FEED_MAX, &at_client, &at_server);
	if (at_client == 0) /* TLS 1.3: a client is done before the server has judged it */
		at_client = tls_read(pair.client, &byte, 1, &len);
	assert_int_equal(at_client, -EPROTO);
	assert_int_equal(at_server, -EPROTO);
	assert_int_equal(tls_read(pair.server, &byte, 1, &len), -EPROTO);
	assert_says(pair.client, client_says);
	assert_says(pair.server, server_says);
	close_pair(&pair);
	tls_context_unref(client);
	tls_context_unref(server);
}

static inline void issue(const struct authority *authority, const char *name, const struct request_for *request)
{
	authority_issue(authority, &world.folder, name, request);
}

#endif
