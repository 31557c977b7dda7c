#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Clocks that jump, hosts that reboot, sensors that share a boot. What no machine that others use does on request is
# told by a dictated sensor; the rest by real ones.
source "$(dirname "$0")/../lib.sh"
need_bpf

feed() { "$WORKLOADS/feed" "$listen"; }
S=1000000000
noon=1700000000 # seconds since 1970

start_collector

# ---- 35: the wall clock goes back an hour between two batches
feed <<TXT
host jumper aaaaaaaa000000000000000000000001 aaaaaaaa0000000000000000000000ff
clock $((100 * S)) $((noon * S))
connect 1
snapshot $((100 * S)) 1/$S 0/0
fork $((110 * S)) 500/$((110 * S)) 1/$S
fork $((120 * S)) 501/$((120 * S)) 500/$((110 * S))
send
clock $((130 * S)) $(((noon + 30 - 3600) * S))
fork $((140 * S)) 502/$((140 * S)) 500/$((110 * S))
exit $((150 * S)) 501/$((120 * S)) 500/$((110 * S)) code=0
exit $((160 * S)) 502/$((140 * S)) 500/$((110 * S)) code=0
send
TXT
jumper() { processes "host.name = jumper $*" | jq -rs "$jq"; }
jq='map(.pid) | tojson'
check "clock 35: the list is in order of boottime" equal "$(jumper)" '[1,500,501,502]'
jq='map(select(.pid == 501 or .pid == 502) | .duration_ns / 1000000000) | tojson'
check "clock 35: lifetimes are those of boottime" equal "$(jumper)" '[30,20]'
jq='map(select(.duration_ns != null and .duration_ns < 0)) | length'
check "clock 35: no lifetime is negative" equal "$(jumper)" 0
jq='.[0].start'
check "clock 35: what began before the jump keeps its wall time" \
  equal "$(jumper and proc.pid = 501)" "$(date -u -d @$((noon + 20)) +%Y-%m-%dT%H:%M:%S).000000000Z"
check "clock 35: what began after it has the new one" \
  equal "$(jumper and proc.pid = 502)" "$(date -u -d @$((noon + 40 - 3600)) +%Y-%m-%dT%H:%M:%S).000000000Z"
tree=$(canopy tree -H jumper --exited | grep -oE '\b50[0-2]\b' | tr '\n' ' ')
check "clock 35: the tree, too, is in order of boottime" equal "$tree" "500 501 502 "

# ---- 36: a reboot: the same machine, name and pids, another boot
feed <<TXT
host phoenix bbbbbbbb000000000000000000000001 bbbbbbbb0000000000000000000000ff
clock $((100 * S)) $((noon * S))
connect 1
snapshot $((100 * S)) 1/$S 0/0
snapshot $((100 * S)) 700/$((50 * S)) 1/$S exe=/usr/bin/daemon
snapshot $((100 * S)) 701/$((51 * S)) 1/$S exe=/usr/bin/other
mark $((99 * S)) $((101 * S))
exit $((110 * S)) 701/$((51 * S)) 1/$S code=6
send
host phoenix bbbbbbbb000000000000000000000002 bbbbbbbb0000000000000000000000ff
clock $((60 * S)) $(((noon + 600) * S))
connect 2
snapshot $((60 * S)) 1/$S 0/0
snapshot $((60 * S)) 700/$((50 * S)) 1/$S exe=/usr/bin/daemon
mark $((59 * S)) $((61 * S))
send
TXT
old="host.boot startswith bbbbbbbb and host.boot endswith 1"
new="host.boot startswith bbbbbbbb and host.boot endswith 2"
check "clock 36: two boots" equal "$(canopy hosts -o ndjson | jq -s 'map(select(.host == "phoenix")) | length')" 2
check "clock 36: the old one is rebooted" equal \
  "$(canopy hosts -o ndjson | jq -r 'select(.boot_id | endswith("1")) | select(.host == "phoenix") | .state')" rebooted
