// SPDX-License-Identifier: Apache-2.0
/* A sensor whose every word is dictated: tells a collector the facts that stdin lists, for what no kernel does on request (a reboot, a
 * clock that jumps, facts in the wrong order or sent twice) and for more processes than a machine would fork in the time.
 *
 * usage: feed ADDR:PORT <SCRIPT. A line of the script is one of
 *
 *   host NAME BOOT [MACHINE]        who speaks; 32 hex digits each, dashes do not count
 *   clock BOOTTIME WALL             nanoseconds; for the Hello and the batches that follow
 *   connect STREAM                  a new session; ends the one before without a word
 *   fork|exec|exit|snapshot TIME PID/START PARENT/START [KEY=VALUE…]
 *                                   adds a fact; keys: seq exe code signal pgid sid creator reaper (the last two PID/START)
 *   mark BEGIN END                  adds the end of a snapshot
 *   gap TYPE REASON FROM TO COUNT   adds a gap, numbers as in canopy.proto
 *   send                            closes the batch and sends it; returns when it is durable
 *   again                           connects anew and sends the last batch again, under its number
 *   lives COUNT TIME PARENT/START [twice]
 *                                   sends so many lives of a millisecond each, pids from 1000 on; 'twice': each batch again
 */
#include <ctype.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proto/batch/encoder.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "workload.h"

#define WORDS_MAX 16
#define LINE_BYTES 1024
#define SILENCE_MS 30000 /* a collector that says nothing for so long has failed the test */
#define LIFE_NS 1000000u
#define LIVES_PIDS 30000u /* after so many lives their pids are used again */

struct feed {
	const char *address, *port;
	int fd;
	char name[64];
	struct boot_id boot;
	uint8_t machine[16];
	bool machine_known;
	uint64_t boottime_ns, stream, seq, acked, window;
	int64_t offset_ns;
	struct batch_encoder *encoder;
	struct frame_reader reader;
	struct arena arena;
	uint8_t *frame; /* owned; the last batch */
	size_t frame_len;
};

static const struct fact_context context = {.user = {"root", 4}, .cgroup = {"/feed", 5}, .loginuid = FACT_ID_UNKNOWN, .session = FACT_ID_UNKNOWN};

static _Noreturn void refuse(const char *what, const char *value)
{
	fprintf(stderr, "feed: %s '%s'\n", what, value ? value : "");
	exit(WORKLOAD_FAILED);
}

static void need(int r, const char *what)
{
	if (r < 0)
		refuse(what, strerror(-r));
}

/* ---- words of the script --------------------------------------------------------------------------------------- */

static uint64_t number(const char *word)
{
	char *end;
	uint64_t value = word ? strtoull(word, &end, 10) : 0;

	if (!word || !*word || *end)
		refuse("not a number:", word);
	return value;
}

static int64_t signed_number(const char *word)
{
	return word && *word == '-' ? -(int64_t)number(word + 1) : (int64_t)number(word);
}

static struct process_key key(const char *word)
{
	char *slash = word ? strchr(word, '/') : NULL;

	if (!slash)
		refuse("not PID/START:", word);
	*slash = '\0';
	return (struct process_key){.tgid = (uint32_t)number(word), .start_ns = number(slash + 1)};
}

static void id(const char *word, uint8_t out[16])
{
	unsigned nibbles = 0;

	for (; word && *word && nibbles < 32; word++) {
		if (!isxdigit((unsigned char)*word))
			continue;
		out[nibbles / 2] = (uint8_t)(out[nibbles / 2] << 4 | (isdigit((unsigned char)*word) ? *word - '0' : (*word | 32) - 'a' + 10));
		nibbles++;
	}
	if (nibbles != 32)
		refuse("not 32 hex digits:", word);
}

/* ---- the session ----------------------------------------------------------------------------------------------- */

static void send_all(const struct feed *feed, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(feed->fd, data, len, MSG_NOSIGNAL);

		if (n < 0)
			fail("send");
		data += n;
		len -= (size_t)n;
	}
}

static void hear_message(struct feed *feed, const uint8_t *data, size_t len)
{
	struct message message;

	arena_reset(&feed->arena);
	need(message_decode_collector(&feed->arena, data, len, &message, NULL), "decode");
	if (message.type == MESSAGE_WELCOME)
		feed->window = message.welcome.window_batches;
	else if (message.type == MESSAGE_ACK)
		feed->acked = message.ack.seq;
	else if (message.type == MESSAGE_REJECT)
		refuse("rejected:", message.reject.reason.data);
}

static void hear(struct feed *feed)
{
	struct pollfd wait = {.fd = feed->fd, .events = POLLIN};
	const uint8_t *data;
	uint8_t *at;
	size_t len;
	ssize_t n;

	if (poll(&wait, 1, SILENCE_MS) != 1)
		refuse("no answer within 30 s", "");
	need(frame_reader_space(&feed->reader, &at, &len), "memory");
	n = recv(feed->fd, at, len, 0);
	if (n <= 0)
		refuse("the collector hung up", "");
	frame_reader_filled(&feed->reader, (size_t)n);
	while (frame_reader_next(&feed->reader, &data, &len) == 0)
		hear_message(feed, data, len);
}

