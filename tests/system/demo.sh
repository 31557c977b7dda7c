#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the README promises: processes that a user starts in another terminal appear with who, what, where and how they
# ended.
source "$(dirname "$0")/lib.sh"
need_bpf

start_collector
start_sensor here
host=$(hostname)
check "the host is live" wait_until 20 host_is "$host" live

# The other terminal: a shell that stays, so that its children have a living parent.
cat >"$work/terminal" <<'TXT'
cd /tmp || exit
/bin/ls /tmp >/dev/null
sleep 600 &
echo $! >"$1/sleep-pid"
cat /etc/hostname >/dev/null 2>&1
touch "$1/ready"
read -r _ <"$1/door"
kill $(cat "$1/sleep-pid")
wait
exit 7
TXT
mkfifo "$work/door"
bash "$work/terminal" "$work" &
shell_pid=$!
pids+=("$shell_pid")
wait_until 10 test -e "$work/ready"
sleep_pid=$(cat "$work/sleep-pid")
pids+=("$sleep_pid")

child() { echo "proc.ppid = $shell_pid and proc.name = $1"; }
check "ls appears" wait_until 10 has "$(child ls) and proc.alive = false"
check "cat appears" wait_until 10 has "$(child cat) and proc.alive = false"
check "sleep appears" wait_until 10 has "$(child sleep)"

check "ls: exe" equal "$(one_process .exe "$(child ls)")" "$(readlink -f /bin/ls)"
check "ls: argv" equal "$(one_process '.argv | tojson' "$(child ls)")" '["/bin/ls","/tmp"]'
check "ls: cwd" equal "$(one_process .cwd "$(child ls)")" /tmp
check "ls: user" equal "$(one_process .user "$(child ls)")" "$(id -un)"
check "ls: exit code" equal "$(one_process .exit.code "$(child ls)")" 0
check "ls: parent" equal "$(one_process .ppid "$(child ls)")" "$shell_pid"
check "ls: one exec" equal "$(one_process .exec_seq "$(child ls)")" 1
check "ls: started within the last minute" equal \
  "$(one_process '(.start[:19] + "Z" | fromdate) as $s | (now - $s) >= 0 and (now - $s) < 60' "$(child ls)")" true
check "cat: argv" equal "$(one_process '.argv | tojson' "$(child cat)")" '["cat","/etc/hostname"]'

check "sleep is live" equal "$(one_process .state "$(child sleep)")" live
check "sleep has no exit" equal "$(one_process '.exit | tojson' "$(child sleep)")" null
check "the shell is the kernel's parent of sleep" equal "$(one_process .pid "$(child sleep)")" "$sleep_pid"

tree=$(canopy tree "proc.apid = $shell_pid or proc.pid = $shell_pid" --exited)
check "the tree shows sleep below the shell" grep -q 'sleep 600' <<<"$tree"
check "the tree shows ls below the shell" grep -q 'ls /tmp' <<<"$tree"

sleep_id=$(one_process .id "$(child sleep)")
lineage=$(canopy lineage "$sleep_id")
check "the lineage begins at pid 1" grep -qE '(^|[^0-9])1([^0-9]|$)' <<<"$(head -n 2 <<<"$lineage")"
check "the lineage ends at sleep" grep -q 'sleep 600' <<<"$(tail -n 2 <<<"$lineage")"
check "the lineage passes through the shell" grep -qw "$shell_pid" <<<"$lineage"
check "show tells argv" grep -q 'sleep' <<<"$(canopy show "$sleep_id")"

echo go >"$work/door"
check "sleep ends" wait_until 10 has "$(child sleep) and proc.alive = false"
check "sleep: killed by SIGTERM" equal "$(one_process .exit.signal "$(child sleep)")" 15
check "sleep: no exit code" equal "$(one_process .exit.code "$(child sleep)")" null
check "the shell exits with 7" wait_until 10 has "proc.pid = $shell_pid and proc.exitcode = 7"

host_info() { canopy hosts -o ndjson | jq -s --arg h "$host" 'map(select(.host == $h)) | .[0]'; }
lags_less() { host_info | jq -e ".lag_seconds != null and .lag_seconds < $1"; }
check "lag is below a second" wait_until 10 lags_less 1
info=$(host_info)
check "nothing was lost" equal "$(host_lost "$info")" 0
check "a bare word finds by command line" has hostname
check "nothing matched: exit code 1" equal "$(canopy ps proc.pid = 0 >/dev/null 2>&1; echo $?)" 1
check "a wrong filter: exit code 2, and where" \
  equal "$(canopy ps 'proc.pid = = 1' >/dev/null 2>"$work/filter-error"; echo $?)" 2

stop_process "$sensor_pid"
check "a sensor that says goodbye ends cleanly" grep -q . "$work/sensor-here.log"
stop_process "$collector_pid"
finish
