#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# './dev run' as a user sees it: the live view on a terminal, events elsewhere; however it ends, nothing goes on
# running.
source "$(dirname "$0")/lib.sh"
need_bpf

dev=$(dirname "$0")/../../dev
export CANOPY_STATE=$work/state

collector_of() { cat "$CANOPY_STATE/collector/journal/lock" 2>/dev/null; }
sensor_of() { cat "$CANOPY_STATE/spool/lock" 2>/dev/null; }
shows_processes() { CANOPY_SERVER=http://$(cat "$CANOPY_STATE/collector/http") canopy ps --limit 1; }
ended() { ! kill -0 "$1" 2>/dev/null; }

# begin COMMAND…: starts it with an open door for keys and waits until processes are shown. Sets pid, collector, sensor.
begin() {
  rm -f "$work/keys"
  mkfifo "$work/keys"
  "$@" <"$work/keys" >"$work/screen" 2>&1 &
  pid=$!
  pids+=("$pid")
  exec {keys}>"$work/keys"
  check "$how: processes are shown" wait_until 60 shows_processes
  check "$how: the picture is there" wait_until 20 grep -q "$expect" "$work/screen"
  collector=$(collector_of) sensor=$(sensor_of)
  pids+=("$collector" "$sensor")
}

# end: what ran must be gone by itself, and before ./dev where that is what we wait for.
end() {
  local patience=${1:-0}
  check "$how: ./dev ends" wait_until 20 ended "$pid"
  check "$how: the collector has ended" wait_until $patience ended "$collector"
  check "$how: the sensor has ended" wait_until $patience ended "$sensor"
  check "$how: nothing went wrong in the script" not grep -q 'dev: line' "$work/screen"
  exec {keys}>&-
}

how="q on a terminal" expect='q quit'
begin script -qfec "$dev run" /dev/null
printf q >&"$keys"
end

how="Ctrl-C on a terminal"
begin script -qfec "$dev run" /dev/null
printf '\003' >&"$keys"
end

how="a closed terminal"
begin script -qfec "$dev run" /dev/null
kill -KILL "$pid" && wait "$pid" 2>/dev/null # whoever holds the terminal: the kernel hangs up
end 20

how="without a terminal" expect='COMMAND'
begin setsid "$dev" run
kill -INT -- "-$pid"
end

finish
