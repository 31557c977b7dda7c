# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What a real workload weighs: make compiles a tree of C, captured live. Only that build's facts are taken where the
# kernel has the unified cgroup hierarchy: the build runs in a group of its own there, and the sensor keeps that group
# alone.

# build_tree DIR UNITS: folders of ten units each, a library and a program a folder, whose output a shell script
# compares.
build_tree() {
  local dir=$1 units=$2 i folder
  mkdir -p "$dir"
  for ((i = 0; i < units; i++)); do
    folder=$dir/module-$((i / 10))
    mkdir -p "$folder"
    printf '%s\n' '#include <stdio.h>' '#include <string.h>' '#include "unit.h"' \
      "int unit_$i(const char *text) { return (int)strlen(text) * $i; }" >"$folder/unit-$i.c"
    if [ $((i % 10)) = 0 ]; then
      printf '#pragma once\nint unit_%d(const char *text);\n' $i >"$folder/unit.h"
      printf '%s\n' '#include <stdio.h>' '#include "unit.h"' \
        "int main(void) { return printf(\"%d\\n\", unit_$i(\"text\")) < 0; }" >"$folder/main.c"
      # shellcheck disable=SC2016
      printf '%s\n' 'objects = $(patsubst %.c,%.o,$(sort $(wildcard unit-*.c)))' 'check: program' \
        "	./program | sed 's/^/got /' | grep -q 'got $((4 * i))'" \
        'program: main.o libmodule.a' '	$(CC) -o $@ $^' 'libmodule.a: $(objects)' '	$(AR) rcs $@ $^' \
        '%.o: %.c unit.h' '	$(CC) -O1 -g -Wall -Wextra -D_GNU_SOURCE -I. -c -o $@ $<' >"$folder/Makefile"
    fi
  done
  # shellcheck disable=SC2016
  printf '%s\n' 'modules = $(wildcard module-*)' 'all: $(modules)' '$(modules):' \
    '	$(MAKE) -C $@ check' '.PHONY: all $(modules)' >"$dir/Makefile"
}

build_group() { # sets group (its path below the root, empty where there is none) and group_dir
  local root
  group='' group_dir=''
  root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  [ -n "$root" ] && mkdir "$root/canopy-price-$$" 2>/dev/null || return 0
  group=/canopy-price-$$ group_dir=$root$group
  undo+=("rmdir $group_dir")
}

build_run() { # DIR: make, in the group where there is one
  bash -c '[ -z "$1" ] || echo $$ >"$1/cgroup.procs"; cd "$2" && exec make -s -j"$(nproc)" CC=gcc' \
    build "$group_dir" "$1" >"$work/make" 2>&1 ||
    die "the build failed: $(tail -n 3 "$work/make")"
}

weight() { value "$1" <"$work/weight"; }

part_build() {
  local filter=() events wire
  command -v make >/dev/null || { title "Build: skipped: make is not installed"; return; }
  title "Build: make -j$(nproc) of $units units of C, sub-makes, libraries, programs and checks, captured live, $(load)"
  build_group
  if [ -n "$group" ]; then filter=(--filter "keep:cgroup=$group*" --filter 'drop:cgroup=*')
  else row "facts" "of everything on this machine: there is no unified cgroup hierarchy to tell the build by"; fi
  build_tree "$work/tree" "$units"
  start_sensor build "${filter[@]}"
  wait_until 30 canopy_attached "$work/sensor-build.log" || die "the sensor did not attach"
  build_mark || die "the collector hears nothing"
  canopy_begin
  SECONDS=0
  build_run "$work/tree"
  build_mark || die "the build's end did not arrive"
  events=$(($(canopy_facts) - canopy_events0)) wire=$(($(canopy_sent "$sensor_pid") - canopy_bytes0))
  "$bin/weigh" "$work/spool-build" >"$work/weight" || die "the spool cannot be read"
  row "events, batches, seconds" "$events, $(weight batches), $SECONDS"
  row "spool and journal, bytes an event" "$(weight spool)"
  row "wire, as sent, with heartbeats" "$(compute "$wire / $events" %.1f)"
  row "frames: zlib-1, zstd, uncompressed" "$(weight zlib_previous), $(weight zstd_previous), $(weight plain)"
  row "each frame by itself: zlib-1, zstd" "$(weight zlib), $(weight zstd)"
  stop_process "$sensor_pid"
}

# A program of the group that nobody saw before; whoever follows it has come after everything of the build.
build_mark() {
  local mark=mark-$RANDOM$RANDOM$RANDOM
  bash -c '[ -z "$1" ] || echo $$ >"$1/cgroup.procs"; "$2" "$3"; :' build "$group_dir" "$bin/noop" "$mark"
  wait_until 30 has "proc.cmdline contains $mark"
}
