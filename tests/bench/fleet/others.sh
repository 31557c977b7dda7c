# SPDX-License-Identifier: Apache-2.0
# The same events as JSON lines against those who store lines: rsyslog by imptcp and by RELP, syslog-ng. Each is one process that is ended by
# its pid, writes one file, and syncs it before it goes on. Sourced by fleet.sh.
#
# Each is set up as well as we know how: no parsing beyond what it cannot leave out, batches of thousands of lines, one sync a batch.
# SYSLOG_NG names a syslog-ng that is not in the PATH, SYSLOG_NG_ROOT the folder where its package was unpacked ('dpkg -x'): the packages of
# the two cannot be installed beside each other.
# shellcheck shell=bash

lines_are() { [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
listens_at() { ss -ltnH "sport = :$1" | grep -q .; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
rsyslog_modules=/usr/lib/$(uname -m)-linux-gnu/rsyslog

find_others() { # sets others: the names of those that are here
  others=()
  command -v rsyslogd >/dev/null && others+=(rsyslog) && [ -e "$rsyslog_modules/imrelp.so" ] && others+=(relp)
  syslog_ng=${SYSLOG_NG:-}
  syslog_ng_options=()
  [ -n "$syslog_ng" ] || syslog_ng=$(command -v syslog-ng) || true
  if [ -n "${SYSLOG_NG_ROOT:-}" ]; then
    syslog_ng=$SYSLOG_NG_ROOT/usr/sbin/syslog-ng
    syslog_ng_options=(--module-path "$(echo "$SYSLOG_NG_ROOT"/usr/lib/syslog-ng/[0-9]*)")
  fi
  [ -z "$syslog_ng" ] || others+=(syslog-ng)
}

# Where they write, and who receives: other_file, other_port, other_pid; other_pids are all that were started.
other_start() { # NAME
  local dir=$work/$1
  rm -rf "$dir"; mkdir -p "$dir"
  other_file=$dir/out other_port=$(free_port)
  "start_${1//-/_}" "$dir"
}

launched() { # NAME PORT LOG PID: waits until it listens
  pids+=("$4"); other_pids+=("$4")
  wait_until 20 listens_at "$2" || die "$1 does not listen: $(tail -n 3 "$3")"
}

other_stop() {
  local pid
  for pid in "${other_pids[@]}"; do stop_process "$pid"; done
  other_pids=()
}

rsyslog_conf() { # INPUT FOLDER
  cat <<END
global(workDirectory="$2" maxMessageSize="16k")
$1
main_queue(queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="8192" queue.workerThreads="1")
template(name="line" type="string" string="%rawmsg%\\n")
module(load="builtin:omfile")
action(type="omfile" file="$2/out" template="line" sync="on" ioBufferSize="4m" flushOnTXEnd="on")
END
}

start_rsyslog() {
  rsyslog_conf "module(load=\"imptcp\") input(type=\"imptcp\" port=\"$other_port\" address=\"127.0.0.1\" socketBacklog=\"1024\")" "$1" >"$1/conf"
  "${beside[@]}" rsyslogd -n -f "$1/conf" -i "$1/pid" >"$1/log" 2>&1 &
  other_pid=$!
  launched rsyslog "$other_port" "$1/log" "$other_pid"
}

# A second rsyslog turns the lines into RELP; only the receiver is measured.
start_relp() {
  local receiver=$other_port
  mkdir "$1/sender"
  rsyslog_conf "module(load=\"imrelp\") input(type=\"imrelp\" port=\"$receiver\" address=\"127.0.0.1\")" "$1" >"$1/conf"
  "${beside[@]}" rsyslogd -n -f "$1/conf" -i "$1/pid" >"$1/log" 2>&1 &
  other_pid=$!
  launched "rsyslog for RELP" "$receiver" "$1/log" "$other_pid"
  other_port=$(free_port)
  cat >"$1/sender/conf" <<END
global(workDirectory="$1/sender" maxMessageSize="16k")
module(load="imptcp") input(type="imptcp" port="$other_port" address="127.0.0.1" socketBacklog="1024")
template(name="raw" type="string" string="%rawmsg%")
module(load="omrelp") action(type="omrelp" target="127.0.0.1" port="$receiver" template="raw" queue.type="LinkedList" queue.size="200000")
END
  "${apart[@]}" rsyslogd -n -f "$1/sender/conf" -i "$1/sender/pid" >"$1/sender/log" 2>&1 &
  launched "the sender of RELP" "$other_port" "$1/sender/log" $!
}

start_syslog_ng() {
  cat >"$1/conf" <<END
@version: 3.38
options { flush-lines(1000); log-fifo-size(400000); stats-freq(0); log-msg-size(16384); };
source s { network(ip("127.0.0.1") port($other_port) transport("tcp") flags(no-parse) max-connections(100) log-iw-size(100000) log-fetch-limit(1000)); };
destination d { file("$1/out" template("\$MESSAGE\n") fsync(yes)); };
log { source(s); destination(d); flags(flow-control); };
END
  LD_LIBRARY_PATH=${SYSLOG_NG_ROOT:+$SYSLOG_NG_ROOT/usr/lib/syslog-ng:$SYSLOG_NG_ROOT/usr/lib/$(uname -m)-linux-gnu} \
    "${beside[@]}" "$syslog_ng" -F --no-caps "${syslog_ng_options[@]}" -f "$1/conf" -R "$1/persist" -c "$1/control" -p "$1/pid" >"$1/log" 2>&1 &
  other_pid=$!
  launched syslog-ng "$other_port" "$1/log" "$other_pid"
}

# other_served NAME EVENTS: until the file has every line; adds to the lists NAME.rate and NAME.cpu
other_served() {
  local name=$1 count=$2 cpu0
  other_start "$name"
  cpu0=$(cpu_ns "$other_pid")
  feed "127.0.0.1:$other_port" touch="$touched" hosts=48 events="$count" json="$json" >"$work/said"
  wait_until 300 lines_are "$other_file" "$count" || die "$name did not write all lines: $(wc -l <"$other_file")"
  compute "$count / ($EPOCHREALTIME - $(value began <"$work/said"))" '%.0f\n' | note "$name.rate"
  compute "$count * 1e9 / ($(cpu_ns "$other_pid") - $cpu0)" '%.0f\n' | note "$name.cpu"
  other_stop
  same_lines "$name" "$count"
}

# Whether the file holds the lines that were sent, each once: once for each NAME, since it takes its time.
same_lines() {
  local sent
  [ ! -e "$work/$1.same" ] || return 0
  sent=$("$generator" - hosts=48 events="$2" json="$json" | LC_ALL=C sort | sha256sum)
  [ "$sent" = "$(LC_ALL=C sort "$other_file" | sha256sum)" ] || die "$1 wrote other lines than those that were sent, see $other_file"
  touch "$work/$1.same"
}
