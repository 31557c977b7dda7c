#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which execs there are, whose they are, and what file they run.
source "$(dirname "$0")/observe.sh"
observe exec-images
true_path=$(readlink -f /bin/true)

start_watch
run by-thread "$(workload thread-exec)"
run after-leader "$(workload leader-exits-thread-execs)"
run too-big "$(workload argv-long)" one 200000
run chain env nice true
run vfork "$(workload vfork-exit)"
run missing "$(workload spawn-missing)"
run memfd "$(workload memfd-exec)"
run folder "$(workload execveat-folder)" "$(dirname "$true_path")"
run deleted "$(workload deleted-exec)" "$work/soon gone"
settle
spawned=$(children "${pid_of[missing]}")
expected+=("$(said vfork ends)" "$(said vfork execs)" "$spawned")

# Image history as [ordinal, executable] pairs; ordinal 0 is what the fork inherited of this shell.
history='[.images[] | select(.seq > 0) | [.seq, .exe]]'
images() { jq -cn '[$ARGS.positional | to_entries[] | [.key + 1, .value]]' --args "$@"; }

pid=${pid_of[by-thread]}
check "exec 8: a thread execs: the process's exec, no exit before" equal "$(facts "$pid")" "fork exec exec exit"
check "exec 8: the next ordinal" equal "$(told "$pid" "$history")" "$(images "$(workload thread-exec)" "$true_path")"
check "exec 8: argv of the new image" equal "$(told "$pid" '[.exec_seq, .argv, .exit.code]')" \
  '[2,["true","by-a-thread"],0]'
check "exec 8: one identity" equal \
  "$(jq -n --argjson pid "$pid" '[inputs | select(.pid == $pid) | .id] | unique | length' "$work/facts")" 1

pid=${pid_of[after-leader]}
check "exec 9: the leader ends first, then a thread execs: no exit before" equal "$(facts "$pid")" "fork exec exec exit"
check "exec 9: final code 0, not the leader's" \
  equal "$(told "$pid" '[.argv, .exit.code]')" '[["true","after-the-leader"],0]'
check "exec 9: waitpid says the same" equal "${code_of[after-leader]}" 0

pid=${pid_of[too-big]}
check "exec 10: an argument of 200,000 bytes (E2BIG): no exec" equal "$(facts "$pid")" "fork exec exit"
check "exec 10: the image from before, and how it ended" \
  equal "$(told "$pid" '[.exec_seq, .exe, .exit.code]')" "[1,\"$(workload argv-long)\",7]"

pid=${pid_of[chain]}
check "exec 11: env nice true: three execs of one process" equal "$(facts "$pid")" "fork exec exec exec exit"
check "exec 11: each image in the history, ordinals 1 to 3" \
  equal "$(told "$pid" "$history")" \
  "$(images "$(readlink -f "$(type -P env)")" "$(readlink -f "$(type -P nice)")" "$true_path")"
check "exec 11: argv of each image" equal "$(told "$pid" '[.images[] | select(.seq > 0) | .argv]')" \
  '[["env","nice","true"],["nice","true"],["true"]]'
check "exec 11: each fact names the same parent" \
  equal "$(jq -cn --argjson pid "$pid" '[inputs | select(.pid == $pid) | .ppid] | unique' "$work/facts")" "[$$]"
check "exec 11: the console too" equal "$(told "$pid" '[.ppid, .exec_seq, .quality]')" "[$$,3,[]]"

pid=$(said vfork execs)
check "exec 12: vfork and exec" equal "$(facts "$pid")" "fork exec exit"
check "exec 12: vfork and exec: parent, image, code" \
  equal "$(told "$pid" '[.ppid, .exe, .exit.code]')" "[${pid_of[vfork]},\"$true_path\",0]"
pid=$(said vfork ends)
check "exec 12: vfork and _exit(2)" equal "$(facts "$pid")" "fork exit"
check "exec 12: vfork and _exit(2): the parent's image, code 2" \
  equal "$(told "$pid" '[.ppid, .exec_seq, .exe, .exit.code]')" "[${pid_of[vfork]},0,\"$(workload vfork-exit)\",2]"
check "exec 12: posix_spawn of a missing file: fork and exit, no exec" equal "$(facts "$spawned")" "fork exit"
check "exec 12: posix_spawn of a missing file: code 127" equal "$(told "$spawned" '[.exec_seq, .exit.code]')" '[0,127]'

pid=${pid_of[memfd]}
check "exec 13: a memory file: exe memfd:NAME" equal "$(told "$pid" .exe)" '"memfd:hidden"'
check "exec 13: a memory file: flag" equal "$(told "$pid" '.flags | index("memfd") != null')" true
check "exec 13: named like a kernel thread, still a process" \
  equal "$(told "$pid" '[.argv, .exec_seq, .ppid, .exit.code]')" "[[\"kworker\"],2,$$,0]"

pid=${pid_of[folder]}
check "exec 14: execveat below a folder: the absolute path" \
  equal "$(told "$pid" '[.exe, .argv, .exec_seq, .flags]')" "[\"$true_path\",[\"true\"],2,[]]"

pid=${pid_of[deleted]}
check "exec 15: an unlinked file: path kept, flag" \
  equal "$(told "$pid" '[.exe, .flags, .exec_seq]')" "[\"$work/soon gone\",[\"deleted\"],2]"

check "exec 8 to 15: exactly the ${#expected[@]} processes that there were" exactly_these
finish
