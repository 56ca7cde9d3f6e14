# shellcheck shell=bash
# What every script of the workshop needs.  Sourced, not run.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # used by the scripts that source this
repo=$(dirname "$here")
cache=${LIVEUPDATE_CACHE:-$HOME/.cache/liveupdate}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
export LIVEUPDATE_CACHE=$cache

# The variables of our Makefile are none of the kernel's: its CHECK and O mean
# something else.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# Progress goes to stderr: stdout belongs to the result of a script.
note() { printf '%s\n' "$*" >&2; }
die() { note "${0##*/}: $*"; exit 1; }

# --help prints the comment at the top of the script.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# with_dots LOG COMMAND...: run a long step with its output in LOG, one dot a
# few seconds so that it is seen to live, and the end of LOG if it fails.
with_dots() {
	local log=$1 pid status=0
	shift
	"$@" >"$log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		printf . >&2
		sleep 2
	done
	echo >&2
	wait "$pid" || status=$?
	if [ "$status" -ne 0 ]; then
		tail -n 25 "$log" >&2
		note "${0##*/}: '$1' failed; the whole log is $log"
	fi
	return "$status"
}

# debian_mirror FIELD: SITE, the host of the mirror that this machine's own apt
# uses for Debian itself, which is written down nowhere else, or CODENAME, the
# release that it has from there.
debian_mirror() {
	# shellcheck disable=SC2016  # apt's variables, not the shell's
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$('"$1"')' 2>/dev/null |
		sed -n 's/^Debian|Debian|//p' | sort | head -n 1
}
