/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of the sensor's side:
 *
 *   idle -> connecting -> greeting -> streaming -> draining -> leaving -> stopped
 *               |            |            |           |
 *               +------------+------------+--> backing-off -> connecting (to the collector that is next)
 *
 * fsm() decides, change_state() sets, does what entering a state needs and logs old, new and why. One timer carries the
 * deadline of the state, whatever it is; another one beats while the collector listens, slower while there is nothing to
 * say.
 *
 * Draining and leaving serve two ends: that of the sensor, and the move to a better collector. Either way nothing is
 * left unacknowledged when there is time for it, so that a move gives no batch to two journals.
 *
 * Nothing is remembered of what was sent over a connection that broke: the Welcome of the next one says where to go on,
 * and what the collector has twice it knows by number. */
#include "sensor/uplink/uplink.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "canopy/log.h"
#include "sensor/uplink/backoff.h"
#include "sensor/uplink/channel.h"
#include "sensor/uplink/pace.h"
#include "sensor/uplink/peers.h"
#include "sensor/uplink/scout.h"
#include "sensor/uplink/window.h"

#define STOPPED_EARLY "stopped before all was acknowledged; the spool keeps the rest"

enum uplink_state {
	UPLINK_IDLE,
	UPLINK_CONNECTING,
	UPLINK_GREETING,
	UPLINK_STREAMING,
	UPLINK_DRAINING, /* streaming, but only until all is acknowledged, or to move what is in flight */
	UPLINK_LEAVING,
	UPLINK_BACKING_OFF,
	UPLINK_STOPPED,
};

static const char *const state_words[] = {"idle",     "connecting", "greeting",    "streaming",
					  "draining", "leaving",    "backing-off", "stopped"};

enum uplink_event {
	EVENT_START,
	EVENT_CONNECTED,
	EVENT_MESSAGE,
	EVENT_BROKEN, /* the connection is of no use any more; the error stands in uplink->error */
	EVENT_DEADLINE,
	EVENT_BEAT,
	EVENT_ROOM, /* there is something to send, or room to send it */
	EVENT_STOP,
	EVENT_MOVE, /* a better collector listens */
};

struct uplink {
	uv_loop_t *loop;
	struct uplink_options options;
	struct peers peers;
	struct scout scout;
	struct channel channel;
	struct hello hello;
	struct uplink_source source;
	enum uplink_state state;
	uv_timer_t deadline, beat, refill;
	struct backoff backoff;
	struct window window;
	uint64_t next_seq;                /* to be sent next */
	struct pace pace;
	uint64_t since_ms;                /* loop time of the last change of state */
	uint64_t progress_ms;             /* of the last ack, or of the first batch in flight after one */
	uint32_t asked_ms;                /* wait that the collector asked for */
	uint64_t beaten_ms;               /* loop time of the last heartbeat */
	uint64_t beaten_batches;          /* batches_sent then */
	bool resting;                     /* the next one was put off */
	uint64_t connections, batches_sent, bytes_sent;
	char error[UPLINK_ERROR_MAX];
	char logged[UPLINK_ERROR_MAX]; /* the error that was logged last */
	bool useful;                   /* the connection lasted */
	bool moving;                   /* it ends for a better collector */
	bool stopping;
	uint64_t stop_at_ms;
	void (*stopped)(void *owner);
	void *stopped_owner;
	unsigned holds; /* timers and connections that have not yet called back */
};

static void fsm(struct uplink *uplink, enum uplink_event event, const struct message *message);
static void change_state(struct uplink *uplink, enum uplink_state state, const char *why);

__attribute__((format(printf, 2, 3))) static void broken(struct uplink *uplink, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(uplink->error, sizeof(uplink->error), format, args);
	va_end(args);
	fsm(uplink, EVENT_BROKEN, NULL);
}

static uint32_t or_default(uint32_t value, uint32_t by_default)
{
	return value ? value : by_default;
}

