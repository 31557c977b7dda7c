#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# initramfs.sh ROOT BUILD OUT: writes OUT, a gzipped initramfs with the programs of ROOT that the system tests call, the products and workloads of BUILD,
# the tests, and the kernel modules beside OUT. ROOT is '/', or a sysroot when BUILD is a cross build.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${1%/} build=$(cd "$2" && pwd) out=$3
guest=$out.tree

# What the tests call. Each is copied with the libraries it is linked to.
programs=(bash busybox jq curl awk grep sed sort uniq head tail wc cat ls sleep true touch mktemp mkdir mkfifo rm ln readlink dirname basename
  mount umount unshare nsenter hostname id date tr cut env sync kill ps tee seq od nice setpriv setcap setsid script chroot chmod chown cp mv stat getconf
  gzip zcat find xargs base64 nproc rmdir uname printf comm cksum dd timeout)
folders=(/usr/bin /usr/sbin /bin /sbin)

program_path() { # NAME
  local folder
  for folder in "${folders[@]}"; do [ -e "$root$folder/$1" ] && { echo "$folder/$1"; return 0; }; done
  echo "initramfs.sh: $1 is missing in ${root:-/}" >&2
  return 1
}

case $(readelf -h "$build/sensor/canopy-sensor") in *AArch64*) triplet=aarch64-linux-gnu ;; *) triplet=x86_64-linux-gnu ;; esac
libraries=/usr/lib/$triplet # where the loader looks first

library_path() { # NAME
  local folder
  for folder in "$root$libraries" "$root/usr/lib" "$root/usr/local/lib"; do
    [ -e "$folder/$1" ] && { echo "$folder/$1"; return 0; }
  done
  echo "initramfs.sh: library $1 is missing in ${root:-/}" >&2
  return 1
}

install_libraries() { # FILE: all that it is linked to, and the loader
  local names name path
  mapfile -t names < <(readelf -ld "$1" 2>/dev/null | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p; s/.*program interpreter: (.*)\]/\1/p')
  for name in "${names[@]}"; do
    case $name in
      /*) path=$root$name ;;
      *) path=$(library_path "$name") && name=$libraries/$name ;;
    esac
    [ -e "$guest$name" ] || install_file "$path" "$name"
  done
}

install_file() { # FILE TARGET
  mkdir -p "$guest${2%/*}"
  cp -L "$1" "$guest$2"
  install_libraries "$1"
}

install_programs() {
  local name path
  mkdir -p "$guest"/usr/{bin,sbin,lib} "$guest"/{etc,proc,sys,dev,tmp,modules,docs,build}
  for name in bin sbin lib; do ln -s "usr/$name" "$guest/$name"; done
  for name in "${programs[@]}"; do
    path=$(program_path "$name")
    install_file "$root$path" "/usr/bin/$name"
  done
  # jq 1.6 reads its own library at each start, which takes a quarter of a second here. gojq takes the same language, and a third of that.
  [ ! -e "$root/usr/bin/gojq" ] || install_file "$root/usr/bin/gojq" /usr/bin/jq
  ln -s bash "$guest/usr/bin/sh"
}

install_products() {
  local path
  for path in sensor/canopy-sensor collector/canopy-collector collector/console/cli/canopy; do install_file "$build/$path" "/build/$path"; done
  for path in "$build"/tests/system/workloads/*; do
    [ -f "$path" ] && [ -x "$path" ] && install_file "$path" "/build/tests/system/workloads/${path##*/}"
  done
  cp -r "$here/../system" "$guest/tests"
  cp "$here/../../docs/kernels.md" "$guest/docs/"
  cp "$here/init" "$guest/init"
  for path in "${out%/*}"/*.ko; do [ ! -f "$path" ] || cp "$path" "$guest/modules/"; done
}

rm -rf "$guest"
install_programs
install_products
[ ! -d /usr/lib/locale/C.utf8 ] || { mkdir -p "$guest/usr/lib/locale" && cp -r /usr/lib/locale/C.utf8 "$guest/usr/lib/locale/"; }
(cd "$guest" && find . -print0 | cpio -0 -o -H newc --quiet) | gzip -1 >"$out"
rm -rf "$guest"
