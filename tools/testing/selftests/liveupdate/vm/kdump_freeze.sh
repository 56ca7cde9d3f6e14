#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A crash in the middle of a live update
#
# vm: debug=no append="crashkernel=128M"
# vm: allow="Kernel panic - not syncing: luo_sample_counter"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_kdump freeze
