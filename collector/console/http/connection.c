/* SPDX-License-Identifier: Apache-2.0 */
/* A small state machine: idle -> head -> answer -> idle … and, when the connection is not to be used again, answer ->
 * linger -> closing.
 *
 * Reading goes on while an answer is sent, into what is left of the input buffer: that holds pipelined requests, bounds
 * them, and tells when the peer has gone. At the end our side is shut and input thrown away until the peer ends its own
 * (linger): closing a socket with unread bytes makes the kernel send a reset, which can take the answer with it. */
#include "collector/console/http/connection.h"

#include <errno.h>
#include <stdlib.h>

#include "canopy/log.h"

#define INPUT_MIN 2048u /* fits what browsers and curl send; grows up to REQUEST_HEAD_MAX */

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_HEAD,
	CONNECTION_ANSWER,
	CONNECTION_LINGER,
	CONNECTION_CLOSING,
};

struct connection {
	struct connection_link link;
	struct stream *stream;
	uv_timer_t timer;
	const struct connection_timeouts *timeouts;
	const struct connection_events *events;
	void *owner;
	enum connection_state state;
	uint64_t since_ms;        /* loop time of its beginning, or of the end of its last answer */
	unsigned holds;           /* stream and timer that have not yet called back */
	char *input;              /* owned */
	size_t input_len, input_size, scanned;
	bool reading;
	bool ended;               /* the peer ended its side */
	struct arena arena;       /* of the request that is being answered */
	bool keep_alive, is_head, chunked;
	struct json output;       /* head of the answer, until its first piece goes out */
	struct body *body;        /* owned while it is sent */
	bool waiting;             /* the body said BODY_WAIT */
	bool comma;               /* of the JSON that the body writes, from piece to piece */
	bool last;                /* all of the answer has been written */
};

struct connection_link *connection_link(struct connection *connection)
{
	return &connection->link;
}

/* ---- state and time ------------------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer);
static void process(struct connection *c);

static void arm(struct connection *c, uint32_t ms)
{
	(void)uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void set_state(struct connection *c, enum connection_state state, const char *why)
{
	static const char *const names[] = {"idle", "head", "answer", "linger", "closing"};

	if (state == c->state)
		return;
	log_debug("console connection=%p state=%s->%s why=\"%s\"", (void *)c, names[c->state], names[state], LOG_TEXT(why));
	if (c->state == CONNECTION_ANSWER)
		c->since_ms = uv_now(c->timer.loop);
	c->state = state;
	if (state == CONNECTION_IDLE)
		arm(c, c->timeouts->idle);
	else if (state == CONNECTION_HEAD)
		arm(c, c->timeouts->head);
	else if (state == CONNECTION_LINGER)
		arm(c, c->timeouts->linger);
}

static void drop_body(struct connection *c)
{
	struct body *body = c->body;

	c->body = NULL;
	c->waiting = false;
	if (!body)
		return;
	body->connection = NULL;
	body->type->destroy(body);
}

static void release(struct connection *c)
{
	if (--c->holds > 0)
		return;
	arena_finish(&c->arena);
	json_finish(&c->output);
	free(c->input);
	c->events->closed(c->owner, c);
	free(c);
}

static void on_stream_closed(void *owner)
{
	release(owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void close_because(struct connection *c, const char *why)
{
	if (c->state == CONNECTION_CLOSING)
		return;
	set_state(c, CONNECTION_CLOSING, why);
	drop_body(c);
	stream_close(c->stream, on_stream_closed);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

void connection_close(struct connection *connection)
{
	close_because(connection, "closed by the server");
}

bool connection_waits(const struct connection *connection, uint64_t *ret_since_ms)
{
	if (connection->state != CONNECTION_IDLE && connection->state != CONNECTION_HEAD)
		return false;
	*ret_since_ms = connection->since_ms;
	return true;
}

/* ---- output -------------------------------------------------------------------------------------------------- */

