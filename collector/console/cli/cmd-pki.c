/* SPDX-License-Identifier: Apache-2.0 */
/* canopy pki: a small certificate authority for those who have none. What is said on stdout is where the files are and what
 * to do with them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/pki/pki.h"

#define DIR_DEFAULT "/etc/canopy/pki"

static const char *folder(const struct context *context)
{
	const char *from_environment = getenv("CANOPY_PKI");

	if (context->options.dir)
		return context->options.dir;
	return from_environment && *from_environment ? from_environment : DIR_DEFAULT;
}

static unsigned days_or(const struct context *context, unsigned by_default)
{
	return context->options.days ? (unsigned)context->options.days : by_default;
}

static int explain(const struct pki *pki, int error)
{
	message("%s", pki->why ? pki->why : strerror(-error));
	return error == -ENOENT ? EXIT_NOTHING : error == -EEXIST || error == -EINVAL ? EXIT_USAGE : EXIT_SERVER;
}

static void format_day(int64_t seconds, char text[11])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || strftime(text, 11, "%Y-%m-%d", &tm) == 0)
		(void)strcpy(text, "?");
}

/* ---- init ---------------------------------------------------------------------------------------------------- */

static int init(struct context *context, struct pki *pki)
{
	struct utsname host = {0};
	char name[PKI_NAME_MAX + 1], day[11];
	int r;

	(void)uname(&host);
	(void)snprintf(name, sizeof(name), "Canopy authority of %.40s", host.nodename);
	r = pki_open(pki, folder(context), true, name, days_or(context, PKI_AUTHORITY_DAYS));
	if (r < 0)
		return explain(pki, r);
	format_day(pki_authority_ends(&pki->authority), day);
	(void)printf("%s an authority in %s, good until %s\n", r == PKI_E_EXISTS ? "there already is" : "made", pki->dir, day);
	if (r == 0)
		(void)printf("next: canopy pki collector NAME, canopy pki sensor NAME; keep %s/ca.key to yourself\n", pki->dir);
	return EXIT_OK;
}

/* ---- sensor, collector --------------------------------------------------------------------------------------- */

static int read_own_machine(uint8_t ret[16])
{
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	char text[40] = "";
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	if (len <= 0)
		return -ENOENT;
	text[strcspn(text, "\n")] = '\0';
	return pki_machine_parse(text, ret) ? 0 : -EINVAL;
}

static bool is_this_host(const char *name)
{
	struct utsname host;

	return uname(&host) == 0 && strcasecmp(host.nodename, name) == 0;
}

/* As given, else of this host when it is the one; *ret is NULL when it is not known. */
static int find_machine(const struct context *context, const char *name, uint8_t machine[16], const uint8_t **ret)
{
	const char *given = context->options.machine_id;

	*ret = NULL;
	if (given && !pki_machine_parse(given, machine)) {
		message("--machine-id does not take '%s': it is the 32 hexadecimal digits of the host's /etc/machine-id", given);
		return EXIT_USAGE;
	}
	if (given || (is_this_host(name) && read_own_machine(machine) == 0))
		*ret = machine;
	return 0;
}

static void tell(const struct pki *pki, const struct pki_entry *entry, bool existed)
{
	char day[11], machine[33];

	format_day(entry->ends, day);
	(void)printf("%s %s/%s.pem and %s.key, good until %s, serial %s\n", existed ? "there already are" : "made", pki->dir, entry->name,
		     entry->name, day, entry->serial);
	if (entry->kind == PKI_COLLECTOR) {
		(void)printf("there: canopy-collector --tls-cert %s.pem --tls-key %s.key --tls-ca ca.pem --tls-crl crl.pem\n", entry->name,
			     entry->name);
		return;
	}
	pki_machine_format(entry->machine, machine);
	if (entry->machine_known)
		(void)printf("for host %s with machine id %s alone\n", entry->name, machine);
	else
		(void)printf("for any machine that is called %s; --machine-id binds it to one\n", entry->name);
	(void)printf("there: canopy-sensor --tls-cert %s.pem --tls-key %s.key --tls-ca ca.pem\n", entry->name, entry->name);
}

static int issue(struct context *context, struct pki *pki, struct pki_request *request)
{
	struct pki_entry entry;
	int r = pki_open(pki, folder(context), false, NULL, 0);

	request->days = days_or(context, PKI_DAYS);
	if (r == 0)
		r = pki_issue(pki, request, &entry);
	if (r < 0)
		return explain(pki, r);
	tell(pki, &entry, r == PKI_E_EXISTS);
	return EXIT_OK;
}

