#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch.sh DIR LINE…: downloads the newest Debian cloud kernel of each line into DIR as vmlinuz-LINE (and overlay-LINE.ko, brd-LINE.ko) and prints
# 'LINE FILE RELEASE' for each. Exit code 75: the archive cannot be reached.
set -euo pipefail
source "$(dirname "$0")/archive.sh"
dir=$(mkdir -p "$1" && cd "$1" && pwd)
shift

# LINE ARCHITECTURE SUITE PATTERN: the newest package of the suite whose name matches holds the kernel
lines='5.10 amd64 bullseye-security ^linux-image-5\.10\..*[0-9]-cloud-amd64$
6.1 amd64 bookworm-security ^linux-image-6\.1\.0-[0-9]+-cloud-amd64$
6.12 amd64 bookworm-backports ^linux-image-6\.12\.[0-9]+\+.*[0-9]-cloud-amd64$
7 amd64 trixie-backports ^linux-(image|binary)-7\..*[0-9]-cloud-amd64$
arm64 arm64 bookworm-backports ^linux-image-6\.12\.[0-9]+\+.*[0-9]-cloud-arm64$'
wanted=$(for line; do awk -v line="$line" '$1 == line' <<<"$lines"; done)

unpack() { # PACKAGE LINE: into tree-LINE
  local tree=$dir/tree-$2
  rm -rf "$tree"
  (cd "$root/cache" && rm -f "$1"_*.deb && apt-get download -qq "$1" >/dev/null && dpkg-deb -x "$1"_*.deb "$tree" && rm -f "$1"_*.deb)
}

take_kernel() { # LINE: vmlinuz of its tree
  find "$dir/tree-$1" -name 'vmlinuz*' -exec cp {} "$dir/vmlinuz-$1" \; -quit
  [ -s "$dir/vmlinuz-$1" ]
}

modules=(overlay brd) # for the tests of paths; a disk of memory for those of bytes. Everything else that they need is built in

take_modules() { # LINE: those of its tree; fails when one is not there
  local name module
  for name in "${modules[@]}"; do
    module=$(find "$dir/tree-$1" -name "$name.ko*" -print -quit)
    case $module in
      '') return 1 ;;
      *.xz) xz -dc "$module" >"$dir/$name-$1.ko" ;;
      *) cp "$module" "$dir/$name-$1.ko" ;;
    esac
  done
}

take_line() { # LINE SUITE PATTERN
  local line=$1 found='' package
  (cd "$dir" && rm -f "vmlinuz-$line" "${modules[@]/%/-$line.ko}")
  # An image that holds no vmlinuz has been split: its 'binary' package then sorts beside it and is tried next.
  for package in $(apt-cache search --names-only "$3" | awk '{print $1}' | sort -t- -k3 -V -r | head -n 4); do
    if unpack "$package" "$line" && take_kernel "$line"; then found=$package; break; fi
  done
  [ -n "$found" ] || { echo "fetch.sh: no kernel of line $line in $2: the suite is gone or its packages are named differently" >&2; exit 1; }
  # A split image keeps its modules in a package of their own. Without a module the guest's tests leave out what needs it, and say so.
  take_modules "$line" || { unpack "linux-modules-${found#linux-*-}" "$line" && take_modules "$line"; } ||
    echo "fetch.sh: not all of the modules ${modules[*]} are there for $found" >&2
  rm -rf "$dir/tree-$line"
  echo "$line $dir/vmlinuz-$line ${found#linux-*-}"
}

for architecture in $(awk '{print $2}' <<<"$wanted" | uniq); do
  root=$dir/apt-$architecture
  # shellcheck disable=SC2046 # a word a suite
  archive_open "$root" "$architecture" $(awk -v a="$architecture" '$2 == a {print $3}' <<<"$wanted" | sort -u)
  while read -r line _ suite pattern; do take_line "$line" "$suite" "$pattern"; done < <(awk -v a="$architecture" '$2 == a' <<<"$wanted")
done
