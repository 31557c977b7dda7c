/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a folder belongs to us: whoever else can write it can swap what we keep there. Header-only. */
#ifndef CANOPY_FOLDER_H
#define CANOPY_FOLDER_H

#include <sys/stat.h>
#include <unistd.h>

enum {
	FOLDER_E_LINK = 1, /* the way there is a link that another user has made, and can turn elsewhere */
	FOLDER_E_FOREIGN,  /* it is another user's */
	FOLDER_E_OPEN,     /* its group or everybody can write it */
};

/* Root can do what it likes in any case. */
static inline int folder_is_ours_(const struct stat *status)
{
	return status->st_uid == geteuid() || status->st_uid == 0;
}

/* path: as the user gave it. Returns 0, also for what is no link or not there, or FOLDER_E_LINK. */
static inline int folder_judge_path(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISLNK(status.st_mode) && !folder_is_ours_(&status) ? FOLDER_E_LINK : 0;
}

/* status: of the folder, by stat or fstat. Returns 0 or FOLDER_E_*. */
static inline int folder_judge(const struct stat *status)
{
	if (!folder_is_ours_(status))
		return FOLDER_E_FOREIGN;
	return status->st_mode & (S_IWGRP | S_IWOTH) ? FOLDER_E_OPEN : 0;
}

#endif
