# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# A reader that gets no time at all: the sensor is stopped while a storm overflows its ring. What the kernel's proc
# connector, an independent counter, saw of the same time must be what was delivered and what was counted as lost.

starved_told() { [ $(($(canopy_facts) - canopy_events0 + $(canopy_lost) - canopy_lost0)) -ge "$produced" ]; }

part_starved() {
  local storm=30000 delivered lost
  title "Starved: the sensor stopped during $storm lives, $(load)"
  canopy_sensor_up
  canopy_begin
  connector_up
  kill -STOP "$sensor_pid"
  workload -w "$(nproc)" exec "$storm" >/dev/null
  connector_down
  produced=$monitor_events
  kill -CONT "$sensor_pid"
  wait_until 15 starved_told
  canopy_settle
  delivered=$(($(canopy_facts) - canopy_events0)) lost=$(($(canopy_lost) - canopy_lost0))
  row "produced (proc connector, which lost $monitor_lost)" "$produced"
  row "delivered + counted as lost" "$delivered + $lost = $((delivered + lost))"
  row "of them not of the storm's time (before, after)" "$((delivered + lost - produced))"
  stop_process "$sensor_pid"
}
