/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options for all commands and one pass of getopt_long, which lets options stand anywhere; whether the
 * command takes what was given is checked afterwards, so that the answer can be 'ps does not take --depth' and not just
 * 'unknown option'. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "collector/console/cli/options.h"

/* getopt_long returns option ids above every letter. */
#define LONG_BASE 256
/* Names further away than this many edits are no help. */
#define SUGGEST_DISTANCE_MAX 3

static const struct option_info infos[OPTION_COUNT] = {
	[OPTION_SERVER] = {"server", 0, "URL", "collector (CANOPY_SERVER, http://127.0.0.1:7070)", true},
	[OPTION_TOKEN_FILE] = {"token-file", 0, "FILE", "bearer token; a file that only you can read", true},
	[OPTION_COLOR] = {"color", 0, "WHEN", "auto, always or never (NO_COLOR is obeyed)", true},
	[OPTION_NO_PAGER] = {"no-pager", 0, NULL, "do not pipe long output into a pager", true},
	[OPTION_TZ] = {"tz", 0, "ZONE", "show and read times in this zone, such as UTC", true},
	[OPTION_STRICT] = {"strict", 0, NULL, "exit 4 when the answer is incomplete", true},
	[OPTION_HELP] = {"help", 'h', NULL, "this text", true},
	[OPTION_VERSION] = {"version", 'V', NULL, "the version of this program", true},
	[OPTION_OUTPUT] = {"output", 'o', "FORMAT", "table, wide, json, ndjson or csv", false},
	[OPTION_FIELDS] = {"fields", 0, "A,B", "these columns; 'canopy help fields' names all", false},
	[OPTION_HOST] = {"host", 'H', "HOST", "only this host", false},
	[OPTION_SINCE] = {"since", 0, "TIME", "what lived at or after: '10m ago', yesterday, ...", false},
	[OPTION_UNTIL] = {"until", 0, "TIME", "what had started by then", false},
	[OPTION_LIMIT] = {"limit", 'n', "N", "stop after N", false},
	[OPTION_SORT] = {"sort", 0, "FIELD", "order by a field; '-FIELD' turns it round", false},
	[OPTION_CURSOR] = {"cursor", 0, "FILE", "continue where FILE says, and keep it up to date", false},
	[OPTION_EXITED] = {"exited", 'x', NULL, "those that have ended as well", false},
	[OPTION_ALIVE] = {"alive", 0, NULL, "only those that are alive", false},
	[OPTION_CHILDREN] = {"children", 0, NULL, "everything below a match as well", false},
	[OPTION_DEPTH] = {"depth", 0, "N", "no deeper than N levels", false},
	[OPTION_CA] = {"ca", 0, "FILE", "authorities of an https server (CANOPY_CA)", true},
	[OPTION_DIR] = {"dir", 0, "DIR", "folder of the authority (CANOPY_PKI, /etc/canopy/pki)", false},
	[OPTION_DAYS] = {"days", 0, "N", "how long it is good", false},
	[OPTION_MACHINE_ID] = {"machine-id", 0, "ID", "bind it to this /etc/machine-id of the host", false},
	[OPTION_JSON] = {"json", 0, NULL, "the same as -o json", false},
	[OPTION_LIVE] = {"live", 0, NULL, "keep it on the screen and up to date", false},
};

const struct option_info *option_info(enum option_id id)
{
	return id < OPTION_COUNT ? &infos[id] : NULL;
}

bool options_given(const struct options *options, enum option_id id)
{
	return options->given >> id & 1;
}

