/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile and broken peers against the real collector. An honest sensor is connected all the time; after each attack it
 * must be served as before, and at the end the collector must stop cleanly and must not have grown beyond a bound.
 *
 *   hostile COLLECTOR */
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/fault/peer.h"

#define BOMB_BYTES (64u << 20) /* inflated, sixteen times what is taken; making it must not take so long that the honest one is silent */
#define FLOOD 1100               /* over the limit of one address */
#define MUTATIONS 400
#define UNREAD_BATCHES 100000u /* more than SESSION_DISCARD_MAX is read of */
/* What the collector may grow by meanwhile: half of what it reads of them. A sanitizer keeps what was freed. */
#if defined(__SANITIZE_ADDRESS__)
#define UNREAD_GROWTH_MAX_KIB (64u * 1024u)
#else
#define UNREAD_GROWTH_MAX_KIB (4u * 1024u)
#endif
#define RSS_MAX_KIB (512u * 1024u) /* no attack here may cost more; a sanitizer's shadow counts too */

/* ---- attacks ------------------------------------------------------------------------------------------------- */

static void attack_bytes(const char *name, const void *data, size_t len, bool hello, enum reject_code code)
{
	struct peer peer;

	peer_open(&peer, 2);
	if (hello)
		(void)say_hello(&peer, PROTOCOL_VERSION);
	(void)say_bytes(&peer, data, len);
	check(hear_reject(&peer, code), "%s is told why", name);
	peer_close(&peer);
	check_honest(name);
}

/* Deflates BOMB_BYTES of zeros; *ret_len bytes with a frame's header. */
static uint8_t *make_bomb(size_t *ret_len)
{
	static uint8_t zeros[1 << 16];
	size_t capacity = 4u << 20;
	uint8_t *bomb = malloc(capacity);
	z_stream zip = {0};
	uint32_t len;

	if (!bomb || deflateInit(&zip, 9) != Z_OK)
		give_up("memory");
	zip.next_out = bomb + FRAME_HEADER_BYTES;
	zip.avail_out = (uInt)(capacity - FRAME_HEADER_BYTES);
	for (size_t left = BOMB_BYTES; left > 0; left -= sizeof(zeros)) {
		zip.next_in = zeros;
		zip.avail_in = sizeof(zeros);
		if (deflate(&zip, left == sizeof(zeros) ? Z_FINISH : Z_NO_FLUSH) < 0)
			give_up("deflate");
	}
	len = htonl((uint32_t)zip.total_out);
	*ret_len = zip.total_out + FRAME_HEADER_BYTES;
	(void)deflateEnd(&zip);
	bomb[0] = 1;
	memcpy(bomb + 1, &len, sizeof(len));
	return bomb;
}

/* The same by zstd, which says beforehand how much it inflates to; told bytes of it where that is not 0. */
static uint8_t *make_zstd_bomb(uint32_t told, size_t *ret_len)
{
	size_t capacity = 4u << 20, len;
	uint8_t *bomb = malloc(capacity);
	void *zeros = calloc(1, BOMB_BYTES);
	uint32_t header;

	if (!bomb || !zeros)
		give_up("memory");
	len = ZSTD_compress(bomb + FRAME_HEADER_BYTES, capacity - FRAME_HEADER_BYTES, zeros, BOMB_BYTES, 1);
	free(zeros);
	if (ZSTD_isError(len) || bomb[FRAME_HEADER_BYTES + 4] >> 6 != 2)
		give_up("zstd");
	if (told) /* four bytes, behind the magic number, the descriptor and, where there is one, the window (RFC 8878) */
		memcpy(bomb + FRAME_HEADER_BYTES + (bomb[FRAME_HEADER_BYTES + 4] & 0x20 ? 5 : 6), &told, sizeof(told));
	header = htonl((uint32_t)len);
	bomb[0] = 1;
	memcpy(bomb + 1, &header, sizeof(header));
	*ret_len = len + FRAME_HEADER_BYTES;
	return bomb;
}

static void attack_by_bomb(void)
{
	size_t len;
	uint8_t *bomb = make_bomb(&len);

	attack_bytes("a zip bomb", bomb, len, true, REJECT_BAD_FRAME);
	free(bomb);
	bomb = make_zstd_bomb(0, &len);
	attack_bytes("a zstd bomb", bomb, len, true, REJECT_BAD_FRAME);
	free(bomb);
	bomb = make_zstd_bomb(2u << 20, &len);
	attack_bytes("a zstd bomb that tells less than it is", bomb, len, true, REJECT_BAD_FRAME);
	free(bomb);
}

static void attack_by_truncation(void)
{
	static const uint8_t begin[] = {0, 0, 0, 0x10, 0, 0x0a};
	struct peer peer;

	for (size_t len = 1; len <= sizeof(begin); len++) {
		peer_open(&peer, 2);
		(void)say_bytes(&peer, begin, len);
		(void)shutdown(peer.fd, SHUT_WR);
		while (hear(&peer) > 0)
			;
		peer_close(&peer);
	}
	check_honest("truncated frames");
}

