#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything told twice, and a collector that is killed in the middle of it: forest, counts and rows of the lake are as
# if neither had happened.
source "$(dirname "$0")/../lib.sh"
need_bpf
lake="ndjson:$work/lake?interval=1s"
S=1000000000
lives=${CANOPY_TEST_TOLD:-3000} # an emulated machine takes fewer
rows() {
  find "$work/lake" -name '*.ndjson.gz' 2>/dev/null | grep class=process_activity |
    while read -r file; do gzip -dc "$file"; done
}
lake_is_done() { [ "$(canopy stats -o json 2>/dev/null | jq '.lake[0].lag_records')" = 0 ]; }
forest() { processes "host.name = doubled" | sort | cksum; }
told() { canopy hosts -o ndjson | jq -c 'select(.host == "doubled") | [.events_total, .live, .exited, .lost, .gaps]'; }
tell() { # STREAM [twice]
  "$WORKLOADS/feed" "$listen" <<TXT
host doubled aaaaaaaa000000000000000000000001
clock $((100 * S)) $((1700000000 * S))
connect $1
snapshot $((100 * S)) 1/$S 0/0 exe=/sbin/init
fork $((101 * S)) 900/$((101 * S)) 1/$S
gap 1 1 $((102 * S)) $((103 * S)) 7
mark $((99 * S)) $((104 * S))
send
again
lives $lives $((200 * S)) 900/$((101 * S)) ${2:-}
TXT
}

# ---- every batch twice, then everything again by a second sensor
start_collector --lake "$lake"
check "collector 44: each batch is sent twice" tell 1 twice
expected="[$((2 + lives * 3)),2,$lives,7,0,0,0]" # lost: fork, exec, exit, unknown
told_short() { told | jq -c '.[:3] + (.[3] | [.fork, .exec, .exit, .unknown])'; }
check "collector 44: each fact counts once" equal "$(told_short)" "$expected"
first=$(forest)
once=$(told)
check "collector 44: the duplicates were counted" test "$(canopy stats -o json | jq .ingest.batches_duplicate_total)" \
  -ge $(((2 + lives * 3) / 500))
check "collector 44: all of it again as another stream" tell 2
check "collector 44: the forest is the same" equal "$(forest)" "$first"
check "collector 44: the counts are the same" equal "$(told)" "$once"
check "collector 44: the lake has caught up" wait_until 180 lake_is_done
rows | jq -r '"\(.metadata.uid) \(.metadata.event_code)"' >"$work/rows-1"
check "collector 44: each fact is one row" equal \
  "$(wc -l <"$work/rows-1") $(cut -d' ' -f1 "$work/rows-1" | sort -u | wc -l)" "$((2 + lives * 3)) $((2 + lives * 3))"

# ---- SIGKILL, and a new start from the journal
stop_process "$collector_pid" KILL
start_collector --lake "$lake"
check "collector 44: after a crash the forest is the same" equal "$(forest)" "$first"
check "collector 44: the counts are the same" equal "$(told)" "$once"
check "collector 44: what is sent once more is known" tell 1
check "collector 44: and the counts are still the same" equal "$(told)" "$once"
check "collector 44: the lake has caught up again" wait_until 180 lake_is_done
check "collector 44: its rows are the same" equal \
  "$(rows | jq -r '"\(.metadata.uid) \(.metadata.event_code)"' | sort | cksum)" "$(sort "$work/rows-1" | cksum)"

# ---- a real sensor, and two kills in the middle of what it tells
storm=${CANOPY_TEST_STORM:-20000}
start_sensor here --ring-bytes 64M # this is about the way from the ring on
check "collector 44: the host is live" wait_until 20 host_is "$(hostname)" live
"$WORKLOADS/workload-fork-storm" "$storm" "$marker" >"$work/storm" 2>&1 &
load=$!
pids+=("$load")
in_storm="proc.ppid = $load and proc.cmdline contains $marker"
for round in 1 2; do
  wait_until 20 has "$in_storm and proc.alive = false"
  stop_process "$collector_pid" KILL
  start_collector --lake "$lake"
done
wait "$load"
check "collector 44: the load ended well" equal "$?" 0
over() { has "proc.pid = $load and proc.cmdline contains $marker and proc.alive = false"; }
check "collector 44: all of it is told" wait_until 60 over
canopy ps "$in_storm" -o csv --fields start_boottime_ns,exit_code,id 2>/dev/null | tail -n +2 >"$work/children"
check "collector 44: each process of the storm, once, with its own end" \
  equal "$(awk -F, '$2 == (NR - 1) % 256 {good++} END {print NR, good}' "$work/children") $(cut -d, -f3 \
  "$work/children" | sort -u | wc -l)" "$storm $storm $storm"
# Who looks is told, too: with a sensor here a slow disk's lake would never be at the end.
stop_process "$sensor_pid"
check "collector 44: the sensor ends well" equal $? 0
check "collector 44: the lake has caught up with it" wait_until 180 lake_is_done
rows | jq -r 'select(.process.parent_process.pid == '"$load"') | "\(.metadata.event_code) \(.metadata.uid)"' \
  >"$work/rows-2"
for type in fork exit; do
  check "collector 44: one row for each $type" equal \
    "$(grep -c "^$type " "$work/rows-2") $(grep "^$type " "$work/rows-2" | sort -u | wc -l)" "$storm $storm"
done
check "collector 44: no row twice at all" equal "$(rows | jq -r .metadata.uid | sort | uniq -d | wc -l)" 0
check "collector 44: the doubled host is as it was" equal "$(told)" "$once"
finish
