#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The units of packaging/systemd under a real systemd: a container of this machine's own root file system, below a layer that is thrown away and in which
# 'meson install' has been run. It has a network of its own, and of the machine's services it starts what every boot needs alone.
. "$(dirname "$0")/lib.sh"
need_bpf
type -P systemd-nspawn >/dev/null || skip_all "systemd-nspawn is missing (Debian: systemd-container)"
type -P meson >/dev/null || skip_all "meson, which installs, is missing"
layer=$work/layer

fact() { sed -n "s/^$1 //p" "$layer/upper/told/facts" 2>/dev/null; }
status() { awk -v field="$2:" '$1 == field { print $2 }' "$layer/upper/told/$1.status"; } # UNIT FIELD
log_has() { grep -q "$2" "$layer/upper/told/$1.log"; } # UNIT TEXT
booted() { [ -e "$layer/upper/told/log" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }

lay() {
  local told=$layer/upper/told units=$layer/upper/etc/systemd/system
  mkdir -p "$layer/work" "$layer/root" "$told" "$units" && chmod 755 "$layer/upper"
  DESTDIR=$layer/upper meson install -C "$CANOPY_BUILD" --no-rebuild >"$work/install.log" || return
  cp "$(dirname "$0")/units/inside.sh" "$told/inside.sh"
  printf '[Service]\nType=oneshot\nExecStart=/bin/bash /told/inside.sh\n' >"$units/canopy-told.service"
  printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=canopy-collector.service canopy-sensor.service canopy-told.service\n' >"$units/canopy.target"
}

# In cgroups of its own: of what a container makes in those where it was begun, folders stay behind.
enter_cgroups() {
  local where type options cgroups=()
  while read -r _ where type options _; do
    [[ $type == cgroup2 || ,$options, == *,name=systemd,* ]] || continue
    mkdir "$where/canopy-units.$$" && cgroups+=("$where/canopy-units.$$")
  done </proc/self/mounts
  for where in "${cgroups[@]}"; do echo "$BASHPID" >"$where/cgroup.procs"; done
}
leave_cgroups() {
  local where
  for where in /sys/fs/cgroup/*/canopy-units.$$ /sys/fs/cgroup/canopy-units.$$; do
    [ ! -d "$where" ] || find "$where" -depth -type d -exec rmdir {} \;
  done
}
units_cleanup() { end_processes; wait_until 5 leave_cgroups; cleanup; }
trap units_cleanup EXIT

# All that it mounts is gone with it.
boot() {
  enter_cgroups
  exec unshare --mount bash -c '
    mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root" && mount -t tmpfs tmpfs /run || exit
    exec systemd-nspawn -q -D "$0/root" --boot --register=no --keep-unit --private-network --capability=CAP_BPF,CAP_PERFMON \
      --system-call-filter="bpf perf_event_open" --machine="canopy-units-$1" systemd.unit=canopy.target' "$layer" $$ </dev/null
}

mkdir "$layer" && mount -t tmpfs tmpfs "$layer" && mounts+=("$layer")
check "the product can be installed into a folder" lay
boot >"$work/boot.log" 2>&1 &
container=$!
pids+=("$container")
wait_until 60 eval "booted || gone $container"
if ! booted; then
  skip "both units under a real systemd" "systemd does not boot in a container here: $(tail -n 1 "$work/boot.log" | tr -d '\r')"
  finish
fi
check "the container comes to its end" wait_until 240 gone "$container"
check "its service has seen all" grep -qx end "$layer/upper/told/facts"

check "both units work: the console shows this host live" equal "$(fact works)" yes
check "the collector is a user of its own" equal "$(status canopy-collector Uid)" "$(awk -F: '$1 == "canopy" { print $3 }' "$layer/upper/etc/passwd")"
check "in a user namespace that knows root and this user alone" equal "$(fact canopy-collector.users)" 2
for field in CapInh CapPrm CapEff CapBnd CapAmb; do
  check "the collector has no capability ($field)" equal "$(status canopy-collector $field)" 0000000000000000
done
check "the sensor has CAP_BPF and CAP_SYS_PTRACE left" equal "$(status canopy-sensor CapEff) $(status canopy-sensor CapBnd)" '0000008000080000 0000000000000000'
for unit in canopy-collector canopy-sensor; do
  check "$unit: no new privileges, under a filter" equal "$(status $unit NoNewPrivs) $(status $unit Seccomp)" '1 2'
  check "$unit: its own confinement stands beside the unit's" log_has $unit event=confined
  check "$unit: a reload leaves it running" equal "$(fact $unit.reloaded)" 'active 1'
  check "$unit: killed, it is begun anew, and all works again" equal "$(fact $unit.followed)" 'yes yes'
  check "$unit: a stop is none of its failures" equal "$(fact $unit.stopped)" 'success 0 '
done
check "the state folder is that user's alone" equal "$(fact state)" 'canopy 700'
check "the spool is root's alone" equal "$(fact spool)" 'root 700'
check "a collector that was restarted works again" equal "$(fact restarted)" yes
finish
