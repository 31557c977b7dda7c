#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# merge.sh FUZZERS FOUND [NAME…]: after a run, takes into the corpus what covers something that it does not cover yet. FUZZERS is the
# folder of the fuzzers, FOUND that of what they have found, a folder each. Files stay small and few: they are tests, too.
set -euo pipefail
fuzzers=$1 found=$2 corpus=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/corpus
shift 2
bytes_max=4096 files_max=60

# merge NAME: libFuzzer takes small files first, and those of the first folder whatever they cover.
merge() {
  local name=$1 fresh file count
  fresh=$(mktemp -d)
  mkdir "$fresh/all"
  cp "$corpus/$name"/* "$fresh/all"
  "$fuzzers/fuzz-$name" -merge=1 -max_len=$bytes_max "$fresh/all" "$found/$name" >"$fresh/log" 2>&1 || { tail -n 5 "$fresh/log"; return 1; }
  count=$(find "$corpus/$name" -type f | wc -l)
  while read -r file; do
    [ "$count" -lt $files_max ] || break
    [ -e "$corpus/$name/$file" ] && continue
    cp "$fresh/all/$file" "$corpus/$name/found-${file:0:12}"
    count=$((count + 1))
  done < <(find "$fresh/all" -type f -size -${bytes_max}c -printf '%f\n' | sort)
  rm -rf "$fresh"
  printf '%-12s %s files\n' "$name" "$count"
}

[ $# -gt 0 ] || set -- $(ls "$found")
for name; do merge "$name"; done
