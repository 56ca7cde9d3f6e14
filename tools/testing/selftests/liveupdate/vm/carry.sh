#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Sessions that nobody claims are carried over to kernel after kernel
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage4 "$1" /tests/kexec_carry carry
