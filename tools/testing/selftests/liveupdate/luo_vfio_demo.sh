#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A network card that goes on receiving through a live update, for 'make demo-vfio'
# where this series comes from
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

# To see that memory which a card writes to is not swapped out
mkswap /dev/ram0
swapon /dev/ram0
run_stages stage2 "$1" /tests/kexec_vfio again 2
