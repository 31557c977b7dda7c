#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sysroot.sh DIR PACKAGE…: an aarch64 Debian of the running release in DIR/sysroot, unpacked but never run: the packages named here, which
# the cross build needs, and the programs that its guest runs. Prints the path of the meson file that names it. Exit code 75: the archive cannot be reached.
set -euo pipefail
source "$(dirname "$0")/archive.sh"
dir=$(mkdir -p "$1" && cd "$1" && pwd)
shift
sysroot=$dir/sysroot
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
guest_packages=(libc-bin bash busybox-static jq curl mawk coreutils util-linux bsdutils mount procps libcap2-bin grep sed gzip findutils hostname)

archive_open "$dir/apt-sysroot" arm64 "$codename" "$codename-updates" "$codename-security"
apt-get install -y -qq --download-only --no-install-recommends "$@" "${guest_packages[@]}" >/dev/null
apt-get autoclean -y -qq >/dev/null # what has been replaced by a newer version
stamp=$(cd "$dir/apt-sysroot/cache/archives" && ls -- *.deb | cksum)
if [ "$(cat "$sysroot/.packages" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$sysroot"
  mkdir -p "$sysroot"/usr/{bin,sbin,lib}
  for link in bin sbin lib; do ln -s "usr/$link" "$sysroot/$link"; done # as every Debian has it; no package brings them
  for package in "$dir"/apt-sysroot/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
      tar -x --no-same-owner --keep-directory-symlink -C "$sysroot" --exclude=./usr/share/{doc,man,locale,info}
  done
  ln -sf mawk "$sysroot/usr/bin/awk" # an alternative, made when a package is configured
  echo "$stamp" >"$sysroot/.packages"
fi
printf "[constants]\nsysroot = '%s'\n" "$sysroot" >"$dir/sysroot.cross"
echo "$dir/sysroot.cross"
