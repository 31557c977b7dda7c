/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/collector/console/cli/check.h"

#include <errno.h>
#include <sys/stat.h>

#include "collector/console/cli/pki/pki.h"
#include "proto/stream/tls-context.h"
#include "tests/unit/folder.h"

static const uint8_t machine[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t other_machine[16] = {9};

/* ---- index --------------------------------------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
	static const char text_of_index[] = "4A0B sensor web-1 1795348867 0 0102030405060708090a0b0c0d0e0f10\n"
					    "4A0C collector collector.example 1795348867 1795348868 -\n";
	struct text text = TEXT_NULL;
	struct pki_index index;
	unsigned line;

	(void)state;
	assert_int_equal(pki_index_parse(text_of_index, strlen(text_of_index), &index, &line), 0);
	assert_int_equal(index.count, 2);
	assert_non_null(pki_index_find(&index, "WEB-1"));
	assert_null(pki_index_find(&index, "collector.example")); /* revoked */
	pki_index_write(&index, &text);
	assert_text(&text, text_of_index);
	text_finish(&text);
	pki_index_finish(&index);
}

static void damage_names_its_line(void **state)
{
	static const char *const rows[] = {
	    "4A0B sensor web-1 1795348867 0",
	    "4A0B sensor web-1 1795348867 0 -",  /* no newline */
	    "4A0B sensor web-1 1795348867 0 - x\n",
	    "4a0b sensor web-1 1795348867 0 -\n",
	    "4A0 sensor web-1 1795348867 0 -\n",
	    "4A0B server web-1 1795348867 0 -\n",
	    "4A0B sensor ../x 1795348867 0 -\n",
	    "4A0B sensor web-1 -1 0 -\n",
	    "4A0B sensor web-1 1795348867 0 xx\n",
	    "\n",
	};
	struct pki_index index;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(pki_index_parse(rows[i], strlen(rows[i]), &index, &line), -EINVAL);
		assert_int_equal(line, 1);
		pki_index_finish(&index);
	}
}

static void names_that_can_be_files(void **state)
{
	(void)state;
	assert_true(pki_name_is_good("web-1.example_2"));
	assert_true(pki_name_is_good("192.0.2.1"));
	assert_false(pki_name_is_good(""));
	assert_false(pki_name_is_good("../etc"));
	assert_false(pki_name_is_good(".hidden"));
	assert_false(pki_name_is_good("-x"));
	assert_false(pki_name_is_good("a b"));
	assert_false(pki_name_is_good("CA"));
	assert_false(pki_name_is_good("crl"));
	assert_false(pki_name_is_good("a123456789b123456789c123456789d123456789e123456789f123456789g1234"));
}

/* ---- folder -------------------------------------------------------------------------------------------------- */

struct authority_folder {
	struct folder folder;
	struct pki pki;
};

static void open_pki(struct authority_folder *f, bool make, int expected)
{
	int r = pki_open(&f->pki, f->folder.path, make, "test", 100);

	if (r < 0 && expected >= 0)
		print_error("%s\n", f->pki.why);
	assert_int_equal(r, expected);
}

static int make_folder(void **state)
{
	struct authority_folder *f = calloc(1, sizeof(*f));

	if (!f || folder_make(&f->folder) < 0)
		return -1;
	*state = f;
	return 0;
}

static int remove_folder(void **state)
{
	struct authority_folder *f = *state;

	folder_remove(&f->folder);
	free(f);
	return 0;
}

static mode_t mode_of(const struct authority_folder *f, const char *name)
{
	char path[FOLDER_PATH_MAX * 2];
	struct stat status;

	folder_file(&f->folder, name, path);
	return stat(path, &status) == 0 ? status.st_mode & 07777 : 0;
}

static int issue(struct authority_folder *f, enum pki_kind kind, const char *name, const uint8_t *of, struct pki_entry *ret)
{
	struct pki_request request = {.kind = kind, .name = name, .machine = of, .days = 90};

	if (kind == PKI_COLLECTOR)
		request.alternatives[request.alternative_count++] = name;
	return pki_issue(&f->pki, &request, ret);
}

