#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# TAP for scenarios in sh that check what commands do. Sourced.

tap_nr=0
tap_output=/tmp/tap-output

# usage: tap_result STATUS NAME; of a failure the output of the last command is
# shown, which is not zero then
tap_result()
{
	tap_nr=$((tap_nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_nr $2"
	else
		sed 's/^/# /' "$tap_output"
		echo "not ok $tap_nr $2"
	fi
}

# The command ends with this status.
#
# usage: expect STATUS NAME COMMAND [ARG]...
expect()
{
	tap_want=$1 tap_name=$2 tap_seen=0
	shift 2
	"$@" >"$tap_output" 2>&1 || tap_seen=$?
	if [ "$tap_seen" = "$tap_want" ]; then
		tap_result 0 "$tap_name"
	else
		echo "# exit status: expected $tap_want, seen $tap_seen"
		tap_result 1 "$tap_name"
	fi
}

# The command before has printed this, a regular expression.
#
# usage: printed REGEX NAME
printed()
{
	tap_seen=0
	grep -q -e "$1" "$tap_output" || tap_seen=1
	tap_result "$tap_seen" "$2"
}

# usage: same SEEN EXPECTED NAME
same()
{
	echo "seen '$1', expected '$2'" >"$tap_output"
	tap_seen=0
	[ "$1" = "$2" ] || tap_seen=1
	tap_result "$tap_seen" "$3"
}

# What a command prints as JSON has this at a place; $get is the program that looks.
#
# usage: json EXPECTED NAME PATH... -- COMMAND...
json()
{
	tap_want=$1 tap_name=$2 tap_path=
	shift 2
	while [ "$1" != -- ]; do
		tap_path="$tap_path $1"
		shift
	done
	shift
	"$@" >/tmp/json 2>/tmp/json-err || cat /tmp/json-err
	# shellcheck disable=SC2086 # these are words
	same "$("${get:?}" $tap_path </tmp/json)" "$tap_want" "$tap_name"
}

tap_end()
{
	echo "1..$tap_nr"
}
