/* SPDX-License-Identifier: Apache-2.0 */
/* A listening TCP socket. It lives until its close callback has run. */
#ifndef CANOPY_PROTO_STREAM_ACCEPTOR_H
#define CANOPY_PROTO_STREAM_ACCEPTOR_H

#include <uv.h>

#include "proto/stream/address.h"

#define ACCEPTOR_BACKLOG 1024 /* connections that wait: a fleet that reconnects at once must not meet refusals */

struct acceptor;

/* A connection waits: hand server to stream_accept in this very call (or another handle to uv_accept). One
 * that is not taken is closed. */
typedef void (*acceptor_cb)(void *owner, uv_stream_t *server);

/* Binds and listens. A port of 0 lets the kernel choose. Errors: -EINVAL (host is a name), -ENOMEM, or -errno of bind
 * and listen; *ret_why (may be NULL) is then a malloc'ed sentence that names address, error and remedy, freed by the
 * caller. */
int acceptor_create(struct acceptor **ret, uv_loop_t *loop, const struct address *address, acceptor_cb cb, void *owner,
		    char **ret_why);

/* Takes connections of the same socket on another loop, whose thread calls this: the kernel wakes both, and who comes
 * first gets the connection. Two binds to one port (SO_REUSEPORT) would let a second collector slip in beside the first
 * one without a word. first must not be closed meanwhile. Errors: -ENOMEM, -errno. */
int acceptor_share(struct acceptor **ret, uv_loop_t *loop, const struct acceptor *first, acceptor_cb cb, void *owner);

/* The address that is listened on, with the true port. text has ADDRESS_TEXT_MAX bytes. */
void acceptor_address(const struct acceptor *acceptor, char *text);

/* Takes no more connections and frees the acceptor; closed (may be NULL) is called on the loop. Takes NULL, then closed
 * is not called. */
void acceptor_close(struct acceptor *acceptor, void (*closed)(void *owner), void *owner);

#endif
