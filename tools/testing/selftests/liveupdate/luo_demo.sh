#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The demonstration's main program in the guest. It says itself how it went.
set -eu

exec /tests/luo-demo "$1"
