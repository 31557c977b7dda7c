#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a disk, a restore or an upgrade can do to a journal and a spool, with the real collector, spool and uplink: each has the outcome that
# docs/delivery.md states.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
COLLECTOR_FAULT=$CANOPY_BUILD/tests/fault/canopy-collector-fault # for its small segments; nothing fails by itself here
SPOOLER=$CANOPY_BUILD/tests/fault/spooler
facts=5 state=$work/state
lake="ndjson:$work/lake?interval=100ms"

start() { # starts the collector on $state; 1 when it does not come up
  rm -f "$state/http" "$state/listen"
  "$COLLECTOR_FAULT" --shards 1 --state "$state" --listen "${listen:-$loopback:0}" --http $loopback:0 "$@" >/dev/null 2>>"$work/collector.log" &
  collector_pid=$!
  pids+=("$collector_pid")
  wait_until 20 test -s "$state/http" || return 1
  listen=$(cat "$state/listen")
  export CANOPY_SERVER=http://$(cat "$state/http")
}
stop() { kill -TERM "$collector_pid" && wait "$collector_pid"; }
bring() { timeout 60 "$SPOOLER" "$1" "$2" $facts 7 "$listen" 2>>"$work/spooler.log"; } # DIR UP-TO
verify() { "$CANOPY_CLI" verify "$@" "$state"; }
told() { verify --json | jq -c "$1"; }
facts_known() { canopy ps -x -o ndjson 'proc.pid >= 1000' 2>/dev/null | jq .pid | sort -u | wc -l; }
facts_twice() { canopy ps -x -o ndjson 'proc.pid >= 1000' 2>/dev/null | jq .pid | sort | uniq -d | wc -l; }
segments() { find "$state/journal" -name '*.seg' | sort; }
logged() { grep -q "$1" "$work/collector.log"; }
fresh() { # COUNT: a state and a spool with so many batches, the collector stopped
  rm -rf "$state" "$work/spool" "$work/lake" "$work/backup"
  : >"$work/collector.log"
  start && bring "$work/spool" "$1" && stop
}
flip() { # FILE OFFSET
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf '%b' "\\x$(printf %02x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# OFFSET TYPE SETTLED of each record in a segment (docs/seglog.md); the offset is that of its body
records() {
  od -An -v -tu4 -w4 "$1" | awk '{ word[NR - 1] = $1 }
    END { for (at = 256; at + 6 <= NR && word[at + 2]; at += 6 + 2 * int((word[at + 2] + 7) / 8)) print 4 * at + 24, word[at + 3] % 256, int(word[at + 3] / 256) % 2 }'
}

# ---- torn tail
fresh 200
printf 'half a record, as a crash leaves it' >>"$(segments | tail -n 1)"
check "torn tail: the audit notes it, and calls the journal sound" equal "$(told '[.sound, .logs[0].findings[0].type]')" '[true,"torn-tail"]'
start
check "torn tail: it is cut off and told" logged 'torn_bytes=35'
check "torn tail: everything is there" equal "$(facts_known)" 1000
stop
check "torn tail: nothing is left of it" equal "$(told '[.sound, (.logs[0].findings | length)]')" '[true,0]'

# ---- a flipped bit in a sealed segment: checkpoints stand at its head, so the end is a batch
sealed=$(segments | sed -n 2p)
flip "$sealed" $(($(stat -c %s "$sealed") - 60))
check "bit flip: the audit ends with 1" equal "$(verify >/dev/null; echo $?)" 1
check "bit flip: and names the batch by stream and number" equal "$(told '[.logs[0].lost_records, (.logs[0].findings[0].lost | length), .logs[0].findings[0].lost[0].boot_id]')" \
  '[1,1,"07070707-0707-0707-0707-070707070707"]'
start --lake "$lake"
check "bit flip: the forest has its facts from the checkpoint behind it" equal "$(facts_known)" 1000
check "bit flip: it goes on" bring "$work/spool" 210
check "bit flip: and knows what came since" equal "$(facts_known)" 1050
holes() { find "$work/lake" -path '*class=gap*' -name '*.gz' -exec gzip -dc {} + | grep -c journal_hole; }
check "bit flip: the lake has the hole as a row" wait_until 20 holes
stop

# ---- and one behind the newest checkpoint; not in the last commit, whose damage is taken for a torn tail
batches=200
behind_checkpoint() { records "$(segments | tail -n 1)" | awk '$2 == 7 { at = 0; told = 0; ended = 1 } $3 && at { told = at } ended && $2 == 1 { at = $1 } END { if (told) print told }'; }
fresh $batches
while :; do # the last batch comes in a life of its own: it says that all before it was durable
  batches=$((batches + 1))
  start && bring "$work/spool" $batches && stop
  [ -z "$(behind_checkpoint)" ] && [ $batches -lt 400 ] || break
done
check "bit flip behind the newest checkpoint: a batch stands there, and a later commit" test -n "$(behind_checkpoint)"
flip "$(segments | tail -n 1)" $(($(behind_checkpoint) + 40))
start
check "bit flip behind the newest checkpoint: the collector starts, and tells the hole" logged 'event=recovered-incomplete.*holes=1'
check "bit flip behind the newest checkpoint: only that batch is missing" equal "$(facts_known)" $(((batches - 1) * facts))
stop

# ---- a missing segment
fresh 200
mv "$(segments | sed -n 2p)" "$work/taken"
check "missing segment: the audit names it and what it held" equal "$(told '[.logs[0].findings[0].type, (.logs[0].findings[0].lost | length)]')" '["missing",1]'
start
check "missing segment: the collector starts, and tells the hole" logged 'event=journal-damaged.*holes=1'
check "missing segment: the forest has its facts from the checkpoint behind it" equal "$(facts_known)" 1000
stop
mv "$work/taken" "$state/journal/$(told '.logs[0].findings[0].segment' | tr -d '"')"
check "missing segment: put back, all is sound" verify
start
check "missing segment: and everything is there" equal "$(facts_known)" 1000
stop

# ---- an old backup of the journal
fresh 100
cp -r "$state" "$work/backup"
start && bring "$work/spool" 200 && stop
rm -rf "$state"
mv "$work/backup" "$state"
start
check "old backup of the journal: its sensor goes on" bring "$work/spool" 220
check "old backup of the journal: what it held and what came since is there" equal "$(facts_known)" 600
check "old backup of the journal: what lay between is a gap" equal "$(canopy hosts -o ndjson 2>/dev/null | jq -c '.gaps | length')" 1
stop
check "old backup of the journal: the audit tells how many batches never came" equal "$(told '[.sound, .logs[0].findings[0].type, .logs[0].findings[0].count]')" '[true,"elsewhere",100]'

# ---- an old backup of the spool
fresh 100
cp -r "$work/spool" "$work/backup"
start && bring "$work/spool" 200
rm -rf "$work/spool"
mv "$work/backup" "$work/spool"
# its own batches 101 to 150 would pass for known ones
check "old backup of the spool: a new stream is begun" bring "$work/spool" 150
check "old backup of the spool: and said so" grep -q 'restored from an older copy; a new stream is begun' "$work/spooler.log"
check "old backup of the spool: which goes on" bring "$work/spool" 220
check "old backup of the spool: each fact is there once" equal "$(facts_known) $(facts_twice)" "1100 0"
stop

# ---- a full disk
if [ "$(id -u)" = 0 ] && mkdir -p "$work/small" && mount -t tmpfs -o size=128k tmpfs "$work/small"; then
  mounts+=("$work/small")
  rm -rf "$work/spool"
  state=$work/small/state
  : >"$work/collector.log"
  start
  CANOPY_SPOOLER_LOG=$work/acks "$SPOOLER" "$work/spool" 1500 $facts 7 "$listen" 2>>"$work/spooler.log" &
  brings=$!
  pids+=("$brings")
  unready() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$CANOPY_SERVER/readyz")" = 503 ]; }
  check "full disk: the collector says that it is not ready" wait_until 30 unready
  check "full disk: and in its log" wait_until 10 logged 'event=not-ready'
  check "full disk: not everything is acknowledged" kill -0 "$brings"
  has_acked() { # the number first: it grows
    local acked has
    acked=$(awk '$1 == "acked" && $2 > max {max = $2} END {print max + 0}' "$work/acks")
    has=$(told '([.logs[].batches] | add) - ([.logs[].findings[] | select(.type == "elsewhere") | .count] | add // 0)')
    echo "acknowledged $acked, in the journal $has"
    [ "$acked" -gt 0 ] && [ "$has" -ge "$acked" ]
  }
  check "full disk: nothing is acknowledged that it does not have" has_acked
  mount -o remount,size=64m "$work/small"
  check "full disk: with room it goes on by itself" wait_until 30 logged 'event=ready'
  wait "$brings"
  check "full disk: everything is acknowledged" equal $? 0
  check "full disk: and there once" equal "$(facts_known) $(facts_twice)" "7500 0"
  stop
  check "full disk: the journal is sound" verify
  state=$work/state
