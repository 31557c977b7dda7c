# SPDX-License-Identifier: Apache-2.0
# What the case tests share: a collector with its console, a sensor that streams to it, and a second sensor that prints
# each fact. The console tells what became of the facts, the printed lines tell which facts there were.
#
# Workloads run in a cgroup of their own, so that whatever else runs on the machine, and a pid that it uses again, is
# told apart, and so that the exact set of processes is known. The test's shell enters the cgroup for the fork alone:
# it is the parent of each workload.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

declare -A pid_of  # NAME -> pid of a workload
declare -A code_of # NAME -> its status as wait told it
expected=()        # pids of all processes that the cgroup may have had
cgroups=()         # made here, the outer ones first

cgroup_root() {
  local where type
  while read -r _ where type _; do
    [ "$type" = cgroup2 ] && { echo "$where"; return 0; }
  done </proc/self/mounts
  return 1
}

# Where the pids controller is a hierarchy of cgroup v1: sets v1_root to its folder. Made for this test where no one
# uses the controller in cgroup v2 (a guest); left empty where somebody does.
find_cgroup_v1() {
  local where type options
  v1_root=
  while read -r _ where type options _; do
    [[ $type == cgroup && ,$options, == *,pids,* ]] && v1_root=$where
  done </proc/self/mounts
  [ -z "$v1_root" ] && mkdir "$work/pids" && mount -t cgroup -o pids none "$work/pids" 2>/dev/null || return 0
  v1_root=$work/pids
  mounts+=("$v1_root")
}

enter() { echo $$ >"$cgroup_dir/cgroup.procs"; } # of the workloads to come
leave() { echo $$ >"$cgroup_home/cgroup.procs"; }

# What a workload has left behind is ours too: nothing else was ever in these cgroups.
empty_cgroup() { # FOLDER
  local pid
  while read -r pid; do kill -KILL "$pid" 2>/dev/null; done <"$1/cgroup.procs"
  wait_until 5 rmdir "$1"
}

