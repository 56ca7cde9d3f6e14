#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# libliveupdate, before and after a kexec
set -u

echo "TAP version 13"
/tests/lib_test "$1"
if [ "$1" = stage1 ]; then
	luo-kexec
	echo "Bail out! the next kernel has not started"
else
	echo "# luo-vm-done"
fi