else
  check "full disk: # SKIP needs root for a small tmpfs" true
fi

# ---- a failed sync
rm -rf "$state" "$work/spool"
: >"$work/collector.log"
export LD_PRELOAD=$CANOPY_BUILD/tests/fault/libfaultshim.so CANOPY_FAULT=fsync:12
start
unset LD_PRELOAD CANOPY_FAULT
"$SPOOLER" "$work/spool" 200 $facts 7 "$listen" 2>"$work/refused.log" &
brings=$!
pids+=("$brings")
check "EIO at fsync: the journal takes nothing more, and says so" wait_until 20 logged 'object=journal'
check "EIO at fsync: its sensors are refused with the remedy" wait_until 20 grep -q "journal has stopped" "$work/refused.log"
stop
check "EIO at fsync: it ends with 1" equal $? 1
start
wait "$brings"
check "EIO at fsync: after a restart all is acknowledged" equal $? 0
check "EIO at fsync: and there once" equal "$(facts_known) $(facts_twice)" "1000 0"
stop
check "EIO at fsync: the journal is sound" verify

# ---- what an earlier version wrote
for version in "$here"/corpus/log-*; do
  name=${version##*/}
  rm -rf "$state" "$work/spool"
  cp -r "$version/state" "$state"
  cp -r "$version/spool" "$work/spool"
  chmod -R u+rwX,go= "$state" "$work/spool"
  check "$name: a journal of that version is sound" verify
  start
  check "$name: it is read whole" equal "$(facts_known)" 200
  check "$name: the spool goes on where it was" bring "$work/spool" 60
  check "$name: each fact is there once" equal "$(facts_known) $(facts_twice)" "300 0"
  stop
done
finish
