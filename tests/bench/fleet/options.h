/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the command line. */
#ifndef CANOPY_TESTS_BENCH_FLEET_OPTIONS_H
#define CANOPY_TESTS_BENCH_FLEET_OPTIONS_H

#include <netdb.h>
#include <stdbool.h>

struct options {
	struct addrinfo *target; /* owned for good; NULL: nothing is connected, only encoded */
	const char *tls;         /* folder with ca.pem, fleet.pem and fleet.key; NULL = plain */
	unsigned long hosts, events, batch, zlib, zstd, previous, beats, seed, rate, resident, hold, dialing, json;
};

/* Says on stderr what is wrong and returns false then. */
bool options_parse(struct options *ret, int argc, char **argv);

#endif
