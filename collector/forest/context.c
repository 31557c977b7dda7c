/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a fact_context stand in one run without holes, so they are hashed and compared as bytes; cgroup_id and
 * the three strings come on their own, because padding stands before them. */
#include "collector/forest/context.h"

#include <errno.h>
#include <stddef.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "collector/forest/bound.h"

#define NUMBERS_BYTES (offsetof(struct fact_context, ns_time) + sizeof(uint32_t))
_Static_assert(NUMBERS_BYTES == 10 * 4 + 3 * 8 + 8 * 4, "the numbers of a context have no holes");

void contexts_finish(struct contexts *contexts)
{
	intern_table_finish(&contexts->table, contexts->memory);
}

static uint32_t mask_of(const struct fact_context *v)
{
	return (v->uid != FACT_ID_UNKNOWN ? CONTEXT_IDS : 0) | (v->ns_mnt ? CONTEXT_NS_MNT : 0) |
	       (v->ns_pid ? CONTEXT_NS_PID : 0) | (v->ns_net ? CONTEXT_NS_NET : 0) |
	       (v->ns_user ? CONTEXT_NS_USER : 0) | (v->ns_uts ? CONTEXT_NS_UTS : 0) |
	       (v->ns_ipc ? CONTEXT_NS_IPC : 0) | (v->ns_cgroup ? CONTEXT_NS_CGROUP : 0) |
	       (v->ns_time ? CONTEXT_NS_TIME : 0) |
	       (v->cgroup_id || v->cgroup.len ? CONTEXT_CGROUP : 0) | (v->nodename.len ? CONTEXT_NODENAME : 0);
}

static bool equal(const struct fact_context *a, const struct fact_context *b)
{
	return memcmp(a, b, NUMBERS_BYTES) == 0 && a->cgroup_id == b->cgroup_id && bytes_equal(a->cgroup, b->cgroup) &&
	       bytes_equal(a->user, b->user) && bytes_equal(a->nodename, b->nodename);
}

static uint64_t mix(uint64_t hash, struct bytes b)
{
	return b.len ? XXH3_64bits_withSeed(b.data, b.len, hash) : hash + 1;
}

static uint32_t hash_of(const struct contexts *contexts, const struct fact_context *v)
{
	uint64_t hash = XXH3_64bits_withSeed(v, NUMBERS_BYTES, contexts->seed ^ v->cgroup_id);

	return (uint32_t)mix(mix(mix(hash, v->cgroup), v->user), v->nodename);
}

static struct bytes place(char **at, struct bytes from)
{
	struct bytes placed = {*at, from.len};

	if (from.len)
		memcpy(*at, from.data, from.len);
	*at += from.len;
	return placed;
}

static size_t size_of(const struct context *context)
{
	return sizeof(*context) + context->text_len;
}

static int add(struct contexts *contexts, const struct fact_context *v, uint32_t hash, struct context **ret)
{
	size_t text_len = (size_t)v->cgroup.len + v->user.len + v->nodename.len;
	struct context *context;
	char *at;

	if (text_len > UINT32_MAX || intern_reserve(&contexts->table, contexts->memory) < 0)
		return -ENOMEM;
	context = memory_alloc(contexts->memory, sizeof(*context) + text_len);
	if (!context)
		return -ENOMEM;
	context->mask = mask_of(v);
	context->text_len = (uint32_t)text_len;
	context->value = *v;
	at = context->text;
	context->value.cgroup = place(&at, v->cgroup);
	context->value.user = place(&at, v->user);
	context->value.nodename = place(&at, v->nodename);
	intern_add(&contexts->table, &context->intern, hash);
	*ret = context;
	return 0;
}

static struct context *find(const struct contexts *contexts, const struct fact_context *v, uint32_t hash)
{
	for (struct intern *entry = intern_first(&contexts->table, hash); entry; entry = entry->next) {
		if (entry->hash == hash && equal(&((struct context *)entry)->value, v))
			return (struct context *)entry;
	}
	return NULL;
}

