/* SPDX-License-Identifier: Apache-2.0 */
/* silent-fs FOLDER FILE: a file system at FOLDER that has FILE's bytes as 'program', executable, and vouches for no attribute: the kernel has to ask for
 * each. Stopped (SIGSTOP), it is a server far away that does not answer. Prints 'ready=PID' once it is mounted; ends with SIGTERM. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_MAX (1 << 17)
#define READ_MAX 65536
#define PROGRAM_NODE 2
#define LONG_SECONDS 3600 /* names are vouched for */

static int device, program;
static struct stat of_program;

static void answer(uint64_t unique, int error, const void *data, size_t len)
{
	static char reply[sizeof(struct fuse_out_header) + READ_MAX];
	struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + len), .error = error, .unique = unique};

	memcpy(reply, &head, sizeof(head));
	if (len > 0)
		memcpy(reply + sizeof(head), data, len);
	if (write(device, reply, head.len) < 0 && errno != ENOENT) /* the one who asked may be gone */
		perror("answer");
}

static struct fuse_attr attributes(uint64_t node)
{
	if (node == PROGRAM_NODE)
		return (struct fuse_attr){.ino = node, .size = (uint64_t)of_program.st_size, .mode = S_IFREG | 0755, .nlink = 1};
	return (struct fuse_attr){.ino = node, .mode = S_IFDIR | 0755, .nlink = 2};
}

static void answer_init(const struct fuse_in_header *request)
{
	struct fuse_init_out out = {
	    .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_readahead = READ_MAX, .max_write = READ_MAX};

	answer(request->unique, 0, &out, sizeof(out));
}

static void answer_lookup(const struct fuse_in_header *request)
{
	struct fuse_entry_out out = {.nodeid = PROGRAM_NODE, .entry_valid = LONG_SECONDS, .attr = attributes(PROGRAM_NODE)};

	if (strcmp((const char *)(request + 1), "program") != 0)
		answer(request->unique, -ENOENT, NULL, 0);
	else
		answer(request->unique, 0, &out, sizeof(out));
}

static void answer_read(const struct fuse_in_header *request)
{
	const struct fuse_read_in *in = (const struct fuse_read_in *)(request + 1);
	static char data[READ_MAX];
	ssize_t n = pread(program, data, in->size < READ_MAX ? in->size : READ_MAX, (off_t)in->offset);

	answer(request->unique, n < 0 ? -errno : 0, data, n < 0 ? 0 : (size_t)n);
}

static void serve(const struct fuse_in_header *request)
{
	struct fuse_attr_out attr = {.attr = attributes(request->nodeid)};
	struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};

	switch (request->opcode) {
	case FUSE_INIT: answer_init(request); break;
	case FUSE_LOOKUP: answer_lookup(request); break;
	case FUSE_GETATTR: answer(request->unique, 0, &attr, sizeof(attr)); break;
	case FUSE_OPEN:
	case FUSE_OPENDIR: answer(request->unique, 0, &opened, sizeof(opened)); break;
	case FUSE_READ: answer_read(request); break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR: answer(request->unique, 0, NULL, 0); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break; /* ask for no answer */
	default: answer(request->unique, -ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static _Alignas(struct fuse_in_header) char request[REQUEST_MAX];
	char options[64];
	ssize_t n;

	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	program = argc > 2 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
	if (device < 0 || program < 0 || fstat(program, &of_program) < 0) {
		perror(device < 0 ? "/dev/fuse" : "FILE");
		return 1;
	}
	(void)snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
	if (mount("silent-fs", argv[1], "fuse.silent-fs", 0, options) < 0) {
		perror(argv[1]);
		return 1;
	}
	printf("ready=%d\n", getpid());
	(void)fflush(stdout);
	while ((n = read(device, request, sizeof(request))) > 0 || errno == EINTR || errno == ENOENT) {
		if (n > 0)
			serve((const struct fuse_in_header *)request);
	}
	return errno == ENODEV ? 0 : 1; /* unmounted */
}
