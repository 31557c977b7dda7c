#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pids that are used again and again. Each process must be one of its own, with its own end.
#
# Three ways, since the smallest pid_max that a kernel takes (301) would stop everyone else on a machine that others
# use:
# - a hundred thousand processes that ask for one of 64 numbers each (clone3 set_tid): fewer than any pid_max leaves a
# machine;
# - a pid namespace with a pid_max of its own at the minimum, where the kernel has that (6.14): there the inner numbers
# come round;
# - in a guest, the machine's own pid_max at a little more: once round, a kernel gives no number below 300 any more, and
# at the minimum that leaves one for everybody.
source "$(dirname "$0")/../lib.sh"
need_bpf
forks=${CANOPY_TEST_FORKS:-100000} # an emulated machine takes fewer
smallest=301                       # RESERVED_PIDS and one more
few=500                            # 200 numbers, for everybody

start_collector
start_sensor here --ring-bytes 64M # this is about identity, not about loss
check "the host is live" wait_until 20 host_is "$(hostname)" live

# each_its_own HOW PID COUNT [JQ…]: the children of PID are so many, and each is itself.
each_its_own() {
  local how=$1 parent=$2 count=$3
  canopy ps "proc.ppid = $parent and proc.alive = false and $(ours)" -o csv --fields \
    start_boottime_ns,id,pid,exit_code,duration,ns_pid |
    tail -n +2 >"$work/rows"
  check "tree 31: $how: $count processes, all of which have ended" equal "$(wc -l <"$work/rows")" "$count"
  check "tree 31: $how: each has its own identity" equal "$(cut -d, -f2 "$work/rows" | sort -u | wc -l)" "$count"
  # In order of their start they are the workload's first, second, …: the code of each says which it was.
  check "tree 31: $how: each end is that of its own fork" \
    equal "$(sort -n "$work/rows" | awk -F, '$4 != (NR - 1) % 256 {bad++} END {print bad + 0}')" 0
  check "tree 31: $how: nobody ends after the next one of the same pid begins" \
    equal "$(sort -n "$work/rows" | awk -F, \
    '$3 in end && $1 + 0 < end[$3] {bad++} {end[$3] = $1 + $5} END {print bad + 0}')" 0
}

performs "tree 31: $forks forks on 64 pids" pid-cycle "$forks" 64
check "tree 31: nearly all of them use a pid again" test "${who[reused]}" -gt $((forks * 9 / 10))
check "tree 31: all of it is told" wait_until 60 dead process
each_its_own "by set_tid" "${who[process]}" "$forks"

rounds=$((forks / 20 > 1000 ? forks / 20 : 1000))
if [ -n "${CANOPY_TEST_GUEST:-}" ]; then
  before=$(cat /proc/sys/kernel/pid_max)
  echo $few >/proc/sys/kernel/pid_max
  performs "tree 31: $rounds forks on a machine of $few pids" fork-storm $rounds
  echo "$before" >/proc/sys/kernel/pid_max
  check "tree 31: all of that is told" wait_until 60 dead process
  each_its_own "by pid_max" "${who[process]}" $rounds
  check "tree 31: by pid_max: the kernel came round" test "$(cut -d, -f3 "$work/rows" | sort -u | wc -l)" -lt $few
else
  check "tree 31: the machine's own pid_max # SKIP others use this machine; in a guest (./dev kernels) it is lowered" \
    true
fi
if kernel_at_least 6 14; then
  unshare --pid --fork --mount-proc bash -c 'echo "$1" >/proc/sys/kernel/pid_max && "${@:2}"; exit' in_namespace \
    $smallest "$WORKLOADS/workload-fork-storm" $rounds "$marker-inner" >"$work/inner"
  check "tree 31: $rounds forks in a pid namespace of $smallest" grep -qx "forks=$rounds" "$work/inner"
  inner="proc.cmdline endswith $marker-inner and proc.name startswith workload-fork and proc.vpid = $(sed \
    -n 's/^process=//p' "$work/inner")"
  check "tree 31: all of that is told, too" wait_until 60 has "$inner and proc.alive = false and proc.nchilds = $rounds"
  each_its_own "in a namespace" "$(one_process .pid "$inner and proc.nchilds = $rounds")" $rounds
  check "tree 31: in a namespace: its own numbers came round" test "$(cut -d, -f6 "$work/rows" | sort -u | wc -l)" \
    -lt $smallest
else
  check "tree 31: a pid_max of a namespace # SKIP this kernel ($(uname -r)) has one for all" true
fi
check "tree 31: nothing was lost" equal "$(host_lost "$(canopy hosts -o ndjson | jq -s '.[0]')")" 0
finish
