/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer. It stands in the way of every event to the lake and the console, so nothing here formats by printf,
 * and strings are copied in runs: eight bytes at a time are tested for anything that needs an escape. */
#include "proto/model/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/model/utf8.h"

#define JSON_CAPACITY_MIN ((size_t)4096)

static const char hex_digits[] = "0123456789abcdef";
static const char two_digits[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				 "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				 "8081828384858687888990919293949596979899";

void json_finish(struct json *json)
{
	free(json->data);
	*json = JSON_EMPTY;
}

void json_reset(struct json *json)
{
	json->len = 0;
	json->failed = false;
	json->comma = false;
}

bool json_grow_(struct json *json, size_t need)
{
	size_t capacity = json->capacity ? json->capacity : JSON_CAPACITY_MIN;
	char *data;

	if (json->failed || need > SIZE_MAX / 4)
		goto fail;
	while (capacity - json->len < need) {
		if (capacity > SIZE_MAX / 4)
			goto fail;
		capacity *= 2;
	}
	data = realloc(json->data, capacity);
	if (!data)
		goto fail;
	json->data = data;
	json->capacity = capacity;
	return true;
fail:
	json->failed = true;
	json->capacity = json->len; /* nothing fits from now on, short values neither */
	return false;
}

/* Room for a value of at most need bytes, with the comma before it written. NULL when memory ran out. */
static char *value_begin(struct json *json, size_t need)
{
	if (!json_reserve(json, need + 1))
		return NULL;
	if (json->comma)
		json->data[json->len++] = ',';
	json->comma = true;
	return json->data + json->len;
}

static void value_end(struct json *json, const char *end)
{
	json->len = (size_t)(end - json->data);
}

static void value_copy(struct json *json, const char *text, size_t len)
{
	char *p = value_begin(json, len);

	if (!p)
		return;
	memcpy(p, text, len);
	value_end(json, p + len);
}

void json_object_begin(struct json *json)
{
	value_copy(json, "{", 1);
	json->comma = false;
}

void json_object_end(struct json *json)
{
	json_raw(json, "}", 1);
	json->comma = true;
}

void json_array_begin(struct json *json)
{
	value_copy(json, "[", 1);
	json->comma = false;
}

void json_array_end(struct json *json)
{
	json_raw(json, "]", 1);
	json->comma = true;
}

void json_null(struct json *json)
{
	value_copy(json, "null", 4);
}

void json_bool(struct json *json, bool value)
{
	if (value)
		value_copy(json, "true", 4);
	else
		value_copy(json, "false", 5);
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

static char *put_uint(char *out, uint64_t value)
{
	char digits[20];
	char *p = digits + sizeof(digits);
	size_t len;

	while (value >= 100) {
		p -= 2;
		memcpy(p, two_digits + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		p -= 2;
		memcpy(p, two_digits + value * 2, 2);
	} else {
		*--p = (char)('0' + value);
	}
	len = (size_t)(digits + sizeof(digits) - p);
	memcpy(out, p, len);
	return out + len;
}

void json_uint(struct json *json, uint64_t value)
{
	char *p = value_begin(json, 20);

	if (p)
		value_end(json, put_uint(p, value));
}

void json_int(struct json *json, int64_t value)
{
	char *p = value_begin(json, 21);

	if (!p)
		return;
	if (value < 0)
		*p++ = '-';
	value_end(json, put_uint(p, value < 0 ? 0 - (uint64_t)value : (uint64_t)value));
}

void json_double(struct json *json, double value)
{
	char text[40];
	int len;

	if (!isfinite(value)) {
		json_null(json);
		return;
	}
	len = snprintf(text, sizeof(text), "%.15g", value);
	for (int i = 0; i < len; i++)
		if (!strchr("0123456789+-e", text[i]))
			text[i] = '.'; /* the decimal point of whatever locale the program has set */
	value_copy(json, text, (size_t)len);
}

void json_hex64(struct json *json, uint64_t value)
{
	char *p = value_begin(json, 18);

	if (!p)
		return;
	*p++ = '"';
	for (int shift = 60; shift >= 0; shift -= 4)
		*p++ = hex_digits[value >> shift & 15];
	*p++ = '"';
	value_end(json, p);
}

/* ---- time ---------------------------------------------------------------------------------------------------- */

/* Days since 1970 to a date of the proleptic Gregorian calendar: years are counted from March, so that the leap day
 * comes last. */
static void date_of_days(int64_t days, uint32_t *ret_year, uint32_t *ret_month, uint32_t *ret_day)
{
	uint64_t shifted = (uint64_t)(days + 719468); /* since 0000-03-01; positive for every int64 of nanoseconds */
	uint32_t era = (uint32_t)(shifted / 146097), of_era = (uint32_t)(shifted % 146097);
	uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153; /* 0 = March */

	*ret_day = of_year - (153 * month + 2) / 5 + 1;
	*ret_month = month < 10 ? month + 3 : month - 9;
	*ret_year = year + era * 400 + (*ret_month <= 2);
}

static void put2(char *out, uint32_t value)
{
	memcpy(out, two_digits + (size_t)value * 2, 2);
}

void time_format(int64_t wall_ns, char out[TIME_TEXT_LEN])
{
	int64_t seconds = wall_ns / 1000000000, days;
	int32_t ns = (int32_t)(wall_ns % 1000000000), of_day;
	uint32_t year, month, day;

	if (ns < 0) {
		ns += 1000000000;
		seconds--;
	}
	days = seconds / 86400;
	of_day = (int32_t)(seconds % 86400);
	if (of_day < 0) {
		of_day += 86400;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	memcpy(out, "0000-00-00T00:00:00.000000000Z", TIME_TEXT_LEN);
	put2(out, year / 100);
	put2(out + 2, year % 100);
	put2(out + 5, month);
	put2(out + 8, day);
	put2(out + 11, (uint32_t)of_day / 3600);
	put2(out + 14, (uint32_t)of_day / 60 % 60);
	put2(out + 17, (uint32_t)of_day % 60);
	out[20] = (char)('0' + ns / 100000000);
	put2(out + 21, (uint32_t)ns / 1000000 % 100);
	put2(out + 23, (uint32_t)ns / 10000 % 100);
	put2(out + 25, (uint32_t)ns / 100 % 100);
	put2(out + 27, (uint32_t)ns % 100);
}

void json_time(struct json *json, int64_t wall_ns)
{
	char *p;

	if (wall_ns == INT64_MIN) {
		json_null(json);
		return;
	}
	p = value_begin(json, TIME_TEXT_LEN + 2);
	if (!p)
		return;
	*p = '"';
	time_format(wall_ns, p + 1);
	p[TIME_TEXT_LEN + 1] = '"';
	value_end(json, p + TIME_TEXT_LEN + 2);
}

/* ---- strings ------------------------------------------------------------------------------------------------- */

static const uint64_t ones = 0x0101010101010101ull, highs = 0x8080808080808080ull;

/* Nonzero when one of the eight bytes is below 0x20, a quote, a backslash, DEL or not ASCII. May say so without cause
 * for bytes behind the first such one, never the other way round. */
static uint64_t needs_care(uint64_t word)
{
	uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\'), del = word ^ (ones * 0x7f);

	return (word | (word - ones * 0x20) | (quote - ones) | (backslash - ones) | (del - ones)) & highs;
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t plain_run(const char *data, size_t len)
{
	size_t n = 0;
	uint64_t word;

	while (len - n >= sizeof(word)) {
		memcpy(&word, data + n, sizeof(word));
		if (needs_care(word))
			break;
		n += sizeof(word);
	}
	while (n < len && is_plain((uint8_t)data[n]))
		n++;
	return n;
}

#define ESCAPE_MAX 6u /* \u00XX */

static char *put_control(char *out, uint8_t c)
{
	static const char names[] = "btn\0fr"; /* 0x08 … 0x0d; \v has no name in JSON */

	*out++ = '\\';
	if (c >= 8 && c <= 13 && names[c - 8]) {
		*out++ = names[c - 8];
		return out;
	}
	memcpy(out, "u00", 3);
	out[3] = hex_digits[c >> 4];
	out[4] = hex_digits[c & 15];
	return out + 5;
}

/* Line separators, direction marks, embeddings, overrides and isolates (U+200E to U+2069): who reads JSON in a terminal or an
 * editor must not be shown another order than there is. */
static bool turns_text(const uint8_t *sequence)
{
	if (sequence[0] != 0xe2)
		return false;
	if (sequence[1] == 0x80)
		return sequence[2] == 0x8e || sequence[2] == 0x8f || (sequence[2] >= 0xa8 && sequence[2] <= 0xae);
	return sequence[1] == 0x81 && sequence[2] >= 0xa6 && sequence[2] <= 0xa9;
}

static char *put_turn(char *out, const uint8_t *sequence)
{
	uint8_t low = (uint8_t)((sequence[1] & 1) << 6 | (sequence[2] & 0x3f));

	memcpy(out, "\\u20", 4);
	out[4] = hex_digits[low >> 4];
	out[5] = hex_digits[low & 15];
	return out + 6;
}

/* Writes the character at data, which is not plain, and returns the bytes that it took. */
static size_t put_special(char **out, const char *data, size_t len)
{
	uint8_t c = (uint8_t)data[0];
	size_t sequence = utf8_sequence(data, len);
	char *p = *out;

	if (c == '"' || c == '\\') {
		*p++ = '\\';
		*p++ = (char)c;
	} else if (c < 0x20 || c == 0x7f) {
		p = put_control(p, c);
	} else if (sequence == 0) {
		memcpy(p, "\\\\x", 3);
		p[3] = hex_digits[c >> 4];
		p[4] = hex_digits[c & 15];
		p += 5;
		sequence = 1;
	} else if (c == 0xc2 && (uint8_t)data[1] < 0xa0) {
		p = put_control(p, (uint8_t)data[1]); /* C1: some terminals obey it */
	} else if (sequence == 3 && turns_text((const uint8_t *)data)) {
		p = put_turn(p, (const uint8_t *)data);
	} else {
		memcpy(p, data, sequence);
		p += sequence;
	}
	*out = p;
	return sequence;
}

void json_string(struct json *json, struct bytes value)
{
	const char *data = value.data;
	size_t left = value.len;
	char *p = value_begin(json, left + 2);

	if (!p)
		return;
	*p++ = '"';
	while (left > 0) {
		size_t run = plain_run(data, left);

		memcpy(p, data, run);
		p += run;
		data += run;
		left -= run;
		if (left == 0)
			break;
		value_end(json, p);
		if (!json_reserve(json, left + ESCAPE_MAX + 1))
			return;
		p = json->data + json->len;
		run = put_special(&p, data, left);
		data += run;
		left -= run;
	}
	*p++ = '"';
	value_end(json, p);
}

void json_text(struct json *json, const char *value)
{
	if (value)
		json_string(json, bytes_from_string(value));
	else
		json_null(json);
}

void json_base64(struct json *json, struct bytes value)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = (const uint8_t *)value.data;
	char *p = value_begin(json, ((size_t)value.len + 2) / 3 * 4 + 2);

	if (!p)
		return;
	*p++ = '"';
	for (size_t i = 0; i < value.len; i += 3) {
		size_t have = value.len - i < 3 ? value.len - i : 3;
		uint32_t group = (uint32_t)in[i] << 16;

		if (have > 1)
			group |= (uint32_t)in[i + 1] << 8;
		if (have > 2)
			group |= in[i + 2];
		*p++ = alphabet[group >> 18];
		*p++ = alphabet[group >> 12 & 63];
		*p++ = have > 1 ? alphabet[group >> 6 & 63] : '=';
		*p++ = have > 2 ? alphabet[group & 63] : '=';
	}
	*p++ = '"';
	value_end(json, p);
}

bool json_is_utf8(struct bytes value)
{
	return utf8_valid(value.data, value.len);
}
