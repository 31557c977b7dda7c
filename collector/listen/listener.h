/* SPDX-License-Identifier: Apache-2.0 */
/* The port of the sensors: accepts, bounds, and keeps the sessions. */
#ifndef CANOPY_COLLECTOR_LISTEN_LISTENER_H
#define CANOPY_COLLECTOR_LISTEN_LISTENER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "collector/console/fleet.h"
#include "collector/ingest/ingest.h"
#include "collector/listen/census.h"
#include "collector/listen/route.h"
#include "proto/stream/address.h"

#define LISTENER_CONNECTIONS_MAX 20000u /* as many as the forest takes host boots */
#define LISTENER_PER_ADDRESS_MAX 1024u  /* a whole site may stand behind one address translator, or in one /64 */
#define LISTENER_REFUSING_MAX 256u      /* connections that are being told why; beyond it they are cut without a word */
#define LISTENER_HANDSHAKES_MAX 2048u   /* TLS handshakes under way: 46 KiB each touched, and three seconds of a core */
#define LISTENER_HANDSHAKES_PER_ADDRESS_MAX (LISTENER_HANDSHAKES_MAX / 4) /* so that a few that say nothing leave room to others */
#define LISTENER_TICK_MS 1000u          /* how finely slowness is judged */
#define LISTENER_STORM_SESSIONS 256u    /* after so many new ones the heap is looked through, some ms: not for each that comes */

struct listener;

struct listener_options {
	struct address address;
	struct ingest *ingest; /* must outlive the listener */
	struct tls_context *tls; /* sensors must speak TLS, with a certificate; NULL = in the clear. Borrowed */
	const char *http;      /* where the console answers, ADDR:PORT, told to browsers; NULL = nowhere. Borrowed */
	/* When several listeners share a socket, each on a loop of its own: what they count together (NULL: this one
	 * counts alone), where connections belong (NULL: all here), and how many they are. All must outlive it. */
	struct census *census;
	const struct route *route;
	uint32_t listeners;        /* 0 = 1 */
	uint32_t connections_max, per_address_max, handshakes_max, handshakes_per_address_max, refusing_max; /* 0 = the bounds above */
	size_t memory_max;                         /* receive buffers of all listeners together; 0 = SESSION_MEMORY_MAX */
	uint32_t hello_ms, silent_ms, idle_ms, linger_ms; /* 0 = those of session.h */
};

/* Errors and *ret_why as acceptor_create. */
int listener_create(struct listener **ret, uv_loop_t *loop, const struct listener_options *options, char **ret_why);
/* Accepts on another loop from the socket of first, whose loop must not run meanwhile. Errors as acceptor_share. */
int listener_share(struct listener **ret, uv_loop_t *loop, const struct listener_options *options,
		   const struct listener *first);
/* Takes a connection that came from the loop of another listener; the passage is consumed. listener NULL: this one is
 * closed, the connection is cut. */
void listener_adopt(struct listener *listener, struct census *census, struct passage *passage);
/* The address that is listened on, with the true port. text has ADDRESS_TEXT_MAX bytes. */
void listener_address(const struct listener *listener, char *text);
/* Adds what sessions count to *stats. */
void listener_stats(const struct listener *listener, struct fleet_ingest_stats *stats);
/* Accepts nothing more, tells every sensor to come back later and frees everything; closed is called on the loop. Takes
 * NULL, then closed is not called. */
void listener_close(struct listener *listener, void (*closed)(void *owner), void *owner);

#endif
