#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What must not leave the host does not: secrets are searched for in the bytes of spool and journal, and asked for at
# the console. Filters leave out what they say, say so, and leave nobody alive for ever. Variables are told on request
# alone.
source "$(dirname "$0")/lib.sh"
need_bpf

mark=canopy-mark-$$ # stands beside each secret, so that absence of the one is not absence of all
secret=hunter2-$$
own=opensesame-$$
cp /bin/true "$work/kept"
cp /bin/true "$work/folded"
cp /bin/sh "$work/dropped"

chmod 755 "$work" # other users run what is in it
cp "$WORKLOADS/workload-stay" "$work/old"
cp "$WORKLOADS/workload-stay" "$work/old-of-user"
cp "$WORKLOADS/workload-stay" "$work/of-user"
cp "$WORKLOADS/workload-stay" "$work/of-cgroup"

# What is searched for stands in a file: the sensor sees the arguments of every grep, too.
mkdir "$work/words"
for word in mark secret own; do echo "${!word}" >"$work/words/$word"; done
for word in other folded dropped last plain; do echo "$mark-$word" >"$work/words/$word"; done
in_bytes() { grep -rqaF -f "$work/words/$1" "$2"; }
metric() {
  curl -sf "http://$http/metrics" | awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { print sum + 0 }'
}
ended() { [ "$(processes "proc.pid = $1" | jq -r 'select(.state == "exited") | .pid')" = "$1" ]; }

refuses() { # ARGUMENT…: wrong usage, told in one line that names the option
  local output status
  output=$("$CANOPY_SENSOR" --print "$@" 2>&1)
  status=$?
  [ $status -eq 2 ] && [[ $output == "canopy-sensor: $1 '$2': "* ]] || { echo "status $status: $output"; return 1; }
}
for wrong in drop drop:exe drop:comm=x hide:exe=/x drop:exe= drop:exe=sh drop:cgroup=x; do
  check "--filter $wrong is refused" refuses --filter "$wrong"
done
check "--env A=B is refused" refuses --env A=B

# Who runs before the sensor does is told by its snapshot, under the same rules.
mkfifo "$work/door"
exec {door}<>"$work/door"
stays() { # NAME PROGRAM ARGUMENT…: in the background; sets stays_pid
  local name=$1
  shift
  "$@" <"$work/door" >"$work/said-$name" &
  stays_pid=$!
  pids+=("$stays_pid")
  wait_until 10 grep -q ^process= "$work/said-$name"
}
if type -P setpriv >/dev/null; then
  stays old-of-user setpriv --reuid 54322 --regid 54322 --clear-groups env -i "CANOPY_PLAIN=$mark-plain" \
    "CANOPY_TOKEN=$secret" "CANOPY_OTHER=$mark-other" "$work/old-of-user" "$mark"
  old_of_user=$stays_pid
  check "a process of another user is older than the sensor" grep -q ^process= "$work/said-old-of-user"
fi
stays old "$work/old" "$mark" --password "$secret" "https://ada:$secret@example.org/"

# 1. no collector yet: everything stays in the spool
start_collector --lake "ndjson:$work/lake?interval=1s"
stop_process "$collector_pid"
start_sensor private --secret own-word --env CANOPY_PLAIN --env CANOPY_TOKEN \
  --filter "fork-only:exe=$work/folded" --filter "drop:exe=$work/dropped" \
  --filter "drop:user=54321" --filter "fork-only:cgroup=/$mark*"
wait_until 10 grep -q attached "$work/sensor-private.log"
# What is left of root once the hooks are in: CAP_BPF (39) to read maps, CAP_SYS_PTRACE (19) to read /proc of others,
# and with --env CAP_DAC_READ_SEARCH (2) to read their environment; nothing can come back.
status_of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$sensor_pid/status"; }
left=$(printf %016x $((1 << 39 | 1 << 19 | 1 << 2)))
check "the sensor says that it is confined" wait_until 10 grep -q event=confined "$work/sensor-private.log"
check "with --env three capabilities are left" equal "$(status_of CapEff) $(status_of CapPrm)" "$left $left"
check "no more can be gained" equal "$(status_of CapBnd) $(status_of CapInh) $(status_of CapAmb)" \
  "0000000000000000 0000000000000000 0000000000000000"
