/* SPDX-License-Identifier: Apache-2.0 */
/* Everything runs through one multi handle, a plain request too: the live view needs a stream, two polls and the
 * keyboard at the same time, and one way of doing things is easier to get right than two. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/console/cli/client.h"
#include "collector/console/cli/glyph.h"
#include "collector/console/cli/object.h"
#include "proto/stream/address.h"

#define CONNECT_TIMEOUT_MS 5000L
/* Nothing at all for so long is a dead connection: event streams carry a comment every 15 s, answers begin within
 * seconds. */
#define SILENCE_SECONDS 45L

/* ---- the server ----------------------------------------------------------------------------------------------- */

static int set_base(struct client *client, const char *server, struct text *problem)
{
	if (!server)
		server = getenv("CANOPY_SERVER");
	if (!server || !*server)
		server = CLIENT_SERVER_DEFAULT;
	if (!strstr(server, "://"))
		text_puts(&client->base, "http://");
	text_puts(&client->base, server);
	while (client->base.len && client->base.data[client->base.len - 1] == '/')
		text_cut(&client->base, client->base.len - 1);
	if (strncmp(text_string(&client->base), "http://", 7) == 0 ||
	    strncmp(text_string(&client->base), "https://", 8) == 0)
		return client->base.failed ? -ENOMEM : 0;
	text_printf(problem, "'%s' is no server: it begins with http:// or https://", server);
	return -EINVAL;
}

/* A token that others can read is no secret: the same rule as ssh's for its keys. */
static int check_token_file(int fd, const char *path, struct text *problem)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode)) {
		text_printf(problem, "token file '%s' is not a plain file", path);
		return -EINVAL;
	}
	if (stat.st_uid != geteuid() && stat.st_uid != 0) {
		text_printf(problem, "token file '%s' belongs to somebody else (uid %u)", path, (unsigned)stat.st_uid);
		return -EACCES;
	}
	if (stat.st_mode & 077) {
		text_printf(problem, "token file '%s' can be read by others (mode %03o); chmod 600 '%s'", path,
			    (unsigned)stat.st_mode & 0777, path);
		return -EACCES;
	}
	return 0;
}

/* The first line; bytes that would break out of a header line make it unusable. */
static int set_token(struct client *client, const char *data, size_t len, const char *path, struct text *problem)
{
	while (len && (data[len - 1] == '\n' || data[len - 1] == '\r' || data[len - 1] == ' '))
		len--;
	for (size_t i = 0; i < len; i++)
		if (data[i] <= ' ' || data[i] > '~')
			len = 0;
	if (!len) {
		text_printf(problem, "'%s' does not hold a token: one line without blanks", path);
		return -EINVAL;
	}
	text_puts(&client->authorization, "Authorization: Bearer ");
	text_add(&client->authorization, data, len);
	return client->authorization.failed ? -ENOMEM : 0;
}

static int read_token(struct client *client, const char *path, struct text *problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	char data[CLIENT_TOKEN_MAX];
	ssize_t len;

	if (fd < 0) {
		err = -errno;
		text_printf(problem, "cannot open token file '%s': %s", path, strerror(-err));
		return err;
	}
	err = check_token_file(fd, path, problem);
	if (!err) {
		len = read(fd, data, sizeof(data));
		err = len < 0 ? -errno : set_token(client, data, (size_t)len, path, problem);
	}
	(void)close(fd);
	explicit_bzero(data, sizeof(data));
	if (err && !problem->len)
		text_printf(problem, "cannot read token file '%s': %s", path, strerror(-err));
	return err;
}

static const char *given_or(const char *given, const char *variable)
{
	const char *value = given ? given : getenv(variable);

	return value && *value ? value : NULL;
}

static int find_token(struct client *client, const char *token_file, struct text *problem)
{
	const char *path = given_or(token_file, "CANOPY_TOKEN_FILE"), *token = given_or(NULL, "CANOPY_TOKEN");

	if (path)
		return read_token(client, path, problem);
	return token ? set_token(client, token, strlen(token), "CANOPY_TOKEN", problem) : 0;
}

/* authority: what stands behind "http://". */
static bool is_this_machine(const char *authority)
{
	struct sockaddr_storage name;
	struct address address = {0};
	bool v6 = authority[0] == '[';
	const char *host = authority + v6;
	size_t len = strcspn(host, v6 ? "]" : ":/");

	if (len > ADDRESS_HOST_MAX)
		return false;
	memcpy(address.host, host, len);
	return strcmp(address.host, "localhost") == 0 ||
	       (len > 0 && address_to_sockaddr(&address, &name) == 0 && address_is_loopback((const struct sockaddr *)&name));
}