/* Hands the buffer to the stream, which takes it over. */
static int send_buffer(struct connection *c, struct json *out)
{
	struct json moved = *out;

	*out = JSON_EMPTY;
	if (moved.failed) {
		json_finish(&moved);
		return -ENOMEM;
	}
	if (moved.len == 0) {
		json_finish(&moved);
		return 0;
	}
	arm(c, c->timeouts->stall);
	return stream_write(c->stream, (uint8_t *)moved.data, moved.len);
}

static void begin_answer(struct connection *c, const struct response *response)
{
	set_state(c, CONNECTION_ANSWER, "request");
	json_reset(&c->output);
	response_write(&c->output, response);
}

static void end_answer(struct connection *c);

static void finish_answer(struct connection *c)
{
	c->last = true;
	if (send_buffer(c, &c->output) < 0)
		close_because(c, "write failed");
	else if (stream_queued(c->stream) == 0)
		end_answer(c); /* nothing was left to send, so nothing will be reported as sent */
}

void connection_answer(struct connection *c, int status, const char *content_type, const char *policy,
		       struct json *body)
{
	struct response response = {.status = status,
				    .content_type = content_type,
				    .policy = policy,
				    .length = (int64_t)body->len,
				    .keep_alive = c->keep_alive,
				    .allow = status == 405,
				    .challenge = status == 401 || status == 403,
				    .retry = status == 503};
	bool failed = body->failed;

	begin_answer(c, &response);
	if (!c->is_head)
		json_raw(&c->output, body->data, body->len);
	json_finish(body);
	if (failed)
		close_because(c, "out of memory");
	else
		finish_answer(c);
}

void connection_error(struct connection *c, const struct response_error *error)
{
	struct json body = JSON_EMPTY;

	response_write_error(&body, error);
	connection_answer(c, error->status, RESPONSE_JSON, NULL, &body);
}

/* An error after which nothing of the input makes sense. */
static void refuse(struct connection *c, int status, const char *code, const char *message, const char *hint)
{
	c->keep_alive = c->is_head = false;
	connection_error(c, &(struct response_error){.status = status, .code = code, .message = message, .hint = hint});
}

/* "0000ffff\r\n" stands before each chunk: its place is kept, its value set when the chunk is known. */
#define CHUNK_HEAD 10u

static void chunk_begin(struct connection *c, size_t *ret_at)
{
	*ret_at = c->output.len;
	if (c->chunked)
		json_raw(&c->output, "00000000\r\n", CHUNK_HEAD);
}

static void chunk_end(struct connection *c, size_t at, bool last)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = c->output.len - at - CHUNK_HEAD;

	if (!c->chunked || c->output.failed)
		return;
	if (size == 0) {
		c->output.len = at;
	} else {
		for (unsigned i = 0; i < 8; i++)
			c->output.data[at + i] = digits[size >> (28 - 4 * i) & 15];
		json_raw(&c->output, "\r\n", 2);
	}
	if (last)
		json_raw(&c->output, "0\r\n\r\n", 5);
}

/* Makes and sends the next piece of the body, when the last one has been taken. */
static void pump(struct connection *c)
{
	size_t at;
	int r;

	if (c->state != CONNECTION_ANSWER || !c->body || stream_queued(c->stream) > 0)
		return;
	chunk_begin(c, &at);
	c->output.comma = c->comma;
	r = c->body->type->produce(c->body, &c->output);
	if (r < 0) {
		close_because(c, "the body failed");
		return;
	}
	c->comma = c->output.comma;
	c->output.comma = false;
	chunk_end(c, at, r == BODY_DONE);
	c->waiting = r == BODY_WAIT;
	if (r == BODY_DONE) {
		drop_body(c);
		finish_answer(c);
		return;
	}
	if (send_buffer(c, &c->output) < 0)
		close_because(c, "write failed");
	else if (stream_queued(c->stream) == 0)
		arm(c, c->waiting ? c->timeouts->keepalive : 0);
}

