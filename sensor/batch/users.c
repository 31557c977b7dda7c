/* SPDX-License-Identifier: Apache-2.0 */
/* A direct-mapped cache: a lookup through NSS costs micro- to milliseconds, a hit here nothing, and the bound needs no bookkeeping. That an id has
 * no name is remembered too. */
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
	char scratch[SCRATCH_BYTES];
};

int users_create(struct users **ret)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return -ENOMEM;
	*ret = users;
	return 0;
}

void users_destroy(struct users *users)
{
	free(users);
}

static void look_up(struct users *users, struct user *user, uint32_t uid)
{
	struct passwd entry, *found = NULL;

	user->uid = uid;
	user->len = 0;
	if (getpwuid_r(uid, &entry, users->scratch, sizeof(users->scratch), &found) != 0 || !found)
		return;
	user->len = (uint32_t)strnlen(entry.pw_name, NAME_MAX_BYTES);
	memcpy(user->name, entry.pw_name, user->len);
}

struct bytes users_name(struct users *users, uint32_t uid, uint64_t now_ns)
{
	struct user *user = &users->slots[uid % USERS_MAX];

	if (user->until_ns == 0 || user->uid != uid || user->until_ns < now_ns) {
		look_up(users, user, uid);
		user->until_ns = now_ns + USERS_KEEP_NS;
	}
	return bytes_make(user->name, user->len);
}
