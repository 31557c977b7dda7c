#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# More live processes than the collector may hold: one host takes half of the room at most, all of them what there is. Who
# lives stays, who is refused is counted as a gap, and the dead of one host make room for another one.
source "$(dirname "$0")/lib.sh"
type -P jq curl >/dev/null || skip_all "needs jq and curl"

S=1000000000
start_collector --shards 1 --processes-max 10000

# say NAME NUMBER STREAM: the facts of stdin, by a host of its own
say() {
  {
    printf '%s\n' "host $1 aaaaaaaa00000000000000000000000$2" "clock $((1000 * S)) $((1700001000 * S))" "connect $3"
    cat
  } >"$work/script"
  "$WORKLOADS/feed" "$listen" <"$work/script" >>"$work/feed.log" 2>&1
}
# facts VERB FIRST COUNT SECOND: of the processes FIRST and on, which all began at 20 s; in batches of 400, each fact at a time of its own
facts() {
  awk -v verb="$1" -v first="$2" -v count="$3" -v second="$4" 'BEGIN {
    for (i = 0; i < count; i++) {
      printf "%s %d%09d %d/20000000000 0/0\n", verb, second, i, first + i
      if (i % 400 == 399 || i == count - 1) print "send"
    }
  }'
}
of() { canopy hosts -o ndjson | jq -r --arg host "$1" 'select(.host == $host) | '"$2"; }
full() { of "$1" '[.gaps[] | select(.reason == "forest_full") | .count] | add // 0'; }
lives() { of "$1" .live; }

facts fork 1000 6000 20 | say first 1 1
check "one host gets half of the room" equal "$(lives first)" 5000
check "and shows how many facts had none" equal "$(full first)" 1000
facts fork 1000 6000 20 | say second 2 2
check "so does the next one" equal "$(lives second) $(full second)" "5000 1000"
facts fork 1000 100 20 | say third 3 3
check "then there is none" equal "$(lives third) $(full third)" "0 100"
check "the metrics say so, too" equal "$(curl -sf "http://$http/metrics" |
  awk '/^canopy_collector_lost_total.*forest_full/ { sum += $NF } END { print sum }')" 2100

facts exit 1000 500 30 | say first 1 4
facts fork 2000 300 40 | say third 3 5
check "the dead of one host make room for another" equal "$(lives first) $(lives third) $(full third)" "4500 300 100"
check "and count as evicted" test "$(of first .evicted)" -ge 300
check "no living one has gone" equal "$(canopy stats -o json | jq .processes.live)" 9800

stop_process "$collector_pid" KILL
start_collector --shards 1 --processes-max 10000
check "started again: the same live" equal "$(lives first) $(lives second) $(lives third)" "4500 5000 300"
check "started again: the same is missing" equal "$(full first) $(full second) $(full third)" "1000 1000 100"
finish
