#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# price.sh BUILD [quick|full] [PART…]: what watching costs, Canopy beside its peers, in one interleaved run. README.md beside this file says
# how to read it. No threshold: the figures are for people.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CANOPY_BUILD=$(cd "${1:?usage: price.sh BUILD [quick|full] [PART…]}" && pwd)
export CANOPY_BUILD
shift
# shellcheck source=tests/system/lib.sh
. "$here/../../system/lib.sh"

mode=quick
case ${1:-} in quick | full) mode=$1; shift ;; esac
if [ "$mode" = quick ]; then
  rounds=${PRICE_ROUNDS:-3} lives=${PRICE_LIVES:-1500} blocks=${PRICE_BLOCKS:-100} idle_seconds=${PRICE_IDLE:-10} asks=${PRICE_ASKS:-150}
else
  rounds=${PRICE_ROUNDS:-15} lives=${PRICE_LIVES:-3000} blocks=${PRICE_BLOCKS:-600} idle_seconds=${PRICE_IDLE:-60} asks=${PRICE_ASKS:-500}
fi
bin=$CANOPY_BUILD/tests/bench/sensor
known_monitors=(nothing canopy connector bpftrace quark auditd) # auditd last: see monitors/auditd.sh
known_parts=(pairs)
IFS=', ' read -r -a monitors <<<"${PRICE_MONITORS:-${known_monitors[*]}}"

title() { printf '\n%s\n' "$1"; }
row() { printf '  %-52s %s\n' "$1" "$2"; }
die() { echo "price: $*" >&2; exit 1; }
load() { echo "load $(cut -d' ' -f1 /proc/loadavg)"; }
value() { tr ' ' '\n' | sed -n "s/^$1=//p"; } # KEY: of the KEY=VALUE words on stdin
compute() { awk "BEGIN { printf \"${2:-%.2f}\", $1 }"; } # EXPRESSION [FORMAT]
statistics() { awk -f "$here/statistics.awk" "$@"; } # median and its interval of the numbers on stdin
median() { sort -g | awk '{ a[NR] = $1 } END { if (NR) print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'; }
workload() { "$bin/workload" "$@" || die "the workload failed"; }

# What a monitor changed on this machine beyond its own processes is undone however this ends; each entry is a command.
undo=()
leave() {
  local i
  for ((i = ${#undo[@]} - 1; i >= 0; i--)); do ${undo[i]}; done
  undo=()
  cleanup
}
trap leave EXIT

for file in "$here"/monitors/*.sh "$here"/parts/*.sh; do
  # shellcheck source=/dev/null
  . "$file"
done

[ "$(id -u)" = 0 ] || die "needs root: monitors load BPF programs or listen to the kernel"
[ -x "$CANOPY_SENSOR" ] || die "the sensor was not built"
[ -z "${PRICE_NICE:-}" ] || renice -n "$PRICE_NICE" -p $$ >/dev/null # monitors and workload alike: they stay equal among themselves
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=("${known_parts[@]}")
for part in "${parts[@]}"; do
  [[ " ${known_parts[*]} " == *" $part "* ]] || die "no part '$part': there are ${known_parts[*]}"
done
for monitor in "${monitors[@]}"; do
  [[ " ${known_monitors[*]} " == *" $monitor "* ]] || die "no monitor '$monitor': there are ${known_monitors[*]}"
done

echo "$(uname -sr), $(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(load), $(date -u +%FT%TZ), $mode"
start_collector
for part in "${parts[@]}"; do "part_$part"; done
