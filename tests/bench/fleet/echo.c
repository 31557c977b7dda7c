/* SPDX-License-Identifier: Apache-2.0 */
/* echo FILE BYTES PER-SECOND COUNT CPU: the least that a durable ack takes on this machine. A process on that CPU appends what comes over loopback, makes it
 * durable and answers with as many bytes as an ack has; all that came meanwhile goes together. It decodes nothing and has one thread. Prints the
 * time from sending to the answer. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "need.h"
#include "sorted.h"

#define RESERVED ((off_t)64 * 1024 * 1024)
#define ACK_BYTES 9u
#define GROUP_MAX 64u

struct run {
	const char *file;
	size_t len, count;
	unsigned long rate;
	int cpu;
};

static int listen_on_loopback(struct sockaddr_in *ret)
{
	socklen_t len = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)ret, len) < 0 || listen(fd, 1) < 0 || getsockname(fd, (struct sockaddr *)ret, &len) < 0)
		die("listen", errno);
	return fd;
}

static void no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Until the peer has gone. Appends as disk.c does. */
static _Noreturn void serve(const struct run *run, int listener)
{
	char *data = need_memory(malloc(run->len * GROUP_MAX)), acks[ACK_BYTES * GROUP_MAX] = {0};
	int file = open(run->file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600), fd;
	size_t have = 0, acked = 0;
	off_t at = 0;
	cpu_set_t cpus;
	ssize_t n;

	CPU_ZERO(&cpus);
	CPU_SET(run->cpu, &cpus);
	if (file < 0 || fallocate(file, FALLOC_FL_KEEP_SIZE, 0, RESERVED) < 0 || sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		die(run->file, errno);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept", errno);
	no_delay(fd);
	while ((n = read(fd, data + have, run->len * GROUP_MAX - have)) > 0) {
		if (pwrite(file, data + have, (size_t)n, at % RESERVED) != n || fdatasync(file) < 0)
			die("write", errno);
		at += n;
		acked = (have + (size_t)n) / run->len;
		have = (have + (size_t)n) % run->len;
		if (acked && write(fd, acks, acked * ACK_BYTES) < 0)
			die("answer", errno);
	}
	exit(0);
}

/* Takes the acks that have come; wait_ns: how long it waits for the first. */
static size_t hear(int fd, size_t acked, uint64_t *times, uint64_t wait_ns)
{
	struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000), .tv_nsec = (long)(wait_ns % 1000000000)};
	struct pollfd poll = {.fd = fd, .events = POLLIN};
	static size_t bytes;
	char acks[4096];
	ssize_t n;

	if (ppoll(&poll, 1, &wait, NULL) <= 0)
		return acked;
	n = read(fd, acks, sizeof(acks));
	if (n <= 0)
		die("the answer", n < 0 ? errno : ECONNRESET);
	for (bytes += (size_t)n; bytes >= ACK_BYTES; bytes -= ACK_BYTES, acked++)
		times[acked] = now_ns() - times[acked];
	return acked;
}

static void ask(const struct run *run, int fd, uint64_t *times)
{
	char *data = need_memory(calloc(1, run->len));
	uint64_t begin = now_ns();
	size_t acked = 0;

	for (size_t i = 0; i < run->count; i++) {
		uint64_t due = begin + i * 1000000000 / run->rate;

		for (uint64_t now; (now = now_ns()) < due;)
			acked = hear(fd, acked, times, due - now);
		times[i] = now_ns();
		if (write(fd, data, run->len) != (ssize_t)run->len)
			die("send", errno);
	}
	while (acked < run->count)
		acked = hear(fd, acked, times, 1000000000);
	free(data);
}

int main(int argc, char **argv)
{
	struct run run = {.file = argc == 6 ? argv[1] : NULL};
	struct sockaddr_in address;
	uint64_t *times;
	int listener, fd;
	pid_t pid;

	if (argc == 6) {
		run.len = strtoul(argv[2], NULL, 10);
		run.rate = strtoul(argv[3], NULL, 10);
		run.count = strtoul(argv[4], NULL, 10);
		run.cpu = atoi(argv[5]);
	}
	if (!run.len || !run.rate || !run.count || run.cpu < 0 || run.cpu >= CPU_SETSIZE) {
		fputs("usage: bench-echo FILE BYTES PER-SECOND COUNT CPU\n", stderr);
		return 2;
	}
	times = need_memory(calloc(run.count, sizeof(*times)));
	listener = listen_on_loopback(&address);
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (pid == 0)
		serve(&run, listener);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect", errno);
	no_delay(fd);
	ask(&run, fd, times);
	(void)close(fd);
	(void)waitpid(pid, NULL, 0);
	(void)unlink(run.file);
	sort_times(times, run.count);
	printf("echo_p50_ms=%.3f echo_p99_ms=%.3f echo_max_ms=%.3f\n", percentile(times, run.count, 0.5), percentile(times, run.count, 0.99),
	       percentile(times, run.count, 1));
	return 0;
}
