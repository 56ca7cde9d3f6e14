#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# luo, across three kernels
#
# vm: timeout=300 mem=512M
set -u
# shellcheck source=../luo_tap.sh
. /tests/luo_tap.sh
# shellcheck source=../luo_vm_lib.sh
. /tests/luo_vm_lib.sh

luo=/tests/luo
get=/tests/json_get
name='my\040vm\377\134'
run="--session runner --memfd log:64K --memfd spare"

kexec()
{
	"$luo" kexec --kernel /boot/bzImage --initrd /boot/initrd "$@"
}

# usage: put STATUS NAME TEXT SESSION TOKEN
put()
{
	echo "$3" >/tmp/text
	expect "$1" "$2" "$luo" put "$4" "$5" </tmp/text
}

# The program writes its file when it is there
start_counter()
{
	rm -f /tmp/counter
	# shellcheck disable=SC2086 # these are words
	"$luo" run $run -- /tests/luo_counter.sh /tmp/counter "$1" &
	runner=$!
	while [ ! -e /tmp/counter ] && kill -0 "$runner" 2>/dev/null; do
		sleep 0.1
	done
	[ -e /tmp/counter ] || echo "it has ended" >/tmp/counter
}

counter_has()
{
	cp /tmp/counter "$tap_output"
	printed "$1" "$2"
}

wrong_calls()
{
	expect 2 "no command" "$luo"
	expect 2 "unknown command" "$luo" frobnicate
	for command in status list run hold put get finish discard kexec timeline; do
		expect 2 "$command: unknown option" "$luo" "$command" --frobnicate
		expect 0 "$command: help" "$luo" "$command" --help
		printed "^usage: luo $command" "$command: the help is about it"
	done
	expect 2 "get: no token" "$luo" get s
	expect 2 "get: a token that is none" "$luo" get s -1
	expect 2 "get: a token that is too large" "$luo" get s 18446744073709551616
	expect 2 "finish: empty name" "$luo" finish ''
	expect 2 "finish: backslash without digits" "$luo" finish 'a\b'
	expect 2 "finish: name too long" "$luo" finish "$(printf '%064d' 0)"
	expect 2 "kexec: no kernel" "$luo" kexec --reuse-cmdline --dry-run
	expect 2 "kexec: no command line" kexec --dry-run
	expect 2 "kexec: nobody to ask" kexec --reuse-cmdline </dev/null
	expect 2 "run: no session" "$luo" run --memfd a -- true
	expect 2 "run: size of zero" "$luo" run --session s --memfd a:0 -- true
	expect 2 "run: two of one name" "$luo" run --session s --memfd a --memfd a -- true
	expect 127 "run: no such command" "$luo" run --session s --memfd a -- /none
	expect 126 "run: not a command" "$luo" run --session s --memfd a -- /tmp
}

nothing_there()
{
	expect 0 "status" "$luo" status
	printed "updates: *0" "status: no update"
	printed "luo hold: *does not run" "status: no hold"
	json 0 "list: nothing" sessions -- "$luo" list --json
	json device "list: from the device" source -- "$luo" list --json
	expect 1 "list: no such session" "$luo" list none
	expect 1 "put: nobody holds" "$luo" put s 1 </dev/null
	printed "luo hold --background" "put: it says what to do"
	expect 1 "get: nobody holds" "$luo" get s 1
	expect 1 "finish: nobody holds" "$luo" finish s
	expect 1 "discard: no such session" "$luo" discard s
	expect 0 "discard damaged: nothing is" "$luo" discard --damaged
	printed "^0 bytes" "discard damaged: no bytes"
	expect 0 "kexec: no session" kexec --reuse-cmdline --dry-run
	printed "there is no session: nothing survives" "kexec: it says so"
	expect 1 "timeline: there was no update" "$luo" timeline --json
}

