#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the collector gives up, seen from outside; what the sensor takes of its host's memory; the units of both by systemd's own judgement where that is
# installed.
. "$(dirname "$0")/lib.sh"
need_root

# of PID FIELD: the values of all its threads in /proc/PID/task/*/status, each once.
of() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/task/"*/status | sort -u | tr '\n' ' '; }
confined() { # PID: nothing is left, in any thread
  local field
  for field in CapInh CapPrm CapEff CapAmb; do equal "$field $(of "$1" $field)" "$field 0000000000000000 " || return 1; done
  equal "$(of "$1" Seccomp)" '2 ' && equal "$(of "$1" NoNewPrivs)" '1 '
}
refused() { # CODE TEXT ARGUMENT…
  local output code
  output=$("$CANOPY_COLLECTOR" --listen "$loopback:0" --http "$loopback:0" "${@:3}" 2>&1)
  code=$?
  echo "$code: $output"
  [ $code -eq "$1" ] && grep -qF -- "$2" <<<"$output"
}

chmod 755 "$work"
mkdir "$work/for-nobody" && chown nobody: "$work/for-nobody"
"$CANOPY_COLLECTOR" --listen "$loopback:0" --http "$loopback:0" --state "$work/for-nobody/own" --user nobody >"$work/nobody.log" 2>&1 &
collector_pid=$!
pids+=("$collector_pid")
wait_until 20 test -s "$work/for-nobody/own/http"
check "started as root it becomes the user that it is told" equal "$(of "$collector_pid" Uid)" "$(id -u nobody) "
check "with that user's groups" equal "$(of "$collector_pid" Gid)" "$(id -g nobody) "
check "it keeps no capability, and runs under a filter" confined "$collector_pid"
check "it works" curl -sf "http://$(cat "$work/for-nobody/own/http")/readyz"
check "its state folder is that user's" equal "$(stat -c '%U %a' "$work/for-nobody/own")" 'nobody 700'
stop_process "$collector_pid"

unset listen http
start_collector
check "as root without --user it says so" grep -q 'event=runs-as-root remedy="give --user' "$work/collector.log"
check "and keeps no capability either" confined "$collector_pid"
stop_process "$collector_pid"

check "a user that is not there is named" refused 1 "there is no user 'nosuchuser'" --state "$work/x" --user nosuchuser
check "root is nobody to become" refused 1 'is root' --state "$work/x" --user root
check "another user's folder is refused" refused 1 'belongs to user' --state "$work/for-nobody/own"
mkdir -m 0777 "$work/open"
check "a folder that others can write is refused" refused 1 'chmod go-w' --state "$work/open"
check "a user who is not root becomes nobody else" eval "! setpriv --reuid nobody --regid nogroup --clear-groups $CANOPY_COLLECTOR --state $work/for-nobody/y --user daemon >$work/other.log 2>&1; grep -q 'only root can become' $work/other.log"

# With a bound and not measured: some 5 MB are resident where nothing else runs (docs/sensor.md).
rss_max=9765   # KiB: 10 MB
peak_max=15625 # 16 MB, while BPF loads
small() { local rss; rss=$(of "$sensor_pid" VmRSS); echo "VmRSS ${rss}KiB"; [ "$rss" -le $rss_max ]; }
low_peak() { local peak; peak=$(of "$sensor_pid" VmHWM); echo "VmHWM ${peak}KiB"; [ "$peak" -le $peak_max ]; }
if [ ! -x "$CANOPY_SENSOR" ] || [ ! -r /sys/kernel/btf/vmlinux ]; then
  check "the sensor takes at most 10 MB # SKIP no sensor here, or no BTF" true
elif grep -qa __asan_init "$CANOPY_SENSOR"; then
  check "the sensor takes at most 10 MB # SKIP AddressSanitizer takes more" true
else
  start_collector
  MALLOC_PERTURB_=0 start_sensor small # a perturbed malloc touches what is only reserved
  check "the sensor's host is live" wait_until 20 host_is "$(hostname)" live
  check "it takes at most 10 MB once its start is over" wait_until 20 small
  for ((i = 0; i < 500; i++)); do /bin/true "$marker"; done
  check "its facts arrive" wait_until 20 has "proc.cmdline = 'true $marker'"
  check "and then, too: $(small)" small
  check "and at most 16 MB ever: $(low_peak)" low_peak
  stop_process "$sensor_pid"
  stop_process "$collector_pid"
fi

