/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <string.h>

#include "proto/model/container.h"

#define A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const struct {
	const char *cgroup, *id; /* NULL = no container */
} rows[] = {
	{"/docker/" A, A},
	{"/system.slice/docker-" A ".scope", A},
	{"/kubepods/burstable/pod8f2c/" A, A},
	{"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" A ".scope", A},
	{"/kubepods.slice/kubepods-pod1.slice/crio-" A ".scope", A},
	{"/kubepods.slice/kubepods-pod1.slice/crio-" A, A},
	{"/machine.slice/libpod-" A ".scope", A},
	{"/machine.slice/libpod-" A ".scope/container", A},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope", A},
	{"/machine.slice/libpod-payload-" A, A},
	{"/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:" A, A},
	{"/docker/" A "/docker/" B, B},
	{"/docker/" A "/system.slice/ssh.service", A},
	{"/machine.slice/libpod-conmon-" A ".scope", NULL},
	{"/kubepods.slice/crio-conmon-" A ".scope", NULL},
	{"/system.slice/ssh.service", NULL},
	{"/docker/0123456789abcdef", NULL},
	{"/docker/" A "0", NULL},
	{"/docker/G123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL},
	{"/", NULL},
	{"", NULL},
};

static void test_paths(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes id = container_id_find(bytes_from_string(rows[i].cgroup));

		if (!bytes_equal(id, bytes_from_string(rows[i].id)))
			fail_msg("%s gave '%.*s'", rows[i].cgroup, (int)id.len, id.data ? id.data : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