static void attack_by_order(void)
{
	struct peer peer;

	peer_open(&peer, 2);
	(void)say_batch(&peer, 1);
	check(hear_reject(&peer, REJECT_BAD_ORDER), "a Batch before Hello is told why");
	peer_close(&peer);
	peer_open(&peer, 2);
	(void)say_hello(&peer, PROTOCOL_VERSION_MIN - 1);
	check(hear_reject(&peer, REJECT_PROTOCOL_VERSION), "a protocol that is too old is told why");
	peer_close(&peer);
	check_honest("messages out of order");
}

/* Sends on and on, reads nothing. It is refused for its window, and not told: what it sends on is thrown away until that is too much. */
static void attack_by_not_reading(void)
{
	unsigned long before = status_kib("VmRSS"), after;
	struct timeval soon = {.tv_usec = 200000};
	struct peer peer;
	int small = 1;
	uint64_t seq;

	peer_open(&peer, 3);
	(void)setsockopt(peer.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(peer.fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	(void)say_hello(&peer, PROTOCOL_VERSION);
	for (seq = 1; seq <= UNREAD_BATCHES && say_batch(&peer, seq); seq++)
		;
	measure_honest("a peer that never reads");
	after = status_kib("VmRSS");
	check(before > 0 && after > 0 && after < before + UNREAD_GROWTH_MAX_KIB,
	      "a peer that never reads makes the collector grow by less than %u KiB (%lu to %lu, %llu batches)", UNREAD_GROWTH_MAX_KIB, before,
	      after, (unsigned long long)seq - 1);
	peer_close(&peer);
}

/* Idle connections up to the limit of their address and beyond. */
static void attack_by_flood(void)
{
	static int fds[FLOOD];
	struct rlimit limit;
	struct peer last;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (int i = 0; i < FLOOD; i++)
		fds[i] = dial(4);
	peer_open(&last, 4);
	check(hear_reject(&last, REJECT_LIMIT), "one connection too many is told why");
	peer_close(&last);
	measure_honest("a flood of idle connections");
	for (int i = 0; i < FLOOD; i++)
		(void)close(fds[i]);
}

/* Valid frames with a few bytes changed; what the collector answers is its affair, as long as it lives. */
static void attack_by_mutation(void)
{
	struct message message = {.type = MESSAGE_BATCH};
	struct peer peer;
	uint32_t random = 12345;
	uint8_t *frame;
	size_t len;

	for (unsigned i = 0; i < MUTATIONS; i++) {
		const uint8_t *data;

		peer_open(&peer, 5);
		(void)say_hello(&peer, PROTOCOL_VERSION);
		data = batches_make(&peer.batches, 1 + i, 20, 1000, &len);
		if (!data)
			give_up("batches_make");
		message.batch = bytes_make(data, len);
		if (message_encode(&message, i % 2, &frame, &len) != 0)
			give_up("message_encode");
		for (unsigned k = 0; k < 1 + i % 4; k++) {
			random = random * 1103515245u + 12345u;
			frame[FRAME_HEADER_BYTES + (random >> 8) % (len - FRAME_HEADER_BYTES)] ^=
			    (uint8_t)(1 + (random >> 24) % 255);
		}
		(void)say_bytes(&peer, frame, len);
		(void)shutdown(peer.fd, SHUT_WR);
		while (hear(&peer) > 0)
			;
		free(frame);
		peer_close(&peer);
	}
	check_honest("mutated batches");
}

static void attack_by_garbage(void)
{
	static const uint8_t oversized[] = {0, 0xff, 0xff, 0xff, 0xff, 0};
	uint8_t noise[4096];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 167 + 13);
	attack_bytes("garbage", noise, sizeof(noise), false, REJECT_BAD_FRAME);
	attack_bytes("garbage after Hello", noise, sizeof(noise), true, REJECT_BAD_FRAME);
	attack_bytes("an oversized length", oversized, sizeof(oversized), false, REJECT_BAD_FRAME);
	attack_bytes("an oversized length after Hello", oversized, sizeof(oversized), true, REJECT_BAD_FRAME);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return fprintf(stderr, "usage: %s COLLECTOR\n", argv[0]), 2;
	process_init(argv[1]);
	process.more[0] = "--shards";
	process.more[1] = "2"; /* whatever the machine has */
	process_start();
	start_honest();
	measure_honest("nothing else");
	attack_by_garbage();
	attack_by_bomb();
	attack_by_truncation();
	attack_by_order();
	attack_by_mutation();
	attack_by_not_reading();
	attack_by_flood();
	check(rss_kib() > 0 && rss_kib() < RSS_MAX_KIB, "the collector's memory stayed below %u KiB (%lu)", RSS_MAX_KIB,
	      rss_kib());
	check(process_stop(), "the collector stops cleanly");
	peer_close(&honest);
	printf("1..%d\n", checks);
	return failures > 0;
}
