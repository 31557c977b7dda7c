/* SPDX-License-Identifier: Apache-2.0 */
/* One fsm(session, event) decides, one change_state() sets, does what entering a state needs and logs old, new and why.
 * The pieces of an event that is a message are in the arena that all sessions share: it is reset for each frame.
 *
 * Acks are cumulative: while one is still in the write queue, only the newest number is kept, so that a peer that never
 * reads makes nothing grow. */
#include "collector/listen/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canopy/failpoint.h"
#include "canopy/log.h"
#include "collector/listen/foreign.h"
#include "collector/listen/identity.h"
#include "collector/listen/internal.h"
#include "proto/wire/message.h"

enum session_event {
	EVENT_HELLO,
	EVENT_BATCH,
	EVENT_HEARTBEAT,
	EVENT_GOODBYE,
	EVENT_UNKNOWN, /* a message of a newer protocol */
	EVENT_BAD_FRAME,
	EVENT_BAD_MESSAGE,
	EVENT_FOREIGN,  /* HTTP, TLS: not a sensor */
	EVENT_OVERLOAD, /* no memory for what comes */
	EVENT_REFUSED,  /* ingest or the listener want no more of it */
	EVENT_TIMEOUT,
	EVENT_END,   /* the peer has ended its side */
	EVENT_ERROR, /* the connection is broken */
};

/* What an event carries. */
struct detail {
	const struct message *message;
	struct ingest_refusal refusal;
	enum foreign foreign;
	const char *why;
};

static const char *const state_words[] = {"greeting", "streaming", "refusing", "closed"};

static int64_t wall_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint32_t *count_of(struct session *session)
{
	struct session_shared *shared = session->shared;
	uint32_t *const counts[] = {&shared->greeting, &shared->streaming, &shared->refusing, NULL};

	return counts[session->state];
}

static void charge(struct session *session)
{
	size_t memory = frame_reader_memory(&session->reader);

	session->shared->memory += memory - session->memory;
	session->memory = memory;
}

static void forget_input(struct session *session)
{
	frame_reader_finish(&session->reader);
	session->shared->memory -= session->memory;
	session->memory = 0;
}

static void on_closed(void *owner)
{
	struct session *session = owner;

	session->shared->closed(session->shared->owner, session);
}

/* A refusal is worth a line, a thousand a second are not. */
static void note_refusal(struct session *session, const char *why)
{
	struct session_shared *shared = session->shared;
	uint64_t second = uv_now(shared->loop) / 1000;

	shared->rejects_total++;
	if (second != shared->log_second)
		shared->logged = 0;
	shared->log_second = second;
	if (shared->logged++ < SESSION_LOGS_PER_SECOND)
		log_warning("event=session-refused peer=%s reason=\"%s\"", session->name, LOG_TEXT(why));
}

static void change_state(struct session *session, enum session_state state, const char *why)
{
	log_debug("event=session peer=%s from=%s to=%s why=\"%s\"", session->name, state_words[session->state],
		  state_words[state], LOG_TEXT(why));
	(*count_of(session))--;
	session_end_handshake(session);
	session->state = state;
	if (state != SESSION_CLOSED)
		(*count_of(session))++;
	session->since_ms = session->heard_ms = uv_now(session->shared->loop);
	if (state == SESSION_STREAMING) {
		session->reader.frame_max = INGEST_FRAME_BYTES_MAX;
		session->reader.inflated_max = FRAME_INFLATED_MAX;
		session->reader.slice = LANE_SLICE_BYTES;
		return;
	}
	ingest_leave(session->peer);
	session->peer = NULL;
	session_forget_relay(session);
	lane_leave(&session->shared->lane, session);
	forget_input(session);
	if (state == SESSION_REFUSING) {
		note_refusal(session, why);
		(void)stream_read_start(session->stream); /* also when it was paused */
	} else {
		stream_close(session->stream, on_closed);
	}
}

/* ---- what is said to the peer -------------------------------------------------------------------------------- */

static int send_message(struct session *session, const struct message *message)
{
	uint8_t *frame;
	size_t len;
	int r = message_encode(message, false, &frame, &len);

	return r < 0 ? r : stream_write(session->stream, frame, len);
}

