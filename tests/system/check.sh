#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What --check says of this kernel is what docs/kernels.md promises of it; and a kernel that lacks what the sensor needs is refused in one clear line.
source "$(dirname "$0")/lib.sh"
need_bpf
table=$(dirname "$0")/../../docs/kernels.md
[ -r "$table" ] || table=/docs/kernels.md # of a guest
release=$(uname -r)

"$CANOPY_SENSOR" --check >"$work/checked" 2>"$work/check.log"
check "this kernel is usable" equal "$?" 0
sed 's/^/# /' "$work/checked"
state_of() { awk -v name="$1" '$1 == name {print $2}' "$work/checked"; }
check "the kernel is named" equal "$(state_of kernel)" "$release"

# The first table: the last column that is not newer than this kernel.
expected() { # FEATURE…: lines of FEATURE STATE
  awk -F '|' -v release="$release" '
    function number(version, part) { split(version, part, "."); return part[1] * 1000 + part[2] }
    /^\| feature .*[0-9]/ { for (i = 3; i < NF; i++) if (number($i) <= number(release)) column = i; on = column > 0; next }
    !/^\|/ { on = 0 }
    on && $2 ~ /[a-z]/ { gsub(/ /, "", $2); gsub(/ /, "", $column); print $2, $column }' "$table"
}
expected >"$work/expected"
check "the table knows this kernel" test "$(wc -l <"$work/expected")" -ge 9
# The second one does not depend on the kernel.
awk -F '|' '/^\| surroundings .*host of its own/ { on = 1; next } !/^\|/ { on = 0 } on && $2 ~ /[a-z]/ { gsub(/ /, "", $2); gsub(/ /, "", $3); print $2, $3 }' "$table" >>"$work/expected"
check "the table has the surroundings" test "$(wc -l <"$work/expected")" -ge 11
# What a kernel may be built without shows in /proc, too.
declare -A shown_by=([audit]=/proc/self/loginuid [io]=/proc/self/io [time-ns]=/proc/self/ns/time)
while read -r feature state; do
  [ -z "${shown_by[$feature]:-}" ] || [ -e "${shown_by[$feature]}" ] || state=no
  check "$feature: as docs/kernels.md says" equal "$(state_of "$feature")" "$state"
done <"$work/expected"
check "nothing but those of the tables" equal "$(awk '$1 != "kernel" && $1 != "ring" {print $1}' "$work/checked" | sort | xargs)" \
  "$(awk '{print $1}' "$work/expected" | sort | xargs)"

# ---- taken away
without() { # WHAT ARGUMENT…: the sensor on a kernel that lacks this
  local what=$1
  shift
  OLDER_KERNEL=$what LD_PRELOAD=$WORKLOADS/libolder-kernel.so "$CANOPY_SENSOR" "$@" 2>&1
}
refused() { # LINE COMMAND…: exit code 1, and this as the reason, both of --check and of a start
  local line=$1 output status
  shift
  output=$("$@" --check)
  status=$?
  [ $status = 1 ] && [[ $(tail -n 1 <<<"$output") == "result     unusable     $line" ]] || { echo "--check: $status: $output"; return 1; }
  output=$("$@" --print)
  status=$?
  [ $status = 1 ] && [[ $output == *"$line"* ]] && [ "$(wc -l <<<"$output")" = 1 ] || { echo "--print: $status: $output"; return 1; }
}
no_types() { unshare --mount --propagation private bash -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' no_types "$CANOPY_SENSOR" "$@" 2>&1; }
check "4.19: too old" refused "kernel 4.19.0-27-amd64 is too old for the sensor's BPF programs: boot 5.10 or later" without release=4.19.0-27-amd64
check "without type information" refused \
  "kernel $release has no type information (/sys/kernel/btf/vmlinux): boot a kernel built with CONFIG_DEBUG_INFO_BTF=y" no_types
check "without bpf" refused "kernel $release has no bpf system call: boot a kernel built with CONFIG_BPF_SYSCALL=y" without no-bpf
check "without ring buffers" refused "kernel $release has no BPF ring buffer: boot 5.10 or later as its maker built it" without no-ring
check "where BPF is not allowed" refused \
  "the kernel does not let this process (uid 0) load BPF programs: run as root or with CAP_BPF and CAP_PERFMON, and not under lockdown=confidentiality" without refused

degraded() { # FEATURE STATE WHAT: usable, and it says so
  local output
  output=$(without "$3" --check) || { echo "exit code $?: $output"; return 1; }
  grep -q "^$1 *$2 *degraded: " <<<"$output" && grep -q '^result *usable *degraded as said above' <<<"$output" || { echo "$output"; return 1; }
}
check "typed hooks refused: plain ones" degraded hooks plain no-typed
check "iterator refused: /proc" degraded snapshot procfs no-iterator

check "no filter of system calls: privileges are kept" degraded confine no no-seccomp
other_proc() { unshare --pid --fork --mount-proc "$CANOPY_SENSOR" "$@"; }
foreign_proc_told() {
  local output
  output=$(other_proc --check) || { echo "exit code $?: $output"; return 1; }
  grep -q '^proc *no *degraded: ' <<<"$output" && grep -q '^result *usable *degraded as said above' <<<"$output" || { echo "$output"; return 1; }
}
check "a /proc of another pid namespace: told" foreign_proc_told
check "--no-confine is as asked, not degraded" eval '"$CANOPY_SENSOR" --check --no-confine >"$work/unconfined" && grep -q "^confine *off " "$work/unconfined" &&
  grep -q "^result *usable *nothing is degraded" "$work/unconfined"'
check "with --env other constants are verified, and more is kept" eval '"$CANOPY_SENSOR" --check --env LANG >"$work/with-env" &&
  grep -q "^confine *yes" "$work/with-env" && grep -q "^result *usable *nothing is degraded" "$work/with-env"'
# Who starts nevertheless says it, too: once, in its log.
unshare --pid --fork --kill-child --mount-proc "$CANOPY_SENSOR" --print >"$work/foreign" 2>"$work/foreign.log" &
pids+=($!)
check "a sensor with such a /proc says so at its start" wait_until 20 grep -q 'event=proc-unusable object=/proc .* remedy="run in the pid namespace of the host' "$work/foreign.log"
stop_process "${pids[-1]}" KILL # unshare forwards no other signal
OLDER_KERNEL=no-seccomp LD_PRELOAD=$WORKLOADS/libolder-kernel.so "$CANOPY_SENSOR" --print >"$work/open" 2>"$work/open.log" &
pids+=($!)
check "so does one that keeps its privileges" wait_until 20 grep -q 'event=unconfined object="loading the seccomp filter' "$work/open.log"
stop_process "${pids[-1]}"

# As the tables, so the facts: the degraded forms tell of a life, too.
for what in no-typed no-iterator; do
  OLDER_KERNEL=$what LD_PRELOAD=$WORKLOADS/libolder-kernel.so "$CANOPY_SENSOR" --print >"$work/printed-$what" 2>"$work/$what.log" &
  pids+=($!)
  told() { /bin/true; grep -q '^\[EXEC\].* comm=true ' "$work/printed-$what" && grep -q '^\[EXIT\].* comm=true code=0' "$work/printed-$what"; }
  check "$what: fork, exec and exit are told" wait_until 10 told
done
finish
