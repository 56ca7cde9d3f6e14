#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Memory of files that came over damaged stays reserved, until it is discarded
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage4 "$1" /tests/kexec_carry quarantine
