#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What runs before a sensor does, dies while none looks, or begins at the very moment of a snapshot.
source "$(dirname "$0")/../lib.sh"
need_bpf
here=$(hostname)

execs=${CANOPY_TEST_EXECS:-1500} # an emulated machine takes fewer

state_of() { one_process '"\(.state) \(.exit.code) \(.quality | tojson)"' "$1"; }

# ---- 38: older than the sensor
mkfifo "$work/old-door"
bash -c 'read -r _ <"$1"; exit 42' "$marker-old" "$work/old-door" &
old=$!
pids+=("$old")
old_filter="proc.pid = $old and proc.cmdline contains $marker-old"
start_collector
start_sensor here
check "collector 38: the host is live" wait_until 20 host_is "$here" live
check "collector 38: a process older than the sensor is there" wait_until 20 has "$old_filter and proc.alive = true"
check "collector 38: from a snapshot" equal "$(state_of "$old_filter")" 'live null ["seeded"]'
check "collector 38: with argv" equal "$(one_process '.argv[3]' "$old_filter")" "$marker-old"
check "collector 38: with its start" equal "$(one_process '.start_boottime_ns / 10000000 | floor' "$old_filter")" \
  "$(sed 's/.*) //' "/proc/$old/stat" | cut -d' ' -f20)"
check "collector 38: under its parent" equal "$(one_process .ppid "$old_filter")" $$
echo go >"$work/old-door"
check "collector 38: it ends" wait_until 20 has "$old_filter and proc.alive = false"
check "collector 38: with code 42, and no fork was invented" equal "$(state_of "$old_filter")" 'exited 42 ["seeded"]'

S=1000000000
# ---- 39: a snapshot's fact that arrives after the exit; 42: facts of whom nobody has spoken. Dictated: once is enough.
dictated() {
  "$WORKLOADS/feed" "$listen" <<TXT
host late aaaaaaaa000000000000000000000001
clock $((100 * S)) $((1700000000 * S))
connect 1
exit $((110 * S)) 600/$((50 * S)) 1/$S code=3
exec $((111 * S)) 601/$((52 * S)) 602/$((51 * S)) seq=1 exe=/usr/bin/orphan
exit $((112 * S)) 603/$((53 * S)) 602/$((51 * S)) signal=9
send
TXT
  check "collector 39: an exit alone" equal "$(state_of 'host.name = late and proc.pid = 600')" 'exited 3 ["placeholder"]'
  of_late() { one_process "$2" "host.name = late and proc.pid = $1"; }
  check "collector 42: an exec of an unknown process is a placeholder" \
    equal "$(of_late 601 '.quality | tojson')" '["placeholder"]'
  check "collector 42: it lives and runs what was executed" \
    equal "$(of_late 601 '"\(.state) \(.exe)"')" 'live /usr/bin/orphan'
  check "collector 42: it stands under its real parent" equal "$(of_late 601 .parent_id)" "$(of_late 602 .id)"
  check "collector 42: and that one is there as a placeholder" \
    equal "$(of_late 602 '"\(.state) \(.quality | tojson)"')" 'live ["placeholder"]'
  check "collector 42: an exit of an unknown process" \
    equal "$(of_late 603 '"\(.state) \(.exit.signal) \(.parent_id)"')" "exited 9 $(of_late 602 .id)"
  "$WORKLOADS/feed" "$listen" <<TXT
host late aaaaaaaa000000000000000000000001
clock $((120 * S)) $((1700000020 * S))
connect 2
snapshot $((111 * S)) 600/$((50 * S)) 1/$S exe=/usr/bin/dead
fork $((52 * S)) 601/$((52 * S)) 602/$((51 * S))
fork $((51 * S)) 602/$((51 * S)) 1/$S
fork $((53 * S)) 603/$((53 * S)) 602/$((51 * S))
send
TXT
  check "collector 39: a snapshot after the exit: it stays dead" \
    equal "$(of_late 600 '"\(.state) \(.exit.code)"')" 'exited 3'
  check "collector 39: the snapshot tells what it was" \
    equal "$(of_late 600 '"\(.exe) \(.quality | tojson)"')" '/usr/bin/dead ["seeded"]'
  check "collector 42: the forks complete them" equal \
    "$(of_late 601 '.quality | tojson')$(of_late 602 '.quality | tojson')$(of_late 603 '.quality | tojson')" '[][][]'
  check "collector 42: none twice" equal "$(processes 'host.name = late' | jq -r .pid | sort -n | tr '\n' ' ')" \
    '1 600 601 602 603 '
}
[ -n "${sensor_arguments:-}" ] || dictated

# ---- 40: the sensor is killed and restarted; one process dies, one begins in between
sleep 600 & survives=$!
sleep 601 & dies=$!
pids+=("$survives" "$dies")
mine() { echo "proc.pid = $1 and proc.ppid = $$"; }
check "collector 40: both live" wait_until 20 eval \
  "has '$(mine $survives) and proc.name = sleep' && has '$(mine $dies) and proc.name = sleep'"
