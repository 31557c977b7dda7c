/* SPDX-License-Identifier: Apache-2.0 */
/* Container runtimes put the id into the name of the container's cgroup, each with its own decoration. A path is read
 * from its end, so that a container inside a container is the one that is named. Monitors (conmon) carry the
 * id as well but run outside of the container: their prefixes are not in the table. */
#include "proto/model/container.h"

#include <stdbool.h>
#include <stddef.h>

/* What stands before and behind the id in one path element. */
static const struct {
	struct bytes before, after;
} forms[] = {
	{BYTES_LITERAL(""), BYTES_LITERAL("")},                        /* cgroupfs driver: /docker/ID, /kubepods/…/ID */
	{BYTES_LITERAL("docker-"), BYTES_LITERAL(".scope")},
	{BYTES_LITERAL("cri-containerd-"), BYTES_LITERAL(".scope")},
	{BYTES_LITERAL("nerdctl-"), BYTES_LITERAL(".scope")},
	{BYTES_LITERAL("crio-"), BYTES_LITERAL(".scope")},
	{BYTES_LITERAL("crio-"), BYTES_LITERAL("")},
	{BYTES_LITERAL("libpod-"), BYTES_LITERAL(".scope")},
	{BYTES_LITERAL("libpod-"), BYTES_LITERAL("")},
	{BYTES_LITERAL("libpod-payload-"), BYTES_LITERAL("")},
};

static bool is_id(const char *p)
{
	for (size_t i = 0; i < CONTAINER_ID_LEN; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	return true;
}

/* systemd driver without delegation: SLICE:cri-containerd:ID, the last field counts */
static struct bytes behind_colon(struct bytes element)
{
	for (uint32_t i = element.len; i > 0; i--)
		if (element.data[i - 1] == ':')
			return bytes_make(element.data + i, element.len - i);
	return element;
}

static struct bytes match(struct bytes element)
{
	element = behind_colon(element);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct bytes before = forms[i].before, after = forms[i].after;

		if (element.len != before.len + CONTAINER_ID_LEN + after.len)
			continue;
		if (memcmp(element.data, before.data, before.len) == 0 && is_id(element.data + before.len) &&
		    memcmp(element.data + before.len + CONTAINER_ID_LEN, after.data, after.len) == 0)
			return bytes_make(element.data + before.len, CONTAINER_ID_LEN);
	}
	return BYTES_NULL;
}

struct bytes container_id_find(struct bytes cgroup)
{
	uint32_t end = cgroup.len;

	while (end >= CONTAINER_ID_LEN) {
		uint32_t begin = end;
		struct bytes id;

		while (begin > 0 && cgroup.data[begin - 1] != '/')
			begin--;
		id = match(bytes_make(cgroup.data + begin, end - begin));
		if (id.len)
			return id;
		end = begin > 0 ? begin - 1 : 0;
	}
	return BYTES_NULL;
}
