/* SPDX-License-Identifier: Apache-2.0 */
/* The container that a cgroup path belongs to. */
#ifndef CANOPY_PROTO_MODEL_CONTAINER_H
#define CANOPY_PROTO_MODEL_CONTAINER_H

#include "canopy/bytes.h"

/* The id of the innermost container in the path, borrowed from it: 64 hexadecimal digits for docker, containerd, cri-o and
 * podman (and so for kubernetes), the container's name for lxc and systemd-nspawn (as the path has it: systemd writes '-' in the
 * name of a scope as "\x2d"). BYTES_NULL when there is none. */
struct bytes container_id_find(struct bytes cgroup);

#endif