static int look_up(struct contexts *contexts, const struct fact_context *value, struct context **ret)
{
	struct context *context = contexts->last;
	uint32_t hash;
	int r;

	if (!context || !equal(&context->value, value)) {
		hash = hash_of(contexts, value);
		context = find(contexts, value, hash);
		if (!context) {
			r = add(contexts, value, hash, ret);
			contexts->last = r < 0 ? contexts->last : *ret;
			return r;
		}
	}
	contexts->last = context;
	*ret = context_ref(context);
	return 0;
}

int contexts_get(struct contexts *contexts, const struct fact_context *value, struct context **ret)
{
	struct context *context = (struct context *)memo_find(&contexts->memo, value);
	struct fact_context room;
	int r;

	if (context) {
		*ret = context_ref(context);
		return 0;
	}
	r = look_up(contexts, bound_context(value, &room), ret);
	if (r == 0)
		contexts_put(contexts, (struct context *)memo_keep(&contexts->memo, value, &(*ret)->intern));
	return r;
}

void contexts_forget(struct contexts *contexts)
{
	struct intern *entry;

	while ((entry = memo_drop(&contexts->memo)))
		contexts_put(contexts, (struct context *)entry);
}

void contexts_put(struct contexts *contexts, struct context *context)
{
	if (!context || --context->intern.refs)
		return;
	if (contexts->last == context)
		contexts->last = NULL;
	intern_remove(&contexts->table, &context->intern);
	memory_free(contexts->memory, context, size_of(context));
}

int context_compare(const struct context *a, const struct context *b)
{
	int order;

	if (a == b || !a || !b)
		return (a != NULL) - (b != NULL);
	order = memcmp(&a->value, &b->value, NUMBERS_BYTES);
	if (!order)
		order = (a->value.cgroup_id > b->value.cgroup_id) - (a->value.cgroup_id < b->value.cgroup_id);
	if (!order)
		order = bytes_compare(a->value.cgroup, b->value.cgroup);
	if (!order)
		order = bytes_compare(a->value.user, b->value.user);
	return order ? order : bytes_compare(a->value.nodename, b->value.nodename);
}

static void copy_ids(struct fact_context *to, const struct fact_context *from)
{
	memcpy(to, from, offsetof(struct fact_context, ns_mnt)); /* ids and capabilities stand first */
	to->user = from->user;
}

void context_copy(struct fact_context *to, const struct fact_context *from, uint32_t mask)
{
	if (mask & CONTEXT_IDS)
		copy_ids(to, from);
	if (mask & CONTEXT_NS_MNT)
		to->ns_mnt = from->ns_mnt;
	if (mask & CONTEXT_NS_PID)
		to->ns_pid = from->ns_pid;
	if (mask & CONTEXT_NS_NET)
		to->ns_net = from->ns_net;
	if (mask & CONTEXT_NS_USER)
		to->ns_user = from->ns_user;
	if (mask & CONTEXT_NS_UTS)
		to->ns_uts = from->ns_uts;
	if (mask & CONTEXT_NS_IPC)
		to->ns_ipc = from->ns_ipc;
	if (mask & CONTEXT_NS_CGROUP)
		to->ns_cgroup = from->ns_cgroup;
	if (mask & CONTEXT_NS_TIME)
		to->ns_time = from->ns_time;
	if (mask & CONTEXT_CGROUP) {
		to->cgroup_id = from->cgroup_id;
		to->cgroup = from->cgroup;
	}
	if (mask & CONTEXT_NODENAME)
		to->nodename = from->nodename;
}

struct fact_context context_unknown(void)
{
	return (struct fact_context){
	    .uid = FACT_ID_UNKNOWN,
	    .gid = FACT_ID_UNKNOWN,
	    .euid = FACT_ID_UNKNOWN,
	    .egid = FACT_ID_UNKNOWN,
	    .suid = FACT_ID_UNKNOWN,
	    .sgid = FACT_ID_UNKNOWN,
	    .fsuid = FACT_ID_UNKNOWN,
	    .fsgid = FACT_ID_UNKNOWN,
	    .loginuid = FACT_ID_UNKNOWN,
	    .session = FACT_ID_UNKNOWN,
	};
}
