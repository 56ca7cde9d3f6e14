#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The same sessions through many live updates in a row. A run that is meant to find
# out about memory has luo.updates=50: 'make test-again' where this series comes
# from.
#
# vm: mem=512M timeout=900 builds=2 append="luo.updates=12"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

updates=$(sed -n 's/.*\<luo\.updates=\([0-9]*\).*/\1/p' /proc/cmdline)
run_stages stage$((updates + 1)) "$1" /tests/kexec_again
