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
exits() { of_storm 'select(.type == "exit") | .id] | unique | length'; }
lost() { jq -n '[inputs | select(.type == "gap" and .lost == "exit") | .count] | add // 0' "$work/facts"; }
states() { # of the children: how many of which state and code
  processes "cgroup.path startswith $cgroup" >"$work/console"
  jq -cn --argjson pid "${pid_of[storm]}" '[inputs | select(.ppid == $pid)] | group_by(.state) | map([.[0].state, length, (map(.exit.code) | unique)])' "$work/console"
}
check "exit 3: $rounds forks" equal "$(of_storm 'select(.type == "fork") | .id] | length')" "$rounds"
check "exit 3: no process ends twice" equal "$(of_storm 'select(.type == "exit") | .id] | length')" "$(exits)"
if ! kernel_at_least 7 0; then
  check "exit 3: $rounds exits" equal "$(exits)" "$rounds"
  check "exit 3: nothing else" equal "$(of_storm '.] | length')" $((2 * rounds))
  check "exit 3: the console knows $rounds dead children, each with code 0" equal "$(states)" "[[\"exited\",$rounds,[0]]]"
else
  # From 7.0 on these programs can be preempted, and the kernel leaves out the one that would then begin on the same CPU. It counts that; whether
  # it was a last thread's nobody knows, so that what is counted as lost is at least what is missing, and never less.
  all_told() { [ $(($(exits) + $(lost))) -ge $rounds ]; }
  check "exit 3: $rounds exits, delivered or counted as lost" wait_until 20 all_told
  settled() { [[ $(states) != *'"live"'* ]]; }
  check "exit 3: no child is taken for live" wait_until 30 settled
  told_states=$(states)
  unknown=$(jq '[.[] | select(.[0] == "unknown") | .[1]] | add // 0' <<<"$told_states")
  check "exit 3: the console knows $rounds children, those that ended before its eyes with code 0" equal \
    "$(jq -c '[(map(.[1]) | add), (.[] | select(.[0] == "exited") | .[2])]' <<<"$told_states")" "[$rounds,[0]]"
  check "exit 3: the end of $unknown is not known, and so many are counted as lost" test "$(canopy hosts -o ndjson | jq -s '.[0].lost.exit')" -ge "$unknown"
fi
check "exit 3: exactly the $((rounds + 3)) processes that there were" equal \
  "$(jq -n '[inputs | select(.argv != ["/bin/true"])] | length' "$work/console")" $((rounds + 2))
finish
