#!/bin/bash
# bench: from the serial logs of guests to figures, bars and an exit status.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

# about DIR CASE...: what bench keeps beside the logs.
about() {
	mkdir -p "$1"
	printf '{"kernel": "/k", "version": "6.18.15 (toy)", "qemu": "QEMU 1", "cases": [%s]}\n' \
		"$(shift; printf '"%s", ' "$@" | sed 's/, $//')" >"$1/guests.json"
}
# guest LOG REBOOT [LINE...] -- [LINE...]: results 'KEY VALUE' of the first and
# the second kernel; REBOOT is in microseconds.
guest() {
	local log=$1 reboot=$2
	shift 2
	{
		echo '[    0.000000] Linux version 6.18.15'
		echo 'bench: left 1000000000'
		while [ "$1" != -- ]; do echo "bench: $1"; shift; done
		shift
		echo '[    1.999990] bench: reboot'
		printf '[    2.%06d][    T1] kexec_core: Starting new kernel\n' "$((reboot - 10))"
		echo '[    0.000000] Linux version 6.18.15'
		for line; do echo "bench: $line"; done
		echo '# luo-vm-done'
	# As a serial line has it
	} | sed 's/$/\r/' >"$log"
}
# dense NAME REBOOT: a run of this case, with the second guest's time to reboot.
dense() {
	about "$tmp/$1/this" dense
	guest "$tmp/$1/this/dense-16384.log" 50 -- 'arrived 2000000000'
	guest "$tmp/$1/this/dense-65536.log" "$2" -- 'arrived 2000000000'
}
# memfd DIR PRESERVE RETRIEVE: one of that, for each page.
memfd() {
	about "$1" memfd
	guest "$1/memfd-0.log" 50 "dense-256.preserve $(($2 * 65536))" 'dense-256.metadata 262144' \
		'dense-256.bytes 268435456' 'dense-64.preserve 7' 'alone 16384' 'alone-64.preserve 16384' \
		'alone-64.metadata 67109' 'alone-64.bytes 67108864' 'huge-256.preserve 12800' \
		'huge-256.bytes 268435456' 'sparse-1024.preserve 1500000' 'sparse-1024.metadata 4096' \
		'sparse-1024.bytes 4194304' -- "dense-256.retrieve $(($3 * 65536))" 'dense-256.finish 1' \
		'alone-64.retrieve 16384' 'huge-256.retrieve 12800' 'huge-256.finish 1' \
		'sparse-1024.retrieve 1' 'sparse-1024.retrieved_bytes 4194304'
}

# First all runs, each in a directory of its name with the arguments in 'args';
# then one Python for all of them, as its start is what takes time.

dense met 52
dense missed 53
dense no-end 50
sed -i '/luo-vm-done/d' "$tmp/no-end/this/dense-65536.log"
dense trouble 50
echo 'panic: Kernel panic - not syncing: x' >"$tmp/trouble/this/dense-65536.failed"
cp -r "$tmp/trouble" "$tmp/bail"
echo 'Bail out! line 7: no memory' >>"$tmp/bail/this/dense-65536.log"
dense missing 50
rm "$tmp/missing/this/dense-65536.log"

# All cases that grow: 10 instructions for each page at boot, a last tenth of
# the files that costs half as much again...
grow=$tmp/grow/this
about "$grow" files alone sessions threads
for n in 0 16384 32768 65536 131072; do
	guest "$grow/alone-$n.log" 50 -- "arrived $((1500050000 + 10 * n))"
done
for n in 0 1000 9000 10000; do
	guest "$grow/sessions-$n.log" "$((40 + n / 10))" 'create.100 500' 'create.5000 900' 'create.10000 600' -- \
		'retrieve.100 100' 'retrieve.10000 121' 'close.100 100' 'close.10000 100' \
		"open $((7000 + 50 * n))"
done
for n in 0 10000 90000 100000; do
	reboot=$((100 + n))
	[ "$n" -lt 100000 ] || reboot=$((reboot + 5000))
	guest "$grow/files-$n.log" "$reboot" 'preserve.1000 10' 'preserve.100000 12' -- \
		'retrieve.1000 10' 'retrieve.100000 10' 'open 5000' "finish $((20 * n))"
done
printf '%s\n' 'bench: serial 1000' 'bench: parallel 550' '# luo-vm-done' >"$grow/threads-65536.log"
cp -r "$tmp/grow" "$tmp/subset"
echo threads >"$tmp/subset/args"
dense not-there 50
echo memfd >"$tmp/not-there/args"
dense unknown 50
echo many >"$tmp/unknown/args"

