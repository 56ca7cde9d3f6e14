#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What an operator sees of a live update, before and after the jump
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage2 "$1" /tests/kexec_observe
