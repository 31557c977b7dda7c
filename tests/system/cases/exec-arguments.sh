#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Arguments as exec recorded them: scripts, no text, none at all, a million bytes, and a process that lies about its own.
source "$(dirname "$0")/observe.sh"
observe exec-arguments
shell_path=$(readlink -f /bin/sh)

# 16: outer's interpreter is inner, whose interpreter is the shell.
mkdir "$work/a folder"
outer="$work/outer" inner="$work/inner"
printf '#!%s first option\n' "$inner" >"$outer"
printf '#!/bin/sh\nexit 0\n' >"$inner"
cat >"$work/plain" <<'SH'
#!/bin/sh
exit 3
SH
chmod 755 "$outer" "$inner" "$work/plain"

open_door
start_watch
run script "$outer" 'two  blanks' '' 'quoted "x"'
cd "$work/a folder" || exit 1
run relative ../plain one
cd "$work" || exit 1
run no-arguments "$(workload argc-zero)" "$(workload stay)"
run bytes "$(workload argv-bytes)"
run million "$(workload argv-long)" 1000000
stay liar "$(workload rename-self)" some arguments
wait_until 10 said liar process
settle

pid=${pid_of[script]}
check "exec 16: a script of a script: one exec" equal "$(facts "$pid")" "fork exec exit"
check "exec 16: the file that was asked for, and what the kernel ran" equal "$(told "$pid" '[.script, .exe]')" "[\"$outer\",\"$shell_path\"]"
check "exec 16: the whole argv, blanks intact" equal "$(told "$pid" .argv)" \
  "[\"/bin/sh\",\"$inner\",\"first option\",\"$outer\",\"two  blanks\",\"\",\"quoted \\\"x\\\"\"]"
pid=${pid_of[relative]}
check "exec 16: a script by its relative name: below the working folder" equal "$(told "$pid" '[.script, .cwd, .argv, .exit.code]')" \
  "[\"$work/a folder/../plain\",\"$work/a folder\",[\"/bin/sh\",\"../plain\",\"one\"],3]"

# Since 5.18 (dcd46d897adb), and in the stable series that took it over, the kernel puts in an empty string: the program tells.
pid=${pid_of[no-arguments]}
argc=$(said no-arguments argc)
if [ "$argc" = 1 ]; then none='[[""],1,false]'; else none='[[],0,false]'; fi
check "exec 17: no argument at all: argc as the program saw it ($argc)" equal "$(told "$pid" '[.argv, .argv_bytes, .argv_truncated]')" "$none"
check "exec 17: no argument at all: it ran" equal "$(told "$pid" '[.exe, .exit.code]')" "[\"$(workload stay)\",42]"
pid=${pid_of[bytes]}
check "exec 17: an empty argument, a newline, blanks" equal "$(told "$pid" '[.argv[0,1,3,4]]')" '["true","","a\nb"," two  blanks "]'
check "exec 17: the byte 0xff is escaped in the text" equal "$(told "$pid" '.argv[2]')" '"\\xff"'
check "exec 17: and intact beside it" equal "$(told "$pid" '.argv_raw | map(.)')" \
  "[$(for a in true '' $'\xff' $'a\nb' ' two  blanks '; do printf '"%s",' "$(printf '%s' "$a" | base64)"; done | sed 's/,$//')]"
check "exec 17: length in bytes" equal "$(told "$pid" .argv_bytes)" $((5 + 1 + 2 + 4 + 14))

# 10,000 arguments of 100 bytes; 32 KiB of them are kept: 327 whole ones and 68 bytes of the next.
pid=${pid_of[million]}
check "exec 18: a million bytes: the event is there" equal "$(facts "$pid")" "fork exec exec exit"
check "exec 18: the true length, and that it is cut" equal "$(told "$pid" '[.argv_bytes, .argv_truncated, .exec_seq]')" '[1000000,true,2]'
check "exec 18: the exact prefix" equal \
  "$(told "$pid" '.argv == ([range(327) | tostring | . + "." * (99 - length)] + ["327" + "." * 65])')" true

pid=${pid_of[liar]}
mask='[kworker/0:1]'
read -r comm <"/proc/$pid/comm"
check "exec 19: /proc shows what the process wrote there" equal "$comm $(tr -d '\0' <"/proc/$pid/cmdline" | head -c ${#mask})" "$mask $mask"
recorded="[\"$(workload rename-self)\",[\"$(workload rename-self)\",\"some\",\"arguments\"],\"workload-rename\"]"
check "exec 19: what exec recorded stays while it runs" equal "$(told "$pid" '[.exe, .argv, .comm]')" "$recorded"
check "exec 16 to 19: exactly the ${#expected[@]} processes that there were" exactly_these
close_door
finish_workload liar
settle
check "exec 19: what exec recorded stays when it has ended" equal "$(told "$pid" '[.exe, .argv, .comm]')" "$recorded"
check "exec 19: it ended like any process" equal "$(told "$pid" '[.state, .exit.code, .ppid]')" "[\"exited\",0,$$]"
finish
