#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# price.sh BUILD [quick|full] [PART…]: what watching costs, Canopy beside its peers, in one interleaved run. README.md
# beside this file says how to read it. No threshold: the figures are for people.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CANOPY_BUILD=$(cd "${1:?usage: price.sh BUILD [quick|full] [PART…]}" && pwd)
export CANOPY_BUILD
shift
# shellcheck source=tests/system/lib.sh
. "$here/../../system/lib.sh"

mode=quick
case ${1:-} in quick | full) mode=$1; shift ;; esac
# What 'quick' and 'full' mean: each can be set by itself.
size() { printf -v "$1" %s "$(if [ "$mode" = quick ]; then echo "$2"; else echo "$3"; fi)"; } # VARIABLE QUICK FULL
size rounds "${PRICE_ROUNDS:-3}" "${PRICE_ROUNDS:-15}"           # of pairs
size lives "${PRICE_LIVES:-1500}" "${PRICE_LIVES:-3000}"         # a burst of pairs and programs
size program_rounds "${PRICE_ROUNDS:-5}" "${PRICE_ROUNDS:-15}"
size blocks "${PRICE_BLOCKS:-150}" "${PRICE_BLOCKS:-800}"        # of bursts
size rate_seconds "${PRICE_RATE_SECONDS:-3}" "${PRICE_RATE_SECONDS:-10}"
size idle_seconds "${PRICE_IDLE_SECONDS:-30}" "${PRICE_IDLE_SECONDS:-60}"
size asks "${PRICE_ASKS:-150}" "${PRICE_ASKS:-500}"              # of latency
size units "${PRICE_UNITS:-150}" "${PRICE_UNITS:-600}"           # of the build
bin=$CANOPY_BUILD/tests/bench/sensor
known_monitors=(nothing canopy connector bpftrace quark auditd) # auditd last: see monitors/auditd.sh
known_parts=(programs bursts pairs rate starved idle latency build)
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
# Everything from here on before whatever else this machine does, equal among itself.
[ -z "${PRICE_REALTIME:-}" ] || chrt --rr --pid 1 $$ || die "no realtime priority"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=("${known_parts[@]}")
for part in "${parts[@]}"; do
  [[ " ${known_parts[*]} " == *" $part "* ]] || die "no part '$part': there are ${known_parts[*]}"
done
for monitor in "${monitors[@]}"; do
  [[ " ${known_monitors[*]} " == *" $monitor "* ]] || die "no monitor '$monitor': there are ${known_monitors[*]}"
done

model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "$(uname -sr), $(nproc) CPUs, $model, $(load), $(date -u +%FT%TZ), $mode"
start_collector
for part in "${parts[@]}"; do "part_$part"; done
