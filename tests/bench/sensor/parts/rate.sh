# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# How many lives a second lose nothing, the sensor at the same priority as the storm, as many workers as CPUs.

rate_case() { # WAY RATE (0 = as fast as it goes)
  local said lost0 lives_now
  lost0=$(canopy_lost)
  canopy_begin
  lives_now=$((($2 ? $2 : 12000) * rate_seconds))
  if [ "$2" = 0 ]; then said=$(workload -c -w "$(nproc)" "$1" "$lives_now")
  else said=$(workload -c -w "$(nproc)" -r "$2" "$1" "$lives_now"); fi
  canopy_settle
  row "$1, $([ "$2" = 0 ] && echo "as fast as it goes" || echo "$2/s asked")" \
    "$(value lives_per_s <<<"$said") lives/s for $(value seconds <<<"$said" | cut -c1-4) s; $((
      $(canopy_facts) - canopy_events0)) events, $(($(canopy_lost) - lost0)) lost"
}

part_rate() {
  title "Rate: lives a second of $(nproc) workers with the sensor at equal priority, $(load)"
  canopy_sensor_up
  local each
  for each in exec:6000 exec:12000 exec:0 spawn:0 fork:0; do rate_case "${each%:*}" "${each#*:}"; done
  row "RSS of the sensor now, at its peak" "$(canopy_memory)"
  stop_process "$sensor_pid"
}
