/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's state folder: made, checked, and the place of small files that tell others where it listens. */
#ifndef CANOPY_COLLECTOR_STATE_H
#define CANOPY_COLLECTOR_STATE_H

/* Makes dir (mode 0700) when it is missing and checks that it is a folder that nobody else can write. Errors: -errno,
 * -EPERM (others can write it, it or a link to it is another user's), -ENOTDIR; *ret_why is then a malloc'ed sentence that names
 * folder, value and remedy. */
int state_prepare(const char *dir, char **ret_why);

/* Writes one line of text to DIR/name (mode 0644), whole or not at all. Errors: -errno. */
int state_write(const char *dir, const char *name, const char *text);
void state_remove(const char *dir, const char *name);

#endif
