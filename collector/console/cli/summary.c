/* SPDX-License-Identifier: Apache-2.0 */
/* A host is current when the collector calls it live; everything else is named with its state. */
#include <inttypes.h>

#include "collector/console/cli/escape.h"
#include "collector/console/cli/object.h"
#include "collector/console/cli/summary.h"
#include "collector/console/cli/timefmt.h"

/* Names of hosts that are not current; the rest is counted. */
#define NAMES_MAX 8

const json_t *summary_find_host(const json_t *hosts, struct bytes boot_id)
{
	json_t *host;
	size_t i;

	json_array_foreach(hosts, i, host)
		if (boot_id.len && bytes_equal(object_string(host, "boot_id"), boot_id))
			return host;
	return NULL;
}

static bool is_state(const json_t *host, const char *state)
{
	return bytes_equal(object_string(host, "state"), bytes_from_string(state));
}

static bool is_current(const json_t *host)
{
	return is_state(host, "live");
}

static bool is_catching_up(const json_t *host)
{
	return is_state(host, "catching up");
}

/* An earlier boot of a machine that runs on, or a host that said goodbye: nothing is missing of it. */
static bool is_over(const json_t *host)
{
	return is_state(host, "rebooted") || is_state(host, "gone");
}

/* Of those that are heard, and only what fits in nanoseconds. */
static bool find_lag(const json_t *host, double *ret)
{
	return (is_current(host) || is_catching_up(host)) && object_double(host, "lag_seconds", ret) && *ret >= 0 && *ret < 1e9;
}

void summary_add_heading(const json_t *host, struct bytes name, const struct face *face, struct text *out)
{
	struct bytes state = object_string(host, "state");
	int64_t lost = object_sum(object_at(host, "lost")), live;
	double lag;

	if (name.len)
		escape_text(out, name, face->utf8);
	else
		text_puts(out, "(host without a name)");
	if (state.len) {
		text_puts(out, "  ");
		escape_text(out, state, face->utf8);
	}
	if (find_lag(host, &lag)) {
		text_puts(out, ", lag ");
		timefmt_add_span(out, (int64_t)(lag * 1e9));
	}
	if (object_int(host, "live", &live))
		text_printf(out, ", %" PRId64 " process%s", live, live == 1 ? "" : "es");
	if (lost)
		text_printf(out, ", %" PRId64 " facts lost", lost);
	if (json_array_size(object_at(host, "gaps")))
		text_printf(out, ", %zu gap%s", json_array_size(object_at(host, "gaps")),
			    json_array_size(object_at(host, "gaps")) == 1 ? "" : "s");
}

void summary_of(const json_t *hosts, struct summary *ret)
{
	struct summary summary = {.lag_seconds = -1};
	json_t *host;
	size_t i;

	json_array_foreach(hosts, i, host) {
		int64_t live = 0;
		double lag;

		if (!is_over(host))
			summary.hosts++;
		summary.current += is_current(host);
		summary.catching_up += is_catching_up(host);
		summary.silent += is_state(host, "silent");
		summary.lost = object_add(summary.lost, object_sum(object_at(host, "lost")));
		if (object_int(host, "live", &live))
			summary.live = object_add(summary.live, live);
		if (find_lag(host, &lag) && lag > summary.lag_seconds)
			summary.lag_seconds = lag;
	}
	*ret = summary;
}

void summary_add_current(const json_t *hosts, const struct face *face, struct text *out)
{
	struct summary summary;
	size_t named = 0, left;
	json_t *host;
	size_t i;

	summary_of(hosts, &summary);
	left = summary.hosts - summary.current;
	text_printf(out, "%zu of %zu host%s %s current", summary.current, summary.hosts, summary.hosts == 1 ? "" : "s",
		    summary.hosts == 1 ? "is" : "are");
	json_array_foreach(hosts, i, host) {
		if (is_current(host) || is_over(host))
			continue;
		if (named == NAMES_MAX) {
			text_printf(out, " and %zu more", left - named);
			break;
		}
		text_puts(out, named++ ? ", " : "; not: ");
		if (object_string(host, "host").len)
			escape_text(out, object_string(host, "host"), face->utf8);
		else
			text_puts(out, "(host without a name)");
		text_puts(out, " (");
		escape_text(out, object_string(host, "state"), face->utf8);
		text_putc(out, ')');
	}
}
