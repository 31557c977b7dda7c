/* SPDX-License-Identifier: Apache-2.0 */
/* A direct-mapped cache: a lookup costs micro- to milliseconds, a hit here nothing, and the bound needs no bookkeeping. That an id has no name is
 * remembered too.
 *
 * The thread that asks the directory is begun with the first question, since most hosts have none. It is not one of libuv's, so that a directory that
 * hangs holds up neither a sync of the spool nor the end of the sensor. Questions and answers lie in a desk that both sides share and the last one frees. */
#include "sensor/batch/users.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES 64u      /* a longer name is cut; useradd allows 32 */
#define SCRATCH_BYTES 16384u    /* a whole passwd line */
#define STACK_BYTES (1u << 20)   /* NSS modules are not modest; only what is used of it counts */

struct answer {
	uint32_t uid;
	uint32_t len;
	bool failed;
	char name[NAME_MAX_BYTES];
};

/* Guarded by lock, except for lookup. Together never more than USERS_ASKED_MAX are asked, looked up or answered. */
struct desk {
	pthread_mutex_t lock;
	pthread_cond_t asked, answered;
	uint32_t questions[USERS_ASKED_MAX];
	unsigned question_first, question_count;
	struct answer answers[USERS_ASKED_MAX];
	unsigned answer_count;
	bool closing;
	unsigned holds; /* users and thread */
	users_lookup *lookup;
};

struct user {
	uint64_t until_ns; /* 0 = empty slot */
	uint32_t uid;
	uint32_t len;
	bool asked;   /* an answer is to come */
	bool nameless; /* and a fact has gone without it */
	char name[NAME_MAX_BYTES];
};

struct users {
	struct user slots[USERS_MAX];
	struct users_source source;
	struct desk *desk;   /* NULL until the first question */
	unsigned asked;      /* questions whose answer has not been taken */
	bool overdue;        /* one of them was waited for in vain */
	bool late;
	uint64_t now_ns;
};

/* ---- sources --------------------------------------------------------------------------------------------------- */

static size_t take_name(const struct passwd *entry, char *name, size_t size)
{
	size_t len = strnlen(entry->pw_name, size);

	memcpy(name, entry->pw_name, len);
	return len;
}

static size_t look_up_files(uint32_t uid, char *name, size_t size)
{
	char scratch[SCRATCH_BYTES];
	struct passwd entry, *found = NULL;
	FILE *file = fopen("/etc/passwd", "re");
	size_t len = 0;

	if (!file)
		return 0;
	while (len == 0 && fgetpwent_r(file, &entry, scratch, sizeof(scratch), &found) == 0) {
		if (entry.pw_uid == uid)
			len = take_name(&entry, name, size);
	}
	(void)fclose(file);
	return len;
}

