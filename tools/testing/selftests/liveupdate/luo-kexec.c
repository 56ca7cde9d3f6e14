// SPDX-License-Identifier: GPL-2.0
/*
 * Start /boot/bzImage with /boot/initrd as the next kernel, with the command
 * line of this one, in which luo.stage=N becomes luo.stage=N+1.
 *
 * The exit status is 1 for a wrong call, 2 if loading failed, and 3 if the
 * kernel refused to jump; what holds then goes on as before.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "luo_test_util.h"

static int wrong_call(const char *name)
{
	fprintf(stderr,
		"usage: %s [--cmdline-append STR] [--load-only | --exec-only]\n",
		name);

	return 1;
}

int main(int argc, char *argv[])
{
	bool load = true, exec = true;
	const char *append = NULL;
	int i, err;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--cmdline-append") && i + 1 < argc)
			append = argv[++i];
		else if (!strcmp(argv[i], "--load-only"))
			exec = false;
		else if (!strcmp(argv[i], "--exec-only"))
			load = false;
		else
			return wrong_call(argv[0]);
	}

	/* Nothing to do, or a command line for an image that is there already */
	if ((!load && !exec) || (!load && append))
		return wrong_call(argv[0]);

	if (load) {
		err = luo_kexec_load(append);
		if (err) {
			fprintf(stderr, "%s: loading the kernel: %s\n", argv[0],
				strerror(-err));
			return 2;
		}
	}

	if (exec) {
		err = luo_kexec_jump();
		fprintf(stderr, "%s: starting the kernel: %s\n", argv[0],
			strerror(-err));
		return 3;
	}

	return 0;
}
