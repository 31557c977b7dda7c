/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed by the interned strings' addresses and the numbers: strings that are equal are one, so comparing pointers is
 * comparing content. */
#include "collector/forest/program.h"

#include <errno.h>

void programs_finish(struct programs *programs)
{
	intern_table_finish(&programs->table, programs->memory);
}

static uint32_t hash_of(const struct program *p)
{
	uint64_t h = (uintptr_t)p->exe * 0x9e3779b97f4a7c15ull;

	h = (h ^ (uintptr_t)p->script) * 0x9e3779b97f4a7c15ull;
	h = (h ^ (h >> 32) ^ p->inode) * 0x9e3779b97f4a7c15ull;
	h = (h ^ (h >> 32) ^ p->ctime_ns) * 0x9e3779b97f4a7c15ull;
	h = (h ^ (h >> 32) ^ p->dev) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(h >> 32);
}

static bool equal(const struct program *a, const struct program *b)
{
	return a->exe == b->exe && a->script == b->script && a->interpreter == b->interpreter && a->inode == b->inode &&
	       a->ctime_ns == b->ctime_ns && a->dev == b->dev && a->mode == b->mode && a->nlink == b->nlink;
}

static void put_strings(struct programs *programs, const struct program *p)
{
	texts_put(programs->texts, p->exe);
	texts_put(programs->texts, p->script);
	texts_put(programs->texts, p->interpreter);
}

static int get_strings(struct programs *programs, const struct fact *fact, struct program *p)
{
	if (texts_get_listed(programs->texts, fact->exe, &p->exe) < 0 ||
	    texts_get_listed(programs->texts, fact->script, &p->script) < 0 ||
	    texts_get_listed(programs->texts, fact->interpreter, &p->interpreter) < 0) {
		put_strings(programs, p);
		return -ENOMEM;
	}
	return 0;
}

static int add(struct programs *programs, const struct program *wanted, uint32_t hash, struct program **ret)
{
	struct program *p;

	if (intern_reserve(&programs->table, programs->memory) < 0)
		return -ENOMEM;
	p = memory_alloc(programs->memory, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = *wanted;
	intern_add(&programs->table, &p->intern, hash);
	*ret = p;
	return 0;
}

static int look_up(struct programs *programs, const struct fact *fact, struct program **ret)
{
	struct program wanted = {
	    .inode = fact->exe_inode,
	    .ctime_ns = fact->exe_ctime_ns,
	    .dev = fact->exe_dev,
	    .mode = fact->exe_mode,
	    .nlink = fact->exe_nlink,
	};
	uint32_t hash;
	int r = get_strings(programs, fact, &wanted);

	if (r < 0)
		return r;
	hash = hash_of(&wanted);
	for (struct intern *entry = intern_first(&programs->table, hash); entry; entry = entry->next) {
		if (entry->hash == hash && equal((struct program *)entry, &wanted)) {
			put_strings(programs, &wanted);
			*ret = program_ref((struct program *)entry);
			return 0;
		}
	}
	r = add(programs, &wanted, hash, ret);
	if (r < 0)
		put_strings(programs, &wanted);
	return r;
}

/* Whether a program with this path and no script is that of the fact. */
static bool is_of(const struct program *p, const struct fact *fact)
{
	return p->inode == fact->exe_inode && p->ctime_ns == fact->exe_ctime_ns && p->dev == fact->exe_dev &&
	       p->mode == fact->exe_mode && p->nlink == fact->exe_nlink && p->exe->len == fact->exe.len;
}

int programs_get(struct programs *programs, const struct fact *fact, struct program **ret)
{
	bool bare = fact->exe.len && !fact->script.len && !fact->interpreter.len;
	struct program *program = bare ? (struct program *)memo_find(&programs->memo, fact->exe.data) : NULL;
	int r;

	if (program && is_of(program, fact)) {
		*ret = program_ref(program);
		return 0;
	}
	r = look_up(programs, fact, ret);
	if (r == 0 && bare)
		programs_put(programs, (struct program *)memo_keep(&programs->memo, fact->exe.data, &(*ret)->intern));
	return r;
}

void programs_forget(struct programs *programs)
{
	struct intern *entry;

	while ((entry = memo_drop(&programs->memo)))
		programs_put(programs, (struct program *)entry);
}

void programs_put(struct programs *programs, struct program *program)
{
	if (!program || --program->intern.refs)
		return;
	intern_remove(&programs->table, &program->intern);
	put_strings(programs, program);
	memory_free(programs->memory, program, sizeof(*program));
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int program_compare(const struct program *a, const struct program *b)
{
	int order;

	if (a == b || !a || !b)
		return (a != NULL) - (b != NULL);
	if ((order = text_compare(a->exe, b->exe)) || (order = text_compare(a->script, b->script)) ||
	    (order = text_compare(a->interpreter, b->interpreter)) || (order = compare_numbers(a->inode, b->inode)) ||
	    (order = compare_numbers(a->ctime_ns, b->ctime_ns)) || (order = compare_numbers(a->dev, b->dev)) ||
	    (order = compare_numbers(a->mode, b->mode)))
		return order;
	return compare_numbers(a->nlink, b->nlink);
}

bool program_same_file(const struct program *a, const struct program *b)
{
	if (a == b || !a || !b)
		return a == b;
	return (a->inode && a->inode == b->inode && a->dev == b->dev) || (a->exe && a->exe == b->exe);
}

size_t program_charge(const struct program *program)
{
	if (!program)
		return 0;
	return memory_cost(sizeof(*program)) + sizeof(void *) + text_charge(program->exe) +
	       text_charge(program->script) + text_charge(program->interpreter);
}
