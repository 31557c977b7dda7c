#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The power goes while the real collector, or the real spool and uplink, are at work. A process that is killed leaves its unsynced writes to the
# kernel; here they go: after each death the folder is made anew with what had been synced and no more ('behind'), or with every name and a part of what
# was under way ('ahead'; see power-cut.c). Nothing acknowledged is lost, a spool lacks at most its last second, and in the end everything is there once.
# shellcheck shell=bash disable=SC2317,SC2034 # functions are called by 'judge'; variables are those of oracle.sh
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
# shellcheck source=tests/fault/oracle.sh
. "$here/oracle.sh"
POWER_CUT=$CANOPY_BUILD/tests/fault/power-cut
shim="LD_PRELOAD=$CANOPY_BUILD/tests/fault/libpower-shim.so"

settle() { rm -rf "$run/shadow" && mkdir "$run/shadow" && "$POWER_CUT" settle "$run/disk" "$run/shadow"; }

# begin_power NAME HOW: what lies in $run/disk is subject to it.
begin_power() {
  begin_run "$1"
  how=$2 cuts=0 lost=0 missing=0 spared=''
  [ "$how" = ahead ] && spared=header-copy # of a segment that was being made
  mkdir "$run/disk"
  : >"$run/told"
  settle || return 1
  power=("$shim" "CANOPY_POWER_SHADOW=$run/shadow")
  spooler_env=("CANOPY_SPOOLER_LOG=$run/told")
  collector_args=(--no-confine) # the shadow lies elsewhere
}

cut_power() {
  cuts=$((cuts + 1))
  "$POWER_CUT" "$how" "$run/disk" "$run/shadow" "$run/restored" || return 1
  rm -rf "$run/disk"
  mv "$run/restored" "$run/disk"
  settle
}

highest() { awk -v what="$1" '$1 == what && $2 > max {max = $2} END {print max + 0}' "$run/told"; } # appended | acked

# Every batch that the spooler was told is safe stands in the journal.
acked_is_there() {
  local acked there result
  acked=$(highest acked)
  [ "$acked" = 0 ] && return 0
  sound "$state" >"$run/unsound"
  result=$?
  there=$(jq '[.logs[].batches] | add' "$run/verify")
  [ "${there:-0}" -ge "$acked" ] || { echo "acknowledged: $acked, in the journal: ${there:-0}"; return 1; }
  [ $result = 0 ] || { cat "$run/unsound"; return 1; }
}

# What the spool had a second before its last append is there.
spool_is_there() {
  local old next spared=$spared
  old=$(awk '$1 == "appended" {seq[++n] = $2; at[n] = $3} END {while (n > 0 && at[n] > at[length(at)] - 1000) n--; print seq[n] + 0}' "$run/told")
  [ "$old" -gt 0 ] || { echo "it died within a second"; return 1; }
  [ "$how" = ahead ] && spared+=" hole" # of what was under way the disk may have later parts and not the earlier ones
  sound "$spool" || return 1
  missing=$((missing + $(jq '[.logs[].lost_records] | add' "$run/verify")))
  next=$(jq "[.logs[].findings[] | select(.type == \"hole\") | .first_record] | min // $((old + 1))" "$run/verify")
  [ "$next" -gt "$old" ] || { echo "a second before the end the spool had $old batches, $next is a hole now"; return 1; }
  next=$(jq '[.logs[].next_record] | max // 0' "$run/verify")
  [ "$next" -gt "$old" ] || { echo "a second before the end the spool had $old batches, the next is $next now"; return 1; }
  lost=$((lost + $(highest appended) + 1 - next))
  : >"$run/told"
}

after_death() { # COLLECTOR | SPOOLER
  [ "$1" = "$loses" ] && [ "$last_code" = 137 ] || return 0
  cut_power || return 1
  case $1 in
    collector) acked_is_there ;;
    spooler) boot=$((boot + 1)) && spool_is_there ;; # after a power loss a host has another boot id
  esac
}

