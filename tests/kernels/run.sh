#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD ARM64 [LINE…]: boots Debian kernels under qemu with the programs of BUILD in an initramfs, runs the system tests there (or those that
# CANOPY_KERNEL_TESTS names), and prints their TAP and one line of counts. Lines: 5.10 6.1 6.12 7, and arm64 (6.12 with the cross build in ARM64; '-' is none).
# Two guests a line share its tests, and as many guests run as there are CPUs. Exit code 75: the kernels cannot be fetched.
#
# Emulated by TCG: one CPU a guest, since more need more of the host for the same work; without cx16, since QEMU 7.2 corrupts flags with it and guests
# oops at random; without the guest's mitigations, which protect nobody here; without random addresses, since QEMU before 8.0 translates code anew
# wherever it is mapped (a third of the CPU time).
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) arm64=$2
shift 2
cache=$build/kernels
slots=${CANOPY_KERNEL_GUESTS:-$(nproc)}
seconds=2400 # bound of one guest: ten times what it takes on a quiet machine
shards=2

default_lines=(5.10 6.1 6.12 7)
[ "$arm64" = - ] || default_lines+=(arm64)
[ $# -gt 0 ] && lines=("$@") || lines=("${default_lines[@]}")

# NAME COST: seconds that it took in a guest on a quiet machine, so that the guests of a line end together. A case that is not named here costs 20.
costs='cases/collector-twice 48
cases/collector-loss 38
cases/exit-storm 37
cases/collector-loss-proc 36
cases/exec-arguments 28
cases/fields-process 28
cases/collector-million 25
cases/collector-snapshot 25
cases/collector-snapshot-proc 25
cases/idle 25
check 25
cases/clock-hosts 23
cases/fields-lake-proc 23
cases/exec-paths 22
cases/collector-shuffled 20
privacy 20
restart 20
cases/tree-parents 18
cases/collector-stop 17
cases/fields-lake 17
cases/exit-status 14
cases/exec-rights 13
hosts 10
cases/exec-images 8
demo 8
cases/tree-reuse 7
cases/fields-users 4'

# What shows that sensor and collector work on another architecture; the rest is the kernel's, and the same 6.12 has all of it.
arm64_tests='check demo cases/exit-status'

tests_of_guest() { # LINE SHARD: comma separated; the dearest first, each to the guest that has least to do
  local name known given=${CANOPY_KERNEL_TESTS:-}
  [ "$1" != arm64 ] || given=${given:-$arm64_tests}
  if [ -n "$given" ]; then
    tr ' ' '\n' <<<"$given"
  else
    printf '%s\n' check demo hosts privacy restart
    (cd "$here/../system" && ls cases/*.sh) | sed 's/\.sh$//' | grep -v '/observe$'
  fi | while read -r name; do
    known=$(awk -v n="$name" '$1 == n {print $2}' <<<"$costs")
    echo "${known:-20} $name"
  done | sort -k1,1rn -k2 | awk -v shards=$shards -v mine="$2" '
    { least = 0; for (i = 1; i < shards; i++) if (sum[i] < sum[least]) least = i; sum[least] += $1; if (least == mine) list = list "," $2 }
    END { print substr(list, 2) }'
}

boot() { # LINE SHARD TESTS: the serial log stands in $cache/LINE-SHARD.log, what it took in .time
  local log=$cache/$1-$2.log machine
  case $1 in
    arm64) machine=(qemu-system-aarch64 -machine virt -cpu cortex-a72 -append "console=ttyAMA0 quiet panic=-1 mitigations=off norandmaps tests=$3") ;;
    *) machine=(qemu-system-x86_64 -cpu "max,-cx16" -append "console=ttyS0 quiet panic=-1 mitigations=off norandmaps tests=$3") ;;
  esac
  local initramfs=$cache/amd64.gz TIMEFORMAT='%R s, %U s of CPU'
  [ "$1" != arm64 ] || initramfs=$cache/arm64.gz
  rm -f "$log"
  { time timeout "$seconds" "${machine[@]}" -accel tcg -m 1024 -smp 1 -nodefaults -no-user-config -display none -serial "file:$log" -no-reboot \
    -kernel "$cache/vmlinuz-$1" -initrd "$initramfs" </dev/null >"$cache/$1-$2.qemu" 2>&1; } 2>"$cache/$1-$2.time"
}

result_of() { tr -d '\r' <"$cache/$1-$2.log" 2>/dev/null | grep -aoE '^RESULT: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped'; }

guest() { # LINE SHARD: to its end; once more when it gave no result though it had time
  local tests
  tests=$(tests_of_guest "$1" "$2")
  [ -n "$tests" ] || { echo "RESULT: 0 passed, 0 failed, 0 skipped" >"$cache/$1-$2.log"; return; }
  boot "$1" "$2" "$tests"
  [ $? = 124 ] || [ -n "$(result_of "$1" "$2")" ] || { echo "# $1: no result line: once more"; boot "$1" "$2" "$tests"; }
  echo "# $1, guest $2 of $shards: $(result_of "$1" "$2" || echo "no result"); $(cat "$cache/$1-$2.time"), host load $(cut -d' ' -f1-3 /proc/loadavg)"
}

tell() { # LINE SHARD RELEASE: its TAP; adds to the counts
  local result p f s
  echo "# --- $3"
  tr -d '\r' <"$cache/$1-$2.log" | grep -aE '^(ok|not ok|#|1\.\.0)' | sed "s/^\(ok\|not ok\) - /\1 - $1: /"
  result=$(result_of "$1" "$2")
  if [ -z "$result" ]; then
    echo "not ok - $1: the guest gave no result; its last lines:"
    { tail -n 15 "$cache/$1-$2.log"; cat "$cache/$1-$2.qemu"; } | tr -d '\r' | sed 's/^/# /'
    failed=$((failed + 1))
    return
  fi
  read -r _ p _ f _ s _ <<<"$result"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

end_guests() {
  local pid
  trap - EXIT INT TERM
  for pid in $(jobs -rp); do pkill -TERM -P "$pid"; kill -TERM "$pid"; done 2>/dev/null
  wait
}
trap end_guests EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$cache"
kernels=$("$here/fetch.sh" "$cache" "${lines[@]}") || exit
for line in "${lines[@]}"; do
  grep -q "^$line " <<<"$kernels" || { echo "run.sh: no line '$line': give some of ${default_lines[*]}" >&2; exit 2; }
done
"$here/initramfs.sh" / "$build" "$cache/amd64.gz" || exit 1
if [[ " ${lines[*]} " == *" arm64 "* ]]; then "$here/initramfs.sh" "$arm64/sysroot" "$arm64" "$cache/arm64.gz" || exit 1; fi

for line in "${lines[@]}"; do
  for ((shard = 0; shard < shards; shard++)); do
    [ "$(jobs -rp | wc -l)" -lt "$slots" ] || wait -n
    guest "$line" $shard &
  done
done
wait

passed=0 failed=0 skipped=0
while read -r line _ release; do
  for ((shard = 0; shard < shards; shard++)); do tell "$line" $shard "$release"; done
done <<<"$kernels"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
