#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How processes end: once, at the death of the last thread, with the status that waitpid reports.
source "$(dirname "$0")/observe.sh"
observe exit-status

# A zombie that is there before the sensors are, for their snapshots.
open_door
stay zombie-before "$(workload zombie)"
wait_until 10 said zombie-before zombie
start_watch
start_modest

stay zombie-after "$(workload zombie)"
run leader-first "$(workload leader-exits-first)"
run group "$(workload group-exit)"
run signals "$(workload signal-death)"
run exec-fails "$(workload thread-exec-fails)"
wait_until 10 said zombie-after zombie
settle

expected+=("$(said zombie-before zombie)" "$(said zombie-after zombie)" "$(said signals killed)" \
  "$(said signals crashed)" "$(said signals wide)")

# 1. What waitpid reports differs: before 6.12 or so the leader's own code 3, later that of the last thread; bash has
# asked waitpid.
pid=${pid_of[leader-first]}
check "exit 1: the leader ends first: one exit, at the end" equal "$(facts "$pid")" "fork exec exit"
check "exit 1: it lived until the last thread's end at 200 ms" equal "$(told "$pid" '.duration_ns >= 200000000')" true
check "exit 1: the code that waitpid reports (${code_of[leader-first]})" \
  equal "$(told "$pid" '[.state, .exit.code, .exit.signal]')" "[\"exited\",${code_of[leader-first]},null]"
check "exit 1: waitpid reports the code of a thread" grep -qx '[37]' <<<"${code_of[leader-first]}"

pid=${pid_of[group]}
check "exit 2: a worker ends the group: one exit" equal "$(facts "$pid")" "fork exec exit"
check "exit 2: code 5" equal "$(told "$pid" '[.state, .exit.code, .exit.signal]')" '["exited",5,null]'

pid=$(said signals killed)
check "exit 4: SIGKILL: one exit" equal "$(facts "$pid")" "fork exit"
check "exit 4: SIGKILL: signal 9, no core, no exit code" \
  equal "$(told "$pid" '[.state, .exit.code, .exit.signal, .exit.core]')" '["exited",null,9,false]'
pid=$(said signals crashed)
check "exit 4: SIGSEGV: one exit" equal "$(facts "$pid")" "fork exit"
check "exit 4: waitpid tells of a core" equal "$(said signals core)" 1
check "exit 4: SIGSEGV with core: signal 11, core yes, no exit code" \
  equal "$(told "$pid" '[.state, .exit.code, .exit.signal, .exit.core]')" '["exited",null,11,true]'
pid=$(said signals wide)
check "exit 5: _exit(0x1ff): code 255" equal "$(told "$pid" '[.state, .exit.code, .exit.signal]')" '["exited",255,null]'

pid=$(said zombie-after zombie)
state_of() { while IFS=$'\t ' read -r key value _; do [ "$key" = State: ] && echo "$value"; done <"/proc/$1/status"; }
check "exit 6: the child is a zombie by now" equal "$(state_of "$pid")" Z
check "exit 6: an unreaped child: exit at death" equal "$(facts "$pid")" "fork exit"
check "exit 6: an unreaped child: code 5" equal "$(told "$pid" '[.state, .exit.code, .exit.signal]')" \
  '["exited",5,null]'
pid=$(said zombie-before zombie)
check "exit 6: the child from before is a zombie by now" equal "$(state_of "$pid")" Z
check "exit 6: a zombie is in the snapshot" equal "$(facts "$pid")" snapshot
check "exit 6: the snapshot says zombie" equal \
  "$(jq -c --argjson pid "$pid" 'select(.pid == $pid) | .flags | index("zombie") != null' "$work/facts")" true
check "exit 6: a snapshot out of /proc says so, too" equal \
  "$(told_modest "$pid" '[.type, (.flags | index("zombie") != null), .argv, .exe]')" '["snapshot",true,null,null]'
check "exit 6: a zombie is not live, and its code is not invented" \
  equal "$(told "$pid" '[.state, .quality, .exit, (.flags | index("zombie") != null)]')" \
  '["unknown",["seeded","exit_unknown"],null,true]'
check "exit 6: its parent lives" equal "$(told "${pid_of[zombie-before]}" '[.state, .quality]')" '["live",["seeded"]]'

pid=${pid_of[exec-fails]}
check "exit 7: a worker's exec fails: no exec" equal "$(facts "$pid")" "fork exec exit"
check "exit 7: code 9 and the image from before" \
  equal "$(told "$pid" '[.exec_seq, .exit.code, .exe]')" "[1,9,\"$(workload thread-exec-fails)\"]"
check "exit 1 to 7: exactly the ${#expected[@]} processes that there were" exactly_these

end_all zombie-before zombie-after
settle
check "exit 6: reaping says nothing more" equal "$(facts "$(said zombie-after zombie)")" "fork exit"
check "exit 6: the parent of a reaped zombie: code 0" \
  equal "$(told "${pid_of[zombie-after]}" '[.state, .exit.code]')" '["exited",0]'
finish
