/* SPDX-License-Identifier: Apache-2.0 */
/* Who may bring batches, and what is known of a peer from the moment on when it says hello. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/internal.h"
#include "collector/ingest/refusal.h"

int ingest_refuse_host(const struct ingest *ingest, int error, struct ingest_refusal *ret)
{
	uint32_t held, max;

	forest_host_room(ingest->forest, &held, &max);
	if (error == -ENOSPC)
		return refusal_make(ret, REJECT_LIMIT, 0,
			      "the collector already holds its limit of %u host boots, and none of them is over; start another "
			      "collector",
			      max);
	if (error == -EDQUOT)
		return refusal_make(ret, REJECT_LIMIT, 0,
			      "this certificate or address has brought as many host boots as one may (%u or %u), and none of "
			      "them is over; are boot ids made up there?",
			      ACCOUNT_CERTIFICATE_BOOTS_MAX, ACCOUNT_ADDRESS_BOOTS_MAX);
	return refusal_memory(ret);
}

/* A description that retention has taken away is written again at the next occasion. */
static int journal_description(struct ingest *ingest, struct link *link, const struct hello *hello, int64_t now_ns)
{
	uint64_t digest = link_digest(hello), position;
	int r;

	if (link->description == digest && link->described_at >= journal_first(ingest->journal))
		return 0;
	r = journal_append_host(ingest->journal, now_ns, hello, &position);
	if (r < 0)
		return r;
	link->description = digest;
	link->described_at = position;
	link_seen(link, position, now_ns);
	ingest->appended = position;
	return 0;
}

static int describe(struct ingest *ingest, const struct hello *hello, const struct speaker *speaker, int64_t now_ns,
		    struct link **ret_link, struct ingest_refusal *ret_refusal)
{
	struct forest_host *host;
	struct link *link;
	int r = hosts_get(&ingest->hosts, &hello->boot, speaker, now_ns, &host, &link);

	if (r < 0)
		return ingest_refuse_host(ingest, r, ret_refusal);
	r = forest_host_describe(ingest->forest, host, hello);
	if (r == 0)
		r = journal_description(ingest, link, hello, now_ns);
	if (r == -ENOMEM)
		return refusal_memory(ret_refusal);
	if (r < 0)
		return refusal_make(ret_refusal, REJECT_UNAVAILABLE, INGEST_RETRY_MS,
			      "the collector's journal takes nothing now: %s", strerror(-r));
	*ret_link = link;
	return 0;
}

static struct bytes name_of(const struct ingest *ingest, const struct boot_id *boot)
{
	const struct forest_host *host = forest_host_find(ingest->forest, boot);
	struct bytes name = BYTES_NULL;

	if (host)
		forest_host_name(host, &name, &boot);
	return name;
}

int ingest_check_speaker(struct ingest *ingest, const struct boot_id *boot, const struct speaker *speaker,
			 struct ingest_refusal *ret)
{
	struct link *link = ingest->strict ? links_find(&ingest->links, boot) : NULL;
	char text[BOOT_ID_TEXT];

	if (!link || speaker_may(speaker, link, name_of(ingest, boot)))
		return 0;
	link->refused++;
	ingest->stats.foreign_total++;
	boot_id_format(boot, text);
	return refusal_make(ret, REJECT_IDENTITY, 0,
		      "boot id %s belongs to another machine; a clone is to be booted anew, a copied spool to be removed, a "
		      "container to be shown the host's /etc/machine-id, its certificate to name the host or that id",
		      text);
}

int ingest_refuse_clone(struct link *link, uint64_t stream, struct ingest_refusal *ret)
{
	clones_cast_out(&link->clones, stream);
	return refusal_make(ret, REJECT_IDENTITY, 0,
		      "this sensor's facts contradict those of another one with the same boot id: two machines resumed from one memory "
		      "snapshot; boot one of them anew");
}

const struct speaker *ingest_speaker(const struct ingest_peer *peer)
{
	return peer->speaker;
}

int ingest_resolve_stream(struct ingest *ingest, const struct boot_id *boot, uint64_t stream, struct stream_entry **ret,
			  struct ingest_refusal *ret_refusal)
{
	int r = streams_get(&ingest->streams, boot, stream, ret);

	if (r == -ENOSPC)
		return refusal_make(
		    ret_refusal, REJECT_LIMIT, 0,
		    "%u streams of this host boot are connected at once, which is the limit; stop some of its sensors",
		    STREAMS_PER_BOOT_MAX);
	return r < 0 ? refusal_memory(ret_refusal) : 0;
}

