/* SPDX-License-Identifier: Apache-2.0 */
/* Each form of a time is one small reader over a cursor; the first that takes the whole text wins. */
#include "proto/model/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define NS_PER_S 1000000000ll
#define NS_PER_DAY (86400 * NS_PER_S)

struct cursor {
	const char *at, *end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80; /* the last for the micro sign */
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && *c->at == ' ')
		c->at++;
}

static bool take(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool rest_is(const struct cursor *c, const char *word)
{
	return bytes_equal(bytes_make(c->at, (size_t)(c->end - c->at)), bytes_from_string(word));
}

/* Exactly count digits. */
static bool take_digits(struct cursor *c, unsigned count, int32_t *ret)
{
	int32_t value = 0;

	if ((size_t)(c->end - c->at) < count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (!is_digit(c->at[i]))
			return false;
		value = value * 10 + (c->at[i] - '0');
	}
	c->at += count;
	*ret = value;
	return true;
}

/* As many digits as there are, at least one. */
static int take_number(struct cursor *c, int64_t *ret)
{
	int64_t value = 0;

	if (c->at == c->end || !is_digit(*c->at))
		return -EINVAL;
	for (; c->at < c->end && is_digit(*c->at); c->at++)
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *c->at - '0', &value))
			return -ERANGE;
	*ret = value;
	return 0;
}

/* Digits behind a point, in parts of unit; what is finer than one is cut off. */
static int64_t take_fraction(struct cursor *c, int64_t unit)
{
	int64_t value = 0;

	for (; c->at < c->end && is_digit(*c->at); c->at++) {
		unit /= 10;
		value += unit * (*c->at - '0');
	}
	return value;
}

