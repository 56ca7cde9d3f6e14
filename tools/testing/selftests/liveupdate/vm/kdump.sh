#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A crash kernel beside the next kernel, and a crash before any live update
#
# vm: debug=no append="crashkernel=128M"
# vm: allow="Kernel panic - not syncing: sysrq triggered crash"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_kdump idle
