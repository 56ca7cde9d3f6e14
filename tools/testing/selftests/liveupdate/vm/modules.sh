#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Handlers in modules (samples/liveupdate): when they can be unloaded, when they
# are needed, and what happens if they come late or fail
#
# vm: timeout=300
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

# Without the modules the first stage skips all, and nothing comes after it
last=stage5
[ -e /modules/luo_sample_pair.ko ] || last=stage1
run_stages $last "$1" /tests/kexec_modules
