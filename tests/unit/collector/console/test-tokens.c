/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/console/http/tokens.h"
#include "tests/unit/folder.h"

#define READ "read-read-read-read-read"
#define ADMIN "admin.admin_admin~admin+/=="

static int parse(const char *text, struct token_list *ret, unsigned *ret_line, const char **ret_why)
{
	*ret_why = "";
	return token_list_parse(text, strlen(text), ret, ret_line, ret_why);
}

static enum token_role judge(const struct token_list *list, const char *token)
{
	return token_list_judge(list, bytes_from_string(token));
}

static void roles_are_told_apart(void **state)
{
	struct token_list list;
	const char *why;
	unsigned line;

	(void)state;
	assert_int_equal(parse("# who\n\nread " READ " prometheus server\r\n\tadmin\t" ADMIN, &list, &line, &why), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(judge(&list, READ), TOKEN_READ);
	assert_int_equal(judge(&list, ADMIN), TOKEN_ADMIN);
	assert_int_equal(judge(&list, READ "x"), TOKEN_NONE);
	assert_int_equal(judge(&list, "read-read-read-read-rea"), TOKEN_NONE);
	assert_int_equal(judge(&list, "prometheus"), TOKEN_NONE);
	assert_int_equal(judge(&list, ""), TOKEN_NONE);
}

static void mistakes_name_their_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *says;
	} rows[] = {
	    {"", 0, "holds no token"},
	    {"# nothing\n", 1, "holds no token"},
	    {"read " READ "\nwrite " ADMIN "\n", 2, "begins with no role"},
	    {READ "\n", 1, "begins with no role"},
	    {"read short\n", 1, "20 to 256"},
	    {"read\n", 1, "20 to 256"},
	    {"\nread with:colon:with:colon:with\n", 2, "no header can carry"},
	    {"read " READ "\nadmin " READ "\n", 2, "twice"},
	};
	struct token_list list;
	const char *why;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text, &list, &line, &why), -EINVAL);
		assert_int_equal(line, rows[i].line);
		assert_non_null(strstr(why, rows[i].says));
	}
}

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	assert_int_equal(fclose(file), 0);
}

static void a_file_is_checked_and_read_again(void **state)
{
	char path[FOLDER_PATH_MAX * 2], *why = NULL;
	struct tokens *tokens;
	struct folder folder;

	(void)state;
	assert_int_equal(folder_make(&folder), 0);
	folder_file(&folder, "tokens", path);
	assert_int_equal(tokens_open(&tokens, path, NULL), -ENOENT);
	put(path, "read " READ "\n", 0644);
	assert_int_equal(tokens_open(&tokens, path, &why), -EACCES);
	assert_non_null(strstr(why, "chmod 600"));
	free(why);
	put(path, "read " READ "\n", 0620);
	assert_int_equal(tokens_open(&tokens, path, NULL), -EACCES);
	put(path, "read " READ "\n", 0600);
	assert_int_equal(tokens_open(&tokens, path, NULL), 0);
	assert_int_equal(tokens_refresh(tokens, NULL), TOKENS_E_SAME);
	put(path, "nonsense that is longer\n", 0600);
	assert_int_equal(tokens_refresh(tokens, &why), -EINVAL);
	assert_non_null(strstr(why, "line 1"));
	free(why);
	assert_int_equal(tokens_refresh(tokens, NULL), TOKENS_E_SAME); /* said once */
	assert_int_equal(tokens_judge(tokens, bytes_from_string(READ)), TOKEN_READ);
	put(path, "admin " ADMIN "\n", 0600);
	assert_int_equal(tokens_refresh(tokens, NULL), 0);
	assert_int_equal(tokens_judge(tokens, bytes_from_string(READ)), TOKEN_NONE);
	assert_int_equal(tokens_judge(tokens, bytes_from_string(ADMIN)), TOKEN_ADMIN);
	assert_int_equal(tokens_reload(tokens, NULL), 0);
	tokens_close(tokens);
	folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roles_are_told_apart),
	    cmocka_unit_test(mistakes_name_their_line),
	    cmocka_unit_test(a_file_is_checked_and_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
