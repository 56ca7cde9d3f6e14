#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A next kernel that would need more scratch than there is, and one that is told
# of less memory than it is handed over
#
# vm: debug=no mem=1G,slots=2,maxmem=40G append="kho_scratch=192M,0,0"
# vm: qemu-args="-object memory-backend-ram,id=m0,size=256M
# vm:   -device pc-dimm,id=d0,memdev=m0,slot=0,addr=0x100000000
# vm:   -object memory-backend-ram,id=m1,size=16G,reserve=off
# vm:   -device pc-dimm,id=d1,memdev=m1,slot=1,addr=0x400000000"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_memory hidden
