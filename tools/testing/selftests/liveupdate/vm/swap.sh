#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Pages that are swapped out when a memfd is preserved. Without a disk in memory
# to swap to, the first stage skips all of it, and nothing comes after it.
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

if [ "$1" = stage1 ] && [ -b /dev/ram0 ] && [ -e /proc/swaps ]; then
	mkswap /dev/ram0
	swapon /dev/ram0
	run_stages stage2 "$1" /tests/kexec_cases swap
elif [ "$1" = stage1 ]; then
	run_stages stage1 "$1" /tests/kexec_cases swap
else
	run_stages stage2 "$1" /tests/kexec_cases swap
fi
