#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD [LINE…]: boots one kernel of each line (5.10 6.1 6.12 7) under qemu with this build's programs in an initramfs, runs the system
# tests there (all, or those that CANOPY_KERNEL_TESTS names) and prints their TAP. Emulated by TCG: without cx16, since QEMU 7.2 corrupts flags with it and guests oops at random.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
lines=("$@")
cache=$build/kernels
guest=$cache/guest
seconds=2400 # bound of one guest; emulation is some ten times slower than the machine, and forks most of all
tests=(demo hosts restart cases/exit-status cases/exit-storm cases/exec-images cases/exec-arguments cases/exec-rights cases/exec-paths
  cases/fields-process cases/fields-lake cases/tree-parents cases/tree-reuse cases/clock-hosts cases/collector-snapshot cases/collector-loss
  cases/collector-twice cases/collector-million cases/collector-shuffled)
[ -z "${CANOPY_KERNEL_TESTS:-}" ] || read -ra tests <<<"$CANOPY_KERNEL_TESTS"

# What the tests call. Each is copied with the libraries it is linked to.
programs=(bash busybox jq curl awk grep sed sort uniq head tail wc cat ls sleep true touch mktemp mkdir mkfifo rm ln readlink dirname basename
  mount umount unshare hostname id date tr cut env sync kill ps tee seq od
  nice setpriv setcap setsid script chroot chmod chown cp stat getconf gzip find base64 nproc rmdir uname printf comm cksum dd)

install_file() { # FILE [TARGET]: with its shared libraries
  local file=$1 target=$guest${2:-$1} library
  mkdir -p "$(dirname "$target")"
  cp -L "$file" "$target"
  ldd "$file" 2>/dev/null | grep -oE '/[^ ]+' | while read -r library; do
    [ -e "$guest$library" ] || { mkdir -p "$guest$(dirname "$library")"; cp -L "$library" "$guest$library"; }
  done
}

build_initramfs() {
  rm -rf "$guest"
  mkdir -p "$guest"/{bin,usr/bin,sbin,usr/sbin,etc,proc,sys,dev,tests,build}
  local p path
  for p in "${programs[@]}"; do
    path=$(command -v "$p") || { echo "run.sh: $p is missing on this machine" >&2; return 1; }
    case $path in /*) ;; *) path=/usr/bin/$p ;; esac
    install_file "$(readlink -f "$path")" "/usr/bin/$p"
  done
  ln -s ../usr/bin/bash "$guest/bin/bash"; ln -s ../usr/bin/bash "$guest/bin/sh"
  for p in ls true cat sleep; do ln -s "../usr/bin/$p" "$guest/bin/$p"; done
  install_file "$build/sensor/canopy-sensor" /build/sensor/canopy-sensor
  install_file "$build/collector/canopy-collector" /build/collector/canopy-collector
  install_file "$build/collector/console/cli/canopy" /build/collector/console/cli/canopy
  for p in "$build"/tests/system/workloads/*; do
    [ -f "$p" ] && [ -x "$p" ] && install_file "$p" "/build/tests/system/workloads/${p##*/}"
  done
  # name service: users are looked up at run time
  [ -d /usr/lib/locale/C.utf8 ] && mkdir -p "$guest/usr/lib/locale" && cp -r /usr/lib/locale/C.utf8 "$guest/usr/lib/locale/"
  for p in /lib/x86_64-linux-gnu/libnss_files.so.2 /usr/share/zoneinfo/UTC; do [ -e "$p" ] && install_file "$p"; done
  mkdir "$guest/modules"
  for p in "$cache"/overlay-*.ko; do [ -f "$p" ] && cp "$p" "$guest/modules/"; done
  cp -r "$here/../system/." "$guest/tests/"
  printf '%s\n' "${tests[@]}" >"$guest/tests/list"
  cp "$here/init" "$guest/init"
  chmod +x "$guest/init"
  (cd "$guest" && find . | cpio -o -H newc --quiet) | gzip -1 >"$cache/initramfs.gz"
}

boot() { # LINE FILE: the serial log stands in $cache/LINE.log
  rm -f "$cache/$1.log"
  timeout --foreground "$seconds" qemu-system-x86_64 -accel tcg -cpu max,-cx16 -m 768 -smp 1 -nodefaults -no-user-config -display none \
    -serial "file:$cache/$1.log" -no-reboot -kernel "$2" -initrd "$cache/initramfs.gz" -append "console=ttyS0 quiet panic=-1" </dev/null >/dev/null 2>&1
}

mkdir -p "$cache"
kernels=$("$here/fetch.sh" "$cache") || exit
build_initramfs || exit 1
passed=0 failed=0 skipped=0
while read -r line file release; do
  if [ ${#lines[@]} -gt 0 ] && [[ " ${lines[*]} " != *" $line "* ]]; then continue; fi
  echo "# --- $release"
  boot "$line" "$file"
  grep -q '^RESULT:' "$cache/$line.log" || { echo "# no result line: once more"; boot "$line" "$file"; }
  tr -d '\r' <"$cache/$line.log" | grep -aE '^(ok|not ok|#|1\.\.0)' | sed "s/^\(ok\|not ok\) - /\1 - $line: /"
  result=$(tr -d '\r' <"$cache/$line.log" | grep -aoE '^RESULT: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped')
  if [ -z "$result" ]; then
    echo "not ok - $line: the guest gave no result; its last lines:"
    tail -n 15 "$cache/$line.log" | sed 's/^/# /'
    failed=$((failed + 1))
    continue
  fi
  read -r _ p _ f _ s _ <<<"$result"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done <<<"$kernels"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
