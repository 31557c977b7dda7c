/* SPDX-License-Identifier: Apache-2.0 */
/* Crowds of hostile peers against the real collector: slow ones by the thousand, hosts without end, bombs one after the
 * other, tables without end, frames cut at every byte, memory taken and never given back. Meanwhile an honest sensor brings its batches, and must be
 * served in its turn; at the end the collector must not have grown beyond a bound, and must stop cleanly.
 *
 *   crowds COLLECTOR */
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/fault/peer.h"

#define LORIS 1000          /* connections that dribble */
#define LORIS_SECONDS 60    /* only a collector that forgets them lets them last so long; it gives them ten */
#define SHARDS "2"          /* whatever the machine has: bounds are shared out over them */
#define HOSTS_MAX 60000u    /* boots that are tried; the bound must come before: 20,000 a shard */
#define HOSTS_IN_TURN 2000u /* at most, before an honest one has been welcomed and served: a twentieth of all */
#define HOSTS_ADDRESSES 200u /* they come from; each has ports for some thousand */
#define BOMB_BYTES (64u << 20)
#define FILL_BYTES 8192u
#define ROWS (511u * FILL_BYTES) /* of a byte each, in whole pieces: all that a frame may inflate to, and more than a batch may decode to */
#define BOMBERS 3
#define BOMBS 400          /* beside which honest sensors are served */
#define BOMBS_IN_TURN 200u /* at most: each bomber has one at a time there, and a session takes a few turns */
#define INFLATERS 200
#define INFLATED (3u << 20)
#define HALVES 300
#define HALF (2u << 20) /* of a frame of 4 MiB; for all of them the collector has no memory */
/* A sanitizer's allocator keeps a quarter of a GiB of what was freed, and a margin and a shadow of all. */
#if defined(__SANITIZE_ADDRESS__)
#define RSS_MAX_KIB (1536u * 1024u)
#else
#define RSS_MAX_KIB (768u * 1024u)
#endif

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

/* ---- hosts --------------------------------------------------------------------------------------------------- */

