#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A program that was not written for live update: it has two descriptors, tells
# what it was given, writes on where the file's position is, and stays.
#
# usage: luo_counter.sh FILE LINE
{
	echo "pid $([ "$LISTEN_PID" = $$ ] && echo mine || echo "$LISTEN_PID")"
	echo "fds $LISTEN_FDS $LISTEN_FDNAMES $LUO_SESSION_FD $LUO_RETRIEVED"
	echo "session $LUO_SESSION"
	for fd in 3 4 5; do
		readlink "/proc/$$/fd/$fd"
	done
	echo "$2" >&3
	echo "log:"
	tr -d '\0' </proc/self/fd/3
} >"$1.new" 2>&1
mv "$1.new" "$1"
exec sleep 100000
