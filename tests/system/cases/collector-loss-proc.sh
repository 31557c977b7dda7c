#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 41 once more, by sensors that read from /proc what runs already.
sensor_arguments=--proc-snapshot
source "$(dirname "$0")/collector-loss.sh"
