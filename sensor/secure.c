/* SPDX-License-Identifier: Apache-2.0 */
/* The files are read again by a sensor that has given up its privileges: as long as root owns them, and nobody else's
 * folder stands above them, that needs none. */
#include "sensor/secure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "canopy/log.h"

#define EXPIRY_WARNING_SECONDS (14 * 86400)

/* The sensor moves into its spool later on. *ret is malloc'ed, NULL for NULL. */
static int absolute(const char *path, char **ret)
{
	char *folder = path && path[0] != '/' ? getcwd(NULL, 0) : NULL;
	int r = 0;

	*ret = NULL;
	if (!path)
		return 0;
	if (path[0] == '/')
		*ret = strdup(path);
	else if (folder && asprintf(ret, "%s/%s", folder, path) < 0)
		*ret = NULL;
	if (!*ret)
		r = folder || path[0] == '/' ? -ENOMEM : -errno;
	free(folder);
	return r;
}

static void warn_of_expiry(struct tls_context *context)
{
	int64_t left = tls_context_expiry(context) - (int64_t)time(NULL);

	if (left < EXPIRY_WARNING_SECONDS)
		log_warning("event=certificate-expires days=%lld remedy=\"renew the file of --tls-cert; it is read again by itself\"",
			    (long long)(left / 86400));
}

int secure_open(struct tls_context **ret, const struct sensor_options *options)
{
	const char *const given[3] = {options->tls_ca, options->tls_cert, options->tls_key};
	char *paths[3] = {NULL}, *why = NULL;
	int r = 0;

	*ret = NULL;
	if (!options->tls_ca)
		return 0;
	for (unsigned i = 0; r == 0 && i < 3; i++)
		r = absolute(given[i], &paths[i]);
	if (r == 0)
		r = tls_context_create(ret, &(struct tls_options){.side = TLS_CLIENT, .ca = paths[0], .cert = paths[1], .key = paths[2]},
				       &why);
	if (r < 0)
		log_error("object=tls error=\"%s\"", LOG_TEXT(why ? why : strerror(-r)));
	else
		warn_of_expiry(*ret);
	for (unsigned i = 0; i < 3; i++)
		free(paths[i]);
	free(why);
	return r;
}

void secure_refresh(struct tls_context *context, bool forced)
{
	char *why = NULL;
	int r;

	if (!context)
		return;
	r = forced ? tls_context_reload(context, &why) : tls_context_refresh(context, &why);
	if (r < 0) {
		log_warning("event=certificates-kept error=\"%s\"", LOG_TEXT(why ? why : strerror(-r)));
	} else if (r == 0) {
		log_info("event=certificates-read");
		warn_of_expiry(context);
	}
	free(why);
}