/* Whoever is on the way to another machine would have the token for good. */
static int check_secrecy(const struct client *client, struct text *problem)
{
	const char *base = text_string(&client->base);

	if (!client->authorization.len || strncmp(base, "http://", 7) != 0 || is_this_machine(base + 7))
		return 0;
	text_printf(problem, "the token would go to %s in the clear; use https://", base);
	return -EINVAL;
}

int client_init(struct client *ret, const char *server, const char *token_file, const char *ca, struct text *problem)
{
	struct client client = {.ca = given_or(ca, "CANOPY_CA")};
	int err = set_base(&client, server, problem);

	if (!err)
		err = find_token(&client, token_file, problem);
	if (!err)
		err = check_secrecy(&client, problem);
	if (!err && client.ca && access(client.ca, R_OK) < 0) {
		err = -errno;
		text_printf(problem, "cannot read the authorities '%s' (--ca, CANOPY_CA): %s", client.ca, strerror(-err));
	}
	if (!err && (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(client.multi = curl_multi_init())))
		err = -ENOMEM;
	if (err && !problem->len)
		text_puts(problem, "out of memory");
	if (err)
		client_finish(&client);
	else
		*ret = client;
	return err;
}

void client_finish(struct client *client)
{
	if (client->multi)
		(void)curl_multi_cleanup(client->multi);
	if (client->authorization.data)
		explicit_bzero(client->authorization.data, client->authorization.len);
	text_finish(&client->authorization);
	text_finish(&client->base);
	*client = (struct client){0};
}

void client_add_query(struct text *path, const char *name, struct bytes value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	text_putc(path, path->data && strchr(path->data, '?') ? '&' : '?');
	text_puts(path, name);
	text_putc(path, '=');
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] && strchr(plain, value.data[i]))
			text_putc(path, value.data[i]);
		else
			text_printf(path, "%%%02X", (unsigned char)value.data[i]);
	}
}

/* ---- exchanges ------------------------------------------------------------------------------------------------ */

static size_t take_body(char *data, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;
	size_t len = size * count;

	if (!transfer->status)
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
	if (transfer->sink && transfer->status == 200) {
		transfer->err = transfer->sink(transfer->user, data, len);
	} else if (transfer->body.len + len > CLIENT_BODY_MAX) {
		transfer->err = -EMSGSIZE;
	} else {
		text_add(&transfer->body, data, len);
		transfer->err = transfer->body.failed ? -ENOMEM : 0;
	}
	return transfer->err ? 0 : len;
}

static bool add_header(struct transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (longer)
		transfer->headers = longer;
	return longer;
}

static bool add_headers(struct transfer *transfer, const char *last_id)
{
	struct text line = TEXT_NULL;
	bool ok = add_header(transfer, last_id ? "Accept: text/event-stream" : "Accept: application/json");

	if (transfer->client->authorization.len)
		ok = ok && add_header(transfer, text_string(&transfer->client->authorization));
	if (last_id && *last_id) {
		text_printf(&line, "Last-Event-ID: %s", last_id);
		ok = ok && !line.failed && add_header(transfer, text_string(&line));
	}
	text_finish(&line);
	return ok;
}

static void set_up(struct transfer *transfer, const char *url)
{
	CURL *easy = transfer->easy;

	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (transfer->client->ca)
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->client->ca);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, SILENCE_SECONDS);
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "canopy/" CANOPY_VERSION);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
}

int transfer_begin(struct transfer *transfer, struct client *client, const char *path, const char *last_id,
		   transfer_sink *sink, void *user)
{
	struct text url = TEXT_NULL;

	*transfer = (struct transfer){.client = client, .sink = sink, .user = user, .easy = curl_easy_init()};
	text_puts(&url, text_string(&client->base));
	text_puts(&url, path);
	if (!transfer->easy || url.failed || !add_headers(transfer, last_id))
		goto fail;
	set_up(transfer, text_string(&url));
	text_finish(&url);
	if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
		goto fail;
	transfer->active = true;
	return 0;
fail:
	text_finish(&url);
	transfer_end(transfer);
	return -ENOMEM;
}

