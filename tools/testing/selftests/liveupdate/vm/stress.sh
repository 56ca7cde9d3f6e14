#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Many threads use sessions while modules with handlers come and go
#
# vm: timeout=300
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

# Without the modules the first stage skips all, and nothing comes after it
last=stage2
[ -e /modules/luo_sample_pair.ko ] || last=stage1
run_stages $last "$1" /tests/luo_stress
