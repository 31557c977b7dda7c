/* SPDX-License-Identifier: Apache-2.0 */
/* What all hosts of a forest share: counted memory and everything that is held once. */
#ifndef CANOPY_COLLECTOR_FOREST_POOL_H
#define CANOPY_COLLECTOR_FOREST_POOL_H

#include "collector/forest/context.h"
#include "collector/forest/memory.h"
#include "collector/forest/program.h"
#include "collector/forest/text.h"

struct pool {
	struct memory memory;
	struct texts texts;
	struct programs programs;
	struct contexts contexts;
	uint64_t seed; /* of every hash whose keys a peer chooses */
};

/* pool must not move afterwards: its parts point at each other. */
static inline void pool_init(struct pool *pool, uint64_t seed)
{
	*pool = (struct pool){.seed = seed};
	pool->texts = (struct texts){.memory = &pool->memory, .seed = seed};
	pool->programs = (struct programs){.memory = &pool->memory, .texts = &pool->texts};
	pool->contexts = (struct contexts){.memory = &pool->memory, .seed = seed};
}

/* Until pool_batch_end the same address is the same string or context. */
static inline void pool_batch_begin(struct pool *pool)
{
	pool->texts.memo.open = pool->programs.memo.open = pool->contexts.memo.open = true;
}

static inline void pool_batch_end(struct pool *pool)
{
	programs_forget(&pool->programs);
	contexts_forget(&pool->contexts);
	texts_forget(&pool->texts);
}

/* Every reference has been given back before. */
static inline void pool_finish(struct pool *pool)
{
	programs_finish(&pool->programs);
	contexts_finish(&pool->contexts);
	texts_finish(&pool->texts);
	memory_finish(&pool->memory);
}

#endif
