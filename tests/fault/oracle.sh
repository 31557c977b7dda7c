# SPDX-License-Identifier: Apache-2.0
# What the tests of crashes and failures share: a collector and a spooler that are started again whenever they have ended, until everything is
# acknowledged, and the oracle that looks at journal, forest and lake. Sourced behind tests/system/lib.sh.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.sh and of the scripts that source this

COLLECTOR_FAULT=$CANOPY_BUILD/tests/fault/canopy-collector-fault
SPOOLER=$CANOPY_BUILD/tests/fault/spooler
batches=200 facts=5 # of a run; small, for there are many

# judge DESCRIPTION FUNCTION ARG...: as 'check', but in this shell, so that what a run starts is known here and ended whatever happens. A run that went well
# leaves nothing behind.
judge() {
  local description=$1 code=0
  shift
  "$@" >"$work/said" 2>&1 || code=$?
  end_processes
  check "$description" eval "cat '$work/said'; [ $code = 0 ]"
  [ $code = 0 ] && rm -rf "$work"/run-*
}

# begin_run NAME: folders of its own.
begin_run() {
  run=$work/run-$1
  rm -rf "$run"
  mkdir -p "$run"
  state=$run/state lake=$run/lake spool=$run/spool boot=7
  collector_pid='' spooler_pid='' run_listen=$loopback:0
  collector_env=() spooler_env=() collector_args=()
  collector_codes='' spooler_codes=''
}

start_faulty_collector() {
  rm -f "$state/listen" "$state/http"
  env "${collector_env[@]}" "$COLLECTOR_FAULT" --state "$state" --listen "$run_listen" --http "$loopback:0" \
    --lake "ndjson:$lake?interval=100ms" "${collector_args[@]}" >/dev/null 2>>"$run/collector.err" &
  collector_pid=$!
  pids+=("$collector_pid")
}

start_spooler() {
  env "${spooler_env[@]}" "$SPOOLER" "$spool" $batches $facts $boot "$run_listen" >/dev/null 2>>"$run/spooler.err" &
  spooler_pid=$!
  pids+=("$spooler_pid")
}

gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# reap KIND: the exit code of the collector or spooler that has ended goes into KIND_codes.
reap() {
  local pid=$1_pid code
  wait "${!pid}" 2>/dev/null
  code=$?
  printf -v "$1_codes" '%s' "$(eval echo "\$$1_codes") $code"
  printf -v "$pid" '%s' ''
  last_code=$code
}

# listens: the collector that runs has said where.
listens() { gone "$collector_pid" || [ -s "$state/http" ]; }

stopped_journal() { grep -qE 'object=journal|journal has stopped' "$run/collector.err" 2>/dev/null; }

# after_death KIND: for those who have something to do between two lives.
after_death() { :; }

# run_to_the_end: until the spooler has ended with 0. The first lives have the fault in them, as collector_env and spooler_env say; after $lives of
# them nothing fails any more.
run_to_the_end() {
  local lives=${1:-2} c=0 s=0 deadline=$((SECONDS + 60 * ${CANOPY_PATIENCE:-1}))
  last_code=1
  while [ $SECONDS -lt $deadline ]; do
    if [ -z "$collector_pid" ]; then
      c=$((c + 1))
      [ $c -le "$lives" ] || collector_env=()
      : >"$run/collector.err"
      start_faulty_collector
      wait_until 20 listens
      [ -s "$state/listen" ] && run_listen=$(cat "$state/listen")
    fi
    if [ -z "$spooler_pid" ] && [ "$run_listen" != "$loopback:0" ]; then
      s=$((s + 1))
      [ $s -le "$lives" ] || spooler_env=()
      start_spooler
    fi
    if gone "$collector_pid"; then
      reap collector
      # who waits for a retry that was asked for would only make this slow
      if [ -n "$spooler_pid" ]; then kill -KILL "$spooler_pid" 2>/dev/null; wait "$spooler_pid" 2>/dev/null; spooler_pid=''; s=$((s - 1)); fi
      after_death collector || return 1
    elif stopped_journal; then
      kill -TERM "$collector_pid" 2>/dev/null
      wait_until 20 gone "$collector_pid"
    elif [ -n "$spooler_pid" ] && gone "$spooler_pid"; then
      reap spooler
      [ "$last_code" = 0 ] && return 0
      after_death spooler || return 1
    else
      sleep 0.02
    fi
  done
  echo "not everything was acknowledged within a minute"
  tail -n 3 "$run/collector.err" "$run/spooler.err"
  return 1
}

