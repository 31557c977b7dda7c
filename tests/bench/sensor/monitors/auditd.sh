# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# auditd with rules for execve and exit, writing its log; the CPU time of the kernel's own kauditd, which hands it the
# records, is counted with it.
#
# Rules, the enabled flag and the limits are as before afterwards. One thing cannot be undone short of a reboot: once
# audit has ever been enabled, the kernel gives each new process an audit context and takes its system calls by the
# slower way. So auditd comes last.
audit_key=canopy-price
auditd_per_life=2 # events: it has no fork

audit_status() { auditctl -s 2>/dev/null | awk -v name="$1" '$1 == name { print $2 }'; }

auditd_why_not() {
  local program
  for program in auditd auditctl; do
    command -v $program >/dev/null || { echo "$program is not installed (Debian: auditd)"; return; }
  done
  [ -n "$(audit_status enabled)" ] || { echo "this kernel has no audit, or does not let us ask it"; return; }
  [ "$(audit_status pid)" = 0 ] || { echo "an audit daemon runs already (pid $(audit_status pid))"; return; }
  [ "$(audit_status enabled)" != 2 ] || { echo "the audit rules are locked until this machine boots again"; return; }
  return 1
}

auditd_configure() {
  mkdir -p "$work/audit/plugins.d"
  cat >"$work/audit/auditd.conf" <<TXT
local_events = yes
write_logs = yes
log_file = $work/audit/log
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
priority_boost = 0
num_logs = 2
max_log_file = 4000
max_log_file_action = IGNORE
space_left = 75
space_left_action = IGNORE
admin_space_left = 50
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
plugin_dir = $work/audit/plugins.d
TXT
}

auditd_restore() {
  local name=(enabled failure rate_limit backlog_limit backlog_wait_time) flag=(-e -f -r -b --backlog_wait_time) i
  auditctl -D -k $audit_key >/dev/null 2>&1
  for i in "${!name[@]}"; do auditctl "${flag[i]}" "${audit_before[i]}" >/dev/null 2>&1; done
}

auditd_rule() {
  auditctl -f 0 && auditctl -b 32768 &&
    auditctl -a always,exit -F arch=b64 -S execve,execveat,exit,exit_group -k $audit_key && auditctl -e 1
}

auditd_up() {
  local name
  audit_before=()
  for name in enabled failure rate_limit backlog_limit backlog_wait_time; do
    audit_before+=("$(audit_status $name)")
  done
  auditd_configure
  undo+=(auditd_restore)
  auditd -n -s nochange -c "$work/audit" >"$work/audit/said" 2>&1 &
  auditd_pid=$!
  pids+=("$auditd_pid")
  monitor_pids=("$auditd_pid")
  wait_until 10 auditd_listens || die "auditd did not start: $(tail -n 3 "$work/audit/said")"
  monitor_pids+=("$(pgrep -x kauditd)")
  # Silent on failure, as it must not print to the console; room for what the ring of the sensor holds, too.
  auditd_rule >"$work/audit/rules" 2>&1 ||
    die "the audit rules were refused: $(tail -n 2 "$work/audit/rules")"
  audit_lost0=$(audit_status lost)
  auditd_settle
  audit_begin=$(stat -c %s "$work/audit/log")
}

auditd_listens() { [ "$(audit_status pid)" = "$auditd_pid" ]; }

auditd_settle() {
  new_mark
  wait_until 30 show_mark "$work/audit/log" || die "auditd tells nothing: $(tail -n 3 "$work/audit/said")"
}

auditd_down() {
  monitor_lost=$(($(audit_status lost) - audit_lost0))
  auditd_restore
  stop_process "$auditd_pid"
  read -r monitor_events monitor_bytes < <(tail -c "+$((audit_begin + 1))" "$work/audit/log" |
    awk '/^type=SYSCALL/ { n++ } { b += length + 1 } END { print n + 0, b + 0 }')
  rm -f "$work"/audit/log*
}