id=$(one_process .id "$(mine $survives) and proc.alive = true")
shell_id=$(one_process .id "proc.pid = $$ and proc.alive = true")
sleep 2.5 # it notes every two seconds how far it has watched; what follows lies behind that
before=$(date +%s%N)
stop_process "$sensor_pid" KILL
killed=$(date +%s%N)
stop_process "$dies"
sleep 602 & unseen=$!
pids+=("$unseen")
start_sensor here
check "collector 40: who began in the gap is found" wait_until 20 has "$(mine $unseen) and proc.alive = true"
after=$(date +%s%N)
check "collector 40: by the snapshot" equal "$(state_of "$(mine $unseen)")" 'live null ["seeded"]'
check "collector 40: who died in the gap is closed" wait_until 20 has "$(mine $dies) and quality.exit_unknown = true"
check "collector 40: without an invented code" \
  equal "$(one_process '"\(.state) \(.exit | tojson)"' "$(mine $dies) and proc.name = sleep")" 'unknown null'
check "collector 40: who survived keeps his identity" \
  equal "$(one_process '"\(.id) \(.state)"' "$(mine $survives)")" "$id live"
check "collector 40: and so does this shell" equal "$(one_process .id "proc.pid = $$ and proc.alive = true")" \
  "$shell_id"
gap=$(canopy hosts -o ndjson | jq -c --arg h "$here" \
  'select(.host == $h) | .gaps | map(select(.reason == "sensor_down"))')
check "collector 40: one gap" equal "$(jq length <<<"$gap")" 1
ns() { date -d "$(jq -r ".[0].$1" <<<"$gap")" +%s%N; }
check "collector 40: it begins within the sensor's interval before the kill" test "$(ns from)" -le "$killed" -a \
  "$(ns from)" -gt $((before - 5 * S))
check "collector 40: it ends once the new one is attached" test "$(ns to)" -gt "$before" -a "$(ns to)" -le "$after"

# ---- 38 and resync: snapshots in the middle of a storm; each process one node, and the live facts win
storm=$marker-storm
# Lives with a number each: forked and executed one after the other, in the middle of which sensors come and go.
enough() { [ "$1" -ge "$execs" ] && [ -e "$work/came-and-went" ] || [ "$1" -ge $((20 * execs)) ]; }
lives_until_enough() {
  local i
  for ((i = 0; ; i++)); do
    if enough $i; then echo $i >"$work/lived"; return; fi
    /bin/true "$storm" $((i + 1))
  done
}
lives_until_enough & load=$!
pids+=("$load")
restarts=0
while kill -0 "$load" 2>/dev/null && [ $restarts -lt 4 ]; do
  start_sensor "again-$restarts" # beside the first, which sees everything: each takes a snapshot of its own
  again_pid=$sensor_pid
  wait_until 20 grep -q attached "$work/sensor-again-$restarts.log"
  stop_process "$again_pid"
  restarts=$((restarts + 1))
  [ $restarts -lt 2 ] || touch "$work/came-and-went"
done
check "collector 38: sensors came and went during the storm" test $restarts -ge 2
wait "$load"
execs=$(cat "$work/lived")
stormy="proc.cmdline contains $storm and proc.name = true"
last() { has "$stormy and proc.cmdline endswith ' $execs' and proc.alive = false"; }
check "collector 38: the storm is over" wait_until 30 last
# The end of the last one may have been told by a sensor that came late, before the first sensor has told of all.
not_whole() {
  processes "$stormy" | jq -r '"\(.argv[2]) \(.state) \(.exit.code) \(.quality | tojson)"' >"$work/lives"
  grep -v ' exited 0 \[\]$' "$work/lives"
}
all_whole() { [ -z "$(not_whole)" ]; }
wait_until 20 all_whole
cut -d' ' -f1 "$work/lives" | sort >"$work/numbers"
check "collector 38: none twice" equal "$(uniq -d "$work/numbers")" ""
check "collector 38: none missing" equal "$(seq "$execs" | sort | comm -23 - "$work/numbers")" ""
all_whole_or_which() {
  local number
  all_whole && return 0
  not_whole | while read -r number _; do processes "$stormy and proc.cmdline endswith ' $number'"; done
  return 1
}
check "collector 38: the live facts win: all ended with 0, whole" all_whole_or_which
phantoms() { # processes of ours, but for the one that asks, that the console calls alive and /proc does not know
  local pid
  processes "$(ours) and proc.alive = true and proc.name != canopy" |
    while read -r line; do [ -d "/proc/$(jq .pid <<<"$line")" ] || echo "$line"; done
}
check "collector 38: no phantom is alive" equal "$(phantoms)" ""
check "collector 38: who lives by the console is who lives by /proc" equal "$(live_set_differs "$here")" ""
finish
