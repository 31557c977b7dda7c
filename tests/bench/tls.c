/* SPDX-License-Identifier: Apache-2.0 */
/* What TLS costs: memory of one idle connection at the server, CPU of a handshake (both ends, and the server's alone), full
 * and resumed, and of bulk. Through memory, without a socket; CPU time of this thread, which load does not bend much. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/stream/tls.h"
#include "tests/unit/authority.h"

#define CONNECTIONS 200
#define HANDSHAKES 300
#define BULK ((size_t)64 << 20)
#define FRAME ((size_t)32 << 10) /* about a batch */

struct ends {
	struct tls *client, *server;
};

static double server_seconds;

static double cpu_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t carry(struct tls *from, struct tls *to)
{
	uint8_t *data;
	size_t len;

	if (tls_take(from, &data, &len) < 0)
		abort();
	for (size_t at = 0; at < len; at += TLS_FEED_MAX)
		if (tls_feed(to, data + at, len - at < TLS_FEED_MAX ? len - at : TLS_FEED_MAX) < 0)
			abort();
	free(data);
	return len;
}

static void say(struct tls *from, struct tls *to)
{
	uint8_t *data, heard[64];
	size_t len;

	if (tls_write(from, (const uint8_t *)"hello", 5, &data, &len) < 0 || tls_feed(to, data, len) < 0)
		abort();
	free(data);
	if (tls_read(to, heard, sizeof(heard), &len) != 0)
		abort();
}

static void shake(struct ends *ends, struct tls_context *client, struct tls_context *server)
{
	int at_client, at_server;
	double begin;

	if (tls_create(&ends->client, client, "collector.example") < 0)
		abort();
	begin = cpu_seconds();
	if (tls_create(&ends->server, server, NULL) < 0)
		abort();
	server_seconds += cpu_seconds() - begin;
	do {
		at_client = tls_handshake(ends->client);
		begin = cpu_seconds();
		(void)carry(ends->client, ends->server);
		at_server = tls_handshake(ends->server);
		(void)carry(ends->server, ends->client);
		server_seconds += cpu_seconds() - begin;
	} while (at_client == TLS_E_AGAIN || at_server == TLS_E_AGAIN);
	if (at_client != 0 || at_server != 0)
		abort();
	say(ends->server, ends->client);
	say(ends->client, ends->server);
}

static void finish(struct ends *ends)
{
	tls_destroy(ends->client);
	tls_destroy(ends->server);
}

/* A frame of this size, thrown away at the other end. */
static void send_frame(struct ends *ends)
{
	uint8_t *plain = calloc(1, FRAME), *sealed, heard[4096];
	size_t len, part;

	if (!plain || tls_write(ends->client, plain, FRAME, &sealed, &len) < 0)
		abort();
	for (size_t at = 0; at < len; at += TLS_FEED_MAX) {
		if (tls_feed(ends->server, sealed + at, len - at < TLS_FEED_MAX ? len - at : TLS_FEED_MAX) < 0)
			abort();
		while (tls_read(ends->server, heard, sizeof(heard), &part) == 0)
			;
	}
	free(sealed);
	free(plain);
}

/* traffic: after a frame of 32 KiB each. */
static void memory(struct tls_context *client, struct tls_context *server, bool traffic)
{
	static struct ends ends[CONNECTIONS];
	size_t both, clients;

	for (unsigned i = 0; i < CONNECTIONS; i++) {
		shake(&ends[i], client, server);
		if (traffic)
			send_frame(&ends[i]);
	}
	both = mallinfo2().uordblks;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		tls_destroy(ends[i].server);
	clients = mallinfo2().uordblks;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		tls_destroy(ends[i].client);
	printf("memory of %s connection: server %.1f KiB, client %.1f KiB\n", traffic ? "a used" : "an idle",
	       (double)(both - clients) / CONNECTIONS / 1024, (double)(clients - mallinfo2().uordblks) / CONNECTIONS / 1024);
}