static bool is_connected(const struct uplink *uplink)
{
	return uplink->state == UPLINK_STREAMING || uplink->state == UPLINK_DRAINING;
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

static void release(struct uplink *uplink)
{
	void (*stopped)(void *owner) = uplink->stopped;
	void *owner = uplink->stopped_owner;

	if (--uplink->holds > 0)
		return;
	channel_finish(&uplink->channel);
	free(uplink);
	if (stopped)
		stopped(owner);
}

static void on_channel_closed(void *owner)
{
	release(owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void disconnect(struct uplink *uplink)
{
	if (channel_close(&uplink->channel))
		uplink->holds++;
}

static void enter_stopped(struct uplink *uplink)
{
	disconnect(uplink);
	scout_end(&uplink->scout);
	uv_close((uv_handle_t *)&uplink->deadline, on_timer_closed);
	uv_close((uv_handle_t *)&uplink->beat, on_timer_closed);
	uv_close((uv_handle_t *)&uplink->refill, on_timer_closed);
}

/* ---- timers -------------------------------------------------------------------------------------------------- */

static void on_deadline(uv_timer_t *timer)
{
	fsm(timer->data, EVENT_DEADLINE, NULL);
}

static uint32_t beat_interval(const struct uplink *uplink)
{
	uint32_t beat_ms = or_default(uplink->options.heartbeat_ms, UPLINK_HEARTBEAT_MS);

	return uplink->resting ? UPLINK_REST_MS(beat_ms) : beat_ms;
}

/* Started before the heartbeat is filled, so that of two timers that rest alike this one comes first: whoever fills it
 * can put off his own work to each heartbeat, and both are one wake-up. */
static void on_beat(uv_timer_t *timer)
{
	struct uplink *uplink = timer->data;

	uplink->resting = uplink->batches_sent == uplink->beaten_batches && uplink->window.count == 0;
	uplink->beaten_batches = uplink->batches_sent;
	uplink->beaten_ms = uv_now(uplink->loop);
	(void)uv_timer_start(timer, on_beat, beat_interval(uplink), 0);
	fsm(uplink, EVENT_BEAT, NULL);
}

/* The rest is over: the next heartbeat comes when it would have come without. */
static void hurry_beat(struct uplink *uplink)
{
	uint64_t since_ms = uv_now(uplink->loop) - uplink->beaten_ms, wait_ms;

	uplink->resting = false;
	wait_ms = beat_interval(uplink);
	(void)uv_timer_start(&uplink->beat, on_beat, wait_ms > since_ms ? wait_ms - since_ms : 0, 0);
}

/* A stop bounds every other wait. */
static void set_deadline(struct uplink *uplink, uint64_t ms)
{
	uint64_t now_ms = uv_now(uplink->loop);

	if (uplink->stopping && uplink->state != UPLINK_LEAVING) {
		uint64_t left_ms = uplink->stop_at_ms > now_ms ? uplink->stop_at_ms - now_ms : 0;

		ms = left_ms < ms ? left_ms : ms;
	}
	(void)uv_timer_start(&uplink->deadline, on_deadline, ms, 0);
}

static void on_pace(uv_timer_t *timer)
{
	struct uplink *uplink = timer->data;

	pace_fill(&uplink->pace);
	fsm(uplink, EVENT_ROOM, NULL);
}

static void set_pace(struct uplink *uplink, uint32_t per_second)
{
	uint64_t interval_ms = pace_set(&uplink->pace, per_second);

	if (interval_ms)
		(void)uv_timer_start(&uplink->refill, on_pace, interval_ms, interval_ms);
	else
		(void)uv_timer_stop(&uplink->refill);
}

/* ---- what is said to the collector --------------------------------------------------------------------------- */

/* Returns the frame's bytes, or 0 after the connection was given up. */
static size_t send_message(struct uplink *uplink, const struct message *message)
{
	size_t len;
	int r = channel_send(&uplink->channel, message, &len);

	if (r == 0)
		return len;
	if (r == CHANNEL_E_TOO_LONG)
		broken(uplink, "a batch of %zu bytes is over the %u that the collector at %s takes; raise its bound",
		       len, uplink->channel.frame_max, uplink->channel.host);
	else
		broken(uplink, "cannot send to the collector at %s: %s", uplink->channel.host, strerror(-r));
	return 0;
}

static void fill_heartbeat(struct uplink *uplink, struct heartbeat *ret)
{
	*ret = (struct heartbeat){0};
	uplink->source.heartbeat(uplink->source.owner, ret);
	ret->reconnects = uplink->connections > 0 ? uplink->connections - 1 : 0;
}

static void send_hello(struct uplink *uplink)
{
	struct message message = {.type = MESSAGE_HELLO, .hello = uplink->hello};
	struct heartbeat now;

	fill_heartbeat(uplink, &now);
	message.hello.protocol_version = PROTOCOL_VERSION;
	message.hello.first_unacked_seq = uplink->source.first_unacked(uplink->source.owner);
	message.hello.boottime_ns = now.boottime_ns;
	message.hello.boottime_to_wall_ns = now.boottime_to_wall_ns;
	(void)send_message(uplink, &message);
}

static void send_heartbeat(struct uplink *uplink)
{
	struct message message = {.type = MESSAGE_HEARTBEAT};

	fill_heartbeat(uplink, &message.heartbeat);
	(void)send_message(uplink, &message);
}

static bool has_room(const struct uplink *uplink)
{
	return is_connected(uplink) && !uplink->moving && !window_is_full(&uplink->window) &&
	       channel_queued(&uplink->channel) < UPLINK_QUEUE_MAX && pace_allows(&uplink->pace);
}

static bool send_batch(struct uplink *uplink, struct bytes data, uint64_t seq)
{
	struct message message = {.type = MESSAGE_BATCH, .batch = data};
	size_t len = send_message(uplink, &message);

	if (len == 0)
		return false;
	if (uplink->window.count == 0)
		uplink->progress_ms = uv_now(uplink->loop);
	window_add(&uplink->window, seq);
	uplink->next_seq = seq + 1;
	pace_spend(&uplink->pace);
	uplink->batches_sent++;
	uplink->bytes_sent += len;
	if (uplink->resting)
		hurry_beat(uplink);
	return true;
}

/* Sends what there is and what may be sent; when draining and nothing is left, says goodbye. */
static void pump(struct uplink *uplink)
{
	struct bytes data;
	uint64_t seq;
	int r = 0;

	while (has_room(uplink)) {
		r = uplink->source.read(uplink->source.owner, uplink->next_seq, &data, &seq);
		if (r != 0 || !send_batch(uplink, data, seq))
			break;
	}
	if (r < 0)
		broken(uplink, "cannot read the spool at batch %llu: %s", (unsigned long long)uplink->next_seq,
		       strerror(-r));
	else if ((r == UPLINK_E_END || uplink->moving) && uplink->state == UPLINK_DRAINING && uplink->window.count == 0)
		change_state(uplink, UPLINK_LEAVING, "everything is acknowledged");
}

/* ---- what the collector says --------------------------------------------------------------------------------- */

/* Numbers would be given out twice, and the collector would take what comes for known. */
static void set_back(struct uplink *uplink, uint64_t resume_seq, uint64_t next)
{
	uint64_t stream = uplink->source.renew ? uplink->source.renew(uplink->source.owner) : 0;

	if (stream)
		uplink->hello.stream = stream;
	broken(uplink, "the collector has batches up to %llu of this stream, the spool only up to %llu: its folder was "
	       "restored from an older copy; %s", (unsigned long long)resume_seq - 1, (unsigned long long)next - 1,
	       stream ? "a new stream is begun" : "remove it to begin a new stream");
}

static void welcome(struct uplink *uplink, const struct welcome *welcome)
{
	uint64_t first = uplink->source.first_unacked(uplink->source.owner),
		 next = uplink->source.next_seq(uplink->source.owner);

	if (welcome->protocol_version < PROTOCOL_VERSION_MIN || welcome->protocol_version > PROTOCOL_VERSION) {
		broken(uplink,
		       "the collector at %s speaks protocol version %u, this sensor %u to %u; upgrade the older one",
		       uplink->channel.host, welcome->protocol_version, PROTOCOL_VERSION_MIN, PROTOCOL_VERSION);
		return;
	}
	if (welcome->resume_seq > next) {
		set_back(uplink, welcome->resume_seq, next);
		return;
	}
	if (welcome->resume_seq > first)
		uplink->source.ack(uplink->source.owner, welcome->resume_seq - 1);
	uplink->next_seq = welcome->resume_seq > first ? welcome->resume_seq : first;
	uplink->channel.frame_max = or_default(welcome->max_frame_bytes, FRAME_BYTES_MAX);
	if (uplink->options.compress)
		compressor_choose(&uplink->channel.compressor, welcome->compressions);
	window_init(&uplink->window, welcome->window_batches);
	backoff_spread(&uplink->backoff, welcome->reconnect_ms);
	if (welcome->snapshot_wanted && uplink->source.resync && !uplink->stopping)
		uplink->source.resync(uplink->source.owner, uplink->next_seq);
	change_state(uplink, uplink->stopping ? UPLINK_DRAINING : UPLINK_STREAMING, "welcome");
}

static void take_ack(struct uplink *uplink, uint64_t seq)
{
	if (seq >= uplink->next_seq) {
		broken(uplink, "the collector at %s acknowledged batch %llu, which was not sent", uplink->channel.host,
		       (unsigned long long)seq);
		return;
	}
	window_ack(&uplink->window, seq);
	uplink->progress_ms = uv_now(uplink->loop);
	uplink->source.ack(uplink->source.owner, seq);
	pump(uplink);
}

static void take_reject(struct uplink *uplink, const struct message *message)
{
	uplink->asked_ms = message->reject.retry_after_ms;
	broken(uplink, "the collector at %s refuses: %.*s", uplink->channel.host, (int)message->reject.reason.len,
	       message->reject.reason.data ? message->reject.reason.data : "");
}

static void take_pace(struct uplink *uplink, const struct message *message)
{
	set_pace(uplink, message->pace.batches_per_second);
	if (message->pace.reconnect_ms)
		backoff_spread(&uplink->backoff, message->pace.reconnect_ms);
}

static void take_message(struct uplink *uplink, const struct message *message)
{
	bool greeting = uplink->state == UPLINK_GREETING;

	if (message->type == MESSAGE_REJECT)
		take_reject(uplink, message);
	else if (message->type == MESSAGE_WELCOME && greeting)
		welcome(uplink, &message->welcome);
	else if (message->type == MESSAGE_ACK && !greeting)
		take_ack(uplink, message->ack.seq);
	else if (message->type == MESSAGE_PACE && !greeting)
		take_pace(uplink, message);
	else
		broken(uplink, "the collector at %s sent a message out of order", uplink->channel.host);
}

/* ---- the machine --------------------------------------------------------------------------------------------- */

static uint64_t random64(const struct uplink *uplink)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = uv_hrtime() ^ (uint64_t)(uintptr_t)uplink; /* early boot */
	return random;
}

static void enter_connecting(struct uplink *uplink)
{
	const struct peer *peer = &uplink->peers.list[uplink->peers.current];
	int r;

	uplink->useful = uplink->moving = false;
	(void)uv_timer_stop(&uplink->refill);
	set_deadline(uplink, UPLINK_CONNECT_MS);
	r = channel_connect(&uplink->channel, peer, uplink->options.tls);
	if (r < 0)
		broken(uplink, "cannot connect to %s:%u: %s", uplink->channel.host, uplink->channel.port, strerror(-r));
}

static void enter_greeting(struct uplink *uplink)
{
	int r = channel_listen(&uplink->channel);

	set_deadline(uplink, or_default(uplink->options.welcome_ms, UPLINK_WELCOME_MS));
	if (r < 0)
		broken(uplink, "cannot read from %s:%u: %s", uplink->channel.host, uplink->channel.port, strerror(-r));
	else
		send_hello(uplink);
}

/* Streaming or draining, from greeting or from streaming. */
static void enter_connected(struct uplink *uplink, enum uplink_state old)
{
	(void)uv_timer_stop(&uplink->deadline);
	if (uplink->stopping || uplink->moving)
		set_deadline(uplink, uplink->moving ? UPLINK_MOVE_MS : UINT32_MAX);
	if (old == UPLINK_GREETING) {
		uplink->connections++;
		uplink->asked_ms = 0;
		scout_rest(&uplink->scout, or_default(uplink->options.return_ms, UPLINK_RETURN_MS), random64(uplink));
		uplink->logged[0] = '\0';
		set_pace(uplink, 0);
		log_info("event=connected collector=%s port=%u resume_seq=%llu", uplink->channel.host, uplink->channel.port,
			 (unsigned long long)uplink->next_seq);
		uplink->resting = false;
		(void)uv_timer_start(&uplink->beat, on_beat, beat_interval(uplink), 0);
		send_heartbeat(uplink);
	}
	if (is_connected(uplink))
		pump(uplink);
}

static void enter_leaving(struct uplink *uplink)
{
	struct message goodbye = {.type = MESSAGE_GOODBYE};

	goodbye.goodbye.reason = uplink->stopping ? BYTES_LITERAL("the sensor is stopping")
						  : BYTES_LITERAL("the sensor goes back to a better collector");
	(void)uv_timer_stop(&uplink->beat);
	set_deadline(uplink, UPLINK_GOODBYE_MS);
	send_heartbeat(uplink); /* the figures that stay when it is gone */
	if (uplink->state == UPLINK_LEAVING && send_message(uplink, &goodbye) > 0)
		channel_end(&uplink->channel);
}

static void enter_backing_off(struct uplink *uplink)
{
	enum peers_end end = uplink->useful ? PEERS_ENDED : uplink->channel.reached ? PEERS_FAILED : PEERS_UNREACHED;
	uint32_t asked_ms = uplink->asked_ms < BACKOFF_ASKED_MAX_MS ? uplink->asked_ms : BACKOFF_ASKED_MAX_MS;
	uint64_t closed_ms = peers_next(&uplink->peers, end, asked_ms, uv_now(uplink->loop));
	uint32_t wait_ms = backoff_next(&uplink->backoff, random64(uplink), (uint32_t)closed_ms);

	uplink->asked_ms = 0;
	disconnect(uplink);
	(void)uv_timer_stop(&uplink->beat);
	(void)uv_timer_stop(&uplink->refill);
	set_deadline(uplink, wait_ms);
	if (strcmp(uplink->logged, uplink->error) != 0) /* the same again every few seconds says nothing */
		log_warning("event=disconnected retry_ms=%u next=%s error=\"%s\"", wait_ms,
			    uplink->peers.list[uplink->peers.current].address.host, LOG_TEXT(uplink->error));
	memcpy(uplink->logged, uplink->error, sizeof(uplink->logged));
}

static void change_state(struct uplink *uplink, enum uplink_state state, const char *why)
{
	enum uplink_state old = uplink->state;

	log_debug("event=uplink from=%s to=%s why=\"%s\"", state_words[old], state_words[state], LOG_TEXT(why));
	uplink->state = state;
	uplink->since_ms = uv_now(uplink->loop);
	switch (state) {
	case UPLINK_IDLE:
		break;
	case UPLINK_CONNECTING:
		enter_connecting(uplink);
		break;
	case UPLINK_GREETING:
		enter_greeting(uplink);
		break;
	case UPLINK_STREAMING:
	case UPLINK_DRAINING:
		enter_connected(uplink, old);
		break;
	case UPLINK_LEAVING:
		enter_leaving(uplink);
		break;
	case UPLINK_BACKING_OFF:
		enter_backing_off(uplink);
		break;
	case UPLINK_STOPPED:
		enter_stopped(uplink);
		break;
	}
}

/* What ends a connection, or the attempt at one. */
static void give_up(struct uplink *uplink, const char *why)
{
	change_state(uplink, uplink->stopping ? UPLINK_STOPPED : UPLINK_BACKING_OFF, why);
}

static void expire(struct uplink *uplink)
{
	bool stop = uplink->stopping && uv_now(uplink->loop) >= uplink->stop_at_ms;

	if (stop)
		(void)snprintf(uplink->error, sizeof(uplink->error), "%s", STOPPED_EARLY);
	else
		(void)snprintf(uplink->error, sizeof(uplink->error), "%s %s:%u within %u ms",
			       uplink->state == UPLINK_GREETING ? "no Welcome came from" : "cannot connect to",
			       uplink->channel.host, uplink->channel.port,
			       uplink->state == UPLINK_GREETING ? or_default(uplink->options.welcome_ms, UPLINK_WELCOME_MS)
								: UPLINK_CONNECT_MS);
	give_up(uplink, uplink->error);
}

static void beat(struct uplink *uplink)
{
	uint64_t now_ms = uv_now(uplink->loop);
	uint32_t stall_ms = or_default(uplink->options.stall_ms, UPLINK_STALL_MS);

	if (now_ms - uplink->since_ms >= UPLINK_STABLE_MS) {
		uplink->useful = true;
		backoff_reset(&uplink->backoff);
	}
	if (uplink->window.count > 0 && now_ms - uplink->progress_ms > stall_ms)
		broken(uplink,
		       "the collector at %s has acknowledged nothing for %u ms although %u batches are in flight",
		       uplink->channel.host, stall_ms, uplink->window.count);
	else if (channel_queued(&uplink->channel) < UPLINK_QUEUE_MAX)
		send_heartbeat(uplink);
}

static void move(struct uplink *uplink)
{
	uplink->moving = true;
	change_state(uplink, UPLINK_DRAINING, "a better collector listens");
}

static void fsm_connected(struct uplink *uplink, enum uplink_event event, const struct message *message)
{
	switch (event) {
	case EVENT_MESSAGE:
		take_message(uplink, message);
		break;
	case EVENT_BEAT:
		if (uplink->state == UPLINK_STREAMING && scout_is_due(&uplink->scout))
			scout_look(&uplink->scout, &uplink->peers, random64(uplink));
		beat(uplink);
		break;
	case EVENT_MOVE:
		if (uplink->state == UPLINK_STREAMING)
			move(uplink);
		break;
	case EVENT_ROOM:
		pump(uplink);
		break;
	case EVENT_STOP:
		uplink->moving = false;
		change_state(uplink, UPLINK_DRAINING, "stop");
		break;
	case EVENT_DEADLINE: /* only when draining */
		if (uplink->stopping)
			(void)snprintf(uplink->error, sizeof(uplink->error), "%s", STOPPED_EARLY);
		change_state(uplink, UPLINK_LEAVING, uplink->stopping ? STOPPED_EARLY : "waited for acks long enough");
		break;
	case EVENT_BROKEN:
		give_up(uplink, uplink->error);
		break;
	default:
		break;
	}
}

/* Connecting and greeting: a stop lets them go on until its time is up. */
static void fsm_opening(struct uplink *uplink, enum uplink_event event, const struct message *message)
{
	switch (event) {
	case EVENT_CONNECTED:
		change_state(uplink, UPLINK_GREETING, "connected");
		break;
	case EVENT_MESSAGE:
		take_message(uplink, message);
		break;
	case EVENT_STOP:
		set_deadline(uplink, UPLINK_CONNECT_MS);
		break;
	case EVENT_DEADLINE:
		expire(uplink);
		break;
	case EVENT_BROKEN:
		give_up(uplink, uplink->error);
		break;
	default:
		break;
	}
}

/* The connection that was left is at its end. */
static void leave(struct uplink *uplink)
{
	disconnect(uplink);
	if (uplink->stopping) {
		change_state(uplink, UPLINK_STOPPED, "left");
		return;
	}
	uplink->peers.current = uplink->scout.place;
	change_state(uplink, UPLINK_CONNECTING, "moves");
}

static void fsm(struct uplink *uplink, enum uplink_event event, const struct message *message)
{
	switch (uplink->state) {
	case UPLINK_IDLE:
	case UPLINK_BACKING_OFF:
		if (event == EVENT_STOP)
			change_state(uplink, UPLINK_STOPPED, "stop");
		else if (event == EVENT_START || event == EVENT_DEADLINE)
			change_state(uplink, UPLINK_CONNECTING, event == EVENT_START ? "start" : "waited");
		break;
	case UPLINK_CONNECTING:
	case UPLINK_GREETING:
		fsm_opening(uplink, event, message);
		break;
	case UPLINK_STREAMING:
	case UPLINK_DRAINING:
		fsm_connected(uplink, event, message);
		break;
	case UPLINK_LEAVING:
		if (event == EVENT_BROKEN || event == EVENT_DEADLINE)
			leave(uplink);
		break;
	case UPLINK_STOPPED:
		break;
	}
}

/* ---- the channel --------------------------------------------------------------------------------------------- */

static void on_connected(void *owner)
{
	fsm(owner, EVENT_CONNECTED, NULL);
}

static void on_message(void *owner, const struct message *message)
{
	fsm(owner, EVENT_MESSAGE, message);
}

static void on_drained(void *owner)
{
	fsm(owner, EVENT_ROOM, NULL);
}

static void on_broken(void *owner, const char *why)
{
	broken(owner, "%s", why);
}

static const struct channel_events channel_events = {on_connected, on_message, on_drained, on_broken};

/* ---- a better collector ---------------------------------------------------------------------------------------- */

static void on_found(void *owner)
{
	fsm(owner, EVENT_MOVE, NULL);
}

static void on_scout_ended(void *owner)
{
	release(owner);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void init_timer(struct uplink *uplink, uv_timer_t *timer)
{
	(void)uv_timer_init(uplink->loop, timer);
	timer->data = uplink;
	uplink->holds++;
}

int uplink_create(struct uplink **ret, uv_loop_t *loop, const struct uplink_options *options, const struct hello *hello,
		  const struct uplink_source *source)
{
	struct uplink *uplink = calloc(1, sizeof(*uplink));

	if (!uplink)
		return -ENOMEM;
	uplink->loop = loop;
	uplink->options = *options;
	peers_init(&uplink->peers, options->collectors, options->collector_count);
	channel_init(&uplink->channel, loop, &channel_events, on_channel_closed, uplink);
	uplink->channel.host = uplink->peers.list[0].address.host;
	scout_init(&uplink->scout, loop, on_found, on_scout_ended, uplink);
	uplink->holds++;
	uplink->hello = *hello;
	uplink->source = *source;
	init_timer(uplink, &uplink->deadline);
	init_timer(uplink, &uplink->beat);
	init_timer(uplink, &uplink->refill);
	*ret = uplink;
	return 0;
}

void uplink_start(struct uplink *uplink)
{
	fsm(uplink, EVENT_START, NULL);
}

void uplink_kick(struct uplink *uplink)
{
	fsm(uplink, EVENT_ROOM, NULL);
}

void uplink_stop(struct uplink *uplink, uint32_t drain_ms, void (*stopped)(void *owner), void *owner)
{
	if (!uplink)
		return;
	assert(!uplink->stopping);
	uplink->stopping = true;
	uplink->stop_at_ms = uv_now(uplink->loop) + drain_ms;
	uplink->stopped = stopped;
	uplink->stopped_owner = owner;
	fsm(uplink, EVENT_STOP, NULL);
}

void uplink_stats(const struct uplink *uplink, struct uplink_stats *ret)
{
	*ret = (struct uplink_stats){
	    .state = state_words[uplink->state],
	    .connected = is_connected(uplink),
	    .collector = uplink->channel.host,
	    .reconnects = uplink->connections > 0 ? uplink->connections - 1 : 0,
	    .batches_sent = uplink->batches_sent,
	    .bytes_sent = uplink->bytes_sent,
	    .error = uplink->error,
	};
}
