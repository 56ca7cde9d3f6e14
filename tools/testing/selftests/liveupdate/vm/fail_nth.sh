#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Every allocation and every copy from or to user space fails, one at a time.
# Only a kernel that can inject faults (that of --debug) has more than one stage.
#
# vm: mem=2G timeout=900
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

last=stage1
if [ -e /proc/self/fail-nth ]; then
	last=stage2
	if [ "$1" = stage1 ] && [ -b /dev/ram0 ] && [ -e /proc/swaps ]; then
		# Written once, so that swapping takes no more memory for it
		dd if=/dev/zero of=/dev/ram0 bs=1M count=64
		mkswap /dev/ram0
		swapon /dev/ram0
	fi
fi
run_stages $last "$1" /tests/fail_nth
