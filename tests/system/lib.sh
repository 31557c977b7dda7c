# SPDX-License-Identifier: Apache-2.0
# What every system test shares: TAP, processes that are ended by their pid whatever happens, and waiting for
# conditions. A test is a bash script that sources this file, calls 'check' and ends with 'finish'.
# shellcheck shell=bash
set -uo pipefail

: "${CANOPY_BUILD:?the build folder: run through meson test}"
CANOPY_SENSOR=$CANOPY_BUILD/sensor/canopy-sensor
CANOPY_COLLECTOR=$CANOPY_BUILD/collector/canopy-collector
CANOPY_CLI=$CANOPY_BUILD/collector/console/cli/canopy
WORKLOADS=$CANOPY_BUILD/tests/system/workloads

# A loopback address of this test's own: a port that it takes again at a later start is not one that another test has got meanwhile.
loopback=127.$((64 + ($$ >> 16))).$(($$ >> 8 & 255)).$(($$ & 255))

tap_count=0
tap_failed=0
pids=()   # every process started here
mounts=() # every mount made here
work=$(mktemp -d "${TMPDIR:-/tmp}/canopy-test.XXXXXX")

end_processes() {
  local pid
  for pid in "${pids[@]}"; do kill -CONT "$pid" 2>/dev/null; kill -TERM "$pid" 2>/dev/null; done
  for pid in "${pids[@]}"; do
    wait_until 5 not kill -0 "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  pids=()
}

cleanup() {
  trap - EXIT INT TERM
  local i
  end_processes
  for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do # the last one made first
    # busy while something of the test is still dying
    umount "${mounts[i]}" 2>/dev/null || umount -l "${mounts[i]}" 2>/dev/null
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip_all() { # REASON
  echo "1..0 # SKIP $1"
  exit 0
}

not() { ! "$@"; }

# wait_until SECONDS COMMAND…: until it succeeds; fails once the time is over, and says so. CANOPY_PATIENCE multiplies it
# on slow (emulated) machines.
wait_until() {
  local deadline=$((SECONDS + $1 * ${CANOPY_PATIENCE:-1}))
  shift
  while ! "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "# waited in vain for: $*" >&2; return 1; }
    sleep 0.05
  done
}

# check DESCRIPTION COMMAND…: one TAP line; on failure with what the command printed.
check() {
  local description=$1 output
  shift
  tap_count=$((tap_count + 1))
  if output=$("$@" 2>&1); then
    echo "ok $tap_count - $description"
  else
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $description"
    { echo "failed: $*"; echo "$output"; } | head -n 30 | sed 's/^/# /'
  fi
}

# skip DESCRIPTION REASON: one TAP line of what this machine cannot show, so that it is counted.
skip() {
  tap_count=$((tap_count + 1))
  echo "ok $tap_count - $1 # SKIP $2"
}

# equal WHAT EXPECTED: for check; shows both when they differ.
equal() {
  [ "$1" = "$2" ] && return 0
  printf 'got:      %s\nexpected: %s\n' "$1" "$2"
  return 1
}

kernel_at_least() { # MAJOR MINOR
  local major minor
  IFS=.- read -r major minor _ < <(uname -r)
  [ "$major" -gt "$1" ] || { [ "$major" = "$1" ] && [ "$minor" -ge "$2" ]; }
}

finish() {
  if [ $tap_failed -gt 0 ]; then
    local log
    for log in "$work"/*.log; do [ -f "$log" ] && { echo "# --- ${log##*/}"; tail -n 15 "$log" | sed 's/^/# /'; }; done
  fi
  echo "1..$tap_count"
  exit $((tap_failed > 0))
}

need_root() { [ "$(id -u)" = 0 ] || skip_all "needs root to load BPF programs"; }
need_bpf() {
  need_root
  [ -x "$CANOPY_SENSOR" ] || skip_all "the sensor was not built (clang, bpftool, libbpf or libelf missing)"
  [ -r /sys/kernel/btf/vmlinux ] || skip_all "this kernel has no BTF (/sys/kernel/btf/vmlinux)"
}