static void send_ack(struct session *session)
{
	struct message message = {.type = MESSAGE_ACK, .ack = {session->ack_seq}};

	if (!session->ack_due || stream_queued(session->stream) > 0)
		return;
	session->ack_due = false;
	FAILPOINT("session-before-ack");
	if (send_message(session, &message) < 0)
		session->ack_due = true; /* told with the next one, or by the next tick */
}

static void refuse(struct session *session, const struct ingest_refusal *refusal)
{
	struct message message = {
	    .type = MESSAGE_REJECT,
	    .reject = {refusal->code, bytes_from_string(refusal->reason), refusal->retry_after_ms}};

	if (send_message(session, &message) < 0 || stream_shutdown(session->stream) < 0) {
		note_refusal(session, refusal->reason); /* the peer cannot be told, as before the end of its handshake */
		change_state(session, SESSION_CLOSED, refusal->reason);
	} else {
		change_state(session, SESSION_REFUSING, refusal->reason);
	}
}

__attribute__((format(printf, 3, 4))) static void refuse_because(struct session *session, enum reject_code code,
								 const char *format, ...)
{
	struct ingest_refusal refusal = {.code = code};
	va_list args;

	va_start(args, format);
	(void)vsnprintf(refusal.reason, sizeof(refusal.reason), format, args);
	va_end(args);
	refuse(session, &refusal);
}

static void answer_http(struct session *session)
{
	uint8_t *answer;
	size_t len;

	if (foreign_http_answer(session->shared->http, &answer, &len) < 0 ||
	    stream_write(session->stream, answer, len) < 0 || stream_shutdown(session->stream) < 0)
		change_state(session, SESSION_CLOSED, "HTTP at the sensors' port");
	else
		change_state(session, SESSION_REFUSING, "HTTP at the sensors' port");
}

static void answer_foreign(struct session *session, enum foreign foreign)
{
	session->shared->frames_bad++;
	if (foreign == FOREIGN_HTTP)
		answer_http(session);
	else if (foreign == FOREIGN_TLS)
		refuse_because(session, REJECT_BAD_FRAME,
			       "this port takes plain connections, TLS came; start the sensor without TLS, or the collector with --tls-cert");
	else
		refuse_because(session, REJECT_BAD_FRAME,
			       "this port takes Canopy sensors; what came is not their protocol");
}

/* ---- ingest's side ------------------------------------------------------------------------------------------- */

static void fsm(struct session *session, enum session_event event, const struct detail *detail);
static void serve(struct session *session);

static void breathe(struct session *session)
{
	const struct route *route = session->shared->route;

	if (route)
		route->breathe(route->owner);
}

static bool is_ours(const struct session *session, const struct boot_id *boot)
{
	const struct route *route = session->shared->route;

	return !route || route->is_ours(route->owner, boot);
}

void session_ack(struct session *session, uint64_t seq)
{
	if (seq > session->ack_seq)
		session->ack_seq = seq;
	session->ack_due = true;
	send_ack(session);
}

static void on_acked(void *owner, uint64_t seq)
{
	struct session *session = owner;

	session_ack(session, seq);
	session_send_relay(session);
	breathe(session);
}

void session_send_pace(struct session *session)
{
	struct message message = {.type = MESSAGE_PACE};

	if (!session->pace_due || stream_queued(session->stream) > 0)
		return;
	message.pace.batches_per_second = session->pace;
	message.pace.reconnect_ms = session->spread_ms;
	message.pace.reason = session->pace ? BYTES_LITERAL("the collector's disk or memory is behind") : BYTES_NULL;
	session->pace_due = send_message(session, &message) < 0;
}

static void on_paced(void *owner, uint32_t batches_per_second)
{
	struct session *session = owner;

	session->pace = batches_per_second;
	session->pace_due = true;
	session_send_pace(session);
}

static bool is_held(const struct session *session)
{
	return session->paused || session->relay || session->in_lane;
}

void session_go_on(struct session *session)
{
	if (is_held(session))
		return;
	session->heard_ms = uv_now(session->shared->loop); /* its silence was our doing */
	(void)stream_read_start(session->stream);
	serve(session);
}

/* Not because its message is whole: it is inflated anew when the session goes on. */
static void leave_lane(struct session *session)
{
	if (!session->in_lane)
		return;
	lane_leave(&session->shared->lane, session);
	frame_reader_begin_anew(&session->reader);
	charge(session);
}

