#!/bin/bash
# timeline: from what debugfs has to a table and drawings, and what it refuses.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

good() {
	printf '%s\n' '# by the cycle counter' $'0\told\tfreeze-begin' \
		$'1000000\told\tfreeze-end' $'3000000\told\tjump' \
		$'3500000\tnew\tstart' $'9000000\tnew\tretrieve\ta<b&c'
}
draws() {
	good | "$workshop/timeline" --svg "$tmp/t.svg" --html "$tmp/d/t.html" >"$tmp/table"
	python3 -c 'import sys, xml.dom.minidom as m
svg, page = (open(name).read() for name in sys.argv[1:])
text = m.parseString(svg).documentElement.toxml()
assert "a&lt;b&amp;c" in text and text.count("<rect") == 5, text
assert svg in page' "$tmp/t.svg" "$tmp/d/t.html"
}
# shows LINE: a line of the table.
shows() { grep -qxF -- "$1" "$tmp/table"; }
# refuses TEXT WHY: it says why, and how it went.
refuses() {
	! printf '%b' "$1" | "$workshop/timeline" >/dev/null 2>"$tmp/why" &&
		grep -q "$2" "$tmp/why"
}
long() {
	{
		echo $'0\told\tfreeze-begin'
		for i in {1..50}; do printf '%d\tnew\tretrieve\ts%d\n' "$i" "$i"; done
	} | "$workshop/timeline" --svg "$tmp/t.svg" >/dev/null
	grep -q 'and 10 more phases' "$tmp/t.svg"
}

check 'it draws, and names are escaped' draws
check 'the table: the first phase' shows '      0.0 ms      +1.0 ms  old kernel: freeze the files'
check 'the table: the last one' shows '      3.5 ms      +5.5 ms  new kernel: until session a<b&c is retrieved'
check 'the table: remarks' shows '(by the cycle counter)'
check 'many sessions' long
check 'nothing to draw' refuses '' 'there is no timeline'
check 'time that goes backwards' refuses '2\told\tfreeze-begin\n1\told\tjump\n' 'goes backwards'
check 'something else' refuses 'hello\n' "not a line of a timeline: 'hello'"
