#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Sessions that meet a kernel without live update
#
# vm: mem=512M timeout=180
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage4 "$1" /tests/kexec_cases next_kernel_off
