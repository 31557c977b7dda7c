/* SPDX-License-Identifier: Apache-2.0 */
/* Peers of the collector over plain sockets, honest and otherwise, and an honest one that is asked now and then how well
 * it is served. Blocking, one thread. */
#ifndef CANOPY_TESTS_FAULT_PEER_H
#define CANOPY_TESTS_FAULT_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "tests/fault/process.h"
#include "tests/unit/batches.h"

#define PEER_SAMPLES 60 /* batches of one look at the honest one's latency */

/* A line of the collector's /proc/PID/status. 0: it is not there. */
static inline unsigned long status_kib(const char *key)
{
	char path[64], line[256];
	unsigned long kib = 0;
	size_t len = strlen(key);
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)process.pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, len) == 0 && sscanf(line + len, ": %lu", &kib) == 1)
			break;
	}
	if (file)
		(void)fclose(file);
	return kib;
}

/* The most that it ever had. */
static inline unsigned long rss_kib(void)
{
	return status_kib("VmHWM");
}

/* ---- peers --------------------------------------------------------------------------------------------------- */

struct peer {
	int fd;
	struct frame_reader reader;
	struct arena arena;
	struct batches batches;
	struct message message; /* last one that came */
};

/* From 127.0.0.host, so that the collector can tell them apart. */
static inline int dial(unsigned host)
{
	struct timeval wait = {.tv_sec = PROCESS_WAIT_SECONDS};
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host)};
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(process.port), .sin_addr.s_addr = process.address};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		give_up("cannot connect");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return fd;
}

static inline void peer_open(struct peer *peer, uint8_t boot)
{
	memset(peer, 0, sizeof(*peer));
	peer->fd = dial(boot);
	frame_reader_init(&peer->reader, 1 << 20);
	if (batches_init(&peer->batches, boot, boot) < 0)
		give_up("memory");
}

static inline void peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		(void)close(peer->fd);
	frame_reader_finish(&peer->reader);
	arena_finish(&peer->arena);
	batches_finish(&peer->batches);
}

/* Errors of a peer that is being cut off are no failure of the test. */
static inline bool say_bytes(struct peer *peer, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t sent = send(peer->fd, at, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
		len -= (size_t)sent;
	}
	return true;
}

static inline bool say(struct peer *peer, const struct message *message)
{
	uint8_t *frame;
	size_t len;
	bool said;

	if (message_encode(message, false, &frame, &len) != 0)
		give_up("message_encode");
	said = say_bytes(peer, frame, len);
	free(frame);
	return said;
}

static inline bool say_hello(struct peer *peer, uint32_t version)
{
	struct message message = {.type = MESSAGE_HELLO};

	message.hello = (struct hello){.protocol_version = version,
				       .boot = peer->batches.boot,
				       .hostname = BYTES_LITERAL("host"),
				       .stream = peer->batches.stream,
				       .first_unacked_seq = 1};
	return say(peer, &message);
}

static inline bool say_batch(struct peer *peer, uint64_t seq)
{
	struct message message = {.type = MESSAGE_BATCH};
	size_t len;
	const uint8_t *data = batches_make(&peer->batches, seq, 5, seq * 1000, &len);

	if (!data)
		give_up("batches_make");
	message.batch = bytes_make(data, len);
	return say(peer, &message);
}

/* The next message of the collector; 0 when it has ended, -1 when nothing came. */
static inline int hear(struct peer *peer)
{
	const uint8_t *data;
	uint8_t *at;
	ssize_t got;
	size_t len;

	for (;;) {
		if (frame_reader_next(&peer->reader, &data, &len) == 0) {
			arena_reset(&peer->arena);
			return message_decode_collector(&peer->arena, data, len, &peer->message, NULL) == 0
				   ? (int)peer->message.type
				   : -1;
		}
		if (frame_reader_space(&peer->reader, &at, &len) < 0)
			give_up("memory");
		got = recv(peer->fd, at, len, 0);
		if (got <= 0)
			return got == 0 ? 0 : -1;
		frame_reader_filled(&peer->reader, (size_t)got);
	}
}

static inline bool hear_reject(struct peer *peer, enum reject_code code)
{
	int type;

	while ((type = hear(peer)) > 0) {
		if (type == MESSAGE_REJECT)
			return peer->message.reject.code == code && peer->message.reject.reason.len > 0;
	}
	return false;
}

/* ---- the honest one ------------------------------------------------------------------------------------------ */

static struct peer honest;
static uint64_t honest_seq;
static unsigned honest_paces; /* times that it was slowed down */

/* Everything but a Reject and the end of the connection may come before the ack. */
static inline bool hear_ack(struct peer *peer, uint64_t seq)
{
	int type;

	while ((type = hear(peer)) > 0 && type != MESSAGE_ACK && type != MESSAGE_REJECT)
		honest_paces += type == MESSAGE_PACE && peer->message.pace.batches_per_second > 0;
	return type == MESSAGE_ACK && peer->message.ack.seq == seq;
}

