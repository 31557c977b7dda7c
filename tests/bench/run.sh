#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD [PART…]: prints the figures of the parts (all of them when none is named). No threshold: the figures are for people.
# Needs root for every part with a sensor. Sizes: BENCH_PAIRS, BENCH_LIVES, BENCH_WORKERS, BENCH_LOAD_LIVES, BENCH_ROUNDS.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CANOPY_BUILD=$(cd "${1:?usage: run.sh BUILD [PART…]}" && pwd)
export CANOPY_BUILD
shift
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"

pairs=${BENCH_PAIRS:-7}
lives=${BENCH_LIVES:-6000}
workers=${BENCH_WORKERS:-$(nproc)}
load_lives=${BENCH_LOAD_LIVES:-200000}
rounds=${BENCH_ROUNDS:-300}
bench=$CANOPY_BUILD/tests/bench

title() { printf '\n%s\n' "$1"; }
row() { printf '  %-44s %s\n' "$1" "$2"; }
die() { echo "bench: $*" >&2; exit 1; }

# value KEY: of the KEY=VALUE words on stdin
value() { tr ' ' '\n' | sed -n "s/^$1=//p"; }

# median: of the numbers on stdin, one a line
median() { sort -g | awk '{ a[NR] = $1 } END { if (NR % 2) print a[(NR + 1) / 2]; else print (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }

# compute EXPRESSION [FORMAT]
compute() { awk "BEGIN { printf \"${2:-%.2f}\", $1 }"; }

streaming() { grep -q event=attached "$1" && grep -q event=connected "$1"; }

sensor_up() { # NAME, another one each time
  start_sensor "$1"
  wait_until 30 streaming "$work/sensor-$1.log" || die "the sensor did not attach: $(tail -n 3 "$work/sensor-$1.log")"
}

storm_us() { "$bench/sensor/workload" -w "$workers" "$1" "$lives" | value us_per_life; }

# ---- parts --------------------------------------------------------------------------------------------------------

part_storm() {
  local mode i with without ratio order
  title "Storm: us a life with the sensor attached against without, $lives lives, $workers workers, $pairs interleaved pairs"
  for mode in fork exec vfork; do
    : >"$work/with"; : >"$work/without"; : >"$work/ratio"
    for ((i = 0; i < pairs; i++)); do
      if [ $((i % 2)) = 0 ]; then order="without with"; else order="with without"; fi
      for side in $order; do
        if [ "$side" = with ]; then sensor_up "storm-$mode-$i"; fi
        printf -v "$side" %s "$(storm_us "$mode")"
        if [ "$side" = with ]; then stop_process "$sensor_pid"; fi
      done
      echo "$with" >>"$work/with"; echo "$without" >>"$work/without"; compute "$with / $without" '%.4f\n' >>"$work/ratio"
    done
    ratio=$(median <"$work/ratio")
    row "$mode: without, with, median of ratios" "$(median <"$work/without") us, $(median <"$work/with") us, $ratio"
    row "$mode: ratios" "$(sort -g "$work/ratio" | tr '\n' ' ')"
  done
}

part_programs() {
  local form
  for form in "" --plain; do
    title "BPF programs${form:+, plain raw tracepoints}: ns a run over $lives lives of fork + exec + exit"
    # shellcheck disable=SC2086
    "$bench/bpf-runtime" $form "$lives" "$bench/sensor/noop" | sed 's/^/  /'
  done
}

cpu_ns() { cat "/proc/$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }
rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
facts_new() { canopy hosts -o ndjson | jq -s 'map(.events_total) | add // 0'; }
sent_bytes() { ss -tinpH state established | grep -A1 "pid=$1," | grep -o 'bytes_sent:[0-9]*' | head -n 1 | cut -d: -f2; }
settled() { [ "$(facts_new)" -ge "$1" ]; } # the collector has heard of this many

part_sensor() {
  local cpu0 cpu1 events0 events1 bytes0 bytes1 n
  title "Sensor: $lives lives of fork + exec + exit, $workers workers"
  sensor_up sensor
  row "RSS after attaching" "$(rss_kib "$sensor_pid") KiB"
  cpu0=$(cpu_ns "$sensor_pid"); events0=$(facts_new); bytes0=$(sent_bytes "$sensor_pid")
  "$bench/sensor/workload" -w "$workers" exec "$lives" >"$work/storm"
  wait_until 30 settled $((events0 + 3 * lives)) || die "the collector did not hear of all $((3 * lives)) facts: $(($(facts_new) - events0))"
  cpu1=$(cpu_ns "$sensor_pid"); events1=$(facts_new); bytes1=$(sent_bytes "$sensor_pid")
  n=$((events1 - events0))
  row "events" "$n"
  row "CPU an event" "$(compute "($cpu1 - $cpu0) / $n / 1000") us"
  row "bytes an event on the wire" "$(compute "($bytes1 - $bytes0) / $n" %.1f)"
  row "RSS after the storm" "$(rss_kib "$sensor_pid") KiB"
  stop_process "$sensor_pid"
}

part_ingest() {
  local i hosts cpu0
  title "Collector: facts a second with the journal on disk, $((3 * load_lives)) facts, median of 3"
  for hosts in 1 10; do
    : >"$work/rates"; : >"$work/cpu"
    for ((i = 0; i < 3; i++)); do
      fresh_collector
      cpu0=$(cpu_ns "$collector_pid")
      "$bench/load" "$listen" "$hosts" "$load_lives" >"$work/load" || die "the load generator failed"
      value facts_per_s <"$work/load" >>"$work/rates"
      compute "($(cpu_ns "$collector_pid") - $cpu0) / 3 / $load_lives" '%.0f\n' >>"$work/cpu"
    done
    row "$hosts hosts" "$(median <"$work/rates") facts/s, $(median <"$work/cpu") ns of CPU a fact"
    row "bytes a fact sent (synthetic lives)" "$(value bytes_per_fact <"$work/load")"
    row "RSS of the collector" "$(rss_kib "$collector_pid") KiB"
  done
  fresh_collector
}

# The lake's cursor stands behind all batches of the load; hosts are records, too.
lake_done() { [ "$(sed -n 's/^next \([0-9]*\) .*/\1/p' "$work"/collector/lake/*.cursor)" -gt $((batches + 4)) ]; }

part_lake() {
  local start batches seconds rows
  title "Lake: from the first fact sent to the last row in a complete file, $((3 * load_lives)) facts"
  fresh_collector --lake "ndjson:$work/lake?interval=1s"
  start=$EPOCHREALTIME
  "$bench/load" "$listen" 4 "$load_lives" >"$work/load" || die "the load generator failed"
  batches=$(value batches <"$work/load")
  row "acknowledged" "$(value facts_per_s <"$work/load") facts/s"
  wait_until 300 lake_done || die "the lake did not catch up"
  seconds=$(compute "$EPOCHREALTIME - $start")
  rows=$(find "$work/lake" -name '*.ndjson.gz' -exec zcat {} + | wc -l)
  row "in the lake" "$(compute "$rows / $seconds" %.0f) rows/s, $rows rows"
  row "bytes a row, compressed" "$(compute "$(du -sb "$work/lake" | cut -f1) / $rows" %.1f)"
  fresh_collector
}

part_seglog() {
  title "Segment log: durable commits by way of writing, and the log itself, in $work"
  "$bench/seglog/bench-seglog" "$work" | sed 's/^/  /'
}

part_price() { "$here/sensor/price.sh" "$CANOPY_BUILD" "${BENCH_SIZE:-quick}"; }

part_codec() {
  local result
  title "Codec: facts of a make-like build to batches, compressed, and back, on one core; best round"
  result=$("$bench/codec/codec")
  row "encode, decode" "$(value encode_ns <<<"$result"), $(value decode_ns <<<"$result") ns an event"
  row "deflate, inflate (zlib-1)" "$(value deflate_ns <<<"$result"), $(value inflate_ns <<<"$result") ns an event"
  row "octets, plain and zlib-1" "$(value bytes_raw <<<"$result"), $(value bytes_zlib <<<"$result") an event"
}

part_latency() {
  title "Latency: from exec to the console's event stream, $rounds rounds"
  sensor_up latency
  "$bench/sensor/latency" "$http" "$rounds" "$bench/sensor/noop" >"$work/latency" || die "no latency"
  row "p50, p90, p99, max" "$(value p50_ms <"$work/latency"), $(value p90_ms <"$work/latency"), $(value p99_ms <"$work/latency"), $(value max_ms <"$work/latency") ms"
  stop_process "$sensor_pid"
}

fresh_collector() {
  [ -z "${collector_pid:-}" ] || stop_process "$collector_pid"
  rm -rf "$work/collector" "$work"/spool-* "$work/lake"
  unset listen http
  start_collector "$@"
}

[ -x "$CANOPY_COLLECTOR" ] || die "the collector was not built"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(codec storm programs sensor ingest lake latency seglog)
echo "$(uname -sr), $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%FT%TZ)"
fresh_collector
for part in "${parts[@]}"; do
  case $part in
    codec | ingest | lake | seglog) ;;
    storm | programs | sensor | latency | price)
      if [ "$(id -u)" != 0 ] || [ ! -x "$CANOPY_SENSOR" ]; then
        title "$part: skipped, needs root and the sensor"
        continue
      fi ;;
    *) die "no part '$part': there are codec storm programs sensor ingest lake latency seglog price" ;;
  esac
  "part_$part"
done
