#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program, and a folder that somebody works in, on a file system that no longer answers, as a network's whose server is gone: the snapshot does not wait
# for it, whichever way it is taken.
source "$(dirname "$0")/lib.sh"
need_bpf
[ -c /dev/fuse ] || skip_all "this machine has no /dev/fuse"

far=$work/far
mkdir "$far"
"$WORKLOADS/workload-silent-fs" "$far" "$(type -P sleep)" >"$work/server" 2>"$work/server.log" &
server=$!
pids+=("$server")
mounts+=("$far")
wait_until 20 grep -q ready "$work/server" || skip_all "FUSE does not mount here: $(cat "$work/server.log")"
(cd "$far" && exec ./program 600) &
far_away=$!
pids+=("$far_away")
runs() { [ "$(readlink "/proc/$far_away/exe")" = "$far/program" ] && [ "$(cut -d' ' -f3 "/proc/$far_away/stat")" = S ]; }
check "a program of the file system runs" wait_until 20 runs
inode=$(stat -L -c %i "/proc/$far_away/exe")
kill -STOP "$server"
check "the file system does not answer" not timeout -s KILL 1 stat -L "/proc/$far_away/exe"

here=$(hostname)
start_collector
for way in iterator proc; do
  arguments=()
  [ $way = iterator ] || arguments=(--proc-snapshot)
  start_sensor $way "${arguments[@]}"
  check "$way: the host is live" wait_until 20 host_is "$here" live
  told() { one_process '"\(.exe) \(.cwd)"' "proc.pid = $far_away and proc.alive = true"; }
  check "$way: the program is told, and where it works" equal "$(told)" "$far/program $far"
  check "$way: with the inode that the kernel holds" equal "$(one_process .exe_inode "proc.pid = $far_away and proc.alive = true")" "$inode"
  /bin/true "$marker-$way"
  check "$way: others are told" wait_until 20 has "proc.cmdline contains $marker-$way and proc.alive = false"
  stop_process "$sensor_pid"
  check "$way: the sensor ends well" equal $? 0
done
kill -CONT "$server"
finish
