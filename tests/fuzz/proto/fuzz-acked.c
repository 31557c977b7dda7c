/* SPDX-License-Identifier: Apache-2.0 */
/* The acknowledged position beside a spool, as a broken disk or a stranger may leave it. Bit 0 of the first byte lets the checksum be
 * made right; the eight bytes behind it are the stream that is asked for (bit 1: the one that the file names). */
#include <endian.h>

#include "proto/seglog/acked.h"
#include "proto/seglog/crc32c.h"
#include "tests/fuzz/input.h"

#define CRC_AT 24u

static uint64_t number_at(const uint8_t *data)
{
	uint64_t number;

	memcpy(&number, data, sizeof(number));
	return le64toh(number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t mode, written[ACKED_BYTES], *record;
	uint64_t stream, seq;

	if (size < 9)
		return 0;
	mode = data[0];
	stream = number_at(data + 1);
	size -= 9;
	record = malloc(size + 1);
	must(record != NULL);
	memcpy(record, data + 9, size);
	if (mode & 1 && size >= CRC_AT + 4) {
		uint32_t crc = htole32(crc32c(0, record, CRC_AT));

		memcpy(record + CRC_AT, &crc, sizeof(crc));
	}
	if (mode & 2 && size >= 16)
		stream = number_at(record + 8);
	seq = acked_decode(record, size, stream);
	must(seq == 0 || size == ACKED_BYTES);
	if (seq) {
		acked_encode(stream, seq, written);
		must(memcmp(written, record, CRC_AT + 4) == 0);
	}
	acked_encode(stream, ~stream, written);
	must(acked_decode(written, sizeof(written), stream) == ~stream && acked_decode(written, sizeof(written), stream + 1) == 0);
	written[mode % (CRC_AT + 4)] ^= (uint8_t)(1u << (mode & 7));
	must(acked_decode(written, sizeof(written), stream) == 0);
	free(record);
	return 0;
}
