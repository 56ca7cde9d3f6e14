#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Kernels that can't hand anything over, as if there had been no memory at boot
#
# vm: mem=512M timeout=180
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/fail_nth boot
