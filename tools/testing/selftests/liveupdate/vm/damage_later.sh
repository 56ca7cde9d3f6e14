#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A handover that is damaged, from a kernel that has come by a live update: where
# the old kernel's struct pages are, the new one has its own. Scratch areas have
# odd sizes, so that they end in the middle of what the page allocator merges.
#
# vm: debug=no mem=1022M append="nokaslr kho_scratch=34M,66M,34M"
set -eu
# shellcheck source=/dev/null
. /tests/luo_vm_lib.sh

run_stages stage3 "$1" /tests/kexec_damage damage_later