static void dial(struct feed *feed)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;

	if (getaddrinfo(feed->address, feed->port, &hints, &list) != 0)
		refuse("no address:", feed->address);
	feed->fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (feed->fd < 0 || connect(feed->fd, list->ai_addr, list->ai_addrlen) < 0)
		fail("connect");
	freeaddrinfo(list);
}

static void greet(struct feed *feed)
{
	struct message message = {.type = MESSAGE_HELLO};
	uint8_t *frame;
	size_t len;

	message.hello = (struct hello){
		.protocol_version = PROTOCOL_VERSION, .boot = feed->boot, .machine_id_known = feed->machine_known,
		.hostname = bytes_from_string(feed->name), .kernel = BYTES_LITERAL("6.1"), .arch = BYTES_LITERAL("x86_64"),
		.sensor_version = BYTES_LITERAL("feed"), .stream = feed->stream, .first_unacked_seq = 1,
		.boottime_to_wall_ns = feed->offset_ns, .boottime_ns = feed->boottime_ns,
	};
	memcpy(message.hello.machine_id, feed->machine, 16);
	need(message_encode(&message, false, &frame, &len), "hello");
	send_all(feed, frame, len);
	free(frame);
}

static void reconnect(struct feed *feed)
{
	if (feed->fd >= 0) {
		(void)close(feed->fd);
		frame_reader_finish(&feed->reader);
	}
	frame_reader_init(&feed->reader, FRAME_BYTES_MAX);
	feed->acked = feed->window = 0;
	dial(feed);
	greet(feed);
	while (!feed->window)
		hear(feed);
}

static void do_connect(struct feed *feed, char **words)
{
	feed->stream = number(words[1]);
	feed->seq = 0;
	reconnect(feed);
}

static void close_batch(struct feed *feed)
{
	struct batch_id batch = {feed->boot, feed->stream, ++feed->seq};
	struct message message = {.type = MESSAGE_BATCH};
	const uint8_t *data;
	size_t len;

	need(batch_encoder_finish(feed->encoder, &batch, feed->offset_ns, &data, &len), "batch");
	message.batch = bytes_make(data, len);
	free(feed->frame);
	need(message_encode(&message, true, &feed->frame, &feed->frame_len), "frame");
}

static void send_last(struct feed *feed)
{
	send_all(feed, feed->frame, feed->frame_len);
	while (feed->acked < feed->seq)
		hear(feed);
}

static void do_send(struct feed *feed)
{
	close_batch(feed);
	send_last(feed);
}

static void do_again(struct feed *feed)
{
	reconnect(feed);
	send_last(feed);
}

/* ---- facts ----------------------------------------------------------------------------------------------------- */

static void set_exe(struct fact *fact, const char *exe)
{
	fact->exe = bytes_from_string(exe);
	fact->argv = bytes_make(exe, strlen(exe) + 1);
	fact->argv_bytes = fact->argv.len;
	fact->flags = FACT_EXE_KNOWN | FACT_ARGV_KNOWN;
	fact->comm = bytes_from_string(strrchr(exe, '/') ? strrchr(exe, '/') + 1 : exe);
}

static void set(struct fact *fact, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		refuse("not KEY=VALUE:", word);
	*value++ = '\0';
	if (strcmp(word, "seq") == 0)
		fact->exec_seq = (uint32_t)number(value);
	else if (strcmp(word, "exe") == 0)
		set_exe(fact, value);
	else if (strcmp(word, "code") == 0)
		fact->exit.code = (int32_t)number(value);
	else if (strcmp(word, "signal") == 0)
		fact->exit.code = -1, fact->exit.signal = (uint32_t)number(value);
	else if (strcmp(word, "pgid") == 0)
		fact->pgid = (uint32_t)number(value);
	else if (strcmp(word, "sid") == 0)
		fact->sid = (uint32_t)number(value);
	else if (strcmp(word, "creator") == 0)
		fact->creator = key(value);
	else if (strcmp(word, "reaper") == 0)
		fact->exit.reaper = key(value);
	else
		refuse("no such key:", word);
}

static struct fact fact_make(enum fact_type type, uint64_t time_ns, struct process_key self, struct process_key parent)
{
	return (struct fact){
		.type = type, .time_ns = time_ns, .self = self, .parent = parent, .creator = parent, .tid = self.tgid,
		.ns_tgid = self.tgid, .pgid = 1, .sid = 1, .comm = BYTES_LITERAL("feed"), .context = &context,
		.exit = {.read_bytes = UINT64_MAX, .written_bytes = UINT64_MAX},
	};
}

static void do_fact(struct feed *feed, enum fact_type type, char **words)
{
	uint64_t time_ns = number(words[1]);
	struct process_key self = key(words[2]), parent = key(words[3]);
	struct fact fact = fact_make(type, time_ns, self, parent);

	for (char **word = words + 4; *word; word++)
		set(&fact, *word);
	need(batch_encoder_add(feed->encoder, &fact), "fact");
}