const struct command *command_find(const char *name)
{
	for (const struct command *command = command_table(); command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* ---- suggestions ---------------------------------------------------------------------------------------------- */

/* Levenshtein's distance; words beyond 31 bytes are as far as it gets. */
static size_t distance(const char *a, size_t a_len, const char *b)
{
	size_t b_len = strlen(b), row[32];

	if (a_len > 31 || b_len > 31)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b_len];
}

static void suggest(const char *name, size_t len, const char *candidate, size_t *best, const char **ret)
{
	size_t away = distance(name, len, candidate);

	if (away && away < *best && away < strlen(candidate)) {
		*best = away;
		*ret = candidate;
	}
}

static void hint_command(const char *name, struct text *hint)
{
	size_t best = SUGGEST_DISTANCE_MAX;
	const char *found = NULL;

	for (const struct command *command = command_table(); command->name; command++)
		suggest(name, strlen(name), command->name, &best, &found);
	if (found)
		text_printf(hint, "did you mean '%s'? 'canopy help' names all commands", found);
	else
		text_puts(hint, "'canopy help' names all commands");
}

static void hint_option(const char *argument, const struct command *command, struct text *hint)
{
	const char *name = argument + strspn(argument, "-"), *found = NULL;
	size_t best = SUGGEST_DISTANCE_MAX;
	const char *space = command ? " " : "", *of = command ? command->name : "";

	for (unsigned id = 0; id < OPTION_COUNT && argument[0] == '-' && argument[1] == '-'; id++)
		if (infos[id].global || !command || command->options >> id & 1)
			suggest(name, strcspn(name, "="), infos[id].name, &best, &found);
	if (found)
		text_printf(hint, "did you mean '--%s'? ", found);
	if (argument[1] >= '0' && argument[1] <= '9')
		text_puts(hint, "a filter with a negative number is put in quotes, or behind '--'; ");
	text_printf(hint, "see 'canopy%s%s --help'", space, of);
}

/* ---- values --------------------------------------------------------------------------------------------------- */

static int pick(const char *value, const char *const *names, int *ret)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], value) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_count(const char *value, uint64_t max, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || number > max)
		return -EINVAL;
	*ret = number;
	return 0;
}

static int set_color(struct options *o, const char *value)
{
	static const char *const names[] = {"auto", "always", "never", NULL};
	int mode, err = pick(value, names, &mode);

	if (!err)
		o->color = (enum color_mode)mode;
	return err;
}

static int set_output(struct options *o, const char *value)
{
	static const char *const names[] = {"table", "wide", "json", "ndjson", "csv", NULL};
	int format, err = pick(value, names, &format);

	if (!err)
		o->output = (enum output_format)format;
	return err;
}

static int set_number(struct options *o, enum option_id id, const char *value)
{
	uint64_t number;

	if (read_count(value, id == OPTION_DEPTH ? 1000000 : id == OPTION_DAYS ? 36500 : INT64_MAX, &number) < 0 ||
	    (id != OPTION_DEPTH && !number))
		return -EINVAL;
	if (id == OPTION_LIMIT)
		o->limit = number;
	else if (id == OPTION_DAYS)
		o->days = number;
	else
		o->depth = (int64_t)number;
	return 0;
}

static const char **string_slot(struct options *o, enum option_id id)
{
	switch (id) {
	case OPTION_SERVER: return &o->server;
	case OPTION_TOKEN_FILE: return &o->token_file;
	case OPTION_TZ: return &o->zone;
	case OPTION_FIELDS: return &o->fields;
	case OPTION_HOST: return &o->host;
	case OPTION_SINCE: return &o->since;
	case OPTION_UNTIL: return &o->until;
	case OPTION_SORT: return &o->sort;
	case OPTION_CURSOR: return &o->cursor;
	case OPTION_CA: return &o->ca;
	case OPTION_DIR: return &o->dir;
	case OPTION_MACHINE_ID: return &o->machine_id;
	default: return NULL;
	}
}

static bool *flag_slot(struct options *o, enum option_id id)
{
	switch (id) {
	case OPTION_STRICT: return &o->strict;
	case OPTION_HELP: return &o->help;
	case OPTION_VERSION: return &o->version;
	case OPTION_EXITED: return &o->exited;
	case OPTION_ALIVE: return &o->alive;
	case OPTION_CHILDREN: return &o->children;
	case OPTION_LIVE: return &o->live;
	case OPTION_JSON: return &o->json;
	default: return NULL;
	}
}