static void on_paused(void *owner, bool paused)
{
	struct session *session = owner;

	session->paused = paused;
	if (paused) {
		leave_lane(session);
		stream_read_stop(session->stream);
	} else {
		session_go_on(session);
	}
}

static void on_refused(void *owner, const struct ingest_refusal *refusal)
{
	struct session *session = owner;
	struct detail detail = {.refusal = *refusal};

	session->peer = NULL;
	fsm(session, EVENT_REFUSED, &detail);
}

static const struct ingest_peer_events peer_events = {
    .acked = on_acked, .paused = on_paused, .paced = on_paced, .refused = on_refused};

static bool is_its_own(struct session *session, const struct hello *hello)
{
	struct certificate certificate;
	struct ingest_refusal refusal;
	bool shown = stream_certificate(session->stream, &certificate);

	if (!session->shared->tls || identity_check(shown ? &certificate : NULL, hello, &refusal) == 0)
		return true;
	session->shared->foreign++;
	refuse(session, &refusal);
	return false;
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static void greet(struct session *session, const struct hello *hello)
{
	struct message answer = {.type = MESSAGE_WELCOME};
	struct origin origin = {.address = session->key};
	struct certificate certificate;
	struct ingest_refusal refusal;
	int r;

	if (hello->protocol_version < PROTOCOL_VERSION_MIN) {
		refuse_because(session, REJECT_PROTOCOL_VERSION,
			       "the sensor speaks protocol version %u, this collector %u to %u; upgrade the sensor",
			       hello->protocol_version, PROTOCOL_VERSION_MIN, PROTOCOL_VERSION);
		return;
	}
	if (!is_its_own(session, hello))
		return;
	if (!is_ours(session, &hello->boot)) {
		session_pass_on(session, &hello->boot);
		return;
	}
	/* Joining may pause the session at once; the Welcome is due in any case. */
	origin.certificate = stream_certificate(session->stream, &certificate) ? &certificate : NULL;
	r = ingest_join(session->shared->ingest, hello, &origin, &peer_events, session, wall_now(), &session->peer,
			&answer.welcome, &refusal);
	answer.welcome.reconnect_ms = session->spread_ms = session_spread_ms(session->shared);
	if (r != 0)
		refuse(session, &refusal);
	else if (send_message(session, &answer) < 0)
		change_state(session, SESSION_CLOSED, "out of memory");
	else
		change_state(session, SESSION_STREAMING, "hello");
	if (session->state == SESSION_STREAMING && session->shared->route)
		session->shared->route->joined(session->shared->route->owner, hello);
}

static void take_batch(struct session *session, struct bytes batch)
{
	struct ingest_refusal refusal;
	struct batch_id id;

	if (session->shared->route && batch_peek((const uint8_t *)batch.data, batch.len, &id) == 0 &&
	    !is_ours(session, &id.boot))
		session_relay_batch(session, &id, batch);
	else if (ingest_batch(session->peer, &session->shared->arena, batch, wall_now(), &refusal) != 0)
		refuse(session, &refusal);
}

/* ---- the machine --------------------------------------------------------------------------------------------- */

/* What ends a session in the same way whether it is greeting or streaming. */
static void breach(struct session *session, enum session_event event, const struct detail *detail)
{
	switch (event) {
	case EVENT_BAD_FRAME:
		session->shared->frames_bad++;
		refuse_because(session, REJECT_BAD_FRAME, "%s", detail->why);
		break;
	case EVENT_BAD_MESSAGE:
		session->shared->frames_bad++;
		refuse_because(session, REJECT_BAD_MESSAGE, "bad message: %.200s", detail->why);
		break;
	case EVENT_OVERLOAD:
		refuse_because(session, REJECT_UNAVAILABLE, "%s", detail->why);
		break;
	case EVENT_FOREIGN:
		answer_foreign(session, detail->foreign);
		break;
	case EVENT_REFUSED:
		refuse(session, &detail->refusal);
		break;
	case EVENT_END:
		change_state(session, SESSION_CLOSED, "the peer has ended");
		break;
	default:
		change_state(session, SESSION_CLOSED, detail->why);
		break;
	}
}

static void fsm_greeting(struct session *session, enum session_event event, const struct detail *detail)
{
	switch (event) {
	case EVENT_HELLO:
		greet(session, &detail->message->hello);
		break;
	case EVENT_BATCH:
	case EVENT_HEARTBEAT:
	case EVENT_GOODBYE:
	case EVENT_UNKNOWN:
		refuse_because(session, REJECT_BAD_ORDER, "the first message must be a Hello");
		break;
	case EVENT_TIMEOUT:
		refuse_because(session, REJECT_LIMIT, "no Hello came within %u ms", session->shared->hello_ms);
		break;
	default:
		breach(session, event, detail);
		break;
	}
}

static void fsm_streaming(struct session *session, enum session_event event, const struct detail *detail)
{
	switch (event) {
	case EVENT_BATCH:
		take_batch(session, detail->message->batch);
		break;
	case EVENT_HEARTBEAT:
		ingest_heartbeat(session->peer, &detail->message->heartbeat, wall_now());
		break;
	case EVENT_GOODBYE:
		ingest_goodbye(session->peer); /* its end follows */
		break;
	case EVENT_UNKNOWN:
		break; /* of a newer protocol: skipped */
	case EVENT_HELLO:
		refuse_because(session, REJECT_BAD_ORDER, "a second Hello came; open a new connection for it");
		break;
	case EVENT_TIMEOUT:
		refuse_because(session, REJECT_LIMIT,
			       "no whole message came for %u ms; heartbeats are due every few seconds",
			       session->shared->idle_ms);
		break;
	default:
		breach(session, event, detail);
		break;
	}
}

static void fsm(struct session *session, enum session_event event, const struct detail *detail)
{
	switch (session->state) {
	case SESSION_GREETING:
		fsm_greeting(session, event, detail);
		break;
	case SESSION_STREAMING:
		fsm_streaming(session, event, detail);
		break;
	case SESSION_REFUSING:
		if (event == EVENT_END || event == EVENT_ERROR || event == EVENT_TIMEOUT)
			change_state(session, SESSION_CLOSED, "refused");
		break;
	case SESSION_CLOSED:
		break;
	}
}

/* ---- bytes in ------------------------------------------------------------------------------------------------ */

static void serve_message(struct session *session, const uint8_t *data, size_t len)
{
	static const enum session_event events[] = {[MESSAGE_HELLO] = EVENT_HELLO, [MESSAGE_BATCH] = EVENT_BATCH,
						    [MESSAGE_HEARTBEAT] = EVENT_HEARTBEAT, [MESSAGE_GOODBYE] = EVENT_GOODBYE};
	struct message message;
	struct detail detail = {.message = &message, .why = "unreadable"};
	enum session_event event;
	int r;

	arena_reset(&session->shared->arena);
	session->heard_ms = uv_now(session->shared->loop);
	r = message_decode_sensor(&session->shared->arena, data, len, &message, &detail.why);
	event = r == 0 ? events[message.type] : r == MESSAGE_E_UNKNOWN ? EVENT_UNKNOWN : r == -ENOMEM ? EVENT_OVERLOAD : EVENT_BAD_MESSAGE;
	if (r == -ENOMEM) {
		detail.why = "the collector is out of memory";
	} else if (r >= 0 && event != EVENT_BATCH && len > SESSION_CONTROL_BYTES_MAX) { /* unknown fields are skipped, not megabytes of them */
		event = EVENT_BAD_MESSAGE;
		detail.why = "it is longer than any but a Batch may be";
	}
	fsm(session, event, &detail);
}

static void serve_error(struct session *session, int error)
{
	struct detail detail = {0};
	char why[INGEST_REASON_MAX];

	detail.why = why;
	if (error == -EMSGSIZE)
		(void)snprintf(why, sizeof(why),
			       "a frame is over the bound of %zu bytes, or of %zu bytes after inflating",
			       session->reader.frame_max, session->reader.inflated_max);
	else if (error == -EBADMSG)
		(void)snprintf(why, sizeof(why), "what came is no frame: flags that nobody agreed on, broken compression, or a frame that needs one that is "
			       "not the message before");
	else
		(void)snprintf(why, sizeof(why), "the collector is out of memory");
	fsm(session, error == -ENOMEM ? EVENT_OVERLOAD : EVENT_BAD_FRAME, &detail);
}

/* Whether the first bytes may be a sensor's; says so to the peer when they are not. */
static bool is_sensor(struct session *session)
{
	const struct frame_reader *reader = &session->reader;
	struct detail detail = {.foreign = foreign_judge(reader->buffer + reader->start, reader->end - reader->start)};

	if (detail.foreign == FOREIGN_NOT)
		return true;
	if (detail.foreign != FOREIGN_MAYBE)
		fsm(session, EVENT_FOREIGN, &detail);
	return false;
}

static bool is_served(const struct session *session)
{
	return (session->state == SESSION_GREETING && !session->leaving) || (session->state == SESSION_STREAMING && !is_held(session));
}

/* Serves what is whole, and no more than a slice of what that becomes. Returns whether the rest, if there is any, is due in a later turn. */
static bool serve_slice(struct session *session)
{
	size_t served = 0;

	while (is_served(session) && served < LANE_SLICE_BYTES) {
		const uint8_t *data;
		size_t len;
		int r;

		if (session->state == SESSION_GREETING && !is_sensor(session))
			return false;
		session->frame_at = session->reader.start;
		r = frame_reader_next(&session->reader, &data, &len);
		if (r > 0)
			return r == FRAME_E_PAUSED;
		if (r == 0) {
			served += len;
			serve_message(session, data, len);
		} else {
			serve_error(session, r);
		}
		breathe(session);
	}
	return is_served(session);
}

static void charge_served(struct session *session)
{
	if (session->state == SESSION_GREETING || session->state == SESSION_STREAMING)
		charge(session);
}

/* The others come first. */
static void serve(struct session *session)
{
	if (serve_slice(session)) {
		lane_enter(&session->shared->lane, session);
		stream_read_stop(session->stream);
	}
	charge_served(session);
}

static void relieve(struct session_shared *shared)
{
	if (shared->memory > shared->memory_max) /* not in serve: ingest may be walking over its peers there */
		shared->crowded(shared->owner);
}

/* Out of the lane while it is served, since that may hold it or end it. With a part of a message it stays the first. */
void session_take_turn(struct session *session)
{
	struct lane *lane = &session->shared->lane;

	lane_leave(lane, session);
	if (!serve_slice(session)) {
		if (session->state == SESSION_STREAMING)
			session_go_on(session);
	} else if (session->reader.inflater) {
		lane_return(lane, session);
	} else {
		lane_enter(lane, session);
	}
	charge_served(session);
	relieve(session->shared);
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	struct session *session = owner;

	if (session->state == SESSION_REFUSING) {
		*ret_at = session->shared->scratch;
		*ret_len = sizeof(session->shared->scratch);
		return 0;
	}
	return frame_reader_space(&session->reader, ret_at, ret_len);
}

static void on_filled(void *owner, size_t len)
{
	struct session *session = owner;

	session->shared->bytes_received += len;
	if (session->state == SESSION_REFUSING) {
		session->discarded += len;
		if (session->discarded > SESSION_DISCARD_MAX)
			session_abort(session, "goes on sending after it was refused");
		return;
	}
	frame_reader_filled(&session->reader, len);
	serve(session);
	relieve(session->shared);
}

static void say_due(struct session *session)
{
	send_ack(session);
	session_send_pace(session);
}

static void on_drained(void *owner)
{
	struct session *session = owner;

	if (session->state == SESSION_STREAMING) {
		say_due(session);
	} else if (session->state == SESSION_GREETING && session->leaving) {
		session->leaving = false;
		(void)stream_read_start(session->stream);
		serve(session);
	}
}

static void on_ended(void *owner, int error)
{
	struct session *session = owner;
	struct detail detail = {.why = error ? strerror(-error) : "the peer has ended"};

	if (error == -EPROTO && *stream_why(session->stream)) {
		detail.why = stream_why(session->stream);
		note_refusal(session, detail.why);
	}
	fsm(owner, error ? EVENT_ERROR : EVENT_END, &detail);
}

static void on_connected(void *owner)
{
	session_end_handshake(owner);
}

static void on_answered(void *owner)
{
	session_step_handshake(owner);
}

static const struct stream_events stream_events = {on_connected, on_space, on_filled, on_drained, on_ended, on_answered};

/* ---- for the listener ---------------------------------------------------------------------------------------- */

static int make(struct session **ret, struct session_shared *shared)
{
	struct session *session = calloc(1, sizeof(*session));
	int r;

	if (!session)
		return -ENOMEM;
	r = stream_create(&session->stream, shared->loop, &stream_events, session);
	if (r < 0) {
		free(session);
		return r;
	}
	session->shared = shared;
	session->since_ms = session->heard_ms = uv_now(shared->loop);
	frame_reader_init(&session->reader, SESSION_CONTROL_BYTES_MAX);
	session->reader.inflated_max = SESSION_CONTROL_BYTES_MAX;
	frame_reader_keep_previous(&session->reader); /* the Welcome offers it */
	shared->greeting++;
	*ret = session;
	return 0;
}

int session_create(struct session **ret, struct session_shared *shared, uv_stream_t *server)
{
	struct sockaddr_storage peer = {0};
	struct session *session;
	int r = make(&session, shared);

	if (r < 0)
		return r;
	if (shared->tls)
		r = stream_secure(session->stream, shared->tls, NULL);
	if (r < 0) {
		shared->greeting--;
		stream_close(session->stream, NULL);
		free(session);
		return r;
	}
	r = stream_accept(session->stream, server);
	if (r == 0 && stream_peer(session->stream, &peer)) {
		address_key((const struct sockaddr *)&peer, session->key);
		address_format((const struct sockaddr *)&peer, session->name);
	}
	if (shared->tls && session->state == SESSION_GREETING)
		session_begin_handshake(session);
	/* A connection that is broken already is served as one that breaks at once: reading tells. */
	*ret = session;
	return 0;
}

int session_adopt(struct session **ret, struct session_shared *shared, struct passage *passage)
{
	struct session *session;
	int r = make(&session, shared);

	if (r == 0) {
		memcpy(session->key, passage->key, sizeof(session->key));
		memcpy(session->name, passage->name, sizeof(session->name));
		/* Whatever fails from here on ends the session like any other that breaks. */
		r = stream_adopt(session->stream, &passage->stream);
		if (r == 0)
			r = passage_unpack(passage, &session->reader);
		session->broken = r < 0;
		*ret = session;
		r = 0;
	}
	passage_drop(passage);
	return r;
}

void session_start(struct session *session)
{
	int r = session->broken ? -ECONNABORTED : stream_read_start(session->stream);

	session_verify_again(session); /* between two loops nobody did */
	if (r < 0)
		session_abort(session, strerror(-r));
	else if (session->reader.end > session->reader.start)
		serve(session); /* what came with it from another loop */
}

void session_refuse(struct session *session, enum reject_code code, uint32_t retry_after_ms, const char *reason)
{
	struct detail detail = {.refusal = {.code = code, .retry_after_ms = retry_after_ms}};

	(void)snprintf(detail.refusal.reason, sizeof(detail.refusal.reason), "%s", reason);
	fsm(session, EVENT_REFUSED, &detail);
}

void session_abort(struct session *session, const char *why)
{
	if (session->state != SESSION_CLOSED)
		change_state(session, SESSION_CLOSED, why);
}

uint64_t session_burden(const struct session *session, size_t granted, uint64_t now_ms)
{
	uint64_t silence_ms = is_held(session) ? 0 : now_ms - session->heard_ms; /* held, it is our doing */

	return session->memory > granted ? (session->memory - granted) * (silence_ms + 1) : 0;
}

void session_excuse(struct session *session, uint64_t absent_ms, uint64_t now_ms)
{
	session->heard_ms = now_ms - session->heard_ms > absent_ms ? session->heard_ms + absent_ms : now_ms;
	session->since_ms = now_ms - session->since_ms > absent_ms ? session->since_ms + absent_ms : now_ms;
}

void session_tick(struct session *session, uint64_t now_ms)
{
	const struct session_shared *shared = session->shared;
	const uint32_t limits[] = {shared->hello_ms, shared->idle_ms, shared->linger_ms, UINT32_MAX};
	uint64_t begin = session->state == SESSION_STREAMING ? session->heard_ms : session->since_ms;

	if (session->state == SESSION_STREAMING)
		say_due(session); /* there was no memory for it: nothing else may be under way that would say it */
	if (session->state == SESSION_STREAMING && is_held(session))
		return;
	if (now_ms >= begin && now_ms - begin > limits[session->state])
		fsm(session, EVENT_TIMEOUT, &(struct detail){.why = "too slow"});
}

void session_free(struct session *session)
{
	frame_reader_finish(&session->reader);
	free(session);
}
