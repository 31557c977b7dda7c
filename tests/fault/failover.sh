#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two collectors, a real spool and uplink that prefers the first, and kills: A dies, B stands in; B dies, A is back. Nothing is lost between them, nothing
# stands twice in either of them, and what stands in both is at most what was in flight at a kill.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
SPOOLER=$CANOPY_BUILD/tests/fault/spooler
total=1500 facts=4 window=32
declare -A pid at

start() { # NAME: the collector of that name; the second time where it was the first time
  rm -f "$work/$1/http" "$work/$1/listen"
  "$CANOPY_COLLECTOR" --state "$work/$1" --listen "${at[$1]:-$loopback:0}" --http "$loopback:0" --lake "ndjson:$work/lake-$1?interval=100ms" \
    >/dev/null 2>>"$work/$1.log" &
  pid[$1]=$!
  pids+=("${pid[$1]}")
  wait_until 20 test -s "$work/$1/http" || { echo "Bail out! collector $1 did not start"; exit 1; }
  at[$1]=$(cat "$work/$1/listen")
}
kill_hard() { kill -KILL "${pid[$1]}"; wait "${pid[$1]}" 2>/dev/null; }
stop() { kill -TERM "${pid[$1]}"; wait "${pid[$1]}"; }
journaled() { "$CANOPY_CLI" verify --json "$work/$1" | jq '[.logs[].batches] | add'; }
has_batches() { [ "$(journaled "$1")" -ge "$2" ]; }
known() { "$CANOPY_CLI" --no-pager --server "http://$(cat "$work/$1/http")" ps -x -o ndjson 'proc.pid >= 1000' | jq -r .pid | sort >"$work/forest-$1"; }
rows() { find "$work/lake-$1" -name '*.ndjson.gz' -path '*process_activity*' -exec gzip -dc {} + | jq -r .process.pid | sort >"$work/rows-$1"; }
twice() { uniq -d "$1" | wc -l; }
ended() { [ ! -e "/proc/$spooler" ] || grep -q '^State:.Z' "/proc/$spooler/status"; }

# A third of the batches for each of A, B and A again, whoever is slow.
allow() { echo $((total / 3 * $1)) >"$work/limit.new" && mv "$work/limit.new" "$work/limit"; }

start a
start b
allow 1
CANOPY_SPOOLER_LIMIT=$work/limit "$SPOOLER" "$work/spool" $total $facts 9 "${at[a]}" "${at[b]}" >/dev/null 2>>"$work/spooler.log" &
spooler=$!
pids+=("$spooler")
check "the first collector is the one that is used" wait_until 20 has_batches a 50
check "the second gets nothing meanwhile" equal "$(journaled b)" 0
kill_hard a
allow 2
check "the second stands in when the first is killed" wait_until 20 has_batches b 50
check "the sensor goes on meanwhile" not ended
start a
kill_hard b
allow 3
check "the first is used again when the second is killed" wait_until 60 ended
wait "$spooler"
check "everything is acknowledged by one or the other" equal $? 0
start b
for name in a b; do
  known $name
  stop $name
  check "collector $name ends in order" equal $? 0
  rows $name
  check "its journal is sound" "$CANOPY_CLI" verify "$work/$name"
  check "no fact is twice in its forest" equal "$(twice "$work/forest-$name")" 0
  check "nor in its lake" equal "$(twice "$work/rows-$name")" 0
  check "which has what the forest has" cmp "$work/forest-$name" "$work/rows-$name"
done
check "together they have every fact" equal "$(sort -u "$work/forest-a" "$work/forest-b" | wc -l)" $((total * facts))
both=$(comm -12 "$work/forest-a" "$work/forest-b" | wc -l)
check "at most a window of batches for each kill stands in both ($both facts)" test "$both" -le $((2 * window * facts))
check "what went elsewhere is a note, no damage" \
  equal "$("$CANOPY_CLI" verify --json "$work/a" | jq -c '[.sound, ([.logs[].findings[] | select(.damage)] | length), any(.logs[].findings[]; .type == "elsewhere")]')" '[true,0,true]'
finish
