/* SPDX-License-Identifier: Apache-2.0 */
/* The parser reads one token after the other and keeps what it knows in a struct tm; only then is a moment computed, so
 * that daylight saving is decided by the C library for the day that was meant. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "collector/console/cli/timefmt.h"

#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_HOUR (60 * NS_PER_MINUTE)
#define NS_PER_DAY (24 * NS_PER_HOUR)
/* Half of what fits in 64 bits: sums of two moments stay within. */
#define MOMENT_MAX (INT64_MAX / 2)
/* A bare number with fewer digits is more likely a mistake than a moment before 1973. */
#define EPOCH_DIGITS_MIN 9

int64_t timefmt_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int timefmt_zone(const char *name)
{
	struct text path = TEXT_NULL;
	int err = 0;

	if (strcmp(name, "local") == 0)
		return 0;
	text_printf(&path, "/usr/share/zoneinfo/%s", name);
	/* glibc takes an unknown zone for UTC without a word: it must be looked for */
	if (!*name || *name == '/' || strstr(name, "..") ||
	    (strcmp(name, "UTC") != 0 && access(text_string(&path), R_OK) < 0))
		err = -ENOENT;
	text_finish(&path);
	if (err)
		return err;
	if (setenv("TZ", name, 1) < 0)
		return -errno;
	tzset();
	return 0;
}

/* ---- spans ---------------------------------------------------------------------------------------------------- */

static int64_t unit_of(const char *word, size_t len)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{"ns", 1},
		{"nsec", 1},
		{"us", 1000},
		{"usec", 1000},
		{"ms", 1000000},
		{"msec", 1000000},
		{"s", NS_PER_SECOND},
		{"sec", NS_PER_SECOND},
		{"second", NS_PER_SECOND},
		{"seconds", NS_PER_SECOND},
		{"m", NS_PER_MINUTE},
		{"min", NS_PER_MINUTE},
		{"minute", NS_PER_MINUTE},
		{"minutes", NS_PER_MINUTE},
		{"h", NS_PER_HOUR},
		{"hr", NS_PER_HOUR},
		{"hour", NS_PER_HOUR},
		{"hours", NS_PER_HOUR},
		{"d", NS_PER_DAY},
		{"day", NS_PER_DAY},
		{"days", NS_PER_DAY},
		{"w", 7 * NS_PER_DAY},
		{"week", 7 * NS_PER_DAY},
		{"weeks", 7 * NS_PER_DAY},
		{"month", 2629800 * NS_PER_SECOND},
		{"months", 2629800 * NS_PER_SECOND}, /* 30.44 days, as systemd has it */
		{"y", 31557600 * NS_PER_SECOND},
		{"year", 31557600 * NS_PER_SECOND},
		{"years", 31557600 * NS_PER_SECOND},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len && strncasecmp(units[i].name, word, len) == 0)
			return units[i].ns;
	return len ? 0 : NS_PER_SECOND;
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* Reads '1h 30min' up to the end of text, or up to the word 'ago' when ret_ago is given. */
static int parse_span(const char *p, int64_t *ret, bool *ret_ago)
{
	double sum = 0;
	bool any = false;

	for (p = skip_blanks(p); *p; p = skip_blanks(p)) {
		size_t len = 0;
		double number;
		int64_t unit;
		char *end;

		if (ret_ago && any && strcasecmp(p, "ago") == 0) {
			*ret_ago = true;
			break;
		}
		if (!isdigit((unsigned char)*p))
			return -EINVAL;
		number = strtod(p, &end);
		p = skip_blanks(end);
		while (isalpha((unsigned char)p[len]))
			len++;
		if (ret_ago && len == 3 && strncasecmp(p, "ago", 3) == 0)
			len = 0;
		unit = unit_of(p, len);
		if (!unit)
			return -EINVAL;
		sum += number * (double)unit;
		any = true;
		p += len;
	}
	if (!any || !(sum < (double)MOMENT_MAX))
		return -EINVAL;
	*ret = (int64_t)sum;
	return 0;
}

int timefmt_parse_span(const char *text, int64_t *ret)
{
	return parse_span(text, ret, NULL);
}

static int parse_relative(const char *text, int64_t now, int64_t *ret)
{
	bool signed_ = *text == '-' || *text == '+', ago = false;
	int64_t span;
	int err = parse_span(text + (signed_ ? 1 : 0), &span, signed_ ? NULL : &ago);

	if (err)
		return err;
	if (!signed_ && !ago)
		return -EINVAL;
	*ret = *text == '+' ? now + span : now - span;
	return 0;
}

