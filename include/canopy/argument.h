/* SPDX-License-Identifier: Apache-2.0 */
/* Values on a command line that programs read alike. */
#ifndef CANOPY_ARGUMENT_H
#define CANOPY_ARGUMENT_H

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "canopy/log.h"

/* A size in bytes, or with K, M or G of either case. False and *ret untouched when it is none or beyond 64 bits. */
static inline bool argument_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMG";
	unsigned long long number;
	const char *unit;
	unsigned shift = 0;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (!isdigit((unsigned char)text[0]) || *end || errno || number > UINT64_MAX >> shift)
		return false;
	*ret = (uint64_t)number << shift;
	return true;
}

/* error, warning, info or debug. */
static inline bool argument_log_level(const char *text, enum log_level *ret)
{
	static const struct {
		const char *word;
		enum log_level level;
	} levels[] = {{"error", LOG_LEVEL_ERROR},
		      {"warning", LOG_LEVEL_WARNING},
		      {"info", LOG_LEVEL_INFO},
		      {"debug", LOG_LEVEL_DEBUG}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(text, levels[i].word) == 0) {
			*ret = levels[i].level;
			return true;
		}
	}
	return false;
}

#endif
