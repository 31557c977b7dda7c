#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A collector of several shards under sensors and questions at once; a state folder that meets other numbers of shards; batches of the boot
# before, whose shard is another one than that of the session that brings them.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
# where the collector was built with it
export TSAN_OPTIONS="log_path=$work/race exitcode=0"
load=$CANOPY_BUILD/tests/fault/fleet-load
fed() { ASAN_OPTIONS=detect_leaks=0 "$WORKLOADS/feed" "$listen"; } # it ends with all it has
hosts=12 lives=${SHARDS_LIVES:-12000}
lake=ndjson:$work/lake?interval=300ms

get() { curl -sfg --max-time 60 "http://$http$1"; }
hosts_json() { get /api/v1/hosts; }
host_count() { hosts_json | jq '.hosts | length'; }
fact_count() { hosts_json | jq '[.hosts[].events_total] | add // 0'; }
shard_count() { get /metrics | sed -n 's/^canopy_collector_shards //p'; }

# Every kind of question, again and again; whatever is not answered goes to the file.
ask() {
  local path
  while [ ! -e "$work/enough" ]; do
    for path in /api/v1/hosts '/api/v1/processes?limit=50' '/api/v1/processes?limit=20&sort=start&filter=proc.alive=false' \
      '/api/v1/tree?depth=2' /metrics /api/v1/stats /readyz; do
      get "$path" >/dev/null || echo "$path" >>"$work/unanswered"
    done
  done
}

follow() { # FILE
  curl -sN "http://$http/api/v1/events?cursor=0.0" >"$1" 2>/dev/null &
  pids+=("$!")
}
told() { grep -cE '^event: (fork|exec|exit|snapshot)' "$1"; }
told_is() { [ "$(told "$1")" = "$2" ]; }
ids_rise() { # FILE: no fact is told twice
  [ -z "$(grep '^data: .*"type":"\(fork\|exec\|exit\)"' "$1" | sed 's/^data: //' |
    jq -r 'select(.pid) | "\(.type) \(.boot_id) \(.pid) \(.start_boottime_ns)"' | sort | uniq -d | head -n 3)" ]
}

lake_rows() { find "$work/lake" -name '*.ndjson.gz' -path '*process_activity*' -exec zcat {} +; }
lake_has() { [ "$(lake_rows | wc -l)" = "$1" ]; }
lake_once() { [ "$(lake_rows | jq -r .metadata.uid | sort -u | wc -l)" = "$1" ]; }

# ---- sensors and questions at once

start_collector --shards 3 --lake "$lake"
check "three shards" equal "$(shard_count)" 3
follow "$work/events-1"
for i in 1 2; do
  ask &
  pids+=("$!")
done
check "twelve sensors are served meanwhile" "$load" "$listen" $hosts "$lives"
total=$((3 * lives))
check "each fact is there once" equal "$(fact_count)" $total
check "each host is there once" equal "$(host_count)" $hosts
check "hosts come in the order of their names" equal "$(hosts_json | jq -c '[.hosts[].host] == ([.hosts[].host] | sort)')" true
check "a follower is told each fact" wait_until 60 told_is "$work/events-1" $total
check "and none twice" ids_rise "$work/events-1"
touch "$work/enough"
check "every question was answered" not test -s "$work/unanswered"
paged() { # every process once, page by page
  local cursor='' page
  while :; do
    page=$(get "/api/v1/processes?limit=3000$cursor")
    jq -r '.processes[].id' <<<"$page"
    cursor=$(jq -r '.next // empty' <<<"$page")
    [ -n "$cursor" ] || break
    cursor="&cursor=$cursor"
  done
}
paged >"$work/ids"
check "pages over all shards hold each process once" equal "$(sort "$work/ids" | uniq -d | wc -l)" 0
held=$(get /api/v1/stats | jq '.processes | .live + .exited + .unknown')
check "and none is missing" equal "$(wc -l <"$work/ids")" "$held"
one=$(head -n 1 "$work/ids")
check "a process is found by its identity" equal "$(get "/api/v1/processes/$one" | jq -r .id)" "$one"

