#!/usr/bin/env python3
"""The patch series, between this repository, git commits and mails.

The repository holds the series in two forms: files that are new to the kernel
lie whole at their in-tree paths; changes to files of the base are in
patches/NNNN-slug.patch, one for each commit of the series:

    Subject: liveupdate: add sessions

    The commit message.

    Adds: kernel/liveupdate/luo_session.c
    Merges: MAINTAINERS
    ---
    <unified diff of files of the base, may be empty>

Adds: names a new file that this commit introduces.  Merges: MAINTAINERS puts
the entries of the repository's MAINTAINERS into the base's, where they belong
in the alphabet.  Everything is composed with git plumbing on objects in
$CACHE/linux.git, with fixed names and dates: the same input always gives the
same hashes.
"""

import argparse
import fcntl
import os
import re
import stat
import subprocess
import sys
import tarfile
import textwrap

OWNER = ("Seed 9ac5f4a4 maintainers",
         "maintainers@users.noreply.b-seed-9ac5f4a4.example")
SIGNED_OFF = "Signed-off-by: %s <%s>" % OWNER
# Any fixed moment will do; patches follow each other by a minute, so that mail
# readers sort them.
DATE = 1772150400
DEFAULT_REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT_CACHE = os.path.expanduser(
    os.environ.get("LIVEUPDATE_CACHE") or "~/.cache/liveupdate")


class Error(Exception):
    """A message for the user, who can do something about it."""


