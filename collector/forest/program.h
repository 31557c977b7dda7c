/* SPDX-License-Identifier: Apache-2.0 */
/* A program file as an image ran it, held once: path, script and interpreter, inode and what goes with it. Reference
 * counted. NULL = unknown. */
#ifndef CANOPY_COLLECTOR_FOREST_PROGRAM_H
#define CANOPY_COLLECTOR_FOREST_PROGRAM_H

#include <stdbool.h>

#include "canopy/fact.h"
#include "collector/forest/text.h"

struct program {
	struct intern intern;
	struct text *exe, *script, *interpreter; /* references held */
	uint64_t inode, ctime_ns;
	uint32_t dev, mode, nlink;
};

struct programs {
	struct intern_table table;
	struct memory *memory; /* borrowed */
	struct texts *texts;   /* borrowed */
	struct memo memo;      /* of programs without a script, by where their path stands in a batch */
};

void programs_finish(struct programs *programs);
/* The program of a fact with FACT_EXE_KNOWN; *ret is a reference of the caller's. Errors: -ENOMEM. */
int programs_get(struct programs *programs, const struct fact *fact, struct program **ret);
/* Gives back what the memo held, and closes it. */
void programs_forget(struct programs *programs);
void programs_put(struct programs *programs, struct program *program); /* takes NULL */

static inline struct program *program_ref(struct program *program)
{
	if (program)
		program->intern.refs++;
	return program;
}

/* Total order by content. */
int program_compare(const struct program *a, const struct program *b);
/* Whether both are one executable: the same inode or the same path. Two sensors, and /proc beside the kernel, need not
 * agree on everything else. Unknown is like nothing but unknown. */
bool program_same_file(const struct program *a, const struct program *b);
size_t program_charge(const struct program *program);

#endif
