/* SPDX-License-Identifier: Apache-2.0 */
/* Crowds of hostile peers against the real collector: slow ones by the thousand, hosts without end, bombs one after the
 * other, strings without end, frames cut at every byte. Meanwhile an honest sensor is asked how long it waits; at the
 * end the collector must not have grown beyond a bound, and must stop cleanly.
 *
 *   crowds COLLECTOR */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <zlib.h>

#include "tests/fault/peer.h"

#define LORIS 1000          /* connections that dribble */
#define LORIS_SECONDS 60    /* only a collector that forgets them lets them last so long; it gives them ten */
#define HOSTS_MAX 60000u    /* boots that are tried; the bound must come before */
#define HOSTS_ADDRESSES 200u /* they come from; each has ports for some thousand */
#define BOMB_BYTES (256u << 20)
#define STRINGS 8000000u /* empty ones of two bytes: 16 MB inflated, 128 MB decoded */
#define RSS_MAX_KIB (768u * 1024u)

/* ---- frames -------------------------------------------------------------------------------------------------- */

struct frame {
	uint8_t *data; /* owned */
	size_t len;
};

/* A compressed frame of head, then of fill again and again until total bytes. */
static struct frame deflate_frame(const void *head, size_t head_len, const void *fill, size_t fill_len, size_t total)
{
	size_t capacity = 4u << 20;
	struct frame frame = {malloc(capacity), 0};
	z_stream zip = {0};
	uint32_t len;
	int r = 0;

	if (!frame.data || deflateInit(&zip, 9) != Z_OK)
		give_up("memory");
	zip.next_out = frame.data + FRAME_HEADER_BYTES;
	zip.avail_out = (uInt)(capacity - FRAME_HEADER_BYTES);
	zip.next_in = (Bytef *)(uintptr_t)head;
	zip.avail_in = (uInt)head_len;
	for (size_t done = head_len; r == 0 && done <= total; done += fill_len) {
		if (zip.avail_in == 0) {
			zip.next_in = (Bytef *)(uintptr_t)fill;
			zip.avail_in = (uInt)fill_len;
		}
		r = deflate(&zip, Z_NO_FLUSH);
	}
	if (r < 0 || deflate(&zip, Z_FINISH) != Z_STREAM_END)
		give_up("deflate");
	frame.len = zip.total_out + FRAME_HEADER_BYTES;
	len = htonl((uint32_t)zip.total_out);
	(void)deflateEnd(&zip);
	frame.data[0] = 1;
	memcpy(frame.data + 1, &len, sizeof(len));
	return frame;
}

static struct frame encode(const struct message *message)
{
	struct frame frame;

	if (message_encode(message, false, &frame.data, &frame.len) != 0)
		give_up("message_encode");
	return frame;
}

/* ---- frames cut at every byte -------------------------------------------------------------------------------- */

static struct frame whole_session(struct peer *peer)
{
	struct message hello = {.type = MESSAGE_HELLO}, batch = {.type = MESSAGE_BATCH};
	struct frame first, second, both;
	size_t len;
	const uint8_t *data = batches_make(&peer->batches, 1, 3, 1000, &len);

	hello.hello = (struct hello){.protocol_version = PROTOCOL_VERSION,
				     .boot = peer->batches.boot,
				     .hostname = BYTES_LITERAL("cut"),
				     .stream = peer->batches.stream,
				     .first_unacked_seq = 1};
	batch.batch = bytes_make(data, len);
	first = encode(&hello);
	second = encode(&batch);
	both = (struct frame){malloc(first.len + second.len), first.len + second.len};
	if (!both.data)
		give_up("memory");
	memcpy(both.data, first.data, first.len);
	memcpy(both.data + first.len, second.data, second.len);
	free(first.data);
	free(second.data);
	return both;
}

/* Everything up to cut, and then the end. */
static void end_at(const struct frame *frame, size_t cut)
{
	struct peer peer;

	peer_open(&peer, 2);
	(void)say_bytes(&peer, frame->data, cut);
	(void)shutdown(peer.fd, SHUT_WR);
	while (hear(&peer) > 0)
		;
	peer_close(&peer);
}

/* In two pieces; it must be understood all the same. */
static bool is_acked_in_pieces(const struct frame *frame, size_t cut)
{
	struct peer peer;
	int type;

	peer_open(&peer, 2);
	(void)say_bytes(&peer, frame->data, cut);
	(void)say_bytes(&peer, frame->data + cut, frame->len - cut);
	while ((type = hear(&peer)) > 0 && type != MESSAGE_ACK)
		;
	peer_close(&peer);
	return type == MESSAGE_ACK;
}

static void cut_frames(void)
{
	struct peer peer;
	struct frame frame;
	size_t good = 0;

	peer_open(&peer, 2);
	frame = whole_session(&peer);
	for (size_t cut = 1; cut < frame.len; cut++) {
		end_at(&frame, cut);
		good += is_acked_in_pieces(&frame, cut);
	}
	check(good == frame.len - 1, "frames in two pieces are understood, wherever they are cut (%zu of %zu)", good,
	      frame.len - 1);
	check_honest("connections that ended at every byte");
	free(frame.data);
	peer_close(&peer);
}

/* ---- strings without end ------------------------------------------------------------------------------------- */

