#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fleet.sh BUILD [PART…]: a fleet of hosts against one collector, and the same events as JSON lines against rsyslog and syslog-ng where they
# are installed, in interleaved rounds. Prints figures and their medians; no threshold. Parts: rates latency connections shards crowd.
# Sizes: FLEET_ROUNDS, FLEET_EVENTS, FLEET_HOSTS, FLEET_RESIDENT. SYSLOG_NG names a syslog-ng that is not in the PATH.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CANOPY_BUILD=$(cd "${1:?usage: fleet.sh BUILD [PART…]}" && pwd)
export CANOPY_BUILD
shift
# shellcheck source=tests/system/lib.sh
. "$here/../../system/lib.sh"

rounds=${FLEET_ROUNDS:-3}
events=${FLEET_EVENTS:-1000000}
crowd=${FLEET_HOSTS:-10000}
resident=${FLEET_RESIDENT:-50}
cores=$(nproc)
apart=() beside=() # the generator on the first core, what it feeds on the last
[ "$cores" -lt 2 ] || { apart=(taskset -c 0); beside=(taskset -c $((cores - 1))); }
generator=$CANOPY_BUILD/tests/bench/fleet/bench-fleet

title() { printf '\n%s (load %s)\n' "$1" "$(cut -d' ' -f1 /proc/loadavg)"; }
row() { printf '  %-46s %s\n' "$1" "$2"; }
die() { echo "fleet: $*" >&2; exit 1; }
value() { tr ' ' '\n' | sed -n "s/^$1=//p"; }
median() { sort -g | awk '{ a[NR] = $1 } END { if (NR % 2) print a[(NR + 1) / 2]; else print (a[NR / 2] + a[NR / 2 + 1]) / 2 }'; }
compute() { awk "BEGIN { printf \"${2:-%.2f}\", $1 }"; }
cpu_ns() { cat "/proc/$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }
rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
feed() { "${apart[@]}" "$generator" "$@" || die "the generator failed: $*"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# collector SHARDS CORES…: a new one on an empty state folder; sets collector_pid, listen, http
collector() {
  local shards=$1
  shift
  [ -z "${collector_pid:-}" ] || stop_process "$collector_pid"
  rm -rf "$work/collector"
  unset listen http
  start_collector --shards "$shards"
  [ $# -eq 0 ] || taskset -a -c -p "$1" "$collector_pid" >/dev/null
}

# served NAME COLLECTOR-PID FEED-ARGUMENT…: one run; adds to the lists NAME.rate and NAME.cpu
served() {
  local name=$1 pid=$2 cpu0 n
  shift 2
  cpu0=$(cpu_ns "$pid")
  feed "$listen" "$@" >"$work/said"
  n=$(value events <"$work/said")
  value events_per_s <"$work/said" >>"$work/$name.rate"
  compute "$n * 1e9 / ($(cpu_ns "$pid") - $cpu0)" '%.0f\n' >>"$work/$name.cpu"
}

# ---- others, each a process of its own that is ended by its pid

lines_are() { [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
listens_at() { ss -ltnH "sport = :$1" | grep -q .; }

# logged NAME PID PORT FILE: the events as lines until the file has all of them
logged() {
  local name=$1 pid=$2 port=$3 file=$4 cpu0 begin
  cpu0=$(cpu_ns "$pid")
  begin=$EPOCHREALTIME
  feed "127.0.0.1:$port" hosts=48 events="$other_events" json=1 >/dev/null
  wait_until 300 lines_are "$file" "$other_events" || die "$name did not write all lines: $(wc -l <"$file")"
  compute "$other_events / ($EPOCHREALTIME - $begin)" '%.0f\n' >>"$work/$name.rate"
  compute "$other_events * 1e9 / ($(cpu_ns "$pid") - $cpu0)" '%.0f\n' >>"$work/$name.cpu"
}

rsyslog_conf() { # INPUT FOLDER
  cat <<END
global(workDirectory="$2")
$1
template(name="line" type="string" string="%msg%\\n")
module(load="builtin:omfile")
action(type="omfile" file="$2/out" template="line" sync="on" queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="4096")
END
}

run_rsyslog() {
  local dir=$work/rsyslog port
  rm -rf "$dir"; mkdir -p "$dir"; port=$(free_port)
  rsyslog_conf "module(load=\"imptcp\") input(type=\"imptcp\" port=\"$port\" address=\"127.0.0.1\" socketBacklog=\"1024\")" "$dir" >"$dir/conf"
  "${beside[@]}" rsyslogd -n -f "$dir/conf" -i "$dir/pid" >"$dir/log" 2>&1 &
  local pid=$!
  pids+=("$pid")
  wait_until 10 listens_at "$port" || die "rsyslog does not listen: $(tail -n 3 "$dir/log")"
  logged rsyslog "$pid" "$port" "$dir/out"
  stop_process "$pid"
}

# A second rsyslog turns the lines into RELP; only the receiver is measured.
run_relp() {
  local dir=$work/relp port inner sender
  rm -rf "$dir"; mkdir -p "$dir/sender"; port=$(free_port)
  rsyslog_conf "module(load=\"imrelp\") input(type=\"imrelp\" port=\"$port\" address=\"127.0.0.1\")" "$dir" >"$dir/conf"
  "${beside[@]}" rsyslogd -n -f "$dir/conf" -i "$dir/pid" >"$dir/log" 2>&1 &
  local pid=$!
  pids+=("$pid")
  wait_until 10 listens_at "$port" || die "rsyslog does not listen for RELP: $(tail -n 3 "$dir/log")"
  inner=$(free_port)
  cat >"$dir/sender/conf" <<END
global(workDirectory="$dir/sender")
module(load="imptcp") input(type="imptcp" port="$inner" address="127.0.0.1" socketBacklog="1024")
module(load="omrelp") action(type="omrelp" target="127.0.0.1" port="$port" queue.type="LinkedList" queue.size="200000")
END
  "${apart[@]}" rsyslogd -n -f "$dir/sender/conf" -i "$dir/sender/pid" >"$dir/sender/log" 2>&1 &
  sender=$!
  pids+=("$sender")
  wait_until 10 listens_at "$inner" || die "the sender does not listen: $(tail -n 3 "$dir/sender/log")"
  logged relp "$pid" "$inner" "$dir/out"
  stop_process "$sender"
  stop_process "$pid"
}

run_syslog_ng() {
  local dir=$work/syslog-ng port
  rm -rf "$dir"; mkdir -p "$dir"; port=$(free_port)
  cat >"$dir/conf" <<END
@version: 3.38
options { flush-lines(1000); log-fifo-size(400000); stats-freq(0); };
source s { network(ip("127.0.0.1") port($port) transport("tcp") flags(no-parse) max-connections(100) log-iw-size(100000) log-fetch-limit(1000)); };
destination d { file("$dir/out" template("\$MESSAGE\n") fsync(yes)); };
log { source(s); destination(d); flags(flow-control); };
END
  "${beside[@]}" "$syslog_ng" -F --no-caps -f "$dir/conf" -R "$dir/persist" -c "$dir/control" -p "$dir/pid" >"$dir/log" 2>&1 &
  local pid=$!
  pids+=("$pid")
  wait_until 10 listens_at "$port" || die "syslog-ng does not listen: $(tail -n 3 "$dir/log")"
  logged syslog-ng "$pid" "$port" "$dir/out"
  stop_process "$pid"
}

# ---- parts

show() { # NAME LABEL
  [ -s "$work/$1.rate" ] || return 0
  row "$2" "$(median <"$work/$1.rate") events/s, $(median <"$work/$1.cpu") events a CPU second"
}
ratio() { # NAME LABEL: of medians
  [ -s "$work/$1.cpu" ] || return 0
  row "canopy plain against $2, a CPU second" "$(compute "$(median <"$work/plain.cpu") / $(median <"$work/$1.cpu")")"
}

part_rates() {
  local i kind
  local kinds=(plain zlib)
  command -v rsyslogd >/dev/null && kinds+=(rsyslog) && [ -e /usr/lib/x86_64-linux-gnu/rsyslog/imrelp.so ] && kinds+=(relp)
  syslog_ng=${SYSLOG_NG:-$(command -v syslog-ng)}
  [ -z "$syslog_ng" ] || kinds+=(syslog-ng)
  title "Rates: $events events of 48 hosts, durable and acknowledged; others a fifth with sync, RELP a hundredth; $rounds interleaved rounds: ${kinds[*]}"
  for ((i = 0; i < rounds; i++)); do
    for kind in "${kinds[@]}"; do
      other_events=$((events / 5)) # they take long enough with it
      [ $kind != relp ] || other_events=$((events / 100))
      case $kind in
        plain) collector 1 $((cores - 1)); served plain "$collector_pid" hosts=48 events="$events" ;;
        zlib) collector 1 $((cores - 1)); served zlib "$collector_pid" hosts=48 events="$events" zlib=1 ;;
        rsyslog) run_rsyslog ;;
        relp) run_relp ;;
        syslog-ng) run_syslog_ng ;;
      esac
    done
  done
  show plain "canopy, plain"
  show zlib "canopy, zlib"
  show rsyslog "rsyslog imptcp, sync"
  show relp "rsyslog RELP, sync"
  show syslog-ng "syslog-ng, fsync"
  ratio rsyslog "rsyslog imptcp"
  ratio relp "rsyslog RELP"
  ratio syslog-ng "syslog-ng"
}

