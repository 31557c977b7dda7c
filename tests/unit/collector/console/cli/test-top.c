/* SPDX-License-Identifier: Apache-2.0 */
/* The program itself on a pseudo terminal, against a server that knows one process: what it takes over it gives back, however it ends. */
#include "check.h"

#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

/* Bound of waiting for something that must come. */
#define PATIENCE_MS 20000
#define OUTPUT_MAX (1 << 20)

#define HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define HOSTS "\"hosts\":[{\"host\":\"web-1\",\"boot_id\":\"b\",\"state\":\"live\",\"live\":1}]"
#define PROCESS(state) \
	"\"id\":\"b-1-1\",\"host\":\"web-1\",\"boot_id\":\"b\",\"pid\":1,\"state\":\"" state "\",\"argv\":[\"the-one\"]}"

static const char *program; /* argument of the test: the canopy that was built */

struct stage {
	pid_t server, viewer;
	char url[64];
	int terminal;            /* the far side of the pseudo terminal */
	struct termios before;
	char *output;            /* OUTPUT_MAX bytes */
	size_t len;
};

/* ---- the server ----------------------------------------------------------------------------------------------- */

static const char *answer_to(const char *head)
{
	if (strncmp(head, "GET /api/v1/events", 18) == 0)
		return HEAD "\r\nid: 1\nevent: exec\ndata: {\"type\":\"exec\",\"time\":\"2026-11-22T12:00:00Z\"," PROCESS("live") "\n\n";
	if (strncmp(head, "GET /api/v1/tree", 16) == 0)
		return HEAD "\r\n{\"nodes\":[{\"depth\":0," PROCESS("live") "]," HOSTS "}";
	return HEAD "\r\n{" HOSTS "}";
}

/* Streams stay open until the server ends: their descriptors are meant to leak. */
_Noreturn static void serve(int listener)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		char head[4096] = "";
		size_t len = 0;

		while (!strstr(head, "\r\n\r\n") && len < sizeof(head) - 1) {
			ssize_t got = read(connection, head + len, sizeof(head) - 1 - len);

			if (got <= 0)
				break;
			len += (size_t)got;
			head[len] = '\0';
		}
		if (write(connection, answer_to(head), strlen(answer_to(head))) < 0 || !strstr(head, "/events"))
			(void)close(connection);
	}
}

static void start_server(struct stage *stage)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);

	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(stage->url, sizeof(stage->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
	stage->server = fork();
	assert_true(stage->server >= 0);
	if (stage->server == 0)
		serve(listener);
	(void)close(listener);
}

/* ---- the stage ------------------------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	static const struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct stage *stage = calloc(1, sizeof(*stage));
	int near;

	if (!stage)
		return -1;
	*state = stage;
	stage->output = calloc(1, OUTPUT_MAX);
	/* before the terminal is there, so that the server holds nothing of it */
	start_server(stage);
	if (!stage->output || openpty(&stage->terminal, &near, NULL, NULL, &size) < 0)
		return -1;
	(void)tcgetattr(near, &stage->before);
	stage->viewer = fork();
	if (stage->viewer == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(stage->terminal);
		(void)setenv("TERM", "xterm", 1);
		(void)setenv("LC_ALL", "C.UTF-8", 1);
		if (login_tty(near) == 0)
			(void)execl(program, program, "--server", stage->url, (char *)NULL);
		_exit(127);
	}
	(void)close(near);
	return stage->viewer > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;

	if (stage->viewer > 0) {
		(void)kill(stage->viewer, SIGKILL);
		(void)waitpid(stage->viewer, NULL, 0);
	}
	if (stage->server > 0) {
		(void)kill(stage->server, SIGKILL);
		(void)waitpid(stage->server, NULL, 0);
	}
	(void)close(stage->terminal);
	free(stage->output);
	free(stage);
	return 0;
}

