#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Scratch memory that the machine does not have
#
# vm: mem=512M append="kho_scratch=2G,2G,2G log_buf_len=1M"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_cases little_memory
