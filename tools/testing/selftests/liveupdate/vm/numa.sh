#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes with memory, and one that has a processor only
#
# vm: debug=no mem=1G smp=3
# vm: qemu-args="-smp 3,sockets=3
# vm:   -object memory-backend-ram,id=m0,size=512M
# vm:   -object memory-backend-ram,id=m1,size=512M
# vm:   -numa node,nodeid=0,cpus=0,memdev=m0
# vm:   -numa node,nodeid=1,cpus=1,memdev=m1 -numa node,nodeid=2,cpus=2"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_memory numa
