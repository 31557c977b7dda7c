/* SPDX-License-Identifier: Apache-2.0 */
/* What one loop hands to another one: posts, delivered in order on the thread of the loop that owns the mailbox. */
#ifndef CANOPY_COLLECTOR_SHARD_MAILBOX_H
#define CANOPY_COLLECTOR_SHARD_MAILBOX_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

/* Lies in what is handed over; the receiver owns it from deliver on. */
struct post {
	STAILQ_ENTRY(post) next;
	void (*deliver)(struct post *post, void *owner); /* owner: the mailbox's */
};

struct mailbox {
	uv_async_t async;
	uv_mutex_t mutex;
	STAILQ_HEAD(, post) posts;
	void *owner;
	void (*closed)(void *owner);
};

/* Errors: -errno. */
int mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, void *owner);
/* From any thread, until close is called. */
void mailbox_send(struct mailbox *mailbox, struct post *post);
/* Makes the loop turn once, with or without a post. From any thread, until close is called. */
void mailbox_wake(struct mailbox *mailbox);
/* On the loop's thread, when nobody sends any more: delivers what is left; closed is called last. */
void mailbox_close(struct mailbox *mailbox, void (*closed)(void *owner));

#endif
