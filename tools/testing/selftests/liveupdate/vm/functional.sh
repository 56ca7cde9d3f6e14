#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The interface and the memfd handler, without a kexec
#
# vm: mem=1G timeout=300
set -u

/tests/liveupdate
/tests/list
/tests/memfd

# The programs' own lines tell what failed
echo "# luo-vm-done"
