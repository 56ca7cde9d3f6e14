#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Memory that is managed by a driver. What lies above 4G is 512M, and the upper
# half of that is for dax_kmem.
#
# vm: debug=no mem=1G
# vm: qemu-args="-machine pc,max-ram-below-4g=512M
# vm:   -object memory-backend-ram,id=m0,size=1G -numa node,nodeid=0,memdev=m0"
# vm: append="memmap=256M%0x110000000-1+0xefffffff"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_memory driver
