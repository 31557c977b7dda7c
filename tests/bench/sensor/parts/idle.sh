# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What a sensor takes that has nothing to tell. Nothing of this part begins a process while it looks, and the kernel's own count of forks says
# whether others did: the quietest of some windows counts.
idle_window=2 # seconds

# idle_look: sets look_cpu (ns), look_switches, look_forks; without a process.
idle_look() {
  local file ns rest key number
  look_cpu=0 look_switches=0 look_forks=0
  for file in /proc/"$sensor_pid"/task/*; do
    read -r ns rest <"$file/schedstat" && look_cpu=$((look_cpu + ns))
    while read -r key number; do [[ $key == *voluntary_ctxt_switches: ]] && look_switches=$((look_switches + number)); done <"$file/status"
  done
  while read -r key number rest; do [ "$key" = processes ] && look_forks=$number; done </proc/stat
}

part_idle() {
  local i cpu switches forks silence
  title "Idle: $((idle_seconds / idle_window)) windows of $idle_window s, $(load)"
  canopy_sensor_up
  exec {silence}<> <(:)
  : >"$work/idle"
  for ((i = 0; i < idle_seconds / idle_window; i++)); do
    idle_look
    cpu=$look_cpu switches=$look_switches forks=$look_forks
    read -r -t $idle_window -u "$silence" _
    idle_look
    echo "$((look_forks - forks)) $((look_cpu - cpu)) $((look_switches - switches))" >>"$work/idle"
  done
  exec {silence}>&-
  sort -g "$work/idle" | awk -v s=$idle_window 'NR == 1 { printf "%d forks on the machine meanwhile: %.3f ms/s of CPU, %.1f context switches/s\n", $1, $2 / s / 1e6, $3 / s }' >"$work/quiet"
  row "the quietest window" "$(cat "$work/quiet")"
  row "all windows: forks/s, CPU ms/s, switches/s (medians)" "$(for i in 1 2 3; do awk -v c=$i -v s=$idle_window '{ print $c / s / (c == 2 ? 1e6 : 1) }' "$work/idle" | median; done | tr '\n' ' ')"
  row "RSS, peak" "$("$bin/meter" "$sensor_pid" | awk -F'[= ]' '{ printf "%.1f, %.1f MiB", $4 / 1024, $6 / 1024 }')"
  stop_process "$sensor_pid"
}
