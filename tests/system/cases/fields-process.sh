#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every field of a process against an independent source (/proc, stat, the links of namespaces, cgroup files, id), in events and in the
# snapshot alike: each kind of process is started once before the sensors are there and once after.
source "$(dirname "$0")/observe.sh"
observe fields-process
program=$(workload stay)
container=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
own_cgroup=$cgroup_dir

# Kinds, and how many execs each took since its fork.
declare -A execs=([plain]=1 [user]=2 [caps]=2 [namespaces]=1 [session]=2 [tty]=3 [container]=1 [script]=1)
kinds=(plain user caps namespaces session tty container script)
printf '#!%s one option\n' "$program" >"$work/a script"
chmod 755 "$work/a script"
cat >"$work/in-tty" <<SH
exec "$program" <"$work/door"
SH

start_all() { # WHEN
  local when=$1
  stay "plain-$when" "$program" 'two  blanks' ''
  stay "user-$when" setpriv --reuid 1234 --regid 1235 --groups 1236 "$program"
  stay "caps-$when" setpriv --reuid 1234 --regid 1234 --clear-groups --inh-caps -all,+net_raw,+chown --ambient-caps -all,+net_raw,+chown "$program"
  stay "namespaces-$when" unshare --pid --net --uts --ipc --user --cgroup --map-root-user --fork "$program"
  stay "session-$when" setsid "$program"
  stay "tty-$when" script -q -c "exec bash '$work/in-tty'" /dev/null
  cgroup_dir=$own_cgroup/docker-$container.scope
  stay "container-$when" "$program"
  cgroup_dir=$own_cgroup
  stay "script-$when" "$work/a script" argument
  for kind in "${kinds[@]}"; do wait_until 20 said "$kind-$when" process; done
}

mkdir "$own_cgroup/docker-$container.scope" && cgroups+=("$own_cgroup/docker-$container.scope")
open_door
start_all snapshot
start_watch
start_all live
settle

# ---- the independent source

status_of() { # PID KEY: a line of /proc/PID/status as words
  local key rest
  while IFS=$':\t' read -r key rest; do [ "$key" = "$2" ] && { echo "$rest"; return 0; }; done <"/proc/$1/status"
}

last_child() { # PID NAME: the youngest descendant of that name, or the process itself
  local pid child
  for child in $(cat "$own_cgroup/cgroup.procs"); do
    [ "$(status_of "$child" Name)" = "$2" ] && [ "$(status_of "$child" PPid)" = "$1" ] && { echo "$child"; return 0; }
  done
  for child in $(cat "$own_cgroup/cgroup.procs"); do
    [ "$(status_of "$child" PPid)" = "$1" ] && { last_child "$child" "$2"; return; }
  done
}

json_string() { jq -cn '$ARGS.positional[0]' --args -- "$1"; }
argv_json() { # PID; no argument here has a newline
  local argv
  mapfile -t -d '' argv <"/proc/$1/cmdline"
  jq -cn '$ARGS.positional' --args -- "${argv[@]}"
}
namespace() { stat -L -c %i "/proc/$1/ns/$2"; }
known_id() { if [ "$1" = 4294967295 ]; then echo null; else echo "$1"; fi; }

# What each field should be, as FIELD<TAB>JSON.
truth_of() { # PID
  local pid=$1 stat uids gids caps dev name user key
  read -r stat <"/proc/$pid/stat"
  read -r -a stat <<<"${stat##*) }" # [0] is the third field: state
  read -r -a uids <<<"$(status_of "$pid" Uid)"
  read -r -a gids <<<"$(status_of "$pid" Gid)"
  read -r name <"/proc/$pid/comm"
  user=$(id -nu "${uids[0]}" 2>/dev/null)
  dev=$(stat -L -c %d "/proc/$pid/exe")
  read -r -a caps <<<"$(status_of "$pid" CapEff) $(status_of "$pid" CapPrm) $(status_of "$pid" CapInh)"
  cat <<TRUTH
.host	$(json_string "$(hostname)")
.boot_id	"$(tr -d - </proc/sys/kernel/random/boot_id)"
.pid	$pid
.start_boottime_ns / 1e7 | floor	$((stat[19] * 100 / $(getconf CLK_TCK)))
.ppid	${stat[1]}
.current_ppid	${stat[1]}
.state	"live"
.comm	$(json_string "$name")
.exe	$(json_string "$(readlink "/proc/$pid/exe")")
.argv	$(argv_json "$pid")
.argv_bytes	$(wc -c <"/proc/$pid/cmdline")
.argv_truncated	false
.cwd	$(json_string "$(readlink "/proc/$pid/cwd")")
.pgid	${stat[2]}
.sid	${stat[3]}
.ns_pid	$(read -r -a key <<<"$(status_of "$pid" NSpid)"; echo "${key[-1]}")
.uid	${uids[0]}
.euid	${uids[1]}
.gid	${gids[0]}
.egid	${gids[1]}
.user	$([ -n "$user" ] && json_string "$user" || echo null)
.loginuid	$(known_id "$(cat "/proc/$pid/loginuid" 2>/dev/null || echo 4294967295)")
.caps.effective	"${caps[0]}"
.caps.permitted	"${caps[1]}"
.caps.inheritable	"${caps[2]}"
.ns.mnt	$(namespace "$pid" mnt)
.ns.pid	$(namespace "$pid" pid)
.ns.net	$(namespace "$pid" net)
.ns.user	$(namespace "$pid" user)
.ns.uts	$(namespace "$pid" uts)
.ns.ipc	$(namespace "$pid" ipc)
.ns.cgroup	$(namespace "$pid" cgroup)
.cgroup	$(json_string "$(grep ^0:: "/proc/$pid/cgroup" | cut -d: -f3-)")
.exe_inode	$(stat -L -c %i "/proc/$pid/exe")
.exe_dev	"$(((dev >> 8) & 0xfff)):$(((dev & 0xff) | ((dev >> 12) & 0xfff00)))"
.flags	[]
.exit	null
TRUTH
}

