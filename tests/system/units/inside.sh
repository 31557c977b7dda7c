#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A service of the container that units.sh boots: what the two units do under a real systemd lies in /told afterwards, a line 'KEY VALUE' for each fact.
cd /told && exec >log 2>&1
export PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin
units=(canopy-collector canopy-sensor)

tell() { echo "$*" >>facts; }
in_time() { # COMMAND…: until it succeeds, for a minute at most
  local i
  for ((i = 0; i < 600; i++)); do "$@" >/dev/null 2>&1 && { echo yes; return; }; sleep 0.1; done
  echo no
}
works() { curl -sf http://127.0.0.1:7070/readyz && [ "$(canopy hosts -o ndjson | jq -r .state)" = live ]; }
main_pid() { systemctl show -p MainPID --value "$1"; }
follows() { local pid; pid=$(main_pid "$1") && [ "$pid" -gt 0 ] && [ "$pid" != "$2" ]; }

tell works "$(in_time works)"
for unit in "${units[@]}"; do
  pid=$(main_pid "$unit")
  cp "/proc/$pid/status" "$unit.status"
  tell "$unit.users" "$(wc -l <"/proc/$pid/uid_map")"
  systemctl reload "$unit"
  tell "$unit.reloaded" "$(systemctl is-active "$unit") $(main_pid "$unit" | grep -cx "$pid")"
done
tell state "$(stat -c '%U %a' /var/lib/canopy/collector)"
tell spool "$(stat -c '%U %a' /var/lib/canopy-sensor/spool)"

systemctl restart canopy-collector
tell restarted "$(in_time works)"
for unit in "${units[@]}"; do
  pid=$(main_pid "$unit")
  kill -KILL "$pid"
  tell "$unit.followed" "$(in_time follows "$unit" "$pid") $(in_time works)"
done
systemctl stop "${units[@]}"
for unit in "${units[@]}"; do tell "$unit.stopped" "$(systemctl show -p Result -p ExecMainStatus --value "$unit" | tr '\n' ' ')"; done
journalctl -o cat --no-pager -u canopy-collector >canopy-collector.log
journalctl -o cat --no-pager -u canopy-sensor >canopy-sensor.log
tell end
systemctl poweroff
