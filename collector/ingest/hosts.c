/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

void hosts_init(struct hosts *hosts, struct forest *forest, struct streams *streams, struct links *links)
{
	*hosts = (struct hosts){.forest = forest, .streams = streams, .links = links};
	accounts_init(&hosts->accounts);
}

void hosts_finish(struct hosts *hosts)
{
	accounts_finish(&hosts->accounts);
}

/* ---- forgetting ---------------------------------------------------------------------------------------------- */

struct candidate {
	struct forest_host *host;
	struct link *link;
};

static struct link *link_of(const struct hosts *hosts, const struct forest_host *host)
{
	const struct boot_id *boot;
	struct bytes name;

	forest_host_name(host, &name, &boot);
	return links_find(hosts->links, boot);
}

static bool may_go(const struct hosts *hosts, const struct candidate *candidate, int64_t now_ns)
{
	const struct link *link = candidate->link;
	int64_t silent_ns;

	if (!link || link->sessions > 0 || (hosts->keep_from && link->restored_at >= hosts->keep_from))
		return false;
	if (__builtin_sub_overflow(now_ns, link->seen_wall_ns, &silent_ns) || silent_ns < HOSTS_QUIET_NS ||
	    streams_in_use(hosts->streams, &link->boot))
		return false;
	return silent_ns >= HOSTS_SILENT_NS || forest_host_is_over(candidate->host);
}

static void forget(struct hosts *hosts, const struct candidate *candidate)
{
	struct account *account = candidate->link->account;

	if (account)
		account->boots--;
	accounts_release(&hosts->accounts, account);
	streams_forget(hosts->streams, &candidate->link->boot);
	links_forget(hosts->links, candidate->link);
	forest_host_forget(hosts->forest, candidate->host);
	hosts->forgotten++;
}

static int by_seen(const void *a, const void *b)
{
	int64_t x = ((const struct candidate *)a)->link->seen_wall_ns;
	int64_t y = ((const struct candidate *)b)->link->seen_wall_ns;

	return (x > y) - (x < y);
}

/* Forgets up to max boots that may go (NULL: of anybody), the oldest first. Returns how many; without memory none. */
static size_t forget_oldest(struct hosts *hosts, const struct account *of, size_t max, int64_t now_ns)
{
	struct candidate *all, one = {0};
	size_t count = 0, done = 0;
	uint32_t held, bound;

	forest_host_room(hosts->forest, &held, &bound);
	all = calloc((size_t)held + 1, sizeof(*all));
	if (!all)
		return 0;
	while ((one.host = forest_host_next(hosts->forest, one.host))) {
		one.link = link_of(hosts, one.host);
		if ((!of || (one.link && one.link->account == of)) && may_go(hosts, &one, now_ns))
			all[count++] = one;
	}
	if (count > 0)
		qsort(all, count, sizeof(*all), by_seen);
	for (; done < count && done < max; done++)
		forget(hosts, &all[done]);
	free(all);
	return done;
}

/* The list by name closes up behind one that goes, so the next is looked for before. */
void hosts_expire(struct hosts *hosts, uint64_t first, int64_t now_ns)
{
	struct candidate one = {.host = forest_host_next(hosts->forest, NULL)}, next = {0};

	for (; one.host; one = next) {
		next.host = forest_host_next(hosts->forest, one.host);
		one.link = link_of(hosts, one.host);
		if (one.link && one.link->position < first && may_go(hosts, &one, now_ns))
			forget(hosts, &one);
	}
}

/* ---- making -------------------------------------------------------------------------------------------------- */

/* Takes one of the account's own for the new one, when it has as many as it may. */
static int admit(struct hosts *hosts, struct account *account, int64_t now_ns)
{
	uint64_t clock_ns = uv_hrtime();

	if (!account || account->boots < account->boots_max)
		return 0;
	if (clock_ns >= account->retry_ns) {
		account->boots++; /* so that it stays when its last boot goes */
		account->retry_ns = forget_oldest(hosts, account, 1, now_ns) ? 0 : clock_ns + HOSTS_RETRY_NS;
		account->boots--;
	}
	return account->boots < account->boots_max ? 0 : -EDQUOT;
}

static void make_room(struct hosts *hosts, int64_t now_ns)
{
	uint64_t clock_ns = uv_hrtime();
	uint32_t held, bound;

	forest_host_room(hosts->forest, &held, &bound);
	if (held < bound - bound / HOSTS_NEAR || clock_ns < hosts->retry_ns)
		return;
	if (forget_oldest(hosts, NULL, bound / HOSTS_GROUP + 1, now_ns) == 0)
		hosts->retry_ns = clock_ns + HOSTS_RETRY_NS;
}

static int make(struct hosts *hosts, const struct boot_id *boot, const struct speaker *speaker, int64_t now_ns,
		struct forest_host **ret, struct link **ret_link)
{
	struct account *account = NULL;
	int r = speaker ? accounts_get(&hosts->accounts, speaker, &account) : 0;

	if (r == 0)
		r = admit(hosts, account, now_ns);
	if (r == 0) {
		if (account)
			account->boots++;
		make_room(hosts, now_ns);
		r = links_get(hosts->links, boot, ret_link);
		if (r == 0)
			r = forest_host_get(hosts->forest, boot, ret);
		if (r < 0 && account)
			account->boots--;
	}
	if (r < 0) {
		struct link *link = links_find(hosts->links, boot);

		if (link)
			links_forget(hosts->links, link);
		accounts_release(&hosts->accounts, account);
		return r;
	}
	(*ret_link)->account = account;
	(*ret_link)->seen_wall_ns = now_ns;
	return 0;
}

int hosts_get(struct hosts *hosts, const struct boot_id *boot, const struct speaker *speaker, int64_t now_ns,
	      struct forest_host **ret, struct link **ret_link)
{
	struct forest_host *host = forest_host_find(hosts->forest, boot);

	if (!host)
		return make(hosts, boot, speaker, now_ns, ret, ret_link);
	*ret = host;
	return links_get(hosts->links, boot, ret_link);
}
