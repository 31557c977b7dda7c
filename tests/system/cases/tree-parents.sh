#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who created whom, and whose child one is by now: each workload does one thing to the tree, and the console must tell
# it exactly.
source "$(dirname "$0")/../lib.sh"
need_bpf

start_collector
start_sensor here
check "the host is live" wait_until 20 host_is "$(hostname)" live

id_of() { ask "$1" .id; }

begin adopted_by double-fork stay
check "tree 24: double fork: the middle process dies" wait_until 20 dead middle
check "tree 24: the daemon lives" equal "$(ask daemon .state)" live
check "tree 24: creation parent is the middle process" equal "$(ask daemon .parent_id)" "$(id_of middle)"
check "tree 24: creator is the middle process" equal "$(ask daemon .creator_id)" "$(id_of middle)"
check "tree 24: current parent is who reaps orphans, of whom getppid tells" \
  equal "$(ask daemon .current_ppid)" "${who[adopted_by]}"
end
check "tree 24: the daemon dies" wait_until 20 dead daemon
check "tree 24: its creation parent is the middle process for ever" equal "$(ask daemon .parent_id)" "$(id_of middle)"
check "tree 24: its last parent is told" equal "$(ask daemon .current_ppid)" "${who[adopted_by]}"
check "tree 24: it had a session of its own" equal "$(ask daemon '"\(.sid) \(.pgid)"')" "${who[daemon]} ${who[daemon]}"
check "tree 24: exit code" equal "$(ask daemon .exit.code)" 3
check "tree 24: the middle process's parent is the first" equal "$(ask middle .parent_id)" "$(id_of process)"

begin adopted_by double-fork subreaper stay
check "tree 25: subreaper: the middle process dies" wait_until 20 dead middle
check "tree 25: current parent is the subreaper" equal "$(ask daemon .current_ppid)" "${who[process]}"
check "tree 25: so says getppid" equal "${who[adopted_by]}" "${who[process]}"
check "tree 25: creation parent is the middle process" equal "$(ask daemon .parent_id)" "$(id_of middle)"
end
check "tree 25: the daemon dies" wait_until 20 dead daemon process
check "tree 25: its last parent is the subreaper" equal "$(ask daemon .current_ppid)" "${who[process]}"

performs "tree 26: CLONE_PARENT: it runs" clone-parent
check "tree 26: all of it is told" wait_until 20 dead process sibling caller
check "tree 26: CLONE_PARENT: creator is the caller" equal "$(ask sibling .creator_id)" "$(id_of caller)"
check "tree 26: CLONE_PARENT: parent is the caller's parent" \
  equal "$(ask sibling '"\(.parent_id) \(.ppid)"')" "$(id_of process) ${who[process]}"
check "tree 26: CLONE_PARENT: exit code" equal "$(ask sibling .exit.code)" 8

performs "tree 27: a thread forks and ends: it runs" thread-forks
check "tree 27: all of it is told" wait_until 20 dead process child
check "tree 27: the thread is not the process" not equal "${who[worker]}" "${who[process]}"
check "tree 27: the parent is the process" equal "$(ask child '"\(.parent_id) \(.ppid)"')" \
  "$(id_of process) ${who[process]}"
check "tree 27: the creator is the process" equal "$(ask child .creator_id)" "$(id_of process)"
check "tree 27: the parent stays the process once the thread has ended" \
  equal "$(ask child .current_ppid)" "${who[process]}"
check "tree 27: no process has the thread's id" not has "proc.pid = ${who[worker]} and $(ours)"

performs "tree 28: a tracer attaches: it runs" traced
check "tree 28: all of it is told" wait_until 20 dead process traced tracer grandchild
check "tree 28: the traced one's parent is its real parent" \
  equal "$(ask traced '"\(.parent_id) \(.ppid)"')" "$(id_of process) ${who[process]}"
check "tree 28: and still so at its end under the tracer" \
  equal "$(ask traced '"\(.current_ppid) \(.exit.code)"')" "${who[process]} 4"
