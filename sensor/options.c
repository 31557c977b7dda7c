/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and of each what its value has to be. Every refusal names the option, the value and what would be right. */
#include "sensor/options.h"

#include <stdio.h>
#include <string.h>

#include "proto/command/command.h"

#define SPOOL_BYTES_DEFAULT (256ull << 20) /* at 80 bytes a fact some three million facts: an hour of a busy host */
#define SPOOL_BYTES_MIN (8ull << 20)
#define RING_BYTES_DEFAULT (8u << 20) /* measured: 8 MiB lost nothing where 2 MiB lost 5 % to a starved reader */
#define RING_BYTES_MIN (64u << 10)
#define RING_BYTES_MAX (1u << 30)
#define ARGV_MAX_DEFAULT (32u << 10)
#define ARGV_MAX_MIN 256u
#define ARGV_MAX_MAX (32u << 10) /* bound of the kernel side's scratch memory */

static int take_collector(const struct command *command, const char *text, void *into)
{
	struct sensor_options *options = into;
	struct address address;
	const char *why;

	if (address_parse(text, &address, &why) < 0)
		return command_refuse(command, "--collector", text, why);
	if (options->collector_count == PEERS_MAX)
		return command_refuse(command, "--collector", text, "at most 8 collectors can be given");
	if (!options->collector)
		options->collector = text;
	options->collectors[options->collector_count++] = address;
	return 0;
}

static int take_print(const struct command *command, const char *text, void *into)
{
	struct sensor_options *options = into;

	if (!text || strcmp(text, "classic") == 0)
		options->print = PRINT_CLASSIC;
	else if (strcmp(text, "json") == 0)
		options->print = PRINT_JSON;
	else
		return command_refuse(command, "--print", text, "give --print, --print=classic or --print=json");
	return 0;
}

static int take_tag(const struct command *command, const char *text, void *into)
{
	struct sensor_options *options = into;
	const char *equals = strchr(text, '=');
	struct tag tag;

	if (!equals || equals == text)
		return command_refuse(command, "--tag", text, "give KEY=VALUE");
	tag.key = bytes_make(text, (size_t)(equals - text));
	tag.value = bytes_from_string(equals + 1);
	if (tag.key.len > HELLO_TAG_KEY_MAX || tag.value.len > HELLO_TAG_VALUE_MAX)
		return command_refuse(command, "--tag", text, "a key has at most 63 bytes, a value 255");
	if (!json_is_utf8(tag.key) || !json_is_utf8(tag.value))
		return command_refuse(command, "--tag", text, "give UTF-8");
	if (options->tag_count == HELLO_TAGS_MAX)
		return command_refuse(command, "--tag", text, "a host has at most 64 tags");
	options->tags[options->tag_count++] = tag;
	return 0;
}

static int take_secret(const struct command *command, const char *text, void *into)
{
	struct refine_options *refine = &((struct sensor_options *)into)->refine;
	const char *name = text + strspn(text, "-");

	if (!*name)
		return command_refuse(command, "--secret", text, "give the name of an option or variable, such as session-key");
	if (refine->secret_count == REDACT_NAMES_MAX)
		return command_refuse(command, "--secret", text, "at most 64 names can be added");
	refine->secrets[refine->secret_count++] = bytes_from_string(name);
	return 0;
}

static int take_filter(const struct command *command, const char *text, void *into)
{
	struct refine_options *refine = &((struct sensor_options *)into)->refine;
	struct filter_rule rule;
	const char *why;

	if (filter_rule_parse(text, &rule, &why) < 0)
		return command_refuse(command, "--filter", text, why);
	if (refine->filter_count == FILTER_RULES_MAX)
		return command_refuse(command, "--filter", text, "at most 64 rules can be given");
	refine->filters[refine->filter_count++] = rule;
	return 0;
}

static int take_env(const struct command *command, const char *text, void *into)
{
	struct refine_options *refine = &((struct sensor_options *)into)->refine;

	if (!*text || strchr(text, '='))
		return command_refuse(command, "--env", text, "give the name of a variable, such as LANG");
	if (refine->environ_count == ENVIRON_NAMES_MAX)
		return command_refuse(command, "--env", text, "at most 16 variables can be asked for");
	refine->environ_names[refine->environ_count++] = bytes_from_string(text);
	return 0;
}

#define MEMBER(name, type) .member = COMMAND_MEMBER(struct sensor_options, name, type)