static int refuse_name(const char *name)
{
	message("'%s' is no host name: up to %u letters, digits, '.', '-' and '_'", name, PKI_NAME_MAX);
	return EXIT_USAGE;
}

static int sensor(struct context *context, struct pki *pki)
{
	const char *name = context->options.words[1];
	struct pki_request request = {.kind = PKI_SENSOR, .name = name};
	uint8_t machine[16];
	int code;

	if (context->options.word_count > 2) {
		message("one sensor at a time: 'canopy pki sensor NAME'");
		return EXIT_USAGE;
	}
	if (!pki_name_is_good(name))
		return refuse_name(name);
	code = find_machine(context, name, machine, &request.machine);
	return code ? code : issue(context, pki, &request);
}

static bool is_number(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static int collector(struct context *context, struct pki *pki)
{
	struct pki_request request = {.kind = PKI_COLLECTOR, .name = context->options.words[1]};

	if (!pki_name_is_good(request.name))
		return refuse_name(request.name);
	for (unsigned i = 1; i < context->options.word_count; i++) {
		const char *word = context->options.words[i];

		if (!is_number(word) && !pki_name_is_good(word))
			return refuse_name(word);
		if (request.alternative_count == PKI_ALTERNATIVES_MAX) {
			message("a collector has at most %u names and numbers", PKI_ALTERNATIVES_MAX);
			return EXIT_USAGE;
		}
		request.alternatives[request.alternative_count++] = word;
	}
	return issue(context, pki, &request);
}

/* ---- revoke, list -------------------------------------------------------------------------------------------- */

static int take_back(struct context *context, struct pki *pki)
{
	size_t count = 0;
	int r = pki_open(pki, folder(context), false, NULL, 0);

	for (unsigned i = 1; r == 0 && i < context->options.word_count; i++) {
		r = pki_revoke(pki, context->options.words[i], &count);
		if (r == 0)
			(void)printf("%s: %zu revoked now\n", context->options.words[i], count);
	}
	if (r < 0)
		return explain(pki, r);
	(void)printf("it counts as soon as the collector's --tls-crl is %s/crl.pem, or a copy of it\n", pki->dir);
	return EXIT_OK;
}

static void list_entry(const struct pki_entry *entry)
{
	char day[11], machine[33];
	const char *state = entry->revoked ? "revoked" : entry->ends < (int64_t)time(NULL) ? "expired" : "good";

	format_day(entry->ends, day);
	pki_machine_format(entry->machine, machine);
	(void)printf("%-32s  %-9s  %-7s  %-10s  %-32s  %s\n", entry->serial, pki_kind_word(entry->kind), state, day,
		     entry->machine_known ? machine : "any", entry->name);
}

static int list(struct context *context, struct pki *pki)
{
	int r = pki_open(pki, folder(context), false, NULL, 0);

	if (r < 0)
		return explain(pki, r);
	(void)printf("%-32s  %-9s  %-7s  %-10s  %-32s  %s\n", "SERIAL", "USE", "STATE", "UNTIL", "MACHINE", "NAME");
	for (size_t i = 0; i < pki->index.count; i++)
		list_entry(&pki->index.entries[i]);
	return pki->index.count ? EXIT_OK : EXIT_NOTHING;
}

/* ---- words --------------------------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	unsigned words_min, words_max; /* with itself */
	const char *wants;
	int (*run)(struct context *context, struct pki *pki);
} steps[] = {
	{"init", 1, 1, "nothing more", init},
	{"sensor", 2, 2, "the host's name", sensor},
	{"collector", 2, 1 + PKI_ALTERNATIVES_MAX, "the name that sensors connect to, and more names and numbers if it has any", collector},
	{"revoke", 2, WORDS_ANY, "names or serials", take_back},
	{"list", 1, 1, "nothing more", list},
};

int cmd_pki(struct context *context)
{
	const char *word = context->options.words[0];
	struct pki pki = PKI_NULL;
	int code;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(steps[i].word, word) != 0)
			continue;
		if (context->options.word_count < steps[i].words_min || context->options.word_count > steps[i].words_max) {
			message("pki %s wants %s", word, steps[i].wants);
			return EXIT_USAGE;
		}
		code = steps[i].run(context, &pki);
		pki_close(&pki);
		return code;
	}
	message("pki does not know '%s'", word);
	message_more("it takes init, sensor, collector, revoke and list; see 'canopy pki --help'");
	return EXIT_USAGE;
}
