/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers that it wants before it. */
#ifndef CANOPY_TESTS_UNIT_PROTO_MODEL_UNIT_H
#define CANOPY_TESTS_UNIT_PROTO_MODEL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
