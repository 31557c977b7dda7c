/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/probe/gains.h"

#define USER 1000u
#define OTHER 7u

static uint32_t by_uids(mode_t mode, uint32_t uid, uint32_t suid, uid_t owner)
{
	struct event event = {.uid = uid, .suid = suid, .gid = USER, .sgid = USER};
	struct stat file = {.st_mode = S_IFREG | mode, .st_uid = owner, .st_gid = OTHER};

	return gains_by_ids(&event, &file);
}

static uint32_t by_gids(mode_t mode, uint32_t gid, uint32_t sgid, gid_t group)
{
	struct event event = {.uid = USER, .suid = USER, .gid = gid, .sgid = sgid};
	struct stat file = {.st_mode = S_IFREG | mode, .st_uid = OTHER, .st_gid = group};

	return gains_by_ids(&event, &file);
}

static void a_user_who_holds_the_owner_s_id_has_it_by_the_file(void **state)
{
	(void)state;
	assert_int_equal(by_uids(04755, USER, 0, 0), EVENT_SETUID);
	assert_int_equal(by_uids(04755, 0, USER, USER), EVENT_SETUID); /* root runs a program of somebody */
	assert_int_equal(by_uids(0755, USER, 0, 0), 0);                /* it holds it by another way */
	assert_int_equal(by_uids(04755, USER, OTHER, 0), 0);
	assert_int_equal(by_uids(04755, USER, USER, 0), 0); /* given up, or never given */
	assert_int_equal(by_uids(04755, 0, 0, 0), 0);       /* root gains nothing by a program of root, and who has become root wholly has no trace */
}

static void the_same_for_groups(void **state)
{
	(void)state;
	assert_int_equal(by_gids(02755, USER, OTHER, OTHER), EVENT_SETGID);
	assert_int_equal(by_gids(02745, USER, OTHER, OTHER), 0); /* no execute bit: not a set-group-ID program */
	assert_int_equal(by_gids(0755, USER, OTHER, OTHER), 0);
	assert_int_equal(by_gids(02755, USER, USER, OTHER), 0);
	assert_int_equal(by_gids(02755, OTHER, OTHER, OTHER), 0);
}

static void each_revision_of_file_capabilities_is_read(void **state)
{
	static const char first[] = "\x01\0\0\x01" "\x01\x20\0\0" "\x02\0\0\0";
	static const char second[] = "\x01\0\0\x02" "\x01\x20\0\0" "\x02\0\0\0" "\x80\0\0\0" "\0\0\0\x40";
	static const char third[] = "\x01\0\0\x03" "\x01\x20\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\xe8\x03\0\0";
	struct gains_caps caps;

	(void)state;
	assert_int_equal(gains_parse_caps(bytes_make(first, sizeof(first) - 1), &caps), 0);
	assert_true(caps.permitted == 0x2001 && caps.inheritable == 2);
	assert_int_equal(gains_parse_caps(bytes_make(second, sizeof(second) - 1), &caps), 0);
	assert_true(caps.permitted == 0x8000002001 && caps.inheritable == 0x4000000000000002);
	assert_int_equal(gains_parse_caps(bytes_make(third, sizeof(third) - 1), &caps), 0);
	assert_true(caps.permitted == 0x2001 && caps.inheritable == 0);
}

static void what_is_no_file_capability_is_refused(void **state)
{
	static const char cut[] = "\x01\0\0\x02" "\x01\x20\0\0" "\x02\0\0\0" "\x80\0\0\0" "\0\0\0";
	static const char newer[] = "\x01\0\0\x09" "\x01\x20\0\0" "\x02\0\0\0" "\x80\0\0\0" "\0\0\0\0";
	struct gains_caps caps = {.permitted = 5};

	(void)state;
	for (size_t len = 0; len < sizeof(cut); len++)
		assert_int_equal(gains_parse_caps(bytes_make(cut, len), &caps), -EBADMSG);
	assert_int_equal(gains_parse_caps(bytes_make(newer, sizeof(newer) - 1), &caps), -EBADMSG);
	assert_int_equal(caps.permitted, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_who_holds_the_owner_s_id_has_it_by_the_file),
		cmocka_unit_test(the_same_for_groups),
		cmocka_unit_test(each_revision_of_file_capabilities_is_read),
		cmocka_unit_test(what_is_no_file_capability_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