void transfer_end(struct transfer *transfer)
{
	if (transfer->easy) {
		(void)curl_multi_remove_handle(transfer->client->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->headers);
	text_finish(&transfer->body);
	*transfer = TRANSFER_NULL;
}

bool transfer_ok(const struct transfer *transfer)
{
	return !transfer->active && !transfer->err && transfer->result == CURLE_OK && transfer->status == 200;
}

/* Returns whether an exchange came to its end. */
static bool reap(struct client *client)
{
	struct CURLMsg *done;
	bool any = false;
	int left;

	while ((done = curl_multi_info_read(client->multi, &left))) {
		struct transfer *transfer = NULL;

		if (done->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(done->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		transfer->result = done->data.result;
		(void)curl_easy_getinfo(done->easy_handle, CURLINFO_RESPONSE_CODE, &transfer->status);
		transfer->active = false;
		any = true;
	}
	return any;
}

int client_wait(struct client *client, struct curl_waitfd *extra, unsigned extra_count, int timeout_ms)
{
	int running;

	if (curl_multi_perform(client->multi, &running) != CURLM_OK)
		return -EIO;
	if (reap(client))
		return 0;
	if (curl_multi_poll(client->multi, extra, extra_count, timeout_ms, NULL) != CURLM_OK)
		return -EIO;
	if (curl_multi_perform(client->multi, &running) != CURLM_OK)
		return -EIO;
	(void)reap(client);
	return 0;
}

int client_get(struct client *client, const char *path, struct transfer *ret)
{
	int err = transfer_begin(ret, client, path, NULL, NULL, NULL);

	/* each turn ends by itself: the exchange has time limits of its own */
	while (!err && ret->active)
		err = client_wait(client, NULL, 0, 1000);
	return err;
}

/* ---- what went wrong ------------------------------------------------------------------------------------------ */

/* The filter and a caret under its column (1 = first character). */
static void point_at(const char *filter, int64_t column, size_t shift)
{
	size_t at = 0, len = strlen(filter);

	for (int64_t left = column > (int64_t)shift ? column - 1 - (int64_t)shift : 0; left > 0 && at < len; left--) {
		uint32_t point;
		size_t bytes = glyph_decode(filter + at, len - at, &point);

		at += bytes ? bytes : 1;
	}
	message_more("%s", filter);
	message_more("%*s^", (int)glyph_width(filter, at), "");
}

/* A path that is not there is the wrong server; a process that is not known is an answer. */
static enum exit_code code_of(long status, struct bytes code)
{
	if (status == 400 || status == 409)
		return EXIT_USAGE;
	return status == 404 && bytes_equal(code, BYTES_LITERAL("not_found")) ? EXIT_NOTHING : EXIT_SERVER;
}

static enum exit_code explain_refusal(const struct transfer *transfer, const char *filter, size_t shift)
{
	json_t *answer = object_parse(transfer->body.data, transfer->body.len);
	struct bytes what = object_string(answer, "error.message"), hint = object_string(answer, "error.hint");
	enum exit_code code = code_of(transfer->status, object_string(answer, "error.code"));
	int64_t column;

	if (what.data)
		message("%.*s", (int)what.len, what.data);
	else
		message("%s answered with status %ld", text_string(&transfer->client->base), transfer->status);
	if (filter && *filter && object_int(answer, "error.column", &column))
		point_at(filter, column, shift);
	if (hint.len)
		message_more("%.*s", (int)hint.len, hint.data);
	else if (transfer->status == 401 || transfer->status == 403)
		message_more("give the server's token with --token-file FILE");
	json_decref(answer);
	return code;
}

enum exit_code client_explain(const struct transfer *transfer, const char *filter, size_t shift)
{
	const char *server = text_string(&transfer->client->base);

	if (transfer->err == -ENOMEM) {
		message("out of memory");
	} else if (transfer->err == -EMSGSIZE) {
		message("the answer of %s is too large; narrow it with a filter or --limit", server);
	} else if (transfer->result != CURLE_OK) {
		message("cannot talk to %s: %s", server,
			*transfer->reason ? transfer->reason : curl_easy_strerror(transfer->result));
		if (transfer->result == CURLE_COULDNT_CONNECT || transfer->result == CURLE_COULDNT_RESOLVE_HOST)
			message_more("is canopy-collector running there? Another place: --server URL or CANOPY_SERVER");
		else if (transfer->result == CURLE_PEER_FAILED_VERIFICATION)
			message_more("give the file of its authority, such as ca.pem of 'canopy pki': --ca FILE or CANOPY_CA");
		else if (transfer->result == CURLE_GOT_NOTHING || transfer->result == CURLE_RECV_ERROR)
			message_more("a collector that speaks TLS wants https:// in --server");
	} else {
		return explain_refusal(transfer, filter, shift);
	}
	return EXIT_SERVER;
}
