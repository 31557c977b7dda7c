/* SPDX-License-Identifier: Apache-2.0 */
/* The dynamic linker looks through the symbols of every library, and the kernel maps the pages around each one it reads: some megabytes of libcrypto and
 * others are resident although nothing of them runs. Segments that were loaded without the right to write hold nothing but the file's bytes (what is
 * relocated lies in a writable one, also where it is made read-only afterwards), so dropping their pages loses nothing. */
#include "sensor/footprint.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

static int shed_object(struct dl_phdr_info *info, size_t size, void *total)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t begin = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		uintptr_t end = (info->dlpi_addr + segment->p_vaddr + segment->p_filesz + page - 1) & ~(page - 1);

		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) && madvise((void *)begin, end - begin, MADV_DONTNEED) == 0)
			*(size_t *)total += end - begin;
	}
	return 0;
}

size_t footprint_shed(void)
{
	size_t total = 0;

	(void)dl_iterate_phdr(shed_object, &total);
	return total;
}