holding()
{
	expect 0 "hold" "$luo" hold --background
	expect 1 "hold: another one" "$luo" hold --background
	printed "is there already" "hold: it says why"
	expect 1 "get: nothing came over" "$luo" get "$name" 1
	head -c 300000 /dev/urandom >/tmp/data
	expect 0 "put" "$luo" put "$name" 1 </tmp/data
	expect 1 "put: token in use" "$luo" put "$name" 1 </tmp/data
	json 1 "put: it was not put" sessions 0 files -- "$luo" list --json "$name"
	put 0 "put another" second "$name" 18446744073709551615
	put 0 "put to be discarded" third "$name" 3
	expect 0 "discard a new file" "$luo" discard --new "$name" 3
	expect 1 "discard it again" "$luo" discard --new "$name" 3
	expect 1 "finish: it is new" "$luo" finish "$name"
	put 0 "put in a session to be discarded" x gone 1
	expect 0 "discard a new session" "$luo" discard --new gone
	expect 1 "it is gone" "$luo" list gone
	expect 0 "hold: list" "$luo" hold --list
	# shellcheck disable=SC1003 # a backslash
	printed '^new  *my\\040vm\\377\\134$' "hold: it has the session"
	json 1 "hold: list as JSON" sessions -- "$luo" hold --list --json
}

# The one that is killed leaves its socket behind, and no session
killed()
{
	export LUO_SOCKET=/tmp/other/socket
	"$luo" hold &
	other=$!
	while ! "$luo" hold --list >/dev/null 2>&1; do
		sleep 0.1
	done
	put 0 "put with another hold" x lost 1
	expect 0 "the session is there" "$luo" list lost
	LUO_SOCKET=/run/luo/hold.socket
	put 1 "put: the session is somebody else's" x lost 2
	LUO_SOCKET=/tmp/other/socket
	kill -KILL "$other"
	wait "$other"
	expect 1 "the session has gone with its holder" "$luo" list lost
	expect 1 "put: the holder is dead" "$luo" put lost 1 </dev/null
	expect 0 "hold: in the place of a dead one" "$luo" hold --background
	put 0 "put again" x lost 1
	expect 0 "hold: stop" "$luo" hold --stop
	expect 1 "the session is gone, too" "$luo" list lost
	unset LUO_SOCKET
}

listed()
{
	expect 0 "list" "$luo" list
	# shellcheck disable=SC1003 # a backslash
	printed '^new  *2 .* yes  -  *my\\040vm\\377\\134$' "list: the session"
	expect 0 "list files" "$luo" list "$name"
	printed " 18446744073709551615 .*preserved " "list: the file"
	"$luo" list --json "$name" >/tmp/listed
	json 'my\040vm\377\134' "JSON: escaped" sessions 0 escaped -- cat /tmp/listed
	json null "JSON: no UTF-8" sessions 0 name -- cat /tmp/listed
	json new "JSON: state" sessions 0 state -- cat /tmp/listed
	json true "JSON: held" sessions 0 held -- cat /tmp/listed
	json 18446744073709551615 "JSON: token" sessions 0 files 1 token -- cat /tmp/listed
	json preserved "JSON: state of a file" sessions 0 files 1 state -- cat /tmp/listed
	json null "JSON: no error" sessions 0 files 1 error -- cat /tmp/listed
	json 1 "status: JSON" held -- "$luo" status --json
	json 0 "status: updates" updates -- "$luo" status --json
}

# With an agent that keeps the device open
busy()
{
	sleep 100000 3<>/dev/liveupdate &
	agent=$!
	while ! readlink /proc/$agent/fd/3 2>/dev/null | grep -q liveupdate; do
		sleep 0.1
	done
	json debugfs "busy: list from debugfs" source -- "$luo" list --json
	"$luo" list --json "$name" >/tmp/busy-json
	sed -e s/debugfs/device/ /tmp/busy-json >/tmp/busy-device
	expect 0 "busy: debugfs says the same as the device" \
		cmp /tmp/json-before /tmp/busy-device
	expect 0 "busy: status" "$luo" status
	expect 1 "busy: discard" "$luo" discard s
	printed "is in use" "busy: it says why"
	expect 0 "busy: kexec can tell" kexec --reuse-cmdline --dry-run
	umount /sys/kernel/debug
	expect 1 "busy: list without debugfs" "$luo" list
	printed "mount -t debugfs" "busy: it says what to do"
	expect 1 "busy: kexec can't tell" kexec --reuse-cmdline --dry-run
	printed "not known what sessions" "busy: kexec says so"
	mount -t debugfs debug /sys/kernel/debug
	put 0 "busy: put in a session that is held" more "$name" 4
	expect 0 "busy: discard it again" "$luo" discard --new "$name" 4
	kill "$agent"
	wait "$agent"
}

