/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing the command line with getopt_long. Every refusal names the option, the value and what would be right. Both
 * ports are loopback unless the user says otherwise: neither asks who connects. */
#include "collector/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/argument.h"
#include "canopy/log.h"
#include "collector/lake/spec.h"

#define LISTEN_DEFAULT "127.0.0.1:7071"
#define HTTP_DEFAULT "127.0.0.1:7070"
#define RETAIN_BYTES_DEFAULT (16ull << 30) /* at 70 bytes a fact 250 million facts */
#define RETAIN_BYTES_MIN (128ull << 20)    /* two segments */
#define EXITED_BYTES_DEFAULT (256ull << 20)
#define EXITED_BYTES_MIN (1ull << 20)

static const char help[] = "usage: canopy-collector --state DIR [OPTION...]\n"
			   "\n"
			   "Takes the processes of many hosts from their sensors, keeps them durable and\n"
			   "answers a console.\n"
			   "\n"
			   "  -s, --state DIR            folder of the journal; made when it is missing\n"
			   "  -L, --listen ADDR:PORT     for sensors (" LISTEN_DEFAULT ")\n"
			   "  -H, --http ADDR:PORT       for the console, curl, metrics (" HTTP_DEFAULT ")\n"
			   "      --http-insecure        allow --http on an address that others can reach:\n"
			   "                             whoever reaches it reads everything\n"
			   "      --lake SPEC            write facts to a data lake, as ndjson:DIR;\n"
			   "                             may be repeated\n"
			   "      --retain-bytes SIZE    of the journal; the oldest goes (16G; 0 = keep all)\n"
			   "      --exited-bytes SIZE    memory for exited processes (256M)\n"
			   "  -l, --log-level LEVEL      error, warning, info (default) or debug\n"
			   "  -h, --help                 this text\n"
			   "  -V, --version              the version\n"
			   "\n"
			   "ADDR is a number, [V6] in brackets; port 0 lets the kernel choose, the true\n"
			   "addresses stand in DIR/listen and DIR/http. SIZE is in bytes, or with K, M or G.\n"
			   "Exit codes: 0 ended as asked, 1 failed, 2 wrong usage.\n";

enum {
	OPT_LAKE = 256,
	OPT_RETAIN_BYTES,
	OPT_EXITED_BYTES,
	OPT_HTTP_INSECURE,
};

static const struct option long_options[] = {
    {"state", required_argument, NULL, 's'},
    {"listen", required_argument, NULL, 'L'},
    {"http", required_argument, NULL, 'H'},
    {"http-insecure", no_argument, NULL, OPT_HTTP_INSECURE},
    {"lake", required_argument, NULL, OPT_LAKE},
    {"retain-bytes", required_argument, NULL, OPT_RETAIN_BYTES},
    {"exited-bytes", required_argument, NULL, OPT_EXITED_BYTES},
    {"log-level", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int refuse(const char *option, const char *value, const char *remedy)
{
	(void)fprintf(stderr, "canopy-collector: %s '%s': %s\n", option, value, remedy);
	return -EINVAL;
}

/* 0 passes below min: it means 'no bound' where zero says so. */
static int parse_size(const char *option, const char *text, uint64_t min, bool zero, uint64_t *ret)
{
	uint64_t size;
	char remedy[96];

	if (!argument_size(text, &size) || (size < min && !(zero && size == 0))) {
		(void)snprintf(remedy, sizeof(remedy), "give a size of at least %lluM, such as 512M or 16G%s",
			       (unsigned long long)(min >> 20), zero ? ", or 0 for no bound" : "");
		return refuse(option, text, remedy);
	}
	*ret = size;
	return 0;
}

static int parse_level(const char *text)
{
	return argument_log_level(text, &log_level) ? 0 : refuse("--log-level", text, "give error, warning, info or debug");
}

static int parse_address(const char *option, const char *text, struct address *ret)
{
	struct sockaddr_storage name;
	struct address address;
	const char *why;

	if (address_parse(text, &address, &why) < 0)
		return refuse(option, text, why);
	if (address_to_sockaddr(&address, &name) < 0)
		return refuse(option, text, "give a number, such as 127.0.0.1:7071 or [::]:7071");
	*ret = address;
	return 0;
}

static int parse_http(const char *text, struct collector_options *options)
{
	struct address address;

	options->http = text;
	return parse_address("--http", text, &address);
}

static int parse_lake(const char *text, struct collector_options *options)
{
	struct lake_spec spec = LAKE_SPEC_NULL;
	char *why = NULL;
	int r;

	if (options->lake_count == COLLECTOR_LAKES_MAX)
		return refuse("--lake", text, "8 lakes is the limit of one collector");
	r = lake_spec_parse(text, &spec, &why);
	lake_spec_finish(&spec);
	if (r < 0) {
		r = refuse("--lake", text, why ? why : strerror(-r));
		free(why);
		return r;
	}
	options->lakes[options->lake_count++] = text;
	return 0;
}

static int answer(const char *text)
{
	(void)fputs(text, stdout);
	return OPTIONS_E_DONE;
}

static int parse_option(int option, struct collector_options *options)
{
	switch (option) {
	case 's':
		options->state = optarg;
		return 0;
	case 'L':
		return parse_address("--listen", optarg, &options->listen);
	case 'H':
		return parse_http(optarg, options);
	case OPT_HTTP_INSECURE:
		options->http_insecure = true;
		return 0;
	case OPT_LAKE:
		return parse_lake(optarg, options);
	case OPT_RETAIN_BYTES:
		return parse_size("--retain-bytes", optarg, RETAIN_BYTES_MIN, true, &options->retain_bytes);
	case OPT_EXITED_BYTES:
		return parse_size("--exited-bytes", optarg, EXITED_BYTES_MIN, false, &options->exited_bytes);
	case 'l':
		return parse_level(optarg);
	case 'h':
		return answer(help);
	case 'V':
		return answer("canopy-collector " CANOPY_VERSION "\n");
	default: /* getopt_long has said what is wrong */
		(void)fputs("canopy-collector: see canopy-collector --help\n", stderr);
		return -EINVAL;
	}
}

/* Until it asks who is there, the console is for this machine alone. */
static int check_http(const struct collector_options *options)
{
	struct sockaddr_storage name;
	struct address address;

	if (options->http_insecure || address_parse(options->http, &address, NULL) < 0 || address_to_sockaddr(&address, &name) < 0 ||
	    address_is_loopback((const struct sockaddr *)&name))
		return 0;
	return refuse("--http", options->http,
		      "others can reach this address, and the console does not ask who they are: give 127.0.0.1:PORT, or --http-insecure as well");
}

int collector_options_parse(int argc, char **argv, struct collector_options *ret)
{
	struct collector_options options = {
	    .http = HTTP_DEFAULT, .retain_bytes = RETAIN_BYTES_DEFAULT, .exited_bytes = EXITED_BYTES_DEFAULT};
	int option, r = parse_address("--listen", LISTEN_DEFAULT, &options.listen);

	optind = 1;
	while (r == 0 && (option = getopt_long(argc, argv, "s:L:H:l:hV", long_options, NULL)) >= 0)
		r = parse_option(option, &options);
	if (r != 0)
		return r;
	if (optind < argc)
		return refuse("argument", argv[optind],
			      "every argument belongs to an option; see canopy-collector --help");
	if (!options.state) {
		(void)fputs("canopy-collector: --state is missing: give the folder for its journal, such as --state "
			    "/var/lib/canopy\n",
			    stderr);
		return -EINVAL;
	}
	r = check_http(&options);
	if (r == 0)
		*ret = options;
	return r;
}
