#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fields-lake once more, by plain raw tracepoints and a snapshot out of /proc.
sensor_arguments='--raw-tracepoint --proc-snapshot'
source "$(dirname "$0")/fields-lake.sh"
