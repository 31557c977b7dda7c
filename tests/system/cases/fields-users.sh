#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names of users that no file of the host has: a name service of our own answers, as a directory would, and counts how
# often it is asked.
source "$(dirname "$0")/../lib.sh"
need_bpf
[ -f /etc/nsswitch.conf ] || skip_all "there is no /etc/nsswitch.conf to lay another one over"
type -P setpriv >/dev/null || skip_all "setpriv (util-linux) is missing"
known=500007 unknown=400007
times=20

echo "passwd: files told" >"$work/nsswitch"
start_collector
as() { # UID PROGRAM…
  setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"
}
setpriv --reuid "$known" --regid "$known" --clear-groups sleep 600 &
before=$!
pids+=("$before")
check "a process of that user runs" wait_until 10 grep -q "^Uid:.$known" "/proc/$before/status"

unshare --mount --propagation private bash -c 'mount --bind "$1" /etc/nsswitch.conf && shift && exec "$@"' with_names \
  "$work/nsswitch" \
  env LD_LIBRARY_PATH="$WORKLOADS" CANOPY_NSS_ASKED="$work/asked" \
  "$CANOPY_SENSOR" --collector "$listen" --spool "$work/spool" >>"$work/sensor.log" 2>&1 &
pids+=($!)
check "the host is live" wait_until 20 host_is "$(hostname)" live
check "the sensor is confined" grep -q event=confined "$work/sensor.log"

for ((i = 0; i < times; i++)); do as "$known" /bin/true "$marker-known"; done
as "$unknown" /bin/true "$marker-unknown"
/bin/true "$marker-last"
of() { echo "proc.cmdline contains $marker-$1 and proc.name = true and proc.alive = false"; }
check "all of it is told" wait_until 20 has "$(of last)"
check "fields: user: a name that only a name service knows" equal \
  "$(processes "$(of known)" | jq -sc 'map([.uid, .user]) | unique')" "[[$known,\"told-$known\"]]"
check "fields: user: of each of $times" equal "$(processes "$(of known)" | wc -l)" "$times"
check "fields: user: of who ran before the sensor did" equal \
  "$(one_process '[.uid, .user, .quality] | tojson' "proc.pid = $before and proc.ppid = $$")" \
  "[$known,\"told-$known\",[\"seeded\"]]"
check "fields: user: nobody invents a name" equal "$(one_process '[.uid, .user] | tojson' "$(of unknown)")" \
  "[$unknown,null]"
check "fields: user: found by its name" equal \
  "$(processes "user.name = told-$known and proc.pid = $before" | jq .pid)" "$before"
check "fields: user: root is who the files say" equal "$(one_process .user "$(of last)")" "$(id -nu)"

# Asked once a minute at most, however many processes there are: names are remembered, and that there is none, too.
minutes=$((SECONDS / 60 + 1))
for id in $known $unknown; do
  asked=$(grep -c "^$id$" "$work/asked")
  check "fields: user: $id: the name service was asked once ($asked)" test "$asked" -ge 1 -a "$asked" -le "$minutes"
done
finish
