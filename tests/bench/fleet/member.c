/* SPDX-License-Identifier: Apache-2.0 */
/* See member.h. */
#include "member.h"

#include <sys/epoll.h>

#include "need.h"
#include "proto/wire/message.h"
#include "sensor/uplink/channel.h"
#include "sensor/uplink/uplink.h"

#define MS 1000000ull

static uint64_t draw(struct member *member)
{
	member->random += 0x9e3779b97f4a7c15ull * (member->host + 1);
	return (member->random ^ member->random >> 29) * 0xbf58476d1ce4e5b9ull >> 11;
}

static void change_state(struct member *member, enum member_state state)
{
	member->crew->streaming += (state == MEMBER_STREAMING) - (unsigned long)(member->state == MEMBER_STREAMING);
	member->state = state;
}

/* Comes back as a sensor does; asked_ms: no sooner than that. */
static void lose(struct member *member, int error, uint32_t asked_ms)
{
	uint64_t now = now_ns();

	if (!member->crew->holding)
		die(member->state == MEMBER_CONNECTING ? "cannot connect" : "the collector has left", error);
	if (member->state == MEMBER_STREAMING) {
		member->lost_ns = now;
		if (now - member->welcome_ns >= UPLINK_STABLE_MS * MS)
			backoff_reset(&member->backoff);
	}
	line_close(&member->line);
	frame_reader_finish(&member->reader);
	member->writable = false;
	member->due_ns = now + backoff_next(&member->backoff, draw(member), asked_ms) * MS;
	change_state(member, MEMBER_AWAY);
}

void member_dial(struct member *member)
{
	struct tls_context *context = member->crew->tls[member->host % FLEET_CERTIFICATES];
	int r = line_dial(&member->line, member->crew->options, context, member->host, member->crew->poller, member);

	member->crew->attempts++;
	change_state(member, MEMBER_CONNECTING);
	member->due_ns = now_ns() + UPLINK_CONNECT_MS * MS;
	frame_reader_init(&member->reader, CHANNEL_FRAME_IN_MAX);
	if (r < 0)
		lose(member, -r, 0);
}

/* Small, and nothing of importance is under way: it is taken whole or not at all. */
static void say(struct member *member, const struct message *message)
{
	uint8_t *frame;
	ssize_t n;
	size_t len;

	need(message_encode(message, false, &frame, &len), "message");
	n = line_send(&member->line, frame, len);
	free(frame);
	if (n < 0 && n != -EAGAIN)
		lose(member, (int)-n, 0);
	else if (n >= 0 && (size_t)n != len)
		die("half a message was taken", EPROTO);
}

static void say_hello(struct member *member)
{
	struct message message = {.type = MESSAGE_HELLO};
	bool tls = member->crew->options->tls != NULL;
	char name[32];

	(void)snprintf(name, sizeof(name), tls ? "fleet-%u" : "host-%u",
		       tls ? member->host % FLEET_CERTIFICATES : member->host);
	message.hello = (struct hello){.protocol_version = PROTOCOL_VERSION,
				       .boot = frames_boot(member->crew->options, member->host),
				       .hostname = bytes_from_string(name),
				       .kernel = BYTES_LITERAL("6.1.0"),
				       .arch = BYTES_LITERAL("x86_64"),
				       .sensor_version = BYTES_LITERAL("fleet"),
				       .machine_id_known = true,
				       .stream = 1 + member->host,
				       .first_unacked_seq = member->acked + 1,
				       .boottime_to_wall_ns = FRAMES_OFFSET_NS,
				       .boottime_ns = 1000000000};
	memcpy(message.hello.machine_id, &member->host, 4);
	memcpy(message.hello.machine_id + 4, &member->crew->options->seed, 8);
	change_state(member, MEMBER_GREETING);
	member->due_ns = now_ns() + UPLINK_WELCOME_MS * MS;
	say(member, &message);
}

static void say_heartbeat(struct member *member, uint64_t now)
{
	struct message message = {.type = MESSAGE_HEARTBEAT};

	message.heartbeat = (struct heartbeat){.boottime_ns = 60000000000 + now % 1000000000000,
					       .boottime_to_wall_ns = FRAMES_OFFSET_NS,
					       .cpu_ns = now / 500,
					       .rss_bytes = 8 << 20};
	if (member->written > 0) /* not into the midst of a batch */
		return;
	member->due_ns = now + UPLINK_HEARTBEAT_MS * MS;
	say(member, &message);
}

