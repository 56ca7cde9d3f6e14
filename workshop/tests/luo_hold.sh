#!/bin/bash
# luo hold, on a machine without live update: who may talk to it, and what it makes
# of those who don't know how.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

LINUX_VERSION=$("$workshop/fetch" 2>/dev/null)
export LINUX_VERSION CCACHE_DISABLE=1
linux=$("$workshop/series.py" checkout)
mkdir "$tmp/out"
make -s -C "$linux/tools/liveupdate" OUTPUT="$tmp/out" "$tmp/out/luo" "$tmp/out/json_get"
luo=$tmp/out/luo
chmod 755 "$tmp"
export LUO_SOCKET=$tmp/run/a/socket

# Start one, which ends with this script
start() {
	"$luo" hold >"$tmp/log" 2>&1 &
	holder=$!
	until "$luo" hold --list >/dev/null 2>&1; do
		kill -0 "$holder" 2>/dev/null || { cat "$tmp/log"; return 1; }
		sleep 0.05
	done
}
# Not in the subshell that check has: it is no parent
ended() { status=0; wait "$holder" || status=$?; }
no_more() { kill "$holder" 2>/dev/null || true; finish; }
trap no_more EXIT

check "nobody is there" fails "luo hold --background" "$luo" hold --list
start
check "it holds nothing" same "$("$luo" hold --list --json | "$tmp/out/json_get" sessions)" 0
check "only its user can reach it" same "$(stat -c %a "$LUO_SOCKET")" 600
check "there is one of it" fails "is there already" "$luo" hold
check "the one that runs is still there" "$luo" hold --list
check "a relative path" fails "slash" "$luo" hold --socket socket
check "a path that is too long" fails "too long" "$luo" hold --socket "/$(printf '%0200d' 0)"
check "options that don't go together" fails "together" "$luo" hold --list --stop

# A client that is not luo. @request: version, operation, name; @fd goes along
cat >"$tmp/client.py" <<'END'
import array, errno, os, socket, struct, sys

KEEP, GET, DROP, NEXT, STOP, NONE = range(6)

def connect():
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # With a timeout, connect() would not wait for room among those who wait.
    sock.connect(os.environ["LUO_SOCKET"])
    sock.settimeout(10)
    return sock

def request(op, version=1, name=b"x"):
    return struct.pack("IIQII64s", version, op, 0, 0, 0, name)

def send(sock, data, *fds):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    sock.sendmsg([data], rights if fds else [])

def error(sock):
    reply = sock.recv(1000)
    return struct.unpack("IIQII64s", reply)[1] if reply else "closed"

def ask(data, *fds):
    with connect() as sock:
        send(sock, data, *fds)
        return errno.errorcode.get(answer := error(sock), answer)

def many():
    """More clients than it has room for, and then the first again."""
    socks = [connect() for i in range(80)]
    socks[0].send(request(NEXT))
    first = error(socks[0])
    return errno.errorcode[first]

def leak():
    """What is passed and not kept does not stay open."""
    read, write = os.pipe()
    ask(request(KEEP), write)
    ask(request(GET), write)
    ask(b"short", write)
    ask(request(KEEP), write, write)
    os.close(write)
    return repr(os.read(read, 1))

print({
    "short": lambda: ask(b"short"),
    "long": lambda: ask(request(NEXT) + b"x"),
    "version": lambda: ask(request(NEXT, version=2)),
    "operation": lambda: ask(request(NONE)),
    "unterminated": lambda: ask(request(GET, name=b"n" * 64)),
    "keep-nothing": lambda: ask(request(KEEP)),
    "keep-file": lambda: ask(request(KEEP), 0),
    "keep-two": lambda: ask(request(KEEP), 0, 1),
    "get": lambda: ask(request(GET)),
    "drop": lambda: ask(request(DROP)),
    "many": many,
    "leak": leak,
}[sys.argv[1]]())
END
client() { same "$(python3 "$tmp/client.py" "$1")" "$2"; }
check "a packet that is too short" client short closed
check "a packet that is too long" client long closed
check "another version" client version EPROTO
check "an unknown operation" client operation EPROTO
check "a name without an end" client unterminated ENOENT
check "to keep nothing" client keep-nothing EBADF
check "to keep what is no session" client keep-file ENOTTY
check "to keep two at once" client keep-two closed
check "to get what is not there" client get ENOENT
check "to drop what is not there" client drop ENOENT
check "more clients than there is room for" client many ENOENT
check "nothing that is passed is left open" client leak "b''"
check "after all that it is there" "$luo" hold --list

kill -STOP "$holder"
check "one that does not answer is not waited for" fails "timed out" "$luo" hold --stop
kill -CONT "$holder"
check "it is not ended by who has gone" "$luo" hold --list

if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	other=(setpriv --reuid 65534 --clear-groups)
	chmod 666 "$LUO_SOCKET"
	check "another user is turned away, even with the socket open to all" \
		fails "hold" "${other[@]}" "$luo" hold --list
	mkdir -m 777 "$tmp/other"
	LUO_SOCKET=$tmp/other/socket "${other[@]}" "$luo" hold --background
	check "root gives nothing to another user's" \
		fails "belongs to another user" env LUO_SOCKET="$tmp/other/socket" "$luo" hold --list
	LUO_SOCKET=$tmp/other/socket "${other[@]}" "$luo" hold --stop
fi

check "stop" "$luo" hold --stop
ended
check "it has ended" same "$status" 0
check "it leaves no socket" test ! -e "$LUO_SOCKET"
start
kill -KILL "$holder"
ended
check "one that was killed" same "$status" 137
check "it is not there" fails "luo hold --background" "$luo" hold --list
start
check "another one takes its place" "$luo" hold --list
kill "$holder"
ended
check "SIGTERM ends it" same "$status" 0
check "in the background" "$luo" hold --background
check "it can be reached at once" "$luo" hold --list
check "it can be stopped" "$luo" hold --stop
