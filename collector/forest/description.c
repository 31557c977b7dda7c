/* SPDX-License-Identifier: Apache-2.0 */
/* Several sensors of one boot (container beside host) may describe it differently; the newest Hello stands, whatever
 * the order in which they come. */
#include "collector/forest/description.h"

#include <errno.h>
#include <string.h>

static size_t text_bytes(const struct hello *hello)
{
	size_t bytes = (size_t)hello->hostname.len + hello->kernel.len + hello->arch.len + hello->sensor_version.len;

	for (size_t i = 0; i < hello->tag_count; i++)
		bytes += (size_t)hello->tags[i].key.len + hello->tags[i].value.len;
	return bytes;
}

static struct bytes place(char **at, struct bytes from)
{
	struct bytes placed = {*at, from.len};

	if (from.len)
		memcpy(*at, from.data, from.len);
	*at += from.len;
	return placed;
}

int description_create(struct description **ret, struct memory *memory, const struct hello *hello)
{
	size_t head = sizeof(struct description) + 2 * hello->tag_count * sizeof(struct bytes);
	size_t size = head + text_bytes(hello);
	struct description *d = memory_zalloc(memory, size);
	char *at = (char *)d + head;

	if (!d)
		return -ENOMEM;
	d->size = size;
	d->boottime_ns = hello->boottime_ns;
	d->offset_ns = hello->boottime_to_wall_ns;
	d->machine_id_known = hello->machine_id_known;
	if (hello->machine_id_known)
		memcpy(d->machine_id, hello->machine_id, sizeof(d->machine_id));
	d->hostname = place(&at, hello->hostname);
	d->kernel = place(&at, hello->kernel);
	d->arch = place(&at, hello->arch);
	d->sensor_version = place(&at, hello->sensor_version);
	d->tag_count = hello->tag_count;
	for (size_t i = 0; i < hello->tag_count; i++) {
		d->tags[2 * i] = place(&at, hello->tags[i].key);
		d->tags[2 * i + 1] = place(&at, hello->tags[i].value);
	}
	*ret = d;
	return 0;
}

void description_destroy(struct description *description, struct memory *memory)
{
	if (description)
		memory_free(memory, description, description->size);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_tags(const struct description *a, const struct description *b)
{
	int order = compare_numbers(a->tag_count, b->tag_count);

	for (size_t i = 0; !order && i < 2 * a->tag_count; i++)
		order = bytes_compare(a->tags[i], b->tags[i]);
	return order;
}

int description_compare(const struct description *a, const struct description *b)
{
	int order;

	if ((order = compare_numbers(a->boottime_ns, b->boottime_ns)) ||
	    (order = compare_numbers(a->machine_id_known, b->machine_id_known)) ||
	    (order = memcmp(a->machine_id, b->machine_id, sizeof(a->machine_id))) ||
	    (order = bytes_compare(a->hostname, b->hostname)) || (order = bytes_compare(a->kernel, b->kernel)) ||
	    (order = bytes_compare(a->arch, b->arch)) || (order = bytes_compare(a->sensor_version, b->sensor_version)))
		return order;
	return compare_tags(a, b);
}
