# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What the hooks add to a life by the clock, in blocks of four short bursts: without, with, with, without.

bursts_case() { # DESCRIPTION ARGUMENT…
  local description=$1
  shift
  "$bin/bursts" -n "$blocks" "$@" >"$work/blocks" || die "no bursts"
  row "$description" "$(cut -d' ' -f1 "$work/blocks" | median | awk '{ printf "%.1f", $1 }') us a life without; added $(
    cut -d' ' -f2 "$work/blocks" | statistics -v places=2) us by the clock, $(
    cut -d' ' -f3 "$work/blocks" | statistics -v places=2) us of CPU"
}

part_bursts() {
  title "Bursts: hooks attached and detached, $blocks blocks of 4 x 100 lives, median [95 % interval], $(load)"
  bursts_case "nothing attached, for the noise" -0 exec
  bursts_case "fork + exit" fork
  bursts_case "fork + exec + exit" exec
  bursts_case "posix_spawn" spawn
  bursts_case "fork + exec + exit, an argument of 4 KiB" -a 4096 exec
}
