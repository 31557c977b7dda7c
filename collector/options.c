/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and of each what its value has to be. Every refusal names the option, the value and what would be right. Both
 * ports are loopback unless the user says otherwise, and open there; elsewhere they ask who connects. */
#include "collector/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/lake/spec.h"
#include "collector/shard/shard.h"
#include "proto/command/command.h"

#define LISTEN_DEFAULT "127.0.0.1:7071"
#define HTTP_DEFAULT "127.0.0.1:7070"
#define RETAIN_BYTES_DEFAULT (16ull << 30) /* at 70 bytes a fact 250 million facts */
#ifndef RETAIN_BYTES_MIN /* tests of crashes have smaller segments */
#define RETAIN_BYTES_MIN (128ull << 20) /* two segments */
#endif
#define EXITED_BYTES_DEFAULT (256ull << 20)
#define EXITED_BYTES_MIN (1ull << 20)
#define PROCESSES_DEFAULT FOREST_OPTIONS_DEFAULT.nodes_max /* at 286 bytes each, as docs/forest.md measures, 5.7 GB */
#define PROCESSES_MIN 10000u /* of 64 shards each holds 156 then: a host or two */

static int take_address(const struct command *command, const char *option, const char *text, struct address *ret)
{
	struct sockaddr_storage name;
	struct address address;
	const char *why;

	if (address_parse(text, &address, &why) < 0)
		return command_refuse(command, option, text, why);
	if (address_to_sockaddr(&address, &name) < 0)
		return command_refuse(command, option, text, "give a number, such as 127.0.0.1:7071 or [::]:7071");
	*ret = address;
	return 0;
}

static int take_listen(const struct command *command, const char *text, void *into)
{
	struct collector_options *options = into;

	return take_address(command, "--listen", text, &options->listen);
}

static int take_http(const struct command *command, const char *text, void *into)
{
	struct collector_options *options = into;
	struct address address;

	options->http = text;
	return take_address(command, "--http", text, &address);
}

static int take_lake(const struct command *command, const char *text, void *into)
{
	struct collector_options *options = into;
	struct lake_spec spec = LAKE_SPEC_NULL;
	char *why = NULL;
	int r;

	if (options->lake_count == COLLECTOR_LAKES_MAX)
		return command_refuse(command, "--lake", text, "8 lakes is the limit of one collector");
	r = lake_spec_parse(text, &spec, &why);
	lake_spec_finish(&spec);
	if (r < 0) {
		r = command_refuse(command, "--lake", text, why ? why : strerror(-r));
		free(why);
		return r;
	}
	options->lakes[options->lake_count++] = text;
	return 0;
}

/* Digits alone. */
static bool is_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number < min || number > max)
		return false;
	*ret = number;
	return true;
}

static int take_processes(const struct command *command, const char *text, void *into)
{
	struct collector_options *options = into;

	if (!is_number(text, PROCESSES_MIN, UINT64_MAX, &options->processes_max))
		return command_refuse(command, "--processes-max", text, "give a number of at least 10000, such as 20000000");
	return 0;
}

static int take_shards(const struct command *command, const char *text, void *into)
{
	struct collector_options *options = into;
	uint64_t count;

	if (!is_number(text, 1, SHARDS_MAX, &count))
		return command_refuse(command, "--shards", text, "give a number from 1 to 64");
	options->shards = (uint32_t)count;
	return 0;
}

#define MEMBER(name, type) .member = COMMAND_MEMBER(struct collector_options, name, type)

static const struct command_option rows[] = {
	{.name = "state", .letter = 's', .value = "DIR", .kind = COMMAND_TEXT, MEMBER(state, const char *),
	 .help = "folder of the journal; made when it is missing"},
	{.name = "listen", .letter = 'L', .value = "ADDR:PORT", .take = take_listen, .help = "for sensors (" LISTEN_DEFAULT ")"},
	{.name = "http", .letter = 'H', .value = "ADDR:PORT", .take = take_http, .help = "for the console, curl, metrics (" HTTP_DEFAULT ")"},
	{.name = "tls-cert", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(tls_cert, const char *),
	 .help = "certificate of this collector, as 'canopy pki collector' makes it; the console takes TLS with it wherever others can "
		 "reach it"},
	{.name = "tls-key", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(tls_key, const char *), .help = "and its private key"},
	{.name = "tls-ca", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(tls_ca, const char *),
	 .help = "sensors must speak TLS and show a certificate that one of these authorities has signed"},
	{.name = "tls-crl", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(tls_crl, const char *),
	 .help = "and that does not stand in these revocation lists"},
	{.name = "token-file", .value = "FILE", .kind = COMMAND_TEXT, MEMBER(token_file, const char *),
	 .help = "who asks the console must show a token of this file: lines 'read TOKEN' or 'admin TOKEN'"},
	{.name = "http-tls", .kind = COMMAND_SET, MEMBER(http_tls, bool), .help = "TLS for the console on loopback as well"},
	{.name = "insecure", .kind = COMMAND_SET, MEMBER(insecure, bool),
	 .help = "allow --listen and --http in the clear, or without tokens, on addresses that others can reach"},
	{.name = "http-insecure", .kind = COMMAND_SET, MEMBER(http_insecure, bool),
	 .help = "allow --http on an address that others can reach: whoever reaches it reads everything"},
	{.name = "user", .letter = 'u', .value = "NAME", .kind = COMMAND_TEXT, MEMBER(user, const char *),
	 .help = "become this user at start; root alone can"},
	{.name = "no-confine", .kind = COMMAND_CLEAR, MEMBER(confine, bool),
	 .help = "keep capabilities and all system calls (for debuggers)"},
	{.name = "lake", .value = "SPEC", .take = take_lake, .help = "write facts to a data lake, as ndjson:DIR; may be repeated"},
	{.name = "retain-bytes", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(retain_bytes, uint64_t), .min = RETAIN_BYTES_MIN, .zero = true,
	 .help = "of the journal; the oldest goes (16G; 0 = keep all)"},
	{.name = "exited-bytes", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(exited_bytes, uint64_t), .min = EXITED_BYTES_MIN,
	 .help = "memory for exited processes (256M)"},
	{.name = "processes-max", .value = "NUMBER", .take = take_processes,
	 .help = "held in memory, alive or not; the oldest exited make room (20000000)"},
	{.name = "shards", .value = "NUMBER", .take = take_shards, .help = "threads that hosts are spread over (one for each core)"},
	COMMAND_COMMON,
};

