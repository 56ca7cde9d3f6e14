#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Live updates that are refused, processes that are killed, and a live update
# while others use their sessions
#
# vm: mem=1G smp=4 timeout=300
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

# Without the modules the first stage skips all, and nothing comes after it
last=stage2
[ -e /modules/luo_sample_pair.ko ] || last=stage1
run_stages $last "$1" /tests/kexec_refused
