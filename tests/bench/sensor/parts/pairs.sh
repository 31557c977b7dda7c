# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Every monitor in turn, round after round: the workloads without it, twice with it, without it again. What a round adds
# is the difference of the two means, so that a machine that gets slower or faster meanwhile does not count as price.

pairs_workloads() { # way:workers, each worker on a CPU of its own; 'free' lets it run where it likes
  if [ "$mode" = quick ]; then echo fork:1 exec:1 vfork:1 spawn:1 exec:2
  else echo fork:1 exec:1 vfork:1 spawn:1 fork:2 exec:2 spawn:2 exec:1:free; fi
}

# pairs_burst MONITOR ROUND SIDE: one line a workload into $work/bursts.
pairs_burst() {
  local each said way workers free
  for each in $(pairs_workloads); do
    IFS=: read -r way workers free <<<"$each"
    if [ -n "$free" ]; then said=$(workload -w "$workers" "$way" "$lives")
    else said=$(workload -w "$workers" -c "$way" "$lives"); fi
    echo "$1 $2 $3 $each $(value us_per_life <<<"$said") $(value cpu_us_per_life <<<"$said")" >>"$work/bursts"
  done
}

# pairs_cost NAME: of the monitor's processes so far.
pairs_cost() { if [ ${#monitor_pids[@]} -gt 0 ]; then "$bin/meter" "${monitor_pids[@]}" | value "$1"; else echo 0; fi; }

# BPF run time of a fork + exec + exit life, where the monitor has programs of its own: what a run of each of them
# takes, together. Programs that run less than once in two lives (for setsid, say) are none of a life.
pairs_programs() { # MONITOR
  [ ${#monitor_pids[@]} -gt 0 ] || return 0
  "$bin/programs" "$(IFS=,; echo "${monitor_pids[*]}")" "$bin/workload" -c exec "$lives" |
    programs_life "$1" >>"$work/programs"
}

# programs_life NAME: 'NAME us' of the output of 'programs' over some exec lives; nothing where no program ran.
programs_life() {
  awk -v name="$1" -v lives="$lives" '
    /^program=/ {
      for (i = 1; i <= NF; i++) { split($i, pair, "="); v[pair[1]] = pair[2] }
      if (v["runs"] * 2 > lives) { ns += v["ns_per_run"]; n++ }
    }
    END { if (n) printf "%s %.3f\n", name, ns / 1000 }'
}

# One monitor in one round.
pairs_round() { # MONITOR ROUND
  local cpu0 cpu rss peak
  pairs_burst "$1" "$2" without
  "$1_up"
  cpu0=$(pairs_cost cpu_ns)
  pairs_burst "$1" "$2" with
  pairs_burst "$1" "$2" with
  "$1_settle"
  rss=$(pairs_cost rss_kib) peak=$(pairs_cost peak_kib)
  pairs_programs "$1"
  "$1_settle"
  cpu=$(($(pairs_cost cpu_ns) - cpu0))
  "$1_down"
  pairs_burst "$1" "$2" without
  echo "$1 $cpu $monitor_events $monitor_lost $monitor_bytes $rss $peak" >>"$work/costs"
}

# pairs_added MONITOR WORKLOAD COLUMN [ratio]: a line a round. Columns: 5 time by the clock, 6 CPU time of the workload.
pairs_added() {
  awk -v m="$1" -v w="$2" -v c="$3" -v ratio="${4:-}" '
    $1 == m && $4 == w { sum[$2, $3] += $c; rounds[$2] }
    END {
      for (r in rounds) print ratio ? sum[r, "with"] / sum[r, "without"] : (sum[r, "with"] - sum[r, "without"]) / 2
    }' "$work/bursts"
}

pairs_without() { awk -v w="$1" -v c="$2" '$3 == "without" && $4 == w { print $c }' "$work/bursts" | median; }

pairs_added_table() {
  local each monitor wall cpu
  for each in $(pairs_workloads); do
    title "${each/:/, } worker(s): a life takes $(compute "$(pairs_without "$each" 5)" %.1f) us without, $(
      compute "$(pairs_without "$each" 6)" %.1f) us of them CPU"
    printf '  %-12s %8s %-20s %7s   %8s %s\n' monitor "added us" "" ratio "added CPU us" ""
    for monitor in "${ran[@]}"; do
      read -r wall interval < <(pairs_added "$monitor" "$each" 5 | statistics)
      read -r cpu cpu_interval < <(pairs_added "$monitor" "$each" 6 | statistics)
      printf '  %-12s %8s %-20s %7s   %8s %s\n' "$monitor" "$wall" "$interval" \
        "$(pairs_added "$monitor" "$each" 5 ratio | statistics -v places=3 | cut -d' ' -f1)" "$cpu" "$cpu_interval"
    done
  done
}

# pairs_column MONITOR EXPRESSION [FORMAT]: the median over rounds of an awk expression of that monitor's costs ($2 CPU
# ns, $3 events, …).
pairs_column() {
  awk -v m="$1" "\$1 == m && \$3 > 0 { printf \"%.6f\\n\", $2 }" "$work/costs" | median | or_dash "${3:-%.1f}"
}

or_dash() { awk -v f="$1" '{ printf f, $1; shown = 1 } END { if (!shown) printf "-" }'; } # FORMAT

# pairs_sum MONITOR COLUMN: over all rounds.
pairs_sum() { awk -v m="$1" -v c="$2" '$1 == m { n += $c } END { printf "%.0f", n }' "$work/costs"; }

pairs_cost_row() { printf '  %-12s %12s %11s %8s %8s %10s %10s %8s %10s %12s\n' "$@"; }

pairs_cost_table() {
  local monitor per_life
  title "What the monitor itself takes; events are of the whole machine, a life is fork + exec + exit"
  pairs_cost_row monitor "CPU us/event" "CPU us/life" "RSS MiB" "peak MiB" events lost "B/event" "B/life" "BPF us/life"
  for monitor in "${ran[@]}"; do
    [ "$monitor" != nothing ] || continue
    per_life=${monitor}_per_life per_life=${!per_life:-3}
    pairs_cost_row "$monitor" "$(pairs_column "$monitor" '$2 / $3 / 1000' %.2f)" \
      "$(pairs_column "$monitor" "$per_life * \$2 / \$3 / 1000" %.2f)" \
      "$(pairs_column "$monitor" '$6 / 1024')" "$(pairs_column "$monitor" '$7 / 1024')" \
      "$(pairs_sum "$monitor" 3)" "$(pairs_sum "$monitor" 4)" \
      "$(pairs_column "$monitor" '$5 / $3' %.0f)" "$(pairs_column "$monitor" "$per_life * \$5 / \$3" %.0f)" \
      "$(awk -v m="$monitor" '$1 == m && $2 > 0 { print $2 }' "$work/programs" | median | or_dash %.2f)"
  done
}

part_pairs() {
  local monitor round reason
  ran=()
  : >"$work/bursts"; : >"$work/costs"; : >"$work/programs"
  title "Pairs: $rounds rounds, $lives lives a burst, $(load)"
  for monitor in "${monitors[@]}"; do
    if reason=$("${monitor}_why_not"); then row "$monitor" "skipped: $reason"; else ran+=("$monitor"); fi
  done
  for ((round = 0; round < rounds; round++)); do
    for monitor in "${ran[@]}"; do pairs_round "$monitor" "$round"; done
  done
  pairs_added_table
  pairs_cost_table
  row "at the end" "$(load)"
}
