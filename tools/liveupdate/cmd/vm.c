// SPDX-License-Identifier: GPL-2.0
/* luo vm: virtual machines that outlive the kernel under them */

#include <stdio.h>
#include <string.h>

#include "luo.h"
#include "vm.h"

static const char help[] =
"usage: luo vm run --session SESSION --memory SIZE [OPTION]... -- QEMU [ARG]...\n"
"       luo vm update [OPTION]... [SESSION]...\n"
"\n"
"Run virtual machines that outlive the kernel under them.\n"
"\n"
"  run     a guest; in the next kernel the same call lets it go on\n"
"  update  start the next kernel, and take the guests along\n"
"  --help  this; 'luo vm run --help' and 'luo vm update --help' tell more\n";

int luo_vm(int argc, char *argv[])
{
	if (argc < 2)
		return luo_usage_error("run or update?");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return luo_help(help);
	if (!strcmp(argv[1], "run"))
		return vm_run(argc - 1, argv + 1);
	if (!strcmp(argv[1], "update"))
		return vm_update(argc - 1, argv + 1);

	return luo_usage_error("run or update, not '%s'", argv[1]);
}
