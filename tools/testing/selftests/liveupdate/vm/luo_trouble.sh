#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What luo says and does if what came over is damaged, or if luo run fails after it
# has retrieved a session
#
# vm: timeout=240 mem=512M
set -u
# shellcheck source=../luo_tap.sh
. /tests/luo_tap.sh
# shellcheck source=../luo_vm_lib.sh
. /tests/luo_vm_lib.sh

luo=/tests/luo
get=/tests/json_get
damage=/sys/kernel/debug/liveupdate_test/damage

# usage: put TEXT [OPTION]... SESSION TOKEN
put()
{
	echo "$1" >/tmp/text
	shift
	expect 0 "put $*" "$luo" put "$@" </tmp/text
}

# The command says what it has got, and stays until the next call
#
# usage: start LINE SESSION OPTION...
start()
{
	line=$1 session=$2
	shift 2
	rm -f /tmp/counter
	"$luo" run --session "$session" "$@" -- \
		/tests/luo_counter.sh /tmp/counter "$line" 2>/tmp/said &
	runner=$!
	while [ ! -e /tmp/counter ] && kill -0 "$runner" 2>/dev/null; do
		sleep 0.1
	done
	cat /tmp/said /tmp/counter >"$tap_output"
}

stop()
{
	kill "$runner"
	wait "$runner"
}

# Sessions and files are counted in the order in which they were made
stage1()
{
	expect 0 "hold" "$luo" hold --background
	put intact good 1		# session 0, file 0
	put any lost 1			# session 1, file 1
	put first half 1		# session 2, file 2
	put second half 2		# file 3
	start one gone --memfd log:64K	# session 3, file 4
	printed "^one" "run a command whose session will be lost"
	start one part --memfd log:64K --memfd spare	# session 4, files 5 and 6
	printed "^one" "run a command that will lose a memfd"
	put one --name log twice 1	# session 5
	put two --name log twice 2
	put one --name log alone 1	# session 6
	put two --name log alone 2
	expect 0 "damage sessions" sh -c "echo 'flip session 1 1 5' >$damage &&
		echo 'flip session 3 1 5' >$damage"
	expect 0 "damage files" sh -c "echo 'flip file 3 0 5' >$damage &&
		echo 'flip file 6 0 5' >$damage"
	tap_end
	"$luo" kexec --kernel /boot/bzImage --initrd /boot/initrd --yes \
		--command-line "$(next_cmdline 2)"
}

seen()
{
	expect 0 "status" "$luo" status
	printed "^quarantine: *[1-9].*luo discard --damaged" "status: what is damaged"
	json 5 "status: sessions" sessions arrived -- "$luo" status --json
	expect 0 "list" "$luo" list
	printed " damaged  *half$" "list: a session with a damaged file"
	json true "list: damaged" sessions 0 damaged -- "$luo" list --json half
	json false "list: not damaged" sessions 0 damaged -- "$luo" list --json good
	json 1 "list: the file that is there" sessions 0 files -- \
		"$luo" list --json half
	expect 1 "list: the session that is lost" "$luo" list lost
	expect 0 "kexec: it looks at them" "$luo" kexec --dry-run --reuse-cmdline \
		--kernel /boot/bzImage --initrd /boot/initrd
	printed "session half has files that were damaged" "kexec: it says so"
}

getting()
{
	expect 0 "hold" "$luo" hold --background
	same "$("$luo" get good 1)" intact "get: what is not damaged"
	expect 1 "get: a session that is lost" "$luo" get lost 1
	printed "unless damaged" "get: it says why"
	printed "luo status" "get: it says where to look"
	same "$("$luo" get half 1)" first "get: the file beside a damaged one"
	expect 1 "get: the damaged file" "$luo" get half 2
	printed "came over damaged" "get: it says why"
	expect 1 "discard: the damaged file" "$luo" discard half 2
	printed "has no file 2" "discard: it says why"
	expect 1 "discard: a session that is lost" "$luo" discard lost
	printed "luo discard --damaged" "discard: it says what to do"
	expect 0 "finish: beside the damaged file" "$luo" finish half
}

running()
{
	expect 125 "run: the session may be lost" \
		"$luo" run --session gone --memfd log:64K -- true
	printed "unless damaged" "run: it says why"
	printed "--fresh starts anew" "run: it says what to do"
	start two gone --memfd log:64K --fresh
	printed "^fds 1 log 4 0" "run: started anew"
	printed "^two" "run: it can write"
	stop
	expect 125 "run: a memfd may be lost" \
		"$luo" run --session part --memfd log:64K --memfd spare -- true
	printed "came over damaged" "run: it says why"
	json arrived "run: nothing was retrieved" sessions 0 state -- \
		"$luo" list --json part
	start two part --memfd log:64K --memfd spare --fresh
	printed "^fds 2 log:spare 5 1" "run: one memfd came over"
	printed "^one" "run: with what was in it"
	stop
}

# luo run can't tell which of two memfds is meant
rescuing()
{
	expect 125 "run: fails after the retrieve" \
		"$luo" run --session twice --memfd log:64K -- true
	printed "has two memfds 'log'" "run: it says why"
	printed "luo hold has session twice now" "run: it says who has the session"
	same "$("$luo" get twice 1)$("$luo" get twice 2)" onetwo "run: nothing is lost"
	expect 0 "finish what was rescued" "$luo" finish twice
	expect 0 "hold: stop" "$luo" hold --stop
	expect 125 "run: fails, and nobody holds" \
		"$luo" run --session alone --memfd log:64K -- true
	printed "the session is lost" "run: it says so"
	expect 1 "run: it is" "$luo" list alone
}

discarding()
{
	json 0 "nothing else came over" sessions -- "$luo" list --json --incoming
	expect 0 "discard damaged" "$luo" discard --damaged
	printed "^[1-9][0-9]* bytes went back" "discard damaged: how much"
	json 0 "discard damaged: it is done" bytes -- \
		"$luo" discard --damaged --json
	json 0 "status: the quarantine is empty" quarantine files -- \
		"$luo" status --json
}

stage2()
{
	seen
	getting
	running
	rescuing
	discarding
	tap_end
	echo "# luo-vm-done"
}

echo "TAP version 13"
"$1"
[ "$1" = stage2 ] || echo "Bail out! $1 has not started the next kernel"