static const struct command_option rows[] = {
	{.name = "collector", .letter = 'c', .value = "HOST:PORT", .take = take_collector,
	 .help = "where canopy-collector listens for sensors; may be repeated, the best first: the others stand in for it"},
	{.name = "tls-ca", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(tls_ca, const char *),
	 .help = "speak TLS, and trust collectors whose certificate is signed by one of these"},
	{.name = "tls-cert", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(tls_cert, const char *),
	 .help = "this host's certificate, as 'canopy pki sensor' makes it"},
	{.name = "tls-key", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(tls_key, const char *), .help = "and its private key"},
	{.name = "insecure", .kind = COMMAND_SET, MEMBER(insecure, bool),
	 .help = "speak to collectors on other machines in the clear: who is on the way reads and changes everything"},
	{.name = "spool", .letter = 's', .value = "DIR", .kind = COMMAND_TEXT, MEMBER(spool_dir, const char *),
	 .help = "keeps what the collector has not acknowledged"},
	{.name = "spool-bytes", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(spool_bytes, uint64_t), .min = SPOOL_BYTES_MIN,
	 .help = "bound of the spool; the oldest goes (256M)"},
	{.name = "tag", .letter = 't', .value = "KEY=VALUE", .take = take_tag, .help = "describes this host; may be repeated"},
	{.name = "print", .letter = 'p', .value = "FORMAT", .may_be_alone = true, .take = take_print,
	 .help = "one line a fact on stdout: classic or json"},
	{.name = "argv-bytes", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(argv_max, uint64_t), .min = ARGV_MAX_MIN, .max = ARGV_MAX_MAX,
	 .help = "keep this much of each argument list (32K)"},
	{.name = "ring-bytes", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(ring_bytes, uint64_t), .min = RING_BYTES_MIN, .max = RING_BYTES_MAX,
	 .help = "ring between kernel and sensor, a power of 2 (8M)"},
	{.name = "raw-tracepoint", .kind = COMMAND_SET, MEMBER(raw_tracepoint, bool), .help = "use hooks without typed loads"},
	{.name = "proc-snapshot", .kind = COMMAND_SET, MEMBER(proc_snapshot, bool),
	 .help = "list what runs from /proc, without a task iterator"},
	{.name = "find-ends", .kind = COMMAND_SET, MEMBER(find_ends, bool),
	 .help = "find the last thread of a process by counting, as before Linux 6.16"},
	{.name = "no-compress", .kind = COMMAND_CLEAR, MEMBER(compress, bool), .help = "send frames as they are"},
	{.name = "secret", .value = "NAME", .take = take_secret, .help = "hide the value of this option or variable, too"},
	{.name = "no-redact", .kind = COMMAND_CLEAR, MEMBER(refine.redact, bool), .help = "send argument lists with the secrets in them"},
	{.name = "filter", .value = "RULE", .take = take_filter,
	 .help = "leave processes out: drop:FIELD=GLOB tells nothing of them, fork-only: not what they execute, keep: all; FIELD is exe, "
		 "user or cgroup; may be repeated, the first that matches decides"},
	{.name = "env", .value = "NAME", .take = take_env, .help = "tell this variable of each program, too; repeatable"},
	{.name = "no-confine", .kind = COMMAND_CLEAR, MEMBER(confine, bool), .help = "keep all privileges (for debuggers)"},
	{.name = "check", .kind = COMMAND_SET, MEMBER(check, bool), .help = "say what this kernel offers, and end"},
	COMMAND_COMMON,
};

static const struct command command = {
	.program = "canopy-sensor",
	.head = "usage: canopy-sensor --collector HOST:PORT --spool DIR [OPTION...]\n"
		"       canopy-sensor --print[=classic|json]\n"
		"\n"
		"Takes fork, exec and exit of every process from the kernel (needs root, Linux\n"
		"5.10 or later with BTF) and streams them to a collector, or prints them.\n",
	.tail = "SIZE is in bytes, or with K, M or G. Exit codes: 0 ended as asked, 1 failed,\n"
		"2 wrong usage.\n",
	.options = rows,
};

static int check_ring(const struct sensor_options *options)
{
	char bytes[24];

	if ((options->ring_bytes & (options->ring_bytes - 1)) == 0)
		return 0;
	(void)snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)options->ring_bytes);
	return command_refuse(&command, "--ring-bytes", bytes, "give a power of two, such as 8M");
}

static bool is_loopback(const char *host)
{
	struct sockaddr_storage name;
	struct address address = {0};

	(void)snprintf(address.host, sizeof(address.host), "%s", host);
	return strcmp(host, "localhost") == 0 ||
	       (address_to_sockaddr(&address, &name) == 0 && address_is_loopback((const struct sockaddr *)&name));
}

static int check_tls(const struct sensor_options *options)
{
	if (!options->tls_cert != !options->tls_key)
		return command_refuse(&command, options->tls_cert ? "--tls-cert" : "--tls-key",
				      options->tls_cert ? options->tls_cert : options->tls_key,
				      "a certificate and its private key belong together: give --tls-cert and --tls-key");
	if (options->tls_cert && !options->tls_ca)
		return command_refuse(&command, "--tls-ca", NULL, "is missing: give the authorities that the collector must be signed by");
	for (size_t i = 0; i < options->collector_count && !options->tls_ca && !options->insecure; i++)
		if (!is_loopback(options->collectors[i].host))
			return command_refuse(&command, "--collector", options->collectors[i].host,
					      "is another machine: give --tls-ca, --tls-cert and --tls-key (see 'canopy pki'), or --insecure "
					      "to send everything in the clear");
	return 0;
}

/* What the options are together. */
static int check_whole(const struct sensor_options *options)
{
	int r = check_ring(options);

	if (r < 0 || options->check)
		return r;
	if (options->print != PRINT_NONE) {
		const char *surplus = options->collector ? options->collector : options->spool_dir;

		return surplus ? command_refuse(&command, "--print", surplus, "stands alone: leave --collector and --spool away") : 0;
	}
	if (!options->collector)
		return command_refuse(&command, "--collector", NULL, "is missing: give HOST:PORT, or --print to see facts here");
	if (!options->spool_dir)
		return command_refuse(&command, "--spool", NULL,
				      "is missing: give a folder for what is not acknowledged yet, such as /var/lib/canopy/spool");
	return check_tls(options);
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
	int r = command_parse(&command, argc, argv, &options);

	if (r == 0)
		r = check_whole(&options);
	if (r == 0)
		*ret = options;
	return r;
}
