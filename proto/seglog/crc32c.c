/* SPDX-License-Identifier: Apache-2.0 */
/* Two ways to the same sum: the instruction of SSE 4.2 or ARMv8 where the processor has it (8 bytes at a time, bound by
 * its latency of three cycles, which is far more than a disk delivers), else tables that take 8 bytes a step ('slicing by
 * 8'). The tables are computed at start-up from the polynomial, which is shorter to read and to trust than 2,048
 * constants. */
#include "proto/seglog/crc32c.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HAVE_INSTRUCTION 1
#define TARGET_INSTRUCTION __attribute__((target("sse4.2")))
#define SUM_8(crc, value) ((uint32_t)_mm_crc32_u64(crc, value))
#define SUM_1(crc, value) _mm_crc32_u8(crc, value)
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define HAVE_INSTRUCTION 1
#define TARGET_INSTRUCTION __attribute__((target("+crc")))
#define SUM_8(crc, value) __crc32cd(crc, value)
#define SUM_1(crc, value) __crc32cb(crc, value)
#else
#define HAVE_INSTRUCTION 0
#endif

#define POLYNOMIAL_REFLECTED 0x82f63b78u

static uint32_t tables[8][256];
#if HAVE_INSTRUCTION
static bool have_instruction;

static bool find_instruction(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.2");
#else
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
#endif
}
#endif

/* Before main: no lock or first-use check is needed on any thread. */
__attribute__((constructor)) static void prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL_REFLECTED : 0);
		tables[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
#if HAVE_INSTRUCTION
	have_instruction = find_instruction();
#endif
}

static uint64_t load64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *at = data;

	crc = ~crc;
	for (; len >= 8; len -= 8, at += 8) {
		uint64_t v = load64(at) ^ crc;

		crc = tables[7][v & 0xff] ^ tables[6][v >> 8 & 0xff] ^ tables[5][v >> 16 & 0xff] ^
		      tables[4][v >> 24 & 0xff] ^ tables[3][v >> 32 & 0xff] ^ tables[2][v >> 40 & 0xff] ^
		      tables[1][v >> 48 & 0xff] ^ tables[0][v >> 56];
	}
	for (; len; len--, at++)
		crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xff];
	return ~crc;
}

#if HAVE_INSTRUCTION
TARGET_INSTRUCTION static uint32_t crc32c_instruction(uint32_t crc, const uint8_t *at, size_t len)
{
	uint32_t state = ~crc;

	for (; len >= 8; len -= 8, at += 8)
		state = SUM_8(state, load64(at));
	for (; len; len--, at++)
		state = SUM_1(state, *at);
	return ~state;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
#if HAVE_INSTRUCTION
	if (have_instruction)
		return crc32c_instruction(crc, data, len);
#endif
	return crc32c_portable(crc, data, len);
}