/* ---- calendar ------------------------------------------------------------------------------------------------- */

/* Exactly digits digits into *ret; the place behind them, or NULL. */
static const char *read_number(const char *p, unsigned digits, int *ret)
{
	int value = 0;

	for (unsigned i = 0; i < digits; i++, p++) {
		if (!isdigit((unsigned char)*p))
			return NULL;
		value = value * 10 + (*p - '0');
	}
	*ret = value;
	return p;
}

static const char *read_fraction(const char *p, int64_t *ret)
{
	int64_t unit = NS_PER_SECOND / 10;

	if (!isdigit((unsigned char)*p))
		return NULL;
	for (*ret = 0; isdigit((unsigned char)*p); p++, unit /= 10)
		*ret += (*p - '0') * unit;
	return p;
}

static const char *read_date(const char *p, struct tm *tm)
{
	p = read_number(p, 4, &tm->tm_year);
	if (!p || *p != '-' || !(p = read_number(p + 1, 2, &tm->tm_mon)) || *p != '-' ||
	    !(p = read_number(p + 1, 2, &tm->tm_mday)))
		return NULL;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31 ? p : NULL;
}

static const char *read_clock(const char *p, struct tm *tm, int64_t *ret_fraction)
{
	p = read_number(p, 2, &tm->tm_hour);
	if (!p || *p != ':' || !(p = read_number(p + 1, 2, &tm->tm_min)))
		return NULL;
	if (*p == ':' && !(p = read_number(p + 1, 2, &tm->tm_sec)))
		return NULL;
	if (*p == '.' && !(p = read_fraction(p + 1, ret_fraction)))
		return NULL;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60 ? p : NULL;
}

/* 'Z', 'UTC' or '+02:00' up to the end of text; the offset east of Greenwich in seconds. */
static int read_offset(const char *p, long *ret)
{
	int sign = *p == '-' ? -1 : 1, hours, minutes;

	if (strcasecmp(p, "Z") == 0 || strcasecmp(p, "UTC") == 0) {
		*ret = 0;
		return 0;
	}
	if ((*p != '+' && *p != '-') || !(p = read_number(p + 1, 2, &hours)))
		return -EINVAL;
	p += *p == ':';
	if (!(p = read_number(p, 2, &minutes)) || *p || hours > 23 || minutes > 59)
		return -EINVAL;
	*ret = sign * (hours * 3600L + minutes * 60L);
	return 0;
}

static const char *skip_weekday(const char *p)
{
	static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
					   "Thursday", "Friday", "Saturday"};
	size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	for (size_t i = 0; i < 7; i++)
		if ((len == 3 || len == strlen(days[i])) && strncasecmp(p, days[i], len) == 0)
			return skip_blanks(p + len + (p[len] == ','));
	return p;
}

static int make_moment(struct tm *tm, int64_t fraction, const long *offset, int64_t *ret)
{
	int day = tm->tm_mday;
	time_t seconds;

	tm->tm_isdst = -1;
	seconds = offset ? timegm(tm) - *offset : mktime(tm);
	/* the C library moves the 31st of April to May: that is a mistake of whoever typed it */
	if (tm->tm_mday != day || seconds > MOMENT_MAX / NS_PER_SECOND || seconds < -MOMENT_MAX / NS_PER_SECOND)
		return -EINVAL;
	*ret = seconds * NS_PER_SECOND + fraction;
	return 0;
}

static struct tm midnight(int64_t now)
{
	time_t seconds = now / NS_PER_SECOND;
	struct tm tm;