/* Reads what is written on the terminal. Returns false when nothing more comes. */
static bool read_more(struct stage *stage)
{
	struct pollfd wait = {.fd = stage->terminal, .events = POLLIN};
	ssize_t got;

	assert_true(stage->len < OUTPUT_MAX - 1);
	if (poll(&wait, 1, PATIENCE_MS) <= 0)
		return false;
	got = read(stage->terminal, stage->output + stage->len, OUTPUT_MAX - 1 - stage->len);
	if (got <= 0)
		return false; /* EIO: the near side was closed */
	stage->len += (size_t)got;
	stage->output[stage->len] = '\0';
	return true;
}

static void wait_for(struct stage *stage, const char *text)
{
	while (!strstr(stage->output, text))
		if (!read_more(stage))
			fail_msg("'%s' did not come; there was: %s", text, stage->output);
}

/* The exit code, with the terminal as it was before. */
static int wait_for_end(struct stage *stage)
{
	struct termios after;
	int status;

	wait_for(stage, "\033[?1049l");
	assert_non_null(strstr(stage->output, "\033[?7h\033[?25h\033[?1049l"));
	/* nobody but the program holds the near side open, so its end is the end of the output */
	while (read_more(stage))
		;
	assert_int_equal(waitpid(stage->viewer, &status, 0), stage->viewer);
	stage->viewer = 0;
	assert_int_equal(tcgetattr(stage->terminal, &after), 0);
	assert_int_equal(after.c_lflag, stage->before.c_lflag);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_shows_and_quits(void **state)
{
	struct stage *stage = *state;

	wait_for(stage, "\033[?1049h");
	wait_for(stage, "web-1  live");
	wait_for(stage, "the-one");
	wait_for(stage, "exec");
	assert_int_equal(write(stage->terminal, "q", 1), 1);
	assert_int_equal(wait_for_end(stage), 0);
}

static void end_by(struct stage *stage, int signal)
{
	wait_for(stage, "the-one");
	assert_int_equal(kill(stage->viewer, signal), 0);
	assert_int_equal(wait_for_end(stage), 0);
}

static void test_ends_by_sigterm(void **state)
{
	end_by(*state, SIGTERM);
}

static void test_ends_by_sighup(void **state)
{
	end_by(*state, SIGHUP);
}

static void test_ends_by_interrupt_key(void **state)
{
	struct stage *stage = *state;

	wait_for(stage, "the-one");
	assert_int_equal(write(stage->terminal, "\003", 1), 1);
	assert_int_equal(wait_for_end(stage), 0);
}

/* A server that goes away is told, and is no reason to end. */
static void test_says_that_the_server_is_gone(void **state)
{
	struct stage *stage = *state;

	wait_for(stage, "the-one");
	assert_int_equal(kill(stage->server, SIGKILL), 0);
	assert_int_equal(waitpid(stage->server, NULL, 0), stage->server);
	stage->server = 0;
	wait_for(stage, "NOT CONNECTED");
	assert_int_equal(write(stage->terminal, "q", 1), 1);
	assert_int_equal(wait_for_end(stage), 0);
}

static void test_follows_the_size(void **state)
{
	struct stage *stage = *state;
	struct winsize size = {.ws_row = 10, .ws_col = 40};

	wait_for(stage, "the-one");
	stage->len = 0;
	stage->output[0] = '\0';
	assert_int_equal(ioctl(stage->terminal, TIOCSWINSZ, &size), 0);
	/* the whole picture anew, its keys cut at the new edge */
	wait_for(stage, "\033[2J");
	wait_for(stage, "q quit  j/k scroll  g/G ends  x ende…");
	assert_int_equal(write(stage->terminal, "q", 1), 1);
	assert_int_equal(wait_for_end(stage), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shows_and_quits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends_by_sigterm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends_by_sighup, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends_by_interrupt_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_says_that_the_server_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_follows_the_size, set_up, tear_down),
	};

	program = argc > 1 ? argv[1] : "canopy";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