static void endless_strings(void)
{
	/* A SensorMessage whose Batch says boot, stream and seq, and then only empty strings. */
	uint8_t head[64] = {0x12}, *at = head + 1;
	static uint8_t strings[8192];
	uint32_t left = 18 + 9 + 2 + STRINGS * 2;
	struct frame frame;
	struct peer peer;
	bool told;

	for (uint32_t len = left; len > 0; len >>= 7)
		*at++ = (uint8_t)((len & 0x7f) | (len > 0x7f ? 0x80 : 0));
	peer_open(&peer, 3);
	*at++ = 0x0a;
	*at++ = 16;
	memcpy(at, &peer.batches.boot, 16);
	at += 16;
	*at++ = 0x11;
	memcpy(at, &peer.batches.stream, 8);
	at += 8;
	*at++ = 0x18;
	*at++ = 1;
	for (size_t i = 0; i < sizeof(strings); i += 2)
		strings[i] = 0x32;
	frame = deflate_frame(head, (size_t)(at - head), strings, sizeof(strings), (size_t)(at - head) + STRINGS * 2);
	(void)say_hello(&peer, PROTOCOL_VERSION);
	(void)say_bytes(&peer, frame.data, frame.len);
	told = hear(&peer) == MESSAGE_WELCOME && hear(&peer) == MESSAGE_REJECT && peer.message.reject.reason.len > 0;
	check(told, "strings without end are told why: %.*s",
	      told ? (int)peer.message.reject.reason.len : 0, told ? peer.message.reject.reason.data : "");
	peer_close(&peer);
	free(frame.data);
	check_honest("strings without end");
}

/* ---- bombs one after the other ------------------------------------------------------------------------------- */

static void throw_bombs(const struct frame *bomb)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct peer peer;

		peer_open(&peer, 4);
		(void)say_hello(&peer, PROTOCOL_VERSION);
		(void)say_bytes(&peer, bomb->data, bomb->len);
		while (hear(&peer) > 0)
			;
		peer_close(&peer);
	}
}

static void storm_of_bombs(void)
{
	static const uint8_t zeros[65536];
	struct frame bomb = deflate_frame(zeros, sizeof(zeros), zeros, sizeof(zeros), BOMB_BYTES);
	pid_t child = fork();

	if (child < 0)
		give_up("fork");
	if (child == 0)
		throw_bombs(&bomb);
	measure_honest("a storm of zip bombs");
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	free(bomb.data);
}

/* ---- slow ones by the thousand ------------------------------------------------------------------------------- */

struct loris {
	struct peer peer;
	bool told, ended;
};

/* One byte more to each; those that were answered are heard. Returns how many are left. */
static int dribble(struct loris *all)
{
	int left = 0;

	for (int i = 0; i < LORIS; i++) {
		struct pollfd poll_fd = {.fd = all[i].peer.fd, .events = POLLIN};

		if (all[i].ended)
			continue;
		if (poll(&poll_fd, 1, 0) == 1) {
			all[i].told = hear_reject(&all[i].peer, REJECT_LIMIT);
			all[i].ended = true;
			continue;
		}
		(void)say_bytes(&all[i].peer, "\n", 1);
		left++;
	}
	return left;
}

static void slow_loris(void)
{
	static struct loris all[LORIS];
	static const uint8_t begin[] = {0, 0, 0, 0xea, 0x60, 0x0a}; /* a Hello of 60,000 bytes, some day */
	time_t end = time(NULL) + LORIS_SECONDS;
	int told = 0;

	for (int i = 0; i < LORIS; i++) {
		peer_open(&all[i].peer, (uint8_t)(10 + i % 100));
		(void)say_bytes(&all[i].peer, begin, sizeof(begin));
	}
	measure_honest("a thousand slow connections");
	while (dribble(all) > 0 && time(NULL) < end)
		(void)usleep(200000);
	for (int i = 0; i < LORIS; i++) {
		told += all[i].told;
		peer_close(&all[i].peer);
	}
	check(told == LORIS, "each of %d slow connections is told why it is ended (%d)", LORIS, told);
}

/* ---- hosts without end --------------------------------------------------------------------------------------- */

static int greet_as(uint32_t number, struct peer *ret)
{
	peer_open(ret, (uint8_t)(10 + number % HOSTS_ADDRESSES));
	memcpy(ret->batches.boot.octets + 4, &number, sizeof(number));
	(void)say_hello(ret, PROTOCOL_VERSION);
	return hear(ret);
}

static void flood_of_hosts(void)
{
	uint32_t number = 0;
	bool refused = false, right = true;

	for (; number < HOSTS_MAX && !refused; number++) {
		struct peer peer;
		int type = greet_as(number, &peer);

		refused = type == MESSAGE_REJECT;
		right = refused ? peer.message.reject.code == REJECT_LIMIT && peer.message.reject.reason.len > 0
				: type == MESSAGE_WELCOME;
		peer_close(&peer);
		if (!right)
			break;
		if (number == 5000)
			measure_honest("a flood of hosts");
		if (number % 1000 == 999 && !honest_is_served())
			break;
	}
	check(refused && right, "one host too many is told why (after %u)", number);
	check_honest("a flood of hosts");
	printf("# peak memory with %u host boots: %lu KiB\n", number, rss_kib());
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	if (argc != 2)
		return fprintf(stderr, "usage: %s COLLECTOR\n", argv[0]), 2;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	process_init(argv[1]);
	process_start();
	start_honest();
	measure_honest("nothing else");
	cut_frames();
	endless_strings();
	storm_of_bombs();
	slow_loris();
	flood_of_hosts();
	check(rss_kib() > 0 && rss_kib() < RSS_MAX_KIB, "the collector's memory stayed below %u KiB (%lu)", RSS_MAX_KIB,
	      rss_kib());
	check(process_stop(), "the collector stops cleanly");
	peer_close(&honest);
	printf("1..%d\n", checks);
	return failures > 0;
}