/* Another host each, so that all shards have their part. */
static void open_as(struct peer *peer, uint32_t number)
{
	peer_open(peer, (uint8_t)(10 + number % HOSTS_ADDRESSES));
	memcpy(peer->batches.boot.octets + 4, &number, sizeof(number));
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

/* ---- tables without end -------------------------------------------------------------------------------------- */

static uint8_t *put_varint(uint8_t *at, uint32_t value)
{
	for (; value > 0x7f; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

/* The head of a field that has bytes, len of them behind it. */
static uint8_t *put_field(uint8_t *at, unsigned number, uint32_t len)
{
	*at++ = (uint8_t)(number << 3 | 2);
	return put_varint(at, len);
}

/* A SensorMessage whose Batch says boot, stream and seq; rest bytes of it follow. */
static uint8_t *put_batch_head(uint8_t *at, const struct peer *peer, size_t rest)
{
	at = put_field(at, 2, (uint32_t)(18 + 9 + 2 + rest));
	at = put_field(at, 1, 16);
	memcpy(at, &peer->batches.boot, 16);
	at += 16;
	*at++ = 0x11;
	memcpy(at, &peer->batches.stream, 8);
	at += 8;
	*at++ = 0x18;
	*at++ = 1;
	return at;
}

/* Up to where one column of a table of processes begins. */
static size_t put_endless_head(uint8_t *head, const struct peer *peer)
{
	uint8_t table[16], column[16], *at;
	const size_t column_len = (size_t)(put_field(column, 1, ROWS) - column);
	const size_t table_len = (size_t)(put_field(table, 7, (uint32_t)column_len + ROWS) - table);

	at = put_batch_head(head, peer, table_len + column_len + ROWS);
	memcpy(at, table, table_len);
	memcpy(at + table_len, column, column_len);
	return (size_t)(at - head) + table_len + column_len;
}

/* Says hello and then head and ROWS bytes more of fill in one frame; the answer to that stays in the peer's message. Returns its type. Where the disk
 * is slow, a Pace comes before. */
static int answer_to(struct peer *peer, const void *head, size_t head_len, const uint8_t fill[FILL_BYTES])
{
	struct frame frame = deflate_frame(head, head_len, fill, FILL_BYTES, head_len + ROWS);
	int type;

	(void)say_hello(peer, PROTOCOL_VERSION);
	(void)say_bytes(peer, frame.data, frame.len);
	do {
		type = hear(peer);
	} while (type == MESSAGE_WELCOME || type == MESSAGE_PACE);
	free(frame.data);
	return type;
}

static void endless_tables(void)
{
	static const uint8_t zeros[FILL_BYTES];
	struct peer peer;
	uint8_t head[96];
	bool told;

	peer_open(&peer, 3);
	told = answer_to(&peer, head, put_endless_head(head, &peer), zeros) == MESSAGE_REJECT && peer.message.reject.code == REJECT_LIMIT;
	check(told, "tables without end are told why: %.*s",
	      told ? (int)peer.message.reject.reason.len : 0, told ? peer.message.reject.reason.data : "");
	peer_close(&peer);
	check_honest("tables without end");
}

/* Two bytes each on their way and sixteen in memory: as many as a frame can have are within the bound of a decoded batch, and harm nobody. */
static void endless_strings(void)
{
	static uint8_t empty_strings[FILL_BYTES];
	struct peer peer;
	uint8_t head[96];

	for (size_t i = 0; i < FILL_BYTES; i += 2)
		empty_strings[i] = 6 << 3 | 2;
	peer_open(&peer, 3);
	check(answer_to(&peer, head, (size_t)(put_batch_head(head, &peer, ROWS) - head), empty_strings) == MESSAGE_ACK,
	      "strings without end are taken");
	peer_close(&peer);
	check_honest("strings without end");
	honest_paces = 0; /* megabytes were on their way to a disk that may be slow; what follows brings it nothing */
}

/* ---- bombs one after the other ------------------------------------------------------------------------------- */

/* The bombs of one storm. */
struct bombs {
	struct frame frames[3];
};

static void throw_bombs(struct attack_progress *progress, const void *data)
{
	const struct bombs *bombs = data;

	for (unsigned i = 0;; i++) {
		const struct frame *bomb = &bombs->frames[i % 3];
		struct peer peer;

		open_as(&peer, 300000 + i % 50);
		(void)say_hello(&peer, PROTOCOL_VERSION);
		(void)say_bytes(&peer, bomb->data, bomb->len);
		while (hear(&peer) > 0)
			;
		peer_close(&peer);
		progress->units++;
	}
}

static struct frame zstd_frame(size_t total)
{
	struct frame frame = {malloc(FRAME_HEADER_BYTES + ZSTD_compressBound(1 << 20)), 0};
	void *zeros = calloc(1, total);
	uint32_t header;
	size_t len;

	if (!frame.data || !zeros)
		give_up("memory");
	len = ZSTD_compress(frame.data + FRAME_HEADER_BYTES, ZSTD_compressBound(1 << 20), zeros, total, 1);
	free(zeros);
	if (ZSTD_isError(len))
		give_up("zstd");
	header = htonl((uint32_t)len);
	frame.data[0] = 1;
	memcpy(frame.data + 1, &header, sizeof(header));
	frame.len = FRAME_HEADER_BYTES + len;
	return frame;
}

/* Of zlib, of zstd to the very bound, of zstd beyond it. */
static void storm_of_bombs(void)
{
	static const uint8_t zeros[65536];
	struct bombs bombs = {{deflate_frame(zeros, sizeof(zeros), zeros, sizeof(zeros), BOMB_BYTES), zstd_frame(FRAME_INFLATED_MAX),
			       zstd_frame(BOMB_BYTES)}};
	struct attack attack;

	attack_begin(&attack, BOMBERS, throw_bombs, &bombs);
	contend(&attack, "a storm of bombs", BOMBS, BOMBS_IN_TURN);
	attack_end(&attack);
	for (unsigned i = 0; i < 3; i++)
		free(bombs.frames[i].data);
}

/* ---- memory that is taken and kept ----------------------------------------------------------------------------- */

/* A sensor that comes while all this goes on. */
static bool another_is_served(uint32_t number)
{
	struct peer peer;
	bool served;

	open_as(&peer, number);
	served = say_hello(&peer, PROTOCOL_VERSION) && hear(&peer) == MESSAGE_WELCOME && say_batch(&peer, 1) && hear_ack(&peer, 1);
	peer_close(&peer);
	return served;
}

/* Small on the wire, and inflating to megabytes that a peer who then says nothing would hold: an unknown field of zeros behind a message. */
static struct frame inflating_frame(const void *message, size_t len)
{
	static const uint8_t zeros[65536];
	uint8_t head[256], *at = head;

	memcpy(at, message, len);
	at = put_field(at + len, 15, INFLATED);
	len = (size_t)(at - head);
	return deflate_frame(head, len, zeros, sizeof(zeros), len + INFLATED);
}

/* In place of a Hello or behind it; nothing of the answer is read. */
static void inflate_as(struct peer *peer, uint32_t number, const struct frame *heartbeat)
{
	struct message hello = {.type = MESSAGE_HELLO};
	struct frame plain, frame;

	open_as(peer, number);
	if (number % 2) {
		(void)say_hello(peer, PROTOCOL_VERSION);
		(void)say_bytes(peer, heartbeat->data, heartbeat->len);
		return;
	}
	hello.hello = (struct hello){
	    .protocol_version = PROTOCOL_VERSION, .boot = peer->batches.boot, .hostname = BYTES_LITERAL("large"), .stream = number, .first_unacked_seq = 1};
	plain = encode(&hello);
	frame = inflating_frame(plain.data + FRAME_HEADER_BYTES, plain.len - FRAME_HEADER_BYTES);
	(void)say_bytes(peer, frame.data, frame.len);
	free(plain.data);
	free(frame.data);
}

static void idle_inflaters(void)
{
	static struct peer all[INFLATERS];
	struct frame heartbeat = inflating_frame("\x1a\0", 2);
	bool served = true;
	int told = 0;

	for (uint32_t i = 0; i < INFLATERS && served; i++) {
		inflate_as(&all[i], 100000 + i, &heartbeat);
		served = i % 8 || honest_is_served();
	}
	check(served, "an honest sensor gets an ack for every eighth of %d peers whose messages inflate to %u bytes", INFLATERS, INFLATED);
	measure_honest("messages that inflated to much");
	check(another_is_served(100000 + INFLATERS), "and another one is welcomed and served");
	for (uint32_t i = 0; i < INFLATERS; i++) {
		told += told == (int)i && hear_reject(&all[i], i % 2 ? REJECT_BAD_MESSAGE : REJECT_BAD_FRAME);
		peer_close(&all[i]);
	}
	check(told == INFLATERS, "each of those is told why (%d of %d)", told, INFLATERS);
	free(heartbeat.data);
}

/* Of what it was told so far: those who still wait were told how many came after them, and no more. */
static bool was_refused(struct peer *peer)
{
	return fcntl(peer->fd, F_SETFL, O_NONBLOCK) == 0 && hear_reject(peer, REJECT_UNAVAILABLE);
}

/* More of them than there is memory for: some have to go, of their own. */
static void half_frames(void)
{
	static struct peer all[HALVES];
	uint8_t *half = calloc(1, HALF);
	bool served = true;
	int refused = 0;

	if (!half)
		give_up("memory");
	half[2] = 0x40; /* a frame of 4 MiB */
	for (uint32_t i = 0; i < HALVES && served; i++) {
		open_as(&all[i], 200000 + i);
		(void)say_hello(&all[i], PROTOCOL_VERSION);
		served = hear(&all[i]) == MESSAGE_WELCOME;
		(void)say_bytes(&all[i], half, HALF);
		served = served && (i % 8 || honest_is_served());
	}
	check(served, "an honest sensor gets an ack for every eighth of %d peers with half of a frame of 4 MiB, and they their Welcome", HALVES);
	measure_honest("frames that do not go on");
	check(another_is_served(200000 + HALVES), "and another one is welcomed and served");
	for (uint32_t i = 0; i < HALVES; i++) {
		refused += was_refused(&all[i]);
		peer_close(&all[i]);
	}
	check(refused > 0, "memory was short, and those who held it were told so (%d of %d)", refused, HALVES);
	check(honest_paces == 0, "nobody who is honest was slowed down for it");
	free(half);
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
	bool served = true;
	int told = 0;

	for (int i = 0; i < LORIS; i++) {
		peer_open(&all[i].peer, (uint8_t)(10 + i % 100));
		(void)say_bytes(&all[i].peer, begin, sizeof(begin));
		served = served && (i % 100 || honest_is_served());
	}
	check(served, "an honest sensor gets an ack for every hundredth of them that comes");
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

/* Each is there for the time of a Welcome. */
static void greet_without_end(struct attack_progress *progress, const void *data)
{
	bool refused = false, right = true;

	(void)data;
	for (uint32_t number = 0; number < HOSTS_MAX && !refused && right; number++) {
		struct peer peer;
		int type;

		open_as(&peer, number);
		(void)say_hello(&peer, PROTOCOL_VERSION);
		type = hear(&peer);
		refused = type == MESSAGE_REJECT;
		right = refused ? peer.message.reject.code == REJECT_LIMIT && peer.message.reject.reason.len > 0
				: type == MESSAGE_WELCOME;
		peer_close(&peer);
		progress->units++;
	}
	progress->right = refused && right;
	progress->done = true;
}

static void flood_of_hosts(void)
{
	struct attack attack;

	attack_begin(&attack, 1, greet_without_end, NULL);
	contend(&attack, "a flood of hosts", HOSTS_MAX, HOSTS_IN_TURN);
	check(attack.progress->right, "one host too many is told why (after %llu)", (unsigned long long)attack.progress->units);
	check_honest("a flood of hosts");
	printf("# peak memory with %llu host boots: %lu KiB\n", (unsigned long long)attack.progress->units, rss_kib());
	attack_end(&attack);
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
	process.more[0] = "--shards";
	process.more[1] = SHARDS;
	process_start();
	start_honest();
	measure_honest("nothing else");
	cut_frames();
	endless_tables();
	endless_strings();
	storm_of_bombs();
	idle_inflaters();
	half_frames();
	slow_loris();
	flood_of_hosts();
	check(rss_kib() > 0 && rss_kib() < RSS_MAX_KIB, "the collector's memory stayed below %u KiB (%lu)", RSS_MAX_KIB,
	      rss_kib());
	check(process_stop(), "the collector stops cleanly");
	peer_close(&honest);
	printf("1..%d\n", checks);
	return failures > 0;
}
