#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Random calls from many threads, with live updates in between
#
# vm: timeout=300 append="luo.seconds=60"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

# Without the modules the first stage skips all, and nothing comes after it
last=stage3
[ -e /modules/luo_sample_pair.ko ] || last=stage1
run_stages $last "$1" /tests/luo_fuzz
