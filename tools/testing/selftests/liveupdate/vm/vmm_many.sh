#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Three guests and a process with much memory outlive the kernel together. One of
# the guests is not claimed until the next but one.
#
# vm: vmm=yes icount=yes mem=2G timeout=1200 silence=600
# vm: qemu-args="-cpu qemu64,+svm,+npt" append="tsc_early_khz=1000000"
set -u
# shellcheck source=../luo_tap.sh
. /tests/luo_tap.sh
# shellcheck source=../luo_vmm.sh
. /tests/luo_vmm.sh

cat >/tmp/jump <<'END'
#!/bin/sh
stage=$1
shift
for guest; do
	luo put "$guest$stage" 1 <"/tmp/$guest.log"
done
exec luo kexec --exec --yes
END
chmod +x /tmp/jump

# usage: update STAGE GUEST...
update()
{
	luo hold --background
	luo kexec --load --kernel /boot/bzImage --initrd /boot/initrd \
		--command-line "$(next_cmdline "$1")"
	tap_end
	luo vm update -- /tmp/jump "$@"
	echo "Bail out! stage$1 was not started"
	exit 1
}

# usage: goes_on GUEST STAGE-OF-ITS-LOG
goes_on()
{
	luo get "$1$2" 1 >"/tmp/$1.before"
	start_guest "$1" "/tmp/$1"
	expect 0 "$1 goes on" wait_for_ticks "$1" 5 "$launcher"
	expect 0 "$1: not a tick is missing" no_gap "/tmp/$1.before" "/tmp/$1.log"
}

start_peer()
{
	/tests/luo_peer memory /tmp/peer &
	until [ -e /tmp/peer ]; do sleep 0.1; done
	same "$(cat /tmp/peer)" ready "$1"
}

stage1()
{
	start_peer "a process has 256 MiB of memory"
	for guest in one two three; do
		start_guest "$guest" "/tmp/$guest"
		expect 0 "guest $guest runs" wait_for_ticks "$guest" 5 "$launcher"
	done
	update 2 one two three
}

stage2()
{
	luo hold --background
	start_peer "the process finds its memory"
	goes_on one 2
	goes_on two 2
	luo finish one2
	luo finish two2
	expect 0 "nobody has claimed the third guest" luo list three
	printed "arrived" "it has arrived"
	update 3 one two
}

stage3()
{
	luo hold --background
	start_peer "the process finds its memory again"
	goes_on one 3
	goes_on two 3
	goes_on three 2
	tap_end
	echo "# luo-vm-done"
}

echo "TAP version 13"
"$1"
