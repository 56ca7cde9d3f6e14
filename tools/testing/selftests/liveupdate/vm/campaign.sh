#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What one kernel leaves to the next is damaged in many ways. This is the short
# campaign; luo.campaign=long,SEED on the command line makes it the long one.
#
# vm: timeout=600 silence=90
set -eu

# It says itself when it is at its end: how many kernels it takes depends on how
# many of them can read what they get
/tests/kexec_campaign "$1"