check "clock 36: the old daemon is closed as 'host rebooted'" \
  equal "$(one_process '"\(.state) \(.quality | tojson) \(.exit | tojson)"' "$old and proc.pid = 700")" \
  'unknown ["seeded","host_rebooted"] null'
check "clock 36: who had ended before keeps his end" \
  equal "$(one_process '"\(.state) \(.exit.code)"' "$old and proc.pid = 701")" 'exited 6'
check "clock 36: nobody of the old boot lives" not has "$old and proc.alive = true"
check "clock 36: the new daemon lives" equal \
  "$(one_process '"\(.state) \(.quality | tojson)"' "$new and proc.pid = 700")" 'live ["seeded"]'
check "clock 36: same pid and start time, another identity" \
  equal "$(processes "host.name = phoenix and proc.pid = 700" | jq -rs 'map(.id) | unique | length')" 2

# ---- 37: two hosts with equal tgid and start time; two sensors of one host boot
for n in 1 2; do
  feed <<TXT
host twin-$n cccccccc00000000000000000000000$n
clock $((100 * S)) $((noon * S))
connect 7
fork $((100 * S)) 800/$((99 * S)) 1/$S
exec $((101 * S)) 800/$((99 * S)) 1/$S seq=1 exe=/usr/bin/of-host-$n
send
TXT
done
check "clock 37: equal tgid and start on two hosts: two processes" \
  equal "$(processes 'host.name startswith twin and proc.pid = 800' | jq -rs 'map(.exe) | tojson')" \
  '["/usr/bin/of-host-1","/usr/bin/of-host-2"]'
check "clock 37: of different identity" equal \
  "$(processes 'host.name startswith twin and proc.pid = 800' | jq -r .id | sort -u | wc -l)" 2
# the second sensor sees each thing some microseconds later and counts execs from its own beginning
for stream in 1 2; do
  late=$((stream * 7000))
  feed <<TXT
host shared dddddddd000000000000000000000001
clock $((100 * S)) $((noon * S))
connect $stream
fork $((100 * S + late)) 900/$((99 * S)) 1/$S
exec $((101 * S + late)) 900/$((99 * S)) 1/$S seq=$((3 - stream)) exe=/usr/bin/one
exec $((102 * S + late)) 900/$((99 * S)) 1/$S seq=$((4 - stream)) exe=/usr/bin/two
exit $((103 * S + late)) 900/$((99 * S)) 1/$S code=1
send
TXT
done
check "clock 37: two sensors of one boot: one process" \
  equal "$(processes 'host.name = shared and proc.pid = 900' | wc -l)" 1
check "clock 37: with each exec once" \
  equal "$(one_process '.images | map(.exe) | tojson' 'host.name = shared and proc.pid = 900')" \
  '["/usr/bin/one","/usr/bin/two"]'
check "clock 37: each fact counts once" equal \
  "$(canopy hosts -o ndjson | jq 'select(.host == "shared") | .events_total')" 4