check "nor by a program" equal "$(status_of NoNewPrivs)" 1
check "system calls are filtered" equal "$(status_of Seccomp)" 2
threads_filtered() { [ "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$sensor_pid/task/"*/status | sort -u)" = 2 ]; }
check "in every thread" threads_filtered
CANOPY_PLAIN=$mark-plain CANOPY_TOKEN=$secret CANOPY_OTHER=$mark-other "$work/kept" "$mark" --password "$secret" \
  "--own-word=$own" \
  "https://ada:$secret@example.org/" "PGPASSWORD=$secret"
"$work/folded" "$mark-folded" &
folded=$!
wait "$folded"
"$work/dropped" -c "( : ); ( : ); exit 3; : $mark-dropped" &
dropped=$!
wait "$dropped"
if type -P setpriv >/dev/null; then
  stays of-user setpriv --reuid 54321 --regid 54321 --clear-groups "$work/of-user" "$mark"
  of_user=$stays_pid
  check "a process of a user that is left out runs" grep -q ^process= "$work/said-of-user"
fi
cgroup2=$(while read -r _ dir type _; do [ "$type" = cgroup2 ] && echo "$dir"; done </proc/self/mounts | head -n 1)
if [ -n "$cgroup2" ] && mkdir "$cgroup2/$mark" 2>/dev/null; then
  # shellcheck disable=SC2016 # for the inner shell
  stays of-cgroup bash -c 'echo $$ >"$1/cgroup.procs" && exec "${@:2}"' in_cgroup "$cgroup2/$mark" "$work/of-cgroup" \
    "$mark"
  of_cgroup=$stays_pid
fi
check "the spool has what is no secret" wait_until 10 in_bytes mark "$work/spool-private"
"$work/kept" "$mark-last"
check "and all that came" wait_until 10 in_bytes last "$work/spool-private"

# 2. to the collector, journal and lake
start_collector --lake "ndjson:$work/lake?interval=1s"
check "the collector has it" wait_until 20 has "proc.cmdline contains $mark-last"
check "the journal has what is no secret" in_bytes mark "$work/collector"
for place in spool-private collector; do
  for word in secret own other folded dropped; do
    check "$place has no byte of what is $word" not in_bytes "$word" "$work/$place"
  done
done
check "the console shows where something is hidden" equal \
  "$(one_process '.argv[1:] | join(" ")' "proc.exe = $work/kept and proc.cmdline contains PGPASSWORD")" \
  "$mark --password *** --own-word=*** https://ada:***@example.org/ PGPASSWORD=***"
check "in what the snapshot told, too" equal \
  "$(one_process '.argv[1:] | join(" ")' "proc.exe = $work/old and proc.name = old")" \
  "$mark --password *** https://ada:***@example.org/"
check "of which it is said that something is hidden" equal \
  "$(one_process '.flags | index("redacted") != null' "proc.exe = $work/old and proc.name = old")" true
processes >"$work/answer"
check "the console answers" in_bytes mark "$work/answer"
check "and shows no secret" not in_bytes secret "$work/answer"

check "and the variables that were asked for, without the value of a secret one" equal \
  "$(one_process '.env | "\(.CANOPY_PLAIN) \(.CANOPY_TOKEN) \(length)"' \
  "proc.exe = $work/kept and proc.cmdline contains PGPASSWORD")" "$mark-plain *** 2"
if [ -n "${old_of_user:-}" ]; then
  check "of what ran already, too, whoever's it is" equal \
    "$(one_process '.env | "\(.CANOPY_PLAIN) \(.CANOPY_TOKEN) \(length)"' "proc.pid = $old_of_user")" "$mark-plain *** 2"
fi
check "a filter finds a variable" has "proc.env[CANOPY_PLAIN] = $mark-plain and proc.exe = $work/kept"
check "what was not asked for is not there" not has "proc.env[CANOPY_OTHER] exists"

# 3. what was left out
check "a folded process is told, without what it executed" equal "$(one_process '.exit.code' "proc.pid = $folded")" 0
check "its executable is not known" not has "proc.exe = $work/folded"
check "a process that was begun before its exec was left out has ended" wait_until 20 ended "$dropped"
check "nor is that of the dropped" not has "proc.exe = $work/dropped"
check "children of the dropped are not told" not has "proc.ppid = $dropped"
check "nor is a program of a user that is left out" not has "proc.exe = $work/of-user"
if [ -n "${of_user:-}" ]; then
  stop_process "$of_user"
  check "whose process ends as far as it was told" wait_until 20 ended "$of_user"
fi
if [ -n "${of_cgroup:-}" ]; then
  check "a process of a cgroup that is folded is not told with what it executes" not has "proc.exe = $work/of-cgroup"
fi
filtered_told() { canopy hosts -o ndjson | jq -se 'any(.[0].filtered[]; .reason == "filtered")'; }
check "the gap is told with its reason" wait_until 30 filtered_told
# two execs, and two forks and exits below the second
filtered_counted() { [ "$(metric 'canopy_sensor_filtered_total')" -ge 6 ]; }
check "and counted" wait_until 20 filtered_counted
redacted_counted() { [ "$(metric 'canopy_sensor_redacted_total')" -ge 5 ]; }
check "so are the hidden places" wait_until 20 redacted_counted
check "it is no loss" equal "$(metric 'canopy_sensor_ring_lost_total')" 0

# 4. variables
rows() { find "$work/lake" -name '*.ndjson.gz' -exec zcat {} + >"$work/rows" 2>/dev/null; }
variables() { rows; grep -aF -f "$work/words/plain" "$work/rows" | grep -aF environment_variables; }
check "a variable that was asked for is in the lake" wait_until 20 variables
check "the value of a secret one is hidden there" equal \
  "$(variables | jq -r '.process.environment_variables[] | select(.name == "CANOPY_TOKEN").value' | sort -u)" '***'
for word in secret own other folded dropped; do
  check "the lake has no byte of what is $word" not in_bytes "$word" "$work/rows"
done
stop_process "$sensor_pid"

# 5. as asked, with the secrets in it
start_sensor open --no-redact
wait_until 10 grep -q attached "$work/sensor-open.log"
wait_until 10 grep -q event=confined "$work/sensor-open.log"
left=$(printf %016x $((1 << 39 | 1 << 19)))
check "two capabilities are left" equal "$(status_of CapEff) $(status_of CapPrm)" "$left $left"
"$work/kept" "$mark-open" --password "$secret"
check "--no-redact tells a secret as it is" wait_until 20 has "proc.cmdline = 'kept $mark-open --password $secret'"
stop_process "$sensor_pid"
"$CANOPY_SENSOR" --print --filter 'fork-only:exe=*' >"$work/printed" 2>&1 &
printer=$!
pids+=("$printer")
folded_is_printed() { "$work/kept" "$mark"; grep -q '^\[EXIT\].*comm=kept' "$work/printed"; }
check "--print tells forks and ends" wait_until 10 folded_is_printed
sensor_pid=$printer
check "under a filter of system calls, too" equal "$(status_of Seccomp) $(status_of NoNewPrivs) $(status_of CapEff)" "2 1 $left"
stop_process "$printer"
check "and at its end what it left out" grep -q '^\[LOST\] type=exec .*reason=filtered' "$work/printed"
check "but no exec" not grep -q '^\[EXEC\]' "$work/printed"
[ -z "${of_cgroup:-}" ] || { stop_process "$of_cgroup"; wait_until 5 rmdir "$cgroup2/$mark"; }
finish
