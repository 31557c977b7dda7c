/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that runs already has by its file: set-user-ID, set-group-ID, file capabilities. An exec tells what it gained; a snapshot comes
 * later, when the process may have changed its ids. So the rule is what can be seen of it now: the file gives it, its mount lets it, and the
 * process still holds it beside what it was before. Whoever gave it up for good, or took it over wholly, has no flag. */
#ifndef CANOPY_SENSOR_PROBE_GAINS_H
#define CANOPY_SENSOR_PROBE_GAINS_H

#include <stdint.h>
#include <sys/stat.h>

#include "canopy/bytes.h"
#include "canopy/event.h"

struct gains_caps { /* of a file */
	uint64_t permitted, inheritable;
};

/* Sets EVENT_SETUID, EVENT_SETGID and EVENT_FILECAP in a record that has ids, capabilities and mode. process is the open folder /proc/PID. A file
 * that cannot be looked at gives nothing. */
void gains_fill(int process, struct event *event);

/* The rule for the ids, of a file on a mount that heeds its bits. */
uint32_t gains_by_ids(const struct event *event, const struct stat *file);

/* The extended attribute security.capability. Errors: -EBADMSG when it is none; *ret is then untouched. */
int gains_parse_caps(struct bytes attribute, struct gains_caps *ret);

#endif
