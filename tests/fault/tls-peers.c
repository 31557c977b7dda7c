/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that misuse TLS against the real collector: thousands that say nothing, that dribble a handshake, that never end one,
 * that speak something else, that take all places for handshakes from a few addresses. An honest sensor shakes hands meanwhile;
 * at the end the collector has let go of all of them.
 *
 *   tls-peers COLLECTOR */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "proto/stream/tls.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "tests/fault/process.h"
#include "tests/unit/authority.h"

/* A sanitizer's allocator keeps what was freed, and a margin around each piece. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif
#define CROWD 2000 /* a little below what one shard lets shake hands at a time */
#define CROWD_ADDRESSES 8 /* each below what one may have */
#define CROWD_STEP 100 /* after so many an honest sensor shakes hands */
#define SQUATTERS 1024 /* connections that one address may have; two such fill all places for handshakes */
#define SQUATTERS_KEPT 512 /* handshakes that it may have under way */
#define HOST_HONEST 30 /* 127.0.0.30: nobody else is there */
#define HELLO_SECONDS 10 /* after which silent ones are let go of anyway */
#define WELCOME_SECONDS 5 /* far below that */
#define WAIT_SECONDS 60 /* the collector gives a peer ten seconds and a little */

static char paths[5][FOLDER_PATH_MAX * 2];

/* From 127.0.0.host. */
static int dial_from(unsigned host)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host)};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(process.port)};
	struct timeval limit = {.tv_sec = WAIT_SECONDS};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = process.address;
	if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		give_up("connect");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static int dial(void)
{
	return dial_from(1);
}

/* Whether the collector ends the connection; what it says before does not matter. */
static bool is_ended(int fd)
{
	char heard[4096];
	ssize_t n;

	while ((n = recv(fd, heard, sizeof(heard), 0)) > 0)
		;
	return n == 0 || errno == ECONNRESET || errno == EPIPE;
}

static bool send_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static bool flush(struct tls *tls, int fd)
{
	uint8_t *data;
	size_t len;
	bool sent;

	if (tls_take(tls, &data, &len) < 0)
		return false;
	sent = send_all(fd, data, len);
	free(data);
	return sent;
}

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool shake(struct tls *tls, int fd)
{
	uint8_t heard[TLS_FEED_MAX];
	ssize_t n = 1;
	int r;

	while ((r = tls_handshake(tls)) == TLS_E_AGAIN && n > 0) {
		if (!flush(tls, fd))
			break;
		n = recv(fd, heard, sizeof(heard), 0);
		if (n > 0)
			(void)tls_feed(tls, heard, (size_t)n);
	}
	(void)flush(tls, fd);
	return r == 0;
}

/* Returns whether the handshake came about; *ret_ms tells how long it took. */
static bool shake_hands(struct tls_context *context, double *ret_ms)
{
	double begin_ms = now_ms();
	struct tls *tls;
	int fd = dial();
	bool shaken;

	if (tls_create(&tls, context, process.host) < 0)
		give_up("tls");
	shaken = shake(tls, fd);
	*ret_ms = now_ms() - begin_ms;
	tls_destroy(tls);
	(void)close(fd);
	return shaken;
}

static bool say_hello(struct tls *tls, int fd)
{
	struct message message = {.type = MESSAGE_HELLO};
	uint8_t *frame, *sealed;
	size_t len;
	bool said;

	message.hello = (struct hello){.protocol_version = PROTOCOL_VERSION,
				       .boot = {{1}},
				       .hostname = BYTES_LITERAL("web-1"),
				       .stream = 1,
				       .first_unacked_seq = 1};
	if (message_encode(&message, false, &frame, &len) < 0 || tls_write(tls, frame, len, &sealed, &len) < 0)
		give_up("hello");
	said = send_all(fd, sealed, len);
	free(frame);
	free(sealed);
	return said;
}

static bool hear_welcome(struct tls *tls, int fd)
{
	uint8_t heard[TLS_FEED_MAX], frames[4096];
	struct message message = {0};
	struct arena arena = {0};
	size_t got = 0;
	ssize_t n = 1;
	bool welcome;

	while (tls_read(tls, frames, sizeof(frames), &got) == TLS_E_AGAIN && n > 0) {
		n = recv(fd, heard, sizeof(heard), 0);
		if (n > 0)
			(void)tls_feed(tls, heard, (size_t)n);
	}
	welcome = got > FRAME_HEADER_BYTES && /* a Welcome is first, and small: it comes in one piece */
		  message_decode_collector(&arena, frames + FRAME_HEADER_BYTES, got - FRAME_HEADER_BYTES, &message, NULL) == 0 &&
		  message.type == MESSAGE_WELCOME;
	arena_finish(&arena);
	return welcome;
}

