#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the record holds beyond the console's process object, as the rows of the lake tell it, against an independent
# source.
export TMPDIR=${CANOPY_TEST_DISK:-${TMPDIR:-/tmp}} # bytes read and written are those of a disk
source "$(dirname "$0")/observe.sh"
observe fields-lake
program=$(workload stay)
printf '#!%s one option\n' "$program" >"$work/a script"
# A script of a script, whose interpreter has a name that is not the executable's.
ln -s "$program" "$work/by-link"
printf '#!%s\n' "$work/by-link" >"$work/inner"
printf '#!%s\n' "$work/inner" >"$work/outer"
chmod 755 "$work/a script" "$work/inner" "$work/outer"

kinds=(ids distinct script memfd name file)
[ ! -e /proc/self/loginuid ] || kinds+=(login)
start_all() { # WHEN
  stay "ids-$1" setpriv --ruid 1001 --euid 1002 --rgid 1003 --egid 1004 --clear-groups "$program"
  stay "distinct-$1" "$(workload distinct-ids)"
  stay "script-$1" "$work/a script"
  [ ! -e /proc/self/loginuid ] || stay "login-$1" bash -c 'echo 4242 >/proc/self/loginuid && exec "$0"' "$program"
  stay "memfd-$1" "$(workload memfd-exec)" "$program"
  stay "name-$1" unshare --uts bash -c 'hostname another-name && exec "$0"' "$program"
  cp "$program" "$work/prog-$1" && chmod 741 "$work/prog-$1" && ln "$work/prog-$1" "$work/link-$1"
  stay "file-$1" "$work/prog-$1"
  for kind in "${kinds[@]}"; do wait_until 20 said "$kind-$1" process; done
}
open_door
start_all snapshot
start_watch --lake "ndjson:$work/lake?interval=200ms"
start_all live
stay writer-live bash -c 'printf %0300000d 0 >written; echo process=$$; read -r _'
wait_until 10 said writer-live process
# Read from the disk, where the file system has one: what is in the page cache costs no reading.
stay reader-live bash -c 'sync written; dd if=written oflag=nocache conv=notrunc,fdatasync count=0 of=written 2>/dev/null
  mapfile -t lines <written; echo process=$$; read -r _'
wait_until 10 said reader-live process
run thread-live "$(workload thread-exec)"
run last-live "$(workload last-thread)"
pid_of[last-child]=$(said last-live child)
run clocks-live "$(workload clocks)"
pid_of[clocks-child]=$(said clocks-live child)
run nested-live "$work/outer"

# The truth while they live.
declare -A truth
remember() { # NAME
  local pid=${pid_of[$1]} uids gids
  read -r -a uids < <(grep ^Uid: "/proc/$pid/status" | tr -s '\t' ' ' | cut -d' ' -f2-)
  read -r -a gids < <(grep ^Gid: "/proc/$pid/status" | tr -s '\t' ' ' | cut -d' ' -f2-)
  truth[$1]="[${uids[2]},${gids[2]},${uids[3]},${gids[3]}]"
  truth[$1.ids]="[\"${uids[0]}\",${uids[1]},\"${gids[0]}\",${gids[1]}]"
  truth[$1.file]="[$(stat -L -c '%i,%h' "/proc/$pid/exe"),$((0x$(stat -L -c %f "/proc/$pid/exe")))]"
  truth[$1.ctime]=$(stat -L -c %.9Z "/proc/$pid/exe" | tr -d .)
  truth[$1.session]=$(cat "/proc/$pid/sessionid" 2>/dev/null || echo 4294967295)
  if [ "${truth[$1.session]}" = 4294967295 ]; then truth[$1.session]=null; else \
    truth[$1.session]="\"${truth[$1.session]}\""; fi
}
for when in live snapshot; do for kind in "${kinds[@]}"; do remember "$kind-$when"; done; done
net_written() { # NAME: less than nothing by who takes away more than it wrote
  echo $(($(grep ^write_bytes: "/proc/${pid_of[$1]}/io" | cut -d' ' -f2) - $(grep ^cancelled "/proc/${pid_of[$1]}/io" | cut -d' ' -f2)))
}
written=$(net_written writer-live)
read_bytes=$(grep ^read_bytes: "/proc/${pid_of[reader-live]}/io" | cut -d' ' -f2)
names=(writer-live reader-live)
# What this shell wrote a moment ago is in memory alone, unless the kernel was quick: then once more.
for i in 1 2 3 4 5; do
  printf %0300000d 0 >"taken-$i"
  stay "eraser-$i" bash -c ': >"$0"; echo process=$$; read -r _' "taken-$i"
  wait_until 10 said "eraser-$i" process
  names+=("eraser-$i")
  eraser=eraser-$i taken=$(net_written "eraser-$i")
  [ "$written" != 0 ] && [ "$taken" -ge 0 ] || break
