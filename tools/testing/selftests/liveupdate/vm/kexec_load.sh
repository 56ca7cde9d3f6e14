#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# An image that cannot carry sessions is not started while there are some
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_cases kexec_load
