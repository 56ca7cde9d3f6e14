#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A kexec that nobody has asked to carry anything
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_cases no_device_opened