acks() { row "$1" "$(value ack_p50_ms <"$work/said"), $(value ack_p99_ms <"$work/said"), $(value ack_max_ms <"$work/said") ms"; }

part_latency() {
  local rate
  title "Ack latency: p50, p99, max"
  collector 1 $((cores - 1))
  feed "$listen" hosts=48 events=40000 batch=20 rate=8000 >"$work/said"
  acks "unloaded (8,000 events/s in batches of 20)"
  collector 1 $((cores - 1))
  feed "$listen" hosts=48 events="$events" >"$work/said"
  rate=$(compute "$(value events_per_s <"$work/said") / 2" %.0f)
  collector 1 $((cores - 1))
  feed "$listen" hosts=48 events="$events" rate="$rate" >"$work/said"
  acks "half load ($rate events/s in batches of 500)"
}

part_connections() {
  local i
  title "2,000 connections, batches of 50: $events events, $rounds rounds"
  for ((i = 0; i < rounds; i++)); do
    collector 1 $((cores - 1))
    served many "$collector_pid" hosts=2000 batch=50 events="$events"
  done
  show many "canopy, plain"
}

part_shards() {
  local i n
  title "Shards: $events events of 48 hosts over so many shards and cores, $rounds interleaved rounds; the generator shares the first core"
  for ((i = 0; i < rounds; i++)); do
    for ((n = 1; n <= cores && n <= 8; n *= 2)); do
      collector "$n" "$((cores - n))-$((cores - 1))"
      served "shards-$n" "$collector_pid" hosts=48 events="$events"
    done
  done
  for ((n = 1; n <= cores && n <= 8; n *= 2)); do
    show "shards-$n" "$n shards"
    row "  against one" "$(compute "$(median <"$work/shards-$n.rate") / $(median <"$work/shards-1.rate")") wall, $(compute "$(median <"$work/shards-$n.cpu") / $(median <"$work/shards-1.cpu")") a CPU second"
  done
}

