#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Three hosts on one machine, two sensors of which share one boot: every fact once, hosts apart.
source "$(dirname "$0")/lib.sh"
need_bpf

boot_a=11111111-aaaa-4aaa-8aaa-000000000001
boot_b=22222222-bbbb-4bbb-8bbb-000000000002
start_collector
start_host web-1 "$boot_a"
start_host web-2 "$boot_b"
start_sensor here
start_sensor here-too # a second sensor of the same boot, as in an upgrade or a container beside the host
here=$(hostname)
check "web-1 is live" wait_until 20 host_is web-1 live
check "web-2 is live" wait_until 20 host_is web-2 live
check "this host is live" wait_until 20 host_is "$here" live
both_sensors() { [ "$(canopy hosts -o ndjson | jq -s --arg h "$here" 'map(select(.host == $h)) | length')" = 1 ]; }
check "two sensors on one boot are one host" both_sensors

marker=canopy-marker-$$
for i in 1 2 3 4 5; do bash -c 'exec /bin/true "$@"' sh "$marker" "$i"; done
marked() { echo "host.name = $1 and proc.cmdline contains $marker and proc.alive = false and proc.name = true"; }
count_is() { [ "$(processes "$(marked "$1")" | wc -l)" = "$2" ]; }
check "web-1 has each process once" wait_until 10 count_is web-1 5
check "web-2 has each process once" wait_until 10 count_is web-2 5
check "the host with two sensors has each process once" wait_until 10 count_is "$here" 5
check "each has its own identity" equal \
  "$(processes "proc.cmdline contains $marker and proc.name = true" | jq -r .id | sort -u | wc -l)" 15
check "each has one exec more than its shell" equal \
  "$(processes "$(marked "$here")" | jq -s 'map(.images | length) | unique | length')" 1

# a follower sees each fact once, whichever sensor told it
execs() { processes "$(marked "$here")" | jq -s 'map(.exec_seq) | unique | tojson' -r; }
check "the exec ordinals agree between the sensors" equal "$(execs)" '[2]'
finish
