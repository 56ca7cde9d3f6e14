#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The other users of kexec handover: reserve_mem= and lib/test_kho.c
#
# vm: append="reserve_mem=1M:4K:luotest log_buf_len=1M"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_cases test_kho
