/* SPDX-License-Identifier: Apache-2.0 */
/* Takes secrets out of argument lists on the host that they were typed on, before anything is written or sent. What is hidden is replaced by
 * '***'; the fact then carries FACT_REDACTED and is counted. */
#ifndef CANOPY_SENSOR_BATCH_REDACT_H
#define CANOPY_SENSOR_BATCH_REDACT_H

#include <stddef.h>
#include <stdint.h>

#include "canopy/fact.h"

#define REDACT_NAMES_MAX 64u /* own names beside the built-in ones */

struct redactor;

/* names: further names whose values are secret, compared like the built-in ones (letter case and '_' against '-' do not count; a name also
 * matches as the end of a longer one). Borrowed for the life of the redactor. Errors: -ENOMEM, -E2BIG (more than REDACT_NAMES_MAX). */
int redactor_create(struct redactor **ret, const struct bytes *names, size_t count);
void redactor_destroy(struct redactor *redactor); /* takes NULL */

/* Hides in fact->argv and fact->environ_ (which then point into the redactor until its next call):
 *   --password X   --password=X   password=X   PGPASSWORD=X    the value of a secret name, as an option or an assignment
 *                                                              (a word that begins with '-' behind --password is taken for the next option)
 *   scheme://user:X@host   scheme://X@host                     the password of a URL; its user where there is none
 *   Authorization: X                                           what follows the name of a secret header
 * and the same inside of an argument, as docs/privacy.md tells it. Takes time in proportion to the length.
 * argv_bytes stays the true length of the original. Returns the number of places; -ENOMEM: both are then emptied rather than shown. */
int redactor_apply(struct redactor *redactor, struct fact *fact);

uint64_t redactor_count(const struct redactor *redactor); /* places hidden so far */

#endif
