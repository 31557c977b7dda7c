/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of canopy-collector. */
#ifndef CANOPY_COLLECTOR_OPTIONS_H
#define CANOPY_COLLECTOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/command/command.h"
#include "proto/stream/address.h"

#define COLLECTOR_LAKES_MAX 8u

struct collector_options {
	struct address listen; /* for sensors */
	const char *http;      /* for the console, ADDR:PORT; borrowed from argv, as all strings here */
	const char *tls_ca, *tls_cert, *tls_key, *tls_crl; /* PEM files; NULL = none */
	const char *token_file; /* who may ask the console; NULL = everybody who reaches it */
	bool http_tls;         /* TLS for the console also on loopback */
	bool insecure;         /* both ports may listen in the clear where others can reach them */
	bool http_insecure;    /* the console alone */
	const char *user;      /* to become; NULL = stay who we are */
	bool confine;          /* give up capabilities and system calls */
	const char *state;     /* folder of journal and cursors */
	const char *lakes[COLLECTOR_LAKES_MAX];
	size_t lake_count;
	uint64_t retain_bytes; /* of the journal; 0 = keep everything */
	uint64_t exited_bytes; /* memory for exited processes */
	uint64_t processes_max; /* held in memory, alive or not */
	uint32_t shards;       /* wanted; 0 = one for each core */
};

enum {
	OPTIONS_E_DONE = COMMAND_E_DONE, /* --help or --version was answered on stdout */
};

/* Fills *ret from argv. Returns 0, OPTIONS_E_DONE, or -EINVAL after a message on stderr that names option, value and
 * remedy. Sets log_level. */
int collector_options_parse(int argc, char **argv, struct collector_options *ret);

/* Whether the console speaks TLS: with a certificate it does wherever others can reach it. */
bool collector_options_console_tls(const struct collector_options *options);

#endif
