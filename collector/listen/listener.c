/* SPDX-License-Identifier: Apache-2.0 */
/* One timer for all sessions instead of one each: slowness is judged by the second, and a sweep over twenty thousand
 * sessions is cheaper than their timers. What is over a bound is told why by the same refusing state as any other
 * breach, up to a bound of its own.
 *
 * Half of the connections may be greeting: an idle flood from many addresses then leaves the other half to sensors that
 * said hello. Fewer may shake hands, a quarter of them from one address; where all of those places are taken, whoever
 * holds one and does not get on makes room for whoever comes. */
#include "collector/listen/listener.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/log.h"
#include "collector/listen/session.h"
#include "proto/stream/acceptor.h"

#define OVER_LIMIT_RETRY_MS 10000u /* told to those over a bound of connections: dead sessions may end meanwhile */

struct listener {
	struct session_shared shared;
	struct listener_options options;
	struct acceptor *acceptor; /* owned; NULL once closing */
	uv_timer_t timer;
	LIST_HEAD(, session) sessions; /* owned */
	struct census own;             /* when the options name none */
	struct census *census;
	uint32_t session_count;
	uint64_t sessions_total;
	uint64_t sessions_trimmed; /* sessions_total when pages of the heap last went back */
	uint32_t rate;        /* that sensors are paced to, as last logged; 0 = no limit */
	uint64_t tls_reloads; /* of the context, when the sessions were last judged by it */
	uint64_t ticked_ms;   /* uv_now */
	unsigned holds; /* timer, lane and acceptor that have not yet called back */
	bool closing;
	void (*closed)(void *owner);
	void *closed_owner;
};

/* ---- the end ------------------------------------------------------------------------------------------------- */

static void free_listener(struct listener *listener)
{
	arena_finish(&listener->shared.arena);
	if (listener->census == &listener->own)
		census_finish(&listener->own);
	free(listener);
}

static void finish_when_empty(struct listener *listener)
{
	void (*closed)(void *owner) = listener->closed;
	void *owner = listener->closed_owner;

	if (!listener->closing || listener->holds > 0 || listener->session_count > 0)
		return;
	free_listener(listener);
	if (closed)
		closed(owner);
}

static void on_part_closed(void *owner)
{
	struct listener *listener = owner;

	listener->holds--;
	finish_when_empty(listener);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_part_closed(handle->data);
}

/* After the sessions: the timer ends those who linger. */
static void close_parts(struct listener *listener)
{
	lane_close(&listener->shared.lane, on_part_closed, listener);
	uv_close((uv_handle_t *)&listener->timer, on_timer_closed);
}

static void on_session_closed(void *owner, struct session *session)
{
	struct listener *listener = owner;

	LIST_REMOVE(session, siblings);
	if (!session->passed)
		census_go(listener->census, session->key);
	session_free(session);
	listener->session_count--;
	if (listener->closing && listener->session_count == 0)
		close_parts(listener);
}

/* ---- accepting ----------------------------------------------------------------------------------------------- */

/* Whether a place for a handshake is there; one that does not get on makes room for it. */
static bool has_place(struct listener *listener)
{
	struct session *overdue;

	if (listener->shared.securing <= listener->options.handshakes_max / listener->options.listeners)
		return true;
	overdue = session_most_overdue(&listener->shared, uv_now(listener->shared.loop));
	if (overdue)
		session_abort(overdue, "of all TLS handshakes under way its next step was due for longest; others need its place");
	return overdue;
}

/* Returns why this connection is too many, or NULL. Only one that is within the bounds of its address may take the place
 * of another. */
static const char *judge(struct listener *listener, const struct census_counts *counts, char *text, size_t size)
{
	const struct listener_options *options = &listener->options;

	if (counts->of_address > options->per_address_max)
		(void)snprintf(
		    text, size,
		    "%u connections from this address is the limit; are sensors started over and over there?",
		    options->per_address_max);
	else if (counts->of_all > options->connections_max)
		(void)snprintf(text, size, "%u connections is the limit of this collector; start another one",
			       options->connections_max);
	else if (counts->securing > options->handshakes_per_address_max)
		(void)snprintf(text, size,
			       "%u TLS handshakes under way from this address is the limit; does something there connect and say nothing?",
			       options->handshakes_per_address_max);
	else if (!has_place(listener))
		(void)snprintf(text, size, "%u TLS handshakes are under way, which is the limit", options->handshakes_max);
	else if (listener->shared.greeting > options->connections_max / 2 / options->listeners + 1)
		(void)snprintf(text, size, "too many connections have not said hello yet; come back later");
	else
		return NULL;
	return text;
}

static void keep(struct listener *listener, struct session *session)
{
	LIST_INSERT_HEAD(&listener->sessions, session, siblings);
	listener->session_count++;
}

void listener_adopt(struct listener *listener, struct census *census, struct passage *passage)
{
	struct session *session;
	uint8_t key[sizeof(passage->key)];

	memcpy(key, passage->key, sizeof(key));
	if (!listener || listener->closing) {
		passage_drop(passage);
		census_go(census, key);
	} else if (session_adopt(&session, &listener->shared, passage) < 0) {
		census_go(census, key);
	} else {
		keep(listener, session);
		session_start(session);
	}
}

