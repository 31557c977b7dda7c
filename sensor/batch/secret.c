/* SPDX-License-Identifier: Apache-2.0 */
/* A secret is known by what stands before it: a name with '=' or ':' behind it, the name of an option and a blank, or "://" with an '@' to
 * come. Names are looked for wherever one may begin in a command line inside of an argument, in a query, or in JSON. No shell is
 * imitated: where it is not certain that a value has ended, it goes on. */
#include "sensor/batch/secret.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_BYTES 128u  /* a longer name is no name of an option */
#define SCHEME_MAX_BYTES 32u /* as far back as it is looked for; URL schemes in use are shorter */

/* In the form that names are compared in: lower case, '-' for '_'. Each matches as a whole and as the end of a longer name. */
static const char *const secret_names[] = {"password", "passwd",     "passphrase", "secret",      "token",       "api-key",
					   "apikey",   "access-key", "secret-key", "private-key", "credentials", "authorization"};
/* These are also parts of harmless words: they match only as a whole or behind a '-'. */
static const char *const secret_words[] = {"pass", "pwd", "auth"};
/* Schemes in which a user without a password is a mere name: keys are used there. As a part between '+' (git+ssh), too. */
static const char *const key_schemes[] = {"ssh", "sftp", "scp"};

/* What a value stands in: ends at this quote with so many '\' before it. */
struct enclosure {
	char quote; /* '\0' = nothing */
	uint32_t slashes;
	bool direct; /* the name stands right behind the quote, so that the value may hold blanks */
};

/* ---- names ----------------------------------------------------------------------------------------------------- */

static char fold(char c)
{
	return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static bool ends_with(struct bytes name, struct bytes end)
{
	if (end.len == 0 || name.len < end.len)
		return false;
	for (uint32_t i = 0; i < end.len; i++) {
		if (fold(name.data[name.len - end.len + i]) != fold(end.data[i]))
			return false;
	}
	return true;
}

static bool is_word(struct bytes name, struct bytes word)
{
	return ends_with(name, word) && (name.len == word.len || fold(name.data[name.len - word.len - 1]) == '-');
}

static struct bytes without_dashes(struct bytes name)
{
	while (name.len && name.data[0] == '-')
		name = bytes_make(name.data + 1, name.len - 1);
	return name;
}

static bool is_secret(const struct secret_names *names, struct bytes name)
{
	name = without_dashes(name);
	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return false;
	if (name.len > 3 && (memcmp(name.data, "no-", 3) == 0 || memcmp(name.data, "no_", 3) == 0))
		return false; /* --no-password takes no value */
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++) {
		if (ends_with(name, bytes_from_string(secret_names[i])))
			return true;
	}
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
		if (is_word(name, bytes_from_string(secret_words[i])))
			return true;
	}
	for (size_t i = 0; i < names->count; i++) {
		if (ends_with(name, names->own[i]))
			return true;
	}
	return false;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool is_blank(char c)
{
	return isspace((unsigned char)c);
}

/* '\0' behind the end: no argument holds one. */
static char byte_at(struct bytes text, uint32_t at)
{
	return at < text.len ? text.data[at] : '\0';
}

static uint32_t name_end(struct bytes text, uint32_t at)
{
	while (at < text.len && is_name_byte(text.data[at]))
		at++;
	return at;
}

static uint32_t slashes_end(struct bytes text, uint32_t at)
{
	while (byte_at(text, at) == '\\')
		at++;
	return at;
}

static uint32_t blanks_end(struct bytes text, uint32_t at, bool lines)
{
	for (;; at++) {
		char c = byte_at(text, at);

		if (lines && c == '\\' && byte_at(text, at + 1) == '\n')
			continue; /* the command goes on in the next line */
		if (!is_blank(c) || (c == '\n' && !lines))
			return at;
	}
}

