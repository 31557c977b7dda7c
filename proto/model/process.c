/* SPDX-License-Identifier: Apache-2.0 */
/* Printable identities and the small conversions that every face of a process needs. Written without printf: identities
 * are formatted for each event. */
#include "proto/model/process.h"

#include <errno.h>

static const char hex_digits[] = "0123456789abcdef";

const struct process_word process_quality_words[PROCESS_QUALITY_WORDS] = {
	{QUALITY_SEEDED, "seeded"},
	{QUALITY_EXEC_LOST, "exec_lost"},
	{QUALITY_PLACEHOLDER, "placeholder"},
	{QUALITY_EXIT_UNKNOWN, "exit_unknown"},
	{QUALITY_HOST_REBOOTED, "host_rebooted"},
};

static char *put_decimal(char *out, uint32_t value)
{
	char digits[10];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	while (n > 0)
		*out++ = digits[--n];
	return out;
}

static char *put_hex(char *out, uint64_t value)
{
	int shift = 60;

	while (shift > 0 && !(value >> shift & 15))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*out++ = hex_digits[value >> shift & 15];
	return out;
}

void boot_id_format(const struct boot_id *boot, char out[BOOT_ID_TEXT])
{
	for (size_t i = 0; i < BOOT_ID_BYTES; i++) {
		out[2 * i] = hex_digits[boot->octets[i] >> 4];
		out[2 * i + 1] = hex_digits[boot->octets[i] & 15];
	}
	out[BOOT_ID_TEXT - 1] = '\0';
}

void process_id_format(const struct boot_id *boot, struct process_key key, char out[PROCESS_ID_MAX])
{
	char *p = out + BOOT_ID_TEXT - 1;

	boot_id_format(boot, out);
	*p++ = '-';
	p = put_decimal(p, key.tgid);
	*p++ = '-';
	p = put_hex(p, key.start_ns);
	*p = '\0';
}

/* ---- references ---------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A tgid is at least 1. */
static int parse_tgid(struct bytes text, uint32_t *ret)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 10)
		return -EINVAL;
	for (uint32_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (value == 0 || value > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

static int parse_start(struct bytes text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 16)
		return -EINVAL;
	for (uint32_t i = 0; i < text.len; i++) {
		int digit = hex_value(text.data[i]);

		if (digit < 0)
			return -EINVAL;
		value = value << 4 | (uint64_t)digit;
	}
	*ret = value;
	return 0;
}

static int parse_boot(struct bytes text, struct process_ref *ref)
{
	if (text.len < PROCESS_REF_BOOT_MIN || text.len > 2 * BOOT_ID_BYTES)
		return -EINVAL;
	for (uint32_t i = 0; i < text.len; i++) {
		int digit = hex_value(text.data[i]);

		if (digit < 0)
			return -EINVAL;
		ref->boot_prefix[i / 2] |= (uint8_t)(i % 2 ? digit : digit << 4);
	}
	ref->boot_nibbles = (uint8_t)text.len;
	return 0;
}

/* Cuts text at the last separator; false when there is none. */
static bool cut_last(struct bytes text, char separator, struct bytes *before, struct bytes *behind)
{
	for (uint32_t i = text.len; i > 0; i--) {
		if (text.data[i - 1] != separator)
			continue;
		*before = bytes_make(text.data, i - 1);
		*behind = bytes_make(text.data + i, text.len - i);
		return true;
	}
	return false;
}

int process_ref_parse(struct bytes text, struct process_ref *ret)
{
	struct process_ref ref = {0};
	struct bytes before, boot, behind, tgid;
	int r;

	if (cut_last(text, ':', &before, &behind)) {
		if (before.len == 0)
			return -EINVAL;
		ref.host = before;
		r = parse_tgid(behind, &ref.key.tgid);
	} else {
		if (!cut_last(text, '-', &before, &behind) || !cut_last(before, '-', &boot, &tgid))
			return -EINVAL;
		r = parse_boot(boot, &ref);
		if (r == 0)
			r = parse_tgid(tgid, &ref.key.tgid);
		if (r == 0)
			r = parse_start(behind, &ref.key.start_ns);
	}
	if (r == 0)
		*ret = ref;
	return r;
}

/* ---- terminals ----------------------------------------------------------------------------------------------- */

/* Device numbers as Documentation/admin-guide/devices.txt gives them; the name's number is minor - first_minor +
 * offset. */
static const struct {
	uint16_t major_first, major_last;
	uint32_t minor_first, minor_last;
	const char *name;
} terminals[] = {
	{136, 143, 0, UINT32_MAX, "pts/"}, /* eight majors of 256 once; today one major with 20-bit minors */
	{4, 4, 0, 63, "tty"},
	{4, 4, 64, 255, "ttyS"},
	{204, 204, 64, 79, "ttyAMA"},
	{188, 188, 0, 255, "ttyUSB"},
	{166, 166, 0, 255, "ttyACM"},
	{229, 229, 0, 255, "hvc"},
};

void process_tty_format(uint32_t tty, char out[32])
{
	/* new_encode_dev() of linux/kdev_t.h */
	uint32_t major = tty >> 8 & 0xfff, minor = (tty & 0xff) | (tty >> 12 & 0xfff00);

	out[0] = '\0';
	if (tty == 0)
		return;
	if (major == 5 && minor == 1) {
		memcpy(out, "console", sizeof("console"));
		return;
	}
	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		uint32_t number = minor - terminals[i].minor_first + (major - terminals[i].major_first) * 256;
		size_t len = strlen(terminals[i].name);

		if (major < terminals[i].major_first || major > terminals[i].major_last ||
		    minor < terminals[i].minor_first || minor > terminals[i].minor_last)
			continue;
		memcpy(out, terminals[i].name, len);
		*put_decimal(out + len, number) = '\0';
		return;
	}
	out = put_decimal(out, major);
	*out++ = ':';
	*put_decimal(out, minor) = '\0';
}

/* ---- arguments ----------------------------------------------------------------------------------------------- */

size_t process_argv_split(struct bytes argv, struct bytes *at, size_t at_max)
{
	const char *p = argv.data, *end = argv.len ? argv.data + argv.len : p;
	size_t count = 0;

	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		const char *stop = nul ? nul : end;

		if (at && count < at_max)
			at[count] = bytes_make(p, (size_t)(stop - p));
		count++;
		p = nul ? nul + 1 : end;
	}
	return count;
}

bool process_variable_next(struct bytes *rest, struct bytes *ret_name, struct bytes *ret_value)
{
	const char *nul = rest->len ? memchr(rest->data, '\0', rest->len) : NULL;
	uint32_t len = nul ? (uint32_t)(nul - rest->data) : rest->len, step = len + (nul != NULL);
	const char *equals = len ? memchr(rest->data, '=', len) : NULL;

	if (rest->len == 0)
		return false;
	*ret_name = bytes_make(rest->data, equals ? (size_t)(equals - rest->data) : len);
	*ret_value = equals ? bytes_make(equals + 1, len - ret_name->len - 1) : bytes_make(rest->data + len, 0);
	*rest = bytes_make(rest->data + step, rest->len - step);
	return true;
}

bool process_variable(struct bytes environ_, struct bytes name, struct bytes *ret_value)
{
	struct bytes found, value;

	while (process_variable_next(&environ_, &found, &value)) {
		if (!bytes_equal(found, name))
			continue;
		*ret_value = value;
		return true;
	}
	return false;
}