static int set_option(struct options *o, enum option_id id, const char *value, struct text *problem)
{
	const char **string = string_slot(o, id);
	bool *flag = flag_slot(o, id);
	int err = 0;

	o->given |= UINT32_C(1) << id;
	if (string)
		*string = value;
	else if (flag)
		*flag = true;
	else if (id == OPTION_NO_PAGER)
		o->pager = false;
	else if (id == OPTION_COLOR)
		err = set_color(o, value);
	else if (id == OPTION_OUTPUT)
		err = set_output(o, value);
	else
		err = set_number(o, id, value);
	if (err || (string && !*value))
		text_printf(problem, "--%s does not take '%s': %s", infos[id].name, value,
			    string ? "it is empty" : id == OPTION_LIMIT ? "a number from 1 on" :
			    id == OPTION_DEPTH ? "a number of levels" : id == OPTION_DAYS ? "a number of days, up to 36500" : infos[id].help);
	return problem->len ? -EINVAL : 0;
}

/* ---- parsing -------------------------------------------------------------------------------------------------- */

static void fill_getopt(struct option *ret, char *letters)
{
	*letters++ = ':'; /* getopt returns ':' for a missing argument and writes no message of its own */
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		ret[id] = (struct option){infos[id].name, infos[id].argument ? required_argument : no_argument, NULL,
					  LONG_BASE + (int)id};
		if (!infos[id].letter)
			continue;
		*letters++ = infos[id].letter;
		if (infos[id].argument)
			*letters++ = ':';
	}
	ret[OPTION_COUNT] = (struct option){0};
	*letters = '\0';
}

static int id_of(int found)
{
	if (found >= LONG_BASE)
		return found - LONG_BASE;
	for (int id = 0; id < OPTION_COUNT; id++)
		if (infos[id].letter == found)
			return id;
	return -1;
}

/* What getopt choked on, for a message: 'argument' as it was typed, or the letter in the middle of a bundle. */
static void name_culprit(char **argv, char letter[3], const char **ret)
{
	*ret = argv[optind - 1];
	if (optopt > 0 && optopt < LONG_BASE) {
		letter[0] = '-';
		letter[1] = (char)optopt;
		letter[2] = '\0';
		*ret = letter;
	}
}

/* The command is only known after the pass, but a hint wants it: the first word that names one. */
static const struct command *guess_command(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			return command_find(argv[i]);
	return NULL;
}

static int read_options(struct options *o, int argc, char **argv, struct text *problem, struct text *hint)
{
	const struct command *guess = guess_command(argc, argv);
	struct option table[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 2], letter[3];
	const char *culprit;
	int found;

	fill_getopt(table, letters);
	optind = 0;
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, table, NULL)) != -1) {
		int id = id_of(found);

		if (found == '?' || found == ':' || id < 0) {
			name_culprit(argv, letter, &culprit);
			text_printf(problem, found == ':' ? "option '%s' wants an argument" : "unknown option '%s'",
				    culprit);
			hint_option(culprit, guess, hint);
			return -EINVAL;
		}
		if ((id == OPTION_HOST || id == OPTION_CURSOR) && options_given(o, (enum option_id)id)) {
			text_printf(problem, "--%s may be given once", infos[id].name);
			return -EINVAL;
		}
		if (set_option(o, (enum option_id)id, optarg, problem) < 0)
			return -EINVAL;
	}
	return 0;
}

static int check_options(const struct options *o, struct text *problem, struct text *hint)
{
	const struct command *command = o->command;

	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		if (infos[id].global || !options_given(o, (enum option_id)id) ||
		    (command && command->options >> id & 1))
			continue;
		text_printf(problem, "%s does not take --%s", command ? command->name : "canopy without a command",
			    infos[id].name);
		text_printf(hint, "see 'canopy%s%s --help'", command ? " " : "", command ? command->name : "");
		return -EINVAL;
	}
	return 0;
}

