/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet of sensors in one process, on one loop of epoll: each connection is a host boot with a history of its own and speaks the real
 * protocol. Batches are encoded before the clock starts, so that what is measured is the collector. Prints KEY=VALUE words on one line.
 *
 *   fleet ADDR:PORT [KEY=VALUE…]
 *
 * hosts=48 events=1000000 batch=500 zlib=0 seed=1   how many of what
 * rate=0         events a second over all hosts; 0 = as fast as they are acknowledged
 * resident=0     processes that each host has running before; told first, outside of the measurement
 * hold=0         1: after that say 'holding', then wait for the end of stdin with all connections open
 * json=0         1: the same events as JSON lines instead, over so many connections, for a syslog daemon */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "history.h"
#include "proto/batch/encoder.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"

#define SILENCE_MS 60000 /* a peer that says nothing for so long has failed the run */
#define WINDOW_MAX 256u
#define PER_SOURCE 1000u
#define OFFSET_NS 1700000000000000000ll

struct frame {
	uint8_t *data; /* owned */
	size_t len;
};

struct peer {
	int fd;
	uint32_t host;
	struct history *history; /* owned; freed once all is encoded */
	struct frame *frames;    /* owned */
	size_t frame_count, frame_capacity;
	size_t granted;          /* frames that the rate lets go */
	size_t sent, written;    /* frames begun; bytes of the last of them that the kernel took */
	uint64_t acked, window;
	uint64_t sent_ns[WINDOW_MAX];
	struct frame_reader reader;
	uint64_t events, bytes, welcome_ns;
	bool writable, done;
};

static struct {
	unsigned long hosts, events, batch, zlib, seed, rate, resident, hold, json;
} o = {.hosts = 48, .events = 1000000, .batch = 500, .seed = 1};

static struct peer *peers;
static int poller;
static uint64_t *latencies; /* ns, of acknowledged frames */
static size_t latency_count, latency_capacity;
static struct addrinfo *target;

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static _Noreturn void die(const char *what, int error)
{
	fprintf(stderr, "fleet: %s: %s\n", what, strerror(error));
	exit(1);
}

static void need(int r, const char *what)
{
	if (r < 0)
		die(what, -r);
}

/* ---- encoding ------------------------------------------------------------------------------------------------ */

static struct boot_id boot_of(const struct peer *peer)
{
	struct boot_id boot = {{0xf1, 0xee, 0x70}};

	memcpy(boot.octets + 4, &o.seed, 8);
	memcpy(boot.octets + 12, &peer->host, 4);
	return boot;
}

static void keep_frame(struct peer *peer, uint8_t *data, size_t len)
{
	if (peer->frame_count == peer->frame_capacity) {
		peer->frame_capacity = peer->frame_capacity ? 2 * peer->frame_capacity : 8;
		peer->frames = reallocarray(peer->frames, peer->frame_capacity, sizeof(*peer->frames));
		if (!peer->frames)
			die("frames", ENOMEM);
	}
	peer->frames[peer->frame_count++] = (struct frame){data, len};
	peer->bytes += len;
}

static void close_batch(struct peer *peer, struct batch_encoder *encoder)
{
	struct batch_id id = {boot_of(peer), 1 + peer->host, peer->frame_count + 1};
	struct message message = {.type = MESSAGE_BATCH};
	const uint8_t *data;
	uint8_t *frame;
	size_t len;

	if (batch_encoder_count(encoder) == 0)
		return;
	need(batch_encoder_finish(encoder, &id, OFFSET_NS, &data, &len), "batch");
	message.batch = bytes_make(data, len);
	need(message_encode(&message, o.zlib != 0, &frame, &len), "frame");
	keep_frame(peer, frame, len);
}

static void add(struct peer *peer, struct batch_encoder *encoder, const struct fact *fact)
{
	if (batch_encoder_count(encoder) >= o.batch)
		close_batch(peer, encoder);
	if (batch_encoder_add(encoder, fact) == BATCH_E_FULL) {
		close_batch(peer, encoder);
		need(batch_encoder_add(encoder, fact), "fact");
	}
}

