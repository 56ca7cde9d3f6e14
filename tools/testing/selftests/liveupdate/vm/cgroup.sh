#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Who memory is charged to, before the kexec and after it. Without memory control
# groups the first stage skips all of it, and nothing comes after it.
#
# vm: mem=1G timeout=180
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

last=stage1
if mount -t cgroup2 cgroup /sys/fs/cgroup &&
   grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
	last=stage2
fi

# For a program that asks for it when it wants it
if [ "$1" = stage2 ] && [ -b /dev/ram0 ] && [ -e /proc/swaps ]; then
	mkswap /dev/ram0
fi

run_stages $last "$1" /tests/kexec_cgroup