static int check_words(const struct options *o, struct text *problem, struct text *hint)
{
	const struct command *command = o->command;

	if (!command || o->help || (o->word_count >= command->words_min && o->word_count <= command->words_max))
		return 0;
	if (o->word_count < command->words_min)
		text_printf(problem, "%s wants %s", command->name, command->arguments);
	else
		text_printf(problem, "%s does not take '%s'", command->name, o->words[command->words_max]);
	text_printf(hint, "usage: canopy %s [options] %s", command->name, command->arguments);
	return -EINVAL;
}

static int take_words(struct options *o, int argc, char **argv, struct text *problem, struct text *hint)
{
	if (optind == argc)
		return 0;
	o->command = command_find(argv[optind]);
	if (!o->command) {
		text_printf(problem, "unknown command '%s'", argv[optind]);
		hint_command(argv[optind], hint);
		return -EINVAL;
	}
	o->words = argv + optind + 1;
	o->word_count = (unsigned)(argc - optind - 1);
	for (unsigned i = 0; i < o->word_count; i++) {
		if (i)
			text_putc(&o->filter, ' ');
		text_puts(&o->filter, o->words[i]);
	}
	return o->filter.failed ? -ENOMEM : 0;
}

int options_parse(struct options *ret, int argc, char **argv, struct text *problem, struct text *hint)
{
	struct options o = {.depth = -1, .pager = true};
	int err = read_options(&o, argc, argv, problem, hint);

	if (!err)
		err = take_words(&o, argc, argv, problem, hint);
	if (!err && !o.help)
		err = check_options(&o, problem, hint);
	if (!err)
		err = check_words(&o, problem, hint);
	if (!err && (problem->failed || hint->failed))
		err = -ENOMEM;
	if (err)
		options_finish(&o);
	else
		*ret = o;
	return err;
}

void options_finish(struct options *options)
{
	text_finish(&options->filter);
}

/* ---- help ----------------------------------------------------------------------------------------------------- */

static void help_option(FILE *out, enum option_id id)
{
	const struct option_info *info = &infos[id];
	char name[48];

	(void)snprintf(name, sizeof(name), "--%s%s%s", info->name, info->argument ? " " : "",
		       info->argument ? info->argument : "");
	if (info->letter)
		(void)fprintf(out, "  -%c, %-18s %s\n", info->letter, name, info->help);
	else
		(void)fprintf(out, "      %-18s %s\n", name, info->help);
}

static void help_options(FILE *out, uint32_t mask, bool global)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++)
		if (global ? infos[id].global : mask >> id & 1)
			help_option(out, (enum option_id)id);
}

static void help_program(FILE *out)
{
	(void)fputs("Usage: canopy [options] COMMAND [arguments]\n\n"
		    "The processes of a fleet of Linux hosts as one forest.\n"
		    "Without a command, on a terminal: the live view.\n\nCommands:\n", out);
	for (const struct command *command = command_table(); command->name; command++)
		(void)fprintf(out, "  %-10s %-8s  %s\n", command->name, command->arguments, command->summary);
	(void)fputs("\nOptions of every command:\n", out);
	help_options(out, 0, true);
	(void)fputs("\nExit status: 0 found, 1 nothing matched, 2 usage, 3 server, 4 incomplete answer\n"
		    "under --strict. 'canopy COMMAND --help' tells more of a command, 'canopy help\n"
		    "filter' explains filters, 'canopy help fields' names the columns.\n", out);
}

void options_help(const struct command *command, FILE *out)
{
	if (!command) {
		help_program(out);
		return;
	}
	(void)fprintf(out, "Usage: canopy %s [options]%s%s\n\n%s.\n", command->name, *command->arguments ? " " : "",
		      command->arguments, command->summary);
	if (*command->text)
		(void)fprintf(out, "\n%s", command->text);
	if (command->options) {
		(void)fputs("\nOptions:\n", out);
		help_options(out, command->options, false);
	}
	(void)fputs("\nOptions of every command:\n", out);
	help_options(out, 0, true);
}
