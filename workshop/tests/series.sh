#!/bin/bash
# series.py: from a developer's commits to patches, to commits, to mails.
set -euo pipefail
. "$(dirname "$0")/tap.inc"

export LIVEUPDATE_CACHE=$tmp/cache
unset LINUX_VERSION LINUX_TARBALL
dev=$tmp/linux-6.18.15 repo=$tmp/repo
toy_kernel "$dev"
mkdir -p "$repo"/{workshop,patches}
cp "$workshop"/{base.conf,cover-letter.txt} "$repo/workshop"
git -C "$repo" init -q
sum=$(sha256sum <"$dev.tar.xz")
LINUX_TARBALL=$dev.tar.xz LINUX_SHA256=${sum%% *} "$workshop/fetch" >/dev/null 2>&1

series() { "$workshop/series.py" --repo "$repo" --version 6.18.15 "$@"; }
tree_of() { git -C "$dev" rev-parse "$1^{tree}"; }

mkdir "$dev/kernel/liveupdate"
echo 'int b;' >"$dev/kernel/liveupdate/b.c"
echo 'obj-y += liveupdate/' >>"$dev/kernel/Makefile"
commit "$dev" $'liveupdate: add b\n\nWhy.\n\nMore.\n\nSigned-off-by: T <t@t.example>'
sed -i 5d "$dev/mm/numbers"
sed -i 's/^MEMBLOCK/LIVE UPDATE\nM:\tE <e@e.example>\nF:\tkernel\/liveupdate\/\n\n&/; s/^F:.*a.c/&\nF:\tkernel\/b.c/' "$dev/MAINTAINERS"
commit "$dev" $'mm: one less\n\nBecause.'
printf '#!/bin/sh\n' >"$dev/scripts/new.sh"
chmod +x "$dev/scripts/new.sh"
ln -s new.sh "$dev/scripts/alias.sh"
commit "$dev" 'scripts: add new.sh'

check "import" series import "$dev"
check "it makes the tree that was imported" same "$(series tree)" "$(tree_of HEAD)"
check "every commit makes the tree that it was" same \
	"$(series commits | while read -r hash _; do git --git-dir="$tmp/cache/linux.git" rev-parse "$hash^{tree}"; done)" \
	"$(git -C "$dev" log --reverse --format=%T base..HEAD)"
check "new files lie whole in the repository" cmp "$repo/kernel/liveupdate/b.c" "$dev/kernel/liveupdate/b.c"
check "only our entries are in MAINTAINERS" same "$(grep -c '^M:' "$repo/MAINTAINERS")" 1
check "changes to the base's entries are a patch" grep -q '^+F:	kernel/b.c' "$repo/patches/0020-mm-one-less.patch"
check "nobody's sign-off is taken over" fails '' grep -r Signed-off "$repo/patches"
head=$(series build)
check "the same commit every time" same "$(series build)" "$head"

two_at_once() {
	series build >"$tmp/first" &
	series build >"$tmp/second" && wait $! && cmp "$tmp/first" "$tmp/second"
}
check "two at once wait for each other" two_at_once
touch "$tmp/cache/series-6.18.15.index.lock"
check "what a killed one left is not in the way" same "$(series build)" "$head"

series write "$tmp/one" >/dev/null
series write "$tmp/two" >/dev/null
check "the same mails every time" diff -r "$tmp/one" "$tmp/two"
check "a cover letter and three mails" same "$(cd "$tmp/one" && echo 0*.patch | wc -w)" 4
git -C "$dev" checkout -q -b mails base
check "git am takes them" git -C "$dev" -c user.name=T -c user.email=t@t.example \
	am -q "$tmp"/one/000[1-9]*.patch
check "and makes the same tree" same "$(tree_of mails)" "$(series tree)"
git -C "$dev" checkout -q -

work=$(series checkout 2>/dev/null)
touch -d 2001-01-01 "$work/kernel/Makefile" "$work/mm/numbers"
echo 41 >>"$work/mm/numbers"
series checkout >/dev/null
check "checkout repairs what differs" cmp "$work/mm/numbers" "$dev/mm/numbers"
check "files from the series keep their mode" test -x "$work/scripts/new.sh" -a -L "$work/scripts/alias.sh"
stamp=$(stat -c %Y "$work/kernel/a.c")
sleep 1.1
series checkout --commit refs/tags/base-6.18.15 >/dev/null
series checkout >/dev/null
check "checkout leaves the rest alone" same "$(stat -c %Y "$work/kernel/a.c")" "$stamp"

echo x >"$repo/mm-not-in-tree"
check "files outside of the tree are not the series'" series build
rm "$repo/mm-not-in-tree"
echo x >"$repo/kernel/orphan.c"
check "a new file that no patch adds" fails 'no patch adds kernel/orphan.c' series build
rm "$repo/kernel/orphan.c"
mv "$repo/kernel/liveupdate/b.c" "$tmp/b.c"
check "a file that is missing" fails 'b.c.*there is no such file' series build
mv "$tmp/b.c" "$repo/kernel/liveupdate/b.c"
printf 'Subject: x: y\n\nAdds: scripts/new.sh\n---\n' >"$repo/patches/0040-x.patch"
check "a file that is added twice" fails 'adds it too' series build
printf 'Subject: x: y\n\nAdds: kernel/a.c\n---\n' >"$repo/patches/0040-x.patch"
check "a file that the base has" fails 'the base has this file' series build
printf 'x: y\n' >"$repo/patches/0040-x.patch"
check "a patch without a subject" fails "must start with 'Subject: '" series build
sed 's/^-5$/-no such line/' "$repo/patches/0020-mm-one-less.patch" |
	sed '/^Merges/d' >"$repo/patches/0040-x.patch"
check "a patch that does not apply" fails '0040-x.patch does not apply' series build