spool_refused() { # TEXT SPOOL: by the sensor, in one line, before it does anything
  local output code
  output=$(timeout 20 "$CANOPY_SENSOR" --collector 127.0.0.1:1 --spool "$2" 2>&1)
  code=$?
  echo "$code: $output"
  [ $code -eq 1 ] && [ "$(grep -c 'object=--spool' <<<"$output")" = 1 ] && grep -qF -- "$1" <<<"$output" && [ -z "$(ls -A "$2")" ]
}
if [ -x "${CANOPY_SENSOR:-}" ]; then
  mkdir -m 0700 "$work/spool-foreign" && chown nobody: "$work/spool-foreign"
  ln -s "$work/spool-mine" "$work/spool-link" && chown -h nobody: "$work/spool-link" && mkdir -m 0700 "$work/spool-mine"
  check "a spool that others can write is refused" spool_refused 'chmod go-w it' "$work/open"
  check "another user's, too" spool_refused 'chown it' "$work/spool-foreign"
  check "and one behind another user's link" spool_refused 'name the folder itself' "$work/spool-link"
else
  check "the sensor looks at its spool # SKIP no sensor here" true
fi

# calls_of SET: the names of all its calls, those of sets within it included.
calls_of() {
  local line
  while read -r line; do
    case $line in '' | '#'* | "$1") ;; @*) calls_of "$line" ;; *) echo "$line" ;; esac
  done < <(SYSTEMD_COLORS=0 systemd-analyze --no-pager syscall-filter "$1")
}
# filter_of UNIT: what its lines of SystemCallFilter= come to, in their order; systemd adds @default.
filter_of() {
  local word words how
  calls_of @default >"$work/calls"
  while read -ra words; do
    how=add
    for word in "${words[@]}"; do
      [ "${word#\~}" = "$word" ] || how=remove
      word=${word#\~}
      [[ $word = @* ]] && calls_of "$word" >"$work/set" || echo "$word" >"$work/set"
      if [ $how = add ]; then cat "$work/set" >>"$work/calls"; else grep -vxFf "$work/set" "$work/calls" >"$work/left"; mv "$work/left" "$work/calls"; fi
    done
  done < <(sed -n 's/^SystemCallFilter=//p' "$1")
  echo execve >>"$work/calls" # for whoever starts it
  sort -u "$work/calls"
}
# As its unit runs it: no capability, the unit's calls alone, nobody else's processes and of /proc nothing but processes.
start_as_unit() {
  filter_of "$work/canopy-collector.service" >"$work/allowed"
  mkdir "$work/for-nobody/unit"
  chown nobody: "$work/for-nobody/unit" && chmod 700 "$work/for-nobody/unit"
  unshare --mount sh -c 'mount -t proc -o subset=pid,hidepid=2 proc /proc && exec "$@"' sh setpriv --reuid nobody --regid nogroup --clear-groups --bounding-set=-all \
    --inh-caps=-all --no-new-privs "$CANOPY_BUILD/tests/system/workloads/workload-unit-filter" "$work/allowed" "$CANOPY_COLLECTOR" --listen "$loopback:0" --http "$loopback:0" \
    --state "$work/for-nobody/unit/state" >"$work/unit.log" 2>&1 &
  collector_pid=$!
  pids+=("$collector_pid")
  wait_until 20 test -s "$work/for-nobody/unit/state/http"
}
filters() { awk '/^Seccomp_filters:/ { print $2 }' "/proc/$1/status"; }

if command -v systemd-analyze >/dev/null; then
  for unit in collector sensor; do
    program=$CANOPY_COLLECTOR
    [ $unit = collector ] || program=$CANOPY_SENSOR
    sed "s|^ExecStart=[^ ]*|ExecStart=$program|" "$CANOPY_BUILD/packaging/systemd/canopy-$unit.service" >"$work/canopy-$unit.service"
    check "the unit of the $unit is sound" eval "systemd-analyze verify --man=no $work/canopy-$unit.service 2>&1 | not grep 'canopy-$unit.service'"
  done
  check "the collector's unit exposes next to nothing" systemd-analyze security --offline=yes --threshold=20 "$work/canopy-collector.service"
  start_as_unit
  check "under what its unit allows it is ready" curl -sf "http://$(cat "$work/for-nobody/unit/state/http")/readyz"
  check "its own filter stands beside the unit's" equal "$(filters "$collector_pid")" $(($(filters $$) + 2))
  check "and it has nothing to warn of" not grep -E '^(warning|error)' "$work/unit.log"
  stop_process "$collector_pid"
  check "it stops cleanly" grep -q 'event=stopped' "$work/unit.log"
  if [ -x "${CANOPY_SENSOR:-}" ]; then
    kept=$(sed -n 's/^CapabilityBoundingSet=//p' "$work/canopy-sensor.service" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
    check "with the capabilities of its unit the sensor can all that it can with every one" equal \
      "$(setpriv --bounding-set="-all,$kept" --inh-caps=-all --no-new-privs "$CANOPY_SENSOR" --check)" "$("$CANOPY_SENSOR" --check)"
  else
    skip "what the sensor's unit leaves it" "no sensor here"
  fi
else
  check "the units ask for what they should # SKIP no systemd-analyze here" true
fi
finish