observe_cleanup() {
  local i
  leave
  cd / || exit 1
  end_processes
  for ((i = ${#cgroups[@]} - 1; i >= 0; i--)); do empty_cgroup "${cgroups[i]}"; done
  cleanup
}

# observe NAME: the cgroup; to be called before anything is started.
observe() {
  local root number path
  need_bpf
  root=$(cgroup_root) || skip_all "no cgroup v2 hierarchy is mounted"
  while IFS=: read -r number _ path; do [ "$number" = 0 ] && cgroup_home=$root$path; done </proc/self/cgroup
  cgroup=/canopy-$1.$$.test # ends so that it is no prefix of another one
  cgroup_dir=$root$cgroup
  mkdir "$cgroup_dir" 2>/dev/null || skip_all "cgroups cannot be made in $root"
  cgroups+=("$cgroup_dir")
  trap observe_cleanup EXIT
  chmod 755 "$work" # other users run programs from here
  work=$(cd "$work" && pwd -P)
  cd "$work" || exit 1
}

printed() { # PID TYPE [FILE]: the printing sensor has told this fact
  grep -F "\"pid\":$1," "$work/${3:-facts}" | grep -q "^{\"type\":\"$2\""
}

start_printer() { # FILE [ARGUMENT…]: of the facts of our cgroup
  local file=$1
  shift
  mkfifo "$work/printed-$file"
  grep --line-buffered -F -e "\"cgroup\":\"$cgroup" -e '"type":"gap"' <"$work/printed-$file" >"$work/$file" &
  pids+=($!)
  "$CANOPY_SENSOR" --print=json "$@" >"$work/printed-$file" 2>"$work/$file.log" &
  printer_pid=$!
  pids+=("$printer_pid")
}

# A third sensor that takes the other way to everything: plain hooks, and a snapshot out of /proc. What it tells stands
# in $work/modest.
start_modest() {
  start_printer modest --raw-tracepoint --proc-snapshot 9>&-
  wait_until 30 printed "${pid_of[witness]}" snapshot modest
}

# Both sensors are attached: each has told of a process that began before them.
watching() {
  has "proc.pid = ${pid_of[witness]} and proc.alive = true and cgroup.path startswith $cgroup" &&
    printed "${pid_of[witness]}" snapshot
}

start_watch() { watch_everything "$@" 9>&-; } # [ARGUMENT… of the collector]
watch_everything() {
  start witness sleep 600
  start_collector "$@"
  start_sensor here
  start_printer facts
  wait_until 30 watching || { echo "Bail out! the sensors did not start: $(tail -n 3 "$work"/*.log)"; exit 1; }
}

# Some workloads live until their standard input ends: they read from a door that this shell alone keeps open, as
# descriptor 9.
open_door() { mkfifo "$work/door" && exec 9<>"$work/door"; }
close_door() { exec 9>&-; }

# start NAME PROGRAM…: a workload, with what it says in $work/NAME.out
start() { start_from /dev/null "$@"; }
# stay NAME PROGRAM…: one that lives until the door is closed
stay() { start_from "$work/door" "$@"; }
start_from() { # FILE NAME PROGRAM…
  local file=$1 name=$2
  shift 2
  enter
  "$@" <"$file" >"$work/$name.out" 2>"$work/$name.err" 9>&- &
  pid_of[$name]=$!
  leave
  pids+=("${pid_of[$name]}")
  expected+=("${pid_of[$name]}")
}

finish_workload() { # NAME
  wait "${pid_of[$1]}"
  code_of[$1]=$?
}

# end_all NAME…: closes the door, upon which all of these end at once.
end_all() {
  local name
  close_door
  for name; do finish_workload "$name"; done
}

# run NAME PROGRAM…: a workload, to its end
run() {
  start "$@"
  finish_workload "$1"
}

workload() { # NAME: path of the program
  echo "$WORKLOADS/workload-$1"
}

# said NAME KEY: what a workload has written as KEY=VALUE
said() {
  local key value
  while IFS='=' read -r key value; do [ "$key" = "$2" ] && { echo "$value"; return 0; }; done <"$work/$1.out"
  return 1
}

# All facts about what has ended so far have come, in both places: facts are told in the order of the ring.
settle() {
  start settle /bin/true
  finish_workload settle
  wait_until 30 printed "${pid_of[settle]}" exit
  [ ! -f "$work/modest" ] || wait_until 30 printed "${pid_of[settle]}" exit modest
  wait_until 30 has "proc.pid = ${pid_of[settle]} and proc.alive = false and cgroup.path startswith $cgroup"
  processes "cgroup.path startswith $cgroup" >"$work/console"
}

# same DESCRIPTION GOT EXPECTED: one TAP line; without a subshell as long as it holds, for the tests of hundreds of
# fields.
same() {
  if [ "$2" = "$3" ]; then
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
  else
    check "$1" equal "$2" "$3"
  fi
}

# facts PID: types of its facts in their order
facts() { jq -rn --argjson pid "$1" '[inputs | select(.pid == $pid) | .type] | join(" ")' "$work/facts"; }

# told PID JQ: what the console says of it, as compact JSON
told() {
  jq -cn --argjson pid "$1" "[inputs | select(.pid == \$pid)]
    | if length == 1 then .[0] | $2 else \"\(length) processes\" end" "$work/console"
}

# told_modest PID JQ: the same of the last fact in which the third sensor told of its image
told_modest() {
  jq -cn --argjson pid "$1" "[inputs | select(.pid == \$pid and (.type == \"exec\" or .type == \"snapshot\"))]
    | last | $2" "$work/modest"
}

# children PID: pids that the console knows as its children
children() { jq -n --argjson pid "$1" 'inputs | select(.ppid == $pid) | .pid' "$work/console"; }

# The console knows the processes that there were, and none else: no thread, no failed exec, nothing twice.
exactly_these() {
  equal "$(jq -n 'inputs.pid' "$work/console" | sort -n | tr '\n' ' ')" \
    "$(printf '%s\n' "${expected[@]}" | sort -n | tr '\n' ' ')"
}