static const struct command command = {
	.program = "canopy-collector",
	.head = "usage: canopy-collector --state DIR [OPTION...]\n"
		"\n"
		"Takes the processes of many hosts from their sensors, keeps them durable and\n"
		"answers a console.\n",
	.tail = "ADDR is a number, [V6] in brackets; port 0 lets the kernel choose, the true\n"
		"addresses stand in DIR/listen and DIR/http. SIZE is in bytes, or with K, M or G.\n"
		"Exit codes: 0 ended as asked, 1 failed, 2 wrong usage.\n",
	.options = rows,
};

static bool is_loopback(const struct address *address)
{
	struct sockaddr_storage name;

	return address_to_sockaddr(address, &name) == 0 && address_is_loopback((const struct sockaddr *)&name);
}

static bool console_is_local(const struct collector_options *options)
{
	struct address address;

	return address_parse(options->http, &address, NULL) == 0 && is_loopback(&address);
}

bool collector_options_console_tls(const struct collector_options *options)
{
	return options->tls_cert && (options->http_tls || !console_is_local(options));
}

static int check_tls(const struct collector_options *options)
{
	if (!options->tls_cert != !options->tls_key)
		return command_refuse(&command, options->tls_cert ? "--tls-cert" : "--tls-key",
				      options->tls_cert ? options->tls_cert : options->tls_key,
				      "a certificate and its private key belong together: give --tls-cert and --tls-key");
	if (options->tls_ca && !options->tls_cert)
		return command_refuse(&command, "--tls-cert", NULL, "is missing: with --tls-ca this collector needs a certificate of its own");
	if (options->tls_crl && !options->tls_ca)
		return command_refuse(&command, "--tls-ca", NULL, "is missing: --tls-crl says whom of those that it trusts not to trust");
	if (options->http_tls && !options->tls_cert)
		return command_refuse(&command, "--tls-cert", NULL, "is missing: --http-tls needs a certificate");
	return 0;
}

/* Others than this machine: they prove who they are, or the user has said that they need not. */
static int check_listen(const struct collector_options *options)
{
	if (options->insecure || options->tls_ca || is_loopback(&options->listen))
		return 0;
	return command_refuse(&command, "--listen", options->listen.host,
			      "others can reach this address: give --tls-cert, --tls-key and --tls-ca (see 'canopy pki'), or --insecure to "
			      "take whatever anybody sends in the clear");
}

static int check_http(const struct collector_options *options)
{
	if (options->insecure || options->http_insecure || console_is_local(options))
		return 0;
	if (!options->tls_cert)
		return command_refuse(&command, "--http", options->http,
				      "others can reach this address: give --tls-cert, --tls-key and --token-file, or 127.0.0.1:PORT, or "
				      "--http-insecure to let everybody read everything");
	if (!options->token_file)
		return command_refuse(&command, "--http", options->http,
				      "others can reach this address: give --token-file, or --http-insecure to let everybody read everything");
	return 0;
}

int collector_options_parse(int argc, char **argv, struct collector_options *ret)
{
	struct collector_options options = {
		.http = HTTP_DEFAULT, .confine = true, .retain_bytes = RETAIN_BYTES_DEFAULT, .exited_bytes = EXITED_BYTES_DEFAULT,
		.processes_max = PROCESSES_DEFAULT};
	int r = take_listen(&command, LISTEN_DEFAULT, &options);

	if (r == 0)
		r = command_parse(&command, argc, argv, &options);
	if (r == 0 && !options.state)
		r = command_refuse(&command, "--state", NULL, "is missing: give the folder for its journal, such as --state /var/lib/canopy");
	if (r == 0)
		r = check_tls(&options);
	if (r == 0)
		r = check_listen(&options);
	if (r == 0)
		r = check_http(&options);
	if (r == 0)
		*ret = options;
	return r;
}
