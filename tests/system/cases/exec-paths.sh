#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Paths of executable and working folder as the process itself sees them, in events and in the snapshot alike: each
# kind of place runs a program before the sensors are there and one after. The program tells what it reads of itself in
# /proc.
source "$(dirname "$0")/observe.sh"
observe exec-paths
stay_program=$(workload stay)
mount -t tmpfs -o mode=755 tmpfs "$work/" && mounts+=("$work")
cd "$work" || exit 1

mkdir real bound covered lower upper scratch merged base lower/gone-lower-{snapshot,live}
cp "$stay_program" real/prog
cp "$stay_program" lower/prog
mount --bind real bound && mounts+=("$work/bound")
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null
overlay=no
mount -t overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/scratch" overlay merged 2>/dev/null &&
  overlay=yes && mounts+=("$work/merged")
[ $overlay = yes ] && cp "$stay_program" merged/upper-prog

# A root that is a plain folder, with what the dynamic loader needs mounted into it.
mkdir -p jail/{here,usr,lib,lib64,bin,proc}
cp "$stay_program" jail/here/prog
cat >in-jail <<'SH'
for dir in usr lib lib64 bin proc; do [ ! -e "/$dir" ] || mount --rbind "/$dir" "jail/$dir" || exit 1; done
exec chroot jail /bin/sh -c "cd $1 && exec /here/prog"
SH
# A root that is the root of a mount.
mkdir root
cat >in-bound-root <<'SH'
mount --rbind / root && mount --bind real "root$PWD/covered" || exit 1
exec chroot root /bin/sh -c "cd '$PWD/covered' && exec ./prog"
SH
cat >in-namespace <<'SH'
mount --bind real covered && exec "$PWD/covered/prog"
SH
cat >unlinked <<'SH'
exec 8<"$1" && rm "$1" && exec /proc/self/fd/8
SH
cat >removed <<'SH'
cd "$1" && rmdir "$1" && exec "$2"
SH
cat >in-folder <<'SH'
cd "$1" && exec "$2"
SH

depths=(60 100 120 140 300)
kinds=(plain bound namespace jail jail-top bound-root memfd deleted unlinked)
[ $overlay = yes ] && kinds+=(overlay-lower overlay-upper)
for depth in "${depths[@]}"; do kinds+=("deep-$depth"); done
# Working folders that are gone: an overlay and a cgroup count links of theirs. Some that live are named like one that is gone. Where another user lets
# nobody in, a sensor that has given up its rights cannot look.
gone=(gone-folder gone-twice gone-closed gone-cgroup)
[ $overlay = yes ] && gone+=(gone-lower gone-upper)
named=(named named-closed)
kinds+=("${gone[@]}" "${named[@]}")
folder_of() { # KIND WHEN
  case $1 in
    gone-twice | named*) echo "$work/$1 $2 (deleted)" ;;
    gone-cgroup) echo "$cgroup_dir/$1-$2" ;;
    gone-lower | gone-upper) echo "$work/merged/$1-$2" ;;
    *) echo "$work/$1-$2" ;;
  esac
}

start_all() { # WHEN
  local when=$1 depth kind
  for kind in "${gone[@]}" "${named[@]}"; do
    [ "$kind" = gone-lower ] || mkdir "$(folder_of "$kind" "$when")"
    [[ $kind != *-closed ]] || { chmod 700 "$(folder_of "$kind" "$when")" && chown 1234 "$(folder_of "$kind" "$when")"; }
  done
  for kind in "${gone[@]}"; do
    stay "$kind-$when" bash removed "$(folder_of "$kind" "$when")" "$stay_program"
  done
  for kind in "${named[@]}"; do stay "$kind-$when" bash in-folder "$(folder_of "$kind" "$when")" "$stay_program"; done
  cp "$stay_program" "gone-$when"
  cp "$stay_program" "unlinked-$when" && ln "unlinked-$when" "kept-$when"
  stay "plain-$when" "$work/real/prog"
  stay "bound-$when" "$work/bound/prog"
  stay "namespace-$when" unshare --mount bash in-namespace
  stay "jail-$when" unshare --mount bash in-jail /here
  stay "jail-top-$when" unshare --mount bash in-jail /
  stay "bound-root-$when" unshare --mount bash in-bound-root
  stay "memfd-$when" "$(workload memfd-exec)" "$stay_program"
  stay "deleted-$when" bash unlinked "$work/gone-$when"
  stay "unlinked-$when" bash unlinked "$work/unlinked-$when"
  if [ $overlay = yes ]; then
    stay "overlay-lower-$when" "$work/merged/prog"
    stay "overlay-upper-$when" "$work/merged/upper-prog"
  fi
  for depth in "${depths[@]}"; do
    mkdir "base/$when-$depth"
    stay "deep-$depth-$when" "$(workload deep-exec)" "$work/base/$when-$depth" "$depth" "$stay_program"
  done
  for kind in "${kinds[@]}"; do wait_until 20 said "$kind-$when" cwd; done
}

open_door
start_all snapshot
stay gone-root-snapshot "$(workload removed-root)" gone-root
wait_until 20 said gone-root-snapshot process
start_watch
start_modest
start_all live
settle

