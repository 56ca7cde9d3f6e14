#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration in its host: a virtual machine that outlives two kernels under
# it. Called with stage1, stage2 and stage3, in one kernel after the other. What
# the guest prints goes to the second serial port, which is the same all the time.
# Lines that begin with 'demo:' are for who watches.
set -u
# shellcheck source=luo_vmm.sh
. /tests/luo_vmm.sh

# The guest shall be seen to run, before and after each update
TICKS=12

say()
{
	echo "demo: $*"
}

fail()
{
	say "result: FAIL: $*"
	exit 1
}

# usage: update STAGE KERNEL
update()
{
	say "loading $2 and preserving the guest's memory, while the guest runs"
	luo vm update --kernel "$2" --initrd /boot/initrd --command-line "$(next_cmdline "$1")"
	fail "the live update was refused"
}

: >/tmp/guest.inject
if grep -q luo.negative /proc/cmdline; then
	echo blank >/tmp/guest.inject
fi

say "kernel $(uname -r), up since $(cut -d ' ' -f 1 /proc/uptime) s"
start_guest guest /dev/ttyS1 --checksum --timeline /tmp/timeline
[ "$1" = stage1 ] || say "retrieving the guest"
wait_for_ticks guest "$TICKS" "$launcher" ||
	fail "the guest has died with kernel $(uname -r)"
if [ -e /tmp/timeline ]; then
	sed "s/^/demo: timeline: /" /tmp/timeline
fi
case $1 in
stage1) update 2 /boot/bzImage-b ;;
stage2) update 3 /boot/bzImage ;;
*) say "result: PASS" ;;
esac