void connection_stream(struct connection *c, const char *content_type, struct body *body)
{
	bool http11 = c->chunked;
	struct response response = {.status = 200,
				    .content_type = content_type,
				    .length = http11 ? RESPONSE_CHUNKED : RESPONSE_UNTIL_CLOSE,
				    .keep_alive = c->keep_alive && http11};

	c->keep_alive = response.keep_alive;
	c->comma = false;
	c->body = body;
	body->connection = c;
	begin_answer(c, &response);
	if (c->is_head) {
		drop_body(c);
		finish_answer(c);
		return;
	}
	pump(c);
}

void connection_wake(struct connection *c)
{
	if (!c->waiting)
		return;
	c->waiting = false;
	pump(c);
}

/* The whole answer has gone out. */
static void end_answer(struct connection *c)
{
	c->last = false;
	arena_finish(&c->arena);
	if (c->keep_alive && (!c->ended || c->input_len > 0)) {
		set_state(c, CONNECTION_IDLE, "answered");
		process(c);
		return;
	}
	if (c->ended || stream_shutdown(c->stream) < 0) {
		close_because(c, "answered");
		return;
	}
	set_state(c, CONNECTION_LINGER, "answered");
	c->input_len = 0;
	if (!c->reading && stream_read_start(c->stream) < 0)
		close_because(c, "cannot read");
	c->reading = true;
}

static void on_drained(void *owner)
{
	struct connection *c = owner;

	if (c->state != CONNECTION_ANSWER)
		return;
	if (c->last)
		end_answer(c);
	else if (c->waiting)
		arm(c, c->timeouts->keepalive);
	else
		pump(c);
}

static void tick(struct connection *c)
{
	size_t at;

	chunk_begin(c, &at);
	c->body->type->tick(c->body, &c->output);
	c->output.comma = false;
	chunk_end(c, at, false);
	if (send_buffer(c, &c->output) < 0)
		close_because(c, "write failed");
}

static void on_timer(uv_timer_t *timer)
{
	struct connection *c = timer->data;

	if (c->state == CONNECTION_HEAD)
		refuse(c, 408, "timeout", "the request did not come to its end in time", NULL);
	else if (c->state != CONNECTION_ANSWER)
		close_because(c, "idle for too long");
	else if (stream_queued(c->stream) > 0)
		close_because(c, "the peer does not take its answer");
	else if (c->waiting && c->body->type->tick)
		tick(c);
	else
		pump(c);
}

/* ---- input --------------------------------------------------------------------------------------------------- */

static void consume(struct connection *c, size_t len)
{
	c->input_len -= len;
	c->scanned = 0;
	memmove(c->input, c->input + len, c->input_len);
}

static void dispatch(struct connection *c, size_t head_len)
{
	struct request request;
	const char *why = NULL;
	int r;

	c->arena.limit = CONNECTION_ARENA_MAX;
	c->keep_alive = c->is_head = false;
	r = request_parse(&c->arena, c->input, head_len, &request, &why);
	consume(c, head_len);
	if (r < 0) {
		close_because(c, "out of memory");
		return;
	}
	if (r > 0) {
		refuse(c, r, r == 505 ? "http_version" : r == 400 ? "bad_request" : "too_large", why, NULL);
		return;
	}
	c->keep_alive = request.keep_alive && !request.has_body;
	c->is_head = request.method == REQUEST_HEAD;
	c->chunked = request.minor == 1;
	if (request.method == REQUEST_OTHER)
		connection_error(c, &(struct response_error){.status = 405,
							     .code = "method_not_allowed",
							     .message = "only GET and HEAD are known here",
							     .hint = "the console reads; it changes nothing of the fleet"});
	else if (request.has_body)
		refuse(c, 413, "too_large", "the request has a body",
		       "send it without one: all is said by the path and the query");
	else
		c->events->request(c->owner, c, &request);
}

