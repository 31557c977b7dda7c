#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Nth allocation, write, fsync and connect of the real sensor on the real kernel fails, and the Nth allocation of a real collector that it speaks TLS to
# while curl asks its console over TLS, for a sample of N. Each survives or ends in a stated way: 1 after a line that says why, 2 before options are read, SIGABRT (134) out of a
# library. What was begun anew then sees, takes and answers all, no number is missing, and nothing is there twice.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
need_bpf
ulimit -c 0
FAULTSHIM=$CANOPY_BUILD/tests/fault/libfaultshim.so
state=$work/collector listen=$loopback:0 http=$loopback:0

export CANOPY_PKI=$work/pki
{ canopy pki init && canopy pki collector localhost "$loopback" && canopy pki sensor "$(hostname)"; } >"$work/pki.log" 2>&1
token=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
(umask 077; echo "read $token curl" >"$work/tokens"; echo "$token" >"$work/token")
export CANOPY_CA=$work/pki/ca.pem CANOPY_TOKEN_FILE=$work/token # after pki, which would read them

begin_collector() { # [ENVIRONMENT...]
  rm -f "$state/http" "$state/listen"
  env "$@" "$CANOPY_COLLECTOR" --state "$state" --listen "$listen" --http "$http" --no-confine --shards 1 --tls-cert "$CANOPY_PKI/localhost.pem" \
    --tls-key "$CANOPY_PKI/localhost.key" --tls-ca "$CANOPY_CA" --http-tls --token-file "$work/tokens" >/dev/null 2>>"$work/collector.log" &
  collector_pid=$!
  pids+=("$collector_pid")
  wait_until 20 eval "gone $collector_pid || [ -s '$state/http' ]"
  [ -s "$state/listen" ] && listen=$(cat "$state/listen")
  [ -s "$state/http" ] && http=$(cat "$state/http")
  export CANOPY_SERVER=https://$http
}
begin_sensor() { # [ENVIRONMENT...]
  env "$@" "$CANOPY_SENSOR" --collector "$listen" --spool "$work/spool" --no-confine --tls-ca "$CANOPY_CA" --tls-cert "$CANOPY_PKI/$(hostname).pem" \
    --tls-key "$CANOPY_PKI/$(hostname).key" >/dev/null 2>>"$work/sensor.log" &
  sensor_pid=$!
  pids+=("$sensor_pid")
}
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
ask() { curl -s --max-time 5 --cacert "$CANOPY_CA" -H "Authorization: Bearer $token" "https://$http/$1" >/dev/null; }
ended() { [ "$(processes "proc.cmdline contains $1 and proc.name = true and proc.alive = false" | jq .pid | wc -l)" = 5 ]; }
live() { local i; for i in 1 2 3 4 5; do /bin/true "$1" "$i"; done; }
# stop PID: its exit code
stop() { kill -TERM "$1" 2>/dev/null; wait_until 20 gone "$1" || kill -KILL "$1"; wait "$1" 2>/dev/null; }
# work_under: something happens, somebody asks, until whoever fails has ended or has seen it
work_under() { # PID
  local mark=canopy-under-$RANDOM$RANDOM path
  wait_until 10 eval "gone $1 || grep -q event=connected '$work/sensor.log'"
  live $mark
  for path in metrics api/v1/hosts "api/v1/processes?limit=100"; do ask "$path"; done
  wait_until 3 eval "gone $1 || ended $mark"
}

# fails WHO ENVIRONMENT...: a life in which that fails, and one of both in which nothing does
fails() {
  local who=$1 code mark=canopy-after-$RANDOM$RANDOM collector=() sensor=()
  local -n of=$1
  of=("LD_PRELOAD=$FAULTSHIM" "${@:2}")
  : >"$work/sensor.log"
  : >"$work/collector.log"
  begin_collector "${collector[@]}"
  begin_sensor "${sensor[@]}"
  [ "$who" = sensor ] && work_under "$sensor_pid" || work_under "$collector_pid"
  local -n pid=${who}_pid
  stop "$pid"
  code=$?
  stop "$sensor_pid"
  stop "$collector_pid"
  case $code in 0 | 1 | 2 | 134) ;; *) echo "the $who ended with $code"; tail -n 3 "$work/$who.log"; return 1 ;; esac
  begin_collector
  begin_sensor
  wait_until 20 host_is "$(hostname)" live || { echo "the sensor is not heard again"; tail -n 3 "$work"/*.log; return 1; }
  live $mark
  wait_until 20 ended $mark || { echo "what it sees is not there once"; return 1; }
  stop "$sensor_pid"
  stop "$collector_pid"
  "$CANOPY_CLI" verify --json "$state" >"$work/verify" || { cat "$work/verify"; return 1; }
  code=$(jq '[.logs[].findings[] | select(.type == "elsewhere" or .type == "disorder")] | length' "$work/verify")
  [ "$code" = 0 ] || { echo "numbers are missing or twice"; cat "$work/verify"; return 1; }
}

# Of allocations the first ones are those of the start and of libraries; behind them the sample is even.
numbers() { # KIND TOTAL
  local parts=2
  [ "$1" = alloc ] && parts=${CANOPY_FAULT_PARTS:-7} && echo 3
  awk -v total="$2" -v parts="$parts" 'BEGIN {for (i = 1; i <= parts; i++) {n = int((total + parts) * i / (parts + 1)); print n < total ? n : total}}' | sort -nu
}

for who in sensor collector; do
  rm -f "$work/counts"
  check "the $who: in a life in which nothing fails all is well" fails $who "CANOPY_FAULT_COUNT=$work/counts"
  cp "$work/counts" "$work/counts.$who" || continue
  while read -r kind total; do
    [ "$who" = collector ] && [ "$kind" != alloc ] && continue # the rest of it is tried with a known load, by nth-failure.sh
    check "the $who: its calls of $kind are counted" test "$total" -ge 1
    wrong=0 tried=0 hits=0
    for n in $(numbers "$kind" "$total"); do
      tried=$((tried + 1))
      rm -f "$work/hit"
      fails $who "CANOPY_FAULT=$kind:$n" "CANOPY_FAULT_HIT=$work/hit" >"$work/said" 2>&1 || { wrong=$((wrong + 1)); echo "# $who, $kind $n:"; sed 's/^/# /' "$work/said" | head -n 12; }
      [ -e "$work/hit" ] && hits=$((hits + 1)) # a life may end before the last of them
      end_processes
    done
    check "the $who: $kind has failed in lives of that sample" test "$hits" -ge 1
    check "the $who: $kind fails, $tried of $total, each in a life of its own" equal "$wrong" 0
  done <"$work/counts.$who"
done
finish
