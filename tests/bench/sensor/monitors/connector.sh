# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The kernel's proc connector, read by the least of listeners: it says that a process began, executed or ended, not
# what.
connector_why_not() {
  timeout -s TERM 0.2 "$bin/connector" >"$work/connector" 2>&1
  ! grep -q ready "$work/connector" && cat "$work/connector"
}

connector_up() {
  : >"$work/connector"
  "$bin/connector" >"$work/connector" 2>&1 &
  connector_pid=$!
  pids+=("$connector_pid")
  monitor_pids=("$connector_pid")
  wait_until 5 grep -q ready "$work/connector" || die "$(cat "$work/connector")"
}

# The kernel delivers as part of fork, exec and exit; at its end the listener takes what is left.
connector_settle() { :; }

connector_down() {
  stop_process "$connector_pid"
  local said
  said=$(tail -n 1 "$work/connector")
  monitor_events=$(($(value forks <<<"$said") + $(value execs <<<"$said") + $(value exits <<<"$said")))
  monitor_lost=$(value lost <<<"$said") monitor_bytes=$(value bytes <<<"$said")
}
