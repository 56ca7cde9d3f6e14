#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Before /init and all that it does: let the guest of luo_pause.sh go on
export PATH=/bin:/tests LUO_VM_DIR=/tmp/vm
# shellcheck source=luo_vmm.sh
. /tests/luo_vmm.sh

start_guest guest /dev/ttyS1 --timeline /tmp/timeline
until [ -s /tmp/timeline ] || ! kill -0 "$launcher"; do
	/bin/busybox sleep 0.01
done
echo "$launcher" >/tmp/launcher
