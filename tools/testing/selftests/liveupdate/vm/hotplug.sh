#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Memory that is not there when the machine starts: modules that firmware does
# not list, but ACPI does, and one that the guest plugs in by telling QEMU's
# monitor, at the other end of its second serial line
#
# vm: debug=no mem=1G,slots=4,maxmem=4G timeout=180
# vm: allow="page dumped because: unmovable page"
# vm: qemu-args="-smp 2,sockets=2 -object memory-backend-ram,id=m,size=1G
# vm:   -numa node,nodeid=0,cpus=0,memdev=m -numa node,nodeid=1,cpus=1
# vm:   -object memory-backend-ram,id=m0,size=256M
# vm:   -device pc-dimm,id=d0,memdev=m0,slot=0,addr=0x100000000
# vm:   -object memory-backend-ram,id=m1,size=256M
# vm:   -device pc-dimm,id=d1,memdev=m1,slot=1,addr=0x110000000
# vm:   -object memory-backend-ram,id=m2,size=256M
# vm:   -object memory-backend-ram,id=m3,size=256M
# vm:   -device pc-dimm,id=d3,memdev=m3,slot=3,addr=0x130000000,node=1
# vm:   -chardev socket,id=here,path=@TMP@/monitor,server=on,wait=off
# vm:   -serial chardev:here
# vm:   -chardev socket,id=there,path=@TMP@/monitor
# vm:   -mon chardev=there,mode=control"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_memory hotplug
