/* SPDX-License-Identifier: Apache-2.0 */
/* The least that listens to the kernel's proc connector: counts forks of processes, execs and exits until SIGTERM, and
 * says how many there were. With -p it looks up what the connector leaves out (the executable and the arguments, in
 * /proc) at each exec, and counts those where the process was gone already. Says 'ready' once it listens.
 *
 * The kernel numbers what it sends on each CPU, so a hole in the numbers is an event that this reader did not get.
 *
 *   connector [-p] */
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CPUS_MAX 4096u
#define RECEIVE_BYTES (8 << 20) /* as large as the sensor's ring */

struct tally {
	unsigned long long forks, execs, exits, others, bytes, lost, late;
	uint32_t next[CPUS_MAX];
	bool known[CPUS_MAX];
};

static volatile sig_atomic_t over;

static void on_signal(int number)
{
	over = number;
}

static int subscribe(int fd, enum proc_cn_mcast_op op)
{
	const struct cn_msg message = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof(op)};
	char request[NLMSG_LENGTH(sizeof(message) + sizeof(op))];
	const struct nlmsghdr header = {
		.nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE, .nlmsg_pid = (uint32_t)getpid()};

	memcpy(request, &header, sizeof(header));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	memcpy(request + NLMSG_HDRLEN + sizeof(message), &op, sizeof(op));
	return send(fd, request, sizeof(request), 0) < 0 ? -errno : 0;
}

static int listen_to_kernel(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	int fd = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR), bytes = RECEIVE_BYTES, r;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : subscribe(fd, PROC_CN_MCAST_LISTEN);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

static bool readable(pid_t pid, const char *what, bool is_link)
{
	char path[64], text[4096];
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	if (is_link)
		return readlink(path, text, sizeof(text)) > 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		(void)close(fd);
	}
	return n > 0;
}

static void count_hole(struct tally *tally, uint32_t cpu, uint32_t number)
{
	if (cpu >= CPUS_MAX)
		return;
	if (tally->known[cpu])
		tally->lost += number - tally->next[cpu];
	tally->known[cpu] = true;
	tally->next[cpu] = number + 1;
}

static void take(struct tally *tally, const struct cn_msg *message, bool look_up)
{
	const struct proc_event *event = (const void *)message->data;

	count_hole(tally, event->cpu, message->seq);
	if (event->what == PROC_EVENT_FORK && event->event_data.fork.child_pid == event->event_data.fork.child_tgid)
		tally->forks++;
	else if (event->what == PROC_EVENT_EXIT && event->event_data.exit.process_pid == event->event_data.exit.process_tgid)
		tally->exits++;
	else if (event->what == PROC_EVENT_EXEC)
		tally->execs++;
	else
		tally->others++;
	if (look_up && event->what == PROC_EVENT_EXEC) {
		pid_t pid = event->event_data.exec.process_tgid;
		bool exe = readable(pid, "exe", true), arguments = readable(pid, "cmdline", false);

		tally->late += !exe || !arguments;
	}
}

/* false = interrupted, or with MSG_DONTWAIT nothing left. */
static bool receive(struct tally *tally, int fd, int flags, bool look_up)
{
	static char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t n = recv(fd, buffer, sizeof(buffer), flags);
	unsigned left = (unsigned)n;

	if (n < 0)
		return errno == ENOBUFS; /* what did not fit is a hole in the numbers */
	tally->bytes += (unsigned long long)n;
	for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left))
		if (header->nlmsg_type == NLMSG_DONE)
			take(tally, NLMSG_DATA(header), look_up);
	return true;
}

int main(int argc, char **argv)
{
	static struct tally tally;
	struct sigaction action = {.sa_handler = on_signal};
	bool look_up = argc == 2 && !strcmp(argv[1], "-p");
	int fd;

	if (argc > 1 && !look_up) {
		fputs("usage: connector [-p]\n", stderr);
		return 2;
	}
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	fd = listen_to_kernel();
	if (fd < 0) {
		fprintf(stderr, "connector: the kernel's proc connector: %s (needs root and CONFIG_PROC_EVENTS)\n", strerror(-fd));
		return 1;
	}
	puts("ready");
	(void)fflush(stdout);
	while (!over)
		(void)receive(&tally, fd, 0, look_up);
	(void)subscribe(fd, PROC_CN_MCAST_IGNORE);
	while (receive(&tally, fd, MSG_DONTWAIT, look_up))
		;
	printf("forks=%llu execs=%llu exits=%llu others=%llu bytes=%llu lost=%llu late=%llu\n", tally.forks, tally.execs,
	       tally.exits, tally.others, tally.bytes, tally.lost, tally.late);
	(void)close(fd);
	return 0;
}
