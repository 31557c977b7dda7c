#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One gap of each reason, dictated: whoever looks at the host's row, the metrics, the tail or the tree sees it, each with
# its own number of facts. What a filter left out is none of them.
source "$(dirname "$0")/lib.sh"
type -P jq curl >/dev/null || skip_all "needs jq and curl"

S=1000000000
# REASON WORD TYPE FACTS; reason 5 does not know how many, 77 is one of a sensor to come
reasons='1 ring_full fork 11
2 recursion exec 22
3 map_failed exit 33
4 spool_dropped unknown 44
5 sensor_down unknown 0
6 sequence unknown 66
7 spool_damaged unknown 77
9 forest_full snapshot 99
77 unknown exec 770'
declare -A number=([fork]=1 [exec]=2 [exit]=3 [snapshot]=4 [unknown]=0)

start_collector
"$CANOPY_CLI" tail -o ndjson >"$work/tail" 2>/dev/null &
pids+=($!)
follows() { [ "$(curl -sf "http://$http/metrics" | awk '$1 == "canopy_collector_console_followers" { print $2 }')" = 1 ]; }
check "the tail follows" wait_until 20 follows
{
  echo "host lossy aaaaaaaa000000000000000000000001"
  echo "clock $((1000 * S)) $((1700001000 * S))"
  echo "connect 1"
  echo "fork $((20 * S)) 600/$((20 * S)) 1/$S"
  while read -r reason _ type facts; do
    echo "gap ${number[$type]} $reason $(((20 + reason) * S)) $(((21 + reason) * S)) $facts"
  done <<<"$reasons"
  echo "gap 2 8 $((30 * S)) $((40 * S)) 88"
  echo send
  echo again # the same batch: nothing counts twice
} >"$work/script"
"$WORKLOADS/feed" "$listen" <"$work/script"
check "the host is known" wait_until 20 has "host.name = lossy and proc.pid = 600"

host() { canopy hosts -o ndjson | jq -c 'select(.host == "lossy")'; }
metrics() { curl -sf "http://$http/metrics" | grep -E '^canopy_collector_(lost|gaps)_total' >"$work/metrics"; }
metric() { awk -v family="canopy_collector_$1_total" -v labels="$2" \
  'index($0, family "{host=\"lossy\",boot_id=\"aaaaaaaa000000000000000000000001\"," labels "}") == 1 { print $NF }' "$work/metrics"; }
everywhere_but_the_tail() {
  host >"$work/host"
  metrics
  while read -r _ word type facts; do
    check "$1$word: the host's row has the gap" equal \
      "$(jq -r --arg word "$word" '.gaps[] | select(.reason == $word) | "\(.type // "unknown") \(.count // 0)"' "$work/host")" "$type $facts"
    check "$1$word: the metrics have the gap" equal "$(metric gaps "reason=\"$word\"")" 1
    # of a number that is not known none is invented
    check "$1$word: and its facts" equal "$(metric lost "type=\"$type\",reason=\"$word\"")" "$([ "$facts" = 0 ] || echo "$facts")"
  done <<<"$reasons"
  check "$1the host's row has all that is lost" equal "$(jq -c .lost "$work/host")" \
    "{\"fork\":11,\"exec\":$((22 + 770)),\"exit\":33,\"unknown\":$((44 + 66 + 77 + 99))}"
  check "$1the metrics add up to the same" equal "$(awk '/^canopy_collector_lost_total/ { sum += $NF } END { print sum }' "$work/metrics")" 1122
  check "$1what a filter left out stands apart" equal "$(jq -c '.filtered | map([.reason, .type, .count])' "$work/host")" '[["filtered","exec",88]]'
  check "$1and is no loss" not grep -q filtered "$work/metrics"
  check "$1the tree says how much is missing" grep -qF 'at least 1122 facts and an unknown number more were lost in 9 gaps' \
    <<<"$(canopy tree -H lossy "proc.pid = 600" 2>&1)"
}
everywhere_but_the_tail ""
tailed() { [ "$(grep -c '"type":"gap"' "$work/tail")" -ge 10 ]; }
check "the tail has every gap" wait_until 20 tailed
while read -r _ word type facts; do
  check "$word: the tail has it" equal \
    "$(jq -r --arg word "$word" 'select(.type == "gap" and .reason == $word) | "\(.lost_type // "unknown") \(.count // 0)"' "$work/tail")" "$type $facts"
done <<<"$reasons"
check "each one once" equal "$(grep -c '"type":"gap"' "$work/tail")" 10

# As after an update of the collector.
stop_process "$collector_pid"
start_collector
everywhere_but_the_tail "started again: "
finish
