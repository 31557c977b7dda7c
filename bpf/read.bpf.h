/* SPDX-License-Identifier: GPL-2.0-only */
/* How a field of a kernel structure is read. Typed programs load it directly, which the kernel guards by its exception table
 * and which costs about a nanosecond; plain ones call a helper for each load, about fifteen. Each reader takes the way as a
 * constant first argument and is inlined, so that one source becomes both forms. */
#ifndef CANOPY_BPF_READ_H
#define CANOPY_BPF_READ_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

enum way {
	TYPED,  /* the pointer's type is known to the verifier: tp_btf, iter */
	PROBED, /* raw_tp */
};

#define INLINE static __always_inline

/* The value of pointer->field; 0 where the load faults. pointer is never dereferenced by the program itself when PROBED. */
#define GET(way, pointer, field)                                                                                       \
	({                                                                                                             \
		__typeof__(pointer) from_ = (pointer); /* or else its own way would be looked up in the kernel too */  \
		__typeof__(from_->field) got_;                                                                         \
		if ((way) == TYPED)                                                                                    \
			got_ = from_->field;                                                                           \
		else if (bpf_core_read(&got_, sizeof(got_), &from_->field))                                            \
			__builtin_memset(&got_, 0, sizeof(got_));                                                      \
		got_;                                                                                                  \
	})

/* Keeps the compiler from moving or duplicating what it knows of a value past this point, so that the verifier sees the same
 * register bounded and used. */
#define PIN(variable) asm volatile("" : "+r"(variable))

/* Whether a variable of 64 bits is beyond max, a constant; it is at most max from here on. In one piece of which the compiler knows nothing: a value
 * that it puts on the stack between a comparison and its use comes back to older verifiers (6.1 is one) without the bound. */
#define BEYOND(variable, max)                                                                                          \
	({                                                                                                             \
		uint64_t beyond_;                                                                                      \
		asm volatile("%1 = 0\n\t"                                                                              \
			     "if %0 <= %2 goto +2\n\t"                                                                 \
			     "%0 = %2\n\t"                                                                             \
			     "%1 = 1"                                                                                  \
			     : "+r"(variable), "=&r"(beyond_)                                                          \
			     : "i"(max));                                                                              \
		beyond_ != 0;                                                                                          \
	})

#endif