/* From 'from' on, the place where what 'in' says ends: before the quote and what escapes it. The end of the text without. */
static uint32_t closing(struct bytes text, uint32_t from, struct enclosure in)
{
	for (uint32_t at = from; at < text.len; at++) {
		uint32_t quote = slashes_end(text, at);

		if (byte_at(text, quote) == in.quote) {
			if (in.slashes == 0 && (in.quote == '\'' || (quote - at) % 2 == 0))
				return quote; /* between "'" nothing is escaped */
			if (in.slashes != 0 && quote - at == in.slashes)
				return at;
		}
		at = quote;
	}
	return text.len;
}

/* ---- what a name or a scheme that begins at 'at' stands in ----------------------------------------------------- */

static struct enclosure enclosure_at(const struct secret_scan *scan, uint32_t at)
{
	struct enclosure in = {.quote = scan->quote};

	if (at == 0 || !is_quote(scan->text.data[at - 1]))
		return in;
	in = (struct enclosure){.quote = scan->text.data[at - 1], .direct = scan->text.data[at - 1] != '`'};
	for (uint32_t i = at - 1; i > 0 && scan->text.data[i - 1] == '\\'; i--)
		in.slashes++;
	return in;
}

/* Not behind '/' (a path), ':' (an image's tag, a port), '$' (a variable that is used), '@' and the like. */
static bool may_begin(struct bytes text, uint32_t at)
{
	return at == 0 || is_blank(text.data[at - 1]) || is_quote(text.data[at - 1]) || is_one_of(text.data[at - 1], ";(&|{[,?#=\\");
}

/* ---- where a value ends ---------------------------------------------------------------------------------------- */

/* As a shell reads a word: blanks count for nothing between quotes or behind '\'. A quote that it begins with is never taken for the one it stands
 * in, since an apostrophe may have been taken for that. */
static uint32_t word_end(struct bytes text, uint32_t at, struct enclosure in)
{
	if (is_quote(byte_at(text, at)))
		at = closing(text, at + 1, (struct enclosure){.quote = text.data[at]}) + 1;
	while (at < text.len && !is_blank(text.data[at]) && !is_one_of(text.data[at], ";&")) {
		uint32_t quote = slashes_end(text, at);
		char c = byte_at(text, quote);

		if (in.quote && c == in.quote && quote - at == in.slashes)
			return at;
		if (is_quote(c) && (quote - at) % 2 == 0)
			at = closing(text, quote + 1, (struct enclosure){.quote = c}) + 1;
		else
			at = quote > at ? quote + (quote - at) % 2 : at + 1;
	}
	return at < text.len ? at : text.len;
}

/* The value begins with a quote, escaped or not: behind the one that closes it. 0: it does not. */
static uint32_t quoted_end(struct bytes text, uint32_t at)
{
	uint32_t quote = slashes_end(text, at), end;
	struct enclosure in = {.quote = byte_at(text, quote), .slashes = quote - at};

	if (!is_quote(in.quote))
		return 0;
	end = closing(text, quote + 1, in) + in.slashes + 1;
	return end < text.len ? end : text.len;
}

/* Behind NAME: and a blank, as in headers: blanks belong to it. */
static uint32_t line_end(struct bytes text, uint32_t at, struct enclosure in)
{
	const char *newline = memchr(text.data + at, '\n', text.len - at);

	if (newline)
		text.len = (uint32_t)(newline - text.data);
	return in.quote ? closing(text, at, in) : text.len;
}

