#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The real sensor on the real kernel dies by SIGKILL between ring and spool, and in the spool, while processes come and go; the next one takes over. The
# sequence has no hole, what lives is known, what nobody saw is told as a gap, and nothing stands twice.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
need_bpf
SENSOR_FAULT=$CANOPY_BUILD/tests/fault/canopy-sensor-fault
points="sensor-event:400 sensor-before-spool:1 sensor-before-spool:4 sensor-after-spool:1 sensor-after-spool:4 seglog-before-write:2 seglog-after-write:2
seglog-before-fsync:1 seglog-after-fsync:1 spool-acked:2"
lake="ndjson:$work/lake?interval=200ms"

start_fault_sensor() { # [ENVIRONMENT...]
  env "$@" "$SENSOR_FAULT" --collector "$listen" --spool "$work/spool" >>"$work/sensor.log" 2>&1 &
  sensor_pid=$!
  pids+=("$sensor_pid")
}
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
lives() { local i; for ((i = 0; i < $1; i++)); do /bin/true "$2" "$i"; done; }
gaps() { canopy hosts -o ndjson | jq '.gaps | length'; }
told_more_than() { [ "$(gaps)" -gt "$1" ]; }
over() { has "proc.cmdline contains $1 and proc.name = true and proc.alive = false"; }
ended() { processes "proc.cmdline contains $1 and proc.name = true and proc.alive = false" | jq .pid | wc -l; }
equals() { [ "$("${@:2}")" = "$1" ]; }
sequence() { "$CANOPY_CLI" verify --json "$work/collector" | jq -c '[.sound, ([.logs[].findings[] | select(.type == "elsewhere" or .type == "disorder")] | length)]'; }

start_collector --lake "$lake"
start_fault_sensor CANOPY_FAILPOINT=none
check "the host is live" wait_until 20 host_is "$(hostname)" live
stop_process "$sensor_pid"
for point in $points; do
  before=$(gaps)
  start_fault_sensor "CANOPY_FAILPOINT=$point"
  sleep 600 & # lives over the death of the sensor
  stays=$!
  pids+=("$stays")
  (while :; do /bin/true; done) &
  load=$!
  pids+=("$load")
  died=no
  wait_until 30 gone "$sensor_pid" && died=yes
  check "the sensor dies at $point" equal "$died" yes
  wait "$sensor_pid" 2>/dev/null
  check "by SIGKILL" equal $? 137
  sleep 601 & # begins while nobody looks
  unseen=$!
  pids+=("$unseen")
  stop_process "$load"
  start_fault_sensor CANOPY_FAILPOINT=none
  check "what lives is known again" wait_until 20 has "proc.pid = $stays and proc.alive = true"
  check "what began unseen too" wait_until 20 has "proc.pid = $unseen and proc.alive = true"
  check "the time between is told as a gap" wait_until 20 told_more_than "$before"
  mark=canopy-mark-$RANDOM$RANDOM
  lives 20 $mark
  check "and it goes on" wait_until 20 over $mark
  check "with each of its processes there once" wait_until 20 equals 20 ended $mark
  stop_process "$sensor_pid"
  check "no number is missing, none came twice" equal "$(sequence)" '[true,0]'
  check "the spool is sound" "$CANOPY_CLI" verify "$work/spool"
  kill "$stays" "$unseen"
  wait "$stays" "$unseen" 2>/dev/null
done
# who is there twice would have two start times that no one pid can have: the second life begins before the first has ended
overlaps() {
  processes 'proc.pid >= 1' | jq -r '[.pid, .start_boottime_ns, .start_boottime_ns + (.duration_ns // 0)] | @tsv' | sort -n -k1,1 -k2,2 |
    awk '$1 == pid && $2 < end {n++} {pid = $1; end = $3} END {print n + 0}'
}
check "no process is in the forest twice" equal "$(overlaps)" 0
known=$(curl -sf "http://$http/metrics" | awk '/^canopy_collector_events_total.*result="new"/ {n += $2} END {print n}')
rows() { find "$work/lake" -name '*.ndjson.gz' -path '*process_activity*' -exec gzip -dc {} + | jq -r .metadata.uid; }
distinct_rows() { rows | sort -u | wc -l; }
wait_until 30 equals "$known" distinct_rows # a collector that stops does not wait for its lake for ever
stop_process "$collector_pid"
check "every fact that was new to the forest is a row of the lake" equal "$(distinct_rows)" "$known"
check "and the lake tells no hole" equal "$(find "$work/lake" -path '*class=gap*' -name '*.gz' -exec gzip -dc {} + | grep -c journal_hole)" 0
check "no row of the lake is there twice" equal "$(rows | sort | uniq -d | wc -l)" 0
finish
