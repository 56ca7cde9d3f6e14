#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What makes the pause of a live update short: an image that is not checked again,
# and clocks whose rates come from the kernel before
#
# vm: icount=yes timeout=300
set -u
# shellcheck source=../luo_tap.sh
. /tests/luo_tap.sh

digest=/sys/module/kexec_file/parameters/digest

# The rates came from the kernel before
rates_taken()
{
	dmesg | grep -q "rates of the clocks are those of the previous kernel"
}

# usage: next_kernel [WORDS-FOR-ITS-COMMAND-LINE]
next_kernel()
{
	tap_end
	luo-kexec --cmdline-append "$1"
	echo "Bail out! the next kernel was not started"
	exit 1
}

stage1()
{
	same "$(cat $digest)" Y "an image is checked by default"
	expect 0 "that can be turned off" sh -c "echo 0 >$digest"
	same "$(cat $digest)" N "it is off"
	expect 1 "a first kernel measures its clocks" rates_taken
	next_kernel kexec_file.digest=0
}

stage2()
{
	same "$(cat $digest)" N "the command line can turn it off, too"
	expect 0 "rates come from the kernel before" rates_taken
	next_kernel kexec_file.digest=1
}

stage3()
{
	same "$(cat $digest)" Y "an image that was not checked runs, and has it on"
	expect 0 "they are handed on" rates_taken
	next_kernel kho_clocks=off
}

stage4()
{
	expect 1 "kho_clocks=off measures them" rates_taken
	tap_end
	echo "# luo-vm-done"
}

echo "TAP version 13"
"$1"
