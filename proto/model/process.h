/* SPDX-License-Identifier: Apache-2.0 */
/* A process as it is shown: one flat view, filled from a fact by the sensor's --print and from a forest node by the
 * collector. Everything is borrowed from whoever filled it (an arena, a kernel record) and lives as long as that says.
 */
#ifndef CANOPY_PROTO_MODEL_PROCESS_H
#define CANOPY_PROTO_MODEL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy/fact.h"

enum process_state {
	PROCESS_UNKNOWN = 0,
	PROCESS_LIVE = 1,
	PROCESS_EXITED = 2,
};

/* What stands between the view and the whole truth. */
enum process_quality {
	QUALITY_SEEDED = 1 << 0,        /* known from a snapshot, its fork was not seen */
	QUALITY_EXEC_LOST = 1 << 1,     /* an exec ordinal is missing in the history */
	QUALITY_PLACEHOLDER = 1 << 2,   /* only spoken of by others: neither fork nor snapshot has come */
	QUALITY_EXIT_UNKNOWN = 1 << 3,  /* gone, but nobody saw how */
	QUALITY_HOST_REBOOTED = 1 << 4, /* ended with its boot */
};

/* A bit and its word in JSON and filters. */
struct process_word {
	uint32_t bit;
	const char *text;
};
#define PROCESS_QUALITY_WORDS 5u
extern const struct process_word process_quality_words[PROCESS_QUALITY_WORDS];

struct process_image {
	uint32_t seq;      /* exec ordinal; 0 = inherited at fork or taken over by a snapshot */
	uint64_t time_ns;  /* boottime of the exec; of the first sight for a snapshot */
	int64_t wall_ns;   /* wall clock of it, since 1970 */
	uint32_t flags;    /* enum fact_flag */
	struct bytes comm, exe, script, interpreter, cwd;
	struct bytes argv; /* each argument ended by NUL */
	uint64_t argv_bytes;
	struct bytes environ_; /* selected variables NAME=VALUE, each ended by a NUL; empty = none was told */
	uint64_t exe_inode, exe_ctime_ns;
	uint32_t exe_dev, exe_mode, exe_nlink;
};

struct process_view {
	struct bytes host;           /* host name */
	struct boot_id boot;
	struct bytes machine_id;     /* 32 hex digits; empty = unknown */
	const struct bytes *tags;    /* key, value, key, value, … */
	size_t tag_count;            /* pairs */
	struct process_key self, parent, creator;
	uint32_t current_ppid;       /* after reparenting; 0 = unknown */
	int64_t start_wall_ns;       /* wall clock of the start, since 1970; INT64_MIN = unknown */
	enum process_state state;
	uint32_t quality;            /* enum process_quality */
	uint32_t ns_tgid, pgid, sid, tty; /* 0 = unknown (tty: none) */
	uint32_t depth;              /* number of known ancestors */
	uint32_t child_count;        /* children that are known, dead or alive */
	const struct fact_context *context; /* newest known; NULL = unknown */
	const struct process_image *images; /* oldest first; the last one is the current image */
	size_t image_count;          /* 0 = nothing known */
	bool exited;                 /* end_ns holds knowledge */
	uint64_t end_ns;             /* boottime */
	int64_t end_wall_ns;
	bool exit_known;             /* exit holds knowledge */
	struct fact_exit exit;
	uint64_t now_ns; /* boottime of the host at the time of the view: the duration of the living ends here; 0 =
			    unknown */
};

/* The current image, or NULL. */
static inline const struct process_image *process_current(const struct process_view *p)
{
	return p->image_count ? &p->images[p->image_count - 1] : NULL;
}

/* How long it lived, or has lived up to now_ns; false when that is not known. */
static inline bool process_duration(const struct process_view *p, uint64_t *ret_ns)
{
	uint64_t end = p->exited ? p->end_ns : p->state == PROCESS_LIVE ? p->now_ns : 0;

	if (p->self.start_ns == 0 || end < p->self.start_ns)
		return false;
	*ret_ns = end - p->self.start_ns;
	return true;
}

/* Printable identity: BOOT-TGID-START, boot_id as 32 hex digits, tgid decimal, start_boottime_ns in hex. Stable
 * across restarts of anything, fits in a URL. */
#define PROCESS_ID_MAX 64 /* bytes with NUL */
#define BOOT_ID_TEXT 33   /* 32 hex digits with NUL */
#define PROCESS_REF_BOOT_MIN 4u /* hex digits of a boot_id that a person must type at least */
void boot_id_format(const struct boot_id *boot, char out[BOOT_ID_TEXT]);
void process_id_format(const struct boot_id *boot, struct process_key key, char out[PROCESS_ID_MAX]);

/* A reference as a person may type it: the printable identity, with boot_id cut to a prefix of at least 4 hex digits;
 * or HOST:PID (the newest process that had this pid on this host). Returns 0 or -EINVAL. */
struct process_ref {
	uint8_t boot_prefix[16];
	uint8_t boot_nibbles;   /* hex digits of boot_prefix that count; 0 = by host name */
	struct bytes host;      /* borrowed from text */
	struct process_key key; /* start_ns 0 = the newest with this tgid */
};
int process_ref_parse(struct bytes text, struct process_ref *ret);

/* /dev name of a kernel device number ('pts/0', 'tty1', 'ttyS0', otherwise 'MAJOR:MINOR'); empty string for 0. out
 * holds at least 32 bytes. */
void process_tty_format(uint32_t tty, char out[32]);

/* Splits argv: calls for each argument, returns their number; a last one without its NUL counts. at may be NULL. */
size_t process_argv_split(struct bytes argv, struct bytes *at, size_t at_max);

/* Walks variables: takes the first one off *rest. What has no '=' is a name with an empty value. False at the end. */
bool process_variable_next(struct bytes *rest, struct bytes *ret_name, struct bytes *ret_value);
/* The value of the first one of that name, as getenv(3) has it. */
bool process_variable(struct bytes environ_, struct bytes name, struct bytes *ret_value);

#endif