# ---- a spool that outlived a reboot: the batch of the old boot belongs to another shard, more often than not

leftovers() {
  local i
  for i in 1 2 3 4 5 6 7 8; do
    cat <<END
clock 5000000000 1700000${i}00000000000
host left-$i bbbbbbbb00000000000000000000000$i cccccccc00000000000000000000000$i
connect 77$i
clock 9000000000 1600000${i}00000000000
host left-$i aaaaaaaa00000000000000000000000$i cccccccc00000000000000000000000$i
fork 2000000000 500/2000000000 1/0
exec 2100000000 500/2000000000 1/0 seq=1 exe=/bin/left
send
clock 5000000000 1700000${i}00000000000
host left-$i bbbbbbbb00000000000000000000000$i cccccccc00000000000000000000000$i
fork 3000000000 600/3000000000 1/0
send
END
  done
}
leftovers >"$work/leftovers"
check "batches of the boot before are taken" fed <"$work/leftovers"
total=$((total + 8 * 3))
check "each fact of them is there" equal "$(fact_count)" $total
check "their acks were lost, they come again" fed <"$work/leftovers"
check "each fact of them is there once" equal "$(fact_count)" $total
check "the old boots are host boots of their own" equal "$(hosts_json | jq '[.hosts[] | select(.boot_id | startswith("aaaaaaaa"))] | length')" 8

# ---- a reboot is noticed although the boots have different shards

reboots() {
  local i
  for i in 1 2 3 4 5 6 7 8; do
    cat <<END
clock 5000000000 1500000000000000000
host again-$i dddddddd00000000000000000000000$i eeeeeeee00000000000000000000000$i
connect 88$i
clock 5000000000 1500001000000000000
host again-$i ffffffff00000000000000000000000$i eeeeeeee00000000000000000000000$i
connect 99$i
END
  done
}
reboots >"$work/reboots"
rebooted() { [ "$(hosts_json | jq '[.hosts[] | select(.boot_id | startswith("dddddddd")) | select(.state == "rebooted")] | length')" = 8 ]; }
check "machines boot anew" fed <"$work/reboots"
check "all the old boots are rebooted" wait_until 10 rebooted

# ---- other numbers of shards

listing() { hosts_json | jq -c '[.hosts[] | [.boot_id, .host, .events_total, .live]]'; }
before=$(listing)
restart() { # ARGUMENT…
  stop_process "$collector_pid"
  start_collector --lake "$lake" "$@"
}
restart --shards 5
check "five shards" equal "$(shard_count)" 5
check "everything is found again" equal "$(listing)" "$before"
check "old boots are still over" rebooted
check "more hosts come" "$load" "$listen" $hosts "$lives"
total=$((total + 3 * lives))
check "old and new facts are there" equal "$(fact_count)" $total
check "what is sent again is known, whatever the number of shards" fed <"$work/leftovers"
check "and nothing is doubled" equal "$(fact_count)" $total
before=$(listing)
restart --shards 1
check "a folder of five never becomes fewer" equal "$(shard_count)" 5
check "everything is found again, once more" equal "$(listing)" "$before"
follow "$work/events-2"
check "a follower from the beginning is told everything" wait_until 60 told_is "$work/events-2" $total
check "the lake has each fact" wait_until 60 lake_has $total
check "once" lake_once $total

status=0
kill -TERM "$collector_pid"
wait "$collector_pid" || status=$?
check "it ends as asked" equal $status 0
# libuv closes descriptors by a bare system call, which the sanitizer does not see: the next use of the same number by another thread looks
# to it like a race on the old file.
races() { cat "$work"/race* 2>/dev/null | awk 'BEGIN { RS = "=========+" } /WARNING/ && !/Location is file descriptor/'; }
check "no race was seen" equal "$(races | head -n 40)" ""
finish
