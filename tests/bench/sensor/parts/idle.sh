# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# What a sensor takes that has nothing to tell. Nothing of this part begins a process while it looks, and the kernel's
# own count of forks says whether others did: of many short windows those count in which, and in the one before, no
# process began. On a busy machine they are few.
idle_window=0.25 # seconds
idle_settles=10  # seconds after which a sensor tells of nothing but every five seconds that it is there

# idle_look: sets look_cpu (ns), look_switches, look_forks; without a process.
idle_look() {
  local file ns rest key number
  look_cpu=0 look_switches=0 look_forks=0
  while read -r key number rest; do [ "$key" = processes ] && look_forks=$number; done </proc/stat
  for file in /proc/"$sensor_pid"/task/*; do
    read -r ns rest <"$file/schedstat" && look_cpu=$((look_cpu + ns))
    while read -r key number; do
      [[ $key == *voluntary_ctxt_switches: ]] && look_switches=$((look_switches + number))
    done <"$file/status"
  done
}

idle_watch() { # one line a window: forks, CPU ns, switches
  local i windows silence cpu switches forks
  windows=$(compute "$idle_seconds / $idle_window" %.0f)
  mkfifo "$work/silence"
  exec {silence}<>"$work/silence"
  read -r -t $idle_settles -u "$silence" _
  for ((i = 0; i < windows; i++)); do
    idle_look
    cpu=$look_cpu switches=$look_switches forks=$look_forks
    read -r -t $idle_window -u "$silence" _
    idle_look
    echo "$((look_forks - forks)) $((look_cpu - cpu)) $((look_switches - switches))"
  done >"$work/idle"
  exec {silence}>&-
  rm -f "$work/silence"
}

part_idle() {
  title "Idle: windows of $idle_window s in $idle_seconds s, $(load)"
  canopy_sensor_up
  idle_watch
  row "windows without a new process" "$(awk -v s=$idle_window '
    { quiet = NR > 1 && $1 == 0 && before == 0; before = $1; if (quiet) { n++; cpu += $2; switches += $3 } }
    END {
      if (n) printf "%d of %d: %.3f ms/s of CPU, %.2f context switches/s", n, NR, cpu / n / s / 1e6, switches / n / s
      else print "none: other work begins processes all the time"
    }' "$work/idle")"
  row "all windows" "$(awk -v s=$idle_window '
    { f += $1; cpu += $2; switches += $3 }
    END {
      printf "%.1f forks/s on the machine: ", f / NR / s
      printf "%.3f ms/s of CPU, %.1f context switches/s", cpu / NR / s / 1e6, switches / NR / s
    }' "$work/idle")"
  row "RSS, peak" "$(canopy_memory)"
  stop_process "$sensor_pid"
}
