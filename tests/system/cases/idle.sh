#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sensor with nothing to tell wakes for its heartbeat and for nothing else, every five seconds; the note that the boot
# is watched goes along (docs/sensor.md). Counted over spans in which the machine began no process; where none of them is
# quiet (other work goes on), nothing can be said.
source "$(dirname "$0")/../lib.sh"
need_bpf
heartbeats=3 # a span
spans=3
period=5     # seconds

start_collector
start_sensor idle
check "the host is live" wait_until 20 host_is "$(hostname)" live
exec {silence}<> <(:)

# Without a process: all of it is what bash does by itself.
forks() { local word count; while read -r word count; do [ "$word" = processes ] && value=$count; done </proc/stat; }
switches() {
  local file word count
  value=0
  for file in "/proc/$sensor_pid/task"/*/status; do
    while read -r word count; do [ "$word" = voluntary_ctxt_switches: ] && value=$((value + count)); done <"$file"
  done
}
# the looks for losses and the syncs that the last facts have asked for, and two heartbeats until it rests
settle() { read -r -t 7 -u "$silence" _; }

# In woken: how often it woke in one span; false when a process was begun meanwhile.
quiet_span() {
  local before woken_before
  settle
  forks; before=$value
  switches; woken_before=$value
  read -r -t $((heartbeats * period)) -u "$silence" _
  switches; woken=$((value - woken_before))
  forks; [ "$value" = "$before" ]
}

woken='' found=no
for ((i = 0; i < spans; i++)); do
  if quiet_span; then found=yes; break; fi
done
if [ $found = yes ]; then
  # one more may fall into a span than its length says, and one less where the first came just before it
  check "an idle sensor wakes for its heartbeat alone ($woken times in $heartbeats periods)" \
    test "$woken" -le $((heartbeats + 1))
  check "and it does wake" test "$woken" -ge $((heartbeats - 1))
else
  check "an idle sensor wakes for its heartbeat alone # SKIP processes are begun here all the time" true
fi
finish
