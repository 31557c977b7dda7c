/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate serves both ports; sensors must show theirs, people and scrapers show tokens. */
#include "collector/secure.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canopy/log.h"

#define EXPIRY_WARNING_SECONDS (14 * 86400)

static void warn_of_expiry(struct tls_context *context)
{
	int64_t left = tls_context_expiry(context) - (int64_t)time(NULL);

	if (left < EXPIRY_WARNING_SECONDS)
		log_warning("event=certificate-expires days=%lld remedy=\"renew the file of --tls-cert; it is read again by itself\"",
			    (long long)(left / 86400));
}

int secure_open(struct secure *ret, const struct collector_options *options, char **ret_why)
{
	struct tls_options tls = {.side = TLS_SERVER, .cert = options->tls_cert, .key = options->tls_key};
	int r = 0;

	*ret = (struct secure){NULL};
	if (collector_options_console_tls(options))
		r = tls_context_create(&ret->console, &tls, ret_why);
	tls.ca = options->tls_ca;
	tls.crl = options->tls_crl;
	tls.mutual = true;
	if (r == 0 && options->tls_ca)
		r = tls_context_create(&ret->sensors, &tls, ret_why);
	if (r == 0 && options->token_file)
		r = tokens_open(&ret->tokens, options->token_file, ret_why);
	if (r == 0 && (ret->console || ret->sensors))
		warn_of_expiry(ret->sensors ? ret->sensors : ret->console);
	return r;
}

void secure_finish(struct secure *secure)
{
	tls_context_unref(secure->sensors);
	tls_context_unref(secure->console);
	tokens_close(secure->tokens);
	*secure = (struct secure){NULL};
}

/* Returns r, having said what it means. Keeps the first why. */
static int tell(int r, const char *what, char *why, char **ret_why)
{
	if (r == 0)
		log_info("event=files-read what=\"%s\"", what);
	else if (r < 0)
		log_warning("event=files-kept what=\"%s\" error=\"%s\"", what, LOG_TEXT(why ? why : strerror(-r)));
	if (r < 0 && ret_why && !*ret_why)
		*ret_why = why;
	else
		free(why);
	return r;
}

static int context_again(struct tls_context *context, bool forced, const char *what, char **ret_why)
{
	char *why = NULL;
	int r;

	if (!context)
		return 0;
	r = forced ? tls_context_reload(context, &why) : tls_context_refresh(context, &why);
	if (r == 0)
		warn_of_expiry(context);
	return tell(r, what, why, ret_why);
}

static int tokens_again(struct tokens *tokens, bool forced, char **ret_why)
{
	char *why = NULL;
	int r;

	if (!tokens)
		return 0;
	r = forced ? tokens_reload(tokens, &why) : tokens_refresh(tokens, &why);
	return tell(r, "tokens", why, ret_why);
}

static int again(struct secure *secure, bool forced, char **ret_why)
{
	int first = context_again(secure->sensors, forced, "certificates for sensors", ret_why);
	int second = context_again(secure->console, forced, "certificates for the console", ret_why);
	int third = tokens_again(secure->tokens, forced, ret_why);

	return first < 0 ? first : second < 0 ? second : third < 0 ? third : 0;
}

void secure_refresh(struct secure *secure)
{
	(void)again(secure, false, NULL);
}

int secure_reload(struct secure *secure, char **ret_why)
{
	char *why = NULL;
	int r = again(secure, true, &why);

	if (r < 0 && ret_why)
		*ret_why = why;
	else
		free(why);
	return r;
}
