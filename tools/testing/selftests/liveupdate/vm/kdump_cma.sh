#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A crash kernel that gets most of its memory from what user space has: there is
# as much of it after a live update, and the next one has its scratch memory
#
# vm: debug=no append="crashkernel=96M crashkernel=192M,cma luo.cma=192"
# vm: allow="Kernel panic - not syncing: sysrq triggered crash"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_kdump arrival