memfd "$tmp/memfd/this" 150 1
memfd "$tmp/cut/this" 150 1
sed -i 's/^bench: huge-256.finish.*/bench: huge-25/' "$tmp/cut/this/memfd-0.log"
memfd "$tmp/two/this" 100 1
memfd "$tmp/two/compared" 150 1000
memfd "$tmp/earlier/this" 100 1
echo "--compare $tmp/two" >"$tmp/earlier/args"
memfd "$tmp/half/this" 100 1
memfd "$tmp/half/compared" 100 1
rm "$tmp/half/compared/memfd-0.log"
dense no-kernel 50
echo "--compare $workshop/bench" >"$tmp/no-kernel/args"
mkdir "$tmp/empty"

# gnuplot is not on every machine: a stand-in, for all but the run 'memfd', and
# for that a PATH with nothing but Python.
mkdir "$tmp/fake"
cat >"$tmp/fake/gnuplot" <<'SCRIPT'
#!/bin/sh
commands=$(cat)
svg=$(printf '%s\n' "$commands" | sed -n 's/^set output "\(.*\)"$/\1/p')
printf '%s\n' "$commands" >"$svg"
SCRIPT
chmod +x "$tmp/fake/gnuplot"
mkdir "$tmp/none"
ln -s "$(command -v env)" "$tmp/none/env"
touch "$tmp/memfd/bench.svg"

# What a run prints goes to 'out', its exit status to 'status', and what its
# bench.json has to 'json', one line each.
PYTHONDONTWRITEBYTECODE=1 python3 - "$workshop/bench" "$tmp" <<'PYTHON'
import json, os, runpy, sys

