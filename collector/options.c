/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and of each what its value has to be. Every refusal names the option, the value and what would be right. Both
 * ports are loopback unless the user says otherwise: neither asks who connects. */
#include "collector/options.h"

#include <stdlib.h>
#include <string.h>

#include "collector/lake/spec.h"
#include "proto/command/command.h"

#define LISTEN_DEFAULT "127.0.0.1:7071"
#define HTTP_DEFAULT "127.0.0.1:7070"
#define RETAIN_BYTES_DEFAULT (16ull << 30) /* at 70 bytes a fact 250 million facts */
#define RETAIN_BYTES_MIN (128ull << 20)    /* two segments */
#define EXITED_BYTES_DEFAULT (256ull << 20)
#define EXITED_BYTES_MIN (1ull << 20)

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

#define MEMBER(name, type) .member = COMMAND_MEMBER(struct collector_options, name, type)

static const struct command_option rows[] = {
	{.name = "state", .letter = 's', .value = "DIR", .kind = COMMAND_TEXT, MEMBER(state, const char *),
	 .help = "folder of the journal; made when it is missing"},
	{.name = "listen", .letter = 'L', .value = "ADDR:PORT", .take = take_listen, .help = "for sensors (" LISTEN_DEFAULT ")"},
	{.name = "http", .letter = 'H', .value = "ADDR:PORT", .take = take_http, .help = "for the console, curl, metrics (" HTTP_DEFAULT ")"},
	{.name = "http-insecure", .kind = COMMAND_SET, MEMBER(http_insecure, bool),
	 .help = "allow --http on an address that others can reach: whoever reaches it reads everything"},
	{.name = "lake", .value = "SPEC", .take = take_lake, .help = "write facts to a data lake, as ndjson:DIR; may be repeated"},
	{.name = "retain-bytes", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(retain_bytes, uint64_t), .min = RETAIN_BYTES_MIN, .zero = true,
	 .help = "of the journal; the oldest goes (16G; 0 = keep all)"},
	{.name = "exited-bytes", .value = "SIZE", .kind = COMMAND_SIZE, MEMBER(exited_bytes, uint64_t), .min = EXITED_BYTES_MIN,
	 .help = "memory for exited processes (256M)"},
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

/* Until it asks who is there, the console is for this machine alone. */
static int check_http(const struct collector_options *options)
{
	struct sockaddr_storage name;
	struct address address;

	if (options->http_insecure || address_parse(options->http, &address, NULL) < 0 || address_to_sockaddr(&address, &name) < 0 ||
	    address_is_loopback((const struct sockaddr *)&name))
		return 0;
	return command_refuse(&command, "--http", options->http,
			      "others can reach this address, and the console does not ask who they are: give 127.0.0.1:PORT, or "
			      "--http-insecure as well");
}

int collector_options_parse(int argc, char **argv, struct collector_options *ret)
{
	struct collector_options options = {
		.http = HTTP_DEFAULT, .retain_bytes = RETAIN_BYTES_DEFAULT, .exited_bytes = EXITED_BYTES_DEFAULT};
	int r = take_listen(&command, LISTEN_DEFAULT, &options);

	if (r == 0)
		r = command_parse(&command, argc, argv, &options);
	if (r == 0 && !options.state)
		r = command_refuse(&command, "--state", NULL, "is missing: give the folder for its journal, such as --state /var/lib/canopy");
	if (r == 0)
		r = check_http(&options);
	if (r == 0)
		*ret = options;
	return r;
}