/* ---- durations ----------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
    {"ns", 1},
    {"nsec", 1},
    {"us", 1000},
    {"usec", 1000},
    {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000},
    {"ms", 1000000},
    {"msec", 1000000},
    {"s", NS_PER_S},
    {"sec", NS_PER_S},
    {"secs", NS_PER_S},
    {"second", NS_PER_S},
    {"seconds", NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"min", 60 * NS_PER_S},
    {"mins", 60 * NS_PER_S},
    {"minute", 60 * NS_PER_S},
    {"minutes", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"hr", 3600 * NS_PER_S},
    {"hour", 3600 * NS_PER_S},
    {"hours", 3600 * NS_PER_S},
    {"d", NS_PER_DAY},
    {"day", NS_PER_DAY},
    {"days", NS_PER_DAY},
    {"w", 7 * NS_PER_DAY},
    {"week", 7 * NS_PER_DAY},
    {"weeks", 7 * NS_PER_DAY},
};

static int take_unit(struct cursor *c, int64_t *ret_ns)
{
	struct bytes name = bytes_make(c->at, 0);

	for (; c->at < c->end && is_letter(*c->at); c->at++)
		name.len++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!bytes_equal(name, bytes_from_string(units[i].name)))
			continue;
		*ret_ns = units[i].ns;
		return 0;
	}
	return -EINVAL;
}

/* One number with its unit, which stands behind the fraction that needs it: read twice. */
static int take_span(struct cursor *c, int64_t *ret_ns)
{
	struct cursor fraction;
	int64_t number, unit, ns;
	bool has_fraction;
	int r;

	r = take_number(c, &number);
	if (r < 0)
		return r;
	has_fraction = take(c, '.');
	fraction = *c;
	if (has_fraction)
		(void)take_fraction(c, 0);
	skip_blanks(c);
	r = take_unit(c, &unit);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(number, unit, &ns) ||
	    __builtin_add_overflow(ns, has_fraction ? take_fraction(&fraction, unit) : 0, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

/* One or more spans up to the end. */
static int take_spans(struct cursor c, int64_t *ret_ns)
{
	int64_t total = 0, ns;
	int r;

	do {
		skip_blanks(&c);
		r = take_span(&c, &ns);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(total, ns, &total))
			return -ERANGE;
		skip_blanks(&c);
	} while (c.at < c.end);
	*ret_ns = total;
	return 0;
}

static struct cursor trimmed(struct bytes text)
{
	struct cursor c = {text.data, text.len ? text.data + text.len : text.data};

	skip_blanks(&c);
	while (c.end > c.at && c.end[-1] == ' ')
		c.end--;
	return c;
}

int duration_parse(struct bytes text, int64_t *ret_ns)
{
	struct cursor c = trimmed(text), number = c;
	int64_t ns;
	int r = take_number(&number, &ns);

	if (r < 0 || number.at < number.end)
		r = take_spans(c, &ns);
	if (r == 0)
		*ret_ns = ns;
	return r;
}

/* ---- moments ------------------------------------------------------------------------------------------------- */

static int32_t days_of_month(int32_t year, int32_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970 of a date of the Gregorian calendar; years are counted from March, so that the leap day comes last.
 */
static int64_t days_of_date(int32_t year, int32_t month, int32_t day)
{
	int64_t y = year - (month <= 2);
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

/* YYYY-MM-DD; year 1 at least, so that no calculation meets a negative one. */
static int take_date(struct cursor *c, int64_t *ret_days)
{
	int32_t year, month, day;

	if (!take_digits(c, 4, &year) || !take(c, '-') || !take_digits(c, 2, &month) || !take(c, '-') ||
	    !take_digits(c, 2, &day))
		return -EINVAL;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return -EINVAL;
	*ret_days = days_of_date(year, month, day);
	return 0;
}

/* HH:MM[:SS[.fraction]]; a leap second counts as the next one. */
static int take_clock(struct cursor *c, int64_t *ret_ns)
{
	int32_t hour, minute, second = 0;
	int64_t ns = 0;

	if (!take_digits(c, 2, &hour) || !take(c, ':') || !take_digits(c, 2, &minute))
		return -EINVAL;
	if (take(c, ':')) {
		if (!take_digits(c, 2, &second))
			return -EINVAL;
		if (take(c, '.'))
			ns = take_fraction(c, NS_PER_S);
	}
	if (hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	*ret_ns = ((hour * 60ll + minute) * 60 + second) * NS_PER_S + ns;
	return 0;
}

/* Z, z, ' UTC' or ±HH[:]MM; nothing keeps *offset. */
static int take_offset(struct cursor *c, int32_t *offset)
{
	int32_t hours, minutes, sign;

	skip_blanks(c);
	if (c->at == c->end)
		return 0;
	if (rest_is(c, "Z") || rest_is(c, "z") || rest_is(c, "UTC")) {
		*offset = 0;
		c->at = c->end;
		return 0;
	}
	sign = *c->at == '-' ? -1 : 1;
	if (!take(c, '+') && !take(c, '-'))
		return -EINVAL;
	if (!take_digits(c, 2, &hours))
		return -EINVAL;
	(void)take(c, ':');
	if (!take_digits(c, 2, &minutes) || hours > 23 || minutes > 59 || c->at < c->end)
		return -EINVAL;
	*offset = sign * (hours * 3600 + minutes * 60);
	return 0;
}

static int compose(int64_t days, int64_t of_day_ns, int32_t offset, int64_t *ret)
{
	int64_t ns;

	if (__builtin_mul_overflow(days, NS_PER_DAY, &ns) || __builtin_add_overflow(ns, of_day_ns, &ns) ||
	    __builtin_sub_overflow(ns, offset * NS_PER_S, &ns))
		return -ERANGE;
	*ret = ns;
	return 0;
}

static int parse_date_time(struct cursor c, int32_t offset, int64_t *ret)
{
	int64_t days, of_day = 0;
	int r = take_date(&c, &days);

	if (r < 0)
		return r;
	if (take(&c, 'T') || take(&c, 't') || (c.end - c.at > 1 && is_digit(c.at[1]) && take(&c, ' '))) {
		r = take_clock(&c, &of_day);
		if (r < 0)
			return r;
	}
	r = take_offset(&c, &offset);
	return r < 0 ? r : compose(days, of_day, offset, ret);
}

/* Days since 1970 of now, at that offset. */
static int64_t day_of(int64_t now, int32_t offset)
{
	int64_t seconds = now / NS_PER_S - (now % NS_PER_S < 0) + offset;

	return seconds / 86400 - (seconds % 86400 < 0);
}

static int parse_clock(struct cursor c, int64_t now, int32_t offset, int64_t *ret)
{
	int64_t of_day, days = day_of(now, offset);
	int r = take_clock(&c, &of_day);

	if (r == 0)
		r = take_offset(&c, &offset);
	return r < 0 ? r : compose(days, of_day, offset, ret);
}

static int parse_word(struct cursor c, int64_t now, int32_t offset, int64_t *ret)
{
	static const struct {
		const char *word;
		int days;
	} words[] = {{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}};

	if (rest_is(&c, "now")) {
		*ret = now;
		return 0;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (rest_is(&c, words[i].word))
			return compose(day_of(now, offset) + words[i].days, 0, offset, ret);
	return -EINVAL;
}

static int parse_epoch(struct cursor c, int64_t *ret)
{
	int64_t seconds, ns = 0;
	int r;

	if (!take(&c, '@'))
		return -EINVAL;
	r = take_number(&c, &seconds);
	if (r < 0)
		return r;
	if (take(&c, '.'))
		ns = take_fraction(&c, NS_PER_S);
	if (c.at < c.end)
		return -EINVAL;
	if (__builtin_mul_overflow(seconds, NS_PER_S, &seconds) || __builtin_add_overflow(seconds, ns, &seconds))
		return -ERANGE;
	*ret = seconds;
	return 0;
}

static int parse_relative(struct cursor c, int64_t now, int64_t *ret)
{
	int64_t ns;
	int r;

	if (c.at == c.end)
		return -EINVAL;
	if (c.end - c.at > 3 && memcmp(c.end - 3, "ago", 3) == 0 && !is_letter(c.end[-4])) {
		c.end -= 3;
		r = take_spans(c, &ns);
		ns = r < 0 ? 0 : -ns;
	} else if (*c.at == '-' || *c.at == '+') {
		bool back = *c.at++ == '-';

		r = take_spans(c, &ns);
		ns = r < 0 ? 0 : back ? -ns : ns;
	} else {
		return -EINVAL;
	}
	if (r < 0)
		return r;
	return __builtin_add_overflow(now, ns, ret) ? -ERANGE : 0;
}

int when_parse(struct bytes text, int64_t now_wall_ns, int32_t offset_seconds, int64_t *ret)
{
	struct cursor c = trimmed(text);
	int64_t value;
	int r;

	r = parse_date_time(c, offset_seconds, &value);
	if (r == -EINVAL)
		r = parse_word(c, now_wall_ns, offset_seconds, &value);
	if (r == -EINVAL)
		r = parse_relative(c, now_wall_ns, &value);
	if (r == -EINVAL)
		r = parse_epoch(c, &value);
	if (r == -EINVAL)
		r = parse_clock(c, now_wall_ns, offset_seconds, &value);
	if (r == 0)
		*ret = value;
	return r;
}

/* ---- sizes --------------------------------------------------------------------------------------------------- */

static int take_magnitude(struct cursor *c, int64_t *ret)
{
	static const char suffixes[] = "kmgt";
	const char *found;

	*ret = 1;
	if (c->at == c->end)
		return 0;
	found = memchr(suffixes, *c->at | 0x20, sizeof(suffixes) - 1);
	if (!found)
		return -EINVAL;
	*ret = 1ll << 10 * (found - suffixes + 1);
	c->at++;
	if (c->end - c->at == 2 && *c->at == 'i')
		c->at++;
	if (c->end - c->at == 1 && (*c->at | 0x20) == 'b')
		c->at++;
	return c->at < c->end ? -EINVAL : 0;
}

static int take_hex(struct cursor *c, int64_t *ret)
{
	uint64_t value = 0;

	if (c->at == c->end || c->end - c->at > 16)
		return c->at == c->end ? -EINVAL : -ERANGE;
	for (; c->at < c->end; c->at++) {
		char digit = (char)(*c->at | 0x20);

		if (is_digit(*c->at))
			value = value << 4 | (uint64_t)(*c->at - '0');
		else if (digit >= 'a' && digit <= 'f')
			value = value << 4 | (uint64_t)(digit - 'a' + 10);
		else
			return -EINVAL;
	}
	if (value > INT64_MAX)
		return -ERANGE;
	*ret = (int64_t)value;
	return 0;
}

int size_parse(struct bytes text, int64_t *ret)
{
	struct cursor c = trimmed(text);
	bool negative = take(&c, '-');
	int64_t value, magnitude = 1;
	int r;

	if (c.end - c.at > 2 && c.at[0] == '0' && (c.at[1] | 0x20) == 'x') {
		c.at += 2;
		r = take_hex(&c, &value);
	} else {
		r = take_number(&c, &value);
		if (r == 0)
			r = take_magnitude(&c, &magnitude);
	}
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(value, negative ? -magnitude : magnitude, &value))
		return -ERANGE;
	*ret = value;
	return 0;
}
