/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a cgroup, whose names any process that may make one chooses. An id is a piece of one element of the path, and where a
 * hierarchy is mounted does not change it. */
#include "proto/model/container.h"
#include "tests/fuzz/input.h"

static void check_below(struct bytes path, struct bytes id)
{
	static const char above[] = "/kubepods.slice";
	size_t skip = sizeof(above) - 1, len = skip + path.len;
	char *longer = malloc(len);

	must(longer != NULL);
	memcpy(longer, above, skip);
	memcpy(longer + skip, path.data, path.len);
	must(bytes_equal(container_id_find(bytes_make(longer, len), NULL), id));
	free(longer);
}

/* Wherever a runtime puts a container, its id is found. */
static void check_innermost(struct bytes path)
{
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const char scope[] = "/docker-" ID ".scope";
	size_t len = path.len + sizeof(scope) - 1;
	char *longer = malloc(len);

	must(longer != NULL);
	memcpy(longer, path.data, path.len);
	memcpy(longer + path.len, scope, sizeof(scope) - 1);
	must(bytes_equal(container_id_find(bytes_make(longer, len), NULL), BYTES_LITERAL(ID)));
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buffer[CONTAINER_ID_MAX];
	struct bytes path = bytes_make(data, size), id = container_id_find(path, NULL), plain = container_id_find(path, buffer);

	must(is_within(id, path));
	must(is_within(plain, path) || is_within(plain, bytes_make(buffer, sizeof(buffer))));
	must(plain.len <= id.len && !plain.len == !id.len);
	if (size)
		check_innermost(path);
	if (id.len == 0)
		return 0;
	must(!memchr(id.data, '/', id.len) && memchr(path.data, '/', (size_t)(id.data - path.data)));
	if (path.data[0] == '/')
		check_below(path, id);
	return 0;
}
