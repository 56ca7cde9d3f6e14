#!/bin/bash
# tools/liveupdate: that it builds, installs, is documented, and says what it shall
# where there is no live update, with a debugfs that is made of files.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

repo=$(dirname "$workshop")
# Only the kernel's tools/scripts and tools/include are of the base.
LINUX_VERSION=$("$workshop/fetch" 2>/dev/null)
export LINUX_VERSION CCACHE_DISABLE=1
linux=$("$workshop/series.py" checkout)

luo=$tmp/out/luo get=$tmp/out/json_get
debugfs=$tmp/debugfs
mkdir -p "$tmp/out" "$debugfs"

quiet() {
	local output
	output=$("$@" 2>&1) || { printf '%s\n' "$output"; return 1; }
	! grep -iE 'warning|error' <<<"$output"
}
# usage: build OUT [ARG]...
build() {
	local out=$1
	shift
	quiet make -s -C "$linux/tools/liveupdate" OUTPUT="$out" "$@"
}
check "it builds without a warning" build "$tmp/out" DEVICE="$tmp/none" DEBUGFS="$debugfs" all tests
check "the man pages build without a warning" build "$tmp/out" doc
mkdir "$tmp/static"
check "it builds statically" build "$tmp/static" LDFLAGS=-static "$tmp/static/luo"
static() { ! readelf -lW "$tmp/static/luo" | grep -q INTERP; }
check "it is static" static
mkdir "$tmp/descend"
check "make -C tools liveupdate" quiet make -s -C "$linux/tools" O="$tmp/descend" liveupdate
check "it is where O says" test -x "$tmp/descend/liveupdate/luo"
unchanged() { diff -r "$repo/tools/liveupdate" "$linux/tools/liveupdate"; }
check "it leaves nothing in the source" unchanged
check "clean" build "$tmp/descend/liveupdate" clean
check "clean leaves no file" same "$(find "$tmp/descend" -type f)" ""

check "the library reads and writes names" "$tmp/out/lib_test" names

# Installed

dest=$tmp/dest
check "install" build "$tmp/out" DEVICE="$tmp/none" DEBUGFS="$debugfs" prefix=/usr DESTDIR="$dest" install
for file in sbin/luo lib/libliveupdate.a lib/libliveupdate.so.1 lib/libliveupdate.so \
	lib/pkgconfig/libliveupdate.pc include/libliveupdate.h share/man/man1/luo.1 \
	share/man/man1/luo-{run,hold,kexec,vm}.1 share/man/man3/libliveupdate.3 \
	share/bash-completion/completions/luo; do
	check "it installs $file" test -s "$dest/usr/$file"
