/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of its corpus, each file and each of a few dozen cut-off prefixes of it, so that what
 * the fuzzer once found stays a test. One TAP line a file: surviving is the assertion, sanitizers sharpen it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIXES 32u

static uint8_t *read_file(const char *dir, const char *name, size_t *ret_size)
{
	char path[4096];
	uint8_t *data = NULL;
	long size;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
		data = malloc((size_t)size + 1);
		if (data && fread(data, 1, (size_t)size, file) != (size_t)size) {
			free(data);
			data = NULL;
		}
		*ret_size = (size_t)size;
	}
	(void)fclose(file);
	return data;
}

/* A copy of the exact size, so that a sanitizer sees a read one byte beyond. */
static void run_one(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	if (!exact)
		abort();
	memcpy(exact, data, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static void run_file(const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < PREFIXES; i++)
		run_one(data, size * i / PREFIXES);
	run_one(data, size);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int found, count = 0, failed = 0;

	if (argc != 3)
		return fprintf(stderr, "usage: %s NAME CORPUS-DIR\n", argv[0]), 2;
	found = scandir(argv[2], &entries, NULL, alphasort);
	for (int i = 0; i < found; i++) {
		size_t size = 0;
		uint8_t *data;

		if (entries[i]->d_name[0] == '.') {
			free(entries[i]);
			continue;
		}
		data = read_file(argv[2], entries[i]->d_name, &size);
		if (data)
			run_file(data, size);
		failed += !data;
		printf("%sok %d - %s %s\n", data ? "" : "not ", ++count, argv[1], entries[i]->d_name);
		(void)fflush(stdout);
		free(data);
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	if (count == 0) {
		printf("not ok 1 - %s has no corpus in %s\n", argv[1], argv[2]);
		count = failed = 1;
	}
	printf("1..%d\n", count);
	return failed != 0;
}
