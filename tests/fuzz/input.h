/* SPDX-License-Identifier: Apache-2.0 */
/* What several targets do: say what must hold, and read an input that has more than one part. */
#ifndef CANOPY_TESTS_FUZZ_INPUT_H
#define CANOPY_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that does not hold is a crash, which is what a fuzzer looks for. */
static inline void must(bool holds)
{
	if (!holds)
		abort();
}

struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t input_byte(struct input *input)
{
	uint8_t byte = input->left ? *input->at : 0;

	input->at += input->left > 0;
	input->left -= input->left > 0;
	return byte;
}

/* Up to the next 0xff, which no UTF-8 text has and a mutation easily makes; the last part ends with the input. */
static inline struct bytes input_part(struct input *input)
{
	const uint8_t *begin = input->at, *end = input->left ? memchr(begin, 0xff, input->left) : NULL;
	size_t len = end ? (size_t)(end - begin) : input->left, taken = len + (end != NULL);

	input->at += taken;
	input->left -= taken;
	return bytes_make(begin, len);
}

/* A C string of exactly its size, for the sanitizer; what stands behind a NUL is lost. The caller frees it. */
static inline char *input_string(struct bytes bytes)
{
	size_t len = bytes.len ? strnlen(bytes.data, bytes.len) : 0;
	char *string = malloc(len + 1);

	must(string != NULL);
	if (len)
		memcpy(string, bytes.data, len);
	string[len] = '\0';
	return string;
}

static inline bool is_within(struct bytes part, struct bytes whole)
{
	return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* True when whole has a run of these bytes anywhere. */
static inline bool holds(struct bytes whole, struct bytes part)
{
	return part.len == 0 || (whole.len && memmem(whole.data, whole.len, part.data, part.len));
}

#endif
