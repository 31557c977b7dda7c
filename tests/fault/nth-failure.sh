#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Nth allocation, write, fsync and connect of the real collector and of the real spool and uplink fails, for N over all that a run makes (where
# those are many, over a sample that grows thinner). Each program survives, or ends in a stated way: 1 after a line that says why, 2 before it has read its
# options, or SIGABRT (134) out of a library that cannot go on without memory. It is then started again. At the end nothing that was acknowledged is lost, and
# nothing stands anywhere twice. The real sensor, TLS and the console have nth-sensor.sh.
# shellcheck shell=bash disable=SC2317 # functions are called by 'judge'
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
# shellcheck source=tests/fault/oracle.sh
. "$here/oracle.sh"
FAULTSHIM=$CANOPY_BUILD/tests/fault/libfaultshim.so
batches=40
ulimit -c 0
every=${CANOPY_FAULT_EVERY:-0} # 1: each single one; 0: a sample
preload="LD_PRELOAD=$FAULTSHIM"

stated() { # CODE...: each is one that the programs may end with
  local code
  for code; do
    case $code in 0 | 1 | 2 | 134) ;; *) echo "ended with $code"; tail -n 3 "$run"/*.err; return 1 ;; esac
  done
}

# Not every run makes as many calls as the one that was counted, but all of them come to the first ones.
reached() { # N
  [ -e "$run/hit" ] && return 0
  [ "$1" -gt 11 ] || { [ "$1" -gt 1 ] && [ $(($1 * 2)) -gt "$total" ]; } && return 0
  echo "call $1 of $total never came: nothing has failed"
  return 1
}

# fails WHO KIND N
fails() {
  begin_run "$1-$2"
  local -n of=$1_env
  of=("$preload" "CANOPY_FAULT=$2:$3" "CANOPY_FAULT_HIT=$run/hit")
  collector_args=(--no-confine) # thousands of allocations are those of the filter of system calls, and none of ours
  run_to_the_end 1 || return 1
  reached "$3" || return 1
  # shellcheck disable=SC2086 # a list
  stated $collector_codes $spooler_codes || return 1
  oracle
}

# How many calls of a kind a run makes in which nothing fails: into total.
count_calls() {
  begin_run count
  local -n of=$1_env
  of=("$preload" "CANOPY_FAULT_COUNT=$work/counts")
  collector_args=(--no-confine)
  run_to_the_end 1 || return 1
  if [ -n "$collector_pid" ]; then kill -TERM "$collector_pid"; wait_until 20 gone "$collector_pid"; reap collector; fi
  [ -s "$work/counts" ]
}

# numbers TOTAL: those that are tried.
numbers() {
  awk -v total="$1" -v every="$every" 'BEGIN {
    for (n = 1; n <= total; n += every ? 1 : n < 12 ? 1 : int(n / 4)) print n
  }'
}

for who in collector spooler; do
  judge "what the $who does in a run is counted" count_calls $who
  cp "$work/counts" "$work/counts.$who" || continue
  while read -r kind total; do
    [ "$who" = collector ] && [ "$kind" = connect ] && continue # it connects to nobody
    tried=0 wrong=''
    for n in $(numbers "$total"); do
      tried=$((tried + 1))
      if ! fails $who "$kind" "$n" >"$work/said" 2>&1; then
        wrong+=" $n: $(head -n 1 "$work/said");"
        { echo "# $who, $kind number $n:"; sed 's/^/# /' "$work/said" | head -n 12; }
      fi
      end_processes
      rm -rf "$work"/run-*
    done
    check "$who: $kind fails, $tried of its $total calls, each in a run of its own${wrong:+; wrong:$wrong}" equal "$wrong" ""
  done <"$work/counts.$who"
done
finish
