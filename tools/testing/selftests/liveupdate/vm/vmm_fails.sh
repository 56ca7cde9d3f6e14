#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Whatever fails before the next kernel runs: the guest goes on in this one
#
# vm: vmm=yes icount=yes mem=1G timeout=1200 silence=600
# vm: qemu-args="-cpu qemu64,+svm,+npt" append="tsc_early_khz=1000000"
set -u
# shellcheck source=../luo_tap.sh
. /tests/luo_tap.sh
# shellcheck source=../luo_vmm.sh
. /tests/luo_vmm.sh

# The guest's log goes on, and nothing is left preserved
goes_on()
{
	expect 0 "$1: the guest goes on" wait_for_ticks good 3 "$good"
	expect 0 "$1: not a tick is missing" no_gap /tmp/good.log
	expect 1 "$1: nothing is left of the session" luo list good
}

# usage: fails NAME TEXT [ARG-OF-LUO-VM-UPDATE]...
fails()
{
	name=$1 text=$2
	shift 2
	expect 1 "$name: the update fails" luo vm update "$@"
	printed "$text" "$name: it says why"
	goes_on "$name"
}

# The step fails that the launcher is told, and none after it is reached
inject()
{
	echo "$1" >/tmp/good.inject
	expect 1 "$1: the update fails" luo vm update --force -- touch /tmp/jumped
	printed "it has not happened" "$1: it says so"
	rm /tmp/good.inject
	goes_on "$1"
	expect 1 "$1: there was no jump" test -e /tmp/jumped
}

# What luo kexec would refuse, is: before any guest is stopped, and nothing is loaded
refused_by_check()
{
	echo stop >/tmp/good.inject
	fails "no kernel" "refused: .*no kernel is loaded"
	fails "a kernel that is none" "refused: .*/boot/guest: it is no kernel" \
		--kernel /boot/guest --initrd /boot/initrd --reuse-cmdline
	fails "live update off in the next kernel" "refused: .*liveupdate= off" \
		--kernel /boot/bzImage --initrd /boot/initrd \
		--command-line "kho=on liveupdate=off"
	same "$(cat /sys/kernel/kexec_loaded)" 0 "a kernel that is refused is not loaded"
	expect 1 "forced: the update fails" luo vm update --force
	printed "^survives .*session good: 2 files" "forced: what would survive is told"
	printed "^refused: .*no kernel is loaded" "forced: and what is wrong"
	printed "good: suspend" "forced: the guest would be stopped, and was not before"
	rm /tmp/good.inject
	goes_on "forced"
}

refused_by_driver()
{
	/tests/luo_peer counter /tmp/peer &
	peer=$!
	until [ -e /tmp/peer ]; do sleep 0.1; done
	same "$(cat /tmp/peer)" ready "a counter is preserved"
	echo 2 >/sys/module/luo_sample_counter/parameters/fail
	fails "a driver refuses" "has not happened"
	kill "$peer"
}

stage1()
{
	expect 1 "nobody is there" luo vm update
	expect 2 "no kernel named" luo vm update --reuse-cmdline
	expect 2 "no session named" luo vm run --memory 96M -- true
	expect 2 "a session that is no file" luo vm run --session a/b --memory 96M -- true
	expect 127 "no QEMU" luo vm run --session a --memory 96M -- /none
	expect 125 "QEMU ends at once" luo vm run --session a --memory 96M -- /bin/true

	start_guest good /tmp/good
	good=$launcher
	expect 0 "a guest runs" wait_for_ticks good 3 "$good"
	expect 125 "it runs already" luo vm run --session good --memory 96M -- true
	refused_by_check
	fails "a kernel that can't be loaded" "loading the kernel" --force \
		--kernel /boot/guest --initrd /boot/initrd --reuse-cmdline
	for step in session preserve state stop migrate die preserve-state; do
		inject "$step"
	done
	fails "the jump fails" "false has ended" --force -- false
	fails "none is loaded" "none is loaded" --force -- luo kexec --exec --yes --force
	# shellcheck disable=SC2016 # for the other shell
	expect 137 "luo vm update is killed" luo vm update --force -- sh -c 'kill -9 $PPID'
	goes_on "luo vm update is killed"

	luo kexec --load --kernel /boot/bzImage --initrd /boot/initrd \
		--command-line "$(next_cmdline 2)"
	refused_by_driver
	tap_end
	luo vm update
	echo "Bail out! stage2 was not started"
	exit 1
}

# After all of that it works
stage2()
{
	start_guest good /tmp/good
	expect 0 "the guest goes on" wait_for_ticks good 3 "$launcher"
	tap_end
	echo "# luo-vm-done"
}

echo "TAP version 13"
"$1"
