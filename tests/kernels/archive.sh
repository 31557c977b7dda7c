# SPDX-License-Identifier: Apache-2.0
# Packages of other suites and architectures, by an apt root of its own (lists, cache, status): the system's sources and packages stay untouched.
# The archive's address is taken from the system's sources. Sourced by fetch.sh and sysroot.sh.
# shellcheck shell=bash

# archive_open ROOT ARCHITECTURE SUITE…: apt commands of this shell then mean that root. Nobody there is one thing (exit code 75, EX_TEMPFAIL: the
# caller may skip), a suite that is gone another (1).
archive_open() {
  local root=$1 architecture=$2 suite where refused
  shift 2
  mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/parts"
  : >"$root/status"
  for suite; do
    where=$(archive_of "$suite") || { echo "${0##*/}: no archive for $suite in apt's sources (run apt-get update)" >&2; exit 1; }
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $where $suite main"
  done >"$root/sources"
  cat >"$root/apt.conf" <<TXT
Dir::State "$root"; Dir::State::lists "$root/lists"; Dir::State::status "$root/status"; Dir::Cache "$root/cache";
Dir::Etc::sourcelist "$root/sources"; Dir::Etc::sourceparts "$root/parts"; Dir::Etc::preferencesparts "$root/parts";
Acquire::Languages "none"; Acquire::Retries "3"; APT::Architecture "$architecture"; APT::Architectures {"$architecture";}; APT::Sandbox::User "";
TXT
  export APT_CONFIG=$root/apt.conf
  refused=$(apt-get update -qq -o APT::Update::Error-Mode=any 2>&1) && return 0
  echo "$refused" >&2
  grep -qE '404|does not have a Release file' <<<"$refused" && exit 1
  exit 75
}

# archive_of SUITE: the address that this system's own sources use for suites of its kind (security or not).
archive_of() {
  local codename like
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  case $1 in *-security) like=$codename-security ;; *) like=$codename ;; esac
  env -u APT_CONFIG apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v r="$like" '$2 == r {print $1; found = 1; exit} END {exit !found}'
}
