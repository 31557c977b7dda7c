# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# From an exec on this host until whoever follows the console's events sees it.
part_latency() {
  title "Latency: exec to the console's event stream, $asks programs, $(load)"
  canopy_sensor_up
  "$bin/latency" "$http" "$asks" "$bin/noop" >"$work/latency" || die "no latency"
  row "p50, p90, p99, max" "$(for i in p50 p90 p99 max; do value ${i}_ms <"$work/latency"; done | paste -sd ' ') ms"
  stop_process "$sensor_pid"
}
