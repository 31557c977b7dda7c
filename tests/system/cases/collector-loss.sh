#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A reader that is stopped in a storm until its ring overflows. A second sensor with a ring that holds everything is
# the independent count: what it saw and the first one did not is what the first one lost, and that must be what it
# says it lost, by type.
source "$(dirname "$0")/../lib.sh"
need_bpf
here=$(hostname)
storm=${CANOPY_TEST_STORM:-20000}

start_collector --lake "ndjson:$work/lake?interval=1s"
start_sensor small --ring-bytes 512K
small=$sensor_pid
# shellcheck disable=SC2086 # words
"$CANOPY_SENSOR" --print=json --ring-bytes 128M ${sensor_arguments:-} >"$work/reference" 2>"$work/reference.log" &
reference=$!
pids+=("$reference")
"$CANOPY_CLI" tail -o ndjson >"$work/tail" 2>/dev/null & # not by the function: its subshell would be ended, not it
pids+=($!)
check "collector 41: the host is live" wait_until 20 host_is "$here" live

# Marks in both streams: what lies between them is compared.
passed() { # MARK
  /bin/true "$marker-$1"
  has "proc.cmdline contains $marker-$1 and proc.name = true and proc.alive = false" &&
    grep -qF "\"argv\":[\"/bin/true\",\"$marker-$1\"]" "$work/reference"
}
check "collector 41: both sensors see" wait_until 20 passed begin
sleep 600 & dies_unseen=$!
pids+=("$dies_unseen")
alive() { has "proc.pid = $1 and proc.ppid = $$ and proc.name = sleep and proc.alive = true"; }
check "collector 41: a process lives" wait_until 20 alive $dies_unseen
id_of() { one_process .id "proc.pid = $1 and proc.alive = true"; }
# Without a child: nobody names its start.
sleep 602 & lasts=$!
pids+=("$lasts")
check "collector 41: another process lives" wait_until 20 alive $lasts
lasting_id=$(id_of $lasts)
# It has drained, and its look for losses (a second after events) is due when it goes on: the snapshot that follows must
# find room in the ring.
mkfifo "$work/nothing"
read -r -t 0.4 <>"$work/nothing"
stopped=$(date +%s%N)

kill -STOP "$small"
performs "collector 41: $storm processes while the reader is stopped" fork-storm "$storm"
stormed=$(date +%s%N)
stop_process "$dies_unseen"
sleep 601 & begins_unseen=$!
pids+=("$begins_unseen")
printed() { grep -q "^{\"type\":\"exec\".*\"pid\":$1," "$work/reference"; }
wait_until 20 printed $begins_unseen
kill -CONT "$small"

check "collector 41: the loss is told" wait_until 20 eval \
  'canopy hosts -o ndjson | jq -se "map(.lost.fork) | add > 0" >/dev/null'
check "collector 41: the sensor sees again" wait_until 20 passed end
gone() { has "proc.pid = $dies_unseen and proc.ppid = $$ and quality.exit_unknown = true"; }
check "collector 41: resync: who died unseen is closed" wait_until 30 gone
check "collector 41: without an invented code" equal \
  "$(one_process '"\(.state) \(.exit | tojson)"' "proc.pid = $dies_unseen and proc.ppid = $$ and proc.name = sleep")" \
  'unknown null'
check "collector 41: resync: who began unseen is found" wait_until 10 alive $begins_unseen
check "collector 41: as one seen by a snapshot" equal \
  "$(one_process '.quality | tojson' "proc.pid = $begins_unseen and proc.ppid = $$ and proc.alive = true")" '["seeded"]'
check "collector 41: resync: who lives is who lived: the identities are the same" equal "$(id_of $lasts)" "$lasting_id"
check "collector 41: resync: no phantom of the storm is alive" \
  equal "$(processes "proc.ppid = ${who[process]} and $(ours) and proc.alive = true" | wc -l)" 0
check "collector 41: resync: who lives by the console is who lives by /proc" equal "$(live_set_differs "$here")" ""

