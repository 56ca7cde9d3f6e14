#!/bin/bash
# vmm-report: what the demonstration takes for a success, and what not.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

# good: logs of a run in which all went well
good() {
	for tick in {1..9}; do
		printf 'guest: tick %d, boot b-1, memory ok\r\n' "$tick"
	done >"$tmp/guest"
	{
		echo 'demo: kernel 6.18.15, up since 1 s'
		for kernel in 6.18.15-b 6.18.15; do
			printf '%s\r\n' 'guest: stopped: checksum of its memory: 00000000000000aa' \
				"demo: kernel $kernel, up since 1 s" \
				'guest: to be restored: checksum of its memory: 00000000000000aa' \
				'demo: timeline: # by the cycle counter' \
				$'demo: timeline: 0\told\tguest-stop' \
				$'demo: timeline: 3000000\told\tjump' \
				$'demo: timeline: 5000000\tnew\tguest-resume'
		done
		echo 'demo: result: PASS'
	} >"$tmp/host"
}
report() { "$workshop/vmm-report" --out "$tmp/out" "$tmp/host" "$tmp/guest"; }
# bad NAME WHY LOG SED-SCRIPT: with that change to a log it fails, and says why
bad() {
	good
	sed -i "$4" "$tmp/$3"
	check "$1" fails "$2" report
}

good
check "all is well" report
report >"$tmp/table"
check "the kernels" grep -q '6.18.15 -> 6.18.15-b -> 6.18.15$' "$tmp/table"
check "the pause" grep -q 'stood still  *5 ms$' "$tmp/table"
check "two drawings" test -s "$tmp/out/timeline.svg" -a -s "$tmp/out/timeline2.svg"
bad "a tick is missing" 'has a gap: tick 6 follows 4' guest 5d
bad "a tick comes twice" 'has a gap: tick 5 follows 5' guest 5p
bad "the first ticks are missing" "first tick is 3" guest 1,2d
bad "no tick at all" 'has not come up' guest 1,9d
bad "another boot" 'has booted again' guest '7s/b-1/b-2/'
bad "the guest's memory is wrong" 'memory is wrong' guest '7s/ok/BAD/'
bad "another checksum" 'memory has changed' host '/restored/s/00aa/00ab/'
bad "no checksum" 'checksums .* are missing' host '/restored/d'
bad "the same kernel" 'still 6.18.15$' host 's/-b,/,/'
bad "a kernel less" '2 kernels, not 3' host '/-b,/d'
bad "no result" 'came to no result' host '/result/d'
bad "the host says why" '^the guest has died$' host 's/PASS/FAIL: the guest has died/'
bad "no timeline" 'no timeline' host '/timeline/d'
