#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The collector told to start where it cannot: the exit code, and one line that names object, value and remedy.
# shellcheck shell=bash disable=SC2317 # functions are called by 'check'
here=$(dirname "$0")
# shellcheck source=tests/system/lib.sh
. "$here/../system/lib.sh"

refused() { # CODE PART ARG…: it ends with CODE and says PART on stderr, nothing on stdout
  local code=$1 part=$2 got=0
  shift 2
  timeout 20 "$CANOPY_COLLECTOR" "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$code" ] && [ ! -s "$work/out" ] && grep -qF -- "$part" "$work/err" && return 0
  echo "exit code $got, expected $code with: $part"
  cat "$work/out" "$work/err"
  return 1
}

ended() { # PID: it has, whether or not somebody has asked for its exit code
  [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

check "a missing --state is wrong usage" refused 2 "--state is missing" --listen "$loopback:0"
check "an unknown flag is wrong usage" refused 2 "--help" --state "$work/x" --nonsense
check "a name where a number belongs is wrong usage" refused 2 "localhost:1" --state "$work/x" --listen localhost:1

free=(--listen "$loopback:0" --http "$loopback:0")
check "a state folder without a parent" refused 1 "$work/a/b" --state "$work/a/b" "${free[@]}"
mkdir -m 0777 "$work/open" && chmod 0777 "$work/open"
check "a state folder that others can write" refused 1 "chmod go-w" --state "$work/open" "${free[@]}"
: >"$work/file"
check "a file where the state folder should be" refused 1 "is not a folder" --state "$work/file" "${free[@]}"
check "a lake that is none is wrong usage" refused 2 "nonsense" --state "$work/y" "${free[@]}" --lake nonsense:/x

"$CANOPY_COLLECTOR" --state "$work/first" "${free[@]}" >"$work/first.out" 2>"$work/first.log" &
first=$!
pids+=("$first")
check "a collector starts" wait_until 20 test -s "$work/first/http"
listen=$(cat "$work/first/listen" 2>/dev/null) http=$(cat "$work/first/http" 2>/dev/null)
check "its port cannot be taken twice" refused 1 "$listen" --state "$work/second" --listen "$listen" --http "$loopback:0"
check "nor its console's" refused 1 "$http" --state "$work/second" --listen "$loopback:0" --http "$http"
check "nor its state folder" refused 1 "$work/first" --state "$work/first" "${free[@]}"
check "who was refused left the first one's addresses alone" equal "$(cat "$work/first/listen")" "$listen"
check "a console for everybody wants a word more" refused 2 "--http-insecure" --state "$work/third" --listen "$loopback:0" --http 0.0.0.0:0
kill -TERM "$first"
check "it ends when it is asked to" wait_until 20 ended "$first"
wait "$first"
check "and says that all is well" equal $? 0
check "nothing was written to stdout" not test -s "$work/first.out"
check "its addresses are gone" not test -e "$work/first/listen"
finish
