// SPDX-License-Identifier: GPL-2.0
/*
 * The first program of a kernel, to measure how long that takes to get there: it
 * leaves the cycle counter in LUO_FIRST for /init.
 *
 * With luo_resume=PROGRAM on the kernel's command line, that program comes before
 * /init and all that it does: what is there to be resumed as soon as possible.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

static void mount_at(const char *type, const char *dir)
{
	mkdir(dir, 0755);
	mount(type, dir, type, 0, NULL);
}

static void resume(const char *program)
{
	pid_t child;

	mount_at("devtmpfs", "/dev");
	mount_at("proc", "/proc");
	mount_at("tmpfs", "/tmp");
	mount_at("sysfs", "/sys");
	mount_at("debugfs", "/sys/kernel/debug");
	child = fork();
	if (!child) {
		execl(program, program, NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char *argv[])
{
	unsigned long long first = __rdtsc();
	const char *program = getenv("luo_resume");
	char text[24];

	(void)argc;
	snprintf(text, sizeof(text), "%llu", first);
	setenv("LUO_FIRST", text, 1);
	if (program)
		resume(program);
	execv("/init", argv);

	return 127;
}
