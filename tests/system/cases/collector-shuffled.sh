#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The facts that a real kernel told of real processes, told again to a collector in any order and any number of times,
# by one sensor or two: the forest is the same each time. (tests/unit/collector/forest/test-join.c does this with
# histories that no kernel has told yet.)
source "$(dirname "$0")/observe.sh"
observe collector-shuffled
orders=${CANOPY_TEST_ORDERS:-24}

open_door
stay before "$(workload stay)"
wait_until 10 said before process
start_watch
end_all before
run chain env nice true
run daemon "$(workload double-fork)"
run daemon-below "$(workload double-fork)" subreaper
run orphan "$(workload orphan-lineage)"
run sibling "$(workload clone-parent)"
run vfork "$(workload vfork-exit)"
run by-thread "$(workload thread-exec)"
run after-leader "$(workload leader-exits-thread-execs)"
run signals "$(workload signal-death)"
run reused "$(workload pid-reuse)"
run session "$(workload new-session)"
only_witness_lives() { [ "$(<"$cgroup_dir/cgroup.procs")" = "${pid_of[witness]}" ]; }
wait_until 30 only_witness_lives # what the workloads left behind ends after them
settle

# One line of a feed for each fact: what the printing sensor told, in its words.
jq -r 'select(.type == "fork" or .type == "exec" or .type == "exit")
  | def nanoseconds: (.[:19] + "Z" | fromdate) * 1000000000;
    def fraction: .[20:29] | tonumber;
    def at: .start_boottime_ns + (.time | nanoseconds) - (.start | nanoseconds) + (.time | fraction) - (.start | fraction);
  [.type, at, .pid, .start_boottime_ns, .parent_id, .creator_id, .pgid, .sid, .exec_seq, .exe, .exit.code,
    .exit.signal] | map(. // "-") | join(" ")' \
  "$work/facts" >"$work/told"
key_of() { # ID as the console prints it: BOOT-PID-START, the start in hex
  local pid=${1#*-}
  echo "${pid%-*}/$((16#${pid#*-}))"
}
while read -r type at pid start parent creator pgid sid seq exe code signal; do
  line="$type $at $pid/$start $(key_of "$parent") pgid=$pgid sid=$sid"
  [ "$creator" = - ] || line+=" creator=$(key_of "$creator")"
  case $type in
    exec) line+=" seq=$seq exe=$exe" ;;
    exit) if [ "$signal" = - ]; then line+=" code=$code"; else line+=" signal=$signal"; fi ;;
  esac
  echo "$line"
done <"$work/told" >"$work/lines"
facts=$(wc -l <"$work/lines")
processes_told=$(awk '{print $3}' "$work/lines" | sort -u | wc -l)
check "collector 43: the kernel told enough ($facts facts)" test "$facts" -ge 60 -a "$processes_told" -ge 20

# told_in_order NUMBER: the facts in an order of that number's own, some of them twice, in batches of any size; 0: as
# they came.
told_in_order() {
  awk -v seed="$1" '
    function send() { print "send" }
    {line[++n] = $0}
    END {
      srand(seed)
      if (seed) {
        for (i = n; i > 0; i--) if (rand() < 0.4) line[++n] = line[i]
        for (i = n; i > 1; i--) { j = 1 + int(rand() * i); t = line[i]; line[i] = line[j]; line[j] = t }
      }
      for (i = 1; i <= n; i++) {
        print line[i]
        if (seed && rand() < 0.1) send()
        if (seed && rand() < 0.02) { send(); print "connect " 2 + int(rand() * 2) }
      }
      send()
    }' "$work/lines"
}
# A fact is the same whoever tells it, so that a second session of one stream would be a repetition: each has numbers
# of its own.
feed() { # NUMBER
  {
    printf 'host order-%s %032d\nclock 100000000000 1700000000000000000\nconnect 1\n' "$1" "$((1000 + $1))"
    told_in_order "$1" | awk '/^connect/ {$2 = 10 + ++connects} {print}' |
      awk '!(/^send/ && last ~ /^(send|connect)/) {print; last = $0}'
  } | "$WORKLOADS/feed" "$listen"
}
forest() { # NUMBER: every process with all that is known of it, without whose it is
  processes "host.name = order-$1" | jq -c \
    "del(.host, .boot_id, .duration_ns) | (.id, .parent_id, .creator_id) |= (. // \"\" | sub(\"^[0-9a-f]*-\"; \"\"))" \
    | sort
}
# Case 39 by what the kernel told: the end of a process first, and then its snapshot, which was taken while it ran.
snapshot_late() {
  local told line
  told=$(jq -r 'select(.type == "snapshot" and .pid == '"${pid_of[before]}"') | "\(.pid)/\(.start_boottime_ns) \(.exe)"' "$work/facts")
  line=$(grep "^exit .* ${told% *} " "$work/lines")
  read -r _ at _ <<<"$line"
  printf 'host late %032d\nclock 100000000000 1700000000000000000\nconnect 1\n%s\nsend\n' 999 "$line"
  printf 'snapshot %s %s 0/0 exe=%s\nsend\n' $((at - 1000000)) "${told% *}" "${told#* }"
}
late() { processes 'host.name = late' | jq -r "select(.pid == ${pid_of[before]}) | $1"; }
snapshot_late | "$WORKLOADS/feed" "$listen"
check "collector 39: a snapshot that comes after the end it was taken before: dead, and how" \
  equal "$(late '"\(.state) \(.exit.code)"')" "exited ${code_of[before]}"
check "collector 39: and what it was" equal "$(late .exe)" "$(workload stay)"
check "collector 39: and once" equal "$(late .id | wc -l)" 1

feed 0
first=$(forest 0)
check "collector 43: told in order: each process once" equal "$(wc -l <<<"$first")" \
  "$(awk '{print $3} $1 == "fork" {print $4}' "$work/lines" | sort -u | wc -l)"
check "collector 43: told in order: all of ours have ended" equal \
  "$(jq -rs '[.[] | select(.quality == []) | .state] | unique | tojson' <<<"$first")" '["exited"]'
check "collector 43: told in order: the chain of execs" equal \
  "$(jq -c "select(.pid == ${pid_of[chain]}) | [.images[] | .seq]" <<<"$first")" '[1,2,3]'
for ((i = 1; i <= orders; i++)); do
  check "collector 43: order $i is taken" feed "$i"
  if [ "$(forest "$i")" = "$first" ]; then same=yes; else same=no; diff <(echo "$first") <(forest "$i") |
    cut -c1-600 >"$work/difference-$i.log"; fi
  check "collector 43: order $i: the same forest" equal "$same" yes
done
finish
