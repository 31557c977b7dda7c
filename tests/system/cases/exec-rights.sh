#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an exec gains by the file: set-user-ID, set-group-ID, file capabilities; and where the mount forbids it.
source "$(dirname "$0")/observe.sh"
need_root
type -P setpriv >/dev/null || skip_all "setpriv (util-linux) is missing"
type -P setcap >/dev/null || skip_all "setcap (libcap2-bin) is missing"
observe exec-rights
true_path=$(readlink -f /bin/true)

mkdir "$work/suid" "$work/nosuid"
for dir in suid nosuid; do
  mount -t tmpfs -o "mode=755,$dir" tmpfs "$work/$dir" && mounts+=("$work/$dir")
  for file in setuid setgid caps; do cp "$true_path" "$work/$dir/$file"; done
  chown 0:7 "$work/$dir/setgid"
  chmod 755 "$work/$dir/caps"
  chmod 4755 "$work/$dir/setuid"
  chmod 2755 "$work/$dir/setgid"
  setcap cap_net_raw,cap_chown=ep "$work/$dir/caps"
done
as_user() { # NAME PROGRAM
  run "$1" setpriv --reuid 1000 --regid 1000 --clear-groups "$2"
}

start_watch
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
check "exec 20 and 21: exactly the ${#expected[@]} processes that there were" exactly_these
finish
