#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every field of a process against an independent source (/proc, stat, the links of namespaces, cgroup files, id), in
# events and in the snapshot alike: each kind of process is started once before the sensors are there and once after.
source "$(dirname "$0")/observe.sh"
observe fields-process
program=$(workload stay)
container=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
own_cgroup=$cgroup_dir
find_cgroup_v1
time_namespace=
[ ! -e /proc/self/ns/time ] || time_namespace=--time

# Kinds, and how many execs each took since its fork.
declare -A execs=([plain]=1 [user]=2 [caps]=2 [namespaces]=1 [session]=2 [tty]=3 [container]=1 [script]=1 [login]=2 \
  [v1]=2)
kinds=(plain user caps namespaces session tty container script)
[ ! -e /proc/self/loginuid ] || kinds+=(login)
[ -z "$v1_root" ] || kinds+=(v1)
printf '#!%s one option\n' "$program" >"$work/a script"
chmod 755 "$work/a script"
cat >"$work/in-tty" <<SH
exec "$program" <"$work/door"
SH

start_all() { # WHEN
  local when=$1
  stay "plain-$when" "$program" 'two  blanks' ''
  stay "user-$when" setpriv --reuid 1234 --regid 1235 --groups 1236 "$program"
  stay "caps-$when" setpriv --reuid 1234 --regid 1234 --clear-groups --inh-caps -all,+net_raw,+chown --ambient-caps \
    -all,+net_raw,+chown "$program"
  stay "namespaces-$when" unshare --pid --net --uts --ipc --user --cgroup $time_namespace --map-root-user --fork \
    "$program"
  stay "session-$when" setsid "$program"
  stay "tty-$when" script -q -c "exec bash '$work/in-tty'" /dev/null
  cgroup_dir=$own_cgroup/docker-$container.scope
  stay "container-$when" "$program"
  cgroup_dir=$own_cgroup
  stay "script-$when" "$work/a script" argument
  [[ " ${kinds[*]} " != *" login "* ]] || stay "login-$when" bash -c 'echo 4242 >/proc/self/loginuid && exec "$0"' \
    "$program"
  [ -z "$v1_root" ] || stay "v1-$when" bash -c 'echo $$ >"$1/cgroup.procs" && exec "$0"' "$program" \
    "$v1_root$cgroup/docker/$container"
  for kind in "${kinds[@]}"; do wait_until 20 said "$kind-$when" process; done
}

mkdir "$own_cgroup/docker-$container.scope" && cgroups+=("$own_cgroup/docker-$container.scope")
if [ -n "$v1_root" ]; then
  for dir in '' /docker "/docker/$container"; do mkdir "$v1_root$cgroup$dir" && cgroups+=("$v1_root$cgroup$dir"); done
fi
open_door
start_all snapshot
start_watch
start_modest
start_all live
settle

# ---- the independent source

# Where a workload is a descendant of what was started: the one of that name.
descendant() { # PID NAME
  local child members
  mapfile -t members <"$own_cgroup/cgroup.procs"
  for child in "${members[@]}"; do
    read_status "$child"
    [ "${status[PPid]}" = "$1" ] || continue
    if [ "${status[Name]}" = "$2" ]; then echo "$child"; else descendant "$child" "$2"; fi
    return
  done
}

# What each field should be. Fields, and beside them values: text as it is, or JSON.
fields=()
values=()
text() { fields+=("$1"); values+=("${2//\\/\\\\}"); values[-1]="\"${values[-1]//\"/\\\"}\""; }
json() { fields+=("$1"); values+=("$2"); }
# KEY WORD…: lines of /proc/PID/status
declare -A status
read_status() { # PID
  local key rest
  status=()
  while IFS=$':\t' read -r key rest; do status[$key]=$rest; done <"/proc/$1/status"
}
boot=$(tr -d - </proc/sys/kernel/random/boot_id)
ticks=$(getconf CLK_TCK)
machine=$(hostname)
declare -A user_names=([0]=$(id -nu 0) [1234]=$(id -nu 1234 2>/dev/null))

