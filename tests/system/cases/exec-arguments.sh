#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Arguments as exec recorded them: scripts, no text, none at all, a million bytes, and a process that lies about its
# own.
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
printf '#!%s option\n' "$(workload stay)" >"$work/nameless"
chmod 755 "$outer" "$inner" "$work/plain" "$work/nameless"

many=() # 168,894 bytes with their NULs
for ((i = 1; i <= 30000; i++)); do many+=("$i"); done
giants=${CANOPY_TEST_GIANTS:-200} # an emulated machine takes fewer

open_door
stay many-snapshot "$(workload stay)" "${many[@]}"
wait_until 10 said many-snapshot process
start_watch
start_printer short --argv-bytes 256 --ring-bytes 4M 9>&-
wait_until 30 printed "${pid_of[witness]}" snapshot short
start_modest
stay many-live "$(workload stay)" "${many[@]}"
wait_until 10 said many-live process
run script "$outer" 'two  blanks' '' 'quoted "x"'
cd "$work/a folder" || exit 1
run relative ../plain one
cd "$work" || exit 1
stay by-descriptor "$(workload fexecve)" "$work/nameless"
wait_until 10 said by-descriptor process
run no-arguments "$(workload argc-zero)" "$(workload stay)"
run bytes "$(workload argv-bytes)"
run million "$(workload argv-long)" 1000000
# So many times a million bytes for a reader that does not read: with their bound they fit into a ring of 4 MiB
# many times over.
kill -STOP "$printer_pid"
for ((i = 0; i < giants; i++)); do run giant "$(workload argv-long)" 1000000; done
kill -CONT "$printer_pid"
stay liar "$(workload rename-self)" some arguments
wait_until 10 said liar process
settle

pid=${pid_of[script]}
check "exec 16: a script of a script: one exec" equal "$(facts "$pid")" "fork exec exit"
check "exec 16: the file that was asked for, and what the kernel ran" \
  equal "$(told "$pid" '[.script, .exe]')" "[\"$outer\",\"$shell_path\"]"
check "exec 16: the whole argv, blanks intact" equal "$(told "$pid" .argv)" \
  "[\"/bin/sh\",\"$inner\",\"first option\",\"$outer\",\"two  blanks\",\"\",\"quoted \\\"x\\\"\"]"
pid=${pid_of[relative]}
check "exec 16: a script by its relative name: below the working folder" \
  equal "$(told "$pid" '[.script, .cwd, .argv, .exit.code]')" \
  "[\"$work/a folder/../plain\",\"$work/a folder\",[\"/bin/sh\",\"../plain\",\"one\"],3]"
# The kernel has no other name for it, and gives this one to the interpreter.
pid=${pid_of[by-descriptor]}
name=/dev/fd/$(said by-descriptor descriptor)
mapfile -t -d '' argv <"/proc/$pid/cmdline"
check "exec 16: a script by its descriptor: the kernel names it /dev/fd/N" \
  equal "${argv[*]}" "$(workload stay) option $name argument"
for by in told told_modest; do
  check "exec 16: a script by its descriptor: its name as the kernel says it ($by)" equal \
    "$($by "$pid" '[.script, .exe, .argv]')" "[\"$name\",\"$(workload stay)\",[\"$(workload stay)\",\"option\",\"$name\",\"argument\"]]"
done

# Since 5.18 (dcd46d897adb), and in the stable series that took it over, the kernel puts in an empty string: the
# program tells.
pid=${pid_of[no-arguments]}
argc=$(said no-arguments argc)
if [ "$argc" = 1 ]; then none='[[""],1,false]'; else none='[[],0,false]'; fi
check "exec 17: no argument at all: argc as the program saw it ($argc)" \
  equal "$(told "$pid" '[.argv, .argv_bytes, .argv_truncated]')" "$none"
check "exec 17: no argument at all: it ran" equal "$(told "$pid" '[.exe, .exit.code]')" "[\"$(workload stay)\",42]"
pid=${pid_of[bytes]}
check "exec 17: an empty argument, a newline, blanks" \
  equal "$(told "$pid" '[.argv[0,1,3,4]]')" '["true","","a\nb"," two  blanks "]'
