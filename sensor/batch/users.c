/* SPDX-License-Identifier: Apache-2.0 */
/* A direct-mapped cache: a lookup through NSS costs micro- to milliseconds, a hit here nothing, and the bound needs no
 * bookkeeping. That an id has no name is remembered too. */
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/batch/users.h"

#define NAME_MAX_BYTES 64u      /* a longer name is cut; useradd allows 32 */
#define SCRATCH_BYTES 16384u    /* for getpwuid_r: a whole passwd line */

struct user {
	uint64_t until_ns; /* 0 = empty slot */
	uint32_t uid;
	uint32_t len;
	char name[NAME_MAX_BYTES];
};

struct users {
	struct user slots[USERS_MAX];
	users_lookup *lookup;
};

static size_t look_up_host(uint32_t uid, char *name, size_t size)
{
	char scratch[SCRATCH_BYTES];
	struct passwd entry, *found = NULL;
	size_t len;

	if (getpwuid_r(uid, &entry, scratch, sizeof(scratch), &found) != 0 || !found)
		return 0;
	len = strnlen(entry.pw_name, size);
	memcpy(name, entry.pw_name, len);
	return len;
}

int users_create(struct users **ret)
{
	return users_create_with(ret, look_up_host);
}

int users_create_with(struct users **ret, users_lookup *lookup)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return -ENOMEM;
	users->lookup = lookup;
	*ret = users;
	return 0;
}

void users_destroy(struct users *users)
{
	free(users);
}

struct bytes users_name(struct users *users, uint32_t uid, uint64_t now_ns)
{
	struct user *user = &users->slots[uid % USERS_MAX];

	if (user->until_ns == 0 || user->uid != uid || user->until_ns < now_ns) {
		user->uid = uid;
		user->len = (uint32_t)users->lookup(uid, user->name, sizeof(user->name));
		user->until_ns = now_ns + USERS_KEEP_NS;
	}
	return bytes_make(user->name, user->len);
}
