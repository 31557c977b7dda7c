/* SPDX-License-Identifier: Apache-2.0 */
/* The container that a cgroup path belongs to. */
#ifndef CANOPY_PROTO_MODEL_CONTAINER_H
#define CANOPY_PROTO_MODEL_CONTAINER_H

#include "canopy/bytes.h"

/* Names of files have no more, and unescaping makes none longer. */
#define CONTAINER_ID_MAX 255u

/* The id of the innermost container in the path: 64 hexadecimal digits for docker, containerd, cri-o and podman (and so for
 * kubernetes), the container's name for lxc and systemd-nspawn. Borrowed from the path, or in buffer where systemd has escaped
 * the name ('-' in that of a unit is written as "\x2d"); with buffer NULL, or a name that is longer than a file's may be, it is
 * left as the path has it. BYTES_NULL when there is none. */
struct bytes container_id_find(struct bytes cgroup, char buffer[CONTAINER_ID_MAX]);

#endif