check "exec 17: the byte 0xff is escaped in the text" equal "$(told "$pid" '.argv[2]')" '"\\xff"'
check "exec 17: and intact beside it" equal "$(told "$pid" '.argv_raw | map(.)')" \
  "[$(for a in true '' $'\xff' $'a\nb' ' two  blanks '; do printf '"%s",' "$(printf '%s' "$a" | base64)"; done |
  sed 's/,$//')]"
check "exec 17: length in bytes" equal "$(told "$pid" .argv_bytes)" $((5 + 1 + 2 + 4 + 14))

# 10,000 arguments of 100 bytes; 32 KiB of them are kept: 327 whole ones and 68 bytes of the next.
pid=${pid_of[million]}
check "exec 18: a million bytes: the event is there" equal "$(facts "$pid")" "fork exec exec exit"
check "exec 18: the true length, and that it is cut" \
  equal "$(told "$pid" '[.argv_bytes, .argv_truncated, .exec_seq]')" '[1000000,true,2]'
check "exec 18: the exact prefix" equal \
  "$(told "$pid" '.argv == ([range(327) | tostring | . + "." * (99 - length)] + ["327" + "." * 65])')" true

# The bound is configurable, and the same for what ran before the sensor did.
prefix() { # BYTES: as many of our many arguments as these hold, the last one cut
  local bytes=$1 list text
  list="$(workload stay) ${many[*]} "
  text=${list:0:bytes}
  jq -cn --arg t "${text% }" '$t | split(" ")'
}
total=$((168894 + $(workload stay | wc -c)))
for when in live snapshot; do
  pid=${pid_of[many-$when]}
  check "exec 18: 32 KiB of many arguments ($when)" \
    equal "$(told "$pid" '[.argv_bytes, .argv_truncated, .argv]')" "[$total,true,$(prefix 32768)]"
  check "exec 18: 256 bytes where so much was asked for ($when)" equal \
    "$(jq -cn --argjson pid "$pid" \
    '[inputs | select(.pid == $pid and (.type == "exec" or .type == "snapshot"))] | last
      | [.argv_bytes, .argv_truncated, .argv]' "$work/short")" \
    "[$total,true,$(prefix 256)]"
  check "exec 18: the same by plain hooks and /proc ($when)" \
    equal "$(told_modest "$pid" '[.argv_bytes, .argv_truncated, .argv]')" "[$total,true,$(prefix 32768)]"
done
wait_until 30 printed "${pid_of[settle]}" exit short
check "exec 18: $giants giants do not flood the ring of a reader that stands still" equal \
  "$(jq -n '[inputs | select(.type == "exec" and .argv_bytes == 1000000)] | length' "$work/short")" $((giants + 1))
check "exec 18: nothing was lost there" equal "$(grep '"type":"gap"' "$work/short")" ""

pid=${pid_of[liar]}
mask='[kworker/0:1]'
read -r comm <"/proc/$pid/comm"
check "exec 19: /proc shows what the process wrote there" \
  equal "$comm $(tr -d '\0' <"/proc/$pid/cmdline" | head -c ${#mask})" "$mask $mask"
recorded="[\"$(workload rename-self)\",[\"$(workload rename-self)\",\"some\",\"arguments\"],\"workload-rename\"]"
check "exec 19: what exec recorded stays while it runs" equal "$(told "$pid" '[.exe, .argv, .comm]')" "$recorded"
check "exec 16 to 19: exactly the ${#expected[@]} processes that there were" exactly_these
end_all liar by-descriptor many-live many-snapshot
settle
check "exec 19: what exec recorded stays when it has ended" equal "$(told "$pid" '[.exe, .argv, .comm]')" "$recorded"
check "exec 19: it ended like any process" equal "$(told "$pid" '[.state, .exit.code, .ppid]')" "[\"exited\",0,$$]"
finish
