#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# How long a guest stands still in a live update, in one as it is and in one that was
# made short. Called with stage1, stage2 and stage3, in one kernel after the other.
set -u
export LUO_VM_DIR=/tmp/vm
# shellcheck source=luo_vmm.sh
. /tests/luo_vmm.sh

fail()
{
	echo "Bail out! $*"
	exit 1
}

# usage: update STAGE [WORD-FOR-THE-NEXT-KERNEL]...
update()
{
	cmdline=$(sed -e 's/ *luo.stage=.*//' /proc/cmdline)
	stage=$1
	shift
	luo vm update --kernel /boot/bzImage --initrd /boot/initrd \
		--command-line "$cmdline luo.stage=$stage rdinit=/tests/luo_first $*"
	fail "the live update was refused"
}

# The guest runs, and has told what it stood still for
goes_on()
{
	[ -e /tmp/launcher ] && launcher=$(cat /tmp/launcher)
	wait_for_ticks guest 3 "$launcher" || fail "the guest has died"
	[ -s /tmp/timeline ] || fail "there is no timeline"
	echo "pause: $1 first ${LUO_FIRST:-?}"
	sed "s/^/pause: $1 /" /tmp/timeline
}

case $1 in
stage1)
	start_guest guest /dev/ttyS1
	wait_for_ticks guest 5 "$launcher" || fail "the guest has died"
	update 2 kho_clocks=off
	;;
stage2)
	start_guest guest /dev/ttyS1 --timeline /tmp/timeline
	goes_on plain
	echo 0 >/sys/module/kexec_file/parameters/digest
	# shellcheck disable=SC2046 # these are words
	update 3 luo_resume=/tests/luo_resume.sh $(cat /tests/short.cmdline)
	;;
*)
	goes_on short
	echo "# luo-vm-done"
	;;
esac
