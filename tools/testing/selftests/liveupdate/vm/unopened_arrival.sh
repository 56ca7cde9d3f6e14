#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Sessions that nobody asks for in the next kernel
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_cases unopened_arrival
