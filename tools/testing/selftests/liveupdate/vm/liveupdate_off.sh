#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The kernel works without live update, and so does its kexec
#
# vm: append="liveupdate=off"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_cases liveupdate_off
