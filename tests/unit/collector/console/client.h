/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the console for tests: a plain socket, read while the loop that serves it is run in the same thread.
 * Nothing here sleeps: it waits for the loop or the socket, and gives up after CLIENT_PATIENCE_MS. */
#ifndef CANOPY_TESTS_UNIT_COLLECTOR_CONSOLE_CLIENT_H
#define CANOPY_TESTS_UNIT_COLLECTOR_CONSOLE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define CLIENT_PATIENCE_MS 20000

struct client {
	uv_loop_t *loop;
	int fd;
	char *data;         /* what came, NUL-terminated */
	size_t len, size;
	bool ended;         /* the server ended or reset the connection */
};

/* address: 127.0.0.1:PORT. Fails the test when it cannot connect. */
void client_open(struct client *client, uv_loop_t *loop, const char *address);
void client_close(struct client *client);
void client_send(struct client *client, const char *data, size_t len);
void client_send_text(struct client *client, const char *text);
/* Runs the loop and reads until done says so; false when the server ended or the patience did. */
bool client_until(struct client *client, bool (*done)(const struct client *client, const void *argument),
		  const void *argument);
bool client_until_text(struct client *client, const char *text); /* text has come */
bool client_until_ended(struct client *client);
/* Runs the loop until *flag. */
bool client_run_until(uv_loop_t *loop, const bool *flag);

/* GET path on a connection of its own, to its end. The answer's body, with chunks put together, malloc'ed and
 * NUL-terminated; *ret_status. */
char *client_get(uv_loop_t *loop, const char *address, const char *path, int *ret_status);
/* The body of a whole answer in the client's data, as above. */
char *client_body(const struct client *client, int *ret_status);

#endif