static size_t put_string(char *out, size_t room, struct bytes text)
{
	size_t len = 0;

	for (uint32_t i = 0; i < text.len && len + 2 < room; i++) {
		char c = text.data[i] ? text.data[i] : ' ';

		if (c == '"' || c == '\\')
			out[len++] = '\\';
		out[len++] = c;
	}
	return len;
}

/* The same knowledge as a fact carries, one line; <13> makes it a syslog message of no particular kind. */
static size_t json_line(const struct peer *peer, const struct fact *fact, char out[2048])
{
	static const char *const types[] = {"", "fork", "exec", "exit", "snapshot"};
	size_t len = (size_t)snprintf(out, 2048,
				      "<13>1 - host-%u canopy - - - {\"type\":\"%s\",\"host\":\"host-%u\",\"time\":%llu,\"pid\":%u,\"start\":%llu,"
				      "\"ppid\":%u,\"uid\":%u,\"pgid\":%u,\"sid\":%u,\"cgroup\":\"%.*s\",\"comm\":\"%.*s\"",
				      peer->host, types[fact->type], peer->host, (unsigned long long)fact->time_ns, fact->self.tgid,
				      (unsigned long long)fact->self.start_ns, fact->parent.tgid, fact->context->uid, fact->pgid, fact->sid,
				      (int)fact->context->cgroup.len, fact->context->cgroup.data, (int)fact->comm.len, fact->comm.data);

	if (fact->type == FACT_EXEC) {
		len += (size_t)snprintf(out + len, 2048 - len, ",\"exe\":\"%.*s\",\"cwd\":\"%.*s\",\"argv\":\"", (int)fact->exe.len,
					fact->exe.data, (int)fact->cwd.len, fact->cwd.data);
		len += put_string(out + len, 2000 - len, fact->argv);
		out[len++] = '"';
	} else if (fact->type == FACT_EXIT) {
		len += (size_t)snprintf(out + len, 2048 - len, ",\"code\":%d,\"utime\":%llu,\"stime\":%llu,\"rss\":%llu", fact->exit.code,
					(unsigned long long)fact->exit.utime_ns, (unsigned long long)fact->exit.stime_ns,
					(unsigned long long)fact->exit.max_rss_bytes);
	}
	out[len++] = '}';
	out[len++] = '\n';
	return len;
}

/* Lines in pieces of the size of a batch, so that both kinds are sent alike. */
static void encode_json(struct peer *peer, unsigned long events)
{
	struct fact fact;
	char line[2048];

	while (events > 0) {
		unsigned long count = events < o.batch ? events : o.batch;
		uint8_t *data = malloc(count * sizeof(line));
		size_t len = 0;

		if (!data)
			die("lines", ENOMEM);
		for (unsigned long i = 0; i < count; i++) {
			size_t n;

			history_next(peer->history, &fact);
			n = json_line(peer, &fact, line);
			memcpy(data + len, line, n);
			len += n;
		}
		keep_frame(peer, realloc(data, len), len);
		peer->events += count;
		events -= count;
	}
}

static void encode_events(struct peer *peer, struct batch_encoder *encoder, unsigned long events)
{
	struct fact fact;

	for (unsigned long i = 0; i < events; i++) {
		history_next(peer->history, &fact);
		add(peer, encoder, &fact);
	}
	close_batch(peer, encoder);
	peer->events += events;
}

static void encode_residents(struct peer *peer, struct batch_encoder *encoder)
{
	struct fact fact;

	for (uint32_t n = 0; n < o.resident; n++) {
		for (unsigned which = 0; which < 2; which++) {
			history_resident(peer->history, n, which, &fact);
			add(peer, encoder, &fact);
		}
	}
	close_batch(peer, encoder);
}

/* ---- the session --------------------------------------------------------------------------------------------- */