static void on_connection(void *owner, uv_stream_t *server)
{
	struct listener *listener = owner;
	char text[INGEST_REASON_MAX];
	struct session *session;
	struct census_counts counts;
	const char *why;

	if (session_create(&session, &listener->shared, server) < 0)
		return; /* out of memory: the acceptor closes it, the sensor comes back */
	keep(listener, session);
	listener->sessions_total++;
	census_come(listener->census, session->key, session->securing, &counts); /* without memory it counts as too many */
	why = judge(listener, &counts, text, sizeof(text));
	if (!why)
		session_start(session);
	else if (listener->shared.refusing < listener->options.refusing_max)
		session_refuse(session, REJECT_LIMIT, OVER_LIMIT_RETRY_MS, why);
	else
		session_abort(session, why);
}

/* The context may be reloaded by another thread: each listener finds out by itself. */
static void judge_certificates(struct listener *listener)
{
	struct session *session, *next;
	struct tls_counts counts;

	if (!listener->shared.tls)
		return;
	tls_context_counts(listener->shared.tls, &counts);
	if (counts.reloads == listener->tls_reloads)
		return;
	listener->tls_reloads = counts.reloads;
	for (session = LIST_FIRST(&listener->sessions); session; session = next) {
		next = LIST_NEXT(session, siblings);
		session_verify_again(session);
	}
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static struct session *heaviest(struct listener *listener, size_t granted)
{
	uint64_t now_ms = uv_now(listener->shared.loop), most = 0;
	struct session *session, *found = NULL;

	LIST_FOREACH(session, &listener->sessions, siblings) {
		uint64_t burden = session_burden(session, granted, now_ms);

		if (burden > most) {
			most = burden;
			found = session;
		}
	}
	return found;
}

/* Whoever happens to be served when memory runs out is not the one who used it up: those go first who hold more than an ordinary
 * sensor needs, and only when nobody does those who hold anything. */
static void on_crowded(void *owner)
{
	struct listener *listener = owner;
	struct session *session;

	while (listener->shared.memory > listener->shared.memory_max) {
		session = heaviest(listener, SESSION_MEMORY_FAIR);
		if (!session)
			session = heaviest(listener, 0);
		if (!session)
			return;
		session_refuse(session, REJECT_UNAVAILABLE, INGEST_RETRY_MS,
			       "the collector's receive buffers are used up, and this sensor's frame takes more of them than others; come back later");
	}
}

/* Whether it is the number of sensors that memory runs out by: slowing them down helps nothing against a few that hold much. */
static bool is_tight(const struct listener *listener)
{
	const struct session *session;
	size_t ordinary = 0;

	LIST_FOREACH(session, &listener->sessions, siblings)
		ordinary += session->memory < SESSION_MEMORY_FAIR ? session->memory : SESSION_MEMORY_FAIR;
	return ordinary > listener->shared.memory_max / 4 * 3;
}

/* ---- once a second ------------------------------------------------------------------------------------------------ */

/* Worth a warning when it gets worse, a line when it is over. */
static void pace(struct listener *listener)
{
	const struct session_shared *shared = &listener->shared;
	uint32_t rate;

	if (!ingest_pace(shared->ingest, is_tight(listener), &rate))
		return;
	if (rate && (listener->rate == 0 || rate < listener->rate))
		log_warning("event=pace batches_per_second=%u reason=\"disk or memory is behind; spools hold what waits\"", rate);
	else if (rate)
		log_debug("event=pace batches_per_second=%u", rate);
	else
		log_info("event=pace batches_per_second=unlimited");
	listener->rate = rate;
}

/* What many connections needed at the same time to begin, TLS above all, leaves holes all over the heap among what they
 * keep. Once all of them have begun, whole pages of that go back. */
static void end_storm(struct listener *listener)
{
	if (listener->shared.securing > 0 || listener->sessions_total - listener->sessions_trimmed < LISTENER_STORM_SESSIONS)
		return;
	listener->sessions_trimmed = listener->sessions_total;
	(void)malloc_trim(0);
}

/* For how long the loop has not run though it should have: the machine was suspended, or the process stopped. */
static uint64_t absence_ms(struct listener *listener, uint64_t now_ms)
{
	uint64_t since_ms = now_ms - listener->ticked_ms;

	listener->ticked_ms = now_ms;
	return since_ms > LISTENER_TICK_MS ? since_ms - LISTENER_TICK_MS : 0;
}

static void on_tick(uv_timer_t *timer)
{
	struct listener *listener = timer->data;
	uint64_t now_ms = uv_now(listener->shared.loop), absent_ms = absence_ms(listener, now_ms);
	struct session *session, *next;

	judge_certificates(listener);
	pace(listener);
	end_storm(listener);
	/* Sessions leave the list only in close callbacks, never in here. */
	for (session = LIST_FIRST(&listener->sessions); session; session = next) {
		next = LIST_NEXT(session, siblings);
		session_excuse(session, absent_ms, now_ms);
		session_tick(session, now_ms);
		session_tell_spread(session);
	}
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static uint32_t or_default(uint32_t value, uint32_t by_default)
{
	return value ? value : by_default;
}

static void init_options(struct listener *listener, const struct listener_options *options)
{
	listener->options = *options;
	listener->options.connections_max = or_default(options->connections_max, LISTENER_CONNECTIONS_MAX);
	listener->options.per_address_max = or_default(options->per_address_max, LISTENER_PER_ADDRESS_MAX);
	listener->options.handshakes_max = or_default(options->handshakes_max, LISTENER_HANDSHAKES_MAX);
	listener->options.handshakes_per_address_max = or_default(options->handshakes_per_address_max, LISTENER_HANDSHAKES_PER_ADDRESS_MAX);
	listener->options.refusing_max = or_default(options->refusing_max, LISTENER_REFUSING_MAX);
	listener->shared.hello_ms = or_default(options->hello_ms, SESSION_HELLO_MS);
	listener->shared.silent_ms = or_default(options->silent_ms, SESSION_SILENT_MS);
	listener->shared.idle_ms = or_default(options->idle_ms, SESSION_IDLE_MS);
	listener->shared.linger_ms = or_default(options->linger_ms, SESSION_LINGER_MS);
	listener->shared.ingest = options->ingest;
	listener->shared.http = options->http;
	listener->shared.tls = options->tls;
	listener->shared.route = options->route;
	listener->options.listeners = or_default(options->listeners, 1);
	listener->shared.listeners = listener->options.listeners;
	listener->shared.memory_max = (options->memory_max ? options->memory_max : SESSION_MEMORY_MAX) / listener->options.listeners;
	/* A batch decodes to at most BATCH_DECODED_BYTES_MAX; its message and our verdict bits come on top. */
	listener->shared.arena.limit = BATCH_DECODED_BYTES_MAX + (size_t)FRAME_BYTES_MAX;
}

static struct listener *make(uv_loop_t *loop, const struct listener_options *options)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return NULL;
	init_options(listener, options);
	listener->shared.loop = loop;
	listener->shared.closed = on_session_closed;
	listener->shared.crowded = on_crowded;
	listener->shared.owner = listener;
	LIST_INIT(&listener->sessions);
	TAILQ_INIT(&listener->shared.handshakes);
	listener->census = options->census ? options->census : &listener->own;
	listener->shared.census = listener->census;
	if (!options->census && census_init(&listener->own) < 0) {
		free(listener);
		return NULL;
	}
	return listener;
}

static void start(struct listener *listener)
{
	(void)uv_timer_init(listener->shared.loop, &listener->timer);
	listener->timer.data = listener;
	lane_init(&listener->shared.lane, listener->shared.loop, session_take_turn);
	listener->holds = 3;
	listener->ticked_ms = uv_now(listener->shared.loop);
	(void)uv_timer_start(&listener->timer, on_tick, LISTENER_TICK_MS, LISTENER_TICK_MS);
}

int listener_create(struct listener **ret, uv_loop_t *loop, const struct listener_options *options, char **ret_why)
{
	struct listener *listener = make(loop, options);
	int r;

	if (!listener)
		return -ENOMEM;
	r = acceptor_create(&listener->acceptor, loop, &options->address, on_connection, listener, ret_why);
	if (r < 0) {
		free_listener(listener);
		return r;
	}
	start(listener);
	*ret = listener;
	return 0;
}

int listener_share(struct listener **ret, uv_loop_t *loop, const struct listener_options *options,
		   const struct listener *first)
{
	struct listener *listener = make(loop, options);
	int r;

	if (!listener)
		return -ENOMEM;
	r = acceptor_share(&listener->acceptor, loop, first->acceptor, on_connection, listener);
	if (r < 0) {
		free_listener(listener);
		return r;
	}
	start(listener);
	*ret = listener;
	return 0;
}

void listener_address(const struct listener *listener, char *text)
{
	acceptor_address(listener->acceptor, text);
}

void listener_stats(const struct listener *listener, struct fleet_ingest_stats *stats)
{
	const struct session_shared *shared = &listener->shared;

	stats->sessions += shared->greeting + shared->streaming;
	stats->sessions_total += listener->sessions_total;
	stats->rejects_total += shared->rejects_total;
	stats->frames_bad += shared->frames_bad;
	stats->foreign_total += shared->foreign;
	stats->securing += shared->securing;
	stats->batches_relayed += shared->relayed;
	stats->bytes_received += shared->bytes_received;
}

void listener_close(struct listener *listener, void (*closed)(void *owner), void *owner)
{
	struct session *session, *next;

	if (!listener)
		return;
	listener->closing = true;
	listener->closed = closed;
	listener->closed_owner = owner;
	acceptor_close(listener->acceptor, on_part_closed, listener);
	listener->acceptor = NULL;
	for (session = LIST_FIRST(&listener->sessions); session; session = next) {
		next = LIST_NEXT(session, siblings);
		session_refuse(session, REJECT_UNAVAILABLE, 0, "the collector is shutting down");
	}
	if (listener->session_count == 0)
		close_parts(listener);
}
