#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The log dies by SIGKILL at every named point and at several passages of it; each time every record that was reported as committed must
# be there, and the log must go on. Usage: seglog-crash.sh HELPER. TAP on stdout.
set -u
helper=$1
points="seglog-append seglog-before-write seglog-after-write seglog-before-fsync seglog-after-fsync seglog-create seglog-created
seglog-seal seglog-unlink seglog-unlinked"
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
test=0

# result STATUS NAME
result() {
	test=$((test + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $test - $2"
	else
		echo "not ok $test - $2"
		sed 's/^/# /' "$folder/errors"
	fi
}

# Kills at passage $2 of point $1, opens, and once more on what that has left.
crash() {
	dir=$folder/log
	rm -rf "$dir"
	for life in 1 2; do
		CANOPY_FAILPOINT=$1:$2 "$helper" write "$dir" >"$folder/told" 2>"$folder/errors"
		status=$?
		if [ $status -ne 137 ]; then
			echo "ended with $status instead of SIGKILL" >>"$folder/errors"
			return 1
		fi
		set -- "$1" "$2" $(tail -n 1 "$folder/told")
		"$helper" check "$dir" "${3:-1}" "${4:-0}" 2>>"$folder/errors" || return 1
		set -- "$1" "$2"
	done
}

for point in $points; do
	for passage in 1 2 5; do
		crash "$point" $passage
		result $? "killed at $point, passage $passage"
	done
done
"$helper" write "$folder/whole" >"$folder/told" 2>"$folder/errors"
result $? "without a point it ends in order"
echo "1..$test"
