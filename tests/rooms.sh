#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The include rules of the house: who may know whom. TAP on stdout.
set -u
shopt -s lastpipe # rule counts in this shell, not in a child
cd "$1" || exit 1
count=0 failed=0

# rule DESCRIPTION: stdin holds the offending lines, none = ok
rule() {
  local found
  found=$(cat)
  count=$((count + 1))
  if [ -z "$found" ]; then echo "ok $count - $1"; return; fi
  failed=1
  echo "not ok $count - $1"
  sed 's/^/# /' <<<"$found"
}

includes() { grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*$1" "${@:2}"; }

includes '["<]collector/' sensor | rule "sensor includes nothing of collector"
includes '["<]sensor/' collector | rule "collector includes nothing of sensor"
includes '["<](sensor|collector)/' proto | rule "proto includes neither sensor nor collector"
# libbpf's own folder has this name too
includes '["<](sensor|collector|proto|bpf)/' bpf include | grep -v '<bpf/bpf_[a-z_]*\.h>' |
  rule "bpf and include include no room above them"
includes '"' include | grep -v '"canopy/' | rule "include includes only libc and itself"
includes '<' include | grep -vE \
  '<(assert|ctype|dirent|endian|errno|fcntl|inttypes|limits|signal|stdalign|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings|time|unistd|sys/[a-z]+|linux/types)\.h>' |
  rule "include includes only libc headers"
includes '["<].*canopy/event\.h' sensor collector proto include | grep -vE '^sensor/(probe|batch)/' |
  rule "only bpf, sensor/probe and sensor/batch read canopy/event.h"
includes '["<].*canopy\.pb-c\.h' sensor collector include bpf | grep -v '^collector/console/' |
  rule "only proto and collector/console read the generated protobuf header"
includes '["<].*\.skel\.h' proto collector sensor | grep -v '^sensor/probe/' |
  rule "only sensor/probe reads the BPF skeleton"
find bpf include proto sensor collector tests -name '*.[ch]' -exec grep -L 'SPDX-License-Identifier' {} + |
  rule "every source names its licence"
find bpf -name '*.[ch]' -exec grep -L 'SPDX-License-Identifier: GPL-2.0-only' {} + | rule "bpf is GPL-2.0-only"
find bpf include proto sensor collector -name '*.[ch]' -exec awk 'FNR == 801 {print FILENAME}' {} + |
  rule "no source is longer than 800 lines"
for program in collector:canopy-collector sensor:canopy-sensor; do
  grep -ohE '\{\.name = "[a-z-]+"' "${program%:*}/options.c" proto/command/command.h | cut -d'"' -f2 |
    while read -r option; do grep -qE "^\.It .*Fl Fl $option( |\$)" "docs/man/${program#*:}.8" ||
      echo "--$option"; done |
    rule "the man page of ${program#*:} knows every option"
done
# FILE below tests and TEXT of each reference of docs/truth.md
references() { grep -oE '`[a-z0-9/._-]+\.(sh|c)`: `[^`]+`' docs/truth.md | sed -E 's/^`([^`]+)`: `(.*)`$/\1 \2/'; }
{
  [ "$(references | wc -l)" -ge 100 ] || echo "the references of docs/truth.md cannot be read"
  references | while read -r file text; do
    grep -qF -- "$text" "tests/$file" 2>/dev/null || echo "$file: $text"
  done
} | rule "every test that docs/truth.md names is there"
references | sed -nE 's:^system/([^ ]*)\.sh .*:\1:p' | sort -u | while read -r name; do
  grep -qE "'${name##*/}'" tests/system/meson.build || echo "$name"
done | rule "and every one of its files runs"
{ seq 45; grep -oE '^\| [0-9]+ \|' docs/truth.md | grep -oE '[0-9]+'; } | sort -n | uniq -u |
  rule "docs/truth.md has each of the 45 cases once"
fuzzers() { find tests/fuzz -name 'fuzz-*.c' | sed -E 's:.*/fuzz-(.*)\.c:\1:' | sort; }
comm -3 <(fuzzers) <(grep -oE '^\| `[a-z-]+` \|' docs/fuzzing.md | tr -d '|` ' | sort) |
  rule "docs/fuzzing.md has each fuzzer once"
fuzzers | while read -r name; do find "tests/fuzz/corpus/$name" -type f 2>/dev/null | grep -q . || echo "$name"; done |
  rule "every fuzzer has a corpus"
echo "1..$count"
exit $failed
