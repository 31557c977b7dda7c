#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A million short lives: memory stays bounded, the living stay, and who had to go is counted.
source "$(dirname "$0")/../lib.sh"
lives=${CANOPY_TEST_LIVES:-1000000} # a small guest takes fewer
alive=500
S=1000000000

start_collector --exited-bytes 16M
resident() { awk -v k="$1:" '$1 == k {print int($2 / 1024)}' "/proc/$collector_pid/status"; } # MiB
before=$(resident VmRSS)
{
  cat <<TXT
host crowd aaaaaaaa000000000000000000000001
clock $((100 * S)) $((1700000000 * S))
connect 1
snapshot $((100 * S)) 1/$S 0/0 exe=/sbin/init
fork $((101 * S)) 900/$((101 * S)) 1/$S
TXT
  for ((i = 0; i < alive; i++)); do echo "fork $((102 * S)) $((100000 + i))/$((102 * S + i)) 900/$((101 * S))"; \
    done | awk '1; NR % 400 == 0 {print "send"}'
  echo send
  echo "lives $lives $((200 * S)) 900/$((101 * S))"
} >"$work/script"
"$WORKLOADS/feed" "$listen" <"$work/script" >"$work/feed.log" 2>&1
check "collector 45: $lives lives are durable" equal "$?$(cat "$work/feed.log")" 0
peak=$(resident VmHWM)
echo "# resident: $before MiB at first, $peak MiB at most"

stats=$(canopy stats -o json)
exited=$(jq .processes.exited <<<"$stats")
evicted=$(jq .processes.evicted_total <<<"$stats")
check "collector 45: each life is kept or counted as evicted" equal "$((exited + evicted))" "$lives"
check "collector 45: most were evicted" test "$evicted" -gt $((lives / 2))
check "collector 45: some are kept" test "$exited" -gt 1000
check "collector 45: all facts were taken" equal \
  "$(jq '.ingest.facts_new_total | .fork == '$((lives + alive + 1))' and .exec == '"$lives"' and .exit == '"$lives" \
  <<<"$stats")" true
check "collector 45: the living are all there" equal "$(jq .processes.live <<<"$stats")" $((alive + 2))
check "collector 45: and can be listed" equal \
  "$(processes 'host.name = crowd and proc.alive = true' | jq -r .pid | sort -n | uniq | wc -l)" $((alive + 2))
check "collector 45: those kept are the newest" equal \
  "$(canopy ps 'host.name = crowd and proc.alive = false' -o csv --fields start_boottime_ns | tail -n +2 | sort -n |
  awk -v step=1000000 \
  'NR > 1 && $1 != last + step {holes++} {last = $1} END {print holes + 0, last}')" \
  "0 $((200 * S + (lives - 1) * 1000000))"
check "collector 45: the host says how many are evicted" \
  equal "$(canopy hosts -o ndjson | jq 'select(.host == "crowd") | .evicted')" "$evicted"
check "collector 45: so do the metrics" equal \
  "$(curl -s "http://$http/metrics" | awk '$1 ~ /^canopy_collector_evicted_total/ {sum += $2} END {print sum}')" \
  "$evicted"
# 16 MiB of exited processes, the batches in flight and the journal's buffers; without a bound it would be some 300 MiB
check "collector 45: memory is bounded" test "$peak" -lt $((before + 80))

stop_process "$collector_pid" KILL
start_collector --exited-bytes 16M
stats=$(canopy stats -o json)
check "collector 45: after a restart the living are all there" equal "$(jq .processes.live <<<"$stats")" $((alive + 2))
check "collector 45: and memory is bounded" test "$(resident VmHWM)" -lt $((before + 80))
finish
