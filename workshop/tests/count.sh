#!/bin/bash
# tap.py: that nothing which failed is counted as a success.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

count() {
	printf '%s\n' "$@" | PYTHONPATH=$workshop PYTHONDONTWRITEBYTECODE=1 python3 -c '
import sys
from tap import Counter
n = {True: 0, False: 0, None: 0}
def report(ok, name, comment=""):
    n[ok] += 1
c = Counter(report)
for line in sys.stdin:
    c.line(line)
c.end()
print(n[True], n[False], n[None])'
}
# counts PASSED FAILED SKIPPED NAME LINE...
counts() {
	local want="$1 $2 $3" name=$4
	shift 4
	check "$name" same "$(count "$@")" "$want"
}

counts 2 0 0 "plan first" 'TAP version 13' '1..2' 'ok 1 - a' 'ok 2 - b'
counts 2 0 0 "plan last" 'ok 1 - a' 'ok 2 - b' '1..2'
counts 1 1 0 "a failure" '1..2' 'not ok 1 - a' 'ok 2 - b'
counts 1 0 1 "a skip" '1..2' 'ok 1 - a # SKIP no memory' 'ok 2 - b'
counts 0 0 1 "all skipped" 'TAP version 13' '1..0 # SKIP no device'
counts 1 1 0 "ended early" '1..3' 'ok 1 - a'
counts 1 1 0 "no plan" 'ok 1 - a'
counts 0 1 0 "nothing at all" 'hello'
counts 1 1 0 "more than planned" '1..0' 'ok 1 - a'
counts 1 1 0 "a number is missing" '1..2' 'ok 2 - a'
counts 0 2 0 "bail out" '1..2' 'Bail out! no device'
counts 3 0 0 "two programs" 'TAP version 13' '1..1' 'ok 1 a' 'TAP version 13' '1..2' 'ok 1 a' 'ok 2 b'
counts 2 1 0 "the first of two ended early" '1..2' 'ok 1 a' 'TAP version 13' '1..1' 'ok 1 a'
counts 2 0 0 "a plan that spans a kexec" '1..2' 'ok 1 a' '[    0.0] Linux version' 'ok 2 b'
counts 2 0 0 "kunit" '[    1.0] KTAP version 1' '[    1.0] 1..1' '[    1.0]     KTAP version 1' \
	'[    1.0]     # Subtest: luo' '[    1.0]     # module: luo' '[    1.0]     1..2' '[    1.0]     ok 1 a' \
	'[    1.0]     ok 2 b' '[    1.0] # luo: pass:2 fail:0 skip:0 total:2' '[    1.0] ok 1 luo'
counts 1 1 0 "kunit, a failure counts once" '[    1.0] KTAP version 1' '[    1.0] 1..1' '[    1.0]     KTAP version 1' \
	'[    1.0]     # Subtest: luo' '[    1.0]     1..2' '[    1.0]     not ok 1 a' \
	'[    1.0]     ok 2 b' '[    1.0] not ok 1 luo'
counts 1 2 0 "kunit, died" '[    1.0] KTAP version 1' '[    1.0] 1..1' '[    1.0]     KTAP version 1' \
	'[    1.0]     # Subtest: luo' '[    1.0]     1..2' '[    1.0]     ok 1 a'
counts 2 0 0 "kunit, parameters" 'KTAP version 1' '1..1' '    KTAP version 1' '    # Subtest: luo' '    1..1' \
	'        KTAP version 1' '        # Subtest: param' '        ok 1 one' '        ok 2 two' \
	'        1..2' '    ok 1 param' 'ok 1 luo'
