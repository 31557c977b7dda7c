#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sensor with nothing to tell wakes for its timers and for nothing else: two of them run, each every two seconds
# (docs/sensor.md). Counted over spans in which the machine began no process; where none of them is quiet (other work
# goes on), nothing can be said.
source "$(dirname "$0")/../lib.sh"
need_bpf
heartbeats=4 # a span
spans=3
period=2     # seconds
timers=2

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
settle() { read -r -t 4 -u "$silence" _; } # the looks for losses and the syncs that the last facts have asked for

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
  # one more of each timer may fall into a span than its length says
  check "an idle sensor wakes for its timers alone ($woken times in $heartbeats periods of $timers timers)" \
    test "$woken" -le $(((heartbeats + 1) * timers))
  check "and it does wake" test "$woken" -ge "$heartbeats"
else
  check "an idle sensor wakes for its timers alone # SKIP processes are begun here all the time" true
fi
finish