# terminal NUMBER: JSON, the name of a terminal by its number in stat (new_encode_dev). Those of pseudo terminals (unix98, from major 136 on) are in no
# sysfs.
terminal() {
  local major=$((($1 >> 8) & 0xfff)) minor=$((($1 & 0xff) | (($1 >> 12) & 0xfff00))) name
  [ "$1" != 0 ] || { echo null; return; }
  if [ $major -ge 136 ] && [ $major -le 143 ]; then
    name=pts/$(((major - 136) * 256 + minor))
  else
    name=$(sed -n 's/^DEVNAME=//p' "/sys/dev/char/$major:$minor/uevent")
  fi
  echo "\"$name\""
}

truth_of() { # PID
  local pid=$1 stat uids gids name links inodes argv line argument path loginuid=4294967295
  fields=() values=()
  read_status "$pid"
  read -r stat <"/proc/$pid/stat"
  read -r -a stat <<<"${stat##*) }" # [0] is the third field: state
  read -r -a uids <<<"${status[Uid]}"
  read -r -a gids <<<"${status[Gid]}"
  read -r name <"/proc/$pid/comm"
  { read -r loginuid <"/proc/$pid/loginuid"; } 2>/dev/null
  mapfile -t links < <(readlink "/proc/$pid/exe" "/proc/$pid/cwd")
  # executable: inode and device; then the namespaces
  mapfile -t inodes < <(stat -L -c '%i %d' "/proc/$pid/exe" "/proc/$pid/ns/"{mnt,pid,net,user,uts,ipc,cgroup} \
    ${time_namespace:+"/proc/$pid/ns/time"})
  read -r -a exe <<<"${inodes[0]}"
  mapfile -t -d '' argv <"/proc/$pid/cmdline"
  path=
  while IFS= read -r line; do
    [[ $line == *:pids:/?* ]] && path=${line#*:pids:} # cgroup v1
    [[ -z $path && $line == 0::* ]] && path=${line#0::}
  done <"/proc/$pid/cgroup"

  text .host "$machine"
  text .boot_id "$boot"
  json .pid "$pid"
  json '.start_boottime_ns / 1e7 | floor' $((stat[19] * 100 / ticks))
  json .ppid "${stat[1]}"
  json .current_ppid "${stat[1]}"
  text .state live
  text .comm "$name"
  text .exe "${links[0]}"
  text .cwd "${links[1]}"
  local bytes=0 list=
  for argument in "${argv[@]}"; do bytes=$((bytes + ${#argument} + 1)) list+=",\"$argument\""; done # no quotes in these
  json .argv "[${list#,}]"
  json .argv_bytes $bytes
  json .argv_truncated false
  json .pgid "${stat[2]}"
  json .sid "${stat[3]}"
  json .tty "$(terminal "${stat[4]}")"
  json .ns_pid "${status[NSpid]##*$'\t'}"
  json .uid "${uids[0]}"
  json .euid "${uids[1]}"
  json .gid "${gids[0]}"
  json .egid "${gids[1]}"
  if [ -n "${user_names[${uids[0]}]}" ]; then text .user "${user_names[${uids[0]}]}"; else json .user null; fi
  if [ "$loginuid" = 4294967295 ]; then json .loginuid null; else json .loginuid "$loginuid"; fi
  text .caps.effective "${status[CapEff]}"
  text .caps.permitted "${status[CapPrm]}"
  text .caps.inheritable "${status[CapInh]}"
  local i=1 kind
  for kind in mnt pid net user uts ipc cgroup ${time_namespace:+time}; do
    json ".ns.$kind" "${inodes[i]% *}"
    i=$((i + 1))
  done
  text .cgroup "$path"
  if [[ $path == *"$container"* ]]; then text .container_id "$container"; else json .container_id null; fi
  json .exe_inode "${exe[0]}"
  text .exe_dev "$(((exe[1] >> 8) & 0xfff)):$(((exe[1] & 0xff) | ((exe[1] >> 12) & 0xfff00)))"
  json .flags '[]'
  json .exit null
}

# ---- the comparison

declare -A host_pid
for when in live snapshot; do
  quality='[]'
  [ $when = snapshot ] && quality='["seeded"]'
  for kind in "${kinds[@]}"; do
    pid=${pid_of[$kind-$when]}
    case $kind in namespaces | tty) pid=$(descendant "$pid" workload-stay) ;; esac
    host_pid[$kind-$when]=$pid
    truth_of "$pid"
    told_modest "$pid" ". as \$p | [$(printf '(%s),' "${fields[@]}" | sed 's/,$//')] | map(tojson)" >"$work/got"
    mapfile -t got < <(jq -r '.[]' "$work/got")
    for i in "${!fields[@]}"; do
      same "fields: $kind, $when, by plain hooks and /proc: ${fields[i]}" "${got[i]-missing}" "${values[i]}"
    done
    json '.exec_seq' "${execs[$kind]}"
    json '.images[-1] | .seq' "${execs[$kind]}"
    json '.images[-1] | .exe == $p.exe and .argv == $p.argv' true
    json '.id | ltrimstr("\($p.boot_id)-\($p.pid)-")' "\"$(printf %x "$(told "$pid" .start_boottime_ns)")\""
    json .quality "$quality"
    told "$pid" ". as \$p | [$(printf '(%s),' "${fields[@]}" | sed 's/,$//')] | map(tojson)" >"$work/got"
    mapfile -t got < <(jq -r '.[]' "$work/got")
    for i in "${!fields[@]}"; do
      same "fields: $kind, $when: ${fields[i]}" "${got[i]-missing}" "${values[i]}"
    done
  done

  own=$(one_process .id "proc.pid = $$ and proc.alive = true")
  check "fields: $when: .parent_id is this shell's .id" equal "$(told "${host_pid[plain-$when]}" .parent_id)" "\"$own\""
  # Who forked an older process is not known: a snapshot sees parents alone.
  creator="\"$own\""
  [ $when = snapshot ] && creator=null
  check "fields: $when: .creator_id" equal "$(told "${host_pid[plain-$when]}" .creator_id)" "$creator"
  # The same without an iterator: starts are told to the tick, which /proc tells.
  read -r words <"/proc/$$/stat"
  read -r -a words <<<"${words##*) }"
  own="\"$boot-$$-$(printf %x $((words[19] * (1000000000 / ticks))))\""
  [ $when = snapshot ] || creator=$own # nor has /proc ever known it
  check "fields: $when, by plain hooks and /proc: .parent_id is this shell's, .creator_id" equal \
    "$(told_modest "${host_pid[plain-$when]}" '[.parent_id, .creator_id]')" "[$own,$creator]"
  check "fields: $when: .container_id of a docker cgroup" \
    equal "$(told "${host_pid[container-$when]}" .container_id)" "\"$container\""
  if [ -n "$v1_root" ]; then
    check "fields: $when: .cgroup of cgroup v1" \
      equal "$(told "${host_pid[v1-$when]}" .cgroup)" "\"$cgroup/docker/$container\""
    check "fields: $when: .container_id of cgroup v1" \
      equal "$(told "${host_pid[v1-$when]}" .container_id)" "\"$container\""
  else
    skip "fields: $when: cgroup and container id of cgroup v1" "the pids controller is one of cgroup v2 here, and in use"
  fi
  if [[ " ${kinds[*]} " == *" login "* ]]; then
    check "fields: $when: .loginuid that was set" equal "$(told "${host_pid[login-$when]}" .loginuid)" 4242
  else
    skip "fields: $when: .loginuid that was set" "this kernel was built without audit"
  fi
  [ -n "$time_namespace" ] || skip "fields: $when: .ns.time" "this kernel was built without time namespaces"
  check "fields: $when: a network namespace of its own" not equal \
    "$(told "${host_pid[namespaces-$when]}" .ns.net)" "$(told "${host_pid[plain-$when]}" .ns.net)"
  check "fields: $when: .container_id elsewhere" equal "$(told "${host_pid[plain-$when]}" .container_id)" null
  check "fields: $when: .tty without a terminal" equal "$(told "${host_pid[session-$when]}" .tty)" null
  read -r -a words <"/proc/${host_pid[tty-$when]}/stat"
  check "fields: $when: .tty, the minor number of a pseudo terminal (major 136)" equal \
    "$(told "${host_pid[tty-$when]}" .tty)" "\"pts/$((words[6] - 136 * 256))\""
  script="\"$work/a script\""
  [ $when = snapshot ] && script=null # nothing in the kernel keeps it
  check "fields: $when: .script" equal "$(told "${host_pid[script-$when]}" .script)" "$script"
  check "fields: $when: .start is boot time and .start_boottime_ns, to the two seconds of /proc/stat" equal \
    "$(told "${host_pid[plain-$when]}" \
    "((.start[:19] + \"Z\" | fromdate) - $(grep ^btime /proc/stat |
    cut -d' ' -f2) - .start_boottime_ns / 1e9) | . > -2 and . < 2")" true
done

# ---- the end

names=() ending=()
for kind in "${kinds[@]}"; do [[ $kind == namespaces || $kind == tty ]] || ending+=("$kind"); done
for when in live snapshot; do for kind in "${ending[@]}"; do names+=("$kind-$when"); done; done
end_all "${names[@]}"
run spend "$(workload spend)" 200 32
run spend-threads "$(workload spend)" 60 0 8
settle
for when in live snapshot; do
  for kind in "${ending[@]}"; do
    check "fields: $kind, $when: .exit" equal \
      "$(told "${host_pid[$kind-$when]}" '[.state, .exit.code, .exit.signal, .exit.core]')" '["exited",42,null,false]'
    check "fields: $kind, $when: the end changes nothing else" \
      equal "$(told "${host_pid[$kind-$when]}" '[.exe, .uid, .exec_seq]')" \
      "[\"$program\",$(case $kind in user | caps) echo 1234 ;; *) echo 0 ;; esac),${execs[$kind]}]"
  done
done
child=$(said spend child)
# The tick samples both; wait4 scales what it sampled by the true run time (cputime_adjust), so that on a machine which is itself kept
# waiting the two part. The exit is told before the kernel takes the memory apart, which wait4 counts as its own time as well.
user=$(said spend user_us) system=$(said spend system_us) tick=$((1000000 / ticks))
echo "# user $user us, system $system us: $(told "$child" '[.exit.utime_ns, .exit.stime_ns]') ns"
check "fields: the workload spends both kinds of CPU time" test "$user" -gt $((3 * tick)) -a "$system" -gt $((3 * tick))
cpu="(.exit.utime_ns + .exit.stime_ns) / 1000"
check "fields: .exit CPU time: not more than wait4 told ($((user + system)) us), to a tick of each, and most of it" equal \
  "$(told "$child" "$cpu <= $((user + system + 2 * tick)) and $cpu >= 0.75 * $((user + system))")" true
check "fields: .exit CPU time: user and system time are each as wait4 told, to a half" equal \
  "$(told "$child" "[.exit.utime_ns / 1000 / $user, .exit.stime_ns / 1000 / $system] | all(. > 0.5 and . < 2)")" true
# Seven of the eight threads end in the same instant as the last one: what they used is in no sum of the kernel's yet.
child=$(said spend-threads child) used=$(($(said spend-threads user_us) + $(said spend-threads system_us)))
echo "# eight threads: $used us: $(told "$child" '[.exit.utime_ns, .exit.stime_ns]') ns"
check "fields: .exit CPU time of eight threads that end at once: as wait4 told ($used us), to a tick of each, and most of it" equal \
  "$(told "$child" "$cpu <= $((used + 9 * tick)) and $cpu >= 0.8 * $used")" true
child=$(said spend child)
check "fields: .exit.max_rss_bytes as wait4 told" \
  equal "$(told "$child" '.exit.max_rss_bytes / 1024')" "$(said spend rss_kib)"
check "fields: .duration_ns is at least its CPU time" equal "$(told "$child" '.duration_ns >= 200000000')" true
finish
