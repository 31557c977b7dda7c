#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A disk that becomes slow: the collector slows its sensors down and says so, loses nothing, and lets them go again when the disk is well. What presses is a
# load that does not listen to it; beside it a real spool and uplink do.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
load=$CANOPY_BUILD/tests/fault/fleet-load
lives=20000 batches=2000 facts=5
SPOOLER=$CANOPY_BUILD/tests/fault/spooler # where the sensor is built

metric() { curl -sf "http://$http/metrics" | sed -n "s/^$1 //p"; }
paced() { [ "$(metric canopy_collector_shards_paced)" = "$1" ]; }
known_facts() { curl -sf "http://$http/api/v1/hosts" | jq '[.hosts[].events_total] | add // 0'; }
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

spooled=0
number() { awk -v what="$1" '$1 == what {n = $2} END {print n + 0}' "$work/told"; } # of the last batch that was appended, sent, acked
sent_up_to() { [ "$(number sent)" -ge "$1" ]; }
waits_more_than() { [ $(($(number appended) - $(number acked))) -gt "$1" ]; }
# spaced FROM TO: between two batches there lay, on average, what the rate leaves them; without a rate those of a window go at once
spaced() {
  local rate took
  rate=$(metric canopy_collector_pace_batches_per_second)
  took=$(awk -v from="$1" -v to="$2" '$1 == "sent" && $2 == from {began = $3} $1 == "sent" && $2 == to {print $3 - began}' "$work/told")
  echo "$1 to $2 took $took ms at a rate of $rate"
  [ "$rate" -gt 0 ] && [ "$took" -ge $((($2 - $1) * 900 / rate)) ]
}
if [ -x "$SPOOLER" ]; then
  spooled=$((batches * facts))
  : >"$work/told"
  CANOPY_SPOOLER_LOG=$work/told "$SPOOLER" "$work/spool" $batches $facts 9 "$listen" 2>"$work/spooler.log" &
  spooler_pid=$!
  pids+=("$spooler_pid")
  check "a real uplink sends on" wait_until 20 sent_up_to 1
  # what the first window and the first credit let through lies behind
  wait_until 30 eval '[ "$(number acked)" -ge 1 ]'
  from=$(($(number sent) + 2))
  check "but slowly" wait_until 30 sent_up_to $((from + 5))
  check "no faster than it was told" spaced $from $((from + 5))
  check "its spool holds what waits" wait_until 30 waits_more_than 500
fi

echo 0 >"$CANOPY_SLOW_SYNC"
if [ $spooled -gt 0 ]; then
  wait "$spooler_pid"
  check "all of the spool is acknowledged in the end" equal $? 0
  check "in order, each batch sent once" equal "$(awk '$1 == "sent" {print $2}' "$work/told" | uniq | wc -l)" $batches
  check "it dropped nothing" equal "$(canopy hosts -o ndjson 2>/dev/null | jq -s 'map(select(.host == "spooler") | .gaps | length)' -c)" '[0]'
fi
wait "$load_pid"
check "all batches are acknowledged in the end" equal $? 0
check "its sensors were told" test "$(value "$work/load" paces)" -ge 4
check "nothing was dropped" equal "$(known_facts)" $((3 * lives + 3000 + spooled))
check "a disk that is well again ends it" wait_until 60 paced 0
check "the log says that, too" logged 'event=pace batches_per_second=unlimited'

# ---- two shards, and spools that outlived a reboot: what they hold of the boot before belongs to the other shard, which waits for its own disk

if [ -x "$SPOOLER" ]; then
  batches=300 before=200 known=$(known_facts)
  spool_of() { echo "$work/spool-$1"; }
  hosts=(14 17 21 27) # as bytes of a boot id, and one more: of two shards each the other one's
  echo $before >"$work/limit"
  appended_all() { [ "$(awk '$1 == "appended" {n = $2} END {print n + 0}' "$work/told-$1")" = "$2" ]; }
  acked() { awk '$1 == "acked" {n = $2} END {print n + 0}' "$work/told-$1"; }
  acked_more_than() { [ "$(acked "$1")" -gt "$2" ]; }
  begin_spooler() { # HOST BOOT ADDR:PORT
    : >"$work/told-$1"
    CANOPY_SPOOLER_LIMIT=$work/limit CANOPY_SPOOLER_LOG=$work/told-$1 "$SPOOLER" "$(spool_of "$1")" $batches $facts "$2" "$3" 2>>"$work/spooler.log" &
    spooler_pid=$!
    pids+=("$spooler_pid")
  }
  stop_process "$collector_pid"
  for host in "${hosts[@]}"; do
    begin_spooler "$host" "$host" "$listen"
    check "host $host spools what nobody takes" wait_until 30 appended_all "$host" $before
    stop_process "$spooler_pid" KILL
  done

  echo 1500 >"$CANOPY_SLOW_SYNC"
  LD_PRELOAD=$CANOPY_BUILD/tests/fault/libslowsync.so start_collector --shards 2
  "$load" "$listen" 16 $((4 * lives)) >"$work/load" 2>&1 &
  load_pid=$!
  pids+=("$load_pid")
  check "both shards pace their sensors" wait_until 60 paced 2
  echo $batches >"$work/limit"
  spoolers=()
  for host in "${hosts[@]}"; do
    begin_spooler "$host" $((host + 1)) "$listen"
    spoolers+=("$spooler_pid")
  done
  for host in "${hosts[@]}"; do check "host $host is served, beside what presses" wait_until 60 acked_more_than "$host" 1; done
  check "what is of the boot before goes to the other shard" not test "$(metric canopy_collector_batches_relayed_total)" = 0
  check "and waits there: not all of it is through" not eval "acked_more_than ${hosts[0]} $((before - 1))"
  check "it still is ready" curl -sf "http://$http/readyz"

  echo 0 >"$CANOPY_SLOW_SYNC"
  for i in "${!hosts[@]}"; do
    wait "${spoolers[i]}"
    check "all of the spool of host ${hosts[i]} is acknowledged" equal $? 0
  done
  wait "$load_pid"
  check "all that pressed is acknowledged" equal $? 0
  check "every batch of the boots before was relayed" equal "$(metric canopy_collector_batches_relayed_total)" $((before * ${#hosts[@]}))
  check "nothing was dropped, nothing taken twice" equal "$(known_facts)" $((known + 12 * lives + batches * facts * ${#hosts[@]}))
  check "disks that are well again end it" wait_until 60 paced 0
fi
finish
