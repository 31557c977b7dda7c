/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto/model/unit.h"

#include <string.h>

#include "proto/model/container.h"

#define A "e18a46d5237b6d656de3f9403e1a76665863ece8173430ffadba33c91ff072bb"
#define B "5799d372b0951c76e00bfc3a5367df2920d4695b291c0f23856119101c25dc42"
#define UID "e100e18e-a512-4374-97d8-8ed2cf6e1443"
#define UID_ "e100e18e_a512_4374_97d8_8ed2cf6e1443" /* as a slice has it */
#define STATIC "42f34b45ffcf1bcbad3ccc7f50ea9e39" /* of a pod that the kubelet itself runs: no dashes */
#define USER "/user.slice/user-1000.slice/user@1000.service"

/* v1: the path in the hierarchy of the pids controller; v2: in the one that there is. */
static const struct {
	const char *cgroup, *id; /* NULL = no container */
} rows[] = {
	/* docker: cgroupfs driver (v1 by default), systemd driver (v2 by default); rootless */
	{"/docker/" A, A},                                                    /* v1, v2 */
	{"/system.slice/docker-" A ".scope", A},                              /* v1, v2 */
	{"/system.slice/docker-" A ".scope/init.scope", A},                   /* v2: systemd inside */
	{"/system.slice/docker-" A ".scope/system.slice/nginx.service", A},
	{USER "/user.slice/docker-" A ".scope", A},                           /* v2, rootless */
	{"/system.slice/docker.service", NULL},
	{"/docker", NULL},
	/* containerd by ctr and nerdctl: the namespace is a folder; rootless */
	{"/default/" A, A},                                                   /* v1, v2 */
	{"/k8s.io/" A, A},
	{"/default/web", NULL},                                               /* ctr takes any name: nothing tells it */
	{"/system.slice/nerdctl-" A ".scope", A},                             /* v1, v2 */
	{USER "/user.slice/nerdctl-" A ".scope", A},                          /* v2 */
	{"/system.slice/containerd.service", NULL},
	/* kubernetes, cgroupfs driver: best effort, burstable, guaranteed */
	{"/kubepods/besteffort/pod" UID "/" A, A},                            /* v1, v2 */
	{"/kubepods/burstable/pod" UID "/" A, A},
	{"/kubepods/pod" UID "/" A, A},
	{"/kubepods/burstable/pod" STATIC "/" A, A},
	{"/kubepods/burstable/pod" UID "/crio-" A, A},
	{"/kubepods/burstable/pod" UID, NULL},
	/* kubernetes, systemd driver: containerd, cri-o, docker */
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/cri-containerd-" A ".scope", A}, /* v1, v2 */
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/cri-containerd-" A ".scope", A},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" A ".scope", A},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" STATIC ".slice/cri-containerd-" A ".scope", A},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_ ".slice/crio-" A ".scope", A},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/crio-" A ".scope/container", A}, /* v2, crun */
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" A, A},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/docker-" A ".scope", A},
	{"/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" A, A}, /* v1 */
	{"/system.slice/containerd.service/kubepods-pod" UID_ ".slice:cri-containerd:" A "/init.scope", A},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice", NULL},
	/* podman: systemd (v2), cgroupfs (v1), a pod; rootless */
	{"/machine.slice/libpod-" A ".scope", A},                             /* v1, runc */
	{"/machine.slice/libpod-" A ".scope/container", A},                   /* v2, crun */
	{"/machine.slice/machine-libpod_pod_" B ".slice/libpod-" A ".scope/container", A},
	{"/machine.slice/libpod-payload-" A, A},                              /* v2, conmon and payload apart */
	{"/libpod_parent/libpod-" A, A},                                      /* v1 */
	{USER "/user.slice/libpod-" A ".scope/container", A},                 /* v2 */
	{USER "/user.slice/podman-2.scope/libpod-" A ".scope/container", A},
	{"/user.slice/user-1000.slice/session-3.scope", NULL},                /* v1: rootless has no cgroup of its own */
	/* one inside of another */
	{"/docker/" A "/docker/" B, B},
	{"/docker/" A "/system.slice/ssh.service", A},
	{"/docker/" A "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" B ".scope", B},
	/* LXC: 4 and later, 3.1, before; LXD and Incus; Proxmox; of a user: the same in v1 and v2 */
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
	{"/machine.slice/machine-deb\\x2d12.scope/payload", "deb-12"},
	{"/machine.slice/systemd-nspawn@deb\\x2d12.service/payload", "deb-12"}, /* the same one, by hand and as a service */
	{"/machine.slice/systemd-nspawn@deb\\x2d12.service/payload/system.slice/cron\\x2dx.service", "deb-12"},
	{"/machine.slice/systemd-nspawn@a\\x5cx2db.service", "a\\x2db"}, /* unescaped once */
	{"/machine.slice/systemd-nspawn@a\\x2.service", "a\\x2"},       /* no escape */
	{"/machine.slice/systemd-nspawn@a\\xzzb\\.service", "a\\xzzb\\"},
	{"/machine.slice/machine-deb.scope/supervisor", NULL},
	{"/machine.slice/machine-lxc\\x2d12\\x2dweb.scope", "lxc-12-web"},
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
	char buffer[CONTAINER_ID_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes id = container_id_find(bytes_from_string(rows[i].cgroup), buffer);

		if (!bytes_equal(id, bytes_from_string(rows[i].id)))
			fail_msg("%s gave '%.*s'", rows[i].cgroup, (int)id.len, id.data ? id.data : "");
	}
}

/* A host may send any bytes as a path. */
static void test_long_names(void **state)
{
	char path[400] = "/machine.slice/systemd-nspawn@", buffer[CONTAINER_ID_MAX];
	size_t begin = strlen(path);
	struct bytes id;

	memset(path + begin, 'a', CONTAINER_ID_MAX + 1);
	memcpy(path + begin, "\\x2d", 4);
	strcpy(path + begin + CONTAINER_ID_MAX + 1, ".service");
	id = container_id_find(bytes_from_string(path), buffer);
	assert_int_equal(id.len, CONTAINER_ID_MAX + 1); /* as it is */
	strcpy(path + begin + CONTAINER_ID_MAX, ".service");
	id = container_id_find(bytes_from_string(path), buffer);
	assert_int_equal(id.len, CONTAINER_ID_MAX - 3);
	assert_memory_equal(id.data, "-aa", 3);
	id = container_id_find(bytes_from_string(path), NULL);
	assert_int_equal(id.len, CONTAINER_ID_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_paths), cmocka_unit_test(test_long_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
