#!/bin/bash
# fetch: checksums, versions and the base commit, with a toy tarball.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

export LIVEUPDATE_CACHE=$tmp/cache
unset LINUX_VERSION LINUX_TARBALL LINUX_SHA256
toy_kernel "$tmp/linux-6.18.15"
tarball=$tmp/linux-6.18.15.tar.xz
sum=$(sha256sum <"$tarball")
sum=${sum%% *}
git=(git --git-dir="$tmp/cache/linux.git")

fetch() { env "$@" "$workshop/fetch"; }

check "a wrong checksum stops" \
	fails "wrong checksum for $tarball" fetch LINUX_TARBALL="$tarball"
check "nothing is left of it" \
	fails '' "${git[@]}" rev-parse --verify base-6.18.15
check "a tarball that does not exist" \
	fails 'is no file' fetch LINUX_TARBALL="$tmp/none"
cp "$tarball" "$tmp/nameless"
check "a version that cannot be told" \
	fails 'set LINUX_VERSION=' fetch LINUX_TARBALL="$tmp/nameless"
check "a version without a checksum" \
	fails 'set LINUX_SHA256=' fetch LINUX_TARBALL="$tarball" LINUX_VERSION=5.4.3
check "a version that is not in base.conf" \
	fails 'is none of' fetch LINUX_VERSION=5.4.3
head -c 100 "$tarball" >"$tmp/short-6.18.15.tar.xz"
cut=$(sha256sum <"$tmp/short-6.18.15.tar.xz")
check "a tarball that ends too early" fails . fetch LINUX_VERSION=6.18.15 \
	LINUX_TARBALL="$tmp/short-6.18.15.tar.xz" LINUX_SHA256="${cut%% *}"
check "nothing is left of that either" \
	fails '' "${git[@]}" rev-parse --verify base-6.18.15
check "a good one" same \
	"$(fetch LINUX_TARBALL="$tarball" LINUX_SHA256="$sum" 2>/dev/null)" 6.18.15
check "the base has every file, ignored ones too" same \
	"$("${git[@]}" rev-parse 'base-6.18.15^{tree}')" \
	"$(git -C "$tmp/linux-6.18.15" rev-parse 'base^{tree}')"
one=$("${git[@]}" rev-parse base-6.18.15)
rm -rf "$tmp/cache"
fetch LINUX_TARBALL="$tarball" LINUX_SHA256="$sum" >/dev/null 2>&1
check "the same commit in another cache" same "$("${git[@]}" rev-parse base-6.18.15)" "$one"