	(void)localtime_r(&seconds, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	return tm;
}

static int parse_calendar(const char *text, int64_t now, int64_t *ret)
{
	struct tm tm = midnight(now);
	const char *p = skip_weekday(text), *date = read_date(p, &tm), *clock;
	int64_t fraction = 0;
	long offset;

	if (date) {
		p = *date == 'T' || *date == 't' ? date + 1 : skip_blanks(date);
		if ((*date == 'T' || *date == 't') && !isdigit((unsigned char)*p))
			return -EINVAL;
	} else {
		tm = midnight(now);
	}
	clock = read_clock(p, &tm, &fraction);
	if (!clock && (!date || isdigit((unsigned char)*p)))
		return -EINVAL;
	p = skip_blanks(clock ? clock : p);
	if (!*p)
		return make_moment(&tm, fraction, NULL, ret);
	return read_offset(p, &offset) ? -EINVAL : make_moment(&tm, fraction, &offset, ret);
}

static int parse_epoch(const char *p, int64_t *ret)
{
	bool marked = *p == '@';
	int64_t seconds, fraction = 0;
	size_t digits;
	char *end;

	p += marked;
	digits = strspn(p, "0123456789");
	if (digits < (marked ? 1 : EPOCH_DIGITS_MIN))
		return -EINVAL;
	errno = 0;
	seconds = strtoll(p, &end, 10);
	if (*end == '.' && !(end = (char *)read_fraction(end + 1, &fraction)))
		return -EINVAL;
	if (*end || errno || seconds > MOMENT_MAX / NS_PER_SECOND)
		return -EINVAL;
	*ret = seconds * NS_PER_SECOND + fraction;
	return 0;
}

static int parse_word(const char *text, int64_t now, int64_t *ret)
{
	static const struct {
		const char *name;
		int days;
	} words[] = {{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}};
	struct tm tm = midnight(now);

	if (strcasecmp(text, "now") == 0) {
		*ret = now;
		return 0;
	}
	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(text, words[i].name) != 0)
			continue;
		tm.tm_mday += words[i].days;
		tm.tm_isdst = -1;
		*ret = mktime(&tm) * NS_PER_SECOND;
		return 0;
	}
	return -EINVAL;
}

int timefmt_parse(const char *text, int64_t now, int64_t *ret)
{
	text = skip_blanks(text);
	if (parse_word(text, now, ret) == 0 || parse_epoch(text, ret) == 0 || parse_relative(text, now, ret) == 0)
		return 0;
	return parse_calendar(text, now, ret);
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

/* Seconds rounded down, so that the fraction is positive before 1970 as well. */
static time_t split(int64_t moment, int64_t *ret_fraction)
{
	int64_t fraction = moment % NS_PER_SECOND;

	if (fraction < 0)
		fraction += NS_PER_SECOND;
	*ret_fraction = fraction;
	return (moment - fraction) / NS_PER_SECOND;
}

static void add_local(struct text *out, int64_t moment, const char *format, bool milliseconds)
{
	int64_t fraction;
	time_t seconds = split(moment, &fraction);
	char buffer[64];
	struct tm tm;

	(void)localtime_r(&seconds, &tm);
	text_add(out, buffer, strftime(buffer, sizeof(buffer), format, &tm));
	if (milliseconds)
		text_printf(out, ".%03d", (int)(fraction / 1000000));
}

void timefmt_add_rfc3339(struct text *out, int64_t moment)
{
	int64_t fraction;
	time_t seconds = split(moment, &fraction);
	char buffer[64];
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	text_add(out, buffer, strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%S", &tm));
	text_printf(out, ".%09dZ", (int)fraction);
}

void timefmt_add_full(struct text *out, int64_t moment)
{
	add_local(out, moment, "%Y-%m-%d %H:%M:%S", true);
}

void timefmt_add_clock(struct text *out, int64_t moment)
{
	add_local(out, moment, "%H:%M:%S", true);
}

void timefmt_add_short(struct text *out, int64_t moment, int64_t now)
{
	struct tm today = midnight(now), then = midnight(moment);
	/* unsigned: two moments may be further apart than one is from 1970 */
	uint64_t away = moment > now ? (uint64_t)moment - (uint64_t)now : (uint64_t)now - (uint64_t)moment;

	if (today.tm_year == then.tm_year && today.tm_yday == then.tm_yday)
		add_local(out, moment, "%H:%M:%S", false);
	else
		add_local(out, moment, away < (uint64_t)(180 * NS_PER_DAY) ? "%b %e %H:%M" : "%Y-%m-%d", false);
}

void timefmt_add_span(struct text *out, int64_t span)
{
	long seconds = (long)(span / NS_PER_SECOND);

	if (span < 0)
		text_putc(out, '0');
	else if (span < 1000000)
		text_printf(out, "%dus", (int)(span / 1000));
	else if (span < 10 * 1000000)
		text_printf(out, "%.1fms", (double)(span / 100000) / 10);
	else if (span < NS_PER_SECOND)
		text_printf(out, "%dms", (int)(span / 1000000));
	else if (span < 10 * NS_PER_SECOND)
		text_printf(out, "%.1fs", (double)(span / 100000000) / 10);
	else if (seconds < 60)
		text_printf(out, "%lds", seconds);
	else if (seconds < 3600)
		text_printf(out, "%ldm%02lds", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		text_printf(out, "%ldh%02ldm", seconds / 3600, seconds / 60 % 60);
	else if (seconds < 100 * 86400L)
		text_printf(out, "%ldd%02ldh", seconds / 86400, seconds / 3600 % 24);
	else
		text_printf(out, "%ldd", seconds / 86400);
}
