/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/speaker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/links.h"

static size_t names_bytes(const char *names)
{
	const char *at = names;

	while (*at)
		at += strlen(at) + 1;
	return (size_t)(at - names) + 1;
}

static char *pack_names(const struct certificate *certificate)
{
	size_t size = 1;
	char *names, *at;

	for (size_t i = 0; i < certificate->name_count; i++)
		size += strlen(certificate->names[i]) + 1;
	names = at = calloc(1, size);
	for (size_t i = 0; names && i < certificate->name_count; i++) {
		memcpy(at, certificate->names[i], strlen(certificate->names[i]));
		at += strlen(at) + 1;
	}
	return names;
}

static char *pack_name(struct bytes name)
{
	char *names = calloc(1, (size_t)name.len + 2);

	if (names && name.len > 0)
		memcpy(names, name.data, name.len);
	return names;
}

static void charge(struct speaker *speaker, const struct origin *origin)
{
	speaker->certified = origin->certificate;
	speaker->charged = origin->certificate || origin->address;
	if (origin->certificate)
		memcpy(speaker->account, origin->certificate->digest, sizeof(speaker->account));
	else if (origin->address)
		memcpy(speaker->account, origin->address, sizeof(speaker->account));
}

int speaker_init(struct speaker *ret, const struct hello *hello, const struct origin *origin)
{
	const struct certificate *certificate = origin ? origin->certificate : NULL;
	struct speaker speaker = {.machine_known = hello->machine_id_known};

	if (speaker.machine_known)
		memcpy(speaker.machine_id, hello->machine_id, sizeof(speaker.machine_id));
	speaker.machine_proven = speaker.machine_known && certificate && certificate->machine_known &&
				 !certificate->machine_bad &&
				 memcmp(certificate->machine_id, speaker.machine_id, sizeof(speaker.machine_id)) == 0;
	speaker.names = certificate ? pack_names(certificate) : pack_name(hello->hostname);
	if (!speaker.names)
		return -ENOMEM;
	if (origin)
		charge(&speaker, origin);
	*ret = speaker;
	return 0;
}

int speaker_copy(struct speaker *ret, const struct speaker *from)
{
	size_t size = names_bytes(from->names);
	char *names = malloc(size);

	if (!names)
		return -ENOMEM;
	memcpy(names, from->names, size);
	*ret = *from;
	ret->names = names;
	return 0;
}

void speaker_finish(struct speaker *speaker)
{
	free(speaker->names);
	speaker->names = NULL;
}

bool speaker_may(const struct speaker *speaker, const struct link *link, struct bytes name)
{
	if (link->bound && (!speaker->machine_known ||
			    memcmp(link->machine_id, speaker->machine_id, sizeof(link->machine_id)) != 0))
		return false;
	if (name.len == 0 || (link->bound && speaker->machine_proven))
		return true;
	for (const char *at = speaker->names; *at; at += strlen(at) + 1)
		if (certificate_name_is_of(at, name))
			return true;
	return false;
}
