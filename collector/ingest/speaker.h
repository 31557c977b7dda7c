/* SPDX-License-Identifier: Apache-2.0 */
/* Who stands behind a session: what it said of itself, what its certificate proves, and who is charged for what it makes
 * grow. No I/O. */
#ifndef CANOPY_COLLECTOR_INGEST_SPEAKER_H
#define CANOPY_COLLECTOR_INGEST_SPEAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "canopy/bytes.h"
#include "proto/stream/certificate.h"
#include "proto/wire/message.h"

struct link;

/* As the connection shows it. */
struct origin {
	const struct certificate *certificate; /* verified; NULL = none */
	const uint8_t *address;                /* 16 bytes that stand for the peer's address; NULL = not known */
};

struct speaker {
	bool machine_known, machine_proven; /* its Hello says; its certificate says so, too */
	uint8_t machine_id[16];
	/* Owned: names that it may speak for, each with its NUL and an empty one behind the last: those of its certificate, or
	 * without one the name that it goes by. */
	char *names;
	bool charged; /* account stands for somebody: a certificate, or else an address */
	bool certified;
	uint8_t account[16];
};

/* origin NULL = nothing is known of the connection. Errors: -ENOMEM. */
int speaker_init(struct speaker *ret, const struct hello *hello, const struct origin *origin);
int speaker_copy(struct speaker *ret, const struct speaker *from);
void speaker_finish(struct speaker *speaker); /* takes zeroed ones */

/* Whether it may speak for a boot that is of that machine (link) and goes by this name ("" = nobody has said): the machine
 * must be the same, and the certificate must name host or machine. Otherwise whoever knows a host's ids could say that they
 * are its own. */
bool speaker_may(const struct speaker *speaker, const struct link *link, struct bytes name);

#endif
