/* SPDX-License-Identifier: Apache-2.0 */
/* A handful of slots, looked through one by one; the one kept for longest gives way. */
#include "collector/console/api/rankings.h"

#include <stdlib.h>
#include <string.h>

static void release(struct ranking *ranking)
{
	free(ranking->question);
	rank_finish(&ranking->rank);
	*ranking = (struct ranking){0};
}

void rankings_finish(struct rankings *rankings)
{
	for (size_t i = 0; i < RANKINGS_KEPT; i++)
		release(&rankings->slots[i]);
}

static bool is_of(const struct ranking *ranking, struct bytes question)
{
	return ranking->question && bytes_equal(bytes_make(ranking->question, ranking->question_len), question);
}

static void forget_old(struct rankings *rankings, uint64_t now_ns)
{
	for (size_t i = 0; i < RANKINGS_KEPT; i++)
		if (now_ns - rankings->slots[i].kept_ns > RANKINGS_KEEP_NS)
			release(&rankings->slots[i]);
}

bool rankings_take(struct rankings *rankings, struct bytes question, const struct rank_entry *after, uint64_t now_ns,
		   struct rank *ret)
{
	forget_old(rankings, now_ns);
	for (size_t i = 0; i < RANKINGS_KEPT; i++) {
		struct ranking *ranking = &rankings->slots[i];

		if (!is_of(ranking, question) || rank_compare(&ranking->last, after, ranking->rank.descending) != 0)
			continue;
		*ret = ranking->rank;
		ranking->rank = RANK_NULL; /* moved */
		release(ranking);
		return true;
	}
	return false;
}

static struct ranking *oldest(struct rankings *rankings)
{
	struct ranking *found = &rankings->slots[0];

	for (size_t i = 1; i < RANKINGS_KEPT; i++)
		if (rankings->slots[i].kept_ns < found->kept_ns)
			found = &rankings->slots[i];
	return found;
}

void rankings_keep(struct rankings *rankings, struct bytes question, const struct rank_entry *last, uint64_t now_ns,
		   struct rank *rank)
{
	struct ranking *ranking;
	char *copy = malloc(question.len + 1u);

	forget_old(rankings, now_ns);
	if (!copy) { /* the next page makes it anew */
		rank_finish(rank);
		return;
	}
	if (question.len)
		memcpy(copy, question.data, question.len);
	ranking = oldest(rankings); /* a free one is older than all */
	release(ranking);
	*ranking = (struct ranking){
		.question = copy, .question_len = question.len, .rank = *rank, .last = *last, .kept_ns = now_ns};
	*rank = RANK_NULL; /* moved */
}
