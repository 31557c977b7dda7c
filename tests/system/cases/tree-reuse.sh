#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pids that are used again and again: a hundred thousand processes share 64 numbers, far fewer than the smallest pid_max leaves a machine, and without
# its harm to everyone else. Each must be a process of its own, with its own end.
source "$(dirname "$0")/../lib.sh"
need_bpf
forks=${CANOPY_TEST_FORKS:-100000} # an emulated machine takes fewer

start_collector
start_sensor here --ring-bytes 64M # this is about identity, not about loss
check "the host is live" wait_until 20 host_is "$(hostname)" live
performs "tree 31: $forks forks on 64 pids" pid-cycle "$forks" 64
check "tree 31: nearly all of them use a pid again" test "${who[reused]}" -gt $((forks * 9 / 10))
check "tree 31: all of it is told" wait_until 60 dead process

children="proc.ppid = ${who[process]} and proc.alive = false and $(ours)"
canopy ps "$children" -o csv --fields start_boottime_ns,id,pid,exit_code,duration | tail -n +2 >"$work/rows"
check "tree 31: $forks processes, all of which have ended" equal "$(wc -l <"$work/rows")" "$forks"
check "tree 31: each has its own identity" equal "$(cut -d, -f2 "$work/rows" | sort -u | wc -l)" "$forks"
# In order of their start they are the workload's first, second, …: the code of each says which it was.
check "tree 31: each end is that of its own fork" \
  equal "$(awk -F, '$4 != (NR - 1) % 256 {bad++} END {print bad + 0}' "$work/rows")" 0
check "tree 31: nobody ends after the next one of the same pid begins" \
  equal "$(awk -F, '$3 in end && $1 + 0 < end[$3] {bad++} {end[$3] = $1 + $5} END {print bad + 0}' "$work/rows")" 0
check "tree 31: nothing was lost" equal "$(canopy hosts -o ndjson | jq -s '[.[].lost[]] | add')" 0
finish
