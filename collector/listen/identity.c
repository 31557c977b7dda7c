/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever has a certificate speaks for the host that it names, and for no other: here the Hello's words about itself are
 * compared with it, in ingest (speaker.h) what is known of the boot that the Hello claims. */
#include "collector/listen/identity.h"

#include <stdio.h>

#define NAME_SHOWN 64 /* bytes of a name in a reason, so that the whole fits INGEST_REASON_MAX */

int identity_check(const struct certificate *certificate, const struct hello *hello, struct ingest_refusal *ret)
{
	const char *name = certificate && certificate->name_count > 0 ? certificate->names[0] : "nobody";
	struct bytes host = hello->hostname;
	enum certificate_verdict verdict;

	*ret = (struct ingest_refusal){.code = REJECT_IDENTITY};
	if (!certificate) {
		(void)snprintf(ret->reason, sizeof(ret->reason), "no certificate was shown; give --tls-cert and --tls-key");
		return INGEST_E_REFUSED;
	}
	verdict = certificate_judge(certificate, host, hello->machine_id_known ? hello->machine_id : NULL);
	if (verdict == CERTIFICATE_FITS)
		return 0;
	if (verdict == CERTIFICATE_OTHER_HOST)
		(void)snprintf(ret->reason, sizeof(ret->reason),
			       "the certificate is of %.*s, the Hello of host '%.*s'; make one for that host", NAME_SHOWN, name,
			       host.len < NAME_SHOWN ? (int)host.len : NAME_SHOWN, host.len ? host.data : "");
	else
		(void)snprintf(ret->reason, sizeof(ret->reason),
			       "the certificate of %.*s is bound to another machine id than this host's; make one for it", NAME_SHOWN, name);
	return INGEST_E_REFUSED;
}
