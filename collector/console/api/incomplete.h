/* SPDX-License-Identifier: Apache-2.0 */
/* Why an answer is not the whole truth: the array "incomplete" of lists, one object a host and reason,
 * {"host","boot_id","reason","message"}. */
#ifndef CANOPY_COLLECTOR_CONSOLE_API_INCOMPLETE_H
#define CANOPY_COLLECTOR_CONSOLE_API_INCOMPLETE_H

#include "collector/console/api/host.h"

#define INCOMPLETE_MAX 200u /* objects in one answer; the rest is counted */

struct incomplete {
	struct json *json;
	unsigned written, left_out;
};

/* Between begin and end the array is open in json. */
void incomplete_begin(struct incomplete *incomplete, struct json *json);
void incomplete_end(struct incomplete *incomplete);
/* What there is to say of a host for the time from since to until (wall clock, INT64_MIN and INT64_MAX = no bound). */
void incomplete_host(struct incomplete *incomplete, const struct host_look *look, int64_t since, int64_t until);
/* Anything else; look may be NULL. */
void incomplete_note(struct incomplete *incomplete, const struct host_look *look, const char *reason,
		     const char *message);

#endif
