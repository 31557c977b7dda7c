/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing the command line with getopt_long. Every refusal names the option, the value and what would be right. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/argument.h"
#include "canopy/log.h"
#include "sensor/options.h"

#define SPOOL_BYTES_DEFAULT (256ull << 20) /* at 80 bytes a fact some three million facts: an hour of a busy host */
#define SPOOL_BYTES_MIN (8ull << 20)
#define RING_BYTES_DEFAULT (8u << 20) /* measured: 8 MiB lost nothing where 2 MiB lost 5 % to a starved reader */
#define RING_BYTES_MIN (64u << 10)
#define RING_BYTES_MAX (1u << 30)
#define ARGV_MAX_DEFAULT (32u << 10)
#define ARGV_MAX_MIN 256u
#define ARGV_MAX_MAX (32u << 10) /* bound of the kernel side's scratch memory */

static const char help[] =
	"usage: canopy-sensor --collector HOST:PORT --spool DIR [OPTION…]\n"
	"       canopy-sensor --print[=classic|json]\n"
	"\n"
	"Takes fork, exec and exit of every process from the kernel (needs root, Linux\n"
	"5.10 or later with BTF) and streams them to a collector, or prints them.\n"
	"\n"
	"  -c, --collector HOST:PORT  where canopy-collector listens for sensors\n"
	"  -s, --spool DIR            keeps what the collector has not acknowledged\n"
	"      --spool-bytes SIZE     bound of the spool; the oldest goes (256M)\n"
	"  -t, --tag KEY=VALUE        describes this host; may be repeated\n"
	"  -p, --print[=FORMAT]       one line a fact on stdout: classic or json\n"
	"      --argv-bytes SIZE      keep this much of each argument list (32K)\n"
	"      --ring-bytes SIZE      ring between kernel and sensor, a power of 2 (8M)\n"
	"      --raw-tracepoint       use hooks without typed loads\n"
	"      --no-compress          send frames as they are\n"
	"      --secret NAME          hide the value of this option or variable, too\n"
	"      --no-redact            send argument lists with the secrets in them\n"
	"      --filter RULE          leave processes out: drop:FIELD=GLOB tells nothing\n"
	"                             of them, fork-only: not what they execute, keep:\n"
	"                             all; FIELD is exe, user or cgroup; may be repeated,\n"
	"                             the first that matches decides\n"
	"      --env NAME             tell this variable of each program, too; repeatable\n"
	"      --no-confine           keep all privileges (for debuggers)\n"
	"      --check                say what this kernel offers, and end\n"
	"  -l, --log-level LEVEL      error, warning, info (default) or debug\n"
	"  -h, --help                 this text\n"
	"  -V, --version              the version\n"
	"\n"
	"SIZE is in bytes, or with K, M or G. Exit codes: 0 ended as asked, 1 failed,\n"
	"2 wrong usage.\n";

enum {
	OPT_SPOOL_BYTES = 256,
	OPT_ARGV_BYTES,
	OPT_RING_BYTES,
	OPT_RAW_TRACEPOINT,
	OPT_NO_COMPRESS,
	OPT_SECRET,
	OPT_NO_REDACT,
	OPT_FILTER,
	OPT_ENV,
	OPT_NO_CONFINE,
	OPT_CHECK,
};

