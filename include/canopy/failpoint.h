/* SPDX-License-Identifier: Apache-2.0 */
/* Named points at which a fault test lets the process die as by power failure: FAILPOINT("seglog-before-fsync") is
 * nothing at all unless the build has -DCANOPY_FAILPOINTS=1. Then CANOPY_FAILPOINT=NAME[:COUNT] in the environment
 * makes the process send itself SIGKILL at the COUNT-th passage (from 1, the default) of that point. No handler runs,
 * no buffer is flushed. */
#ifndef CANOPY_FAILPOINT_H
#define CANOPY_FAILPOINT_H

#ifdef CANOPY_FAILPOINTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Weak, so that all translation units count the passages of one point together. Points are passed on worker threads
 * too. */
__attribute__((weak)) unsigned long failpoint_passages_;

static inline void failpoint_pass_(const char *name)
{
	const char *wanted = getenv("CANOPY_FAILPOINT");
	size_t len = strlen(name);
	unsigned long count;

	if (!wanted || strncmp(wanted, name, len) != 0 || (wanted[len] != '\0' && wanted[len] != ':'))
		return;
	count = wanted[len] == ':' ? strtoul(wanted + len + 1, NULL, 10) : 1;
	if (__atomic_add_fetch(&failpoint_passages_, 1, __ATOMIC_RELAXED) == count)
		(void)raise(SIGKILL); /* by tgkill, which a confined sensor may still call */
}

#define FAILPOINT(name) failpoint_pass_(name)

#else

#define FAILPOINT(name) ((void)0)

#endif

#endif
