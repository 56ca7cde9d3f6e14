#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guests that outlive the kernel under them, for scenarios that have some. Sourced.

# shellcheck source=luo_vm_lib.sh
. /tests/luo_vm_lib.sh

# The guest has no clock that it could hold its time stamp counter against: it has
# to be told the rate, and is told what this kernel was, or has found out.
tsc_khz()
{
	khz=$(sed -n 's/.*\<tsc_early_khz=\([0-9]*\).*/\1/p' /proc/cmdline)
	mhz=$(sed -n 's/^cpu MHz[^:]*: \([0-9]*\)\.\(...\)$/\1\2/p' /proc/cpuinfo | head -n 1)
	echo "${khz:-$mhz}"
}

# What the guest's program has to say is printed as it is, and all of it
guest_cmdline="console=ttyS0 quiet printk.time=0 printk.devkmsg=on panic=-1 kunit.enable=0"

# What a guest prints goes to CONSOLE, and to /tmp/SESSION.log. The launcher is
# told to fail by /tmp/SESSION.inject.
#
# usage: start_guest SESSION CONSOLE [OPTION-OF-LUO-VM-RUN]...
start_guest()
{
	guest=$1 console=$2
	shift 2
	luo vm run --session "$guest" --memory 96M --inject "/tmp/$guest.inject" "$@" -- \
		qemu-system-x86_64-microvm -L /usr/share/qemu -nodefaults \
		-no-user-config -display none -no-reboot -cpu host -smp 1 \
		-M microvm,accel=kvm,x-option-roms=off,isa-serial=on \
		-M pit=off,pic=off,rtc=off,acpi=off \
		-kernel /boot/bzImage -initrd /boot/guest \
		-append "$guest_cmdline tsc_early_khz=$(tsc_khz)" \
		-chardev "file,id=s0,path=$console,logfile=/tmp/$guest.log,logappend=on" \
		-serial chardev:s0 &
	# shellcheck disable=SC2034 # for who has called
	launcher=$!
}

# usage: ticks_in FILE
ticks_in()
{
	sed 's/\r//' "$1" 2>/dev/null | grep -c '^guest: tick [0-9]*, .* ok$'
}

# Until the guest has counted on by that much; false if its launcher ends.
#
# usage: wait_for_ticks SESSION NR LAUNCHER
wait_for_ticks()
{
	end=$(($(ticks_in "/tmp/$1.log") + $2))
	while [ "$(ticks_in "/tmp/$1.log")" -lt "$end" ]; do
		kill -0 "$3" 2>/dev/null || return 1
		sleep 0.05
	done
}

# No tick is missing in the logs, one after the other, from the first that is there
# on, and all are of one boot. The guest may be just printing the last line.
#
# usage: no_gap FILE...
no_gap()
{
	cat "$@" | tr -d '\r' | sed '$d' | awk '
		/^guest: tick / {
			tick = $3 + 0
			if ((last && tick != last + 1) || (last && $5 != boot) ||
			    $7 != "ok") {
				print "after tick " last " of boot " boot ": " $0
				bad = 1
			}
			last = tick
			boot = $5
		}
		END { exit bad || !last }'
}
