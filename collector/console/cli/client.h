/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the collector's interface: HTTP by libcurl, several exchanges side by side on one thread. Nothing follows
 * redirections, so that a token goes to nobody but the server that was named. */
#ifndef CANOPY_CONSOLE_CLI_CLIENT_H
#define CANOPY_CONSOLE_CLI_CLIENT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/console/cli/message.h"
#include "collector/console/cli/text.h"

#define CLIENT_SERVER_DEFAULT "http://127.0.0.1:7070"
/* Bound of one answer that is gathered in memory: the forest of 100,000 processes at some 2 KiB each, with room to
 * spare. */
#define CLIENT_BODY_MAX ((size_t)512 << 20)
/* A token is a line; a file beyond this is something else. */
#define CLIENT_TOKEN_MAX 4096

struct client {
	CURLM *multi;
	struct text base;            /* URL of the server without a slash at its end */
	struct text authorization;   /* header line; empty = no token */
	const char *ca;              /* file; NULL = those of the system; borrowed */
};

/* server NULL: CANOPY_SERVER, else the default. token_file NULL: CANOPY_TOKEN_FILE, else what CANOPY_TOKEN holds, else none.
 * ca NULL: CANOPY_CA, else the system's. Returns 0, or -EINVAL, -EACCES, -EIO, -ENOMEM
 * with *problem filled. */
int client_init(struct client *ret, const char *server, const char *token_file, const char *ca,
		struct text *problem);
void client_finish(struct client *client);

/* Appends '?name=value' or '&name=value' to a path, value percent-encoded. */
void client_add_query(struct text *path, const char *name, struct bytes value);

/* Returns 0 to go on; anything else ends the exchange with this as its err. */
typedef int transfer_sink(void *user, const char *data, size_t len);

/* One exchange. Borrowed by the client while active: it must not move. */
struct transfer {
	struct client *client;       /* borrowed */
	CURL *easy;
	struct curl_slist *headers;
	transfer_sink *sink;         /* takes the body of a good answer; NULL = it is gathered */
	void *user;
	struct text body;            /* the answer, or what the server said of its refusal */
	bool active;                 /* begun and not yet over */
	CURLcode result;             /* of the exchange when it is over */
	long status;                 /* HTTP; 0 = none came */
	int err;                     /* of the sink, or -EMSGSIZE, -ENOMEM */
	char reason[CURL_ERROR_SIZE];
};

#define TRANSFER_NULL ((struct transfer){0})

/* Begins GET path (from the slash on). last_id: resumes an event stream behind it; NULL = not an event stream, "" =
 * from now on. Returns 0 or -ENOMEM. */
int transfer_begin(struct transfer *transfer, struct client *client, const char *path, const char *last_id,
		   transfer_sink *sink, void *user);
/* Ends it wherever it stands. Takes a zeroed one. */
void transfer_end(struct transfer *transfer);
/* Over, and the server gave what was asked for. */
bool transfer_ok(const struct transfer *transfer);

/* Moves all exchanges on; returns when something happened on them or on one of extra, or after timeout_ms. Returns 0 or
 * -EIO. */
int client_wait(struct client *client, struct curl_waitfd *extra, unsigned extra_count, int timeout_ms);

/* GET path, waited for. The transfer is over then; end it when its body is done with. Returns 0, or -ENOMEM, -EIO. */
int client_get(struct client *client, const char *path, struct transfer *ret);

/* Says on stderr why an exchange is not ok. filter: what the user typed, to point at a column of; shift: characters
 * that were put before it on the way to the server. Returns the exit code that fits. */
enum exit_code client_explain(const struct transfer *transfer, const char *filter, size_t shift);

#endif
