#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A network card that keeps running, and that nobody claims
#
# vm: mem=2G timeout=400 frames=500
# vm: append="intel_iommu=on iommu=nopt"
# vm: qemu-args="-machine q35,kernel-irqchip=split -cpu max,la57=off
# vm: -device intel-iommu,intremap=on,aw-bits=48 -device edu,addr=5
# vm: -device pcie-root-port,id=rp0,chassis=1,slot=1,addr=6
# vm: -netdev @FRAMES@,id=n0
# vm: -device e1000e,netdev=n0,bus=rp0"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_vfio unclaimed 3