static void doing_a_thing_twice_does_it_once(void **state)
{
	struct authority_folder *f = *state;
	struct pki_entry first, second;

	open_pki(f, false, -ENOENT);
	pki_close(&f->pki);
	open_pki(f, true, 0);
	pki_close(&f->pki);
	open_pki(f, true, PKI_E_EXISTS);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", machine, &first), 0);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", machine, &second), PKI_E_EXISTS);
	assert_string_equal(first.serial, second.serial);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", NULL, &second), PKI_E_EXISTS);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", other_machine, &second), -EEXIST);
	assert_non_null(strstr(f->pki.why, "pki revoke web-1"));
	assert_int_equal(issue(f, PKI_COLLECTOR, "web-1", NULL, &second), -EEXIST);
	pki_close(&f->pki);
	assert_int_equal(mode_of(f, "ca.key"), 0600);
	assert_int_equal(mode_of(f, "web-1.key"), 0600);
	assert_int_equal(mode_of(f, "index"), 0600);
}

static void a_lost_file_is_made_again_as_strict_as_before(void **state)
{
	struct authority_folder *f = *state;
	struct pki_entry first, second;
	char path[FOLDER_PATH_MAX * 2];

	open_pki(f, true, 0);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", machine, &first), 0);
	folder_file(&f->folder, "web-1.key", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", NULL, &second), 0);
	assert_string_not_equal(first.serial, second.serial);
	assert_true(second.machine_known);
	assert_memory_equal(second.machine, machine, sizeof(machine));
	pki_close(&f->pki);
}

static void revoked_once_and_for_all(void **state)
{
	struct authority_folder *f = *state;
	struct pki_entry first, second;
	size_t count = 0;

	open_pki(f, true, 0);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", machine, &first), 0);
	assert_int_equal(pki_revoke(&f->pki, "web-1", &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(pki_revoke(&f->pki, first.serial, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(pki_revoke(&f->pki, "web-9", &count), -ENOENT);
	assert_int_equal(issue(f, PKI_SENSOR, "web-1", other_machine, &second), 0);
	pki_close(&f->pki);
	open_pki(f, false, 0); /* and it stands on disk */
	assert_int_equal(f->pki.index.count, 2);
	assert_true(f->pki.index.entries[0].revoked > 0);
	assert_int_equal(f->pki.index.entries[1].revoked, 0);
	pki_close(&f->pki);
}

/* Those who are to use the files take them. */
static void files_can_be_used(void **state)
{
	char ca[FOLDER_PATH_MAX * 2], cert[FOLDER_PATH_MAX * 2], key[FOLDER_PATH_MAX * 2], crl[FOLDER_PATH_MAX * 2];
	struct tls_options options = {.side = TLS_SERVER, .ca = ca, .cert = cert, .key = key, .crl = crl, .mutual = true};
	struct authority_folder *f = *state;
	struct tls_context *context;
	struct pki_entry entry;

	open_pki(f, true, 0);
	assert_int_equal(issue(f, PKI_COLLECTOR, "collector.example", NULL, &entry), 0);
	pki_close(&f->pki);
	folder_file(&f->folder, "ca.pem", ca);
	folder_file(&f->folder, "crl.pem", crl);
	folder_file(&f->folder, "collector.example.pem", cert);
	folder_file(&f->folder, "collector.example.key", key);
	assert_int_equal(tls_context_create(&context, &options, NULL), 0);
	assert_int_equal(tls_context_expiry(context), entry.ends);
	tls_context_unref(context);
}

static void damage_is_told_and_nothing_is_overwritten(void **state)
{
	struct authority_folder *f = *state;
	char path[FOLDER_PATH_MAX * 2];

	open_pki(f, true, 0);
	pki_close(&f->pki);
	folder_file(&f->folder, "ca.pem", path);
	assert_int_equal(folder_truncate(&f->folder, "ca.pem", 50), 0);
	open_pki(f, true, -EINVAL);
	assert_non_null(strstr(f->pki.why, "restore them from a backup"));
	pki_close(&f->pki);
	assert_int_equal(folder_append(&f->folder, "index", "nonsense\n", 9), 0);
	open_pki(f, true, -EINVAL);
	assert_non_null(strstr(f->pki.why, "line 1"));
	pki_close(&f->pki);
	assert_int_equal(chmod(f->folder.path, 0777), 0);
	open_pki(f, true, -EACCES);
	assert_non_null(strstr(f->pki.why, "chmod go-w"));
	pki_close(&f->pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(damage_names_its_line),
	    cmocka_unit_test(names_that_can_be_files),
	    cmocka_unit_test_setup_teardown(doing_a_thing_twice_does_it_once, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(a_lost_file_is_made_again_as_strict_as_before, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(revoked_once_and_for_all, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(files_can_be_used, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(damage_is_told_and_nothing_is_overwritten, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