# ---- the comparison

declare -A host_pid
for when in live snapshot; do
  for kind in "${kinds[@]}"; do
    pid=${pid_of[$kind-$when]}
    case $kind in
      namespaces) pid=$(last_child "$pid" workload-stay) ;;
      tty) pid=$(last_child "$pid" workload-stay) ;;
    esac
    host_pid[$kind-$when]=$pid
    mapfile -t rows < <(truth_of "$pid")
    got=$(told "$pid" "[$(printf '(%s),' "${rows[@]%%$'\t'*}" | sed 's/,$//')] | map(tojson) | join(\"\\n\")")
    mapfile -t got < <(jq -r . <<<"$got")
    for i in "${!rows[@]}"; do
      check "fields: $kind, $when: ${rows[i]%%$'\t'*}" equal "${got[i]-missing}" "${rows[i]#*$'\t'}"
    done
    id="$(tr -d - </proc/sys/kernel/random/boot_id)-$pid-$(printf %x "$(told "$pid" .start_boottime_ns)")"
    check "fields: $kind, $when: .id is made of boot, pid and start" equal "$(told "$pid" .id)" "\"$id\""
    check "fields: $kind, $when: .exec_seq counts the execs" equal "$(told "$pid" .exec_seq)" "${execs[$kind]}"
    check "fields: $kind, $when: .images ends in what runs" equal "$(told "$pid" '.images[-1] | [.seq, .exe, .argv]')" \
      "[${execs[$kind]},$(told "$pid" .exe),$(told "$pid" .argv)]"
    quality='[]'
    [ $when = snapshot ] && quality='["seeded"]'
    check "fields: $kind, $when: .quality" equal "$(told "$pid" .quality)" "$quality"
  done

  own=$(one_process .id "proc.pid = $$ and proc.alive = true")
  check "fields: $when: .parent_id is this shell's .id" equal "$(told "${host_pid[plain-$when]}" .parent_id)" "\"$own\""
  # Who forked an older process is not known: a snapshot sees parents alone.
  creator="\"$own\""
  [ $when = snapshot ] && creator=null
  check "fields: $when: .creator_id" equal "$(told "${host_pid[plain-$when]}" .creator_id)" "$creator"
  check "fields: $when: .container_id of a docker cgroup" equal "$(told "${host_pid[container-$when]}" .container_id)" "\"$container\""
  check "fields: $when: .container_id elsewhere" equal "$(told "${host_pid[plain-$when]}" .container_id)" null
  check "fields: $when: .tty without a terminal" equal "$(told "${host_pid[session-$when]}" .tty)" null
  read -r -a words <"/proc/${host_pid[tty-$when]}/stat"
  check "fields: $when: .tty, the minor number of a pseudo terminal (major 136)" equal \
    "$(told "${host_pid[tty-$when]}" .tty)" "\"pts/$((words[6] - 136 * 256))\""
  script="\"$work/a script\""
  [ $when = snapshot ] && script=null # nothing in the kernel keeps it
  check "fields: $when: .script" equal "$(told "${host_pid[script-$when]}" .script)" "$script"
  check "fields: $when: .start is boot time and .start_boottime_ns, to the two seconds of /proc/stat" equal \
    "$(told "${host_pid[plain-$when]}" "((.start[:19] + \"Z\" | fromdate) - $(grep ^btime /proc/stat | cut -d' ' -f2) - .start_boottime_ns / 1e9) | . > -2 and . < 2")" true
done

# ---- the end

close_door
for name in "${!host_pid[@]}"; do case $name in namespaces-* | tty-*) ;; *) finish_workload "$name" ;; esac; done
run spend "$(workload spend)" 200 32
settle
for when in live snapshot; do
  for kind in plain user caps session container script; do
    check "fields: $kind, $when: .exit" equal "$(told "${host_pid[$kind-$when]}" '[.state, .exit.code, .exit.signal, .exit.core]')" '["exited",42,null,false]'
    check "fields: $kind, $when: the end changes nothing else" equal "$(told "${host_pid[$kind-$when]}" '[.exe, .uid, .exec_seq]')" \
      "[\"$program\",$(case $kind in user | caps) echo 1234 ;; *) echo 0 ;; esac),${execs[$kind]}]"
  done
done
child=$(said spend child)
cpu="(.exit.utime_ns + .exit.stime_ns) / 1000"
check "fields: .exit CPU time: not more than wait4 told ($(said spend cpu_us) us), and most of it" equal \
  "$(told "$child" "$cpu <= $(said spend cpu_us) and $cpu >= 0.75 * $(said spend cpu_us)")" true
check "fields: .exit.max_rss_bytes as wait4 told" equal "$(told "$child" '.exit.max_rss_bytes / 1024')" "$(said spend rss_kib)"
check "fields: .duration_ns is at least its CPU time" equal "$(told "$child" '.duration_ns >= 200000000')" true
finish