bench, tmp = sys.argv[1:]
sys.path.insert(0, os.path.dirname(bench))
main = runpy.run_path(bench)["main"]
path = os.environ["PATH"]
os.symlink(sys.executable, tmp + "/none/python3")
for name in sorted(os.listdir(tmp)):
    run = os.path.join(tmp, name)
    if name in ("fake", "none"):
        continue
    args = open(run + "/args").read().split() \
        if os.path.exists(run + "/args") else []
    os.environ["PATH"] = tmp + "/none" if name == "memfd" else \
        tmp + "/fake:" + tmp + "/none:" + path
    sys.argv = ["bench", "--from", run, *args]
    saved = os.dup(1), os.dup(2)
    out = os.open(run + "/out", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    try:
        status = main()
    except SystemExit as e:
        if isinstance(e.code, str):
            print(e.code)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(saved[0], 1)
    os.dup2(saved[1], 2)
    print(status, file=open(run + "/status", "w"))
    if os.path.exists(run + "/bench.json"):
        with open(run + "/json", "w") as f:
            for title, one in json.load(open(run + "/bench.json")).items():
                for row in one.pop("figures"):
                    print(title, row["name"], row["value"], row["met"],
                          sep="|", file=f)
                for what in "curves", "results", "failed":
                    for key, value in one.pop(what).items():
                        print(title, key, value, sep="|", file=f)
                print(title, one, sep="|", file=f)
PYTHON

# prints RUN STATUS LINE: blanks don't count.
prints() {
	cat "$tmp/$1/out"
	same "$(cat "$tmp/$1/status")" "$2" &&
		tr -s ' ' <"$tmp/$1/out" | grep -qxF -e "$3"
}
json() {
	cat "$tmp/$1/json"
	grep -qxF -e "$2" "$tmp/$1/json"
}
reboot='reboot: 256 MiB preserved over 64 MiB'

check "a bar that is met" prints met 0 "$reboot 2,000 2,000 instr"
check "how it was measured, below the table" prints met 0 'this: Linux 6.18.15 (toy)'
check "and in the file" json met \
	"this|{'kernel': '/k', 'version': '6.18.15 (toy)', 'qemu': 'QEMU 1', 'cases': ['dense']}"
check "with the raw results" json met \
	"this|dense-65536|[{'left': 1000000000, 'reboot': 52000}, {'arrived': 2000000000, 'boot': 999948000}]"
check "a bar that is missed" prints missed 1 "missed: $reboot: 3,000 instr, the bar is 2,000"
check "it is marked in the table" prints missed 1 "$reboot 3,000 ! 2,000 instr"
check "and counted" prints missed 1 '1 of 1 figures missed'

check "a guest that came to no end" prints no-end 1 "missed: $reboot: not measured: dense-65536 failed"
check "why" prints no-end 1 \
	"failed: this: dense-65536: it did not come to its end, see $tmp/no-end/this/dense-65536.log"
check "a kernel that was in trouble" prints trouble 1 \
	'failed: this: dense-65536: panic: Kernel panic - not syncing: x'
check "its results are not used" json trouble "this|$reboot|None|False"
check "what the program had to say goes first" prints bail 1 \
	'failed: this: dense-65536: Bail out! line 7: no memory'
check "a guest that is missing" prints missing 1 \
	"failed: this: dense-65536: there is no $tmp/missing/this/dense-65536.log"

check "boot, for each page" json grow 'this|boot with 65536 lone pages|10.0|True'
check "boot, whether it grows" json grow 'this|boot: a page at 131072 over one at 16384|1.0|True'
check "the last hundredth over the first" json grow 'this|create a session, number 10000 over the first|1.2|True'
check "above the bar" json grow 'this|retrieve a session, number 10000 over the first|1.21|False'
check "from stamps, for each" json grow 'this|freeze a file, each|1050.0|True'
check "the last tenth over the first" json grow 'this|freeze a file, number 100000 over the first|1.5|False'
check "what costs nothing does not grow" json grow \
	'this|deserialize a file, number 100000 over the first|1.0|True'
check "two processors" json grow 'this|two preserves on two processors|0.55|True'
check "a curve" json grow "this|finish a file, all|{'x': 'files', 'y': 'instructions', 'points': \
[[0, 0], [10000, 200000], [90000, 1800000], [100000, 2000000]]}"
check "what was missed, in the end" prints grow 1 '2 of 26 figures missed'
check "cases that nobody asked for are left out" prints subset 0 '0 of 1 figures missed'
check "a case that was not measured" prints not-there 1 "bench: $tmp/not-there/this has none of: memfd"
check "a case that does not exist" prints unknown 1 \
	'bench: error: no such case: many (there are: memfd files alone dense sessions threads)'

check "memfds, all bars are met" prints memfd 0 '0 of 14 figures missed'
check "for each page" json memfd 'this|4 KiB pages: preserve|150.0|True'
check "for each folio" json memfd 'this|2 MiB folios: retrieve|100.0|True'
check "metadata, in percent" json memfd 'this|metadata, contiguous memory|0.09765625|True'
check "a curve of sizes" json memfd \
	"this|preserve a memfd, dense|{'x': 'MiB', 'y': 'instructions', 'points': [[64, 7], [256, 9830400]]}"
check "a line that is cut is none" prints cut 1 \
	"missed: 2 MiB folios: finish: not measured: memfd-0 gave no 'huge-256.finish'"

check "two kernels side by side" prints two 0 '4 KiB pages: preserve 100 150 150 instr/page'
check "the other's misses don't count" prints two 0 '4 KiB pages: retrieve 1.00 1,000 ! 300 instr/page'
check "both are in the file" json two 'compared|4 KiB pages: retrieve|1000.0|False'
check "with an earlier run" prints earlier 0 '4 KiB pages: preserve 100 100 150 instr/page'
check "a guest of the other's that is missing" prints half 0 \
	"failed: compared: memfd-0: there is no $tmp/half/compared/memfd-0.log"
check "with what is no kernel" prints no-kernel 1 \
	"bench: $workshop/bench is no bzImage ('make kernel' prints the path of one)"
check "with nothing" prints empty 1 \
	"bench: there is no $tmp/empty/this/guests.json: is this what an earlier --out named?"

# The way there, with a QEMU that has its answer ready

cat >"$tmp/fake/qemu-system-x86_64" <<SCRIPT
#!/bin/sh
case \$1 in
--version) echo 'QEMU toy' ;;
*) cat "$grow/threads-65536.log" ;;
esac
SCRIPT
chmod +x "$tmp/fake/qemu-system-x86_64"
{
	head -c 514 /dev/zero
	printf 'HdrS\0\0\0\0\0\0\0\0\020\0' # the version is at 0x200 + 0x10
	printf '6.18.15 (toy) #1\0'
} >"$tmp/bzImage"
mkdir -p "$tmp/out/this" "$tmp/out/compared"
touch "$tmp/out/this/files-0.log" "$tmp/out/compared/guests.json"
check "a measurement" env PATH="$tmp/fake:$PATH" PYTHONDONTWRITEBYTECODE=1 "$workshop/bench" \
	--kernel "$tmp/bzImage" --program "$workshop/bench" --out "$tmp/out" threads
check "it tells what was measured" same "$(tr -d '\n' <"$tmp/out/this/guests.json")" \
	"{ \"kernel\": \"$tmp/bzImage\", \"version\": \"6.18.15 (toy) #1\", \"qemu\": \"QEMU toy\", \"cases\": [  \"threads\" ]}"
check "nothing of an earlier one is left" \
	test ! -e "$tmp/out/this/files-0.log" -a ! -e "$tmp/out/compared/guests.json"

check "both kernels are in a plot" grep -q '^plot .*title "this", .*title "compared"$' "$tmp/two/bench.svg"
check "no gnuplot: it says what to do" prints memfd 0 \
	"plot: no gnuplot on this machine, nothing was drawn: 'workshop/setup --bench' installs it, then"
check "no plots of an earlier run are left" test ! -e "$tmp/memfd/bench.svg"
if command -v gnuplot >/dev/null; then
	check "gnuplot has nothing to say" same "$("$workshop/plot" "$tmp/two/bench.json" 2>&1)" ''
	check "what it draws" grep -q '</svg>' "$tmp/two/bench.svg"
fi