done
soname() { readelf -dW "$dest/usr/lib/libliveupdate.so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p'; }
check "the library's soname" same "$(soname)" libliveupdate.so.1
cat >"$tmp/user.c" <<-END
	#include <libliveupdate.h>
	int main(void) { return lu_open() == -2 ? 0 : 1; }
END
cp "$tmp/user.c" "$tmp/user.cc"
flags=(-Wall -Wextra -Werror -pedantic -I "$dest/usr/include")
check "the header alone, as C" gcc -std=c99 "${flags[@]}" "$tmp/user.c" -L "$dest/usr/lib" -lliveupdate -o "$tmp/user"
check "the header alone, as C++" g++ -std=c++11 "${flags[@]}" -fsyntax-only "$tmp/user.cc"
check "a program runs with the library" env LD_LIBRARY_PATH="$dest/usr/lib" "$tmp/user"
if command -v pkg-config >/dev/null; then
	check "pkg-config" same "$(PKG_CONFIG_PATH=$dest/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest \
		pkg-config --libs-only-l libliveupdate | tr -d ' ')" -lliveupdate
fi

# What is exported is what is in the header, in the man page, and described.

exported=$(nm -D --defined-only "$dest/usr/lib/libliveupdate.so" | sed -n 's/.* T \([a-z_]*\)@.*/\1/p' | sort)
others() { nm -D --defined-only "$dest/usr/lib/libliveupdate.so" | grep -vE ' T lu_[a-z_]*@@LIBLIVEUPDATE_1.0$| A LIBLIVEUPDATE_1.0'; }
declared() { grep -ohE '\blu_[a-z_]+\(' "$1" | tr -d '(' | sort -u; }
check "only symbols with the version are exported" same "$(others || true)" ""
check "functions are exported at all" grep -qx lu_session_retrieve <<<"$exported"
check "the header declares what is exported" same \
	"$(declared "$dest/usr/include/libliveupdate.h")" "$exported"
check "the man page has all of it" same \
	"$(sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' "$repo/tools/liveupdate/Documentation/libliveupdate.3.rst" >"$tmp/synopsis"; declared "$tmp/synopsis")" \
	"$exported"
described() {
	local name
	for name in $exported; do
		grep -rqE "^ \* $name - " "$repo/tools/liveupdate/lib" || { echo "$name: no comment"; return 1; }
	done
	(cd "$linux" && scripts/kernel-doc -none -Werror -Wall tools/liveupdate/lib/*.c tools/liveupdate/include/*.h)
}
check "each has a comment, and kernel-doc nothing to say" described
threads() { same "$(cat "$repo"/tools/liveupdate/lib/*.c | grep -c 'Thread-safety: MT-safe')" "$(wc -w <<<"$exported")"; }
check "each tells whether it is MT-safe" threads

# The command

commands=$("$luo" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
check "there are eleven commands" same "$(wc -w <<<"$commands")" 11
for command in $commands; do
	check "$command --help" "$luo" "$command" --help
	check "luo(1) tells of $command" grep -q "luo $command" "$repo/tools/liveupdate/Documentation/luo.1.rst"
done
# usage: completes EXPECTED WORD...
completes() {
	local want=$1
	shift
	# shellcheck disable=SC2016 # for the other shell
	same "$(PATH=$tmp/out:$PATH bash -c '. "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_luo luo "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[@]}"' \
		"$dest/usr/share/bash-completion/completions/luo" "$@")" "$want"
}
check "a command is completed" completes status luo stat
check "an option is completed" completes --reuse-cmdline luo kexec --re
check "an option of luo vm update is completed" completes --force luo vm update --fo

# usage: status_is STATUS COMMAND...
status_is() {
	local want=$1 seen=0
	shift
	"$@" || seen=$?
	same "$seen" "$want"
}
check "without live update, status fails" status_is 1 "$luo" status
check "and says what to do" fails "kho=on liveupdate=on" "$luo" status
check "without live update, kexec can be checked" status_is 1 "$luo" kexec --kernel "$luo" --reuse-cmdline --dry-run

# An update with a guest whose launcher says ok to all, and keeps what it was told

cat >"$tmp/launcher" <<-'END'
	import socket, sys
	listener = socket.socket(socket.AF_UNIX)
	listener.bind(sys.argv[1])
	listener.listen()
	print("ready", flush=True)
	client = listener.accept()[0]
	for line in client.makefile():
	    print(line, end="", flush=True)
	    client.sendall(b"ok\n")
END
# usage: update TOLD [ARG]...
update() {
	local want=$1 status=0 launcher
	shift
	rm -f "$tmp/guest.socket" "$tmp/told"
	python3 "$tmp/launcher" "$tmp/guest.socket" >"$tmp/told" &
	launcher=$!
	until [ -s "$tmp/told" ] || ! kill -0 "$launcher"; do sleep 0.1; done
	LUO_VM_DIR=$tmp "$luo" vm update "$@" || status=$?
	# It has answered all
	kill "$launcher" || true
	wait "$launcher" || true
	same "$status" 1 && same "$(tr '\n' ' ' <"$tmp/told")" "ready $want"
}
check "luo vm update: what luo kexec refuses, no guest is stopped for" \
	update "prepare abort " --kernel "$luo" --reuse-cmdline
check "luo vm update: a kernel that is not there" \
	update "prepare abort " --kernel "$tmp/none" --reuse-cmdline
check "luo vm update --force" update "prepare suspend abort " --force -- true
check "luo vm update: the command line of which kernel?" status_is 2 "$luo" vm update --append x
check "luo vm update: which command line?" status_is 2 "$luo" vm update --kernel "$luo"

# What the kernel writes into debugfs, and what it doesn't

list() { "$luo" list --debugfs "$@"; }
json() { local want=$1; shift; same "$(list --json "$session" | "$get" "$@")" "$want"; }
cat >"$debugfs/sessions" <<-'END'
	outgoing id 3 age 0 files 2 bytes 4096 name a\040b\134c
	incoming id 1 age 2 files 1 bytes 8192 retrieved damaged name x retrieved damaged name y
	incoming id 2 age 0 files 0 bytes 0 damaged name name
END
cat >"$debugfs/files" <<-'END'
	outgoing session 3 token 18446744073709551615 bytes 4096 state preserved error 0 handler memfd-v1
	outgoing session 3 token 1 bytes 1 state preserved error 0 handler with space
	incoming session 1 token 7 bytes 4096 state failed error 5 handler h
	incoming session 3 token 8 bytes 4096 state waiting error 0 handler h
END
session='a\040b\134c'
check "debugfs: the name with a space and a backslash" json 'a b\c' sessions 0 name
check "debugfs: its files, and no others" json 2 sessions 0 files
check "debugfs: the highest token" json 18446744073709551615 sessions 0 files 0 token
check "debugfs: a handler with a space" json "with space" sessions 0 files 1 handler
check "what list prints can be pasted back" list "$(list | sed -n 's/^new.* //p')"
session='x\040retrieved\040damaged\040name\040y'
check "debugfs: a name like flags" json retrieved sessions 0 state
check "debugfs: flags" json true sessions 0 damaged
check "debugfs: an error" json EIO sessions 0 files 0 error
session=name
check "debugfs: a session that is only damaged" json arrived sessions 0 state
check "debugfs: --new" same "$(list --new --json | "$get" sessions)" 1
check "debugfs: --incoming" same "$(list --incoming --json | "$get" sessions)" 2
for line in 'sideways id 3 age 0 files 2 bytes 1 name x' 'outgoing id 3 age 0 files 2 name x' \
	'outgoing id 3 age 0 files 2 bytes 1 odd name x' 'outgoing id 3 age 0 files 2 bytes 1 name ' \
	'outgoing id 3 age 0 files 2 bytes 1 name \0' \
	"outgoing id 3 age 0 files 2 bytes 1 name $(printf '%064d' 0)" ''; do
	printf '%s\n' "$line" >"$debugfs/sessions"
	check "debugfs: refused: '${line:0:50}'" fails "does not know" list
done

printf '# clock: tsc\n0\told\treboot\n1500000\told\tfreeze\tmy\\040vm\n2000000\tnew\topen\n' >"$debugfs/timeline"
line() { "$luo" timeline | sed -n "$1p" | tr -s ' '; }
check "timeline: the note" same "$(line 1)" "# clock: tsc"
check "timeline: an event" same "$(line 3)" ' 1.500 ms +1.500 ms old freeze my\040vm'
check "timeline: since the one before" same "$(line 4)" ' 2.000 ms +0.500 ms new open'
check "timeline: JSON" same "$("$luo" timeline --json | "$get" events 1 ns)" 1500000
check "timeline: JSON, no session" same "$("$luo" timeline --json | "$get" events 0 session)" null
for line in 'x' $'1\tmid\tx' $'1\told' $'1\told\t' $'-1\told\tx' $'1 \told\tx'; do
	printf '%s\n' "$line" >"$debugfs/timeline"
	check "timeline: refused: '${line//$'\t'/ }'" fails "does not know" "$luo" timeline
	check "timeline: refused as JSON" fails "does not know" "$luo" timeline --json
done
echo '# nothing' >"$debugfs/timeline"
check "timeline: no event" fails "no live update" "$luo" timeline
