/* SPDX-License-Identifier: Apache-2.0 */
/* Each step is there only when it was asked for. The filter comes before the redactor: what stays here needs no hiding. */
#include "sensor/batch/refine.h"

#include <errno.h>
#include <stdlib.h>

#include "sensor/batch/convert.h"
#include "sensor/batch/users.h"

struct refiner {
	struct users *users;
	struct filter *filter;     /* NULL = everything is told */
	struct redactor *redactor; /* NULL = argument lists are taken as they are */
	const struct refine_options *options;
	char environ_[EVENT_ENVIRON_MAX];
};

int refiner_create(struct refiner **ret, const struct refine_options *options)
{
	struct refiner *refiner = calloc(1, sizeof(*refiner));
	int r;

	if (!refiner)
		return -ENOMEM;
	refiner->options = options;
	r = users_create(&refiner->users);
	if (r == 0 && options->filter_count)
		r = filter_create(&refiner->filter, options->filters, options->filter_count);
	if (r == 0 && options->redact)
		r = redactor_create(&refiner->redactor, options->secrets, options->secret_count);
	if (r < 0)
		refiner_destroy(refiner);
	else
		*ret = refiner;
	return r;
}

void refiner_destroy(struct refiner *refiner)
{
	if (!refiner)
		return;
	redactor_destroy(refiner->redactor);
	filter_destroy(refiner->filter);
	users_destroy(refiner->users);
	free(refiner);
}

int refiner_event(struct refiner *refiner, const struct event *event, struct fact_context *context, struct fact *ret)
{
	int r = convert_event(event, context, ret);

	if (r < 0)
		return r;
	context->user = users_name(refiner->users, context->uid, ret->time_ns);
	if (refiner->filter && filter_apply(refiner->filter, ret) == FILTER_E_OUT)
		return REFINE_E_FILTERED;
	if (refiner->options->environ_count && ret->flags & FACT_ARGV_KNOWN)
		ret->environ_ = environ_pick(event_environ(event), refiner->options->environ_names, refiner->options->environ_count,
					     refiner->environ_);
	if (refiner->redactor)
		(void)redactor_apply(refiner->redactor, ret); /* without memory lists are emptied, and argv says so */
	return 0;
}

void refiner_snapshot(struct refiner *refiner, const struct snapshot_mark *mark)
{
	if (refiner->filter)
		filter_snapshot(refiner->filter, mark);
}

bool refiner_take_gap(struct refiner *refiner, uint64_t now_ns, bool all, struct gap *ret)
{
	return refiner->filter && filter_take_gap(refiner->filter, now_ns, all, ret);
}

bool refiner_take_late(struct refiner *refiner)
{
	return users_take_late(refiner->users);
}

uint64_t refiner_redacted(const struct refiner *refiner)
{
	return refiner->redactor ? redactor_count(refiner->redactor) : 0;
}

uint64_t refiner_filtered(const struct refiner *refiner, enum fact_type type)
{
	return refiner->filter ? filter_count(refiner->filter, type) : 0;
}
