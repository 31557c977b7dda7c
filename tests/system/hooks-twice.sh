#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hooks that are attached twice, as from 7.0 on, on any kernel: each fact is told once, whichever copy is called first and whether or not perf may be
# used for one of them; and others who trace by way of perf see what they saw.
source "$(dirname "$0")/cases/observe.sh"
observe hooks-twice
lives=${CANOPY_TEST_EXECS:-200}
printf '#!/bin/true\n' >"$work/a script"
chmod 755 "$work/a script"
on() { OLDER_KERNEL=$1 LD_PRELOAD=$WORKLOADS/libolder-kernel.so "${@:2}"; } # KERNEL COMMAND…

state_on() { on "$1" "$CANOPY_SENSOR" --check | awk '$1 == "skipped" {print $2}'; }
caught=rescued
if kernel_at_least 6 2 && [ -r /sys/kernel/tracing/events/sched/sched_process_exec/id ]; then caught=caught; fi
check "from 7.0 on a copy that nothing preempts catches what is skipped, if the kernel can (6.2) and tracefs is there" equal "$(state_on preemptible)" $caught
check "where perf events are refused both copies can be preempted, and it says so" equal "$(state_on no-perf)" rescued

open_door
start witness sleep 600
on preemptible start_printer ahead 9>&-
on no-perf start_printer without 9>&-
wait_until 30 printed "${pid_of[witness]}" snapshot ahead
wait_until 30 printed "${pid_of[witness]}" snapshot without
# Behind this one, perf is called ahead of the sensor's own: what it tells then needs a kprobe, or else the other copy tells all.
if [ -r /sys/kernel/tracing/events/sched/sched_process_exec/id ]; then
  stay counter "$(workload perf-counts-execs)"
  wait_until 10 said counter process
fi
on preemptible start_printer behind 9>&-
on no-kprobe start_printer lesser 9>&-
wait_until 30 printed "${pid_of[witness]}" snapshot behind
wait_until 30 printed "${pid_of[witness]}" snapshot lesser

run lives bash -c 'for ((i = 0; i < $1; i++)); do "$0"; done' "$work/a script" "$lives"
start settle /bin/true
finish_workload settle
of() { jq -cn --argjson pid "${pid_of[lives]}" "[inputs | select(.ppid == \$pid and .type == \"$2\") | $3" "$work/$1"; } # FILE TYPE JQ
# On a kernel that really skips hooks, these lose some, and count them.
is_degraded() { kernel_at_least 7 0 && [[ $1 == without || $1 == lesser ]]; }
told_or_counted() { # FILE TYPE
  local told counted
  told=$(of "$1" "$2" '.id] | unique | length')
  counted=$(jq -n --arg type "$2" '[inputs | select(.type == "gap" and .lost == $type and .reason == "recursion") | .count] | add // 0' "$work/$1")
  [ "$told" -le "$lives" ] && [ $((told + counted)) -ge "$lives" ] || { echo "$told told, $counted counted"; return 1; }
}
for file in ahead without behind lesser; do
  check "$file: all has come" wait_until 30 printed "${pid_of[settle]}" exit $file
  if is_degraded $file; then
    for type in fork exec exit; do check "$file: $lives times $type, told or counted as lost" wait_until 20 told_or_counted $file $type; done
    continue
  fi
  for type in fork exit; do
    check "$file: $lives times $type" equal "$(of $file $type '.id] | [length, (unique | length)]')" "[$lives,$lives]"
  done
  check "$file: the script of each exec" equal "$(of $file exec "select(.script == \"$work/a script\") | .id] | [length, (unique | length)]")" "[$lives,$lives]"
  check "$file: nothing is lost" equal "$(jq -c 'select(.type == "gap")' "$work/$file")" ""
done
for file in ahead without; do is_degraded $file || check "$file: each exec is told once" equal "$(of $file exec '.id] | length')" "$lives"; done
# Until the sensor finds out that perf is called first, on each CPU.
for file in behind lesser; do check "$file: nearly each is" test "$(of $file exec '.id] | length')" -le $((lives + $(nproc))); done
if [ -n "${pid_of[counter]:-}" ]; then
  end_all counter
  check "others still count execs by perf" test "$(said counter execs)" -ge "$lives"
else
  skip "others still count execs by perf" "tracefs is not mounted"
fi
finish
