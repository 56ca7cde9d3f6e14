// SPDX-License-Identifier: GPL-2.0
/*
 * Small cases across kexec: kernels that can't do a live update, sessions that
 * are closed instead of finished, images that can't carry a session. What
 * arrives of files in the good case is in kexec_memfd.c.
 *
 * One process does all of a stage and ends it with the jump into the next
 * kernel, where the same case goes on with the next stage.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "luo_test_util.h"

#define PAGE		4096L
#define LARGE_SIZE	(64 * MIB)
#define SPARE_SIZE	(2 * MIB)

#define SEED		0xca5e

/*
 * Whether a line of the kernel's log has one of the words. What the command
 * line says does not count, wherever the kernel repeats it, nor do the names of
 * who built the kernel, nor messages that are for debugging only.
 */
static bool log_has(const char *const words[])
{
	char *log = luo_read_log(), *next = log, *line;
	bool found = false;
	size_t i;

	while (!found && (line = strsep(&next, "\n"))) {
		if (!strncmp(line, "<7>", 3) ||
		    strcasestr(line, "command line") ||
		    strstr(line, "Linux version"))
			continue;
		for (i = 0; words[i]; i++)
			found |= !!strcasestr(line, words[i]);
		if (found)
			ksft_print_msg("log: %s\n", line);
	}
	free(log);

	return found;
}

static const char *const live_update_words[] = {
	"live update", "liveupdate", "luo:", NULL
};

static int new_file(int session, __u64 token, off_t size)
{
	int fd = luo_memfd("case", 0, size);

	if (!CHECK(fd >= 0))
		return fd;
	CHECK_EQ(0, luo_write_pattern(fd, 0, size, SEED + token));
	CHECK_EQ(0, luo_preserve(session, fd, token));

	return fd;
}

static void check_contents(int fd, __u64 token, off_t size)
{
	struct stat st = {};

	CHECK(!fstat(fd, &st));
	CHECK_EQ(size, st.st_size);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, size, SEED + token));
}

static void check_no_device(void)
{
	int err = luo_open_device();

	CHECK(err == -ENOENT || err == -ENXIO || err == -ENODEV);
	CHECK(access(LUO_DEVICE, F_OK));
	luo_report("there is no device");
}

static void load(const char *append)
{
	CHECK_EQ(0, luo_kexec_load(append));
	luo_report("a kernel can be loaded");
}

/* The device works, and nothing has come over */
static void check_nothing_came(void)
{
	int dev = luo_need_device(), session;

	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, "case"));
	session = luo_create_session(dev, "case");
	CHECK(session >= 0);
	close(new_file(session, 1, MIB));
	CHECK_EQ(0, close(session));
	CHECK_EQ(0, close(dev));
	luo_report("the device is there, without sessions to retrieve");
}

/*
 * close_finishes: the last reference to a retrieved session
 */

static void close_finishes_1(void)
{
	int dev, session;

	luo_plan(2);
	dev = luo_need_device();
	session = luo_create_session(dev, "close");
	CHECK(session >= 0);
	close(new_file(session, 1, MIB));
	close(new_file(session, 2, LARGE_SIZE));
	session = luo_create_session(dev, "dup");
	CHECK(session >= 0);
	close(new_file(session, 3, MIB));
	session = luo_create_session(dev, "killed");
	CHECK(session >= 0);
	close(new_file(session, 4, LARGE_SIZE));
	luo_report("sessions are made");
	load(NULL);
	luo_leave_kernel();
}

/* What the kernel says of a session that was there once, either will do */
static void check_gone(int dev, const char *name)
{
	int err = luo_retrieve_session(dev, name);

	CHECK(err == -ENOENT || err == -EINVAL);
}

