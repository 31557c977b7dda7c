/* SPDX-License-Identifier: Apache-2.0 */
/* The file of tokens, as its administrator or an accident left it. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "collector/console/http/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct token_list list;
	const char *why = NULL;
	unsigned line;
	int r = token_list_parse((const char *)data, size, &list, &line, &why);

	if (r == -EINVAL && !why)
		abort();
	if (r == 0 && (list.count == 0 || list.count > TOKENS_MAX))
		abort();
	if (r == 0 && token_list_judge(&list, bytes_make("0", 1)) != TOKEN_NONE)
		abort();
	return 0;
}
