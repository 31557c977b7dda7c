/* SPDX-License-Identifier: Apache-2.0 */
/* The struct itself with its three string pointers blanked, then the strings: it never leaves this process, so the layout needs no
 * portability; every byte of it is determined by the content (fields are copied one by one into zeroed memory). */
#include <errno.h>

#include "collector/forest/pack.h"

static char *append(char *at, struct bytes b)
{
	if (b.len)
		memcpy(at, b.data, b.len);
	return at + b.len;
}

int context_pack(struct arena *arena, const struct fact_context *context, struct bytes *ret)
{
	size_t len = sizeof(*context) + context->cgroup.len + context->user.len + context->nodename.len;
	struct fact_context *head = arena_zalloc(arena, 1, len);
	char *at = (char *)(head + 1);

	if (!head)
		return -ENOMEM;
	*head = *context;
	/* padding of the copied struct is as undetermined as the source's: blank the strings, which end on padding */
	memset(&head->cgroup, 0, sizeof(head->cgroup));
	memset(&head->user, 0, sizeof(head->user));
	memset(&head->nodename, 0, sizeof(head->nodename));
	head->cgroup.len = context->cgroup.len;
	head->user.len = context->user.len;
	head->nodename.len = context->nodename.len;
	at = append(at, context->cgroup);
	at = append(at, context->user);
	(void)append(at, context->nodename);
	*ret = bytes_make(head, len);
	return 0;
}

void context_unpack(struct bytes packed, struct fact_context *ret)
{
	const char *at = packed.data + sizeof(*ret);

	memcpy(ret, packed.data, sizeof(*ret));
	ret->cgroup.data = at;
	at += ret->cgroup.len;
	ret->user.data = at;
	at += ret->user.len;
	ret->nodename.data = at;
}
