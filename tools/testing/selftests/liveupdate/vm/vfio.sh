#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Two cards that keep running through ten live updates in a row
#
# vm: mem=2G timeout=900 frames=500
# vm: append="intel_iommu=on iommu=nopt"
# vm: qemu-args="-machine q35,kernel-irqchip=split -cpu max,la57=off
# vm: -device intel-iommu,intremap=on,aw-bits=48 -device edu,addr=5
# vm: -device pcie-root-port,id=rp0,chassis=1,slot=1,addr=6
# vm: -netdev @FRAMES@,id=n0
# vm: -device e1000e,netdev=n0,bus=rp0"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

# To see that memory which a card writes to is not swapped out
mkswap /dev/ram0
swapon /dev/ram0
run_stages stage11 "$1" /tests/kexec_vfio again 11
