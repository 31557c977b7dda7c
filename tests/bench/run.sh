#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD [PART…]: prints the figures of the parts (all of them when none is named). No threshold: the figures are for people.
# 'sensor' needs root; it is tests/bench/sensor, of which 'sensor:PART' is one part, BENCH_SIZE=full the long form. BENCH_LOAD_LIVES: size of ingest and lake.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CANOPY_BUILD=$(cd "${1:?usage: run.sh BUILD [PART…]}" && pwd)
export CANOPY_BUILD
shift
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"

load_lives=${BENCH_LOAD_LIVES:-200000}
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

# ---- parts --------------------------------------------------------------------------------------------------------

part_sensor() { "$here/sensor/price.sh" "$CANOPY_BUILD" "${BENCH_SIZE:-quick}" "$@"; }

cpu_ns() { cat "/proc/$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }
rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

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

part_tls() {
  title "TLS: memory and CPU of connections, through memory"
  "$bench/bench-tls" | sed 's/^/  /'
}

part_codec() {
  local result
  title "Codec: facts of a make-like build to batches, compressed, and back, on one core; best round"
  result=$("$bench/codec/codec")
  row "encode, decode" "$(value encode_ns <<<"$result"), $(value decode_ns <<<"$result") ns an event"
  row "deflate, inflate (zlib-1)" "$(value deflate_ns <<<"$result"), $(value inflate_ns <<<"$result") ns an event"
  row "octets, plain and zlib-1" "$(value bytes_raw <<<"$result"), $(value bytes_zlib <<<"$result") an event"
}

part_forest() {
  title "Forest: facts a second on one core, bytes of a live process, price of walking; medians"
  "$bench/forest/bench-forest" | sed 's/^/  /'
  title "Recovery: a million live processes of 1,000 hosts, and 1,000,000 short lives after them"
  "$bench/forest/bench-recovery" "$work/recovery" | sed 's/^/  /'
  rm -rf "$work/recovery"
}

fresh_collector() {
  [ -z "${collector_pid:-}" ] || stop_process "$collector_pid"
  rm -rf "$work/collector" "$work"/spool-* "$work/lake"
  unset listen http
  start_collector "$@"
}

[ -x "$CANOPY_COLLECTOR" ] || die "the collector was not built"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(codec forest ingest lake seglog sensor tls)
echo "$(uname -sr), $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%FT%TZ)"
fresh_collector
for part in "${parts[@]}"; do
  case $part in
    codec | forest | ingest | lake | seglog | tls) "part_$part" ;;
    sensor | sensor:*)
      if [ "$(id -u)" != 0 ] || [ ! -x "$CANOPY_SENSOR" ]; then
        title "$part: skipped, needs root and the sensor"
      elif [ "$part" = sensor ]; then part_sensor || failed=1
      else part_sensor "${part#sensor:}" || failed=1; fi ;;
    *) die "no part '$part': codec forest ingest lake seglog sensor tls, and sensor:PART for one of tests/bench/sensor" ;;
  esac
done
exit ${failed:-0}
