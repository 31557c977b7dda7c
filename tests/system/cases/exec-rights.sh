#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an exec gains by the file: set-user-ID, set-group-ID, file capabilities; and where the mount forbids it. The same of who
# runs already when a sensor comes: by the task iterator and by /proc.
source "$(dirname "$0")/observe.sh"
need_root
type -P setpriv >/dev/null || skip_all "setpriv (util-linux) is missing"
type -P setcap >/dev/null || skip_all "setcap (libcap2-bin) is missing"
observe exec-rights
true_path=$(readlink -f /bin/true)

make_programs() { # FOLDER PROGRAM PREFIX
  local to=$work/$1/$3 file
  for file in setuid setgid caps plain; do cp "$2" "$to$file"; done
  chown 0:7 "${to}setgid"
  chmod 755 "${to}caps" "${to}plain"
  chmod 4755 "${to}setuid"
  chmod 2755 "${to}setgid"
  setcap cap_net_raw,cap_chown=ep "${to}caps"
}
mkdir "$work/suid" "$work/nosuid"
for dir in suid nosuid; do
  mount -t tmpfs -o "mode=755,$dir" tmpfs "$work/$dir" && mounts+=("$work/$dir")
  make_programs "$dir" "$true_path" ''
  make_programs "$dir" "$(workload stay)" stay-
done
as_user() { # NAME PROGRAM
  run "$1" setpriv --reuid 1000 --regid 1000 --clear-groups "$2"
}

# Those who stay, and are then in a snapshot. by-root gains nothing by a program of root's; ambient has capabilities, but by no file; kept holds on
# to root's as another user.
staying=(suid-setuid suid-setgid suid-caps nosuid-setuid nosuid-setgid nosuid-caps by-root ambient locked kept)
stay_all() { # WHEN
  local dir file kind
  local user=(setpriv --reuid 1000 --regid 1000 --clear-groups)
  for dir in suid nosuid; do
    for file in setuid setgid caps; do stay "stay-$dir-$file-$1" "${user[@]}" "$work/$dir/stay-$file"; done
  done
  stay "stay-by-root-$1" "$work/suid/stay-setuid"
  stay "stay-ambient-$1" "${user[@]}" --inh-caps -all,+net_raw --ambient-caps -all,+net_raw "$work/suid/stay-plain"
  stay "stay-locked-$1" "${user[@]}" --no-new-privs "$work/suid/stay-setuid"
  stay "stay-kept-$1" "$(workload distinct-ids)"
  for kind in "${staying[@]}"; do wait_until 20 said "stay-$kind-$1" process; done
}

open_door
stay_all snapshot
start_watch
start_modest
stay_all live
for dir in suid nosuid; do
  for file in setuid setgid caps; do as_user "$dir-$file" "$work/$dir/$file"; done
done
run locked setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs "$work/suid/setuid"
run plain "$true_path"
settle

of() { told "${pid_of[$1]}" '[.uid, .euid, .gid, .egid, .flags]'; }
check "exec 20: set-user-ID root: ruid 1000, euid 0, flag" equal "$(of suid-setuid)" '[1000,0,1000,1000,["setuid"]]'
check "exec 20: set-group-ID: rgid 1000, egid 7, flag" equal "$(of suid-setgid)" '[1000,1000,1000,7,["setgid"]]'
check "exec 20: set-user-ID on a nosuid mount: euid 1000, no flag" \
  equal "$(of nosuid-setuid)" '[1000,1000,1000,1000,[]]'
check "exec 20: set-group-ID on a nosuid mount: egid 1000, no flag" \
  equal "$(of nosuid-setgid)" '[1000,1000,1000,1000,[]]'
check "exec 20: set-user-ID under no_new_privs: euid 1000, no flag" equal "$(of locked)" '[1000,1000,1000,1000,[]]'
check "exec 20: root runs a plain program: no flag" equal "$(of plain)" '[0,0,0,0,[]]'
check "exec 20: the file is what runs" equal "$(told "${pid_of[suid-setuid]}" '[.exe, .exec_seq, .exit.code]')" \
  "[\"$work/suid/setuid\",2,0]"

# cap_chown is bit 0, cap_net_raw bit 13
caps() { told "${pid_of[$1]}" '[.caps.permitted, .caps.effective, .caps.inheritable, .flags]'; }
check "exec 21: file capabilities: the permitted set gained, flag" equal "$(caps suid-caps)" \
  '["0000000000002001","0000000000002001","0000000000000000",["filecap"]]'
check "exec 21: on a nosuid mount: nothing gained, no flag" equal "$(caps nosuid-caps)" \
  '["0000000000000000","0000000000000000","0000000000000000",[]]'
check "exec 21: set-user-ID root brings capabilities, but not by the file's" \
  equal "$(told "${pid_of[suid-setuid]}" '.flags')" '["setuid"]'
# ---- who runs already
rights() { # KIND: what the kernel gave, and the flags
  case $1 in
    suid-setuid) echo '[1000,0,1000,1000,["setuid"]]' ;;
    suid-setgid) echo '[1000,1000,1000,7,["setgid"]]' ;;
    suid-caps) echo '[1000,1000,1000,1000,["filecap"]]' ;;
    by-root) echo '[0,0,0,0,[]]' ;;
    kept) echo '[1001,1002,1011,1012,[]]' ;;
    *) echo '[1000,1000,1000,1000,[]]' ;;
  esac
}
ids='[.uid, .euid, .gid, .egid, .flags]'
for kind in "${staying[@]}"; do
  pid=${pid_of[stay-$kind-snapshot]}
  check "exec 20 and 21: $kind: ids and flags of who runs already" equal "$(told "$pid" "$ids")" "$(rights "$kind")"
  check "exec 20 and 21: $kind: the same out of /proc" equal "$(told_modest "$pid" "$ids")" "$(rights "$kind")"
  [ "$kind" != kept ] || continue # its exec came before it changed its ids
  pid=${pid_of[stay-$kind-live]}
  check "exec 20 and 21: $kind: the same as its exec told" equal "$(told "$pid" "$ids")" "$(rights "$kind")"
  check "exec 20 and 21: $kind: the same by plain hooks" equal "$(told_modest "$pid" "$ids")" "$(rights "$kind")"
done
check "exec 21: who runs already holds what the file gave" equal "$(told "${pid_of[stay-suid-caps-snapshot]}" .caps.permitted)" '"0000000000002001"'
check "exec 20 and 21: exactly the ${#expected[@]} processes that there were" exactly_these
close_door
finish
