#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# For the scenarios in vm/, each the only program in a guest that is started for
# it. Sourced by them with the stage as argument, after a boot and again in each
# kernel that is started by a kexec.

# Run a stage of a program that leads into the next kernel by itself; after the
# last stage it comes back and the scenario is done.
#
# usage: run_stages LAST-STAGE THIS-STAGE PROGRAM [ARG]...
run_stages()
{
	last=$1 stage=$2
	shift 2

	"$@" "$stage"

	if [ "$stage" = "$last" ]; then
		echo "# luo-vm-done"
	else
		echo "Bail out! $stage has not started the next kernel"
		exit 1
	fi
}

# The command line of the next kernel, which begins with STAGE.
#
# usage: next_cmdline STAGE
next_cmdline()
{
	sed -e "s/ *luo.stage=[0-9]*//" -e "s/\$/ luo.stage=$1/" /proc/cmdline
}
