#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the record holds beyond the console's process object, as the rows of the lake tell it, against an independent
# source.
source "$(dirname "$0")/observe.sh"
observe fields-lake
program=$(workload stay)
printf '#!%s one option\n' "$program" >"$work/a script"
chmod 755 "$work/a script"

kinds=(ids script memfd name file)
[ ! -e /proc/self/loginuid ] || kinds+=(login)
start_all() { # WHEN
  stay "ids-$1" setpriv --ruid 1001 --euid 1002 --rgid 1003 --egid 1004 --clear-groups "$program"
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

# The truth while they live.
declare -A truth
remember() { # NAME
  local pid=${pid_of[$1]} uids gids
  read -r -a uids < <(grep ^Uid: "/proc/$pid/status" | tr -s '\t' ' ' | cut -d' ' -f2-)
  read -r -a gids < <(grep ^Gid: "/proc/$pid/status" | tr -s '\t' ' ' | cut -d' ' -f2-)
  truth[$1]="[${uids[2]},${gids[2]},${uids[3]},${gids[3]}]"
  truth[$1.file]="[$(stat -L -c '%i,%h,%Z' "/proc/$pid/exe"),$((0x$(stat -L -c %f "/proc/$pid/exe")))]"
  truth[$1.session]=$(cat "/proc/$pid/sessionid" 2>/dev/null || echo 4294967295)
  if [ "${truth[$1.session]}" = 4294967295 ]; then truth[$1.session]=null; else \
    truth[$1.session]="\"${truth[$1.session]}\""; fi
}
for when in live snapshot; do for kind in "${kinds[@]}"; do remember "$kind-$when"; done; done
written=$(($(grep ^write_bytes: "/proc/${pid_of[writer-live]}/io" |
  cut -d' ' -f2) - $(grep ^cancelled "/proc/${pid_of[writer-live]}/io" | cut -d' ' -f2)))
read_bytes=$(grep ^read_bytes: "/proc/${pid_of[reader-live]}/io" | cut -d' ' -f2)
names=(writer-live reader-live)
for when in live snapshot; do for kind in "${kinds[@]}"; do names+=("$kind-$when"); done; done
end_all "${names[@]}"
settle

# The rows of our cgroup, without what they tell of others.
collect() {
  find "$work/lake" -name '*.ndjson.gz' -exec gzip -dc {} + | grep -F "\"cgroup\":\"$cgroup" |
    jq -c '{at: .unmapped.boottime_ns, code: .metadata.event_code, exit_code, rusage: .unmapped.rusage,
      x: .process.xattributes}
      + (.process | {pid, ptid, session: .session.uid, ids: [.user.uid, .euid, .group.uid, .egid]})' >"$work/rows"
}
complete() { collect && grep "\"pid\":${pid_of[settle]}," "$work/rows" | grep -q '"code":"exit"'; }
check "fields: the lake's rows have come" wait_until 30 complete

# row NAME CODE JQ: what the row of that process and kind of event says; of several execs the last one. Files have no
# order.
row() {
  jq -cn --argjson pid "${pid_of[$1]}" --arg code "$2" \
    "[inputs | select(.pid == \$pid and .code == \$code)] | max_by(.at) | $3" "$work/rows"
}
check_row() { # KIND WHEN CODE
  local name=$1-$2 got
  mapfile -t got < <(row "$name" "$3" '.x as $x | [$x.suid, $x.sgid, $x.fsuid, $x.fsgid],
    [$x.exe.inode, $x.exe.nlink, ($x.exe.ctime_ns / 1e9 | floor), $x.exe.mode], $x.cgroup_id, .session, .ptid')
  same "fields: $1, $2: saved and file system ids" "${got[0]-}" "${truth[$name]}"
  same "fields: $1, $2: inode, links, change time, mode of the executable" "${got[1]-}" "${truth[$name.file]}"
  same "fields: $1, $2: cgroup id is the folder's inode" "${got[2]-}" "$cgroup_inode"
  same "fields: $1, $2: audit session" "${got[3]-}" "${truth[$name.session]}"
  same "fields: $1, $2: thread" "${got[4]-}" "${pid_of[$name]}"
}
cgroup_inode=$(stat -c %i "$cgroup_dir")
for when in live snapshot; do
  code=exec
  [ $when = snapshot ] && code=snapshot
  for kind in "${kinds[@]}"; do check_row $kind $when $code; done
  check "fields: ids, $when: the workload has ids that differ" \
    equal "$(row ids-$when $code '[.x.suid] + .ids')" '[1002,"1001",1002,"1003",1004]'
  check "exec 13: a memory file has no link ($when)" equal "$(row memfd-$when $code .x.exe.nlink)" 0
  check "fields: $when: two links" equal "$(row file-$when $code .x.exe.nlink)" 2
  check "fields: $when: node name of its UTS namespace" equal "$(row name-$when $code .x.nodename)" '"another-name"'
done
check "fields: the interpreter of a script" equal "$(row script-live exec '[.x.script, .x.interpreter]')" \
  "[\"$work/a script\",\"$program\"]"
check "exec 8: the thread that called exec is told" equal "$(row thread-live exec .ptid)" "$(said thread-live worker)"
check "fields: bytes written, as /proc/PID/io told ($written)" \
  equal "$(row writer-live exit .rusage.written_bytes)" "$written"
check "fields: bytes read, as /proc/PID/io told ($read_bytes)" \
  equal "$(row reader-live exit .rusage.read_bytes)" "$read_bytes"
check "fields: exit code" equal "$(row file-live exit .exit_code)" 42
finish
