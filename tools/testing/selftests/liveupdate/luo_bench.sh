#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A case of the benchmark in a guest; the kernel's command line tells which
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

last=stage2
! grep -q luo.bench=threads /proc/cmdline || last=stage1
run_stages $last "$1" /tests/luo-bench
