/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "collector/console/cli/client.h"
#include "server.h"

static char token_path[] = "/tmp/canopy-token-XXXXXX";

static void put_token(const char *data, mode_t mode)
{
	int fd = open(token_path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, strlen(data)), strlen(data));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static int make_token(void **state)
{
	int fd;

	(void)strcpy(token_path + sizeof(token_path) - 7, "XXXXXX");
	fd = mkstemp(token_path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_token(void **state)
{
	return unlink(token_path);
}

static void test_query(void **state)
{
	struct text path = TEXT_NULL;

	text_puts(&path, "/p");
	client_add_query(&path, "filter", BYTES_LITERAL("a = \"ö&\" %\0x"));
	client_add_query(&path, "limit", BYTES_LITERAL("7"));
	assert_text(&path, "/p?filter=a%20%3D%20%22%C3%B6%26%22%20%25%00x&limit=7");
	text_finish(&path);
}

static void test_servers(void **state)
{
	static const char *const rows[][2] = {
		{"http://x:1/", "http://x:1"}, {"x:1", "http://x:1"}, {"https://x/base//", "https://x/base"},
	};
	struct text problem = TEXT_NULL;
	struct client client;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(client_init(&client, rows[i][0], NULL, NULL, &problem), 0);
		assert_string_equal(text_string(&client.base), rows[i][1]);
		client_finish(&client);
	}
	assert_int_equal(client_init(&client, "file:///etc/passwd", NULL, NULL, &problem), -EINVAL);
	assert_text(&problem, "'file:///etc/passwd' is no server: it begins with http:// or https://");
	assert_int_equal(setenv("CANOPY_SERVER", "y:2", 1), 0);
	assert_int_equal(client_init(&client, NULL, NULL, NULL, &problem), 0);
	assert_string_equal(text_string(&client.base), "http://y:2");
	client_finish(&client);
	assert_int_equal(unsetenv("CANOPY_SERVER"), 0);
	assert_int_equal(client_init(&client, NULL, NULL, NULL, &problem), 0);
	assert_string_equal(text_string(&client.base), CLIENT_SERVER_DEFAULT);
	client_finish(&client);
	text_finish(&problem);
}

static void token_gives(const char *data, mode_t mode, int expected)
{
	struct text problem = TEXT_NULL;
	struct client client;
	int err;

	put_token(data, mode);
	err = client_init(&client, "https://x", token_path, NULL, &problem);
	assert_int_equal(err, expected);
	assert_int_equal(problem.len > 0, expected != 0);
	if (!err)
		client_finish(&client);
	text_finish(&problem);
}

static void test_tokens(void **state)
{
	struct text problem = TEXT_NULL;
	struct client client;

	token_gives("secret\n", 0600, 0);
	token_gives("secret", 0400, 0);
	token_gives("secret\n", 0640, -EACCES);
	token_gives("secret\n", 0604, -EACCES);
	token_gives("", 0600, -EINVAL);
	token_gives("a\r\nX-Evil: 1", 0600, -EINVAL);
	assert_int_equal(client_init(&client, "x", "/nonexistent", NULL, &problem), -ENOENT);
	text_reset(&problem);
	assert_int_equal(client_init(&client, "x", "/", NULL, &problem), -EINVAL);
	text_finish(&problem);
}

static void test_exchange(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad",
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", NULL,
	};
	struct text problem = TEXT_NULL;
	struct transfer transfer;
	struct server server;
	struct client client;
	char *log;

	put_token("secret\n", 0600);
	server_start(&server, answers);
	assert_int_equal(client_init(&client, server.url, token_path, NULL, &problem), 0);
	assert_int_equal(client_get(&client, "/a?b=c", &transfer), 0);
	assert_true(transfer_ok(&transfer));
	assert_text(&transfer.body, "{}");
	transfer_end(&transfer);
	assert_int_equal(client_get(&client, "/bad", &transfer), 0);
	assert_false(transfer_ok(&transfer));
	assert_int_equal(transfer.status, 400);
	assert_text(&transfer.body, "bad");
	transfer_end(&transfer);
	/* a token goes to nobody but the server that was named */
	assert_int_equal(client_get(&client, "/moved", &transfer), 0);
	assert_false(transfer_ok(&transfer));
	assert_int_equal(transfer.status, 302);
	transfer_end(&transfer);
	assert_int_equal(client_get(&client, "/cut", &transfer), 0);
	assert_false(transfer_ok(&transfer));
	assert_int_equal(transfer.result, CURLE_PARTIAL_FILE);
	transfer_end(&transfer);
	client_finish(&client);
	log = server_end(&server, false);
	assert_non_null(strstr(log, "GET /a?b=c HTTP/1.1\r\n"));
	assert_non_null(strstr(log, "Authorization: Bearer secret\r\n"));
	free(log);
	text_finish(&problem);
}

/* A column that lies nowhere in the filter is an answer too. */
static void test_columns_made_up(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 42\r\n\r\n{\"error\":{\"column\":-9223372036854775808}}\n",
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 41\r\n\r\n{\"error\":{\"column\":9223372036854775807}}\n", NULL,
	};
	struct text problem = TEXT_NULL;
	struct transfer transfer;
	struct server server;
	struct client client;

	server_start(&server, answers);
	assert_int_equal(client_init(&client, server.url, NULL, NULL, &problem), 0);
	for (size_t i = 0; answers[i]; i++) {
		assert_int_equal(client_get(&client, "/bad", &transfer), 0);
		assert_int_equal(client_explain(&transfer, "pid > x", 3), EXIT_USAGE);
		transfer_end(&transfer);
	}
	client_finish(&client);
	free(server_end(&server, false));
	text_finish(&problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query), cmocka_unit_test(test_servers),
		cmocka_unit_test_setup_teardown(test_tokens, make_token, remove_token),
		cmocka_unit_test_setup_teardown(test_exchange, make_token, remove_token),
		cmocka_unit_test(test_columns_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
