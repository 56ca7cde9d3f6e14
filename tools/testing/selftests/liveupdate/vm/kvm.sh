#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The least there is of a virtual machine outlives the kernel under it. QEMU emulates
# a processor that can do this.
#
# vm: icount=yes timeout=1200 silence=600
# vm: qemu-args="-cpu qemu64,+svm,+npt" append="tsc_early_khz=1000000"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_kvm
