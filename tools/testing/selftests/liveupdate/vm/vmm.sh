#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A virtual machine outlives the kernel under it, twice in a row; and one that has
# lost its memory does not.
#
# vm: vmm=yes builds=2 icount=yes mem=1G timeout=1200 silence=600
# vm: qemu-args="-cpu qemu64,+svm,+npt" append="tsc_early_khz=1000000"
set -u
# shellcheck source=../luo_tap.sh
. /tests/luo_tap.sh
# shellcheck source=../luo_vmm.sh
. /tests/luo_vmm.sh

# What the guest has printed goes over beside it, from when it stands still
cat >/tmp/jump <<'END'
#!/bin/sh
luo put "$1" 1 </tmp/good.log
exec luo kexec --exec --yes
END
chmod +x /tmp/jump

# usage: update KERNEL STAGE
update()
{
	luo hold --background
	luo kexec --load --kernel "$1" --initrd /boot/initrd \
		--command-line "$(next_cmdline "$2")"
	tap_end
	luo vm update -- /tmp/jump "log$2"
	echo "Bail out! $2 was not started"
	exit 1
}

# The ticks go on where they stopped in the kernel before
goes_on()
{
	luo hold --background
	luo get "log$1" 1 >/tmp/before
	luo finish "log$1"
	luo hold --stop
	start_guest good /tmp/good --checksum
	expect 0 "the guest goes on" wait_for_ticks good 10 "$launcher"
	expect 0 "not a tick is missing, in the same boot" no_gap /tmp/before /tmp/good.log
}

stage1()
{
	echo blank >/tmp/bad.inject
	start_guest good /tmp/good --checksum
	good=$launcher
	start_guest bad /tmp/bad
	expect 0 "a guest runs" wait_for_ticks good 10 "$good"
	expect 0 "another one runs" wait_for_ticks bad 3 "$launcher"
	update /boot/bzImage-b 2
}

stage2()
{
	goes_on 2
	same "$(uname -r | sed 's/.*-/-/')" -b "the host has another kernel"
	start_guest bad /tmp/bad
	expect 1 "a guest without its memory dies" wait_for_ticks bad 1 "$launcher"
	update /boot/bzImage 3
}

stage3()
{
	goes_on 3
	expect 1 "the other one is gone" luo list bad
	tap_end
	echo "# luo-vm-done"
}

echo "TAP version 13"
"$1"