/* A head that cannot become whole any more. */
static void refuse_long_head(struct connection *c)
{
	if (memchr(c->input, '\n', c->input_len))
		refuse(c, 431, "too_large", "the headers are longer than 32768 bytes", NULL);
	else
		refuse(c, 414, "too_large", "the request line is longer than 28672 bytes", "shorten the filter");
}

static void skip_empty_lines(struct connection *c)
{
	size_t n = 0;

	while (n < c->input_len && (c->input[n] == '\r' || c->input[n] == '\n'))
		n++;
	if (n > 0)
		consume(c, n);
}

static void process(struct connection *c)
{
	size_t head_len;

	if (c->state != CONNECTION_IDLE && c->state != CONNECTION_HEAD)
		return;
	if (c->state == CONNECTION_IDLE)
		skip_empty_lines(c);
	if (c->input_len > 0) {
		set_state(c, CONNECTION_HEAD, "input");
		head_len = request_scan(c->input, c->input_len, &c->scanned);
		if (head_len > 0)
			dispatch(c, head_len);
		else if (c->input_len >= REQUEST_HEAD_MAX)
			refuse_long_head(c);
	}
	if (c->ended && c->state != CONNECTION_ANSWER)
		close_because(c, "the peer is done");
	if (c->state == CONNECTION_CLOSING || c->reading || c->ended || c->input_len >= REQUEST_HEAD_MAX)
		return;
	if (stream_read_start(c->stream) < 0)
		close_because(c, "cannot read");
	else
		c->reading = true;
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	struct connection *c = owner;

	if (c->input_len == c->input_size) {
		size_t size = c->input_size ? 2 * c->input_size : INPUT_MIN;
		char *input = realloc(c->input, size);

		if (!input)
			return -ENOMEM;
		c->input = input;
		c->input_size = size;
	}
	*ret_at = (uint8_t *)c->input + c->input_len;
	*ret_len = c->input_size - c->input_len;
	return 0;
}

static void on_filled(void *owner, size_t len)
{
	struct connection *c = owner;

	if (c->state == CONNECTION_LINGER)
		return; /* thrown away */
	c->input_len += len;
	if (c->input_len >= REQUEST_HEAD_MAX) {
		stream_read_stop(c->stream);
		c->reading = false;
	}
	process(c);
}

static void on_ended(void *owner, int error)
{
	struct connection *c = owner;

	c->reading = false;
	c->ended = true;
	if (error || c->state != CONNECTION_ANSWER)
		close_because(c, error ? uv_strerror(error) : "the peer is done");
	else if (c->body && c->body->type->tick)
		close_because(c, "the follower is gone");
}

/* Only with TLS. */
static void on_connected(void *owner)
{
	struct connection *c = owner;

	if (c->state == CONNECTION_IDLE)
		arm(c, c->timeouts->idle);
}

static const struct stream_events stream_events = {
    .connected = on_connected, .space = on_space, .filled = on_filled, .drained = on_drained, .ended = on_ended};

int connection_create(struct connection **ret, uv_loop_t *loop, uv_stream_t *server,
		      struct tls_context *tls, const struct connection_timeouts *timeouts,
		      const struct connection_events *events, void *owner)
{
	struct connection *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct connection){.timeouts = timeouts, .events = events, .owner = owner, .holds = 2, .since_ms = uv_now(loop)};
	r = stream_create(&c->stream, loop, &stream_events, c);
	if (r == 0 && tls)
		r = stream_secure(c->stream, tls, NULL);
	if (r == 0)
		r = stream_accept(c->stream, server);
	if (r == 0)
		r = stream_read_start(c->stream);
	if (r < 0) {
		stream_close(c->stream, NULL);
		free(c);
		return r;
	}
	c->reading = true;
	(void)uv_timer_init(loop, &c->timer); /* never fails */
	c->timer.data = c;
	arm(c, tls ? timeouts->head : timeouts->idle); /* with TLS, for its handshake */
	*ret = c;
	return 0;
}