/* A collector takes a bounded number of connections of one address, and a loopback has many of them. */
static void choose_source(const struct peer *peer)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + peer->host / PER_SOURCE)};
	const struct sockaddr_in *to = (const struct sockaddr_in *)(const void *)target->ai_addr;

	if (peer->host >= PER_SOURCE && target->ai_family == AF_INET && to->sin_addr.s_addr == htonl(INADDR_LOOPBACK) &&
	    bind(peer->fd, (const struct sockaddr *)&source, sizeof(source)) < 0)
		die("bind", errno);
}

static void dial(struct peer *peer)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = peer};
	int one = 1;

	peer->fd = socket(target->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (peer->fd < 0)
		die("socket", errno);
	(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	choose_source(peer);
	if (connect(peer->fd, target->ai_addr, target->ai_addrlen) < 0 && errno != EINPROGRESS)
		die("connect", errno);
	if (epoll_ctl(poller, EPOLL_CTL_ADD, peer->fd, &event) < 0)
		die("epoll", errno);
	frame_reader_init(&peer->reader, FRAME_BYTES_MAX);
}

static void say_hello(struct peer *peer)
{
	struct message message = {.type = MESSAGE_HELLO};
	char name[32];
	uint8_t *frame;
	size_t len;

	(void)snprintf(name, sizeof(name), "host-%u", peer->host);
	message.hello = (struct hello){.protocol_version = PROTOCOL_VERSION, .boot = boot_of(peer), .hostname = bytes_from_string(name),
				       .kernel = BYTES_LITERAL("6.1.0"), .arch = BYTES_LITERAL("x86_64"),
				       .sensor_version = BYTES_LITERAL("fleet"), .machine_id_known = true, .stream = 1 + peer->host,
				       .first_unacked_seq = 1, .boottime_to_wall_ns = OFFSET_NS, .boottime_ns = 1000000000};
	memcpy(message.hello.machine_id, &peer->host, 4);
	need(message_encode(&message, false, &frame, &len), "hello");
	if (send(peer->fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("hello", errno);
	free(frame);
}

static void note_latency(uint64_t ns)
{
	if (latency_count < latency_capacity)
		latencies[latency_count++] = ns;
}

static void hear_message(struct peer *peer, const struct message *message)
{
	uint64_t now = now_ns();

	if (message->type == MESSAGE_WELCOME) {
		peer->window = message->welcome.window_batches < WINDOW_MAX ? message->welcome.window_batches : WINDOW_MAX;
		peer->welcome_ns = now;
	} else if (message->type == MESSAGE_ACK) {
		while (peer->acked < message->ack.seq)
			note_latency(now - peer->sent_ns[peer->acked++ % WINDOW_MAX]);
	} else if (message->type == MESSAGE_REJECT) {
		fprintf(stderr, "fleet: rejected: %.*s\n", (int)message->reject.reason.len, message->reject.reason.data);
		exit(1);
	}
}

static void hear(struct peer *peer)
{
	static struct arena arena;

	for (;;) {
		const uint8_t *data;
		struct message message;
		uint8_t *at;
		size_t len;
		ssize_t n;

		need(frame_reader_space(&peer->reader, &at, &len), "receive buffer");
		n = recv(peer->fd, at, len, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			die("the collector has left", n < 0 ? errno : ECONNRESET);
		frame_reader_filled(&peer->reader, (size_t)n);
		while (frame_reader_next(&peer->reader, &data, &len) == 0) {
			arena_reset(&arena);
			if (message_decode_collector(&arena, data, len, &message, NULL) == 0)
				hear_message(peer, &message);
		}
	}
}

static void speak(struct peer *peer)
{
	while (peer->writable) {
		struct frame *frame;
		ssize_t n;

		if (peer->written == 0) {
			if (peer->sent >= peer->granted || (!o.json && peer->sent - peer->acked >= peer->window))
				return;
			peer->sent_ns[peer->sent % WINDOW_MAX] = now_ns();
		}
		frame = &peer->frames[peer->sent];
		n = send(peer->fd, frame->data + peer->written, frame->len - peer->written, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			peer->writable = false;
			return;
		}
		if (n < 0)
			die("send", errno);
		peer->written += (size_t)n;
		if (peer->written == frame->len) {
			peer->written = 0;
			peer->sent++;
		}
	}
}

static void serve(struct peer *peer, uint32_t events)
{
	if (events & EPOLLOUT) {
		if (!peer->writable && peer->window == 0 && !o.json && peer->welcome_ns == 0 && peer->sent == 0 && !peer->done) {
			peer->done = true; /* has said hello */
			say_hello(peer);
		}
		peer->writable = true;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !o.json)
		hear(peer);
	speak(peer);
}

/* One round of waiting; all_ms: how long at most. */
static void turn(int all_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(poller, events, 256, all_ms);

	if (n < 0 && errno != EINTR)
		die("epoll", errno);
	for (int i = 0; i < n; i++)
		serve(events[i].data.ptr, events[i].events);
}

static bool all_welcome(void)
{
	for (unsigned long i = 0; i < o.hosts; i++)
		if (o.json ? !peers[i].writable : !peers[i].welcome_ns)
			return false;
	return true;
}

static bool all_acked(void)
{
	for (unsigned long i = 0; i < o.hosts; i++)
		if (o.json ? peers[i].sent < peers[i].granted : peers[i].acked < peers[i].granted)
			return false;
	return true;
}

static void wait_for(bool (*done)(void), const char *what)
{
	uint64_t deadline = now_ns() + SILENCE_MS * 1000000ull * 5;

	while (!done()) {
		if (now_ns() > deadline)
			die(what, ETIMEDOUT);
		turn(200);
	}
}

static void grant(struct peer *peer, size_t frames)
{
	peer->granted = frames;
	speak(peer);
}

/* As fast as it goes, or batch after batch by the clock, one host after the other. */
static void send_all(size_t *first)
{
	uint64_t begin = now_ns(), sent = 0, due = 0;
	bool more = o.rate > 0;

	for (unsigned long i = 0; !o.rate && i < o.hosts; i++)
		grant(&peers[i], peers[i].frame_count);
	for (unsigned long i = 0; more; i = (i + 1) % o.hosts) {
		if (i == 0)
			more = false;
		if (first[i] == peers[i].frame_count)
			continue;
		more = true;
		due = begin + (uint64_t)((double)sent++ * (double)o.batch * 1e9 / (double)o.rate);
		do { /* also when it is late: acks have to be seen when they come */
			uint64_t now = now_ns();

			turn(now + 2000000 < due ? 1 : 0);
		} while (now_ns() < due);
		grant(&peers[i], ++first[i]);
	}
	wait_for(all_acked, "acks");
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double percentile(uint64_t *values, size_t count, double p)
{
	return count ? (double)values[(size_t)((double)(count - 1) * p)] / 1e6 : 0;
}

static void print_welcomes(uint64_t begin_ns)
{
	uint64_t *times = calloc(o.hosts, sizeof(*times)), last = begin_ns;

	if (!times)
		die("figures", ENOMEM);
	for (unsigned long i = 0; i < o.hosts; i++) {
		times[i] = peers[i].welcome_ns - begin_ns;
		last = peers[i].welcome_ns > last ? peers[i].welcome_ns : last;
	}
	qsort(times, o.hosts, sizeof(*times), by_value);
	printf("welcome_seconds=%.3f welcome_p50_ms=%.2f welcome_p99_ms=%.2f ", (double)(last - begin_ns) / 1e9,
	       percentile(times, o.hosts, 0.5), percentile(times, o.hosts, 0.99));
	free(times);
}

static void print_figures(double seconds)
{
	uint64_t events = 0, bytes = 0, batches = 0;

	for (unsigned long i = 0; i < o.hosts; i++) {
		events += peers[i].events;
		bytes += peers[i].bytes;
		batches += peers[i].frame_count;
	}
	qsort(latencies, latency_count, sizeof(*latencies), by_value);
	printf("hosts=%lu events=%llu batches=%llu seconds=%.3f events_per_s=%.0f bytes_per_event=%.1f ack_p50_ms=%.3f ack_p99_ms=%.3f "
	       "ack_max_ms=%.3f\n",
	       o.hosts, (unsigned long long)events, (unsigned long long)batches, seconds, (double)events / seconds,
	       (double)bytes / (double)(events ? events : 1), percentile(latencies, latency_count, 0.5),
	       percentile(latencies, latency_count, 0.99), percentile(latencies, latency_count, 1));
	(void)fflush(stdout);
}

static void prepare(size_t *first)
{
	struct batch_encoder *encoder;

	need(batch_encoder_create(&encoder), "encoder");
	for (unsigned long i = 0; i < o.hosts; i++) {
		struct peer *peer = &peers[i];
		unsigned long share = o.events / o.hosts + (i < o.events % o.hosts);

		peer->host = (uint32_t)i;
		peer->history = malloc(sizeof(*peer->history));
		if (!peer->history)
			die("history", ENOMEM);
		history_init(peer->history, o.seed, peer->host);
		encode_residents(peer, encoder);
		first[i] = peer->frame_count;
		if (o.json)
			encode_json(peer, share);
		else
			encode_events(peer, encoder, share);
		latency_capacity += peer->frame_count;
		free(peer->history);
		peer->history = NULL;
	}
	batch_encoder_destroy(encoder);
	latencies = calloc(latency_capacity + 1, sizeof(*latencies));
	if (!latencies)
		die("figures", ENOMEM);
}

static void run(void)
{
	size_t *first = calloc(o.hosts, sizeof(*first));
	uint64_t begin;

	if (!first)
		die("hosts", ENOMEM);
	prepare(first);
	begin = now_ns();
	for (unsigned long i = 0; i < o.hosts; i++) {
		dial(&peers[i]);
		if (i % 64 == 63)
			turn(0);
	}
	wait_for(all_welcome, "welcome");
	if (!o.json)
		print_welcomes(begin);
	for (unsigned long i = 0; i < o.hosts; i++)
		grant(&peers[i], first[i]);
	wait_for(all_acked, "acks");
	latency_count = 0;
	begin = now_ns();
	send_all(first);
	print_figures((double)(now_ns() - begin) / 1e9);
	free(first);
}

/* Heartbeats are left out: idle connections last SESSION_IDLE_MS, which is longer than anything is held here. */
static void hold(void)
{
	char end;

	puts("holding");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
}

static bool parse(const char *word)
{
	static const struct {
		const char *name;
		unsigned long *value;
	} options[] = {{"hosts", &o.hosts}, {"events", &o.events}, {"batch", &o.batch},       {"zlib", &o.zlib}, {"seed", &o.seed},
		       {"rate", &o.rate},   {"resident", &o.resident}, {"hold", &o.hold}, {"json", &o.json}};
	const char *value = strchr(word, '=');

	for (size_t i = 0; value && i < sizeof(options) / sizeof(*options); i++) {
		if (strlen(options[i].name) == (size_t)(value - word) && strncmp(word, options[i].name, (size_t)(value - word)) == 0) {
			*options[i].value = strtoul(value + 1, NULL, 10);
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct rlimit limit = {.rlim_cur = 0};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char *colon = argc > 1 ? strrchr(argv[1], ':') : NULL;
	bool good = colon != NULL;

	for (int i = 2; good && i < argc; i++)
		good = parse(argv[i]);
	if (!good || o.hosts < 1 || o.hosts > 100000 || o.batch < 1) {
		fputs("usage: fleet ADDR:PORT [hosts=N events=N batch=N zlib=0|1 seed=N rate=N resident=N hold=0|1 json=0|1]\n", stderr);
		return 2;
	}
	*colon = '\0';
	if (getaddrinfo(argv[1], colon + 1, &hints, &target) != 0)
		die(argv[1], EINVAL);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	poller = epoll_create1(EPOLL_CLOEXEC);
	peers = calloc(o.hosts, sizeof(*peers));
	if (poller < 0 || !peers)
		die("start", errno);
	run();
	if (o.hold)
		hold();
	return 0;
}
