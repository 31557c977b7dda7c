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
	{"/docker/" A "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" B ".scope", B},
	{"/kubepods/besteffort/pod0f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0/" A, A},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1c2d3e_4b5a.slice/docker-" A ".scope", A},
	{"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" A "/init.scope", A},
	{"/k8s.io/" A, A},
	{"/default/" A, A},
	{"/libpod_parent/libpod-" A, A},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/podman-2.scope/libpod-" A ".scope/container", A},
	/* LXC: 4 and later, 3.1, before; LXD and Incus; Proxmox; of a user */
	{"/lxc.payload.web", "web"},
	{"/lxc.payload.web/system.slice/ssh.service", "web"},
	{"/lxc.payload/web/init.scope", "web"},
	{"/lxc/web", "web"},
	{"/lxc/101/ns/system.slice/cron.service", "101"},
	{"/lxc.payload.user-1000_web/init.scope", "user-1000_web"},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/lxc.payload.web/init.scope", "web"},
	{"/lxc.payload.web/docker/" A, A},
	{"/lxc.payload.web/lxc.payload.inner/init.scope", "inner"},
	{"/lxc.monitor.web", NULL},
	{"/lxc.monitor/web", NULL},
	{"/lxc.payload.", NULL},
	{"/lxc", NULL},
	{"/srv/lxcfs/web", NULL},
	/* systemd-nspawn: as a service, by hand; cgroup v1 without and v2 with a supervisor beside the payload */
	{"/machine.slice/systemd-nspawn@deb-12.service/payload/system.slice/cron.service", "deb-12"},
	{"/machine.slice/systemd-nspawn@deb.service/payload", "deb"},
	{"/machine.slice/systemd-nspawn@deb.service", "deb"},
	{"/machine.slice/systemd-nspawn@deb.service/init.scope", "deb"},
	{"/machine.slice/systemd-nspawn@deb.service/supervisor", NULL},
	{"/machine.slice/systemd-nspawn@.service", NULL},
	{"/machine.slice/machine-deb.scope/payload/init.scope", "deb"},
	{"/machine.slice/machine-deb\\x2d12.scope/payload", "deb\\x2d12"},
	{"/machine.slice/machine-deb.scope/supervisor", NULL},
	{"/machine.slice/machine-lxc\\x2d12\\x2dweb.scope", "lxc\\x2d12\\x2dweb"},
	{"/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator", NULL},
	{"/user.slice/machine-deb.scope", NULL},
	{"/system.slice/system-serial.slice/serial@ttyS0.service", NULL},
	{A "/init.scope", NULL}, /* the tail of a path: its first element may be cut */
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
