/* SPDX-License-Identifier: Apache-2.0 */
/* See channel.h. Frames are read into one buffer and decoded into one arena, both kept from one connection to the next. */
#include "sensor/uplink/channel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void broken(struct channel *channel, const char *format, ...)
{
	char why[CHANNEL_WHY_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	channel->events->broken(channel->owner, why);
}

static void on_connected(void *owner)
{
	struct channel *channel = owner;

	channel->reached = true;
	channel->events->connected(channel->owner);
}

static int on_space(void *owner, uint8_t **ret_at, size_t *ret_len)
{
	return frame_reader_space(&((struct channel *)owner)->reader, ret_at, ret_len);
}

static void serve_message(struct channel *channel, const uint8_t *data, size_t len)
{
	const char *why = "unreadable";
	struct message message;
	int r;

	arena_reset(&channel->arena);
	r = message_decode_collector(&channel->arena, data, len, &message, &why);
	if (r == 0)
		channel->events->message(channel->owner, &message);
	else if (r < 0)
		broken(channel, "the collector at %s sent a bad message: %s", channel->host,
		       r == -ENOMEM ? "out of memory" : why);
}

static void on_filled(void *owner, size_t len)
{
	struct channel *channel = owner;
	const struct stream *stream = channel->stream;
	const uint8_t *data;
	size_t message_len;
	int r = 0;

	frame_reader_filled(&channel->reader, len);
	/* Serving a message may end the connection, and its successor must not be served from here. */
	while (r == 0 && channel->stream == stream && stream) {
		r = frame_reader_next(&channel->reader, &data, &message_len);
		if (r == 0)
			serve_message(channel, data, message_len);
		else if (r < 0)
			broken(channel, "%s:%u does not speak the collector's protocol; is it the port of --listen?",
			       channel->host, channel->port);
	}
}

static void on_drained(void *owner)
{
	struct channel *channel = owner;

	channel->events->drained(channel->owner);
}

static void on_ended(void *owner, int error)
{
	struct channel *channel = owner;

	if (*stream_why(channel->stream))
		broken(channel, "TLS with %s:%u: %s", channel->host, channel->port, stream_why(channel->stream));
	else if (!channel->reached)
		broken(channel, "cannot connect to %s:%u: %s", channel->host, channel->port, uv_strerror(error));
	else
		broken(channel, "the connection to %s:%u ended: %s", channel->host, channel->port,
		       error ? strerror(-error) : "the collector closed it; if that is for good, does it take TLS alone?");
}

static const struct stream_events stream_events = {on_connected, on_space, on_filled, on_drained, on_ended};

void channel_init(struct channel *channel, uv_loop_t *loop, const struct channel_events *events, void (*closed)(void *owner),
	       void *owner)
{
	*channel = (struct channel){.loop = loop, .events = events, .owner = owner, .closed = closed};
	frame_reader_init(&channel->reader, CHANNEL_FRAME_IN_MAX);
}

void channel_finish(struct channel *channel)
{
	frame_reader_finish(&channel->reader);
	arena_finish(&channel->arena);
	compressor_destroy(channel->compressor);
}

int channel_connect(struct channel *channel, const struct peer *peer, struct tls_context *tls)
{
	int r;

	channel->host = peer->address.host;
	channel->port = peer->address.port;
	channel->reached = false;
	frame_reader_finish(&channel->reader);
	frame_reader_init(&channel->reader, CHANNEL_FRAME_IN_MAX);
	r = stream_create(&channel->stream, channel->loop, &stream_events, channel);
	if (r < 0)
		return r;
	stream_begin_at(channel->stream, peer->first);
	r = stream_secure(channel->stream, tls, channel->host);
	return r < 0 ? r : stream_connect(channel->stream, channel->host, channel->port);
}

static void on_closed(void *owner)
{
	struct channel *channel = owner;

	channel->closed(channel->owner);
}

bool channel_close(struct channel *channel)
{
	struct stream *stream = channel->stream;

	if (!stream)
		return false;
	channel->stream = NULL;
	stream_close(stream, on_closed);
	return true;
}

int channel_listen(struct channel *channel)
{
	return stream_read_start(channel->stream);
}

int channel_send(struct channel *channel, const struct message *message, size_t *ret_len)
{
	uint8_t *frame;
	int r = message_encode_with(message, channel->compressor, &frame, ret_len);

	if (r < 0)
		return r;
	if (message->type == MESSAGE_BATCH && *ret_len - FRAME_HEADER_BYTES > channel->frame_max) {
		free(frame);
		return CHANNEL_E_TOO_LONG;
	}
	return stream_write(channel->stream, frame, *ret_len);
}

void channel_end(struct channel *channel)
{
	(void)stream_shutdown(channel->stream);
}

size_t channel_queued(const struct channel *channel)
{
	return stream_queued(channel->stream);
}