# start_collector [ARGUMENT…]: sets collector_pid, listen, http. The state stays in $work/collector between starts.
# Ports of an earlier start in this test are taken again, so that sensors find it.
start_collector() {
  local old_listen=${listen:-$loopback:0} old_http=${http:-$loopback:0}
  rm -f "$work/collector/listen" "$work/collector/http"
  "$CANOPY_COLLECTOR" --listen "$old_listen" --http "$old_http" --state "$work/collector" \
    "$@" >>"$work/collector.log" 2>&1 &
  collector_pid=$!
  pids+=("$collector_pid")
  wait_until 20 test -s "$work/collector/http" ||
    { echo "Bail out! the collector did not start: $(tail -n 3 "$work/collector.log")"; exit 1; }
  listen=$(cat "$work/collector/listen")
  http=$(cat "$work/collector/http")
  export CANOPY_SERVER=http://$http
  wait_until 20 curl -sf "http://$http/readyz"
}

# stop_process PID [SIGNAL]: ends one of ours and waits for it.
stop_process() {
  kill -"${2:-TERM}" "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

# start_sensor NAME [ARGUMENT…]: sets sensor_pid; needs a collector's address in $listen. A test that runs another way as
# well has that way's arguments in sensor_arguments.
start_sensor() {
  local name=$1
  shift
  # shellcheck disable=SC2086 # words
  "$CANOPY_SENSOR" --collector "$listen" --spool "$work/spool-$name" ${sensor_arguments:-} "$@" >>"$work/sensor-$name.log" 2>&1 &
  sensor_pid=$!
  pids+=("$sensor_pid")
}

# set_shift NANOSECONDS: of the wall clock of sensors that are started through shifted_clock.
set_shift() { printf '%-32s' "$1" 1<>"$work/shift"; }
# shifted_clock: for the environment of such a sensor
shifted_clock() { echo "LD_PRELOAD=$WORKLOADS/libwall_clock.so CANOPY_WALL_SHIFT=$work/shift"; }

# start_host NAME BOOT_ID [ARGUMENT…]: a sensor that believes to be another host: own mount and UTS namespace, its
# boot_id, machine id and name over the real ones, and where host_environment holds words VAR=VALUE, those variables.
# Sets sensor_pid.
start_host() {
  local name=$1 boot=$2 dir=$work/host-$1
  shift 2
  mkdir -p "$dir"
  echo "$boot" >"$dir/boot_id"
  tr -d - <<<"${host_machine_id:-$boot}" >"$dir/machine-id"
  unshare --mount --uts --propagation private bash -c '
    mount --bind "$1/boot_id" /proc/sys/kernel/random/boot_id &&
    { [ ! -e /etc/machine-id ] || mount --bind "$1/machine-id" /etc/machine-id; } &&
    hostname "$2" && shift 2 && exec "$@"' start_host "$dir" "$name" \
    env ${host_environment:-} "$CANOPY_SENSOR" --collector "$listen" --spool "$work/spool-$name" \
    "$@" >>"$work/sensor-$name.log" 2>&1 &
  sensor_pid=$!
  pids+=("$sensor_pid")
}

# ---- workloads: each says NAME=PID lines, which stand in ${who[NAME]} afterwards

declare -A who
# argument of every workload: inherited by what it forks, so that nobody else's pid is taken for one of ours
marker=canopy-$$-$RANDOM

listen_to() { # lines of stdin into who
  local name value
  while IFS='=' read -r name value; do who[$name]=$value; done
}

# perform NAME [ARGUMENT…]: to the end of all that it started. Returns its own status.
perform() {
  local program=$WORKLOADS/workload-$1
  shift
  who=()
  listen_to < <("$program" "$@" "$marker" 2>&1; echo "status=$?")
  return "${who[status]:-1}"
}

# performs DESCRIPTION NAME [ARGUMENT…]: the same as a check of its own ('check' runs in a subshell, where who would be
# lost).
performs() {
  local description=$1 status
  shift
  perform "$@"
  status=$?
  check "$description" equal "$status" 0
}

# begin LAST NAME [ARGUMENT…]: until it has said LAST; it goes on until 'end' closes its stdin. One at a time.
begin() {
  local last=$1 program=$WORKLOADS/workload-$2
  shift 2
  rm -f "$work/door" "$work/said"
  mkfifo "$work/door"
  "$program" "$@" "$marker" <"$work/door" >"$work/said" 2>&1 &
  begun_pid=$!
  pids+=("$begun_pid")
  exec {door}>"$work/door"
  wait_until 20 grep -q "^$last=" "$work/said"
  who=()
  listen_to <"$work/said"
}

end() {
  exec {door}>&-
  wait "$begun_pid"
}

ours() { echo "(proc.cmdline contains $marker or proc.acmdline contains $marker)"; }

# ask WHO JQ: what the jq expression says of the one process of ours of that name.
ask() { one_process "$2" "proc.pid = ${who[$1]:-0} and $(ours)"; }

# dead WHO…: each of ours of that name has ended; for wait_until.
dead() {
  local name
  for name; do has "proc.pid = ${who[$name]:-0} and $(ours) and proc.alive = false" || return 1; done
}

# ---- asking

canopy() { "$CANOPY_CLI" --no-pager --color never "$@"; }

# facts FILTER…: process objects, one a line.
processes() { canopy ps -o ndjson "$@" 2>/dev/null || [ $? -eq 1 ]; }

# has FILTER…: at least one process matches.
has() { [ -n "$(processes --limit 1 "$@")" ]; }

# one_process JQ FILTER…: what the jq expression says of the single process that matches.
one_process() {
  local expression=$1
  shift
  processes "$@" | jq -rs "if length == 1 then .[0] | $expression else \"matched \(length) processes\" end"
}

host_is() { # NAME STATE
  canopy hosts -o ndjson 2>/dev/null | jq -se --arg h "$1" --arg s "$2" 'any(.host == $h and .state == $s)' >/dev/null
}

# Who runs, as 'PID TICK': by /proc, without kernel threads and zombies; and by the console.
runs_by_proc() {
  local file line words
  for file in /proc/[0-9]*/stat; do
    { read -r line <"$file"; } 2>/dev/null || continue
    read -r -a words <<<"${line##*) }"
    [[ ${words[0]} == [ZX] ]] || ((words[6] & 0x200000)) || echo "${line%% *} ${words[19]}"
  done
}
runs_by_console() { # HOST
  processes "host.name = $1 and proc.alive = true" | jq -r '"\(.pid) \(.start_boottime_ns / 10000000 | floor)"'
}

# live_set_differs HOST: lines of '+ PID TICK' for whom the console alone calls alive, '- PID TICK' for whom /proc
# alone does. Who comes or goes during the look is left out by looking twice.
live_set_differs() {
  local round
  for round in 1 2; do
    runs_by_proc | sort >"$work/proc-before"
    runs_by_console "$1" | sort >"$work/console-now"
    runs_by_proc | sort >"$work/proc-after"
    {
      sort -u "$work/proc-before" "$work/proc-after" | comm -13 - "$work/console-now" | sed 's/^/+ /'
      comm -12 "$work/proc-before" "$work/proc-after" | comm -23 - "$work/console-now" | sed 's/^/- /'
    } | sort >"$work/differs-$round"
    sleep 1
  done
  comm -12 "$work/differs-1" "$work/differs-2"
}

# host_lost HOST_JSON: facts that the host counts as lost. From 7.0 on the kernel may skip both copies of a hook where each is preempted by the next; what
# was skipped so is told as a gap of its own and left out here. Below 7.0 nothing is left out.
host_lost() {
  local skipped=0
  if [ "$(uname -r | cut -d. -f1)" -ge 7 ]; then skipped=$(jq '[.gaps[] | select(.reason == "recursion") | .count] | add // 0' <<<"$1"); fi
  echo $(($(jq '[.lost[]] | add' <<<"$1") - skipped))
}