# same_path TOLD TRUE FLAG FLAGS: the path, or an intact tail of it and the flag.
same_path() {
  local told=$1 true=$2 flag=$3 flags=$4
  case $flags in
    *"\"$flag\""*) [[ $told = /* && $true = *"$told" && $told != "$true" ]] ;;
    *) [ "$told" = "$true" ] ;;
  esac || { printf 'told:  %s\ntrue:  %s\nflags: %s\n' "$told" "$true" "$flags"; return 1; }
}

check_place() { # CASE KIND WHEN: what each of both sensors tells
  place_by "$@" told ''
  place_by "$@" told_modest ', by plain hooks and /proc'
}
place_by() { # CASE KIND WHEN TOLD HOW: against what the process reads of itself, and what stat says of it
  local name="$2-$3" pid exe got truth dev told=$4 how=$5
  pid=${pid_of[$name]}
  exe=$(said "$name" exe)
  exe=${exe% (deleted)}
  [ "$2" = memfd ] && exe=${exe#/}
  $told "$pid" '.exe, .cwd, (.flags | tojson), .ns.mnt, .exe_inode, .exe_dev' >"$work/got"
  mapfile -t got < <(jq -r . "$work/got")
  mapfile -t truth < <(stat -L -c '%i %d' "/proc/$pid/ns/mnt" "/proc/$pid/exe")
  dev=${truth[1]#* }
  check "$1: $2: exe ($3$how)" same_path "${got[0]}" "$exe" exe_truncated "${got[2]}"
  check "$1: $2: cwd ($3$how)" same_path "${got[1]}" "$(said "$name" cwd)" cwd_truncated "${got[2]}"
  check "$1: $2: mount namespace ($3$how)" equal "${got[3]}" "${truth[0]% *}"
  check "$1: $2: inode and device ($3$how)" equal "${got[4]} ${got[5]}" \
    "${truth[1]% *} $(((dev >> 8) & 0xfff)):$(((dev & 0xff) | ((dev >> 12) & 0xfff00)))"
}
flags_of() { told "${pid_of[$1]}" .flags; }
exe_of() { told "${pid_of[$1]}" .exe; }

for when in live snapshot; do
  for kind in plain bound memfd deleted unlinked; do check_place "exec 22" $kind $when; done
  check "exec 22: bound: the path by which it was run ($when)" equal "$(exe_of bound-$when)" "\"$work/bound/prog\""
  check "exec 22: no flags in a plain place ($when)" equal "$(flags_of plain-$when)" '[]'
  check "exec 13: a memory file: name and flag ($when)" \
    equal "$(exe_of memfd-$when) $(flags_of memfd-$when)" '"memfd:hidden" ["memfd"]'
  check "exec 15: an unlinked file: path kept, flag ($when)" \
    equal "$(exe_of deleted-$when) $(flags_of deleted-$when)" "\"$work/gone-$when\" [\"deleted\"]"
  for by in told told_modest; do
    check "exec 15: one of two names unlinked: path kept, flag ($when, $by)" \
      equal "$($by "${pid_of[unlinked-$when]}" .exe) $($by "${pid_of[unlinked-$when]}" .flags)" "\"$work/unlinked-$when\" [\"deleted\"]"
  done

  for kind in "${named[@]}"; do check_place "exec 22" $kind $when; done
  for kind in "${gone[@]}"; do
    check "exec 22: $kind: the working folder is gone ($when)" \
      equal "$(readlink "/proc/${pid_of[$kind-$when]}/cwd")" "$(folder_of "$kind" $when) (deleted)"
    for by in told told_modest; do
      check "exec 22: $kind: a removed working folder keeps its name ($when, $by)" \
        equal "$($by "${pid_of[$kind-$when]}" .cwd)" "\"$(folder_of "$kind" $when)\""
    done
  done

  for depth in "${depths[@]}"; do check_place "exec 22" "deep-$depth" $when; done
  check "exec 22: 60 nested folders: the whole path ($when)" equal "$(flags_of deep-60-$when)" '[]'

  if [ $overlay = yes ]; then
    for kind in overlay-lower overlay-upper; do check_place "exec 22" $kind $when; done
    check "exec 22: overlay: lower layer: no flag ($when)" equal "$(flags_of overlay-lower-$when)" '[]'
    check "exec 22: overlay: upper layer: flag ($when)" equal "$(flags_of overlay-upper-$when)" '["upper"]'
  else
    skip "exec 22: overlay ($when)" "overlay is not in this kernel and no module is there"
  fi

  for kind in namespace jail jail-top bound-root; do check_place "exec 23" $kind $when; done
  check "exec 23: a mount namespace: the path inside ($when)" equal "$(exe_of namespace-$when)" "\"$work/covered/prog\""
  check "exec 23: a mount namespace of its own ($when)" not \
    equal "$(told "${pid_of[namespace-$when]}" .ns.mnt)" "$(stat -L -c %i /proc/self/ns/mnt)"
  check "exec 23: chroot to a folder: below that root ($when)" \
    equal "$(told "${pid_of[jail-$when]}" '[.exe, .cwd]')" '["/here/prog","/here"]'
  check "exec 23: chroot to a mount: below that root ($when)" equal \
    "$(told "${pid_of[bound-root-$when]}" '[.exe, .cwd]')" "[\"$work/covered/prog\",\"$work/covered\"]"
done
for by in told told_modest; do
  check "exec 23: root and working folder are gone: below that root (snapshot, $by)" \
    equal "$($by "${pid_of[gone-root-snapshot]}" .cwd)" '"/inner"'
done
close_door
finish
