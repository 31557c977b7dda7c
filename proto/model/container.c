/* SPDX-License-Identifier: Apache-2.0 */
/* Container runtimes put the id into the name of the container's cgroup, each with its own decoration: one table of those that use
 * 64 hexadecimal digits, one of those that use a name. A path is read from its end, so that a container inside a container is the
 * one that is named. Monitors (conmon, lxc.monitor, the supervisor of systemd-nspawn) carry the id as well but run outside of
 * the container: they are not in the tables, or refused. The names of elements are the same in cgroup v1 and v2. */
#include "proto/model/container.h"

#include <stdbool.h>
#include <stddef.h>

#define ID_DIGITS 64u

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

/* Of these the element above must be parent, too, where one is given. What systemd calls a unit is escaped. */
static const struct {
	struct bytes parent, before, after;
} named[] = {
	{BYTES_LITERAL(""), BYTES_LITERAL("lxc.payload."), BYTES_LITERAL("")},           /* LXC 4, LXD, Incus */
	{BYTES_LITERAL("lxc.payload"), BYTES_LITERAL(""), BYTES_LITERAL("")},            /* LXC 3.1 */
	{BYTES_LITERAL("lxc"), BYTES_LITERAL(""), BYTES_LITERAL("")},                    /* LXC before, Proxmox */
	{BYTES_LITERAL(""), BYTES_LITERAL("systemd-nspawn@"), BYTES_LITERAL(".service")},
	{BYTES_LITERAL("machine.slice"), BYTES_LITERAL("machine-"), BYTES_LITERAL(".scope")}, /* systemd-nspawn by hand, libvirt-lxc */
};

/* libvirt registers its virtual machines as machines, too. */
static const struct bytes virtual_machine = BYTES_LITERAL("qemu\\x2d");
static const struct bytes escape = BYTES_LITERAL("\\x"); /* and two hexadecimal digits */
static const struct bytes supervisor = BYTES_LITERAL("supervisor");

static bool is_id(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!((text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f')))
			return false;
	return text.len == ID_DIGITS;
}

static bool begins_with(struct bytes text, struct bytes prefix)
{
	return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

/* What stands between before and after; empty where the element has another form. */
static struct bytes between(struct bytes element, struct bytes before, struct bytes after)
{
	if (element.len < before.len + after.len || !begins_with(element, before) ||
	    memcmp(element.data + element.len - after.len, after.data, after.len) != 0)
		return BYTES_NULL;
	return bytes_make(element.data + before.len, element.len - before.len - after.len);
}

/* systemd driver without delegation: SLICE:cri-containerd:ID, the last field counts */
static struct bytes behind_colon(struct bytes element)
{
	for (uint32_t i = element.len; i > 0; i--)
		if (element.data[i - 1] == ':')
			return bytes_make(element.data + i, element.len - i);
	return element;
}

static struct bytes match_id(struct bytes element)
{
	element = behind_colon(element);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct bytes id = between(element, forms[i].before, forms[i].after);

		if (is_id(id))
			return id;
	}
	return BYTES_NULL;
}

static struct bytes match_name(struct bytes parent, struct bytes element, struct bytes child)
{
	if (bytes_equal(child, supervisor))
		return BYTES_NULL;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		struct bytes name = between(element, named[i].before, named[i].after);

		if (name.len && (named[i].parent.len == 0 || bytes_equal(parent, named[i].parent)))
			return begins_with(name, virtual_machine) ? BYTES_NULL : name;
	}
	return BYTES_NULL;
}

/* The path element that ends at end. */
static struct bytes element_before(struct bytes path, uint32_t end)
{
	uint32_t begin = end;

	while (begin > 0 && path.data[begin - 1] != '/')
		begin--;
	return bytes_make(path.data + begin, end - begin);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; /* as systemd writes them */
}

static struct bytes unescape(struct bytes name, char buffer[CONTAINER_ID_MAX])
{
	uint32_t len = 0;

	if (!buffer || name.len > CONTAINER_ID_MAX || !memchr(name.data, escape.data[0], name.len))
		return name;
	for (uint32_t i = 0; i < name.len; i++) {
		struct bytes rest = bytes_make(name.data + i, name.len - i);

		if (rest.len < 4 || !begins_with(rest, escape) || hex(rest.data[2]) < 0 || hex(rest.data[3]) < 0) {
			buffer[len++] = name.data[i];
			continue;
		}
		buffer[len++] = (char)(hex(rest.data[2]) << 4 | hex(rest.data[3]));
		i += 3;
	}
	return bytes_make(buffer, len);
}

struct bytes container_id_find(struct bytes cgroup, char buffer[CONTAINER_ID_MAX])
{
	struct bytes child = BYTES_NULL, element = element_before(cgroup, cgroup.len);

	while (element.data != cgroup.data) { /* what begins the path is no element: each stands behind a slash */
		struct bytes parent = element_before(cgroup, (uint32_t)(element.data - cgroup.data) - 1);
		struct bytes id = match_id(element);

		if (id.len == 0)
			id = match_name(parent, element, child);
		if (id.len)
			return unescape(id, buffer);
		child = element;
		element = parent;
	}
	return BYTES_NULL;
}
