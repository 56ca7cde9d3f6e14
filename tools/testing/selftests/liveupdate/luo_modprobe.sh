#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the kernel can call as modprobe in a guest that has no such thing: load
# the module of samples/liveupdate with the given alias, after the modules that
# it depends on.
#
# usage: luo_modprobe.sh [-q] [--] ALIAS
set -u

for alias; do :; done

# The value of a key in a module's own description
modinfo()
{
	tr '\0' '\n' <"$1" | sed -n "s/^$2=//p"
}

for module in /modules/luo_sample_*.ko; do
	modinfo "$module" alias | grep -qxF "$alias" || continue
	for needed in $(modinfo "$module" depends | tr , ' '); do
		[ -d "/sys/module/$needed" ] || insmod "/modules/$needed.ko"
	done
	insmod "$module"
	exit
done
exit 1
