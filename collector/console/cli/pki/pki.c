/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/console/cli/pki/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/stream/pem-file.h"

#define INDEX_BYTES_MAX ((size_t)256 << 20) /* PKI_INDEX_MAX lines */
#define PEM_BYTES_MAX ((size_t)1 << 20)
#define MODE_SECRET 0600
#define MODE_PUBLIC 0644

__attribute__((format(printf, 3, 4))) static int fail(struct pki *pki, int error, const char *format, ...)
{
	va_list args;

	free(pki->why);
	va_start(args, format);
	if (vasprintf(&pki->why, format, args) < 0)
		pki->why = NULL;
	va_end(args);
	return error;
}

static int fail_memory(struct pki *pki)
{
	return fail(pki, -ENOMEM, "out of memory, or OpenSSL refuses to work");
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static int path_of(struct pki *pki, const char *name, const char *suffix, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/%s%s", pki->dir, name, suffix) < PATH_MAX)
		return 0;
	return fail(pki, -ENAMETOOLONG, "the path of the folder %s is too long", pki->dir);
}

static bool exists(struct pki *pki, const char *name, const char *suffix)
{
	char path[PATH_MAX];

	return path_of(pki, name, suffix, path) == 0 && access(path, F_OK) == 0;
}

static int write_whole(int fd, const struct text *text, mode_t mode)
{
	size_t done = 0;

	if (fchmod(fd, mode) < 0)
		return -errno;
	while (done < text->len) {
		ssize_t n = write(fd, text->data + done, text->len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

/* Whole or not at all, also over a power cut. */
static int replace(struct pki *pki, const char *name, const char *suffix, const struct text *text, mode_t mode)
{
	char path[PATH_MAX], draft[PATH_MAX];
	int fd, r = path_of(pki, name, suffix, path);

	if (r == 0)
		r = path_of(pki, ".draft", "", draft);
	if (r < 0)
		return r;
	if (text->failed)
		return fail_memory(pki);
	(void)unlink(draft);
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_SECRET);
	r = fd < 0 ? -errno : write_whole(fd, text, mode);
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(draft, path) < 0)
		r = -errno;
	if (r == 0)
		r = sync_folder(pki->dir);
	if (r == 0)
		return 0;
	(void)unlink(draft);
	return fail(pki, r, "cannot write %s: %s; make room, or choose another folder by --dir", path, strerror(-r));
}

static int read_file(struct pki *pki, const char *name, const char *what, enum pem_secrecy secrecy, size_t max, char **ret,
		     size_t *ret_len)
{
	char path[PATH_MAX];
	int r = path_of(pki, name, "", path);

	if (r < 0)
		return r;
	free(pki->why);
	pki->why = NULL;
	return pem_file_read(path, what, secrecy, max, ret, ret_len, &pki->why);
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static int make_folder(struct pki *pki)
{
	char *copy = strdup(pki->dir);

	if (!copy)
		return fail_memory(pki);
	(void)mkdir(dirname(copy), 0755); /* /etc/canopy; that it is missing still shows below */
	free(copy);
	if (mkdir(pki->dir, 0700) == 0 || errno == EEXIST)
		return 0;
	return fail(pki, -errno, "cannot make the folder %s: %s; make its parent, run as root, or choose another one by --dir", pki->dir,
		    strerror(errno));
}

static int check_folder(struct pki *pki)
{
	struct stat status;

	if (stat(pki->dir, &status) < 0)
		return fail(pki, -errno, "cannot open the folder %s: %s; 'canopy pki init' makes it, --dir names another one", pki->dir,
			    strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return fail(pki, -ENOTDIR, "%s is no folder; choose another one by --dir", pki->dir);
	if (status.st_uid != geteuid())
		return fail(pki, -EACCES, "the folder %s belongs to user %u, this is user %u; run as its owner", pki->dir,
			    (unsigned)status.st_uid, (unsigned)geteuid());
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return fail(pki, -EACCES, "the folder %s has mode %04o, so that others can write it; chmod go-w it", pki->dir,
			    (unsigned)status.st_mode & 07777);
	return 0;
}

static int lock(struct pki *pki)
{
	char path[PATH_MAX];
	int r = path_of(pki, ".lock", "", path);

	if (r < 0)
		return r;
	pki->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, MODE_SECRET);
	if (pki->lock < 0 || flock(pki->lock, LOCK_EX) < 0)
		return fail(pki, -errno, "cannot lock %s: %s; is the folder yours to write?", path, strerror(errno));
	return 0;
}

static int read_index(struct pki *pki)
{
	unsigned line = 0;
	char *data;
	size_t len;
	int r;

	if (!exists(pki, "index", ""))
		return 0;
	r = read_file(pki, "index", "index", PEM_SECRET, INDEX_BYTES_MAX, &data, &len);
	if (r < 0)
		return r;
	r = pki_index_parse(data, len, &pki->index, &line);
	free(data);
	if (r == -EINVAL)
		return fail(pki, r, "line %u of %s/index cannot be read; restore the file from a backup", line, pki->dir);
	return r < 0 ? fail_memory(pki) : 0;
}

static int read_authority(struct pki *pki)
{
	char *pem = NULL, *key = NULL;
	size_t pem_len = 0, key_len = 0;
	int r = read_file(pki, "ca.pem", "authority's certificate", PEM_PUBLIC, PEM_BYTES_MAX, &pem, &pem_len);

	if (r == 0)
		r = read_file(pki, "ca.key", "authority's key", PEM_SECRET, PEM_BYTES_MAX, &key, &key_len);
	if (r == 0) {
		r = pki_authority_read(&pki->authority, pem, pem_len, key, key_len);
		if (r < 0)
			(void)fail(pki, r, "%s/ca.pem and ca.key are no certificate and its key; restore them from a backup", pki->dir);
	}
	pem_file_free(pem, pem_len);
	pem_file_free(key, key_len);
	return r;
}

static int write_index(struct pki *pki)
{
	struct text text = TEXT_NULL;
	int r;

	pki_index_write(&pki->index, &text);
	r = replace(pki, "index", "", &text, MODE_SECRET);
	text_finish(&text);
	return r;
}

static int write_revocations(struct pki *pki)
{
	struct text text = TEXT_NULL;
	int r = pki_revocations(&pki->authority, &pki->index, &text);

	r = r < 0 ? fail_memory(pki) : replace(pki, "crl", ".pem", &text, MODE_PUBLIC);
	text_finish(&text);
	return r;
}

static void wipe(struct text *secret)
{
	if (secret->data)
		explicit_bzero(secret->data, secret->len);
	text_finish(secret);
}

/* The certificate comes last: without it there is no authority, and a key alone is made anew. */
static int make_authority(struct pki *pki, const char *name, unsigned days)
{
	struct text pem = TEXT_NULL, key = TEXT_NULL;
	int r = pki_authority_make(&pki->authority, name, days);

	if (r == 0)
		r = pki_authority_write(&pki->authority, &pem, &key);
	if (r < 0)
		r = fail_memory(pki);
	if (r == 0)
		r = replace(pki, "ca", ".key", &key, MODE_SECRET);
	if (r == 0)
		r = write_index(pki);
	if (r == 0)
		r = write_revocations(pki);
	if (r == 0)
		r = replace(pki, "ca", ".pem", &pem, MODE_PUBLIC);
	text_finish(&pem);
	wipe(&key);
	return r;
}

static int open_authority(struct pki *pki, bool make, const char *name, unsigned days)
{
	int r;

	if (!exists(pki, "ca", ".pem")) {
		if (make && pki->index.count == 0)
			return make_authority(pki, name, days);
		return make ? fail(pki, -ENOENT, "%s has an index and no authority; restore ca.pem and ca.key from a backup", pki->dir)
			    : fail(pki, -ENOENT, "there is no authority in %s; 'canopy pki init' makes one", pki->dir);
	}
	r = read_authority(pki);
	if (r == 0 && !exists(pki, "crl", ".pem"))
		r = write_revocations(pki);
	return r < 0 ? r : make ? PKI_E_EXISTS : 0;
}

int pki_open(struct pki *pki, const char *dir, bool make, const char *name, unsigned days)
{
	int r = 0;

	*pki = PKI_NULL;
	pki->dir = dir;
	if (make)
		r = make_folder(pki);
	if (r == 0)
		r = check_folder(pki);
	if (r == 0)
		r = lock(pki);
	if (r == 0)
		r = read_index(pki);
	return r < 0 ? r : open_authority(pki, make, name, days);
}

void pki_close(struct pki *pki)
{
	pki_authority_finish(&pki->authority);
	pki_index_finish(&pki->index);
	if (pki->lock >= 0)
		(void)close(pki->lock);
	free(pki->why);
	*pki = PKI_NULL;
}

/* ---- signing ------------------------------------------------------------------------------------------------- */

static bool says_the_same(const struct pki_entry *entry, const struct pki_request *request)
{
	if (entry->kind != request->kind)
		return false;
	return !request->machine || (entry->machine_known && memcmp(entry->machine, request->machine, sizeof(entry->machine)) == 0);
}

/* The pair is there, and stands for all that is asked for. */
static bool is_there(struct pki *pki, const struct pki_request *request)
{
	char name[PKI_NAME_MAX + 8], *pem;
	bool there;
	size_t len;

	(void)snprintf(name, sizeof(name), "%s.pem", request->name);
	if (!exists(pki, request->name, ".key") || !exists(pki, request->name, ".pem") ||
	    read_file(pki, name, "certificate", PEM_PUBLIC, PEM_BYTES_MAX, &pem, &len) < 0)
		return false;
	there = pki_certificate_names(pem, len, request);
	pem_file_free(pem, len);
	return there;
}

static int write_pair(struct pki *pki, const char *name, const struct text *certificate, const struct text *key)
{
	int r = replace(pki, name, ".key", key, MODE_SECRET);

	return r < 0 ? r : replace(pki, name, ".pem", certificate, MODE_PUBLIC);
}

static int issue_new(struct pki *pki, const struct pki_request *request, struct pki_entry *ret_entry)
{
	struct text certificate = TEXT_NULL, key = TEXT_NULL;
	int r = pki_sign(&pki->authority, request, ret_entry, &certificate, &key);

	if (r == 0)
		r = pki_index_add(&pki->index, ret_entry);
	if (r < 0)
		r = fail_memory(pki);
	if (r == 0)
		r = write_index(pki);
	if (r == 0)
		r = write_pair(pki, request->name, &certificate, &key);
	text_finish(&certificate);
	wipe(&key);
	return r;
}

int pki_issue(struct pki *pki, const struct pki_request *request, struct pki_entry *ret_entry)
{
	const struct pki_entry *entry = pki_index_find(&pki->index, request->name);
	struct pki_request renewal = *request;

	if (entry && !says_the_same(entry, request))
		return fail(pki, -EEXIST, "%s has a %s's certificate for another machine or use; 'canopy pki revoke %s' first", request->name,
			    pki_kind_word(entry->kind), request->name);
	if (entry && is_there(pki, request) && entry->ends >= (int64_t)time(NULL) + PKI_RENEW_SECONDS) {
		*ret_entry = *entry;
		return PKI_E_EXISTS;
	}
	if (entry && entry->machine_known)
		renewal.machine = entry->machine; /* a renewal is as strict as what it renews */
	return issue_new(pki, &renewal, ret_entry);
}

/* ---- revoking ------------------------------------------------------------------------------------------------ */

int pki_revoke(struct pki *pki, const char *what, size_t *ret_count)
{
	int64_t now = time(NULL);
	size_t known = 0, count = 0;
	int r = 0;

	for (size_t i = 0; i < pki->index.count; i++) {
		struct pki_entry *entry = &pki->index.entries[i];

		if (strcasecmp(entry->name, what) != 0 && strcasecmp(entry->serial, what) != 0)
			continue;
		known++;
		count += entry->revoked == 0;
		entry->revoked = entry->revoked ? entry->revoked : now;
	}
	if (known == 0)
		return fail(pki, -ENOENT, "nothing was signed for '%s' here; 'canopy pki list' shows what was", what);
	if (count > 0)
		r = write_index(pki);
	if (r == 0)
		r = write_revocations(pki); /* also when a crash kept it from being written the last time */
	if (r == 0)
		*ret_count = count;
	return r;
}