static bool is_welcome(struct tls_context *context, unsigned host)
{
	struct tls *tls;
	int fd = dial_from(host);
	bool welcome;

	if (tls_create(&tls, context, process.host) < 0)
		give_up("tls");
	welcome = shake(tls, fd) && say_hello(tls, fd) && hear_welcome(tls, fd);
	tls_destroy(tls);
	(void)close(fd);
	return welcome;
}

/* The collector's own memory: pages of the libraries that a first handshake touches are nobody's. */
static long memory_kib(void)
{
	char path[64], line[128];
	long kib = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)process.pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		(void)sscanf(line, "RssAnon: %ld", &kib);
	if (file)
		(void)fclose(file);
	return kib;
}

/* The beginning of an honest handshake. */
static size_t take_hello(struct tls_context *context, uint8_t *hello, size_t size)
{
	struct tls *tls;
	uint8_t *data;
	size_t len;

	if (tls_create(&tls, context, process.host) < 0 || tls_handshake(tls) != TLS_E_AGAIN || tls_take(tls, &data, &len) < 0 || len > size)
		give_up("hello");
	memcpy(hello, data, len);
	free(data);
	tls_destroy(tls);
	return len;
}

/* A third says nothing, a third half of a hello, a third a hello byte by byte for as long as it is heard. */
static void crowd(struct tls_context *context)
{
	uint8_t hello[4096];
	size_t len = take_hello(context, hello, sizeof(hello)), ended = 0;
	static int fds[CROWD];
	long before, during;
	double ms = 0;
	bool shaken = shake_hands(context, &ms); /* what is made once for all is there */

	check(shaken, "an honest sensor shakes hands (%.1f ms)", ms);
	before = memory_kib();
	for (unsigned i = 0; i < CROWD; i++) {
		fds[i] = dial_from(2 + i % CROWD_ADDRESSES);
		if (i % 3 == 1)
			(void)send_all(fds[i], hello, len / 2);
		shaken = shaken && (i % CROWD_STEP || shake_hands(context, &ms));
	}
	check(shaken, "and after every %d of those who do not (%.1f ms)", CROWD_STEP, ms);
	for (size_t at = 0; at < 20; at++) /* each byte is a read of its own there */
		for (unsigned i = 2; i < CROWD; i += 3)
			(void)send_all(fds[i], hello + at, 1);
	shaken = shake_hands(context, &ms);
	during = memory_kib();
	check(shaken, "an honest sensor shakes hands beside %d peers that do not (%.1f ms)", CROWD, ms);
	for (unsigned i = 0; i < CROWD; i++) {
		ended += is_ended(fds[i]);
		(void)close(fds[i]);
	}
	check(ended == CROWD, "each of them is let go of: %zu of %d", ended, CROWD);
	if (!SANITIZED)
		check(during - before < CROWD * 64, "while they are there they cost less than 64 KiB each: %ld KiB in all", during - before);
}

struct squatters {
	int fds[2 * SQUATTERS + 2 * SQUATTERS_KEPT];
	unsigned count;
	uint8_t hello[4096];
	size_t hello_len, said; /* bytes of it that each has said */
};

/* How many of them the collector has ended by now. */
static unsigned count_ended(const int *fds, unsigned count)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < count; i++) {
		struct pollfd one = {.fd = fds[i], .events = POLLIN};

		ended += poll(&one, 1, 0) > 0;
	}
	return ended;
}

static unsigned wait_for_ended(const int *fds, unsigned count, unsigned wanted)
{
	double end_ms = now_ms() + WELCOME_SECONDS * 1e3;
	unsigned ended;

	while ((ended = count_ended(fds, count)) < wanted && now_ms() < end_ms)
		(void)usleep(10000);
	return ended;
}

/* Each says one more byte of its hello. */
static void trickle(struct squatters *squatters)
{
	if (squatters->said == squatters->hello_len)
		give_up("a hello that is long enough");
	for (unsigned i = 0; i < squatters->count; i++)
		(void)send_all(squatters->fds[i], squatters->hello + squatters->said, 1);
	squatters->said++;
}

/* As often as it takes, which is what a sensor does, though not as quickly. */
static bool becomes_welcome(struct tls_context *context, struct squatters *squatters, double *ret_ms)
{
	double begin_ms = now_ms();
	bool welcome;

	while (!(welcome = is_welcome(context, HOST_HONEST)) && now_ms() - begin_ms < WELCOME_SECONDS * 1e3) {
		trickle(squatters);
		(void)usleep(100000);
	}
	*ret_ms = now_ms() - begin_ms;
	return welcome;
}

/* Two addresses want all places for handshakes and get half of them; then two more take the other half. All of them dribble,
 * so that none is silent for long. */
