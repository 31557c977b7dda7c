#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fleet.sh BUILD [PART…]: a fleet of hosts against one collector, and the same events as JSON lines against rsyslog and syslog-ng where they
# are installed, in interleaved rounds. Prints figures and their medians beside what is aimed at; asserts nothing. docs/scale.md tells how to
# read them. Parts: wire rates sync latency connections shards idle crowd restart.
# Sizes: FLEET_ROUNDS, FLEET_EVENTS, FLEET_HOSTS, FLEET_RESIDENT, FLEET_JSON=2 for lines with less in them. FLEET_REALTIME=1 runs all of it at
# real-time priority, for machines that do other work; others.sh has the words for a syslog-ng that is not installed.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CANOPY_BUILD=$(cd "${1:?usage: fleet.sh BUILD [PART…]}" && pwd)
export CANOPY_BUILD
shift
# shellcheck source=tests/system/lib.sh
. "$here/../../system/lib.sh"
# shellcheck source=tests/bench/fleet/others.sh
. "$here/others.sh"

rounds=${FLEET_ROUNDS:-5}
events=${FLEET_EVENTS:-1000000}
crowd=${FLEET_HOSTS:-10000}
resident=${FLEET_RESIDENT:-500}
json=${FLEET_JSON:-1}
cores=$(nproc)
apart=() beside=() # the generator on the first core, what it feeds on the last
[ "$cores" -lt 2 ] || { apart=(taskset -c 0); beside=(taskset -c $((cores - 1))); }
generator=$CANOPY_BUILD/tests/bench/fleet/bench-fleet
other_pids=()