static void handshakes(const char *what, struct tls_context *client, struct tls_context *server, bool resumed)
{
	double begin = cpu_seconds();
	struct ends ends;

	server_seconds = 0;
	for (unsigned i = 0; i < HANDSHAKES; i++) {
		if (!resumed && tls_context_reload(client, NULL) < 0) /* forgets its tickets */
			abort();
		shake(&ends, client, server);
		if (tls_resumed(ends.server) != (resumed && i > 0) && i > 0)
			abort();
		finish(&ends);
	}
	printf("%s handshake: server %.0f us, both ends %.0f us of CPU\n", what, server_seconds / HANDSHAKES * 1e6,
	       (cpu_seconds() - begin) / HANDSHAKES * 1e6);
}

static void bulk(struct tls_context *client, struct tls_context *server)
{
	uint8_t *plain = calloc(1, FRAME), *heard = malloc(FRAME), *sealed;
	double sealing = 0, opening = 0;
	struct ends ends;
	size_t len, part;

	if (!plain || !heard)
		abort();
	shake(&ends, client, server);
	for (size_t done = 0; done < BULK; done += FRAME) {
		double begin = cpu_seconds();

		if (tls_write(ends.client, plain, FRAME, &sealed, &len) < 0)
			abort();
		sealing += cpu_seconds() - begin;
		begin = cpu_seconds();
		for (size_t at = 0; at < len; at += TLS_FEED_MAX) {
			if (tls_feed(ends.server, sealed + at, len - at < TLS_FEED_MAX ? len - at : TLS_FEED_MAX) < 0)
				abort();
			while (tls_read(ends.server, heard, FRAME, &part) == 0)
				;
		}
		opening += cpu_seconds() - begin;
		free(sealed);
	}
	printf("bulk in frames of 32 KiB: seal %.2f GB/s, open %.2f GB/s of a core\n", (double)BULK / sealing / 1e9,
	       (double)BULK / opening / 1e9);
	finish(&ends);
	free(plain);
	free(heard);
}

static struct tls_context *open_context(const struct folder *folder, enum tls_side side, const char *name)
{
	char ca[FOLDER_PATH_MAX * 2], cert[FOLDER_PATH_MAX * 2], key[FOLDER_PATH_MAX * 2], text[32];
	struct tls_options options = {.side = side, .ca = ca, .cert = cert, .key = key, .mutual = true};
	struct tls_context *context;

	folder_file(folder, "ca.pem", ca);
	(void)snprintf(text, sizeof(text), "%s.pem", name);
	folder_file(folder, text, cert);
	(void)snprintf(text, sizeof(text), "%s.key", name);
	folder_file(folder, text, key);
	if (tls_context_create(&context, &options, NULL) < 0)
		abort();
	return context;
}

int main(void)
{
	struct tls_context *client, *server;
	struct authority authority;
	struct folder folder;

	if (folder_make(&folder) < 0)
		abort();
	authority_make(&authority, "bench authority");
	authority_write(&authority, &folder, "ca.pem");
	authority_issue(&authority, &folder, "collector",
			&(struct request_for){"collector", "DNS:collector.example", "serverAuth", 0, 0, 2});
	authority_issue(&authority, &folder, "sensor",
			&(struct request_for){"web-1", "DNS:web-1,URI:canopy://machine/0123456789abcdef0123456789abcdef", "clientAuth", 0, 0, 3});
	client = open_context(&folder, TLS_CLIENT, "sensor");
	server = open_context(&folder, TLS_SERVER, "collector");
	memory(client, server, false);
	memory(client, server, true);
	handshakes("full", client, server, false);
	handshakes("resumed", client, server, true);
	bulk(client, server);
	tls_context_unref(client);
	tls_context_unref(server);
	authority_finish(&authority);
	folder_remove(&folder);
	return 0;
}