static void welcome_peer(const struct stream_entry *entry, const struct hello *hello, struct welcome *ret)
{
	uint64_t first = hello->first_unacked_seq ? hello->first_unacked_seq : 1;

	*ret = (struct welcome){
	    .protocol_version = hello->protocol_version < PROTOCOL_VERSION ? hello->protocol_version : PROTOCOL_VERSION,
	    /* Only what is durable counts: what is still on its way to the disk is sent again and found to be known. */
	    .resume_seq = entry->durable >= first ? entry->durable + 1 : first,
	    .window_batches = INGEST_WINDOW_BATCHES,
	    .max_frame_bytes = INGEST_FRAME_BYTES_MAX,
	    .compressions = COMPRESSIONS_ALL,
	    .collector_version = BYTES_LITERAL(CANOPY_VERSION),
	    /* Facts that this collector never had: of a stream that was begun elsewhere, or that has gone on there. */
	    .snapshot_wanted = first > (entry->next ? entry->next : 1),
	};
}

/* Everything that a peer of this Hello needs; nothing is undone when it fails. */
static int admit(struct ingest *ingest, const struct hello *hello, const struct speaker *speaker, int64_t now_ns,
		 struct link **ret_link, struct stream_entry **ret_entry, struct ingest_refusal *ret_refusal)
{
	struct link *known = links_find(&ingest->links, &hello->boot);
	int r = ingest_check_speaker(ingest, &hello->boot, speaker, ret_refusal);

	if (r == 0 && known && clones_is_outcast(&known->clones, hello->stream))
		r = ingest_refuse_clone(known, hello->stream, ret_refusal);
	if (r == 0)
		r = describe(ingest, hello, speaker, now_ns, ret_link, ret_refusal);
	if (r == 0)
		r = ingest_resolve_stream(ingest, &hello->boot, hello->stream, ret_entry, ret_refusal);
	return r;
}

/* speaker is consumed. NULL without memory. */
static struct ingest_peer *make_peer(struct ingest *ingest, const struct hello *hello, struct speaker *speaker)
{
	struct ingest_peer *peer = calloc(1, sizeof(*peer));

	if (!peer) {
		speaker_finish(speaker);
		return NULL;
	}
	*peer = (struct ingest_peer){.ingest = ingest,
				     .boot = hello->boot,
				     .stream = hello->stream,
				     .own = *speaker,
				     .newest_boot = hello->boot,
				     .session = true,
				     .turn = ++ingest->turns};
	peer->speaker = &peer->own;
	return peer;
}

int ingest_join(struct ingest *ingest, const struct hello *hello, const struct origin *origin,
		const struct ingest_peer_events *events, void *owner, int64_t now_ns, struct ingest_peer **ret,
		struct welcome *ret_welcome, struct ingest_refusal *ret_refusal)
{
	struct stream_entry *entry = NULL;
	struct ingest_peer *peer = NULL;
	struct link *link = NULL;
	struct speaker speaker;
	int r;

	if (ingest->error)
		return ingest_refuse_failed(ingest, ret_refusal);
	if (speaker_init(&speaker, hello, origin) < 0)
		return refusal_memory(ret_refusal);
	r = admit(ingest, hello, &speaker, now_ns, &link, &entry, ret_refusal);
	if (r != 0) {
		speaker_finish(&speaker);
		return r;
	}
	peer = make_peer(ingest, hello, &speaker);
	if (!peer)
		return refusal_memory(ret_refusal);
	peer->events = events;
	peer->owner = owner;
	peer->entry = entry;
	peer->link = link;
	if (hello->machine_id_known)
		link_bind(link, hello->machine_id);
	entry->users++;
	link->sessions++;
	link->goodbye = false;
	link_seen(link, 0, now_ns);
	link_clock(link, hello->boottime_ns, hello->boottime_to_wall_ns, now_ns);
	TAILQ_INSERT_TAIL(&ingest->reading, peer, siblings);
	welcome_peer(entry, hello, ret_welcome);
	*ret = peer;
	if (ingest->paused)
		ingest_pause_peer(peer, true);
	return 0;
}

int ingest_join_other(struct ingest *ingest, const struct boot_id *boot, uint64_t stream, const struct speaker *speaker,
		      const struct ingest_peer_events *events, void *owner, struct ingest_peer **ret,
		      struct ingest_refusal *ret_refusal)
{
	struct ingest_peer *peer;
	int r;

	if (ingest->error)
		return ingest_refuse_failed(ingest, ret_refusal);
	r = ingest_check_speaker(ingest, boot, speaker, ret_refusal);
	if (r != 0)
		return r;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return refusal_memory(ret_refusal);
	*peer = (struct ingest_peer){.ingest = ingest,
				     .events = events,
				     .owner = owner,
				     .boot = *boot,
				     .stream = stream,
				     .speaker = speaker,
				     .newest_boot = *boot};
	TAILQ_INSERT_TAIL(&ingest->reading, peer, siblings);
	*ret = peer;
	if (ingest->paused)
		ingest_pause_peer(peer, true);
	return 0;
}