refusals()
{
	expect 1 "kexec: no parameters" kexec --command-line "console=ttyS0" --dry-run
	printed "'kho=on' is missing" "kexec: kho is missing"
	printed "'liveupdate=on' is missing" "kexec: liveupdate is missing"
	expect 1 "kexec: off" kexec --command-line "kho=on liveupdate=0" --dry-run
	printed "has liveupdate= off" "kexec: it says so"
	expect 1 "kexec: the last one counts" \
		kexec --command-line "kho=on liveupdate=on kho=off" --dry-run
	expect 1 "kexec: behind the dashes it does not count" \
		kexec --command-line "kho=on -- liveupdate=on" --dry-run
	expect 0 "kexec: forced" kexec --command-line "kho=on" --dry-run --force
	expect 1 "kexec: no kernel" "$luo" kexec --kernel /tmp/data --reuse-cmdline --dry-run
	printed "it is no kernel" "kexec: it says so"
	expect 1 "kexec: no such file" "$luo" kexec --kernel /none --reuse-cmdline --dry-run
	expect 1 "kexec: command line too long" \
		kexec --reuse-cmdline --append "$(printf '%2048s' x)" --dry-run
	printed "the next kernel takes 2048" "kexec: it says so"
	{ head -c 56 /dev/zero; printf 'ARM\144'; head -c 2000 /dev/zero; } >/tmp/arm64
	expect 1 "kexec: of another architecture" \
		"$luo" kexec --kernel /tmp/arm64 --reuse-cmdline --dry-run
	printed "it is for arm64" "kexec: it says so"
	expect 1 "kexec: none is loaded" "$luo" kexec --exec --dry-run
	same "$(cat /sys/kernel/kexec_loaded)" 0 "kexec: nothing was loaded by all that"
	expect 0 "kexec: all is well" kexec --reuse-cmdline --dry-run
	printed "^survives  *session my" "kexec: the session survives"
	json survives "kexec: fate as JSON" sessions 0 fate -- \
		kexec --reuse-cmdline --dry-run --json
	json 0 "kexec: not refused" refused -- kexec --reuse-cmdline --dry-run --json
	json "$(uname -r)" "kexec: release" release -- \
		kexec --reuse-cmdline --dry-run --json
}

stage1()
{
	wrong_calls
	nothing_there
	holding
	killed
	listed
	"$luo" list --json "$name" >/tmp/json-before
	busy
	refusals
	start_counter one
	counter_has "pid mine" "run: LISTEN_PID"
	counter_has "fds 2 log:spare 5 0" "run: the other variables"
	counter_has "^session runner" "run: the session's name"
	counter_has "^/memfd:log " "run: the first memfd"
	counter_has "^/memfd:spare " "run: the second memfd"
	counter_has "luo_session. runner" "run: the session"
	counter_has "^one" "run: it can write"
	# shellcheck disable=SC2086 # these are words
	expect 125 "run: it runs already" "$luo" run $run -- true
	printed "does this command run already" "run: it says so"
	expect 7 "run: exit status" "$luo" run --session s --memfd a -- sh -c "exit 7"
	expect 143 "run: signal" "$luo" run --session s --memfd a -- sh -c "kill \$\$"
	md5sum </tmp/data >/tmp/md5
	expect 0 "put what to compare with" "$luo" put sum 6 </tmp/md5
	put 0 "put what will be discarded" x sum 5
	put 0 "put what nobody will get" text forgotten 1
	tap_end
	"$luo" kexec --kernel /boot/bzImage --initrd /boot/initrd --yes \
		--command-line "$(next_cmdline 2)"
}

came_over()
{
	expect 0 "status" "$luo" status
	printed "updates: *1" "status: one update"
	printed "previous: *$(uname -r)" "status: the previous kernel"
	json 4 "list: all came over" sessions -- "$luo" list --json
	json arrived "list: state" sessions 0 state -- "$luo" list --json "$name"
	json waiting "list: state of a file" sessions 0 files 0 state -- \
		"$luo" list --json "$name"
	expect 1 "get: nobody holds" "$luo" get sum 6
	json arrived "get: nothing was retrieved" sessions 0 state -- \
		"$luo" list --json sum
	expect 0 "timeline" "$luo" timeline
	printed " ms  old  " "timeline: of the old kernel"
	printed " ms  new  " "timeline: of the new kernel"
	json 0 "timeline: JSON" events 0 ns -- "$luo" timeline --json
}