static void squat(struct tls_context *context)
{
	static struct squatters squatters;
	const unsigned early = 2 * SQUATTERS, all = early + 2 * SQUATTERS_KEPT, over = early - 2 * SQUATTERS_KEPT;
	double begin_ms = now_ms(), ms;
	unsigned ended;
	bool welcome;

	squatters.hello_len = take_hello(context, squatters.hello, sizeof(squatters.hello));
	for (; squatters.count < early; squatters.count++)
		squatters.fds[squatters.count] = dial_from(2 + squatters.count % 2);
	welcome = becomes_welcome(context, &squatters, &ms);
	check(welcome && ms < WELCOME_SECONDS * 1e3, "a sensor is welcome beside idle peers at two addresses, %d each (%.1f ms)", SQUATTERS, ms);
	ended = wait_for_ended(squatters.fds, early, over);
	check(ended == over || now_ms() - begin_ms > HELLO_SECONDS * 1e3, "%d handshakes of each are kept: %u cut off", SQUATTERS_KEPT, ended);
	for (; squatters.count < all; squatters.count++)
		squatters.fds[squatters.count] = dial_from(4 + squatters.count % 2);
	trickle(&squatters);
	welcome = becomes_welcome(context, &squatters, &ms);
	check(welcome && ms < WELCOME_SECONDS * 1e3, "and when two more addresses have taken all places (%.1f ms)", ms);
	ended = wait_for_ended(squatters.fds, all, over + 1);
	check(ended > over, "one whose handshake stood still has made room: %u cut off", ended);
	for (unsigned i = 0; i < all; i++)
		(void)close(squatters.fds[i]);
}

/* A record of 16 KiB that says it begins a hello of 16 MB, and more of it without end. */
static void endless(void)
{
	uint8_t piece[16384 + 5] = {22, 3, 1, 64, 0, 1, 255, 255, 255};
	unsigned sent = 0;
	int fd = dial();

	while (sent < 4096 && send_all(fd, piece, sizeof(piece))) {
		memset(piece + 5, 0, 4);
		sent++;
	}
	check(sent < 4096 && is_ended(fd), "a handshake without end is cut off after some hundred KiB (%u records taken)", sent);
	(void)close(fd);
}

static void strange(const char *what, const void *data, size_t len)
{
	int fd = dial();

	(void)send_all(fd, data, len);
	check(is_ended(fd), "%s at the TLS port is let go of", what);
	(void)close(fd);
}

static void prepare(void)
{
	static const char *const names[5] = {"ca.pem", "collector.pem", "collector.key", "sensor.pem", "sensor.key"};
	struct authority authority;
	char served[32];

	(void)snprintf(served, sizeof(served), "IP:%s", process.host);
	authority_make(&authority, "test authority");
	authority_write(&authority, &process.folder, "ca.pem");
	authority_issue(&authority, &process.folder, "collector", &(struct request_for){"c", served, "serverAuth", 0, 0, 2});
	authority_issue(&authority, &process.folder, "sensor", &(struct request_for){"web-1", "DNS:web-1", "clientAuth", 0, 0, 3});
	authority_finish(&authority);
	for (unsigned i = 0; i < 5; i++)
		folder_file(&process.folder, names[i], paths[i]);
	process.more[0] = "--tls-ca";
	process.more[1] = paths[0];
	process.more[2] = "--tls-cert";
	process.more[3] = paths[1];
	process.more[4] = "--tls-key";
	process.more[5] = paths[2];
	process.more[6] = "--shards";
	process.more[7] = "1"; /* whatever the machine has: one that others do not relieve */
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct tls_options options = {.side = TLS_CLIENT, .ca = paths[0], .cert = paths[3], .key = paths[4]};
	struct tls_context *context;
	bool shaken;
	double ms = 0;

	if (argc != 2)
		return fprintf(stderr, "usage: %s COLLECTOR\n", argv[0]), 2;
	raise_descriptors();
	process_init(argv[1]);
	prepare();
	if (tls_context_create(&context, &options, NULL) < 0)
		give_up("context");
	process_start();
	shaken = shake_hands(context, &ms);
	check(shaken, "an honest sensor shakes hands (%.1f ms)", ms);
	crowd(context);
	squat(context);
	endless();
	strange("HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
	strange("a plain sensor's frame", "\0\0\0\0\20hello, collector!", 22);
	strange("garbage", "\377\376\375\374\373\372\371\370\367", 9);
	shaken = shake_hands(context, &ms);
	check(shaken, "and still shakes hands (%.1f ms)", ms);
	check(process_stop(), "the collector ends in order");
	tls_context_unref(context);
	printf("1..%d\n", checks);
	return failures != 0;
}
