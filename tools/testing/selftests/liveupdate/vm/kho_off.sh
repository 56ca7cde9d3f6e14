#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Without kexec handover there is no live update, and the log says so
#
# vm: append="kho=off log_buf_len=1M"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_cases kho_off
