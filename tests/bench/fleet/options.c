/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "options.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_MAX 100000u

static const char usage[] = "usage: fleet ADDR:PORT|- [KEY=VALUE...]\n"
			    "\n"
			    "hosts=48 events=1000000 batch=500 seed=1   how many of what, over all hosts\n"
			    "zlib=0 zstd=0   1: batches are compressed by that\n"
			    "previous=0      1: by the help of those before them, as a sensor does it\n"
			    "beats=0         1: with a heartbeat every two seconds of each host's own time\n"
			    "rate=0          events a second over all hosts; 0 = as fast as they are acknowledged\n"
			    "resident=0      processes of each host that run before; told first, not measured\n"
			    "hold=0          1: after that say 'holding' and be a fleet of idle sensors, which\n"
			    "                come back when the collector goes, until the end of stdin\n"
			    "clock=0         a pid: how much CPU time it takes while events are sent is told as well\n"
			    "touch=0         so many MiB of memory are touched and freed right before they are sent\n"
			    "dialing=0       so many connect at the same time at most; 0 = all at once\n"
			    "tls=DIR         with DIR/ca.pem and DIR/fleet-0.pem, DIR/fleet-0.key to 249; hosts\n"
			    "                share these and their names\n"
			    "json=0          1: the same events as JSON lines instead, over so many connections,\n"
			    "                2: as JSON lines with less in them\n"
			    "With - nothing is connected: it prints what there would be to send, in lines or\n"
			    "as figures.\n";

static bool parse_word(struct options *options, const char *word)
{
	static const struct {
		const char *name;
		size_t offset;
	} words[] = {{"hosts", offsetof(struct options, hosts)}, {"events", offsetof(struct options, events)},
		     {"batch", offsetof(struct options, batch)}, {"zlib", offsetof(struct options, zlib)},
		     {"zstd", offsetof(struct options, zstd)},   {"previous", offsetof(struct options, previous)},
		     {"beats", offsetof(struct options, beats)}, {"seed", offsetof(struct options, seed)},
		     {"rate", offsetof(struct options, rate)},   {"resident", offsetof(struct options, resident)},
		     {"hold", offsetof(struct options, hold)},   {"dialing", offsetof(struct options, dialing)},
		     {"json", offsetof(struct options, json)},   {"clock", offsetof(struct options, clock)},
		     {"touch", offsetof(struct options, touch)}};
	const char *value = strchr(word, '=');
	char *end;

	if (!value)
		return false;
	if (strncmp(word, "tls=", 4) == 0) {
		options->tls = value + 1;
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t len = (size_t)(value - word);

		if (strlen(words[i].name) != len || strncmp(word, words[i].name, len) != 0)
			continue;
		*(unsigned long *)(void *)((char *)options + words[i].offset) = strtoul(value + 1, &end, 10);
		return end > value + 1 && *end == '\0';
	}
	return false;
}

/* What cannot be at the same time. */
static bool fits(const struct options *o)
{
	return o->hosts >= 1 && o->hosts <= HOSTS_MAX && o->batch >= 1 && !(o->zlib && o->zstd) &&
	       !(o->previous && !o->zlib && !o->zstd) && !(o->hold && (o->json || o->previous));
}

bool options_parse(struct options *ret, int argc, char **argv)
{
	struct options options = {.hosts = 48, .events = 1000000, .batch = 500, .seed = 1};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char *colon = argc > 1 ? strrchr(argv[1], ':') : NULL;
	bool dry = argc > 1 && strcmp(argv[1], "-") == 0, good = colon || dry;

	for (int i = 2; good && i < argc; i++)
		good = parse_word(&options, argv[i]);
	if (!good || !fits(&options)) {
		fputs(usage, stderr);
		return false;
	}
	if (!dry) {
		*colon = '\0';
		if (getaddrinfo(argv[1], colon + 1, &hints, &options.target) != 0) {
			fprintf(stderr, "fleet: %s: no such address\n", argv[1]);
			return false;
		}
	}
	*ret = options;
	return true;
}
