/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/shard/mailbox.h"

static struct post *take(struct mailbox *mailbox)
{
	struct post *post;

	uv_mutex_lock(&mailbox->mutex);
	post = STAILQ_FIRST(&mailbox->posts);
	if (post)
		STAILQ_REMOVE_HEAD(&mailbox->posts, next);
	uv_mutex_unlock(&mailbox->mutex);
	return post;
}

static void deliver(struct mailbox *mailbox)
{
	struct post *post;

	while ((post = take(mailbox)))
		post->deliver(post, mailbox->owner);
}

static void on_async(uv_async_t *async)
{
	deliver(async->data);
}

int mailbox_init(struct mailbox *mailbox, uv_loop_t *loop, void *owner)
{
	int r = uv_mutex_init(&mailbox->mutex);

	if (r < 0)
		return r;
	r = uv_async_init(loop, &mailbox->async, on_async);
	if (r < 0) {
		uv_mutex_destroy(&mailbox->mutex);
		return r;
	}
	mailbox->async.data = mailbox;
	mailbox->owner = owner;
	STAILQ_INIT(&mailbox->posts);
	return 0;
}

void mailbox_send(struct mailbox *mailbox, struct post *post)
{
	uv_mutex_lock(&mailbox->mutex);
	STAILQ_INSERT_TAIL(&mailbox->posts, post, next);
	uv_mutex_unlock(&mailbox->mutex);
	mailbox_wake(mailbox);
}

void mailbox_wake(struct mailbox *mailbox)
{
	(void)uv_async_send(&mailbox->async); /* fails only for a handle of another kind */
}

static void on_closed(uv_handle_t *handle)
{
	struct mailbox *mailbox = handle->data;

	uv_mutex_destroy(&mailbox->mutex);
	mailbox->closed(mailbox->owner);
}

void mailbox_close(struct mailbox *mailbox, void (*closed)(void *owner))
{
	deliver(mailbox);
	mailbox->closed = closed;
	uv_close((uv_handle_t *)&mailbox->async, on_closed);
}