# ---- produced = delivered + lost, by type
# Others may make a storm of their own before the first mark or behind the last: what is lost there is not compared.
rows() { find "$work/lake" -name '*.ndjson.gz' | grep "class=$1" | while read -r file; do gzip -dc "$file"; done; }
mark() { jq -r 'select(.type == "exec" and .argv[1] == "'"$marker-$1"'") | "'"$2"'"' "$work/reference"; }
end_pid=$(mark end '\(.pid)' | tail -n 1)
end_time=$(mark end '\(.time)' | tail -n 1)
begin_time=$(mark begin '\(.time)' | head -n 1)
in_lake() {
  [ -n "$(rows process_activity | jq "select(.metadata.event_code == \"exec\" and .process.pid == $end_pid) | .time")" ]
}
check "collector 41: the lake has come to the last mark" wait_until 180 in_lake
kill -TERM "$reference"
wait "$reference"
# From 7.0 on the kernel may skip both copies of a hook (host_lost), here, too: what the reference is told to lack so may be there or not.
skips=none
! kernel_at_least 7 0 || skips=recursion
check "collector 41: the reference lost nothing, but for what the kernel skips" equal \
  "$(jq -c "select(.type == \"gap\" and .reason != \"$skips\")" "$work/reference")" ""
skipped() { jq -n "[inputs | select(.type == \"gap\" and .reason == \"$skips\" and .lost == \"$1\") | .count] | add // 0" "$work/reference"; }
# TYPE PID START ORDINAL: the name of a fact, the same for both sensors
jq -r 'select(.type == "fork" or .type == "exec" or .type == "exit")
  | "\(.type) \(.pid) \(.start_boottime_ns) \(if .type == "exec" then .exec_seq else 0 end)"' \
  "$work/reference" >"$work/produced.all"
rows process_activity |
  jq -r '.metadata.event_code as $t | select($t != "snapshot") | .process as $p | $p.xattributes as $x
    | "\($t) \($p.pid) \($x.start_boottime_ns) \(if $t == "exec" then $x.exec_seq else 0 end)"' \
    >"$work/delivered.all"
between() { # from the exec of the first mark to that of the last
  local from to
  from=$(mark begin 'exec \(.pid) \(.start_boottime_ns) \(.exec_seq)' | head -n 1)
  to=$(mark end 'exec \(.pid) \(.start_boottime_ns) \(.exec_seq)' | tail -n 1)
  awk -v from="$from" -v to="$to" '$0 == from {on = 1} on; $0 == to {exit}'
}
between <"$work/produced.all" | sort -u >"$work/produced"
sort -u "$work/delivered.all" | comm -12 "$work/produced" - >"$work/delivered"
sort -u "$work/delivered.all" | comm -23 "$work/produced" - >"$work/missing"
# within COUNT SEEN SKIPPED: all that there were, of which those that the reference was not told may be missing in what it saw.
within() {
  [ "$2" -le "$1" ] && [ "$1" -le $(($2 + $3)) ] && return
  echo "there were $1, the reference saw $2 and lacks $3"
  return 1
}
count() { awk -v t="$2" '$1 == t {n++} END {print n + 0}' "$work/$1"; }
info=$(canopy hosts -o ndjson | jq -c --arg h "$here" 'select(.host == $h)')
compared=".from >= \"$begin_time\" and .from <= \"$end_time\""
lost() { jq "[.gaps[] | select(.type == \"$1\" and $compared) | .count] | add // 0" <<<"$info"; }
for type in fork exec exit; do
  check "collector 41: ${type}s: produced ($(count produced $type)) = delivered ($(count delivered $type)) + lost" \
    within $(($(count delivered $type) + $(lost $type))) "$(count produced $type)" "$(skipped $type)"
  check "collector 41: ${type}s: the gaps add up to what is lost" equal \
    "$(jq "[.gaps[] | select(.type == \"$type\") | .count] | add // 0" <<<"$info")" "$(jq ".lost.$type" <<<"$info")"
done
check "collector 41: the storm was produced whole" within "$storm" \
  "$(jq -r 'select(.type == "fork" and .ppid == '"${who[process]}"') | .pid' "$work/reference" | wc -l)" "$(skipped fork)"
check "collector 41: and ended, each with the code that waitpid told the workload" within "$storm" \
  "$(jq -rs 'map(select(.ppid == '"${who[process]}"')) | map(select(.type == "exit")) as $exits
    | (map(select(.type == "fork")) | sort_by(.start_boottime_ns) | to_entries | map({(.value.id): (.key % 256)}) | add) as $codes
    | [$exits[] | select(.exit.code == $codes[.id])] | length' \
    "$work/reference")" "$(skipped exit)"
check "collector 41: most of it was lost" test "$(lost fork)" -gt $((storm / 2))
check "collector 41: no row of the lake is there twice" equal "$(sort "$work/delivered.all" | uniq -d | wc -l)" 0

# ---- where people look
ns_of() {
  jq -r "[.gaps[] | select($compared) | .$1] | $2" <<<"$info" | while read -r time; do date -d "$time" +%s%N; done
}
check "collector 41: the gaps begin before the storm is over" test "$(ns_of from min)" -le "$stormed"
check "collector 41: and end after the reader was stopped" test "$(ns_of to max)" -ge "$stopped"
check "collector 41: and before now" test "$(ns_of to max)" -le "$(date +%s%N)"
metric() {
  curl -s "http://$http/metrics" | awk -v t="type=\"$1\"" \
    'index($1, "canopy_sensor_ring_lost_total") == 1 && index($1, t) {n += $2} END {print n + 0}'
}
same_metric() { [ "$(metric fork)" -ge "$(jq .lost.fork <<<"$info")" ]; }
check "collector 41: the metrics have it with the next heartbeat" wait_until 20 same_metric
check "collector 41: the tail has it" equal \
  "$(jq -s 'map(select(.type == "gap" and .lost_type == "fork" and '"$compared"') | .count) | add' "$work/tail")" \
  "$(lost fork)"
check "collector 41: the tree says so" grep -q 'facts lost' <<<"$(canopy tree -H "$here" "proc.pid = $$" 2>&1)"
check "collector 41: the lake has the gaps" equal \
  "$(rows gap | jq -s --argjson from "$(date -d "$begin_time" +%s%3N)" --argjson to "$(date -d "$end_time" +%s%3N)" \
    'map(select(.unmapped.fact_type == "fork" and .start_time >= $from and .start_time <= $to) | .count) | add')" \
    "$(lost fork)"
finish