# ---- 37: two machines resumed from one memory snapshot: one boot id, and facts that no one kernel tells
cloned_boot=abababab000000000000000000000001
mkfifo "$work/first"
"$WORKLOADS/feed" "$listen" <"$work/first" >"$work/first.log" 2>&1 &
first_pid=$!
pids+=("$first_pid")
exec {first}>"$work/first"
cat >&"$first" <<TXT
host cloned $cloned_boot
clock $((100 * S)) $((noon * S))
connect 1
fork $((100 * S)) 950/$((99 * S)) 1/$S
exit $((110 * S)) 950/$((99 * S)) 1/$S code=0
fork $((120 * S)) 950/$((120 * S)) 1/$S
exec $((121 * S)) 950/$((120 * S)) 1/$S seq=1 exe=/usr/bin/of-the-first
send
TXT
check "clock 37: a clone: the first sensor tells of a pid in new hands" wait_until 20 has 'host.name = cloned and proc.exe = /usr/bin/of-the-first'
second() { # TIME PID/START: the other machine tells of an exec; what it is answered
  "$WORKLOADS/feed" "$listen" 2>&1 <<TXT
host cloned $cloned_boot
clock $((100 * S)) $((noon * S))
connect 2
exec $1 $2 1/$S seq=1 exe=/usr/bin/of-the-second
send
TXT
}
refused_as_clone() { local said; said=$(second "$@"); echo "$said"; grep -q 'rejected.*contradict.*boot one of them anew' <<<"$said"; }
check "clock 37: a clone: the second, to whom it is in the old ones, is told why it is refused" refused_as_clone $((130 * S)) 950/$((99 * S))
check "clock 37: a clone: and is kept apart from then on, whatever it tells" refused_as_clone $((131 * S)) 951/$((131 * S))
check "clock 37: a clone: nothing of it stands in the forest" not has 'host.name = cloned and proc.exe = /usr/bin/of-the-second'
check "clock 37: a clone: the interface counts it" \
  equal "$(curl -s "http://$http/api/v1/hosts" | jq '[.hosts[] | select(.host == "cloned")] | map(.contradictions >= 1) | tojson' -r)" '[true]'
cloned_column() {
  canopy hosts -o wide | awk 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "CLONED") at = index($0, "CLONED") + 6}
    /^cloned / {n = split(substr($0, 1, at - 1), word, " "); print word[n]}'
}
check "clock 37: a clone: hosts flag it" equal "$(cloned_column)" \
  "$(curl -s "http://$http/api/v1/hosts" | jq '.hosts[] | select(.host == "cloned") | .contradictions')"
cat >&"$first" <<TXT
exec $((140 * S)) 950/$((120 * S)) 1/$S seq=2 exe=/usr/bin/of-the-first-again
send
TXT
check "clock 37: a clone: the first goes on" wait_until 20 has 'host.name = cloned and proc.exe = /usr/bin/of-the-first-again'
exec {first}>&-
wait "$first_pid"

# ---- 36, 37 with real sensors: clones of one machine run at the same time and are no reboot
host_machine_id=eeeeeeeeeeee4eee8eee0000000000ff
start_host clone-1 11111111-eeee-4eee-8eee-000000000001
start_host clone-2 22222222-eeee-4eee-8eee-000000000002
start_sensor here
start_sensor here-too
here=$(hostname)
clones() {
  [ "$(canopy hosts -o ndjson | jq -s 'map(select((.host | startswith("clone")) and .state == "live")) | length')" = 2 ]
}
check "clock 36: two boots of one machine id that run at the same time are clones, and live" wait_until 20 clones
check "clock 37: this host is live" wait_until 20 host_is "$here" live
performs "clock 37: real sensors: it runs" new-session
told_by_three() { [ "$(processes "proc.pid = ${who[process]} and $(ours) and proc.alive = false" | wc -l)" = 3 ]; }
told_by_three_in_time() {
  wait_until 20 told_by_three && return 0
  processes "proc.pid = ${who[process]} and $(ours)" | jq -c '[.host, .boot_id, .alive, .start_boottime_ns, .exit]'
  canopy hosts -o ndjson | jq -c '[.host, .state, .lost, .gaps]'
  return 1
}
check "clock 37: three hosts told of it, one of them by two sensors" told_by_three_in_time
once() { processes "proc.pid = ${who[$1]} and $(ours) and host.name = $here" | jq -rs "map($2) | tojson"; }
check "clock 37: once for this host" equal "$(once process .pid)" "[${who[process]}]"
check "clock 37: and the exec of its child once" \
  equal "$(once execs '.images | map(.argv[0])')" "[[\"$WORKLOADS/workload-new-session\",\"true\"]]"
