# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# quark-mon of github.com/elastic/quark, built elsewhere: QUARK_MON is the way to it. Each of its events may join fork,
# exec and exit of one process; what it says that it took in is counted here, not what it prints.
quark_why_not() {
  [ -n "${QUARK_MON:-}" ] || { echo "QUARK_MON does not name a quark-mon"; return; }
  [ -x "$QUARK_MON" ] || { echo "QUARK_MON=$QUARK_MON is no program"; return; }
  local said
  said=$( (with_tracefs timeout -s INT 2 "$QUARK_MON" -s -b) 2>&1 >/dev/null)
  grep -q insertions <<<"$said" && return 1
  echo "$(tail -n 1 <<<"$said")"
}

quark_up() {
  : >"$work/quark"
  (with_tracefs "$QUARK_MON" -s -b) >"$work/quark" 2>"$work/quark.errors" &
  quark_pid=$!
  pids+=("$quark_pid")
  monitor_pids=("$quark_pid")
  quark_settle
  quark_begin=$(stat -c %s "$work/quark")
}

quark_settle() {
  new_mark
  wait_until 30 show_mark "$work/quark" || die "quark tells nothing: $(tail -n 3 "$work/quark.errors")"
}

quark_down() {
  monitor_bytes=$(($(stat -c %s "$work/quark") - quark_begin))
  stop_process "$quark_pid" INT
  read -r monitor_events monitor_lost < <(tail -n 1 "$work/quark.errors" | awk '{ print $1 + 0, $5 + 0 }')
  : >"$work/quark"
}