# collector_loses POINT:PASSAGE HOW [ENVIRONMENT...]
collector_loses() {
  begin_power collector "$2" || return 1
  loses=collector state=$run/disk/state lake=$run/disk/lake
  collector_env=("${power[@]}" "CANOPY_FAILPOINT=$1" "${@:3}")
  run_to_the_end 2 || return 1
  if [ $cuts = 0 ]; then # a point of the lake may be passed only after the last ack
    kill -TERM "$collector_pid"
    wait_until 20 gone "$collector_pid"
    reap collector
    after_death collector || return 1
  fi
  [ $cuts -gt 0 ] || { echo "never came there: $collector_codes"; return 1; }
  oracle
}

# After a spool's power loss the batches that were lost are made again under another boot: a process may be there under both, when the batch had been sent.
boots_oracle() {
  local want=$((batches * facts)) got
  clean_collector || return 1
  "$CANOPY_CLI" --no-pager --server "http://$(cat "$state/http")" ps -x -o ndjson 'proc.pid >= 1000' | jq -r '"\(.id) \(.pid)"' >"$run/forest"
  stop_clean_collector || return 1
  got=$(cut -d' ' -f1 "$run/forest" | once_and_more)
  [ "$got" = "$(wc -l <"$run/forest") 0" ] || { echo "forest: $got"; return 1; }
  got=$(cut -d' ' -f2 "$run/forest" | sort -u | wc -l)
  [ "$got" -le "$want" ] && [ "$got" -ge $((want - missing * facts)) ] || { echo "processes: $got, expected $want, less $missing batches"; return 1; }
  got=$(($(wc -l <"$run/forest") - got))
  [ $got -le $((lost * facts)) ] || { echo "$got are there under two boots, of $lost lost batches"; return 1; }
  sound "$state" || return 1
  got=$(lake_rows | jq -r .metadata.uid | once_and_more)
  [ "$got" = "$(wc -l <"$run/forest") 0" ] || { echo "lake: $got, forest: $(wc -l <"$run/forest")"; return 1; }
}

# spooler_loses POINT:PASSAGE HOW [ENVIRONMENT...]
spooler_loses() {
  begin_power spooler "$2" || return 1
  loses=spooler spool=$run/disk/spool
  spooler_env+=("${power[@]}" "CANOPY_FAILPOINT=$1" "${@:3}")
  run_to_the_end 1 || return 1
  [ $cuts -gt 0 ] || { echo "never came there: $spooler_codes"; return 1; }
  boots_oracle
}

# finds TEXT COMMAND...: it fails, and says this.
finds() {
  local text=$1 code=0
  shift
  "$@" >"$work/found" 2>&1 || code=$?
  cat "$work/found"
  [ $code != 0 ] && grep -q "$text" "$work/found"
}

for point in seglog-after-write:3 seglog-before-fsync:4 seglog-after-fsync:5 seglog-created:3 seglog-seal:2 session-before-ack:5 checkpoint-part:5 \
  checkpoint-complete:2 lake-staged:2 lake-intended:1 lake-publishing:1 lake-advanced:2 cursor-synced:3 cursor-renamed:4; do
  judge "the collector's power goes at $point, the disk is behind" collector_loses $point behind
done
for point in seglog-after-write:3 seglog-before-fsync:4 seglog-created:3 checkpoint-part:5 lake-intended:1 cursor-written:2; do
  judge "the collector's power goes at $point, the disk is ahead" collector_loses $point ahead
done
batches=1500 facts=1
for point in seglog-before-fsync:70 seglog-after-fsync:70; do # each comes 20 ms after the one before at the earliest
  judge "the spool's power goes at $point, the disk is behind" spooler_loses $point behind
done
judge "the spool's power goes at seglog-after-write:700, the disk is ahead" spooler_loses seglog-after-write:700 ahead

# ---- a sync that is forgotten is found
# By the batches that are gone, or, where the last segments are nothing but names, by those.
judge "it is found when the spool syncs nothing" finds 'a second before the end\|"type": "unreadable"' spooler_loses seglog-before-fsync:70 behind CANOPY_POWER_IGNORE=data
batches=200 facts=5
judge "it is found when the journal's content is not synced" finds "^acknowledged" collector_loses session-before-ack:5 behind CANOPY_POWER_IGNORE=data
judge "it is found when folders are not synced" finds "^acknowledged" collector_loses session-before-ack:5 behind CANOPY_POWER_IGNORE=folder
judge "it is found when the lake's files are not synced" finds "lake" collector_loses lake-advanced:2 behind CANOPY_POWER_IGNORE=file
finish
