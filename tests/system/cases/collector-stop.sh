#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sensor is asked to end while its reader stands still and a storm has filled its ring: what was lost is told before the
# counts go with the maps. Once for the one that streams, once for the one that prints.
source "$(dirname "$0")/../lib.sh"
need_bpf
here=$(hostname)
storm=${CANOPY_TEST_STORM:-20000}

# overwhelm PID: the sensor is stopped, and asked to end behind the storm. Quiet before, and no process begins meanwhile: a
# look for losses follows events by a second, and one that is due when the sensor goes on would tell them in its place.
mkfifo "$work/nothing"
overwhelm() {
  read -r -t 2 <>"$work/nothing"
  kill -STOP "$1"
  performs "collector 41: $storm processes while the reader is stopped" fork-storm "$storm"
  kill -TERM "$1"
  kill -CONT "$1"
  wait "$1"
  check "collector 41: the sensor ends as asked" equal "$?" 0
}

start_collector
start_sensor small --ring-bytes 512K
check "collector 41: the host is live" wait_until 20 host_is "$here" live
overwhelm "$sensor_pid"
lost() { canopy hosts -o ndjson | jq --arg h "$here" 'select(.host == $h) | [.gaps[] | select(.type == "'"$1"'") | .count] | add // 0'; }
check "collector 41: the loss stands in the gaps of the host" wait_until 20 eval '[ "$(lost fork)" -gt 0 ]'
seen=$(processes "proc.ppid = ${who[process]} and $(ours)" | wc -l)
check "collector 41: most of it was lost" test "$(lost fork)" -gt $((storm / 2))
check "collector 41: $storm forks: $seen that were told, and those that were lost" test $((seen + $(lost fork))) -ge "$storm"
check "collector 41: exits are lost as well, and counted apart" test "$(lost exit)" -gt $((storm / 2))

"$CANOPY_SENSOR" --print=json --ring-bytes 512K >"$work/printed" 2>"$work/printed.log" &
printer=$!
pids+=("$printer")
begun() { /bin/true; grep -q '^{"type":"exec"' "$work/printed"; }
check "collector 41: the one that prints has begun" wait_until 20 begun
overwhelm "$printer"
told() { jq -n "[inputs | select($1)] | length" "$work/printed"; }
gaps() { jq -n '[inputs | select(.type == "gap" and .lost == "'"$1"'") | .count] | add // 0' "$work/printed"; }
seen=$(told '.type == "fork" and .ppid == '"${who[process]}")
check "collector 41: printed: what was in the ring is told" test "$seen" -gt 0
check "collector 41: printed: most was lost" test "$(gaps fork)" -gt $((storm / 2))
check "collector 41: printed: $storm forks: $seen that were told, and those that were lost" \
  test $((seen + $(gaps fork))) -ge "$storm"
check "collector 41: printed: exits as well" test "$(gaps exit)" -gt $((storm / 2))
finish
