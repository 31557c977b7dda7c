#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A disk that becomes slow: the collector slows its sensors down and says so, loses nothing, and lets them go again when the disk is well.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
load=$CANOPY_BUILD/tests/fault/fleet-load
lives=20000

metric() { curl -sf "http://$http/metrics" | sed -n "s/^$1 //p"; }
paced() { [ "$(metric canopy_collector_shards_paced)" = "$1" ]; }
facts() { curl -sf "http://$http/api/v1/hosts" | jq '[.hosts[].events_total] | add // 0'; }
logged() { grep -q "$1" "$work/collector.log"; }
value() { tr ' ' '\n' <"$1" | sed -n "s/^$2=//p"; }

export CANOPY_SLOW_SYNC=$work/slow
echo 0 >"$CANOPY_SLOW_SYNC"
LD_PRELOAD=$CANOPY_BUILD/tests/fault/libslowsync.so start_collector --shards 1
check "a sensor on a good disk is served" "$load" "$listen" 1 1000
check "nobody is paced" paced 0

echo 1500 >"$CANOPY_SLOW_SYNC"
"$load" "$listen" 4 $lives >"$work/load" 2>&1 &
load_pid=$!
pids+=("$load_pid")
check "a slow disk makes the collector pace its sensors" wait_until 30 paced 1
check "the log says so" logged 'event=pace batches_per_second=[1-9]'
check "a rate is told" not test "$(metric canopy_collector_pace_batches_per_second)" = 0
check "it still is ready" curl -sf "http://$http/readyz"

echo 0 >"$CANOPY_SLOW_SYNC"
wait "$load_pid"
check "all batches are acknowledged in the end" equal $? 0
check "its sensors were told" test "$(value "$work/load" paces)" -ge 4
check "nothing was dropped" equal "$(facts)" $((3 * lives + 3000))
check "a disk that is well again ends it" wait_until 60 paced 0
check "the log says that, too" logged 'event=pace batches_per_second=unlimited'
finish