# asks FILE: the time of each question in ms, until the file 'enough' is there
asks() {
  local path
  while [ ! -e "$work/enough" ]; do
    for path in '/api/v1/processes?limit=100' '/api/v1/hosts' '/metrics'; do
      curl -so /dev/null --max-time 300 -w '%{time_total}\n' "http://$http$path" | awk -v p="$path" '{ print p, $1 * 1000 }' >>"$1"
    done
    sleep 0.2
  done
}
asked() { # FILE LABEL
  local path
  for path in '/api/v1/processes?limit=100' '/api/v1/hosts' '/metrics'; do
    row "$2: $path" "p50 $(awk -v p="$path" '$1 == p { print $2 }' "$1" | median) ms, $(grep -cF "$path " "$1") times"
  done
}

part_crowd() {
  local before after rate_alone
  title "Crowd: $crowd hosts with $resident processes each, all connected"
  collector "$cores"
  before=$(rss_kib "$collector_pid")
  mkfifo "$work/hold"
  "$generator" "$listen" hosts="$crowd" resident=0 events=0 hold=1 <"$work/hold" >"$work/said" &
  local holder=$!
  pids+=("$holder")
  exec {hold}>"$work/hold"
  wait_until 300 grep -q holding "$work/said" || die "the crowd did not connect"
  after=$(rss_kib "$collector_pid")
  row "reconnect storm: all welcome; p50, p99" "$(value welcome_seconds <"$work/said") s; $(value welcome_p50_ms <"$work/said"), $(value welcome_p99_ms <"$work/said") ms"
  row "RSS an idle connection with its host" "$(compute "($after - $before) / $crowd" %.1f) KiB"
  exec {hold}>&-
  wait "$holder"
  "$generator" "$listen" hosts="$crowd" seed=2 resident="$resident" events="$crowd" batch=1000 >"$work/said" || die "the crowd was not taken"
  after=$(rss_kib "$collector_pid")
  row "RSS with all processes" "$after KiB, $(compute "($after - $before) * 1024 / $crowd / ($resident + 1)" %.0f) bytes a process with its share of host and connection"
  : >"$work/alone"; rm -f "$work/enough"
  asks "$work/alone" &
  local asker=$!
  pids+=("$asker")
  wait_until 30 lines_are "$work/alone" 9
  touch "$work/enough"; wait "$asker"
  : >"$work/beside"; rm -f "$work/enough"
  asks "$work/beside" &
  asker=$!
  pids+=("$asker")
  feed "$listen" hosts=48 seed=3 events="$events" >"$work/said"
  rate_alone=$(value events_per_s <"$work/said")
  touch "$work/enough"; wait "$asker"
  row "events/s while questions are asked" "$rate_alone"
  asked "$work/alone" "alone"
  asked "$work/beside" "beside ingest"
}

[ -x "$generator" ] || die "bench-fleet was not built"
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(rates latency connections shards crowd)
echo "$(uname -sr), $cores CPUs, $(date -u +%FT%TZ)"
for part in "${parts[@]}"; do
  case $part in
    rates | latency | connections | shards | crowd) "part_$part" ;;
    *) die "no part '$part': there are rates latency connections shards crowd" ;;
  esac
done
