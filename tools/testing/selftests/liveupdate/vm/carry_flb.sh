#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Files that share something (an FLB), and that nobody claims, are carried over
# while no driver has what they share
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

# Without the modules the first stage skips all, and nothing comes after it
last=stage4
[ -e /modules/luo_sample_pair.ko ] || last=stage1
run_stages $last "$1" /tests/kexec_carry carry_flb
