/* SPDX-License-Identifier: Apache-2.0 */
/* Skew is measured when a message that carries the host's clock arrives: host's wall clock minus ours. Delay on the way
 * can only make the host's clock look slow, so the best of the newest measurements counts. Lag is corrected by it, so
 * that a host with a wrong clock does not look late. */
#include "collector/ingest/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SKEW_STEP_NS 1000000000ll /* so much slower than before is a clock that was set, not a delay */
#define SKEW_WEIGHT 16            /* a slower clock is believed over some 16 heartbeats, half a minute */

void links_init(struct links *links)
{
	index_init(&links->index);
}

void links_finish(struct links *links)
{
	struct index_node *node;

	while ((node = index_pop(&links->index)))
		free(index_entry(node, struct link, node));
	index_finish(&links->index);
}

struct link *links_find(const struct links *links, const struct boot_id *boot)
{
	uint64_t hash = index_hash(&links->index, boot->octets, BOOT_ID_BYTES);
	struct index_node *node = index_first(&links->index, hash);

	for (; node; node = index_next(node)) {
		struct link *link = index_entry(node, struct link, node);

		if (boot_id_equal(&link->boot, boot))
			return link;
	}
	return NULL;
}

int links_get(struct links *links, const struct boot_id *boot, struct link **ret)
{
	struct link *link = links_find(links, boot);

	if (!link) {
		link = calloc(1, sizeof(*link));
		if (!link)
			return -ENOMEM;
		*link = (struct link){.boot = *boot, .heard_wall_ns = INT64_MIN, .lag_ns = -1};
		if (index_insert(&links->index, &link->node, index_hash(&links->index, boot->octets, BOOT_ID_BYTES)) <
		    0) {
			free(link);
			return -ENOMEM;
		}
	}
	*ret = link;
	return 0;
}

void links_forget(struct links *links, struct link *link)
{
	index_remove(&links->index, &link->node);
	free(link);
}

void link_seen(struct link *link, uint64_t position, int64_t now_ns)
{
	if (position > link->position)
		link->position = position;
	if (now_ns > link->seen_wall_ns)
		link->seen_wall_ns = now_ns;
}

/* Clocks of peers may hold any value. */
static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN + 1 : INT64_MAX;
	return sum;
}

static int64_t subtract(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a < 0 ? INT64_MIN + 1 : INT64_MAX;
	return difference;
}

static int64_t to_wall(uint64_t boottime_ns, int64_t boottime_to_wall_ns)
{
	return add(boottime_ns > INT64_MAX ? INT64_MAX : (int64_t)boottime_ns, boottime_to_wall_ns);
}

void link_clock(struct link *link, uint64_t boottime_ns, int64_t boottime_to_wall_ns, int64_t now_ns)
{
	int64_t measured_ns = subtract(to_wall(boottime_ns, boottime_to_wall_ns), now_ns);
	int64_t behind_ns = subtract(link->skew_ns, measured_ns);

	if (link->heard_wall_ns != INT64_MIN && behind_ns > 0 && behind_ns < SKEW_STEP_NS)
		measured_ns = link->skew_ns - behind_ns / SKEW_WEIGHT;
	link->skew_ns = measured_ns;
	link->heard_wall_ns = now_ns;
}

void link_bind(struct link *link, const uint8_t machine_id[16])
{
	if (link->bound)
		return;
	memcpy(link->machine_id, machine_id, sizeof(link->machine_id));
	link->bound = true;
}

void link_heartbeat(struct link *link, const struct heartbeat *heartbeat, int64_t now_ns)
{
	link_clock(link, heartbeat->boottime_ns, heartbeat->boottime_to_wall_ns, now_ns);
	link->heartbeat = *heartbeat;
	link->heard = true;
	if (heartbeat->queue_batches == 0)
		link->lag_ns = 0; /* all that the host knows had been sent when this left it */
}

void link_batch(struct link *link, uint64_t newest_ns, int64_t boottime_to_wall_ns, int64_t now_ns)
{
	int64_t lag = subtract(add(now_ns, link->skew_ns), to_wall(newest_ns, boottime_to_wall_ns));

	link->heard_wall_ns = now_ns;
	link->lag_ns = lag < 0 ? 0 : lag;
}

void link_show(const struct link *link, uint64_t window, int64_t now_ns, struct fleet_link *ret)
{
	*ret = (struct fleet_link){.heard_wall_ns = INT64_MIN, .lag_ns = -1};
	if (!link)
		return;
	ret->connected = link->sessions > 0;
	ret->sessions = link->sessions;
	ret->catching_up = ret->connected && link->heard && link->heartbeat.queue_batches > window;
	ret->goodbye = link->goodbye;
	ret->heard = link->heard;
	ret->heartbeat = link->heartbeat;
	ret->heard_wall_ns = link->heard_wall_ns;
	ret->skew_ns = link->skew_ns;
	ret->lag_ns = link->lag_ns;
	ret->sequence_gaps = link->sequence_gaps;
	ret->refused = link->refused;
	ret->contradictions = link->clones.contradictions;
	if (link->lag_ns >= 0 && subtract(now_ns, link->heard_wall_ns) > LINK_STALE_NS)
		ret->lag_ns = add(link->lag_ns, subtract(now_ns, link->heard_wall_ns));
}

static uint64_t digest_bytes(uint64_t digest, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < len; i++)
		digest =
		    (digest ^ at[i]) * 0x100000001b3u; /* FNV-1a: a host that collides harms only its own description */
	return digest;
}

static uint64_t digest_text(uint64_t digest, struct bytes text)
{
	digest = digest_bytes(digest, &text.len, sizeof(text.len));
	return digest_bytes(digest, text.data, text.len);
}

uint64_t link_digest(const struct hello *hello)
{
	uint8_t known = hello->machine_id_known;
	uint64_t digest = 0xcbf29ce484222325u;

	digest = digest_bytes(digest, &known, 1);
	if (known)
		digest = digest_bytes(digest, hello->machine_id, sizeof(hello->machine_id));
	digest = digest_text(digest, hello->hostname);
	digest = digest_text(digest, hello->kernel);
	digest = digest_text(digest, hello->arch);
	digest = digest_text(digest, hello->sensor_version);
	for (size_t i = 0; i < hello->tag_count; i++) {
		digest = digest_text(digest, hello->tags[i].key);
		digest = digest_text(digest, hello->tags[i].value);
	}
	return digest ? digest : 1;
}
