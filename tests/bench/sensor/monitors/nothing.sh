# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Nothing at all, measured like a monitor: what its rows show is the noise of the method.
nothing_why_not() { return 1; }
nothing_up() { monitor_pids=(); }
nothing_settle() { :; }
nothing_down() { monitor_events=0 monitor_lost=0 monitor_bytes=0; }
