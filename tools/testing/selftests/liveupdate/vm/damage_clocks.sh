#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The rates of the clocks come damaged or in another format from the kernel before
#
# vm: icount=yes timeout=300
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage4 "$1" /tests/kexec_damage damage_clocks