lake_rows() { find "$lake" -name '*.ndjson.gz' -path '*process_activity*' -exec gzip -dc {} +; }

# A collector that fails nothing takes over what the others have left.
clean_collector() {
  if [ -n "$collector_pid" ]; then kill -TERM "$collector_pid" 2>/dev/null; wait_until 20 gone "$collector_pid"; reap collector; fi
  collector_env=()
  : >"$run/collector.err"
  start_faulty_collector
  wait_until 20 listens
  [ -s "$state/http" ] || { echo "a collector that nothing fails in does not start"; tail -n 3 "$run/collector.err"; return 1; }
}

# What is stopped gives its lake five seconds, which a slow disk may need for one sync.
lake_has_all() {
  curl -sf "http://$(cat "$state/http")/metrics" | awk '/^canopy_collector_sink_lag_records/ {found = 1; lag += $2} END {exit !found || lag > 0}'
}

stop_clean_collector() {
  wait_until 60 lake_has_all || { tail -n 3 "$run/collector.err"; return 1; }
  kill -TERM "$collector_pid"
  wait_until 20 gone "$collector_pid"
  reap collector
  [ "$last_code" = 0 ] || { echo "the last collector ended with $last_code"; tail -n 3 "$run/collector.err"; return 1; }
}

# of the lines of stdin: how many are there once, how many more than once
once_and_more() { sort | uniq -c | awk '$1 == 1 {once++} $1 > 1 {more++} END {print once + 0, more + 0}'; }

# forest_once: every process is in the forest of a collector that starts anew, and there once.
forest_once() {
  local want=$((batches * facts)) got
  clean_collector || return 1
  got=$("$CANOPY_CLI" --no-pager --server "http://$(cat "$state/http")" ps -x -o ndjson 'proc.pid >= 1000' | jq -r .pid | once_and_more)
  [ "$got" = "$want 0" ] || { echo "forest: $got, expected $want 0"; return 1; }
  stop_clean_collector
}

# sound PATH: canopy verify finds no damage there, except of the types in $spared. What it says stays in $run/verify.
spared=''
sound() {
  local code
  "$CANOPY_CLI" verify --json "$1" >"$run/verify"
  code=$?
  [ $code = 0 ] && return 0
  [ $code = 1 ] && jq -e --arg spared "$spared" \
    '[.logs[].findings[] | select(.damage) | .type] - ($spared | split(" ")) == []' "$run/verify" >/dev/null && return 0
  echo "canopy verify ended with $code"
  cat "$run/verify"
  return 1
}

# oracle: every batch stands in the journal once, every fact in the forest once and in the lake once.
oracle() {
  local want=$((batches * facts)) got
  forest_once || return 1
  sound "$state" || return 1
  got=$(jq -r '"\([.logs[].batches] | add) \([.logs[].findings[] | select(.type == "elsewhere" or .type == "disorder")] | length)"' "$run/verify")
  [ "$got" = "$batches 0" ] || { echo "journal: $got, expected $batches 0"; cat "$run/verify"; return 1; }
  got=$(lake_rows | jq -r .metadata.uid | once_and_more)
  [ "$got" = "$want 0" ] || { echo "lake: $got, expected $want 0"; return 1; }
  sound "$spool"
}
