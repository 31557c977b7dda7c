#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A thousand processes whose threads all end in the same instant: more than one thread may find that it was the last
# one, and from 7.0 on the telling of one end can preempt that of another: then it is the hook's second copy that tells
# it.
source "$(dirname "$0")/observe.sh"
observe exit-storm
rounds=${CANOPY_TEST_ROUNDS:-1000} # an emulated machine takes fewer
threads=$((10 * $(nproc)))

skips=$("$CANOPY_SENSOR" --check | awk '$1 == "skipped" {print $2}')
start_watch
start_printer found --find-ends
wait_until 30 printed "${pid_of[witness]}" snapshot found
run storm "$(workload threads-exit-at-once)" "$threads" "$rounds"
# Two at a time meet most often: without the map of those that ended lately two or three in a thousand ended twice.
pairs=$((2 * rounds))
run pairs "$(workload threads-exit-at-once)" 1 "$pairs"
settle
check "exit 3: the workload did its $rounds rounds of $threads threads" equal "${code_of[storm]}" 0
check "exit 3: and its $pairs rounds of two" equal "${code_of[pairs]}" 0

check "exit 3: $threads threads on $(nproc) CPUs" test "$threads" -gt "$(nproc)"
of_storm() { jq -n --argjson pid "${pid_of[storm]}" "[inputs | select(.ppid == \$pid) | $1" "$work/$file"; }
exits() { of_storm 'select(.type == "exit") | .id] | unique | length'; }
skipped_of() { jq -n '[inputs | select(.type == "gap" and .reason == "recursion" and .lost == "exit") | .count] | add // 0' "$work/$1"; }
states() { # of the children: how many of which state and code
  processes "cgroup.path startswith $cgroup" >"$work/console"
  jq -cn --argjson pid "${pid_of[storm]}" \
    '[inputs | select(.ppid == $pid)] | group_by(.state) | map([.[0].state, length, (map(.exit.code) | unique)])' \
    "$work/console"
}
wait_until 30 printed "${pid_of[settle]}" exit found
# What was skipped counts as lost two looks later.
accounted() { [ $(($(exits) + $(skipped_of $file))) -ge "$rounds" ]; }
for file in facts found; do
  wait_until 20 accounted
  how=
  [ $file = facts ] || how=' found by counting'
  check "exit 3: $rounds forks ($file)" equal "$(of_storm 'select(.type == "fork") | .id] | length')" "$rounds"
  check "exit 3: no process ends twice$how" equal "$(of_storm 'select(.type == "exit") | .id] | length')" "$(exits)"
  exited=$(exits)
  skipped=$(skipped_of $file)
  check "exit 3: $rounds exits$how, but for $skipped that are counted as skipped" \
    test "$exited" -le "$rounds" -a $((exited + skipped)) -ge "$rounds"
  check "exit 3: nearly all of them$how" test "$exited" -ge $((rounds * 99 / 100))
  [ "$skips" != never ] || check "exit 3: none is skipped before 7.0 ($file)" equal "$skipped" 0
  [ "$skips" != caught ] || check "exit 3: what is skipped is caught ($file)" equal "$skipped" 0
  gaps=$(jq -n '[inputs | select(.type == "gap")] | length' "$work/$file")
  # Behind a gap a snapshot tells who runs.
  [ "$gaps" = 0 ] && others=. || others='select(.type != "snapshot")'
  check "exit 3: nothing else ($file)" equal "$(of_storm "$others] | length")" $((rounds + exited))
done
ends_of_pairs() { jq -n --argjson pid "${pid_of[pairs]}" '[inputs | select(.ppid == $pid and .type == "exit") | .id] | '"$1" "$work/found"; }
check "exit 3: two at a time, found by counting: none ends twice" equal "$(ends_of_pairs length)" "$(ends_of_pairs 'unique | length')"
pairs_accounted() { [ $(($(ends_of_pairs length) + $(skipped_of found))) -ge "$pairs" ] && [ "$(ends_of_pairs length)" -le "$pairs" ]; }
check "exit 3: two at a time, found by counting: $pairs exits, but for what is counted as skipped" wait_until 20 pairs_accounted
skipped=$(skipped_of facts)
if [ "$skipped" = 0 ]; then
  check "exit 3: the console knows $rounds dead children, each with code 0" equal "$(states)" "[[\"exited\",$rounds,[0]]]"
else
  settled() { [[ $(states) != *'"live"'* ]]; }
  check "exit 3: no child is taken for live" wait_until 30 settled
fi
check "exit 3: exactly the $((rounds + pairs + 4)) processes that there were" equal \
  "$(jq -n '[inputs | select(.argv != ["/bin/true"])] | length' "$work/console")" $((rounds + pairs + 3))
finish