check "clock 37: one host with two sensors" equal \
  "$(canopy hosts -o ndjson | jq -s --arg h "$here" 'map(select(.host == $h)) | length')" 1

# ---- 35: a sensor in a time namespace whose boottime is a day ahead
if unshare --time --boottime 86400 --fork true 2>/dev/null; then
  id=$(one_process .id "proc.pid = $$ and host.name = $here and proc.alive = true")
  boot=$(canopy hosts -o ndjson | jq -r --arg h "$here" 'select(.host == $h) | .boot_id')
  shifted() {
    # by a fork, since the one that unshares stays outside; in the background, since unshare would keep signals from it
    unshare --time --boottime 86400 bash -c '"${@:2}" & echo $! >"$1"' shifted "$work/shifted-pid" \
      "$CANOPY_SENSOR" --collector "$listen" --spool "$work/spool-shifted" >>"$work/sensor-shifted.log" 2>&1
    pids+=("$(cat "$work/shifted-pid")")
    wait_until 20 grep -q attached "$work/sensor-shifted.log"
  }
  shifted
  check "clock 35: a sensor starts a day ahead" equal "$?" 0
  performs "clock 35: what it sees: it runs" new-session
  check "clock 35: all of it is told" wait_until 20 dead execs
  sleep 600 &
  sleeper=$!
  pids+=("$sleeper")
  check "clock 35: a later one too" wait_until 20 has "proc.pid = $sleeper and host.name = $here"
  check "clock 35: once for this host" equal "$(once process .pid)" "[${who[process]}]"
  check "clock 35: the exec of its child once" equal "$(once execs '.images | length')" '[2]'
  check "clock 35: this shell kept its identity" \
    equal "$(one_process .id "proc.pid = $$ and host.name = $here and proc.alive = true")" "$id"
  check "clock 35: and lives once" equal \
    "$(processes "proc.pid = $$ and host.boot = $boot and proc.alive = true" | wc -l)" 1
  check "clock 35: its start is what /proc says, to the tick" \
    equal "$(one_process '.start_boottime_ns / 10000000 | floor' "proc.pid = $sleeper and host.name = $here")" \
    "$(sed 's/.*) //' "/proc/$sleeper/stat" | cut -d' ' -f20)"
  check "clock 35: nothing lies in the future" \
    equal "$(processes "host.name = $here and proc.alive = true" |
    jq -s 'map(select(.duration_ns < 0 or .duration_ns == null)) | length')" 0
else
  check "clock 35: a sensor in a time namespace # SKIP this kernel or unshare has none" true
fi

# ---- 35 with a real sensor: the wall clock goes back an hour while it watches. A guest turns its own clock; on a
# machine that others use the sensor alone sees it jump.
hour=3600
turn() { # SECONDS
  if [ -n "${CANOPY_TEST_GUEST:-}" ]; then date -s "@$(($(date +%s) + $1))" >/dev/null; else set_shift $(($1 * S)); fi
}
wall_of_host() { # seconds since 1970, as the sensor's host has it
  if [ -n "${CANOPY_TEST_GUEST:-}" ]; then date +%s; else echo $(($(date +%s) + turned)); fi
}
near() { # A B: seconds that differ by no more than it takes to look
  [ $(($1 - $2)) -le $((20 * ${CANOPY_PATIENCE:-1})) ] && [ $(($2 - $1)) -le $((20 * ${CANOPY_PATIENCE:-1})) ] ||
    { echo "$1 is not near $2"; return 1; }
}
set_shift 0
turned=0
host_machine_id='' host_environment=$(shifted_clock) start_host turning 33333333-eeee-4eee-8eee-000000000001
turning="host.name = turning and proc.ppid = $$ and proc.name = sleep"
check "clock 35: a real sensor: live" wait_until 20 host_is turning live
begun() { has "$turning and proc.pid = $1 and proc.exe = sleep"; }
sleep 700 & early=$!
pids+=("$early")
check "clock 35: a real sensor: it sees who begins before the jump" wait_until 20 begun $early
early_wall=$(wall_of_host)
turn -$hour
turned=-$hour
sleep 701 & late=$!
pids+=("$late")
check "clock 35: a real sensor: it sees who begins after it" wait_until 20 begun $late
late_wall=$(wall_of_host)
stop_process $early
check "clock 35: a real sensor: an end after the jump" \
  wait_until 20 has "$turning and proc.pid = $early and proc.alive = false"
