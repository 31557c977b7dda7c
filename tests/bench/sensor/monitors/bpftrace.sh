# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# bpftrace with one line for each of the three tracepoints, written to a file.
bpftrace_script='
tracepoint:sched:sched_process_fork { printf("F %d %d %s\n", args->parent_pid, args->child_pid, comm); }
tracepoint:sched:sched_process_exec { printf("X %d %d %s\n", args->pid, args->old_pid, str(args->filename)); }
tracepoint:sched:sched_process_exit { printf("E %d %s\n", args->pid, comm); }'

# with_tracefs COMMAND…: becomes the command, in a mount namespace of its own where tracefs stands where tools look
# for it.
with_tracefs() {
  exec unshare --mount --propagation private sh -c '
    [ -d /sys/kernel/debug/tracing ] || mount -t debugfs debugfs /sys/kernel/debug
    [ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
    exec "$@"' with_tracefs "$@"
}

# show_mark FILE: whether an exec of a name that was never there before is told in that file. Whoever asks again makes
# another one.
show_mark() { "$work/$mark"; grep -qs "$mark" "$1"; }
new_mark() {
  rm -f "$work"/mark-*
  mark=mark-$RANDOM$RANDOM$RANDOM
  cp "$bin/noop" "$work/$mark"
}

bpftrace_why_not() {
  command -v bpftrace >/dev/null || { echo "bpftrace is not installed (Debian: bpftrace)"; return; }
  (with_tracefs test -d /sys/kernel/tracing/events/sched) 2>/dev/null ||
    { echo "this kernel has no tracefs with sched events"; return; }
  return 1
}

bpftrace_up() {
  : >"$work/bpftrace"
  (with_tracefs bpftrace -e "$bpftrace_script") >"$work/bpftrace" 2>"$work/bpftrace.errors" &
  bpftrace_pid=$!
  pids+=("$bpftrace_pid")
  monitor_pids=("$bpftrace_pid")
  bpftrace_settle
  bpftrace_begin=$(stat -c %s "$work/bpftrace")
}

bpftrace_settle() {
  new_mark
  wait_until 30 show_mark "$work/bpftrace" || die "bpftrace tells nothing: $(tail -n 3 "$work/bpftrace.errors")"
}

bpftrace_down() {
  stop_process "$bpftrace_pid" INT
  read -r monitor_events monitor_bytes < <(tail -c "+$((bpftrace_begin + 1))" "$work/bpftrace" |
    awk '/^[FXE] / { n++; b += length + 1 } END { print n + 0, b + 0 }')
  monitor_lost=$(awk '$1 == "Lost" { n += $2 } END { print n + 0 }' "$work/bpftrace.errors" "$work/bpftrace")
  : >"$work/bpftrace"
}
