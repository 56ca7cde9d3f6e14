#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A retrieved session that is closed is finished
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_cases close_finishes
