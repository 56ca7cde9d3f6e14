#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The program that starts the next kernel, for other scenarios and by hand
set -u

nr=0

# usage: expect STATUS NAME COMMAND...
expect()
{
	expected=$1 name=$2
	shift 2
	nr=$((nr + 1))
	seen=0
	"$@" || seen=$?
	if [ "$seen" = "$expected" ]; then
		echo "ok $nr $name"
	else
		echo "# exit status: expected $expected, seen $seen"
		echo "not ok $nr $name"
	fi
}

echo "TAP version 13"
if [ "$1" = stage1 ]; then
	echo "1..6"
	expect 1 "unknown option" luo-kexec --no-such-option
	expect 1 "append without a string" luo-kexec --cmdline-append
	expect 1 "neither load nor exec" luo-kexec --load-only --exec-only
	expect 1 "append without load" luo-kexec --exec-only --cmdline-append x
	expect 3 "exec without an image" luo-kexec --exec-only
	expect 0 "load" luo-kexec --load-only --cmdline-append "luo.word=a b"
	luo-kexec --exec-only
	echo "Bail out! the next kernel has not started"
elif [ "$1" = stage2 ]; then
	echo "1..2"
	expect 0 "stage is counted up" \
		grep -q " luo.stage=2 .*luo.word=a b$" /proc/cmdline
	expect 2 "command line that is too long" \
		luo-kexec --cmdline-append "$(printf '%2048s' x)"
	luo-kexec
	echo "Bail out! the next kernel has not started"
else
	echo "1..1"
	expect 0 "stage is counted up again" \
		grep -q " luo.stage=3 .*luo.word=a b$" /proc/cmdline
	echo "# luo-vm-done"
fi