done
for when in live snapshot; do for kind in "${kinds[@]}"; do names+=("$kind-$when"); done; done
end_all "${names[@]}"
settle

# The rows of our cgroup, without what they tell of others.
collect() {
  find "$work/lake" -name '*.ndjson.gz' -exec gzip -dc {} + | grep -F "\"cgroup\":\"$cgroup" >"$work/raw"
  jq -c '{at: .unmapped.boottime_ns, code: .metadata.event_code, exit_code, rusage: .unmapped.rusage,
      x: .process.xattributes}
      + {uid: .metadata.uid} + (.process | {pid, ptid, path, session: .session.uid, ids: [.user.uid, .euid, .group.uid, .egid]})' "$work/raw" >"$work/rows"
}
complete() { collect && grep "\"pid\":${pid_of[settle]}," "$work/rows" | grep -q '"code":"exit"'; }
check "fields: the lake's rows have come" wait_until 30 complete

# row NAME CODE JQ: what the row of that process and kind of event says; of several execs the last one. Files have no
# order.
row() {
  jq -cn --argjson pid "${pid_of[$1]}" --arg code "$2" \
    "[inputs | select(.pid == \$pid and .code == \$code)] | max_by(.at) | $3" "$work/rows"
}
# Nanoseconds are more than a number of jq holds: by the text. Of several execs that of the last one's file.
change_time() { # NAME CODE
  local inode
  inode=$(row "$1" "$2" .x.exe.inode)
  grep -F "\"event_code\":\"$2\"" "$work/raw" | grep -F "\"pid\":${pid_of[$1]}," | grep -F "\"inode\":$inode," |
    grep -o '"ctime_ns":[0-9]*' | cut -d: -f2 | sort -u
}
# time_of NAME CODE: when it was, on the kernel's own clock, and by the text, too.
time_of() {
  grep -F "\"uid\":$(row "$1" "$2" .uid)," "$work/raw" | grep -o '"boottime_ns":[0-9]*' | cut -d: -f2
}
start_of() { # NAME
  grep -F "\"uid\":$(row "$1" fork .uid)," "$work/raw" | grep -o '"xattributes":{"start_boottime_ns":[0-9]*' | cut -d: -f3
}
in_order() { # NUMBER…
  local last=$1
  for number; do [ "$last" -le "$number" ] || { echo "$*: $number is before $last"; return 1; }; last=$number; done
}
check_row() { # KIND WHEN CODE
  local name=$1-$2 got
  mapfile -t got < <(row "$name" "$3" '.x as $x | [$x.suid, $x.sgid, $x.fsuid, $x.fsgid],
    [$x.exe.inode, $x.exe.nlink, $x.exe.mode], $x.cgroup_id, .session, .ptid')
  # at its exec a process that changes its ids has others
  [ "$1,$3" = distinct,exec ] || same "fields: $1, $2: saved and file system ids" "${got[0]-}" "${truth[$name]}"
  same "fields: $1, $2: inode, links, mode of the executable" "${got[1]-}" "${truth[$name.file]}"
  same "fields: $1, $2: change time of the executable, in nanoseconds" "$(change_time "$name" "$3")" "${truth[$name.ctime]}"
  if out_of_proc "$2"; then
    same "fields: $1, $2: /proc tells no cgroup id, and none is invented" "${got[2]-}" null
  else
    same "fields: $1, $2: cgroup id is the folder's inode" "${got[2]-}" "$cgroup_inode"
  fi
  same "fields: $1, $2: audit session" "${got[3]-}" "${truth[$name.session]}"
  same "fields: $1, $2: thread" "${got[4]-}" "${pid_of[$name]}"
}
# out_of_proc WHEN: whether what is told of then comes from /proc, which does not know everything.
out_of_proc() { [[ $1,${sensor_arguments:-} = snapshot,*--proc-snapshot* ]]; }
cgroup_inode=$(stat -c %i "$cgroup_dir")
for when in live snapshot; do
  code=exec
  [ $when = snapshot ] && code=snapshot
  for kind in "${kinds[@]}"; do check_row $kind $when $code; done
  check "fields: ids, $when: the workload has ids that differ" \
    equal "$(row ids-$when $code '[.x.suid] + .ids')" '[1002,"1001",1002,"1003",1004]'
  for at in exit $([ $when = live ] || echo snapshot); do
    check "fields: distinct, $when: eight ids, none like another, in the $at" equal \
      "$(row distinct-$when $at '.ids + [.x.suid, .x.sgid, .x.fsuid, .x.fsgid]')" '["1001",1002,"1011",1012,1003,1013,1004,1014]'
    same "fields: distinct, $when: saved and file system ids in the $at" \
      "$(row distinct-$when $at '[.x.suid, .x.sgid, .x.fsuid, .x.fsgid]')" "${truth[distinct-$when]}"
    same "fields: distinct, $when: real and effective ids in the $at" "$(row distinct-$when $at .ids)" "${truth[distinct-$when.ids]}"
  done
  check "exec 13: a memory file has no link ($when)" equal "$(row memfd-$when $code .x.exe.nlink)" 0
  check "fields: $when: two links" equal "$(row file-$when $code .x.exe.nlink)" 2
  if out_of_proc $when; then
    check "fields: $when: /proc tells no node name of another UTS namespace, and none is invented" \
      equal "$(row name-$when $code .x.nodename)" null
  else
    check "fields: $when: node name of its UTS namespace" equal "$(row name-$when $code .x.nodename)" '"another-name"'
  fi
done
[ -e /proc/self/loginuid ] || skip "fields: login: audit session" "this kernel was built without audit"
check "fields: the interpreter of a script" equal "$(row script-live exec '[.x.script, .x.interpreter]')" \
  "[\"$work/a script\",\"$program\"]"
check "exec 16: a script of a script: the one asked for, the last interpreter by its own name, the file" \
  equal "$(row nested-live exec '[.x.script, .x.interpreter, .path]')" "[\"$work/outer\",\"$work/by-link\",\"$program\"]"
check "exec 8: the thread that called exec is told" equal "$(row thread-live exec .ptid)" "$(said thread-live worker)"
worker=$(said last-live worker)
check "fields: the workload's thread is not its leader" not equal "$worker" "${pid_of[last-live]}"
check "fields: the thread that called fork is told" equal "$(row last-child fork .ptid)" "$worker"
check "fields: the thread that ended last is told" equal "$(row last-live exit .ptid)" "$worker"
check "fields: of one thread, that one is told" \
  equal "$(row last-live fork .ptid) $(row last-child exit .ptid)" "$$ ${pid_of[last-child]}"
# Each time lies between what the clock said right before the kernel was asked and right after it had answered.
said_clock() { said clocks-live "$1"; }
asked=$(said_clock fork_before)
# Without an iterator each start is that of the clock's tick.
if out_of_proc snapshot; then asked=$((asked - asked % (1000000000 / $(getconf CLK_TCK)))); fi
check "fields: start and time of a fork are between the clock's readings around it" \
  in_order "$asked" "$(start_of clocks-child)" "$(time_of clocks-child fork)" "$(said_clock fork_after)"
check "fields: the time of a fork is not before it" in_order "$(said_clock fork_before)" "$(time_of clocks-child fork)"
check "fields: the time of an exec is between the clock's readings around it" \
  in_order "$(said_clock exec_before)" "$(time_of clocks-child exec)" "$(said_clock exec_after)"
check "fields: the time of an exit is between the clock's readings around it" \
  in_order "$(said_clock exit_before)" "$(time_of clocks-child exit)" "$(said_clock exit_after)"
bytes() { # WHAT NAME FIELD TRUTH
  if [ "$4" = 0 ]; then
    skip "fields: bytes $1, as /proc/PID/io told" "$work lies on no disk: /proc/PID/io counts none either"
  else
    check "fields: bytes $1, as /proc/PID/io told ($4)" equal "$(row "$2" exit ".rusage.$3")" "$4"
  fi
}
bytes written writer-live written_bytes "$written"
bytes read reader-live read_bytes "$read_bytes"
if [ "$written" = 0 ]; then
  skip "fields: bytes written: one takes away more than it wrote" "$work lies on no disk: /proc/PID/io counts none either"
else
  check "fields: bytes written: one takes away more than it wrote ($taken)" test "$taken" -lt 0
fi
check "fields: bytes written: none by who takes away what others wrote" equal "$(row $eraser exit .rusage.written_bytes)" \
  "$([ -e /proc/self/io ] && echo $((taken > 0 ? taken : 0)) || echo null)"
check "fields: exit code" equal "$(row file-live exit .exit_code)" 42
finish