static void do_mark(struct feed *feed, char **words)
{
	struct snapshot_mark mark = {number(words[1]), number(words[2])};

	need(batch_encoder_add_snapshot(feed->encoder, &mark), "mark");
}

static void do_gap(struct feed *feed, char **words)
{
	struct gap gap = {.type = (uint32_t)number(words[1]), .reason = (uint32_t)number(words[2]), .from_ns = number(words[3]),
			  .to_ns = number(words[4]), .count = number(words[5])};

	need(batch_encoder_add_gap(feed->encoder, &gap), "gap");
}

static void send_full(struct feed *feed, bool twice)
{
	while (feed->seq - feed->acked >= feed->window)
		hear(feed);
	close_batch(feed);
	if (twice) {
		send_last(feed);
		do_again(feed);
	} else {
		send_all(feed, feed->frame, feed->frame_len);
	}
}

static void add(struct feed *feed, const struct fact *fact, bool twice)
{
	int r = batch_encoder_add(feed->encoder, fact);

	if (r == BATCH_E_FULL) {
		send_full(feed, twice);
		r = batch_encoder_add(feed->encoder, fact);
	}
	need(r, "fact");
}

static void do_lives(struct feed *feed, char **words)
{
	uint64_t count = number(words[1]), time_ns = number(words[2]);
	struct process_key parent = key(words[3]);
	bool twice = words[4] && strcmp(words[4], "twice") == 0;

	for (uint64_t i = 0; i < count; i++, time_ns += LIFE_NS) {
		struct process_key self = {.start_ns = time_ns, .tgid = 1000 + (uint32_t)(i % LIVES_PIDS)};
		struct fact fork = fact_make(FACT_FORK, time_ns + 1000, self, parent);
		struct fact exec = fact_make(FACT_EXEC, time_ns + 100000, self, parent);
		struct fact end = fact_make(FACT_EXIT, time_ns + 900000, self, parent);

		exec.exec_seq = end.exec_seq = 1;
		set_exe(&exec, "/usr/bin/brief");
		end.comm = exec.comm;
		end.exit.code = (int32_t)(i & 0xff);
		add(feed, &fork, twice);
		add(feed, &exec, twice);
		add(feed, &end, twice);
	}
	send_full(feed, twice);
	while (feed->acked < feed->seq)
		hear(feed);
}

/* ---- the script ------------------------------------------------------------------------------------------------ */

static void do_host(struct feed *feed, char **words)
{
	if (!words[1])
		refuse("host without a name", "");
	(void)snprintf(feed->name, sizeof(feed->name), "%s", words[1]);
	id(words[2], feed->boot.octets);
	feed->machine_known = words[3] != NULL;
	if (words[3])
		id(words[3], feed->machine);
}

static void do_line(struct feed *feed, char **words)
{
	static const char *const types[] = {"", "fork", "exec", "exit", "snapshot"};

	for (unsigned type = FACT_FORK; type <= FACT_SNAPSHOT; type++) {
		if (strcmp(words[0], types[type]) == 0) {
			do_fact(feed, (enum fact_type)type, words);
			return;
		}
	}
	if (strcmp(words[0], "host") == 0)
		do_host(feed, words);
	else if (strcmp(words[0], "clock") == 0)
		feed->boottime_ns = number(words[1]), feed->offset_ns = signed_number(words[2]) - (int64_t)feed->boottime_ns;
	else if (strcmp(words[0], "connect") == 0)
		do_connect(feed, words);
	else if (strcmp(words[0], "mark") == 0)
		do_mark(feed, words);
	else if (strcmp(words[0], "gap") == 0)
		do_gap(feed, words);
	else if (strcmp(words[0], "send") == 0)
		do_send(feed);
	else if (strcmp(words[0], "again") == 0)
		do_again(feed);
	else if (strcmp(words[0], "lives") == 0)
		do_lives(feed, words);
	else
		refuse("no such word:", words[0]);
}

int main(int argc, char **argv)
{
	char *colon = argc == 2 ? strrchr(argv[1], ':') : NULL;
	struct feed feed = {.fd = -1, .arena = ARENA_NULL};
	char line[LINE_BYTES];

	if (!colon)
		refuse("usage: feed ADDR:PORT <SCRIPT; got", argc > 1 ? argv[1] : "");
	*colon = '\0';
	feed.address = argv[1];
	feed.port = colon + 1;
	need(batch_encoder_create(&feed.encoder), "memory");
	while (fgets(line, sizeof(line), stdin)) {
		char *words[WORDS_MAX + 1] = {NULL}, *rest = line;
		unsigned count = 0;

		while (count < WORDS_MAX && (words[count] = strtok_r(rest, " \t\n", &rest)))
			count++;
		if (count && words[0][0] != '#')
			do_line(&feed, words);
	}
	return 0;
}
