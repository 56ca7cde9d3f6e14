// SPDX-License-Identifier: GPL-2.0
/* Helpers for tests with the modules in samples/liveupdate */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

/* Where the guest has the modules of its kernel */
#define MODULES		"/modules"

int module_load(const char *name, const char *params)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), MODULES "/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(__NR_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);

	return ret;
}

/* As rmmod does: refused at once if the module is in use */
int module_unload(const char *name)
{
	return syscall(__NR_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

int module_refs(const char *name)
{
	char path[128], text[32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return -EIO;
	text[len] = '\0';

	return strtol(text, NULL, 10);
}

int module_set_param(const char *name, const char *param, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name,
		 param);
	snprintf(text, sizeof(text), "%u", value);

	return luo_write_text(path, text);
}

int module_set_fail(const char *name, unsigned int fail)
{
	return module_set_param(name, "fail", fail);
}

int module_set_modprobe(const char *path)
{
	return luo_write_text("/proc/sys/kernel/modprobe", path);
}

bool modules_load(void)
{
	return CHECK_EQ(0, module_load(DEV_MODULE, "")) &&
	       CHECK_EQ(0, module_load(COUNTER_MODULE, "")) &&
	       CHECK_EQ(0, module_load(PAIR_MODULE, ""));
}

bool modules_unload(void)
{
	return CHECK_EQ(0, module_unload(PAIR_MODULE)) &&
	       CHECK_EQ(0, module_unload(COUNTER_MODULE)) &&
	       CHECK_EQ(0, module_unload(DEV_MODULE));
}

bool modules_available(void)
{
	return !access(MODULES "/" PAIR_MODULE ".ko", R_OK);
}

static int open_path(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int counter_new(long long value)
{
	int fd = open_path("/dev/luo_counter"), err;

	if (fd < 0)
		return fd;
	err = counter_add(fd, value);
	if (err) {
		close(fd);
		return err;
	}

	return fd;
}

int counter_reopen(int fd)
{
	return luo_ioctl(fd, LUO_COUNTER_REOPEN, NULL);
}

int counter_add(int fd, long long add)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%lld", add);

	return write(fd, text, len) == len ? 0 : -errno;
}

static bool read_text(int fd, char *text, size_t size)
{
	ssize_t len;

	if (lseek(fd, 0, SEEK_SET))
		return false;
	len = read(fd, text, size - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';

	return true;
}

long long counter_value(int fd)
{
	char text[64];

	return read_text(fd, text, sizeof(text)) ? strtoll(text, NULL, 10) : -1;
}

int pair_attach(int fd, int counter)
{
	return luo_ioctl(fd, LUO_PAIR_ATTACH, (void *)(long)counter);
}

int pair_new(int counter)
{
	int fd = open_path("/dev/luo_pair"), err;

	if (fd < 0 || counter == -1)
		return fd;
	err = pair_attach(fd, counter);
	if (err) {
		close(fd);
		return err;
	}

	return fd;
}

unsigned long long pair_id(int fd)
{
	char text[64];

	return read_text(fd, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

long long pair_value(int fd)
{
	char text[64], *end;

	if (!read_text(fd, text, sizeof(text)))
		return -1;
	strtoull(text, &end, 10);

	return strtoll(end, NULL, 10);
}
