/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the command line. */
#ifndef CANOPY_TESTS_BENCH_FLEET_OPTIONS_H
#define CANOPY_TESTS_BENCH_FLEET_OPTIONS_H

#include <netdb.h>
#include <stdbool.h>

#define FLEET_CERTIFICATES 250u /* a collector takes a bounded number of boots by each */

struct options {
	struct addrinfo *target; /* owned for good; NULL: nothing is connected, only encoded */
	const char *tls;         /* folder with ca.pem and fleet-0.pem, fleet-0.key and so on; NULL = plain */
	unsigned long hosts, events, batch, zlib, zstd, previous, beats, seed, rate, resident, hold, dialing, json, clock, touch;
};

/* Says on stderr what is wrong and returns false then. */
bool options_parse(struct options *ret, int argc, char **argv);

#endif