class Git:
    """git on one repository, deaf to the configuration of user and machine."""

    def __init__(self, git_dir, index=None):
        # LC_ALL and the config files would change diffs and mails.
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("GIT_")}
        self.env.update(GIT_DIR=git_dir, GIT_CONFIG_GLOBAL="/dev/null",
                        GIT_CONFIG_SYSTEM="/dev/null",
                        GIT_CONFIG_NOSYSTEM="1", GIT_ATTR_NOSYSTEM="1",
                        LC_ALL="C", TZ="UTC")
        for role in "AUTHOR", "COMMITTER":
            self.env["GIT_%s_NAME" % role] = OWNER[0]
            self.env["GIT_%s_EMAIL" % role] = OWNER[1]
        self.stamp(0)
        if index:
            self.env["GIT_INDEX_FILE"] = index

    def stamp(self, minute):
        for role in "AUTHOR", "COMMITTER":
            self.env["GIT_%s_DATE" % role] = "%d +0000" % (DATE + 60 * minute)

    def run(self, *args, stdin=None, **env):
        """Run git, return (status, stdout, stderr) as bytes."""
        done = subprocess.run(("git",) + args, input=stdin,
                              env={**self.env, **env}, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stdout, done.stderr

    def raw(self, *args, stdin=None, **env):
        status, out, err = self.run(*args, stdin=stdin, **env)
        if status:
            raise Error("git %s failed: %s" % (
                " ".join(args[:3]), err.decode(errors="replace").strip()))
        return out

    def __call__(self, *args, stdin=None, **env):
        return self.raw(*args, stdin=stdin, **env).decode(
            errors="surrogateescape").rstrip("\n")

    def has(self, name):
        return self.run("rev-parse", "-q", "--verify", name)[0] == 0

    def files(self, tree):
        out = self("ls-tree", "-r", "-z", "--name-only", tree)
        return set(out.split("\0")) - {""}


class Patch:
    """One file in patches/."""

    def __init__(self, subject, body="", adds=(), merges=(), diff=""):
        self.subject, self.body, self.diff = subject, body.strip("\n"), diff
        self.adds, self.merges = list(adds), list(merges)
        self.name = "new patch"

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            text = f.read()
        name = os.path.basename(path)
        head, sep, diff = text.partition("\n---\n")
        if not sep or not head.startswith("Subject: "):
            raise Error("%s: it must start with 'Subject: ' and have a line "
                        "'---' before the diff" % path)
        subject, *lines = head.split("\n")
        body, fields = [], {"Adds": [], "Merges": []}
        for line in lines:
            match = re.fullmatch(r"(Adds|Merges):\s*(\S+)\s*", line)
            if match:
                fields[match[1]].append(match[2])
            else:
                body.append(line)
        patch = cls(subject[len("Subject: "):].strip(), "\n".join(body),
                    fields["Adds"], fields["Merges"], diff)
        patch.name = name
        if set(patch.merges) - {"MAINTAINERS"}:
            raise Error("%s: only MAINTAINERS can be merged" % path)
        return patch

    def write(self, path):
        fields = ["Adds: " + a for a in self.adds]
        fields += ["Merges: " + m for m in self.merges]
        parts = ["Subject: " + self.subject, self.body, "\n".join(fields)]
        with open(path, "w", encoding="utf-8",
                  errors="surrogateescape") as f:
            f.write("\n\n".join(p for p in parts if p))
            f.write("\n---\n" + self.diff)

    def slug(self):
        return re.sub(r"[^a-z0-9]+", "-", self.subject.lower()).strip("-")[:52]

    def message(self):
        text = self.subject + "\n\n"
        if self.body:
            last = self.body.split("\n\n")[-1].split("\n")
            trailers = all(re.match(r"[A-Z][A-Za-z-]+: \S", x) for x in last)
            text += self.body + ("\n" if trailers else "\n\n")
        return text + SIGNED_OFF + "\n"


# MAINTAINERS

def title_of(entry):
    return entry.split("\n", 1)[0].strip()


def own_entries(text):
    """The paragraphs that start with a title in upper case."""
    entries = [e.strip("\n") for e in re.split(r"\n\s*\n", text.strip("\n"))]
    return [e for e in entries
            if "\n" in e and re.match(r"[^a-z]*$", title_of(e))
            and re.match(r"[A-Z]:\t", e.split("\n")[1])]


def split_maintainers(text):
    """The base's MAINTAINERS: its preamble, and its entries in order."""
    parts = text.rstrip("\n").split("\n\n")
    for first, part in enumerate(parts):
        lines = part.split("\n")
        if len(lines) > 1 and all(re.match(r"[A-Z]:\t", x)
                                  for x in lines[1:]) and \
                not re.match(r"\s", lines[0]):
            return parts[:first], parts[first:]
    raise Error("no entries found in the base's MAINTAINERS")


def merge_maintainers(text, entries):
    preamble, there = split_maintainers(text)
    for entry in entries:
        title = title_of(entry)
        titles = [title_of(e) for e in there]
        if title in titles:
            raise Error("MAINTAINERS: the base has an entry '%s' already; "
                        "change it with a patch" % title)
        # The base isn't perfectly sorted.  Take the place with the fewest
        # neighbours on the wrong side, not the first that looks right.
        wrong = best = sum(t < title for t in titles)
        place = 0
        for i, other in enumerate(titles):
            wrong += 1 if other > title else -1
            if wrong < best:
                best, place = wrong, i + 1
        there.insert(place, entry)
    return "\n\n".join(preamble + there) + "\n"


class Series:
    def __init__(self, repo, cache, version):
        self.repo, self.cache, self.version = repo, cache, version
        self.git_dir = os.path.join(cache, "linux.git")
        self.git = Git(self.git_dir,
                       os.path.join(cache, "series-%s.index" % version))
        self.base = "refs/tags/base-" + version
        self.ref = "refs/heads/series-" + version
        self.lock = self.take_lock()

    def take_lock(self):
        """One at a time works on the indices.  Held until this process ends;
        what one that was killed has left of git's own locks is in the way."""
        os.makedirs(self.cache, exist_ok=True)
        path = os.path.join(self.cache, "series-%s" % self.version)
        lock = open(path + ".lock", "w", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_EX)
        for index in (path, os.path.join(self.cache, "src-" + self.version)):
            if os.path.exists(index + ".index.lock"):
                os.unlink(index + ".index.lock")
        return lock

    # The base

    def base_sum(self):
        """The sha256 of the tarball that the base was made from, or None."""
        if not self.git.has(self.base):
            return None
        return self.git("log", "-1", "--format=%b", self.base).split()[-1]

    def need_base(self):
        if not self.git.has(self.base):
            raise Error("no base %s in %s: run workshop/fetch first"
                        % (self.version, self.cache))

    def import_base(self, tarball, digest):
        """Turn a tarball into one commit, without unpacking it to disk."""
        if not os.path.isdir(self.git_dir):
            subprocess.run(["git", "init", "-q", "--bare", self.git_dir],
                           env=self.git.env, check=True)
        unpack = subprocess.Popen(["xz", "-dcT0", tarball],
                                  stdout=subprocess.PIPE)
        load = subprocess.Popen(
            ["git", "-c", "core.compression=1", "fast-import", "--quiet",
             "--force", "--done"], env=self.git.env, stdin=subprocess.PIPE)
        out = load.stdin
        ref = "refs/import/" + self.version
        message = b"Linux %s\n\nTarball-sha256: %s\n" % (
            self.version.encode(), digest.encode())
        out.write(b"commit %s\ncommitter %s <%s> %d +0000\ndata %d\n" % (
            ref.encode(), OWNER[0].encode(), OWNER[1].encode(), DATE - 60,
            len(message)))
        out.write(message)
        count = 0
        with tarfile.open(fileobj=unpack.stdout, mode="r|") as tar:
            for member in tar:
                path = member.name.partition("/")[2]
                if not path or member.isdir():
                    continue
                if member.issym():
                    mode, data = b"120000", os.fsencode(member.linkname)
                elif member.isreg():
                    mode = b"100755" if member.mode & 0o100 else b"100644"
                    data = tar.extractfile(member).read()
                else:
                    raise Error("%s: %s is neither file nor link"
                                % (tarball, member.name))
                out.write(b"M %s inline %s\ndata %d\n" % (
                    mode, os.fsencode(path), len(data)))
                out.write(data)
                out.write(b"\n")
                count += 1
                if count % 10000 == 0:
                    print("fetch: storing the base, %d files" % count,
                          file=sys.stderr, flush=True)
        print("fetch: stored the base, %d files" % count, file=sys.stderr)
        out.write(b"done\n")
        out.close()
        if unpack.wait() or load.wait():
            raise Error("%s cannot be unpacked" % tarball)
        # Only now: an import that was interrupted must not look like a base.
        self.git("update-ref", self.base, ref)
        self.git("update-ref", "-d", ref)

    # repo -> commits

    def patches(self):
        folder = os.path.join(self.repo, "patches")
        names = sorted(n for n in os.listdir(folder) if n.endswith(".patch"))
        return [Patch.read(os.path.join(folder, n)) for n in names]

    def new_files(self):
        """Files of the repository that are at in-tree paths: below any
        directory that the base has at its top."""
        tops = self.git("ls-tree", "-d", "--name-only", self.base).split("\n")
        git = Git(os.path.join(self.repo, ".git"))
        found = git("ls-files", "-coz", "--exclude-standard", "--", *tops,
                    GIT_WORK_TREE=self.repo, GIT_LITERAL_PATHSPECS="1",
                    ).split("\0")
        return {f for f in found
                if f and os.path.lexists(os.path.join(self.repo, f))}

    def check_adds(self, patches):
        base, new, named = self.git.files(self.base), self.new_files(), {}
        for patch in patches:
            for path in patch.adds:
                where = "%s: 'Adds: %s'" % (patch.name, path)
                if path in named:
                    raise Error("%s, but %s adds it too" % (where,
                                                            named[path]))
                if path in base:
                    raise Error("%s, but the base has this file: changes to "
                                "it belong in the patch's diff" % where)
                if path not in new:
                    raise Error("%s, but there is no such file (or .gitignore "
                                "hides it)" % where)
                named[path] = patch.name
        orphans = sorted(new - set(named))
        if orphans:
            raise Error("no patch adds %s: put an 'Adds:' line in the one it "
                        "belongs to, in patches/" % ", ".join(orphans))

    def add_file(self, path):
        full = os.path.join(self.repo, path)
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode):
            blob = self.git("hash-object", "-w", "--stdin",
                            stdin=os.fsencode(os.readlink(full)))
            return "120000 %s\t%s" % (blob, path)
        with open(full, "rb") as f:
            blob = self.git("hash-object", "-w", "--stdin", stdin=f.read())
        return "%s %s\t%s" % ("100755" if mode & 0o100 else "100644",
                              blob, path)

    def build(self):
        """Compose the commits, return the last one."""
        self.need_base()
        patches = self.patches()
        self.check_adds(patches)
        git, parent = self.git, self.git("rev-parse", self.base)
        git("read-tree", self.base)
        for i, patch in enumerate(patches):
            if patch.diff.strip():
                status, _, err = git.run(
                    "apply", "--cached", "--whitespace=nowarn", "-",
                    stdin=patch.diff.encode(errors="surrogateescape"))
                if status:
                    raise Error("patches/%s does not apply to %s:\n%s" % (
                        patch.name, self.version, err.decode().strip()))
            info = [self.add_file(path) for path in patch.adds]
            if patch.merges:
                with open(os.path.join(self.repo, "MAINTAINERS"),
                          encoding="utf-8") as f:
                    ours = own_entries(f.read())
                text = merge_maintainers(git.raw(
                    "show", ":MAINTAINERS").decode(), ours)
                blob = git("hash-object", "-w", "--stdin",
                           stdin=text.encode())
                info.append("100644 %s\tMAINTAINERS" % blob)
            if info:
                git("update-index", "--add", "--index-info",
                    stdin=("\n".join(info) + "\n").encode())
            git.stamp(i)
            parent = git("commit-tree", git("write-tree"), "-p", parent,
                         stdin=patch.message().encode())
        if not git.has(self.ref) or git("rev-parse", self.ref) != parent:
            git("update-ref", self.ref, parent)
        return parent

    def tree(self):
        return self.git("rev-parse", self.build() + "^{tree}")

    # commits -> mails

    def write_mails(self, out):
        head = self.build()
        git, base = self.git, self.git("rev-parse", self.base)
        os.makedirs(out, exist_ok=True)
        for name in os.listdir(out):
            if name.endswith(".patch"):
                os.unlink(os.path.join(out, name))
        span = "%s..%s" % (base, head)
        git("format-patch", "-q", "--no-signature", "--numbered", "--abbrev=12",
            "--no-renames", "--diff-algorithm=myers", "--zero-commit",
            "--stat=72", "-o", os.path.abspath(out), span)
        count = len(os.listdir(out))
        with open(os.path.join(self.repo, "workshop", "cover-letter.txt"),
                  encoding="utf-8") as f:
            subject, _, text = f.read().partition("\n")
        width = len(str(count))
        subjects = git("log", "--reverse", "--format=%s", span).split("\n")
        shortlog = ["%s (%d):" % (OWNER[0], count)]
        shortlog += ["  " + s for s in subjects]
        stat_text = git("diff", "--stat=72", "--summary", "--no-renames",
                        "--diff-algorithm=myers", base, head)
        mail = [
            "From 0000000000000000000000000000000000000000 "
            "Mon Sep 17 00:00:00 2001",
            "From: %s <%s>" % OWNER,
            "Date: " + git("log", "-1", "--format=%aD", base),
            "Subject: [PATCH %0*d/%d] %s" % (
                width, 0, count, re.sub("^Subject: ", "", subject)),
            "", text.strip("\n"), "", "\n".join(shortlog), "", stat_text, "",
            "base-version: " + self.version,
            "base-tarball-sha256: " + self.base_sum(),
            "base-tree: " + git("rev-parse", base + "^{tree}"),
            "series-tree: " + git("rev-parse", head + "^{tree}"), ""]
        with open(os.path.join(out, "%04d-cover-letter.patch" % 0), "w",
                  encoding="utf-8") as f:
            f.write("\n".join(mail))
        print("%d mails and a cover letter in %s" % (count, out))

    # commits -> a directory to build in

    def checkout(self, dest=None, commit=None):
        """Write a tree to a directory, touching only files that differ, so
        that kbuild does only what is needed."""
        commit = commit or self.build()
        dest = os.path.abspath(
            dest or os.path.join(self.cache, "src-" + self.version))
        os.makedirs(dest, exist_ok=True)
        if not os.listdir(dest):
            print("unpacking linux %s to %s" % (self.version, dest),
                  file=sys.stderr)
            if os.path.exists(dest + ".index"):
                os.unlink(dest + ".index")
        self.git("read-tree", "--reset", "-u", commit, GIT_WORK_TREE=dest,
                 GIT_INDEX_FILE=dest + ".index")
        return dest

    # a developer's tree -> repo

    def import_tree(self, tree):
        dev = Git(os.path.join(tree, ".git"))
        if not dev.has("refs/tags/base"):
            raise Error("%s: no tag 'base' on the pristine kernel" % tree)
        self.need_base()
        if dev("rev-parse", "base^{tree}") != self.git(
                "rev-parse", self.base + "^{tree}"):
            print("import: note: 'base' in %s is not quite linux %s"
                  % (tree, self.version), file=sys.stderr)
        base, head = dev.files("base"), dev.files("HEAD")
        commits = dev("rev-list", "--reverse", "--first-parent",
                      "base..HEAD").split()
        if not commits:
            raise Error("%s: no commits after 'base'" % tree)
        theirs = {title_of(e)
                  for e in self.entries(dev, "base")}
        ours = [e for e in self.entries(dev, "HEAD")
                if title_of(e) not in theirs]
        patches, owner = [], {}
        for commit in commits:
            patch = self.import_commit(dev, commit, base, head, theirs, owner)
            if patch:
                patches.append(patch)
        self.replace(dev, patches, owner, ours)

    @staticmethod
    def entries(dev, commit):
        status, text, _ = dev.run("show", commit + ":MAINTAINERS")
        return split_maintainers(text.decode())[1] if not status else []

    def import_commit(self, dev, commit, base, head, theirs, owner):
        message = dev("log", "-1", "--format=%B", commit)
        subject, _, body = message.partition("\n")
        body = re.sub(r"(?m)^Signed-off-by: .*\n?", "", body + "\n")
        short = "%s (%s)" % (commit[:12], subject)
        changed = dev("diff-tree", "-r", "-z", "--no-renames", "--name-only",
                      commit + "^", commit).split("\0")
        diffs, adds, merges = [], [], []
        for path in filter(None, changed):
            if path == "MAINTAINERS" and path in base:
                diff, grew = self.import_maintainers(dev, commit, theirs)
                if diff:
                    diffs.append(diff)
                if grew and "MAINTAINERS" not in owner:
                    owner["MAINTAINERS"] = short
                    merges.append("MAINTAINERS")
                elif grew:
                    self.warn_late("MAINTAINERS", short, owner)
            elif path in base:
                diffs.append(dev.raw(
                    "diff-tree", "-p", "--no-commit-id", "--no-renames",
                    "--binary", "--abbrev=12", "--diff-algorithm=myers",
                    commit + "^", commit, "--", path).decode(
                        errors="surrogateescape"))
            elif path in owner:
                self.warn_late(path, short, owner)
            elif path in head:
                owner[path] = short
                adds.append(path)
        if not (diffs or adds or merges):
            print("import: warning: nothing is left of %s: its message is "
                  "lost" % short, file=sys.stderr)
            return None
        return Patch(subject, body, adds, merges, "".join(diffs))

    @staticmethod
    def warn_late(path, short, owner):
        print("import: warning: %s changes %s, which the series adds in its "
              "final form with %s" % (short, path, owner[path]),
              file=sys.stderr)

    def import_maintainers(self, dev, commit, theirs):
        """The change to the base's own entries as a diff, and whether ours
        changed."""
        blobs, own = [], []
        for side in commit + "^", commit:
            text = dev.raw("show", side + ":MAINTAINERS").decode()
            preamble, entries = split_maintainers(text)
            own.append([e for e in entries if title_of(e) not in theirs])
            kept = [e for e in entries if title_of(e) in theirs]
            blobs.append(dev("hash-object", "-w", "--stdin", stdin=(
                "\n\n".join(preamble + kept) + "\n").encode()))
        diff = ""
        if blobs[0] != blobs[1]:
            diff = dev.raw("diff", "--abbrev=12", "--diff-algorithm=myers",
                           *blobs).decode()
            for blob in blobs:
                diff = diff.replace("/" + blob, "/MAINTAINERS")
        return diff, own[0] != own[1]

    def replace(self, dev, patches, owner, ours):
        """Put the imported series in the place of what the repository has."""
        folder = os.path.join(self.repo, "patches")
        os.makedirs(folder, exist_ok=True)
        # A file that no patch ever added may be somebody's work in progress:
        # leave it, tree() below will ask what is to become of it.
        old = {path for p in self.patches() for path in p.adds} & \
            self.new_files()
        for name in os.listdir(folder):
            if name.endswith(".patch"):
                os.unlink(os.path.join(folder, name))
        for i, patch in enumerate(patches, 1):
            patch.write(os.path.join(folder, "%04d-%s.patch" % (
                10 * i, patch.slug())))
        new = set(owner) - {"MAINTAINERS"}
        for path in sorted(new):
            entry = dev("ls-tree", "HEAD", "--", path).split()
            self.put(path, entry[0], dev.raw("cat-file", "blob", entry[2]))
        for path in sorted(old - new):
            print("import: %s is not in the tree any more, removed" % path,
                  file=sys.stderr)
            os.unlink(os.path.join(self.repo, path))
        if ours:
            self.put("MAINTAINERS", "100644",
                     ("\n\n".join(ours) + "\n").encode())
        print("imported %d patches and %d new files" % (len(patches),
                                                        len(new)))
        want, got = dev("rev-parse", "HEAD^{tree}"), self.tree()
        if want != got:
            raise Error(textwrap.dedent("""\
                imported, but the series now makes another tree
                  tree of HEAD    %s
                  of the series   %s
                Compare them: git --git-dir=%s diff --stat %s, after
                git --git-dir=%s fetch %s HEAD""") % (
                    want, got, self.git_dir,
                    "FETCH_HEAD " + self.ref, self.git_dir,
                    os.path.dirname(dev.env["GIT_DIR"])))
        print("the series makes exactly the tree of HEAD, " + got)

    def put(self, path, mode, data):
        full = os.path.join(self.repo, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.islink(full) or os.path.exists(full):
            with open(full, "rb") as f:
                same = not os.path.islink(full) and f.read() == data
            if not same:
                os.unlink(full)
        if mode == "120000":
            os.symlink(data, full)
            return
        if not os.path.exists(full):
            with open(full, "wb") as f:
                f.write(data)
        os.chmod(full, 0o755 if mode == "100755" else 0o644)


def pinned_version(repo):
    with open(os.path.join(repo, "workshop", "base.conf"),
              encoding="ascii") as f:
        return next(line.split()[0] for line in f if line[0].isdigit())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", default=DEFAULT_REPO,
                        help="the repository (default: this one)")
    parser.add_argument("--cache", default=DEFAULT_CACHE,
                        help="default: $LIVEUPDATE_CACHE or "
                             "~/.cache/liveupdate")
    parser.add_argument("--version", default=os.environ.get("LINUX_VERSION"),
                        help="of the base (default: $LINUX_VERSION or the "
                             "pinned one)")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, text, *args):
        sub = commands.add_parser(name, help=text, description=text)
        for arg in args:
            if isinstance(arg, tuple):
                sub.add_argument(arg[0], **arg[1])
            else:
                sub.add_argument(arg)
    command("build", "compose the commits, print the last one's hash")
    command("tree", "compose, print the hash of the resulting tree")
    command("write", "write the series as mails into a directory", "dir")
    command("checkout", "put the composed tree (or the one of COMMIT) into a "
            "directory, touching only what differs; print its path",
            ("--dir", {"help": "default: $CACHE/src-VERSION"}),
            ("--commit", {"help": "a commit in $CACHE/linux.git"}))
    command("commits", "compose, print the hash and subject of each commit")
    command("import", "take over the commits base..HEAD of a developer's "
            "kernel tree into patches/ and the new files", "tree")
    command("has-base", "is there a base from the tarball with this sum?",
            "sha256")
    command("import-base", "store a kernel tarball as the base", "tarball",
            "sha256")
    args = parser.parse_args()
    args.version = args.version or pinned_version(args.repo)
    series = Series(args.repo, args.cache, args.version)
    if args.command == "build":
        print(series.build())
    elif args.command == "tree":
        print(series.tree())
    elif args.command == "write":
        series.write_mails(args.dir)
    elif args.command == "checkout":
        print(series.checkout(args.dir, args.commit))
    elif args.command == "commits":
        print(series.git("log", "--reverse", "--format=%H %s", "%s..%s" % (
            series.base, series.build())))
    elif args.command == "import":
        series.import_tree(os.path.abspath(args.tree))
    elif args.command == "has-base":
        return series.base_sum() != args.sha256
    elif args.command == "import-base":
        series.import_base(args.tarball, args.sha256)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Error as error:
        sys.exit("series.py: %s" % error)