check "tree 28: what the traced one forks is its child" equal "$(ask grandchild .parent_id)" "$(id_of traced)"

performs "tree 29: an orphan forks and execs: it runs" orphan-lineage
check "tree 29: all of it is told" wait_until 20 dead process middle orphan child
check "tree 29: the child's argv" equal "$(ask child '.argv | tojson')" '["true","of-an-orphan"]'
lineage=$(canopy lineage "$(id_of child)" -o ndjson | jq -r .id | tail -n 4 | tr '\n' ' ')
check "tree 29: its ancestry passes through the dead" \
  equal "$lineage" "$(id_of process) $(id_of middle) $(id_of orphan) $(id_of child) "

performs "tree 30: a pid is used again at once: it runs" pid-reuse
check "tree 30: all of it is told" wait_until 20 dead process
reused() {
  processes "proc.pid = ${who[reused]} and $(ours)" | jq -rs "sort_by(.start_boottime_ns) | map($1) | tojson"
}
check "tree 30: two processes" equal "$(reused .pid)" "[${who[reused]},${who[reused]}]"
check "tree 30: of different identity" equal "$(reused .id | jq 'unique | length')" 2
check "tree 30: each with its own end" equal "$(reused .exit.code)" '[21,22]'
check "tree 30: of the same parent" equal "$(reused .ppid)" "[${who[process]},${who[process]}]"
check "tree 30: the first ended before the second began" \
  equal "$(processes "proc.pid = ${who[reused]} and $(ours)" |
  jq -s 'sort_by(.start_boottime_ns) | .[0].start_boottime_ns + .[0].duration_ns <= .[1].start_boottime_ns')" true

performs "tree 32: a new pid namespace: it runs" clone-into pid
check "tree 32: all of it is told" wait_until 20 dead process child
check "tree 32: host pid and namespace pid" equal "$(ask child '"\(.pid) \(.ns_pid)"')" "${who[child]} 1"
check "tree 32: another pid namespace than its parent's" not equal "$(ask child .ns.pid)" "$(ask process .ns.pid)"
check "tree 32: its parent's namespace is what /proc says of ours" \
  equal "pid:[$(ask process .ns.pid)]" "$(readlink /proc/$$/ns/pid)"
cgroup2=$(while read -r _ dir type _; do [ "$type" = cgroup2 ] && echo "$dir"; done </proc/self/mounts | head -n 1)
if [ -n "$cgroup2" ] && mkdir "$cgroup2/$marker" 2>/dev/null; then
  performs "tree 32: CLONE_INTO_CGROUP: it runs" clone-into "$cgroup2/$marker"
  check "tree 32: all of it is told" wait_until 20 dead process child
  check "tree 32: CLONE_INTO_CGROUP: the new cgroup" equal "$(ask child .cgroup)" "/$marker"
  check "tree 32: CLONE_INTO_CGROUP: its parent's cgroup is another" not equal "$(ask process .cgroup)" "/$marker"
  wait_until 5 rmdir "$cgroup2/$marker"
else
  check "tree 32: CLONE_INTO_CGROUP # SKIP no cgroup v2 hierarchy that can be written to" true
fi

performs "tree 33: forks that fail: it runs" fork-refused 200
check "tree 33: all of it is told" wait_until 20 dead process
check "tree 33: each of 200 was refused" equal "${who[refused]}" 200
check "tree 33: no process was invented" not has "proc.ppid = ${who[process]} and $(ours)"

performs "tree 34: setsid and setpgid: it runs" new-session
check "tree 34: all of it is told" wait_until 20 dead process child execs
check "tree 34: setsid without exec: the exit has the new session" \
  equal "$(ask child '"\(.sid) \(.pgid)"')" "${who[child]} ${who[child]}"
check "tree 34: setpgid before exec: the exec has the new group" \
  equal "$(ask execs '"\(.sid) \(.pgid)"')" "${who[session]} ${who[execs]}"
check "tree 34: those who changed nothing have the old ones" \
  equal "$(ask process '"\(.sid) \(.pgid)"')" "${who[session]} ${who[group]}"
finish
