#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A thousand processes whose threads all end in the same instant: more than one thread may find that it was the last one.
source "$(dirname "$0")/observe.sh"
observe exit-storm
rounds=1000
threads=$((10 * $(nproc)))

start_watch
run storm "$(workload threads-exit-at-once)" "$threads" "$rounds"
settle
check "exit 3: the workload did its $rounds rounds of $threads threads" equal "${code_of[storm]}" 0

of_storm() { jq -n --argjson pid "${pid_of[storm]}" "[inputs | select(.ppid == \$pid) | $1" "$work/facts"; }
check "exit 3: $rounds forks" equal "$(of_storm 'select(.type == "fork") | .id] | length')" "$rounds"
check "exit 3: $rounds exits" equal "$(of_storm 'select(.type == "exit") | .id] | length')" "$rounds"
check "exit 3: each process ends once" equal "$(of_storm 'select(.type == "exit") | .id] | unique | length')" "$rounds"
check "exit 3: nothing else" equal "$(of_storm '.] | length')" $((2 * rounds))
check "exit 3: the console knows $rounds dead children, each with code 0" equal \
  "$(jq -cn --argjson pid "${pid_of[storm]}" '[inputs | select(.ppid == $pid) | [.state, .exit.code, .exit.signal]] | [length, unique]' "$work/console")" \
  "[$rounds,[[\"exited\",0,null]]]"
check "exit 3: exactly the $((rounds + 3)) processes that there were" equal "$(wc -l <"$work/console")" $((rounds + 3))
finish
