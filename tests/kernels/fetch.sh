#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch.sh DIR: downloads one Debian cloud kernel of each line into DIR as vmlinuz-LINE (and overlay-LINE.ko) and prints
# 'LINE FILE RELEASE' for each. An apt root of its own (lists, cache, status) leaves the system's sources alone; the archive's address is taken from them.
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
root=$dir/apt
mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/parts"
: >"$root/status"

archive_of() { # RELEASE: the address that this system's own sources use for it
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v r="$1" '$2 == r {print $1; exit}'
}
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
debian=$(archive_of "$codename")
security=$(archive_of "$codename-security")
[ -n "$debian" ] && [ -n "$security" ] || { echo "fetch.sh: no archive for $codename and $codename-security in apt's sources (run apt-get update)" >&2; exit 1; }

# LINE SUITE PATTERN: the newest package of the suite whose name matches holds the kernel
lines='5.10 bullseye-security ^linux-image-5\.10\..*[0-9]-cloud-amd64$
6.1 bookworm-security ^linux-image-6\.1\.0-[0-9]+-cloud-amd64$
6.12 bookworm-backports ^linux-image-6\.12\.[0-9]+\+.*[0-9]-cloud-amd64$
7 trixie-backports ^linux-(image|binary)-7\..*[0-9]-cloud-amd64$'

keyring='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
awk '{print $2}' <<<"$lines" | sort -u | while read -r suite; do
  case $suite in *-security) echo "deb $keyring $security $suite main" ;; *) echo "deb $keyring $debian $suite main" ;; esac
done >"$root/sources"
cat >"$root/apt.conf" <<TXT
Dir::State "$root"; Dir::State::lists "$root/lists"; Dir::State::status "$root/status"; Dir::Cache "$root/cache";
Dir::Etc::sourcelist "$root/sources"; Dir::Etc::sourceparts "$root/parts"; Dir::Etc::preferencesparts "$root/parts";
Acquire::Languages "none"; APT::Architecture "amd64"; APT::Architectures {"amd64";}; APT::Sandbox::User "";
TXT
export APT_CONFIG=$root/apt.conf
# Nobody there is one thing (exit code 75, EX_TEMPFAIL: the caller may skip), a suite that is gone another.
if ! refused=$(apt-get update -qq -o APT::Update::Error-Mode=any 2>&1); then
  echo "$refused" >&2
  grep -qE '404|does not have a Release file' <<<"$refused" && exit 1
  exit 75
fi

unpack() { # PACKAGE LINE: into tree-LINE
  local tree=$dir/tree-$2
  rm -rf "$tree"
  (cd "$root/cache" && rm -f "$1"_*.deb && apt-get download -qq "$1" >/dev/null && dpkg-deb -x "$1"_*.deb "$tree" && rm -f "$1"_*.deb)
}

take_kernel() { # LINE: vmlinuz of its tree
  find "$dir/tree-$1" -name 'vmlinuz*' -exec cp {} "$dir/vmlinuz-$1" \; -quit
  [ -s "$dir/vmlinuz-$1" ]
}

take_overlay() { # LINE: the overlay module of its tree, for the tests of paths; everything else that they need is built in
  local module
  module=$(find "$dir/tree-$1" -name 'overlay.ko*' -print -quit)
  case $module in
    '') return 1 ;;
    *.xz) xz -dc "$module" >"$dir/overlay-$1.ko" ;;
    *) cp "$module" "$dir/overlay-$1.ko" ;;
  esac
}

while read -r line suite pattern; do
  found=
  # An image that holds no vmlinuz has been split: its 'binary' package then sorts beside it and is tried next.
  rm -f "$dir/vmlinuz-$line" "$dir/overlay-$line.ko"
  for package in $(apt-cache search --names-only "$pattern" | awk '{print $1}' | sort -t- -k3 -V -r | head -n 4); do
    if unpack "$package" "$line" && take_kernel "$line"; then found=$package; break; fi
  done
  [ -n "$found" ] || { echo "fetch.sh: no kernel of line $line in $suite: the suite is gone or its packages are named differently" >&2; exit 1; }
  # A split image keeps its modules in a package of their own. Without the module the guest's tests leave the overlay out, and say so.
  take_overlay "$line" || { unpack "linux-modules-${found#linux-*-}" "$line" && take_overlay "$line"; } ||
    echo "fetch.sh: no overlay module for $found" >&2
  rm -rf "$dir/tree-$line"
  echo "$line $dir/vmlinuz-$line ${found#linux-*-}"
done <<<"$lines"