/* What getpwuid_r(3) may say of an id that nobody has. */
static bool means_nobody(int error)
{
	return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

static size_t look_up_directory(uint32_t uid, char *name, size_t size)
{
	char scratch[SCRATCH_BYTES];
	struct passwd entry, *found = NULL;
	int r = getpwuid_r(uid, &entry, scratch, sizeof(scratch), &found);

	if (found)
		return take_name(found, name, size);
	return means_nobody(r) ? 0 : USERS_FAILED;
}

/* ---- the desk -------------------------------------------------------------------------------------------------- */

static int desk_create(struct desk **ret, users_lookup *lookup)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	pthread_condattr_t monotonic;

	if (!desk)
		return -ENOMEM;
	desk->lookup = lookup;
	desk->holds = 1;
	(void)pthread_mutex_init(&desk->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&desk->asked, NULL);
	(void)pthread_cond_init(&desk->answered, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	*ret = desk;
	return 0;
}

/* Called with the lock held, which is gone afterwards. */
static void desk_release(struct desk *desk)
{
	unsigned holds = --desk->holds;

	(void)pthread_mutex_unlock(&desk->lock);
	if (holds > 0)
		return;
	(void)pthread_cond_destroy(&desk->asked);
	(void)pthread_cond_destroy(&desk->answered);
	(void)pthread_mutex_destroy(&desk->lock);
	free(desk);
}

static void ask_directory(const struct desk *desk, struct answer *answer)
{
	size_t len = desk->lookup(answer->uid, answer->name, sizeof(answer->name));

	answer->failed = len == USERS_FAILED;
	answer->len = answer->failed ? 0 : (uint32_t)len;
}

static void *answer_all(void *argument)
{
	struct desk *desk = argument;
	struct answer answer;

	(void)pthread_mutex_lock(&desk->lock);
	while (!desk->closing) {
		if (desk->question_count == 0) {
			(void)pthread_cond_wait(&desk->asked, &desk->lock);
			continue;
		}
		answer.uid = desk->questions[desk->question_first];
		desk->question_first = (desk->question_first + 1) % USERS_ASKED_MAX;
		desk->question_count--;
		(void)pthread_mutex_unlock(&desk->lock);
		ask_directory(desk, &answer);
		(void)pthread_mutex_lock(&desk->lock);
		desk->answers[desk->answer_count++] = answer;
		(void)pthread_cond_signal(&desk->answered);
	}
	desk_release(desk);
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct desk *desk)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	desk->holds++;
	r = pthread_create(&thread, &attributes, answer_all, desk);
	if (r != 0)
		desk->holds--;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

static int open_desk(struct users *users)
{
	int r = desk_create(&users->desk, users->source.directory);

	if (r < 0)
		return r;
	r = start_thread(users->desk);
	if (r < 0) {
		(void)pthread_mutex_lock(&users->desk->lock);
		desk_release(users->desk);
		users->desk = NULL;
	}
	return r;
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

int users_create_with(struct users **ret, const struct users_source *source)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return -ENOMEM;
	users->source = *source;
	*ret = users;
	return 0;
}

int users_create(struct users **ret)
{
	return users_create_with(ret, &(struct users_source){look_up_files, look_up_directory, USERS_WAIT_NS});
}

void users_destroy(struct users *users)
{
	if (!users)
		return;
	if (users->desk) {
		(void)pthread_mutex_lock(&users->desk->lock);
		users->desk->closing = true;
		(void)pthread_cond_signal(&users->desk->asked);
		desk_release(users->desk);
	}
	free(users);
}

static struct user *slot_of(struct users *users, uint32_t uid)
{
	return &users->slots[uid % USERS_MAX];
}

/* Where the directory has failed, a name that was known stays. */
static void take_answer(struct users *users, const struct answer *answer)
{
	struct user *user = slot_of(users, answer->uid);

	users->asked--;
	if (user->uid != answer->uid || !user->asked)
		return; /* another id has taken the slot */
	users->late = users->late || (user->nameless && answer->len > 0);
	user->asked = user->nameless = false;
	user->until_ns = users->now_ns + USERS_KEEP_NS;
	if (answer->failed)
		return;
	user->len = answer->len;
	memcpy(user->name, answer->name, answer->len);
}

/* With the lock held. */
static void take_answers(struct users *users)
{
	struct desk *desk = users->desk;

	for (unsigned i = 0; i < desk->answer_count; i++)
		take_answer(users, &desk->answers[i]);
	desk->answer_count = 0;
	users->overdue = users->overdue && users->asked > 0;
}

static void collect(struct users *users)
{
	if (users->asked == 0)
		return;
	(void)pthread_mutex_lock(&users->desk->lock);
	take_answers(users);
	(void)pthread_mutex_unlock(&users->desk->lock);
}

static struct timespec deadline_in(uint64_t ns)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	ns += (uint64_t)at.tv_nsec;
	at.tv_sec += (time_t)(ns / 1000000000u);
	at.tv_nsec = (long)(ns % 1000000000u);
	return at;
}

/* With the lock held. */
static void wait_for(struct users *users, const struct user *user)
{
	struct timespec until = deadline_in(users->source.wait_ns);
	int r = 0;

	take_answers(users);
	while (user->asked && r == 0) {
		r = pthread_cond_timedwait(&users->desk->answered, &users->desk->lock, &until);
		take_answers(users);
	}
	users->overdue = user->asked;
}

static void ask(struct users *users, struct user *user)
{
	struct desk *desk;

	/* Without room or thread it is tried again in a while. */
	user->until_ns = users->now_ns + USERS_AGAIN_NS;
	if (users->asked == USERS_ASKED_MAX || (!users->desk && open_desk(users) < 0))
		return;
	desk = users->desk;
	users->asked++;
	user->asked = true;
	(void)pthread_mutex_lock(&desk->lock);
	desk->questions[(desk->question_first + desk->question_count++) % USERS_ASKED_MAX] = user->uid;
	(void)pthread_cond_signal(&desk->asked);
	if (!users->overdue)
		wait_for(users, user);
	(void)pthread_mutex_unlock(&desk->lock);
}

/* The name is not there, or has been for too long. */
static void look_up(struct users *users, struct user *user, uint32_t uid)
{
	char name[NAME_MAX_BYTES];
	uint32_t len;

	if (user->uid != uid || user->until_ns == 0)
		*user = (struct user){.uid = uid};
	len = (uint32_t)users->source.files(uid, name, sizeof(name));
	if (len == 0) {
		ask(users, user);
		return;
	}
	memcpy(user->name, name, len);
	user->len = len;
	user->until_ns = users->now_ns + USERS_KEEP_NS;
}

struct bytes users_name(struct users *users, uint32_t uid, uint64_t now_ns)
{
	struct user *user = slot_of(users, uid);

	if (user->uid == uid && user->until_ns >= now_ns && user->until_ns && !user->asked)
		return bytes_make(user->name, user->len);
	users->now_ns = now_ns;
	collect(users);
	if (user->uid != uid || user->until_ns == 0 || (user->until_ns < now_ns && !user->asked))
		look_up(users, user, uid);
	user->nameless = user->asked && user->len == 0;
	return bytes_make(user->name, user->len);
}

bool users_take_late(struct users *users)
{
	bool late;

	collect(users);
	late = users->late;
	users->late = false;
	return late;
}