/* Retrieves a session and waits to be killed */
static pid_t start_victim(int dev, const char *name)
{
	int fds[2], session;
	char c = 0;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		session = luo_retrieve_session(dev, name);
		close(dev);
		if (session >= 0 && write(fds[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(fds[1]);
	if (read(fds[0], &c, 1) != 1)
		ksft_print_msg("the process could not retrieve the session\n");
	close(fds[0]);

	return c == 'x' ? pid : -1;
}

static void close_finishes_2(void)
{
	int dev, session, dup_fd, fd, other, again, status;
	pid_t pid;
	long before;

	luo_plan(5);
	dev = luo_need_device();

	session = luo_retrieve_session(dev, "close");
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	before = luo_free_memory();
	CHECK_EQ(0, close(session));
	CHECK(luo_wait_for_free_memory(before +
				       (LARGE_SIZE - SPARE_SIZE) / KIB));
	check_contents(fd, 1, MIB);
	check_gone(dev, "close");
	luo_report("closing finishes");

	again = luo_create_session(dev, "close");
	CHECK(again >= 0);
	CHECK_EQ(0, ftruncate(fd, 2 * MIB));
	CHECK_EQ(0, luo_preserve(again, fd, 1));
	CHECK_EQ(-1, ftruncate(fd, MIB));
	CHECK_EQ(0, close(again));
	CHECK_EQ(0, ftruncate(fd, MIB));
	check_contents(fd, 1, MIB);
	close(fd);
	luo_report("the file is its owner's");

	session = luo_retrieve_session(dev, "dup");
	CHECK(session >= 0);
	dup_fd = dup(session);
	CHECK(dup_fd >= 0);
	CHECK_EQ(0, close(session));
	CHECK_EQ(-EINVAL, luo_retrieve_session(dev, "dup"));
	fd = luo_retrieve(dup_fd, 3);
	CHECK(fd >= 0);
	check_contents(fd, 3, MIB);
	other = luo_create_session(dev, "other");
	CHECK(other >= 0);
	CHECK_EQ(-EBUSY, luo_preserve(other, fd, 1));
	CHECK_EQ(0, close(dup_fd));
	CHECK_EQ(0, luo_preserve(other, fd, 1));
	CHECK_EQ(0, close(other));
	check_contents(fd, 3, MIB);
	close(fd);
	luo_report("only the last close finishes");

	pid = start_victim(dev, "killed");
	CHECK(pid > 0);
	CHECK_EQ(-EINVAL, luo_retrieve_session(dev, "killed"));
	before = luo_free_memory();
	if (pid > 0) {
		CHECK(!kill(pid, SIGKILL));
		CHECK_EQ(pid, waitpid(pid, &status, 0));
	}
	CHECK(luo_wait_for_free_memory(before +
				       (LARGE_SIZE - SPARE_SIZE) / KIB));
	check_gone(dev, "killed");
	luo_report("so does a kill");

	luo_check_memory();
	luo_finish_stage();
}

/*
 * no_device_opened: kernels with live update that nobody asks for one
 */

static void no_device_opened_1(void)
{
	luo_plan(2);
	CHECK(!access(LUO_DEVICE, F_OK));
	luo_report("the device is there, and stays unopened");
	load(NULL);
	luo_leave_kernel();
}

static void no_device_opened_2(void)
{
	int dev, session;

	luo_plan(3);
	check_nothing_came();
	dev = luo_need_device();
	session = luo_create_session(dev, "case");
	CHECK(session >= 0);
	close(new_file(session, 1, MIB));
	luo_report("a session");
	load(NULL);
	luo_leave_kernel();
}

static void no_device_opened_3(void)
{
	int dev, session, fd;

	luo_plan(1);
	dev = luo_need_device();
	session = luo_retrieve_session(dev, "case");
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	check_contents(fd, 1, MIB);
	CHECK_EQ(0, luo_finish(session));
	luo_report("the session of the second kernel is in the third");
	luo_finish_stage();
}

/*
 * unopened_arrival: sessions come, but nobody opens the device
 */

static void unopened_arrival_1(void)
{
	int dev, session;

	luo_plan(2);
	dev = luo_need_device();
	session = luo_create_session(dev, "case");
	CHECK(session >= 0);
	close(new_file(session, 1, LARGE_SIZE));
	luo_report("a session");
	load(NULL);
	luo_leave_kernel();
}

static void unopened_arrival_2(void)
{
	luo_plan(2);
	luo_check_memory();
	load(NULL);
	luo_leave_kernel();
}

static void unopened_arrival_3(void)
{
	int dev, session;

	luo_plan(2);
	dev = luo_need_device();
	session = luo_create_session(dev, "new");
	CHECK(session >= 0);
	close(new_file(session, 1, MIB));
	CHECK_EQ(0, close(session));
	CHECK_EQ(0, close(dev));
	luo_report("the device works");
	luo_check_memory();
	luo_finish_stage();
}

/*
 * liveupdate_off, kho_off, little_memory: kernels that can't. The system works,
 * and the next kernel can.
 */

static void liveupdate_off_1(void)
{
	luo_plan(3);
	check_no_device();
	luo_check_memory();
	load("liveupdate=on");
	luo_leave_kernel();
}

static void liveupdate_off_2(void)
{
	luo_plan(1);
	check_nothing_came();
	luo_finish_stage();
}

static void kho_off_1(void)
{
	luo_plan(4);
	check_no_device();
	CHECK(log_has(live_update_words));
	luo_report("the log says so");
	luo_check_memory();
	load("kho=on");
	luo_leave_kernel();
}

static void kho_off_2(void)
{
	luo_plan(1);
	check_nothing_came();
	luo_finish_stage();
}

static void little_memory(void)
{
	static const char *const words[] = { "reserve scratch", NULL };

	check_no_device();
	CHECK(log_has(words));
	CHECK(log_has(live_update_words));
	luo_report("the log says why");
	luo_check_memory();
}

static void little_memory_1(void)
{
	luo_plan(4);
	little_memory();
	load(NULL);
	luo_leave_kernel();
}

static void little_memory_2(void)
{
	luo_plan(3);
	little_memory();
	luo_finish_stage();
}

/*
 * next_kernel_off: sessions that meet a kernel that won't have them
 */

static void next_kernel_off_1(void)
{
	char append[64];
	int dev, session;

	luo_plan(2);
	dev = luo_need_device();
	session = luo_create_session(dev, "case");
	CHECK(session >= 0);
	close(new_file(session, 1, LARGE_SIZE));
	luo_report("a session");
	snprintf(append, sizeof(append), "liveupdate=off luo.total=%ld",
		 luo_meminfo("MemTotal"));
	load(append);
	luo_leave_kernel();
}

static void next_kernel_off_2(void)
{
	char value[32] = "";
	long before;

	luo_plan(4);
	check_no_device();

	/* Private data must not get into the free lists */
	CHECK_EQ(0, luo_cmdline_value("luo.total", value, sizeof(value)));
	before = strtol(value, NULL, 10);
	CHECK(before > 0);
	CHECK(luo_meminfo("MemTotal") <=
	      before - (LARGE_SIZE - SPARE_SIZE) / KIB);
	luo_report("the files' memory stays reserved");
	luo_check_memory();
	load("kho=off");
	luo_leave_kernel();
}

static void next_kernel_off_3(void)
{
	luo_plan(3);
	check_no_device();
	luo_check_memory();
	load("kho=on liveupdate=on");
	luo_leave_kernel();
}

static void next_kernel_off_4(void)
{
	luo_plan(2);
	check_nothing_came();
	luo_check_memory();
	luo_finish_stage();
}

/*
 * kexec_load: an image of the older system call has no place for a handover.
 * Jumping would lose the sessions, so the kernel must not.
 */

static void kexec_load_1(void)
{
	int dev, session, other, fd;

	luo_plan(5);
	dev = luo_need_device();
	session = luo_create_session(dev, "case");
	CHECK(session >= 0);
	fd = new_file(session, 1, MIB);
	luo_report("a session");

	/* Works whether there is something to unload or not */
	if (luo_kexec_unload_classic()) {
		luo_report_skip("kernel without kexec_load");
		luo_report_skip("kernel without kexec_load");
	} else {
		CHECK_EQ(0, luo_kexec_load_classic());

		/* More than once: a refusal must leave nothing behind */
		CHECK(luo_kexec_jump() < 0);
		CHECK(luo_kexec_jump() < 0);
		luo_report("the kernel refuses to jump");

		CHECK_EQ(0, luo_kexec_unload_classic());
		CHECK(luo_kexec_jump() < 0);
		luo_report("nor does it without an image");
	}

	/* All goes on as if nothing had happened */
	check_contents(fd, 1, MIB);
	CHECK_EQ(-1, ftruncate(fd, 0));
	CHECK_EQ(0, luo_write_pattern(fd, 0, MIB, SEED + 2));
	CHECK_EQ(-EEXIST, luo_preserve(session, fd, 1));
	close(new_file(session, 3, MIB));
	other = luo_create_session(dev, "other");
	CHECK(other >= 0);
	CHECK_EQ(-EBUSY, luo_preserve(other, fd, 1));
	CHECK_EQ(0, close(other));
	luo_report("the sessions work on");
	load(NULL);
	luo_leave_kernel();
}

static void kexec_load_2(void)
{
	int dev, session, fd;

	luo_plan(1);
	dev = luo_need_device();
	session = luo_retrieve_session(dev, "case");
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	/* What was written after the refused jump */
	check_contents(fd, 2, MIB);
	fd = luo_retrieve(session, 3);
	CHECK(fd >= 0);
	check_contents(fd, 3, MIB);
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, "other"));
	CHECK_EQ(0, luo_finish(session));
	luo_report("the session arrives by an image that can carry it");
	luo_finish_stage();
}

/*
 * test_kho: the other users of the handover, on their own
 */

static bool built_in_test_kho(void)
{
	char line[256];
	bool found = false;
	FILE *file;

	file = fopen("/proc/kallsyms", "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = !!strstr(line, " kho_test_");
	fclose(file);

	return found;
}

static void test_kho_1(void)
{
	static const char *const words[] = { "KHO restore succeeded",
					     "Revived memory reservation",
					     NULL };

	luo_plan(2);
	CHECK(!log_has(words));
	luo_report("nothing is restored in the first kernel");
	load(NULL);
	luo_leave_kernel();
}

static void test_kho_2(void)
{
	static const char *const reserve[] = {
		"Revived memory reservation 'luotest'", NULL
	};
	static const char *const restore[] = { "KHO restore succeeded", NULL };

	luo_plan(3);
	CHECK(log_has(reserve));
	luo_report("reserve_mem=");
	if (built_in_test_kho()) {
		CHECK(log_has(restore));
		luo_report("lib/test_kho.c");
	} else {
		luo_report_skip("kernel without CONFIG_TEST_KEXEC_HANDOVER=y");
	}
	check_nothing_came();
	luo_finish_stage();
}

/*
 * swap: pages that are not in memory when the file is preserved, and that
 * somebody tries to get out of it afterwards
 */

#define SWAPPED_SIZE	(48 * MIB)

static long swap_used(void)
{
	return luo_meminfo("SwapTotal") - luo_meminfo("SwapFree");
}

static int page_out(int fd)
{
	void *map;
	int ret = 0;

	map = mmap(NULL, SWAPPED_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;

	/* Only what is in the page tables is looked at */
	if (madvise(map, SWAPPED_SIZE, MADV_POPULATE_READ) ||
	    madvise(map, SWAPPED_SIZE, MADV_PAGEOUT))
		ret = -errno;
	munmap(map, SWAPPED_SIZE);

	return ret;
}

static void swap_1(void)
{
	int dev, session, fd;

	luo_plan(4);
	if (luo_meminfo("SwapTotal") < SWAPPED_SIZE / KIB) {
		/* The other stage has nothing to do then either */
		luo_report_skip("no swap space");
		luo_report_skip("no swap space");
		luo_report_skip("no swap space");
		luo_report_skip("no swap space");
		luo_finish_stage();
	}

	dev = luo_need_device();
	session = luo_create_session(dev, "case");
	CHECK(session >= 0);
	fd = luo_memfd("swapped", 0, SWAPPED_SIZE);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, SWAPPED_SIZE, SEED + 1));
	CHECK_EQ(0, page_out(fd));
	CHECK(swap_used() >= SWAPPED_SIZE / 2 / KIB);
	luo_report("pages are swapped out");

	CHECK_EQ(0, luo_preserve(session, fd, 1));
	CHECK(swap_used() < SPARE_SIZE / KIB);
	luo_report("a preserve brings them back");

	CHECK_EQ(0, page_out(fd));
	CHECK(swap_used() < SPARE_SIZE / KIB);
	check_contents(fd, 1, SWAPPED_SIZE);
	luo_report("and keeps them there");
	load(NULL);
	luo_leave_kernel();
}

static void swap_2(void)
{
	int dev, session, fd;

	luo_plan(1);
	dev = luo_need_device();
	session = luo_retrieve_session(dev, "case");
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	check_contents(fd, 1, SWAPPED_SIZE);
	CHECK_EQ(0, luo_finish(session));
	luo_report("pages that were swapped out once");
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ "close_finishes", { close_finishes_1, close_finishes_2 } },
	{ "no_device_opened", { no_device_opened_1, no_device_opened_2,
				no_device_opened_3 } },
	{ "unopened_arrival", { unopened_arrival_1, unopened_arrival_2,
				unopened_arrival_3 } },
	{ "liveupdate_off", { liveupdate_off_1, liveupdate_off_2 } },
	{ "kho_off", { kho_off_1, kho_off_2 } },
	{ "little_memory", { little_memory_1, little_memory_2 } },
	{ "next_kernel_off", { next_kernel_off_1, next_kernel_off_2,
			       next_kernel_off_3, next_kernel_off_4 } },
	{ "kexec_load", { kexec_load_1, kexec_load_2 } },
	{ "test_kho", { test_kho_1, test_kho_2 } },
	{ "swap", { swap_1, swap_2 } },
};

int main(int argc, char *argv[])
{
	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