title() { printf '\n%s (load %s)\n' "$1" "$(cut -d' ' -f1 /proc/loadavg)"; }
row() { printf '  %-52s %-46s %s\n' "$1" "$2" "${3:+aim: $3}"; } # LABEL FIGURE [AIM]
die() { echo "fleet: $*" >&2; exit 1; }
value() { tr ' ' '\n' | sed -n "s/^$1=//p"; }
median() { sort -g | awk '{ a[NR] = $1 } END { if (NR % 2) print a[(NR + 1) / 2]; else print (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }
compute() { awk "BEGIN { printf \"${2:-%.2f}\", $1 }"; }
# Of the whole process, threads that have ended included: its own clock (CPUCLOCK_SCHED).
cpu_ns() { python3 -c 'import sys, time; print(time.clock_gettime_ns((~int(sys.argv[1]) << 3) | 2))' "$1"; }
rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
touched=1024 # MiB of memory that the generator touches and frees first where CPU is compared, so that nobody pays for pages which the host took back
feed() { "${apart[@]}" "$generator" "$@" || die "the generator failed: $*"; }

# collector SHARDS CORES…: a new one on an empty state folder; sets collector_pid, listen, http
collector() {
  local shards=$1
  shift
  [ -z "${collector_pid:-}" ] || stop_process "$collector_pid"
  rm -rf "$work/collector"
  sync # what was removed is given back to the disk now and not in the midst of what is measured
  unset listen http
  start_collector --shards "$shards" "${collector_options[@]}"
  [ $# -eq 0 ] || taskset -a -c -p "$1" "$collector_pid" >/dev/null
}
collector_options=()

# twice COMMAND…: the first run does not count. What whoever was before left behind, on the disk and of memory, is not what the second finds.
twice() { counted=0; "$@"; counted=1; "$@"; }
counted=1
note() { [ $counted = 0 ] || cat >>"$work/$1"; }

# served NAME FEED-ARGUMENT…: one run; adds to the lists NAME.rate, NAME.cpu (of all the run) and NAME.sending (CPU once all are connected)
served() {
  local name=$1 cpu0 n
  shift
  cpu0=$(cpu_ns "$collector_pid")
  feed "$listen" clock="$collector_pid" touch=$touched "$@" >"$work/said"
  n=$(value events <"$work/said")
  compute "$n * 1e9 / $(value cpu_ns <"$work/said")" '%.0f\n' | note "$name.sending"
  value events_per_s <"$work/said" | note "$name.rate"
  compute "$n * 1e9 / ($(cpu_ns "$collector_pid") - $cpu0)" '%.0f\n' | note "$name.cpu"
}
# served_by SHARDS CORES NAME FEED-ARGUMENT…: likewise, by a new collector
served_by() {
  collector "$1" "$2"
  shift 2
  served "$@"
}

show() { # NAME LABEL [AIM]
  [ -s "$work/$1.rate" ] || return 0
  row "$2" "$(median <"$work/$1.rate") events/s, $(median <"$work/$1.cpu") a CPU second" "${3:-}"
}
# quotients LIST LIST: their median, round by round, since the speed of a machine may change by half between two rounds
quotients() { paste -d ' ' "$work/$1" "$work/$2" | awk '{ printf "%.6f\n", $1 / $2 }' | median; }
ratio() { # NAME LABEL [AIM]
  [ -s "$work/$1.cpu" ] || return 0
  row "  canopy plain against $2" "$(compute "$(quotients plain.cpu "$1.cpu")") times a CPU second" "${3:-}"
}

# ---- parts

wire_row() { # LABEL AIM GENERATOR-ARGUMENT…
  local label=$1 aim=$2
  shift 2
  "$generator" - events="$((events / 5))" beats=1 "$@" >"$work/said" || die "the generator failed: $*"
  row "$label" "$(value bytes_per_event <"$work/said") + $(value beat_bytes_per_event <"$work/said")" "$aim"
}

part_wire() {
  local batch aims
  title "Wire: bytes an event in frames, + those of the heartbeats between them ($((events / 5)) events of 48 hosts)"
  for batch in 500 10; do
    aims=(90 30)
    [ $batch = 500 ] || aims=(200 60)
    wire_row "batches of $batch, raw" "${aims[0]}" batch=$batch
    wire_row "  zlib-1, each by itself" "" batch=$batch zlib=1
    wire_row "  zlib-1 by those before it, as a sensor does" "${aims[1]}" batch=$batch zlib=1 previous=1
    wire_row "  zstd-1 by those before it, as a sensor does" "" batch=$batch zstd=1 previous=1
  done
  wire_row "one build server, batches of 500, raw" "90" hosts=1 seed=3 batch=500
  wire_row "  zlib-1 by those before it" "30" hosts=1 seed=3 batch=500 zlib=1 previous=1
  wire_row "  batches of 10, zlib-1 by those before it" "60" hosts=1 seed=3 batch=10 zlib=1 previous=1
  row "the same as a line of JSON" "$("$generator" - events=50000 json=1 | wc -c | awk '{ print $1 / 50000 }'), with less in it $("$generator" - events=50000 json=2 | wc -c | awk '{ print $1 / 50000 }')"
}

part_rates() {
  local i kind count last=$((cores - 1))
  local kinds=(plain zlib zlib-previous zstd-previous)
  find_others
  kinds+=("${others[@]}")
  title "Rates: $events events of 48 hosts, durable and acknowledged; others a fifth with sync, RELP a hundredth; $rounds interleaved rounds: ${kinds[*]}"
  for ((i = 0; i < rounds; i++)); do
    for kind in "${kinds[@]}"; do
      count=$((events / 5)) # they take long enough with it
      [ "$kind" != relp ] || count=$((events / 100))
      case $kind in
        plain) twice served_by 1 "$last" plain events="$events" ;;
        zlib) twice served_by 1 "$last" zlib events="$events" zlib=1 ;;
        *-previous) twice served_by 1 "$last" "$kind" events="$events" "${kind%-*}=1" previous=1 ;;
        *) twice other_served "$kind" "$count" ;;
      esac
    done
  done
  show plain "canopy, plain" "2.0 M a core"
  show zlib "canopy, zlib, each batch by itself" "1.2 M a core"
  show zlib-previous "canopy, zlib by those before it"
  show zstd-previous "canopy, zstd by those before it, as sensors do"
  show rsyslog "rsyslog imptcp, sync"
  ratio rsyslog "rsyslog imptcp" 10
  show relp "rsyslog RELP, sync"
  ratio relp "rsyslog RELP"
  show syslog-ng "syslog-ng, fsync"
  ratio syslog-ng "syslog-ng" 10
}

# How often each of them makes the disk sync: what stands behind the word 'durable'.
traced() { # NAME PID COUNT COMMAND…
  local name=$1 pid=$2 count=$3 tracer syncs
  shift 3
  strace -f -c -e trace=fsync,fdatasync,sync_file_range,syncfs -o "$work/$name.strace" -p "$pid" 2>"$work/$name.strace.log" &
  tracer=$!
  pids+=("$tracer")
  wait_until 10 grep -q attached "$work/$name.strace.log" || die "strace does not attach: $(cat "$work/$name.strace.log")"
  "$@"
  kill -INT "$tracer"
  wait "$tracer"
  syncs=$(awk '$NF ~ /^(fsync|fdatasync|sync_file_range|syncfs)$/ { n += $4; w = w " " $NF } END { printf "%d%s", n, w }' "$work/$name.strace")
  row "$name" "$syncs for $count events, $(compute "$count / (${syncs%% *} > 0 ? ${syncs%% *} : 1e-9)" %.0f) each"
}
fill_other() {
  feed "127.0.0.1:$other_port" hosts=48 events="$1" json="$json" >/dev/null
  wait_until 300 lines_are "$other_file" "$1" || die "lines are missing"
}
fill_canopy() { feed "$listen" hosts=48 events="$1" >/dev/null; }