static const struct option long_options[] = {
	{"collector", required_argument, NULL, 'c'},
	{"spool", required_argument, NULL, 's'},
	{"spool-bytes", required_argument, NULL, OPT_SPOOL_BYTES},
	{"tag", required_argument, NULL, 't'},
	{"print", optional_argument, NULL, 'p'},
	{"argv-bytes", required_argument, NULL, OPT_ARGV_BYTES},
	{"ring-bytes", required_argument, NULL, OPT_RING_BYTES},
	{"raw-tracepoint", no_argument, NULL, OPT_RAW_TRACEPOINT},
	{"no-compress", no_argument, NULL, OPT_NO_COMPRESS},
	{"secret", required_argument, NULL, OPT_SECRET},
	{"no-redact", no_argument, NULL, OPT_NO_REDACT},
	{"filter", required_argument, NULL, OPT_FILTER},
	{"env", required_argument, NULL, OPT_ENV},
	{"no-confine", no_argument, NULL, OPT_NO_CONFINE},
	{"check", no_argument, NULL, OPT_CHECK},
	{"log-level", required_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static int refuse(const char *option, const char *value, const char *remedy)
{
	(void)fprintf(stderr, "canopy-sensor: %s '%s': %s\n", option, value, remedy);
	return -EINVAL;
}

static int parse_size(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t size;
	char remedy[96];

	if (!argument_size(text, &size) || size < min || size > max) {
		(void)snprintf(remedy, sizeof(remedy), "give a size from %llu to %llu bytes, such as 64K, 8M or 1G",
			       (unsigned long long)min, (unsigned long long)max);
		return refuse(option, text, remedy);
	}
	*ret = size;
	return 0;
}

static int parse_level(const char *text)
{
	return argument_log_level(text, &log_level) ? 0 : refuse("--log-level", text, "give error, warning, info or debug");
}

static int parse_print(const char *text, enum print_format *ret)
{
	if (!text || strcmp(text, "classic") == 0)
		*ret = PRINT_CLASSIC;
	else if (strcmp(text, "json") == 0)
		*ret = PRINT_JSON;
	else
		return refuse("--print", text, "give --print, --print=classic or --print=json");
	return 0;
}

static int parse_tag(struct sensor_options *options, const char *text)
{
	const char *equals = strchr(text, '=');
	struct tag tag;

	if (!equals || equals == text)
		return refuse("--tag", text, "give KEY=VALUE");
	tag.key = bytes_make(text, (size_t)(equals - text));
	tag.value = bytes_from_string(equals + 1);
	if (tag.key.len > HELLO_TAG_KEY_MAX || tag.value.len > HELLO_TAG_VALUE_MAX)
		return refuse("--tag", text, "a key has at most 63 bytes, a value 255");
	if (!json_is_utf8(tag.key) || !json_is_utf8(tag.value))
		return refuse("--tag", text, "give UTF-8");
	if (options->tag_count == HELLO_TAGS_MAX)
		return refuse("--tag", text, "a host has at most 64 tags");
	options->tags[options->tag_count++] = tag;
	return 0;
}

static int parse_ring(const char *text, size_t *ret)
{
	uint64_t bytes;
	int r = parse_size("--ring-bytes", text, RING_BYTES_MIN, RING_BYTES_MAX, &bytes);

	if (r < 0)
		return r;
	if (bytes & (bytes - 1))
		return refuse("--ring-bytes", text, "give a power of two, such as 8M");
	*ret = (size_t)bytes;
	return 0;
}

static int parse_argv_bytes(const char *text, uint32_t *ret)
{
	uint64_t bytes;
	int r = parse_size("--argv-bytes", text, ARGV_MAX_MIN, ARGV_MAX_MAX, &bytes);

	if (r == 0)
		*ret = (uint32_t)bytes;
	return r;
}

static int parse_secret(struct sensor_options *options, const char *text)
{
	while (*text == '-')
		text++;
	if (!*text)
		return refuse("--secret", text, "give the name of an option or variable, such as session-key");
	if (options->refine.secret_count == REDACT_NAMES_MAX)
		return refuse("--secret", text, "at most 64 names can be added");
	options->refine.secrets[options->refine.secret_count++] = bytes_from_string(text);
	return 0;
}

static int parse_filter(struct sensor_options *options, const char *text)
{
	struct filter_rule rule;
	const char *why;

	if (filter_rule_parse(text, &rule, &why) < 0)
		return refuse("--filter", text, why);
	if (options->refine.filter_count == FILTER_RULES_MAX)
		return refuse("--filter", text, "at most 64 rules can be given");
	options->refine.filters[options->refine.filter_count++] = rule;
	return 0;
}

static int parse_env(struct sensor_options *options, const char *text)
{
	if (!*text || strchr(text, '='))
		return refuse("--env", text, "give the name of a variable, such as LANG");
	if (options->refine.environ_count == ENVIRON_NAMES_MAX)
		return refuse("--env", text, "at most 16 variables can be asked for");
	options->refine.environ_names[options->refine.environ_count++] = bytes_from_string(text);
	return 0;
}

static int parse_one(struct sensor_options *options, int option)
{
	switch (option) {
	case 'c':
		options->collector = optarg;
		return 0;
	case 's':
		options->spool_dir = optarg;
		return 0;
	case OPT_SPOOL_BYTES:
		return parse_size("--spool-bytes", optarg, SPOOL_BYTES_MIN, UINT64_MAX >> 1, &options->spool_bytes);
	case 't':
		return parse_tag(options, optarg);
	case 'p':
		return parse_print(optarg, &options->print);
	case OPT_ARGV_BYTES:
		return parse_argv_bytes(optarg, &options->argv_max);
	case OPT_RING_BYTES:
		return parse_ring(optarg, &options->ring_bytes);
	case OPT_RAW_TRACEPOINT:
		options->raw_tracepoint = true;
		return 0;
	case OPT_NO_COMPRESS:
		options->compress = false;
		return 0;
	case OPT_SECRET:
		return parse_secret(options, optarg);
	case OPT_NO_REDACT:
		options->refine.redact = false;
		return 0;
	case OPT_FILTER:
		return parse_filter(options, optarg);
	case OPT_ENV:
		return parse_env(options, optarg);
	case OPT_NO_CONFINE:
		options->confine = false;
		return 0;
	case OPT_CHECK:
		options->check = true;
		return 0;
	case 'l':
		return parse_level(optarg);
	case 'h':
		(void)fputs(help, stdout);
		return OPTIONS_E_DONE;
	case 'V':
		(void)printf("canopy-sensor %s\n", CANOPY_VERSION);
		return OPTIONS_E_DONE;
	default:
		(void)fputs("canopy-sensor: see 'canopy-sensor --help'\n", stderr);
		return -EINVAL;
	}
}

static int check_collector(struct sensor_options *options)
{
	const char *why = NULL;

	if (!options->collector)
		return refuse("--collector", "", "is missing: give HOST:PORT, or --print to see facts here");
	if (address_parse(options->collector, &options->address, &why) < 0)
		return refuse("--collector", options->collector, why);
	return 0;
}

static int check_whole(struct sensor_options *options)
{
	int r;

	if (options->check)
		return 0;
	if (options->print != PRINT_NONE && (options->collector || options->spool_dir))
		return refuse("--print", options->collector ? options->collector : options->spool_dir,
			      "stands alone: leave --collector and --spool away");
	if (options->print != PRINT_NONE)
		return 0;
	r = check_collector(options);
	if (r < 0)
		return r;
	if (!options->spool_dir)
		return refuse("--spool", "", "is missing: give a folder for what is not acknowledged yet, such as /var/lib/canopy/spool");
	return 0;
}

int sensor_options_parse(int argc, char **argv, struct sensor_options *ret)
{
	struct sensor_options options = {
		.spool_bytes = SPOOL_BYTES_DEFAULT,
		.ring_bytes = RING_BYTES_DEFAULT,
		.argv_max = ARGV_MAX_DEFAULT,
		.compress = true,
		.refine.redact = true,
		.confine = true,
	};
	int option, r;

	while ((option = getopt_long(argc, argv, "c:s:t:p::l:hV", long_options, NULL)) != -1) {
		r = parse_one(&options, option);
		if (r != 0)
			return r;
	}
	if (optind < argc)
		return refuse("argument", argv[optind], "is not expected; see 'canopy-sensor --help'");
	r = check_whole(&options);
	if (r == 0)
		*ret = options;
	return r;
}
