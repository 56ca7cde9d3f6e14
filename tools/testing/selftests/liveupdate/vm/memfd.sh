#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Memfds of all kinds through two live updates
#
# vm: mem=1G timeout=300
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_memfd
