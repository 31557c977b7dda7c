# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What the sensor's BPF programs take of a life, counted by the kernel while the real sensor reads: a figure that the
# load of the machine bends little.

# programs_case DESCRIPTION WORKLOAD-ARGUMENTS [-- SENSOR-ARGUMENTS]
programs_case() {
  local description=$1 given=() i
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do given+=("$1"); shift; done
  [ $# -eq 0 ] || shift
  canopy_sensor_up "$@"
  : >"$work/life"; : >"$work/each"
  for ((i = 0; i < program_rounds; i++)); do
    "$bin/programs" "$sensor_pid" "$bin/workload" -c "${given[@]}" exec "$lives" >"$work/said" || die "no BPF run time"
    programs_life life <"$work/said" | cut -d' ' -f2 >>"$work/life"
    awk '/^program=/ { sub(/.*_/, "", $1); sub(/.*=/, "", $3); print $1, $3 }' "$work/said" >>"$work/each"
  done
  stop_process "$sensor_pid"
  row "$description" "$(statistics -v places=2 <"$work/life") us; lowest $(sort -g "$work/life" | head -n 1); $(
    for i in fork exec exit; do
      printf '%s %s ns, ' $i "$(awk -v h=$i '$1 == h { print $2 }' "$work/each" | median)"
    done | sed 's/, $//')"
}

part_programs() {
  title "BPF run time of a fork + exec + exit life: $program_rounds rounds of $lives lives, one worker, $(load)"
  programs_case "all fields"
  programs_case "all fields, an argument of 4 KiB" -a 4096
  programs_case "all fields, plain hooks (--raw-tracepoint)" -- --raw-tracepoint
}
