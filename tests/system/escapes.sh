#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a process calls itself reaches no terminal, page or log as anything but text: every output of every command.
. "$(dirname "$0")/lib.sh"
need_bpf

start_collector
esc=$'\e]0;owned\a\e[2J' html='<script>alert(1)</script>' c1=$'\xc2\x9b31m' bidi=$'\u202e' bad=$'\xff\x9b'
boot=33333333-3333-4333-8333-333333333333
start_host "evil" $boot --tag "note=$esc$html"
wait_until 30 host_is evil live
(exec -a "$esc$html$c1$bidi$bad"$'\r\n' sleep 600) &
pids+=($!)
pid=$!
wait_until 20 has "proc.pid = $pid and proc.alive = true and proc.name = sleep"
id=$(processes "proc.pid = $pid and proc.alive = true" | jq -rs '.[0].id')

# clean COMMAND…: says something of it, and no byte that is not plain: no control character but newline and tab, no C1, no bidi, valid UTF-8.
clean() {
  "$@" >"$work/shown" 2>&1
  grep -q 'script' "$work/shown" || { echo "it does not show the process:"; head -c 400 "$work/shown"; return 1; }
  iconv -f UTF-8 -t UTF-8 "$work/shown" >/dev/null || return 1
  ! LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]' "$work/shown" | cat -v | grep .
}
filter="proc.pid = $pid and proc.alive = true"
for format in table wide json ndjson csv; do
  check "ps -o $format" clean canopy ps -o $format "$filter"
done
check "tree" clean canopy tree "$filter"
check "show" clean canopy show "$id"
check "lineage" clean canopy lineage "$id"
check "lineage -o json" clean canopy lineage -o json "$id"
check "hosts with tags" clean canopy hosts
check "hosts -o json" clean canopy hosts -o json
# Followers begin when they are connected: something is started again and again until one has been shown.
tail_one() {
  canopy tail -n 1 'proc.name = true and proc.args contains tail-marker' &
  local tail_pid=$!
  wait_until 20 eval "(exec -a '$esc$html' true tail-marker); ! kill -0 $tail_pid" || kill "$tail_pid"
  wait "$tail_pid"
}
check "the tail" clean tail_one
# plain SCREEN: what a terminal was sent holds nothing of the name but text: of control characters there are only those of the screen itself.
plain_screen() {
  grep -aq 'script' "$work/screen" || { echo "it does not show the process:"; tail -c 600 "$work/screen" | cat -v; return 1; }
  ! LC_ALL=C grep -anP '\x07|\x1b\]0;|\x9b31m|\xff\x9b|\xe2\x80[\xaa-\xae]' "$work/screen" | cat -v | grep .
}
# on_terminal ARGUMENT…: until it shows the process
on_terminal() {
  rm -f "$work/screen" "$work/keys"
  mkfifo "$work/keys"
  env TERM=xterm LINES=100 COLUMNS=200 script -qfec "stty rows 100 cols 200; exec '$CANOPY_CLI' $*" "$work/screen" <"$work/keys" >/dev/null 2>&1 &
  local screen_pid=$!
  exec {keys}>"$work/keys"
  wait_until 20 grep -aq 'script' "$work/screen"
  echo q >&"$keys"
  exec {keys}>&-
  wait_until 10 not kill -0 "$screen_pid" || kill "$screen_pid"
  wait "$screen_pid" 2>/dev/null
  plain_screen
}
check "top" on_terminal top "\"'proc.pid = $pid'\""
check "tree --live" on_terminal tree --live "\"'proc.pid = $pid'\""
# Neither shows a process; what they show of strangers' words must be plain all the same.
bare() { "$@" >"$work/shown" 2>&1; ! LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]' "$work/shown" | cat -v | grep .; }
check "stats" bare canopy stats
check "verify" bare canopy verify "$work/collector"
mkdir "$work/$esc$c1$bidi"
check "verify of a path that is no text" bare canopy verify "$work/$esc$c1$bidi"
check "an error that repeats what was asked" clean canopy ps "proc.name = '$esc$html"
check "the interface itself" clean curl -sG "http://$http/api/v1/processes" --data-urlencode "filter=$filter"
curl -si "http://$http/api/v1/processes?limit=1" >"$work/answer"
check "its answer is no page" grep -qi '^content-type: application/json' "$work/answer"
check "and is not to be taken for one" grep -qi '^x-content-type-options: nosniff' "$work/answer"
check "nothing may be loaded by it" grep -qi "^content-security-policy: default-src 'none'" "$work/answer"
curl -s "http://$http/metrics" >"$work/metrics"
check "metrics name no process" not grep -q 'script>alert' "$work/metrics"
curl -s "http://$http/" >"$work/page"
check "nor does the page of the collector itself" not grep -q 'script>alert' "$work/page"
check "the collector's log" eval "! LC_ALL=C grep -P '[\\x00-\\x08\\x0b-\\x1f\\x7f]' $work/collector.log"
check "the sensor's log" eval "! LC_ALL=C grep -P '[\\x00-\\x08\\x0b-\\x1f\\x7f]' $work/sensor-evil.log"
# A sensor that stands alone prints the file's name as a line, or all as JSON.
named=$work/script$esc$c1$bidi$bad
cp "$(type -P true)" "$named"
for format in classic json; do
  "$CANOPY_SENSOR" --print=$format >"$work/print" 2>&1 &
  print_pid=$!
  pids+=("$print_pid")
  printed() { (exec -a "$esc$html$c1$bidi$bad" "$named"); grep -aq "$work/script" "$work/print"; }
  check "the sensor prints it: $format" wait_until 20 printed
  stop_process "$print_pid"
  check "and as text alone" clean grep -a "$work/script" "$work/print"
done
finish
