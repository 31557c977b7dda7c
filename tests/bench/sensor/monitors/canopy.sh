# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The sensor as it is used: all fields, spool on disk, frames compressed, a collector on this machine that acknowledges.
# Its own CPU and memory are counted, the collector's are not (it runs elsewhere in earnest), though here it takes its
# share of the same CPUs.
canopy_sessions=0

canopy_why_not() { return 1; }

canopy_attached() { grep -q event=attached "$1" && grep -q event=connected "$1"; }

# canopy_sensor_up [ARGUMENT…]: a sensor with a spool of its own, until it streams and its snapshot is in.
canopy_sensor_up() {
  local name=price-$((++canopy_sessions))
  start_sensor "$name" "$@"
  wait_until 30 canopy_attached "$work/sensor-$name.log" ||
    die "the sensor did not attach: $(tail -n 3 "$work/sensor-$name.log")"
  canopy_settle
}

canopy_up() {
  canopy_sensor_up
  monitor_pids=("$sensor_pid")
  canopy_begin
}

# How much the collector has heard. Facts of fork, exec and exit alone: a snapshot is no event.
canopy_begin() {
  canopy_events0=$(canopy_facts) canopy_lost0=$(canopy_lost) canopy_bytes0=$(canopy_sent "$sensor_pid")
}

canopy_metric() { # REGEX
  curl -sf "http://$http/metrics" | awk -v name="$1" '$1 ~ name { sum += $2 } END { printf "%.0f", sum }'
}
canopy_facts() { canopy_metric '^canopy_collector_events_total.type="(fork|exec|exit)",result="new"'; }
canopy_lost() { canopy hosts -o ndjson | jq -s 'map(.lost | add) | add // 0'; }
canopy_sent() {
  ss -tinpH state established | grep -A1 "pid=$1," | grep -o 'bytes_sent:[0-9]*' | head -n 1 | cut -d: -f2
}
canopy_memory() { # now, peak
  "$bin/meter" "$sensor_pid" | awk -F'[= ]' '{ printf "%.1f, %.1f MiB", $4 / 1024, $6 / 1024 }'
}

# Everything up to now has arrived once a program that is executed now has: order holds all the way.
canopy_settle() {
  local mark=mark-$RANDOM$RANDOM$RANDOM
  "$bin/noop" "$mark"
  wait_until 30 has "proc.cmdline contains $mark" || die "the collector did not hear of $mark"
}

canopy_down() {
  monitor_bytes=$(($(canopy_sent "$sensor_pid") - canopy_bytes0))
  monitor_events=$(($(canopy_facts) - canopy_events0))
  monitor_lost=$(($(canopy_lost) - canopy_lost0))
  stop_process "$sensor_pid"
}
