/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of canopy-sensor. */
#ifndef CANOPY_SENSOR_OPTIONS_H
#define CANOPY_SENSOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/command/command.h"
#include "proto/stream/address.h"
#include "proto/wire/message.h"
#include "sensor/batch/refine.h"
#include "sensor/print/print.h"
#include "sensor/uplink/peers.h"

struct sensor_options {
	const char *collector; /* the first as given; NULL with print */
	struct address collectors[PEERS_MAX]; /* best first */
	size_t collector_count;
	const char *tls_ca, *tls_cert, *tls_key; /* PEM files; NULL = none */
	bool insecure;         /* collectors on other machines may be spoken to in the clear */
	const char *spool_dir;
	uint64_t spool_bytes;  /* bound of the spool on disk */
	uint64_t ring_bytes;   /* a power of two */
	uint64_t argv_max;     /* bytes of argv that are kept */
	enum print_format print;
	struct tag tags[HELLO_TAGS_MAX]; /* borrowed from argv */
	size_t tag_count;
	bool raw_tracepoint;   /* leave the typed form of the hooks unused */
	bool proc_snapshot;    /* leave the task iterator unused */
	bool find_ends;        /* leave unused what the kernel says of the last thread */
	bool compress;         /* frames on the wire */
	struct refine_options refine; /* what leaves the host; texts are borrowed from argv */
	bool confine;          /* give up privileges once attached */
	bool check;            /* say what this kernel offers and end */
};

enum {
	OPTIONS_E_DONE = COMMAND_E_DONE, /* --help or --version was answered on stdout */
};

/* Fills *ret from argv. Returns 0, OPTIONS_E_DONE, or -EINVAL after a message on stderr that names option, value and remedy. Sets log_level. */
int sensor_options_parse(int argc, char **argv, struct sensor_options *ret);

#endif
