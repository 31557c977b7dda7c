/* SPDX-License-Identifier: Apache-2.0 */
/* An image borrows nothing from its fact: all strings are interned, so that a telling costs little where programs
 * repeat. */
#include "collector/forest/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What nearly no image has costs the others nothing: it stands behind argv, in one text. */
struct tail {
	uint64_t argv_bytes; /* the true length */
	uint32_t environ_len; /* of the variables between argv and this */
	uint32_t reserved;
};

static int get_tailed(struct pool *pool, const struct fact *fact, struct image *image)
{
	const struct tail tail = {.argv_bytes = fact->argv_bytes, .environ_len = fact->environ_.len};
	size_t len = (size_t)fact->argv.len + fact->environ_.len + sizeof(tail);
	char *joined = len <= UINT32_MAX ? malloc(len) : NULL, *at = joined;
	int r;

	if (!joined)
		return -ENOMEM;
	if (fact->argv.len)
		memcpy(at, fact->argv.data, fact->argv.len);
	at += fact->argv.len;
	if (fact->environ_.len)
		memcpy(at, fact->environ_.data, fact->environ_.len);
	at += fact->environ_.len;
	memcpy(at, &tail, sizeof(tail));
	r = texts_get(&pool->texts, bytes_make(joined, len), &image->argv);
	free(joined);
	image->flags |= IMAGE_TAILED;
	return r;
}

static int get_argv(struct pool *pool, const struct fact *fact, struct image *image)
{
	if (!(fact->flags & FACT_ARGV_KNOWN))
		return 0;
	if (fact->argv_bytes != fact->argv.len || fact->environ_.len)
		return get_tailed(pool, fact, image);
	return texts_get(&pool->texts, fact->argv, &image->argv);
}

/* Returns argv; of an image without a tail that is all there is. */
static struct bytes split(const struct image *image, struct tail *ret)
{
	struct bytes argv = text_bytes(image->argv);

	if (!(image->flags & IMAGE_TAILED)) {
		*ret = (struct tail){.argv_bytes = argv.len};
		return argv;
	}
	argv.len -= (uint32_t)sizeof(*ret);
	memcpy(ret, argv.data + argv.len, sizeof(*ret));
	argv.len -= ret->environ_len;
	return argv;
}

struct bytes image_argv(const struct image *image)
{
	struct tail tail;

	return split(image, &tail);
}

struct bytes image_environ(const struct image *image)
{
	struct tail tail;
	struct bytes argv = split(image, &tail);

	return tail.environ_len ? bytes_make(argv.data + argv.len, tail.environ_len) : BYTES_NULL;
}

uint64_t image_argv_bytes(const struct image *image)
{
	struct tail tail;

	(void)split(image, &tail);
	return tail.argv_bytes;
}

void image_expect(struct pool *pool, const struct fact *fact)
{
	texts_approach(&pool->texts);
	if (image_told(fact) && fact->flags & FACT_ARGV_KNOWN)
		texts_expect(&pool->texts, fact->argv);
}

int image_make(struct pool *pool, const struct fact *fact, uint8_t era, struct image *ret)
{
	struct image image = {
	    .time_ns = fact->time_ns,
	    .seq = fact->exec_seq,
	    .flags = (fact->flags & IMAGE_FACT_FLAGS) | (uint32_t)era << IMAGE_ERA_SHIFT |
		     (fact->type == FACT_SNAPSHOT ? IMAGE_SNAPSHOT : 0),
	};

	if ((fact->flags & FACT_EXE_KNOWN && programs_get(&pool->programs, fact, &image.program) < 0) ||
	    get_argv(pool, fact, &image) < 0 ||
	    (fact->flags & FACT_CWD_KNOWN && texts_get_listed(&pool->texts, fact->cwd, &image.cwd) < 0) ||
	    texts_get_listed(&pool->texts, fact->comm, &image.comm) < 0) {
		image_release(pool, &image);
		return -ENOMEM;
	}
	*ret = image;
	return 0;
}

void image_release(struct pool *pool, struct image *image)
{
	programs_put(&pool->programs, image->program);
	texts_put(&pool->texts, image->argv);
	texts_put(&pool->texts, image->cwd);
	texts_put(&pool->texts, image->comm);
	*image = (struct image){0};
}

struct image image_ref(const struct image *image)
{
	(void)program_ref(image->program);
	(void)text_ref(image->argv);
	(void)text_ref(image->cwd);
	(void)text_ref(image->comm);
	return *image;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* One fact is told by one clock: the era tells no two tellings apart. */
#define ERA_BITS (255u << IMAGE_ERA_SHIFT)

int image_compare(const struct image *a, const struct image *b)
{
	int order;

	if ((order = compare_numbers(a->time_ns, b->time_ns)) ||
	    (order = compare_numbers(a->flags & IMAGE_SNAPSHOT, b->flags & IMAGE_SNAPSHOT)) ||
	    (order = compare_numbers(a->seq, b->seq)) ||
	    (order = compare_numbers(a->flags & ~ERA_BITS, b->flags & ~ERA_BITS)) ||
	    (order = program_compare(a->program, b->program)) || (order = text_compare(a->argv, b->argv)) ||
	    (order = text_compare(a->cwd, b->cwd)))
		return order;
	return text_compare(a->comm, b->comm);
}

bool image_same_exec(const struct image *a, const struct image *b)
{
	uint64_t apart = b->time_ns - a->time_ns;

	if (apart > IMAGE_SAME_SEQ_NS || !program_same_file(a->program, b->program))
		return false;
	return a->seq == b->seq || (apart <= IMAGE_SAME_FILE_NS && a->comm == b->comm);
}

size_t image_charge(const struct image *image)
{
	return sizeof(*image) + program_charge(image->program) + text_charge(image->argv) + text_charge(image->cwd) +
	       text_charge(image->comm);
}
