#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A handover that is damaged or of another format
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_damage damage_table
