#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The collector killed under load and started again; the sensor started before any collector. Nothing lost, nothing
# twice.
source "$(dirname "$0")/lib.sh"
need_bpf

lives() { # N MARKER: N processes that each exec true with a number of their own
  local i
  for ((i = 0; i < $1; i++)); do /bin/true "$2" "$i"; done
}
marked() { echo "proc.cmdline contains $1 and proc.name = true and proc.alive = false"; }
count_is() { [ "$(processes "$(marked "$1")" | jq -r '.argv[2]' | sort -n | uniq | wc -l)" = "$2" ]; }
rows_are() { [ "$(processes "$(marked "$1")" | wc -l)" = "$2" ]; }

# 1. sensor before the collector: a port that nobody listens on yet
start_collector
stop_process "$collector_pid"
start_sensor early
wait_until 10 test -e "$work/spool-early" # attached once the spool exists and the hooks are in
wait_until 10 grep -q attached "$work/sensor-early.log"
early=canopy-early-$$
lives 50 "$early"
start_collector
check "a sensor that was first delivers what it spooled" wait_until 30 count_is "$early" 50

# 2. SIGKILL in the middle of a load, twice
storm=canopy-storm-$$
load=${CANOPY_TEST_LOAD:-1500} # processes; an emulated machine takes fewer
lives "$load" "$storm" &
load_pid=$!
pids+=("$load_pid")
for round in 1 2; do
  wait_until 10 has "$(marked "$storm")"
  stop_process "$collector_pid" KILL
  check "the load goes on while the collector is dead ($round)" kill -0 "$$"
  start_collector
done
wait "$load_pid"
check "every process of the storm is there" wait_until 30 count_is "$storm" "$load"
check "and none twice" rows_are "$storm" "$load"
check "what was there before the crash is there still" rows_are "$early" 50
check "each with code 0" equal "$(processes "$(marked "$storm")" | jq -s 'map(.exit.code) | unique | tojson' -r)" '[0]'
info=$(canopy hosts -o ndjson | jq -s '.[0]')
check "the kernel lost nothing" equal "$(host_lost "$info")" 0

# 3. the sensor killed and restarted: same identities, and the gap is told
id=$(processes "proc.pid = $$ and proc.alive = true" | jq -r .id)
stop_process "$sensor_pid" KILL
sleep 600 &
unseen=$!
pids+=("$unseen")
start_sensor early
check "a process that started while no sensor looked is found" wait_until 20 has "proc.pid = $unseen"
check "this shell kept its identity" equal "$(processes "proc.pid = $$ and proc.alive = true" | jq -r .id)" "$id"
gap_told() { canopy hosts -o ndjson | jq -se '.[0].gaps | length > 0' >/dev/null; }
check "the gap is told beside the host" wait_until 20 gap_told

# 4. a clean stop of everything
stop_process "$sensor_pid"
kill -TERM "$collector_pid"
wait "$collector_pid"
check "the collector ends cleanly on SIGTERM" equal "$?" 0
finish