/* Of JSON, without quotes: a number, or a list. */
static uint32_t item_end(struct bytes text, uint32_t at)
{
	const char *list = byte_at(text, at) == '[' ? memchr(text.data + at, ']', text.len - at) : NULL;

	if (byte_at(text, at) == '[')
		return list ? (uint32_t)(list - text.data) + 1 : text.len;
	while (at < text.len && !is_blank(text.data[at]) && !is_one_of(text.data[at], ",}]"))
		at++;
	return at;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

/* A name that has just been passed. */
struct named {
	uint32_t begin, end; /* of the name */
	uint32_t behind;     /* of the quote that closes it, too */
	struct enclosure in;
	bool closed; /* by the quote that it stands behind: "name": value */
};

static struct named named_at(const struct secret_scan *scan, uint32_t begin, uint32_t end)
{
	struct named name = {.begin = begin, .end = end, .behind = end, .in = enclosure_at(scan, begin)};
	uint32_t quote = slashes_end(scan->text, end);

	if (!name.in.direct || byte_at(scan->text, quote) != name.in.quote || quote - end != name.in.slashes)
		return name;
	name.behind = quote + 1;
	name.closed = true;
	name.in = (struct enclosure){.quote = scan->quote == name.in.quote ? '\0' : scan->quote};
	return name;
}

static uint32_t value_end(struct bytes text, const struct named *name, char sign, uint32_t value)
{
	bool apart = is_blank(text.data[value - 1]);
	uint32_t quoted;

	if (name->begin == 0)
		return text.len; /* the argument is nothing but name and value */
	if (name->in.direct)
		return closing(text, value, name->in);
	if ((sign == ':' || apart) && (quoted = quoted_end(text, value)))
		return quoted;
	if (sign == ':' && name->closed)
		return byte_at(text, value) == '{' ? value : item_end(text, value); /* what stands inside of '{' has names */
	return sign == ':' && apart ? line_end(text, value, name->in) : word_end(text, value, name->in);
}

/* Where the value begins that a sign gives to the name; 0: none does. NAME:// is a scheme, NAME:: a part of a longer name, NAME == a comparison. */
static uint32_t value_begin(struct bytes text, const struct named *name, char *ret_sign)
{
	uint32_t sign = blanks_end(text, name->behind, false), value = sign + 1;
	bool apart = sign > name->behind;
	char c = byte_at(text, sign), next = byte_at(text, value);

	if (c == ':' ? next == ':' || (next == '/' && byte_at(text, value + 1) == '/') : c != '=' || (apart && next == '='))
		return 0;
	if (c == '=' ? next == '>' : next == '=')
		value++, apart = true; /* => and := of programming languages */
	*ret_sign = c == ':' && next == '=' ? '=' : c;
	return c == ':' || apart || name->begin == 0 ? blanks_end(text, value, false) : value;
}

/* NAME=VALUE, NAME = VALUE, NAME:VALUE, NAME: VALUE, "NAME": VALUE. */
static bool value_of_name(const struct secret_scan *scan, const struct named *name, uint32_t *ret_from, uint32_t *ret_to)
{
	char sign = '\0';
	uint32_t value = value_begin(scan->text, name, &sign);

	if (value == 0 || value >= scan->text.len)
		return false;
	*ret_from = value;
	*ret_to = value_end(scan->text, name, sign, value);
	return *ret_to > value;
}

/* --NAME VALUE inside of one argument. */
static bool value_of_option(const struct secret_scan *scan, const struct named *name, uint32_t *ret_from, uint32_t *ret_to)
{
	struct bytes text = scan->text;
	uint32_t value = blanks_end(text, name->behind, true);

	if (text.data[name->begin] != '-' || value == name->behind || is_one_of(byte_at(text, value), "-|&;)<>"))
		return false;
	*ret_from = value;
	*ret_to = word_end(text, value, name->in);
	return *ret_to > value;
}

static bool secret_of_name(struct secret_scan *scan, uint32_t end, uint32_t *ret_from, uint32_t *ret_to)
{
	struct named name;

	if (!may_begin(scan->text, scan->at) || !is_secret(scan->names, bytes_make(scan->text.data + scan->at, end - scan->at)))
		return false;
	name = named_at(scan, scan->at, end);
	if (!value_of_name(scan, &name, ret_from, ret_to) && !value_of_option(scan, &name, ret_from, ret_to))
		return false;
	if (name.closed)
		scan->quote = name.in.quote;
	return true;
}

/* ---- URLs ------------------------------------------------------------------------------------------------------ */

static bool is_scheme_byte(char c)
{
	return isalnum((unsigned char)c) || is_one_of(c, "+-.");
}

static uint32_t scheme_begin(struct bytes text, uint32_t end)
{
	uint32_t begin = end;

	while (begin > 0 && end - begin < SCHEME_MAX_BYTES && is_scheme_byte(text.data[begin - 1]))
		begin--;
	return begin;
}

static bool takes_keys(struct bytes scheme)
{
	for (uint32_t from = 0, to; from < scheme.len; from = to + 1) {
		for (to = from; to < scheme.len && scheme.data[to] != '+'; to++)
			;
		for (size_t i = 0; i < sizeof(key_schemes) / sizeof(key_schemes[0]); i++) {
			struct bytes part = bytes_make(scheme.data + from, to - from), key = bytes_from_string(key_schemes[i]);

			if (part.len == key.len && ends_with(part, key))
				return true;
		}
	}
	return false;
}

/* Of an image; nobody's password ends before it. */
static bool is_digest(struct bytes text, uint32_t at)
{
	return text.len - at > 8 && memcmp(text.data + at, "@sha256:", 8) == 0;
}

/* The last '@' before the path, since passwords may hold one; where the text was cut before the path, its end. 'from' without. */
static uint32_t user_info_end(const struct secret_scan *scan, uint32_t from, char quote)
{
	struct bytes text = scan->text;
	uint32_t at = from, last = from;

	for (; at < text.len && !is_blank(text.data[at]) && !is_one_of(text.data[at], "/?#"); at++) {
		if (quote && text.data[at] == quote)
			break;
		if (text.data[at] == '@' && !is_digest(text, at))
			last = at;
	}
	return scan->cut && at == text.len ? at : last;
}

/* scheme://user:PASSWORD@host, scheme://TOKEN@host, and TOKEN with an empty password or the one that says that the user is a token. */
static bool secret_of_url(const struct secret_scan *scan, uint32_t *ret_from, uint32_t *ret_to)
{
	struct bytes text = scan->text;
	uint32_t begin = scheme_begin(text, scan->at), from = scan->at + 3;
	uint32_t end = user_info_end(scan, from, enclosure_at(scan, begin).quote);
	const char *colon = end > from ? memchr(text.data + from, ':', end - from) : NULL;
	struct bytes password = colon ? bytes_make(colon + 1, (size_t)(text.data + end - colon) - 1) : BYTES_NULL;

	if (end == from || (colon && end == from + 1))
		return false;
	*ret_from = from;
	*ret_to = end;
	if (password.len && !bytes_equal(password, BYTES_LITERAL("x-oauth-basic")))
		*ret_from = (uint32_t)(password.data - text.data);
	else if (takes_keys(bytes_make(text.data + begin, scan->at - begin)))
		return false;
	return true;
}

/* ---- the text -------------------------------------------------------------------------------------------------- */

bool secret_announced(const struct secret_names *names, struct bytes text)
{
	return text.len > 2 && text.data[0] == '-' && name_end(text, 0) == text.len && is_secret(names, text);
}

/* Past one byte that is of no name. */
static void step(struct secret_scan *scan)
{
	char c = scan->text.data[scan->at++];

	if (c == '\\' && scan->quote != '\'' && scan->at < scan->text.len && !is_name_byte(scan->text.data[scan->at]))
		scan->at++;
	else if (is_quote(c) && (!scan->quote || scan->quote == c))
		scan->quote = scan->quote ? '\0' : c;
}

bool secret_next(struct secret_scan *scan, uint32_t *ret_from, uint32_t *ret_to)
{
	struct bytes text = scan->text;

	while (scan->at < text.len) {
		uint32_t end = name_end(text, scan->at), from, to;
		bool found = false;

		if (end > scan->at)
			found = secret_of_name(scan, end, &from, &to);
		else if (text.len - scan->at > 3 && memcmp(text.data + scan->at, "://", 3) == 0)
			found = secret_of_url(scan, &from, &to);
		if (found) {
			scan->at = *ret_to = to;
			*ret_from = from;
			return true;
		}
		if (end > scan->at)
			scan->at = end;
		else
			step(scan);
	}
	return false;
}
