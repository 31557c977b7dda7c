/* SPDX-License-Identifier: Apache-2.0 */
/* The container that a cgroup path belongs to. */
#ifndef CANOPY_PROTO_MODEL_CONTAINER_H
#define CANOPY_PROTO_MODEL_CONTAINER_H

#include "canopy/bytes.h"

#define CONTAINER_ID_LEN 64u /* hex digits: docker, containerd, cri-o and podman all name containers so */

/* The full id of the innermost container in the path, borrowed from it; BYTES_NULL when there is none. */
struct bytes container_id_find(struct bytes cgroup);

#endif