getting()
{
	expect 0 "hold" "$luo" hold --background
	"$luo" get sum 6 >/tmp/md5
	"$luo" get "$name" 1 >/tmp/data
	same "$(md5sum </tmp/data)" "$(cat /tmp/md5)" "get: all bytes"
	same "$(head -c 4 /tmp/md5 | wc -c)" 4 "get: there are bytes at all"
	same "$(wc -c </tmp/data)" 300000 "get: no more of them"
	same "$("$luo" get "$name" 18446744073709551615)" second "get another"
	expect 0 "get again" "$luo" get "$name" 1
	same "$(md5sum <"$tap_output")" "$(cat /tmp/md5)" "get again: all bytes"
	expect 1 "get: no such file" "$luo" get "$name" 2
	expect 1 "get: stdout is full" sh -c "$luo get '$name' 1 >/dev/full"
	json retrieved "list: retrieved" sessions 0 state -- "$luo" list --json "$name"
	json true "list: held" sessions 0 held -- "$luo" list --json "$name"
	expect 1 "discard: it is held" "$luo" discard "$name"
	printed "luo finish" "discard: it says what to do"
	expect 1 "discard a file that was retrieved" "$luo" discard "$name" 1
	expect 0 "discard a file that was not" "$luo" discard sum 5
	expect 1 "it is gone" "$luo" get sum 5
	expect 0 "kexec: what would be lost" kexec --reuse-cmdline --dry-run
	printed "^lost  *session my" "kexec: the retrieved session"
	printed "^carried  *session forgotten" "kexec: the one that nobody has"
	expect 0 "finish" "$luo" finish "$name"
	expect 1 "finish again" "$luo" finish "$name"
	expect 1 "get: finished" "$luo" get "$name" 1
	expect 1 "finish: nobody has retrieved it" "$luo" finish forgotten
	expect 0 "finish with a file that was not retrieved" "$luo" finish sum
	put 0 "put: the name is free" new "$name" 1
	json new "list: a new session" sessions 0 state -- "$luo" list --json "$name"
}

stage2()
{
	came_over
	getting
	start_counter two
	counter_has "fds 2 log:spare 5 2" "run: both came over"
	counter_has "^one" "run: what the old kernel's program wrote"
	counter_has "^two" "run: it goes on behind that"
	json new "run: preserved again" sessions 0 state -- "$luo" list --json runner
	json 2 "run: both are" sessions 0 files -- "$luo" list --json runner
	json 1 "run: nothing is left of the old session" sessions -- \
		"$luo" list --json runner
	expect 0 "kexec: load" kexec --command-line "$(next_cmdline 3)" --load
	expect 0 "kexec: check what is loaded" "$luo" kexec --exec --dry-run
	printed "is loaded already" "kexec: it says what it can't check"
	tap_end
	"$luo" kexec --exec --yes
}

stage3()
{
	expect 0 "status" "$luo" status
	printed "updates: *2" "status: two updates"
	json 1 "a forgotten session is carried over" sessions 0 age -- \
		"$luo" list --json forgotten
	expect 0 "discard it" "$luo" discard forgotten
	expect 1 "it is gone" "$luo" list forgotten
	expect 1 "discard it again" "$luo" discard forgotten
	start_counter three
	counter_has "^one" "run: of the first kernel"
	counter_has "^two" "run: of the second kernel"
	counter_has "^three" "run: of the third kernel"
	kill "$runner"
	wait "$runner"
	same $? 143 "run: the signal is passed on"
	expect 1 "run: the session is gone" "$luo" list runner
	expect 0 "hold" "$luo" hold --background
	same "$("$luo" get "$name" 1)" new "get: put again in the second kernel"
	expect 0 "hold: stop" "$luo" hold --stop
	json 0 "a retrieved session that is let go of is finished" sessions -- \
		"$luo" list --json
	tap_end
	echo "# luo-vm-done"
}

echo "TAP version 13"
"$1"
[ "$1" = stage3 ] || echo "Bail out! $1 has not started the next kernel"