part_sync() {
  local name count=$((events / 10))
  find_others
  title "Syncs of the disk, counted by strace: $count events, RELP a tenth"
  collector 1
  traced canopy "$collector_pid" $count fill_canopy $count
  for name in "${others[@]}"; do
    [ "$name" != relp ] || count=$((count / 10))
    other_start "$name"
    traced "$name" "$other_pid" $count fill_other $count
    other_stop
    count=$((events / 10))
  done
}

acks() { # NAME LABEL [AIM]
  row "$2" "$(median <"$work/$1.p50"), $(median <"$work/$1.p99"), $(median <"$work/$1.max") ms" "${3:-}"
}
note_acks() { # NAME [WORD]
  local figure
  for figure in p50 p99 max; do value "${2:-ack}_${figure}_ms" <"$work/said" >>"$work/$1.$figure"; done
}

part_latency() {
  local i rate=0
  title "Ack latency: medians of p50, p99, max, $rounds rounds"
  for ((i = 0; i < rounds; i++)); do
    collector 1 $((cores - 1))
    sleep 3 # what rounds before left behind has reached the disk, freed memory the host
    feed "$listen" hosts=48 events=40000 batch=20 rate=8000 >"$work/said"
    note_acks unloaded
    "${beside[@]}" "$CANOPY_BUILD/tests/bench/fleet/bench-disk" "$work/disk" 2300 400 2000 >"$work/said" || die "no figures of the disk"
    note_acks disk sync
    "${apart[@]}" "$CANOPY_BUILD/tests/bench/fleet/bench-echo" "$work/disk" 2300 400 2000 $((cores - 1)) >"$work/said" || die "no figures of an echo"
    note_acks echo echo
    if [ "$rate" = 0 ]; then
      collector 1 $((cores - 1))
      feed "$listen" hosts=48 events="$events" >"$work/said"
      rate=$(compute "$(value events_per_s <"$work/said") / 2" %.0f)
    fi
    collector 1 $((cores - 1))
    feed "$listen" hosts=48 events="$events" rate="$rate" >"$work/said"
    note_acks half
  done
  acks unloaded "unloaded (8,000 events/s in batches of 20)" "p99 2 ms"
  acks disk "  the disk alone: as many syncs of such batches"
  acks echo "  a server that only writes, syncs and answers"
  acks half "half load ($rate events/s in batches of 500)" "p99 50 ms"
}

part_connections() {
  local i
  title "2,000 connections, batches of 50: $events events, $rounds rounds"
  for ((i = 0; i < rounds; i++)); do
    twice served_by 1 $((cores - 1)) many hosts=2000 batch=50 events="$events"
  done
  row "canopy, plain" "$(median <"$work/many.rate") events/s, $(median <"$work/many.sending") a CPU second" "1.0 M a core"
  row "  CPU of connecting and leaving counted as well" "$(median <"$work/many.cpu") a CPU second"
}

# The generator needs a share of a core for itself. With four cores or more it has one that no shard uses, and the clock tells; with
# fewer the clock tells nothing, and what is left is how much CPU an event costs when two shards work at the same time.
part_shards() {
  local i n most=$((cores - 1)) aim=""
  title "Shards: $events events of 48 hosts over so many shards and cores, $rounds interleaved rounds"
  [ "$cores" -ge 4 ] || { most=2; echo "  with $cores cores the generator shares them: only CPU seconds tell something"; }
  for ((i = 0; i < rounds; i++)); do
    for ((n = 1; n <= most && n <= 8; n *= 2)); do
      twice served_by "$n" "$((cores - n < 0 ? 0 : cores - n))-$((cores - 1))" "shards-$n" hosts=48 events="$events"
    done
  done
  show shards-1 "1 shard"
  for ((n = 2; n <= most && n <= 8; n *= 2)); do
    [ $n != 2 ] || aim=1.7
    show "shards-$n" "$n shards"
    [ "$cores" -lt 4 ] || row "  against one, by the clock" "$(compute "$(quotients "shards-$n.rate" shards-1.rate)")" "$aim"
    row "  $n cores' worth of CPU against one" "$(compute "$n * $(quotients "shards-$n.cpu" shards-1.cpu)")" "$aim"
    aim=""
  done
}

