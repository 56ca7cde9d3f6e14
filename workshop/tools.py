"""Calls of the workshop's tools, and the build of the selftests."""

import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SELFTESTS = "tools/testing/selftests/liveupdate"
COMMANDS = "tools/liveupdate"

# The variables of our Makefile are none of the kernel's.
for name in "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL":
    os.environ.pop(name, None)


def output(*command):
    """Run a command, return what it prints, or give up."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        sys.exit("%s: %s failed, nothing was done"
                 % (os.path.basename(sys.argv[0]), command[0]))
    return done.stdout.strip()


def need(*command):
    """The last line that a command prints."""
    return output(*command).split("\n")[-1]


def tool(name, *args):
    """Run a tool of the workshop, as need() does."""
    return need(os.path.join(HERE, name), *args)


def lines(name, *args):
    """All lines that a tool of the workshop prints."""
    return output(os.path.join(HERE, name), *args).split("\n")


def fetch():
    """Choose the base for all tools that run from here on; its version."""
    os.environ["LINUX_VERSION"] = tool("fetch")
    return os.environ["LINUX_VERSION"]


def modules(objects, *where):
    """The modules that were built below these directories, for an initramfs."""
    return ["%s:modules/" % ko for directory in where for ko in
            sorted(glob.glob("%s/%s/**/*.ko" % (objects, directory),
                             recursive=True))]


def build_selftests(source, objects, out, *names):
    """Build them into out, all or only these.  A guest has no libraries, so
    they are static."""
    os.makedirs(out, exist_ok=True)
    need("make", "-s", "-C", source, "O=" + objects, "headers")
    need("make", "-s", "-C", os.path.join(source, SELFTESTS), "OUTPUT=" + out,
         "LDFLAGS=-static", "KHDR_INCLUDES=-isystem %s/usr/include" % objects,
         *(os.path.join(out, name) for name in names))


def build_commands(source, out):
    """Build luo and the programs that test it into out, static, too."""
    os.makedirs(out, exist_ok=True)
    need("make", "-s", "-C", os.path.join(source, COMMANDS), "OUTPUT=" + out,
         "LDFLAGS=-static", "all", "tests")
