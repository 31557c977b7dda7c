#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The real collector, and the real spool and uplink, die by SIGKILL at every named point, at an early and at a later passage (at the later one alone where
# CANOPY_CRASH_EARLY is 0), twice in a row. At
# the end the journal, the forest and the lake have every batch and every fact exactly once.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"
# shellcheck source=tests/fault/oracle.sh
. "$here/oracle.sh"

log_points="seglog-append seglog-before-write seglog-after-write seglog-before-fsync seglog-after-fsync seglog-create seglog-created seglog-seal"
ack_points="session-before-ack"
early=1
[ "${CANOPY_CRASH_EARLY:-1}" != 0 ] || early=
checkpoint_points="checkpoint-begin checkpoint-part checkpoint-complete"
lake_points="lake-staged lake-intended lake-publishing lake-published lake-advanced cursor-written cursor-synced cursor-renamed"

# dies WHO POINT:PASSAGE
dies() {
  begin_run "$1"
  local -n of=$1_env codes=$1_codes
  of=("CANOPY_FAILPOINT=$2")
  run_to_the_end 2 || return 1
  # A point of the lake may be passed only after the last ack: then the collector dies when it is asked to stop.
  [[ $codes == *137* ]] || case $1 in collector) kill -TERM "$collector_pid"; wait_until 20 gone "$collector_pid"; reap collector ;; esac
  [[ $codes == *137* ]] || { echo "never came there: $codes"; return 1; }
  oracle
}

for point in $log_points $ack_points $checkpoint_points $lake_points; do
  for passage in $early 2; do
    judge "the collector dies at $point, passage $passage" dies collector "$point:$passage"
  done
done
# a checkpoint of many parts, of which some are told
judge "the collector dies at checkpoint-part, passage 5" dies collector checkpoint-part:5
for point in $log_points seglog-unlink seglog-unlinked spool-acked; do
  for passage in $early 3; do
    judge "the spool's owner dies at $point, passage $passage" dies spooler "$point:$passage"
  done
done
# Retention takes segments while it is at work: what it takes before the lake has committed is told there as a hole, and never doubled. The forest loses
# nothing: what lives stands in the checkpoint behind.
retained() { # POINT:PASSAGE
  local rows holes
  begin_run retention
  collector_env=("CANOPY_FAILPOINT=$1")
  collector_args=(--retain-bytes 20000)
  run_to_the_end 2 || return 1
  [[ $collector_codes == *137* ]] || { echo "never came there: $collector_codes"; return 1; }
  forest_once || return 1
  "$CANOPY_CLI" verify --json "$run/state" >"$run/verify" || { cat "$run/verify"; return 1; }
  rows=$(lake_rows | jq -r .metadata.uid | once_and_more)
  holes=$(find "$run/lake" -path '*class=gap*' -name '*.gz' -exec gzip -dc {} + | grep -c journal_hole)
  [ "$rows" = "$((batches * facts)) 0" ] || { [ "${rows#* }" = 0 ] && [ "$holes" -gt 0 ]; } || { echo "lake: $rows with $holes holes"; return 1; }
}
for point in seglog-unlink seglog-unlinked; do
  for passage in $early 2; do
    judge "the collector dies at $point of its retention, passage $passage" retained "$point:$passage"
  done
done
finish