/* One more batch; a sensor that says nothing for long is let go of, so that long tests call this in between. */
static inline bool honest_is_served(void)
{
	return say_batch(&honest, ++honest_seq) && hear_ack(&honest, honest_seq);
}

static inline void check_honest(const char *after)
{
	check(honest_is_served(), "an honest sensor is served after %s", after);
}

static inline void start_honest(void)
{
	peer_open(&honest, 1);
	if (!say_hello(&honest, PROTOCOL_VERSION) || hear(&honest) != MESSAGE_WELCOME)
		give_up("the collector welcomes nobody");
	check_honest("its own Hello");
}

static inline int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Beside what it usually waits. Printed, not judged: this machine has other things to do. */
static inline void print_waits(const char *during, double *took, unsigned count)
{
	static double usual;

	qsort(took, count, sizeof(*took), by_size);
	if (usual == 0)
		usual = took[count / 2];
	printf("# during %s: ack median %.2f ms, worst %.2f ms; usual median %.2f ms\n", during, took[count / 2], took[count - 1], usual);
}

/* How long the honest one waits for an ack beside an attack that stands still. */
static inline void measure_honest(const char *during)
{
	double took[PEER_SAMPLES];
	bool acked = true;

	for (int i = 0; i < PEER_SAMPLES && acked; i++) {
		double begin = now_ms();

		acked = honest_is_served();
		took[i] = now_ms() - begin;
	}
	check(acked, "an honest sensor is served during %s", during);
	if (acked)
		print_waits(during, took, PEER_SAMPLES);
}

/* ---- attacks that go on -------------------------------------------------------------------------------------- */

/* An attack in processes of its own. It counts what the collector has done for it; set against the acks of the honest one, that tells whether
 * it is served in its turn, however slow the machine is. */
struct attack {
	pid_t pids[8];
	unsigned count;
	struct attack_progress {
		_Atomic uint64_t units;   /* hostile pieces of work that the collector has dealt with */
		_Atomic bool done, right; /* for attacks that end: whether it has, and whether it went as it should */
	} *progress; /* shared with them */
};

static inline void attack_begin(struct attack *attack, unsigned count, void (*run)(struct attack_progress *progress, const void *data),
				const void *data)
{
	attack->progress = mmap(NULL, sizeof(*attack->progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (attack->progress == MAP_FAILED)
		give_up("mmap");
	for (attack->count = 0; attack->count < count; attack->count++) {
		pid_t pid = fork();

		if (pid < 0)
			give_up("fork");
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			run(attack->progress, data);
			_exit(0);
		}
		attack->pids[attack->count] = pid;
	}
}

static inline void attack_end(struct attack *attack)
{
	for (unsigned i = 0; i < attack->count; i++) {
		(void)kill(attack->pids[i], SIGKILL);
		(void)waitpid(attack->pids[i], NULL, 0);
	}
	(void)munmap(attack->progress, sizeof(*attack->progress));
}

/* An honest sensor that comes back and brings a batch that the collector has already: the whole way of a session, and nothing of it waits for a disk that
 * attacks may not need. */
static inline bool returning_is_served(void)
{
	struct peer peer;
	bool served;

	peer_open(&peer, 251);
	served = say_hello(&peer, PROTOCOL_VERSION) && hear(&peer) == MESSAGE_WELCOME && say_batch(&peer, 1) && hear_ack(&peer, 1);
	peer_close(&peer);
	return served;
}

/* Until the attack has got on by units, or is done, one honest sensor brings batches and another one comes back again and again; for no return
 * may the collector do more than in_turn pieces of hostile work first. */
static inline void contend(const struct attack *attack, const char *during, uint64_t units, uint64_t in_turn)
{
	uint64_t first, before, passed, most = 0, rounds = 0;
	bool served = returning_is_served(); /* from now on it is known */
	double took[PEER_SAMPLES];

	first = attack->progress->units;
	while (served && most <= in_turn && !attack->progress->done && (rounds < PEER_SAMPLES || attack->progress->units - first < units)) {
		double begin = now_ms();

		served = honest_is_served();
		took[rounds++ % PEER_SAMPLES] = now_ms() - begin;
		before = attack->progress->units;
		served = served && returning_is_served();
		passed = attack->progress->units - before;
		most = passed > most ? passed : most;
		while (!attack->progress->done && attack->progress->units - before < in_turn / 50) /* the attack shall get on, too */
			(void)usleep(1000);
	}
	check(served && rounds > 0 && most <= in_turn, "honest sensors are served in their turn during %s (%llu times, at most %llu of %llu hostile ones before one)",
	      during, (unsigned long long)rounds, (unsigned long long)most, (unsigned long long)(attack->progress->units - first));
	if (rounds)
		print_waits(during, took, rounds < PEER_SAMPLES ? (unsigned)rounds : PEER_SAMPLES);
}

#endif