# ---- a crowd that stays

# crowd_begin FEED-ARGUMENT…: they connect, say what they have, and stay until crowd_end
crowd_begin() {
  rm -f "$work/hold" "$work/crowd"
  mkfifo "$work/hold"
  "$generator" "$listen" hosts="$crowd" events=0 hold=1 "$@" <"$work/hold" >"$work/crowd" &
  holder=$!
  pids+=("$holder")
  exec {hold}>"$work/hold"
  wait_until 600 crowd_says holding || die "the crowd did not connect"
  grep -q holding "$work/crowd" || die "the crowd has left"
}
crowd_says() { grep -q "$1" "$work/crowd" || ! kill -0 "$holder" 2>/dev/null; }
crowd_end() {
  exec {hold}>&-
  hold=
  wait "$holder" || die "the crowd failed"
}
metric() { curl -sf --max-time 60 "http://$http/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }

idle_row() { # LABEL AIM FEED-ARGUMENT…
  local label=$1 aim=$2 before after
  shift 2
  before=$(rss_kib "$collector_pid")
  crowd_begin "$@"
  after=$(rss_kib "$collector_pid")
  row "$label" "$(compute "($after - $before) / $crowd" %.1f) KiB" "$aim"
  row "  first connect: all welcome; p50, p99; attempts" "$(value welcome_seconds <"$work/crowd") s; $(value welcome_p50_ms <"$work/crowd"), $(value welcome_p99_ms <"$work/crowd") ms; $(value attempts <"$work/crowd" | head -n 1)"
  crowd_end
}

part_idle() {
  local tls=$work/tls i
  title "Idle: RSS of a connection with its host, $crowd of them, each by a collector of its own"
  collector "$cores"
  idle_row "plain" "16 KB"
  { "$CANOPY_CLI" pki --dir "$tls" init && "$CANOPY_CLI" pki --dir "$tls" collector collector &&
    for ((i = 0; i < 250; i++)); do "$CANOPY_CLI" pki --dir "$tls" sensor "fleet-$i" || die "no certificate $i"; done; } >"$work/pki.log" || die "no certificates"
  collector_options=(--tls-cert "$tls/collector.pem" --tls-key "$tls/collector.key" --tls-ca "$tls/ca.pem")
  collector "$cores"
  idle_row "TLS 1.3, both with certificates, 100 dial at a time" "64 KB" tls="$tls" dialing=100
  collector "$cores"
  idle_row "the same, all dial at once" "" tls="$tls"
  collector_options=()
}

# ready_in SIGNAL: the collector ends by that and starts on the same state and ports; sets down and ready: seconds from its start, and from
# the signal, to 200 of /readyz
ready_in() {
  local killed=$EPOCHREALTIME started
  stop_process "$collector_pid" "$1"
  started=$EPOCHREALTIME
  rm -f "$work/collector/listen" "$work/collector/http"
  ( # without the end of the crowd's stdin, which has to be ours alone
    [ -z "${hold:-}" ] || exec {hold}>&-
    exec "$CANOPY_COLLECTOR" --listen "$listen" --http "$http" --state "$work/collector" --shards "$cores" >>"$work/collector.log" 2>&1
  ) &
  collector_pid=$!
  pids+=("$collector_pid")
  while ! curl -sfo /dev/null "http://$http/readyz"; do
    kill -0 "$collector_pid" 2>/dev/null || die "the collector did not come back: $(tail -n 3 "$work/collector.log")"
    sleep 0.01
  done
  ready=$(compute "$EPOCHREALTIME - $started" %.2f)
  down=$(compute "$EPOCHREALTIME - $killed" %.2f)
}

part_restart() {
  local i signal hosts=1000
  title "Restart: 1,000,000 live processes of $hosts hosts, and 1,000,000 events after them; $rounds rounds each"
  collector "$cores"
  "$generator" "$listen" hosts=$hosts resident=1000 events=1000000 >"$work/said" || die "the generator failed"
  for signal in TERM KILL; do
    for ((i = 0; i < rounds; i++)); do
      ready_in $signal
      echo "$ready" >>"$work/ready-$signal"
    done
    row "after SIG$signal, from start to 200 of /readyz" "$(median <"$work/ready-$signal") s, at most $(sort -g "$work/ready-$signal" | tail -n 1) s" "5 s"
  done
  row "live processes then" "$(metric 'canopy_collector_forest_processes{state="live"}')" "1000000 or more"
}

# asks FILE: the time of each question in ms, until the file 'enough' is there
asks() {
  local path
  while [ ! -e "$work/enough" ]; do
    for path in "${questions[@]}"; do
      curl -so /dev/null --max-time 300 -w '%{time_total}\n' "http://$http$path" | awk -v p="$path" '{ print p, $1 * 1000 }' >>"$1"
    done
    sleep 0.05
  done
}
questions=('/api/v1/processes?limit=100' '/api/v1/hosts' '/metrics')
asked() { # FILE LABEL
  local path
  for path in "${questions[@]}"; do
    awk -v p="$path" '$1 == p { print $2 }' "$1" >"$work/times"
    row "  $2: $path" "p50 $(median <"$work/times") ms, at most $(sort -g "$work/times" | tail -n 1) ms, $(wc -l <"$work/times") times"
  done
}
ask_while() { # FILE COMMAND…
  local file=$1 asker
  shift
  : >"$file"; rm -f "$work/enough"
  asks "$file" &
  asker=$!
  pids+=("$asker")
  "$@"
  touch "$work/enough"; wait "$asker"
}
a_while() { wait_until 60 lines_are "$work/alone" 60; }
# New hosts each time, until each question was asked often enough.
feed_beside() {
  local seed
  for ((seed = 3; seed < 30; seed++)); do
    feed "$listen" hosts=48 seed=$seed events="$events" >"$work/said"
    value events_per_s <"$work/said" >>"$work/beside.rate"
    ! lines_are "$work/beside" 60 || return 0
  done
}

storm() { # SIGNAL
  local back
  back=$(grep -c return_seconds "$work/crowd")
  ready_in "$1"
  wait_until 300 storm_is_over "$back" || die "not all came back: $(tail -n 2 "$work/crowd")"
  grep return_seconds "$work/crowd" | tail -n 1 >"$work/said"
  row "reconnect storm after SIG$1: /readyz 200" "$ready s after its start, $down s after the signal"
  row "  all welcome; p50, p99 from the loss" "$(value return_seconds <"$work/said") s; $(value return_p50_ms <"$work/said"), $(value return_p99_ms <"$work/said") ms"
  row "  RSS then" "$(rss_kib "$collector_pid") KiB"
  row "  attempts, refused, snapshots asked for" "$(value attempts <"$work/said"), $(value refused <"$work/said"), $(value snapshots_wanted <"$work/said")"
}
storm_is_over() { [ "$(grep -c return_seconds "$work/crowd")" -gt "$1" ] || ! kill -0 "$holder" 2>/dev/null; }

part_crowd() {
  local before after live
  title "Crowd: $crowd hosts with $resident processes each, all of them connected, $cores shards"
  collector "$cores"
  before=$(rss_kib "$collector_pid")
  crowd_begin resident="$resident"
  after=$(rss_kib "$collector_pid")
  live=$(metric 'canopy_collector_forest_processes{state="live"}')
  row "live processes by its metrics" "$live"
  row "RSS with all of them connected" "$after KiB, $(compute "$after / 1048576") GiB" "2 GB (1953125 KiB)"
  row "  bytes a process, connection and host included" "$(compute "($after - $before) * 1024 / $live" %.0f)"
  row "  forest by its metrics, bytes a process" "$(compute "$(metric canopy_collector_forest_bytes) / $live" %.0f)" "200 of tables, 300 with strings"
  ask_while "$work/alone" a_while
  ask_while "$work/beside" feed_beside
  row "events/s while questions are asked" "$(median <"$work/beside.rate")"
  asked "$work/alone" "alone"
  asked "$work/beside" "beside ingest"
  row "RSS before the restarts, with what was fed since" "$(rss_kib "$collector_pid") KiB"
  storm TERM
  sleep 11 # a connection of ten seconds was of use: the backoff begins anew
  storm KILL
  crowd_end
}

[ -x "$generator" ] || die "bench-fleet was not built"
[ "${FLEET_REALTIME:-0}" = 0 ] || chrt -f -p 20 $$ || die "no real-time priority"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(wire rates sync latency connections shards idle crowd restart)
echo "$(uname -sr), $cores CPUs, $(date -u +%FT%TZ)"
for part in "${parts[@]}"; do
  case $part in
    wire | rates | sync | latency | connections | shards | idle | crowd | restart) "part_$part" ;;
    *) die "no part '$part': there are wire rates sync latency connections shards idle crowd restart" ;;
  esac
done