start_of() { one_process '.start[:19] + "Z" | fromdate' "$turning and proc.pid = $1"; }
check "clock 35: a real sensor: who began before the jump keeps that time" near "$(start_of $early)" "$early_wall"
check "clock 35: a real sensor: who began after it has the new one" near "$(start_of $late)" "$late_wall"
check "clock 35: a real sensor: an hour lies between" near $(($(start_of $early) - $(start_of $late))) $hour
check "clock 35: a real sensor: the list is in order of boottime" \
  equal "$(processes "$turning and (proc.pid = $early or proc.pid = $late)" | jq -s 'map(.pid) | tojson' -r)" \
  "[$early,$late]"
check "clock 35: a real sensor: a lifetime over the jump is that of boottime" \
  near "$(one_process '.duration_ns / 1000000000 | floor' "$turning and proc.pid = $early")" 0
check "clock 35: a real sensor: no lifetime is negative" \
  equal "$(processes 'host.name = turning' | jq -s 'map(select(.duration_ns != null and .duration_ns < 0)) | length')" 0
skew() { near "$(canopy hosts -o ndjson | jq 'select(.host == "turning") | .skew_seconds | floor')" "$1"; }
if [ -z "${CANOPY_TEST_GUEST:-}" ]; then check "clock 35: a real sensor: hosts tells how far its clock is off" \
  wait_until 30 skew -$hour; fi
stop_process "$sensor_pid"
turn $([ -n "${CANOPY_TEST_GUEST:-}" ] && echo $hour || echo 0)

# ---- 36 with real sensors: the same machine, name, pids and start times, another boot, two days later
host_machine_id=ffffffffffff4fff8fff0000000000ff
begin() { start_host risen "44444444-eeee-4eee-8eee-00000000000$1"; } # BOOT
of_boot() { echo "host.name = risen and host.boot endswith $1 and proc.pid = $late"; }
begin 1
check "clock 36: real sensors: the first boot is live" wait_until 20 has "$(of_boot 1) and proc.alive = true"
stop_process "$sensor_pid" KILL # nobody says goodbye when a machine dies
set_shift $((2 * 86400 * S))
host_environment=$(shifted_clock) begin 2
state_of_boot() {
  canopy hosts -o ndjson | jq -r "select(.host == \"risen\" and (.boot_id | endswith(\"$1\"))) | .state"
}
second_lives() { [ "$(state_of_boot 2)" = live ] && has "$(of_boot 2) and proc.alive = true"; }
check "clock 36: real sensors: the second boot is live" wait_until 20 second_lives
check "clock 36: real sensors: the first is rebooted" equal "$(state_of_boot 1)" rebooted
check "clock 36: real sensors: its processes are closed as 'host rebooted', without an exit" \
  equal "$(one_process '"\(.state) \(.quality | tojson) \(.exit | tojson)"' "$(of_boot 1)")" \
  'unknown ["seeded","host_rebooted"] null'
check "clock 36: real sensors: nobody of the first boot lives" \
  not has "host.name = risen and host.boot endswith 1 and proc.alive = true"
check "clock 36: real sensors: the same pid and start time are two processes" \
  equal "$(processes "host.name = risen and proc.pid = $late" |
  jq -s 'map([.start_boottime_ns, .id]) | [(map(.[0]) | unique | length), (map(.[1]) | unique | length)] | tojson' \
    -r)" '[1,2]'
finish