static void hear_welcome(struct member *member, const struct welcome *welcome)
{
	const struct options *o = member->crew->options;
	uint32_t kinds = COMPRESSION_ZLIB | (o->zstd ? COMPRESSION_ZSTD : 0) | (o->previous ? COMPRESSION_PREVIOUS : 0);

	if (kinds & ~(welcome->compressions | COMPRESSION_ZLIB))
		die("the collector does not take this compression", EPROTONOSUPPORT);
	if (welcome->resume_seq > member->frames.count + 1)
		die("the collector knows batches that were never sent", EPROTO);
	if (welcome->resume_seq > member->acked + 1)
		member->acked = welcome->resume_seq - 1;
	member->sent = member->acked;
	member->written = 0;
	member->window = welcome->window_batches < WINDOW_MAX ? welcome->window_batches : WINDOW_MAX;
	member->crew->snapshots_wanted += welcome->snapshot_wanted;
	backoff_spread(&member->backoff, welcome->reconnect_ms);
	member->welcome_ns = now_ns();
	change_state(member, MEMBER_STREAMING);
	/* The first ones come at once, the others each at its own moment. */
	member->due_ns = member->welcome_ns + draw(member) % (UPLINK_HEARTBEAT_MS * MS);
}

static void hear_ack(struct member *member, uint64_t seq)
{
	struct crew *crew = member->crew;
	uint64_t now = now_ns();

	if (seq > member->sent + (member->written > 0))
		die("what was not sent is acknowledged", EPROTO);
	for (; member->acked < seq; member->acked++) {
		if (crew->latency_count < crew->latency_capacity)
			crew->latencies[crew->latency_count++] = now - member->sent_ns[member->acked % WINDOW_MAX];
		if (crew->options->hold)
			frames_free(&member->frames, member->acked);
	}
}

static void hear_message(struct member *member, const struct message *message)
{
	if (message->type == MESSAGE_WELCOME) {
		hear_welcome(member, &message->welcome);
	} else if (message->type == MESSAGE_ACK) {
		hear_ack(member, message->ack.seq);
	} else if (message->type == MESSAGE_PACE) {
		if (message->pace.reconnect_ms)
			backoff_spread(&member->backoff, message->pace.reconnect_ms);
	} else if (message->type == MESSAGE_REJECT) {
		if (!member->crew->holding)
			fprintf(stderr, "fleet: rejected: %.*s\n", (int)message->reject.reason.len,
				message->reject.reason.data);
		member->crew->refused++;
		lose(member, ECONNREFUSED, message->reject.retry_after_ms);
	}
}

static void hear(struct member *member)
{
	while (member->state >= MEMBER_GREETING) {
		const uint8_t *data;
		struct message message;
		uint8_t *at;
		size_t len;
		ssize_t n;

		need(frame_reader_space(&member->reader, &at, &len), "receive buffer");
		n = line_recv(&member->line, at, len);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			lose(member, (int)-n, 0);
			return;
		}
		frame_reader_filled(&member->reader, (size_t)n);
		while (member->state >= MEMBER_GREETING && frame_reader_next(&member->reader, &data, &len) == 0) {
			arena_reset(&member->crew->arena);
			if (message_decode_collector(&member->crew->arena, data, len, &message, NULL) == 0)
				hear_message(member, &message);
		}
	}
}

static void speak(struct member *member)
{
	while (member->state == MEMBER_STREAMING && member->writable) {
		const struct frame *frame;
		ssize_t n;

		if (member->written == 0) {
			if (member->sent >= member->granted ||
			    (!member->crew->options->json && member->sent - member->acked >= member->window))
				return;
			member->sent_ns[member->sent % WINDOW_MAX] = now_ns();
		}
		frame = &member->frames.list[member->sent];
		n = line_send(&member->line, frame->data + member->written, frame->len - member->written);
		if (n == -EAGAIN) {
			member->writable = false;
		} else if (n < 0) {
			lose(member, (int)-n, 0);
		} else if ((member->written += (size_t)n) == frame->len) {
			member->written = 0;
			member->sent++;
		}
	}
}

static void greet(struct member *member)
{
	int r = line_ready(&member->line);

	if (r == -EAGAIN)
		return;
	if (r < 0) {
		if (*(member->line.tls ? tls_why(member->line.tls) : ""))
			fprintf(stderr, "fleet: TLS: %s\n", tls_why(member->line.tls));
		lose(member, -r, 0);
	} else if (member->crew->options->json) {
		change_state(member, MEMBER_STREAMING);
	} else {
		say_hello(member);
	}
}

void member_serve(struct member *member, uint32_t events)
{
	if (member->state == MEMBER_CONNECTING)
		greet(member);
	if (events & EPOLLOUT && member->state >= MEMBER_GREETING)
		member->writable = true;
	if (!member->crew->options->json)
		hear(member);
	speak(member);
}

void member_grant(struct member *member, size_t frames)
{
	member->granted = frames;
	speak(member);
}

void member_tick(struct member *member, uint64_t now)
{
	if (now < member->due_ns)
		return;
	if (member->state == MEMBER_AWAY)
		member_dial(member);
	else if (member->state == MEMBER_STREAMING)
		say_heartbeat(member, now);
	else
		lose(member, ETIMEDOUT, 0);
}
