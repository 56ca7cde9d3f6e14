// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays for the memory of files that go through a live update: who allocated
 * it in the old kernel, who preserves a file for what the kernel itself needs,
 * and in the new kernel who retrieves it. Nothing is paid for twice, and all is
 * given back. As the figures of a group come from the lists that its pages are
 * in, this tells as well whether pages that came over are in the right lists.
 *
 * Work is done by children that enter a group for it. Who looks on stays in the
 * root group, where nothing is counted.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "luo_test_util.h"

#define PAGE		4096L
#define CGROUPS		"/sys/fs/cgroup"
#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define LRU_GEN		"/sys/kernel/mm/lru_gen/enabled"
#define STAT_REFRESH	"/proc/sys/vm/stat_refresh"
#define DROP_CACHES	"/proc/sys/vm/drop_caches"
#define SWAP_DISK	"/dev/ram0"

#define SESSION		"cgroup"
#define SEED		0xc6

#define FILE_SIZE	(32 * MIB)
#define LIMIT		(8 * MIB)

/* Small files: what the kernel needs for a file is a page and more */
#define MANY		400

/* What the processors keep at hand, and what goes with any process */
#define SLACK		MIB

/* The same once the processors have given it back */
#define CRUMBS		(128 * KIB)

/* One file for each thing to look at */
enum {
	PLAIN,			/* in small pages */
	HUGE,			/* in huge pages, if the kernel has them */
	OVER,			/* for a group that has no room for it */
	CLASSIC,		/* for LRU lists without generations */
	NR_FILES,
	MANY_TOKEN = 0x100,
};

/*
 * Groups
 */

static const char *group_path(const char *group, const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s%s%s", group,
		 *file ? "/" : "", file);

	return path;
}

static void make_groups(const char *const groups[])
{
	CHECK_EQ(0, luo_write_text(CGROUPS "/cgroup.subtree_control",
				   "+memory"));
	for (; *groups; groups++)
		CHECK(!mkdir(group_path(*groups, ""), 0755));
}

static bool have_groups(void)
{
	char controllers[256] = "";

	return !luo_read_text(CGROUPS "/cgroup.controllers", controllers,
			      sizeof(controllers)) &&
	       strstr(controllers, "memory");
}

static void set_group(const char *group, const char *file, const char *value)
{
	CHECK_EQ(0, luo_write_text(group_path(group, file), value));
}

static long long group_value(const char *group, const char *file)
{
	char text[32] = "";

	if (luo_read_text(group_path(group, file), text, sizeof(text)))
		return -1;

	return strtoll(text, NULL, 10);
}

/* From a file with a line for each key */
static long long group_key(const char *group, const char *file, const char *key)
{
	size_t len = strlen(key);
	static char text[16384];
	char *next = text, *line;

	if (luo_read_text(group_path(group, file), text, sizeof(text)))
		return -1;
	while ((line = strsep(&next, "\n")))
		if (!strncmp(line, key, len) && line[len] == ' ')
			return strtoll(line + len + 1, NULL, 10);

	return -1;
}

static long long group_stat(const char *group, const char *key)
{
	return group_key(group, "memory.stat", key);
}

/*
 * Pages of shmem are in the lists of anonymous memory, young or old, or apart
 * while they are preserved.
 */
static long long group_listed(const char *group)
{
	return group_stat(group, "inactive_anon") +
	       group_stat(group, "active_anon") +
	       group_stat(group, "unevictable");
}

/* A group's figures are brought up to date now and then */
static bool has_stat(const char *group, long long (*read)(const char *group),
		     long long expected)
{
	long long seen = -1;
	int i;

	for (i = 0; i < 100; i++) {
		seen = read(group);
		if (seen == expected)
			return true;
		usleep(100 * 1000);
	}
	ksft_print_msg("%s: expected %lld, seen %lld\n", group, expected, seen);

	return false;
}

static long long group_shmem(const char *group)
{
	return group_stat(group, "shmem");
}

static long long group_file(const char *group)
{
	return group_stat(group, "file");
}

static long long group_huge(const char *group)
{
	return group_stat(group, "shmem_thp");
}

/* Shmem of this size, in all figures, and not much else */
static void check_charged(const char *group, long long size)
{
	long long current = group_value(group, "memory.current");

	/* Which puts new pages into their lists first, and that is all here */
	CHECK_EQ(0, luo_write_text(DROP_CACHES, "1"));
	CHECK(has_stat(group, group_shmem, size));
	CHECK(has_stat(group, group_file, size));
	CHECK(has_stat(group, group_listed, size));
	if (!CHECK(current >= size && current <= size + SLACK))
		ksft_print_msg("%s: %lld for %lld\n", group, current, size);
}

/* What is over a limit is not kept at hand */
static bool falls_to(const char *group, long long most)
{
	long long current = 0;
	int i;

	for (i = 0; i < 100; i++) {
		set_group(group, "memory.high", "0");
		set_group(group, "memory.high", "max");
		current = group_value(group, "memory.current");
		if (current >= 0 && current <= most)
			return true;
		usleep(100 * 1000);
	}
	ksft_print_msg("%s: still %lld\n", group, current);

	return false;
}

static void check_empty(const char *group)
{
	CHECK(has_stat(group, group_shmem, 0));
	CHECK(has_stat(group, group_listed, 0));
	CHECK(falls_to(group, CRUMBS));
}

/* 0 if @work in a process of the group returns 0, else what went wrong */
static int run_in(const char *group, int (*work)(void))
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		status = luo_write_text(group_path(group, "cgroup.procs"), "0");
		if (!status)
			status = work();
		_exit(-status);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFSIGNALED(status)) {
		ksft_print_msg("killed by signal %d\n", WTERMSIG(status));
		return -EINTR;
	}

	return -WEXITSTATUS(status);
}

/*
 * The machine's figures
 */

/* Fails if one of the kernel's counters has become negative */
static long shmem_kib(void)
{
	CHECK_EQ(0, luo_write_text(STAT_REFRESH, "1"));

	return luo_meminfo("Shmem");
}

static long listed_kib(void)
{
	return luo_meminfo("Active(anon)") + luo_meminfo("Inactive(anon)");
}

/*
 * The old kernel
 */

static int session = -1, files[NR_FILES], small_file[MANY];

static int fill_files(void)
{
	int err = 0, i;

	for (i = 0; i < NR_FILES && !err; i++) {
		if (!access(SHMEM_ENABLED, W_OK))
			err = luo_write_text(SHMEM_ENABLED,
					     i == HUGE ? "force" : "never");
		if (!err)
			err = luo_write_pattern(files[i], 0, FILE_SIZE,
						SEED + i);
	}

	return err;
}

static int preserve_files(void)
{
	int err = 0, i;

	for (i = 0; i < NR_FILES && !err; i++)
		err = luo_preserve(session, files[i], i);
	for (i = 0; i < MANY && !err; i++)
		err = luo_preserve(session, small_file[i], MANY_TOKEN + i);

	return err;
}

static void make_files(void)
{
	int i;

	CHECK_EQ(0, luo_raise_fd_limit(2 * MANY));
	for (i = 0; i < NR_FILES; i++) {
		files[i] = luo_memfd("file", 0, FILE_SIZE);
		CHECK(files[i] >= 0);
	}
	for (i = 0; i < MANY; i++) {
		small_file[i] = luo_memfd("small", 0, PAGE);
		CHECK_EQ(0, luo_write_pattern(small_file[i], 0, PAGE, SEED));
	}
	CHECK_EQ(0, run_in("owner", fill_files));
	check_charged("owner", NR_FILES * FILE_SIZE);
	luo_report("who allocates memory pays for it");
}

/* At least what goes to the next kernel: two pages for each file */
static bool pays_for_many(const char *group)
{
	long long pages = 0;
	int i;

	for (i = 0; i < 100; i++) {
		pages = group_stat(group, "kernel") / PAGE;
		if (pages >= 2 * MANY && pages <= 4 * MANY)
			return true;
		usleep(100 * 1000);
	}
	ksft_print_msg("%lld pages for %d files\n", pages, MANY);

	return false;
}

static void check_agent(void)
{
	check_charged("owner", NR_FILES * FILE_SIZE);
	CHECK(pays_for_many("agent"));
	CHECK(has_stat("agent", group_shmem, 0));
}

static void check_preserve(int dev)
{
	session = luo_create_session(dev, SESSION);
	CHECK(session >= 0);
	CHECK_EQ(0, run_in("agent", preserve_files));
	check_agent();
	luo_report("who preserves pays for what the kernel needs, no more");

	CHECK_EQ(0, close(session));
	check_empty("agent");
	check_charged("owner", NR_FILES * FILE_SIZE);
	luo_report("a closed session costs nothing");
}

static void check_truncate(void)
{
	int i;

	for (i = 0; i < NR_FILES; i++)
		CHECK_EQ(0, ftruncate(files[i], 0));
	check_empty("owner");
	for (i = 0; i < NR_FILES; i++)
		CHECK_EQ(0, ftruncate(files[i], FILE_SIZE));
	luo_report("nothing stays charged of files that were preserved");
}

static void stage_1(void)
{
	static const char *const groups[] = { "owner", "agent", NULL };
	int dev;

	if (!have_groups()) {
		luo_plan(1);
		luo_report_skip("kernel without memory control groups");
		luo_finish_stage();
	}

	luo_plan(6);
	make_groups(groups);
	dev = luo_need_device();
	make_files();
	check_preserve(dev);
	check_truncate();

	session = luo_create_session(dev, SESSION);
	CHECK(session >= 0);
	CHECK_EQ(0, run_in("owner", fill_files));
	CHECK_EQ(0, run_in("agent", preserve_files));
	check_agent();
	luo_report("once more, to go to the next kernel");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("a kernel can be loaded");
	luo_leave_kernel();
}

/*
 * The new kernel
 */

static int retrieve_file(int nr)
{
	int fd = luo_retrieve(session, nr);

	return fd < 0 ? fd : 0;
}

static int retrieve_some(void)
{
	return retrieve_file(PLAIN) ?: retrieve_file(HUGE);
}

static int retrieve_over(void)
{
	/*
	 * Once the group is over its limit, this process may not need as much
	 * as a page for its stack.
	 */
	if (luo_retrieve(session, NR_FILES) != -ENOENT)
		return -EINVAL;

	return retrieve_file(OVER);
}

static int retrieve_classic(void)
{
	return retrieve_file(CLASSIC);
}

/* The same file as its retriever got */
static void take_file(int nr)
{
	files[nr] = luo_retrieve(session, nr);
	CHECK(files[nr] >= 0);
	CHECK_EQ(0, luo_verify_pattern(files[nr], 0, FILE_SIZE, SEED + nr));
}

/* The page cache has a node of more than half a KiB for 64 small pages */
static bool pays_for_nodes(const char *group)
{
	long long seen = 0;
	int i;

	for (i = 0; i < 100; i++) {
		seen = group_stat(group, "kernel");
		if (seen >= FILE_SIZE / PAGE / 64 * 512)
			return true;
		usleep(100 * 1000);
	}
	ksft_print_msg("%lld bytes for nodes\n", seen);

	return false;
}

static void check_retrieve(void)
{
	long shmem = shmem_kib(), listed = listed_kib();

	CHECK_EQ(0, run_in("vm", retrieve_some));
	check_charged("vm", 2 * FILE_SIZE);
	CHECK(pays_for_nodes("vm"));
	if (!access(SHMEM_ENABLED, W_OK))
		CHECK(has_stat("vm", group_huge, FILE_SIZE));
	luo_report("who retrieves a file pays for its memory");

	CHECK_EQ(2 * FILE_SIZE / KIB, shmem_kib() - shmem);
	listed = listed_kib() - listed;
	if (!CHECK(listed >= (2 * FILE_SIZE - SLACK) / KIB &&
		   listed <= (2 * FILE_SIZE + SLACK) / KIB))
		ksft_print_msg("%ld KiB more in the lists\n", listed);
	luo_report("it is in the figures of the machine");

	take_file(PLAIN);
	take_file(HUGE);
	check_charged("vm", 2 * FILE_SIZE);
	luo_report("it is paid for once");
}

static void check_limit(void)
{
	char limit[32];

	snprintf(limit, sizeof(limit), "%ld", LIMIT);
	set_group("small", "memory.max", limit);
	CHECK_EQ(0, run_in("small", retrieve_over));
	check_charged("small", FILE_SIZE);
	CHECK(group_key("small", "memory.events", "max") > 0);
	CHECK_EQ(0, group_key("small", "memory.events", "oom"));
	CHECK_EQ(0, group_key("small", "memory.events", "oom_kill"));
	take_file(OVER);
	luo_report("contents go over a limit, and nobody is killed for it");
}

static void check_classic(void)
{
	/* Not every kernel has the other lists at all */
	if (!access(LRU_GEN, W_OK))
		CHECK_EQ(0, luo_write_text(LRU_GEN, "0"));
	CHECK_EQ(0, run_in("classic", retrieve_classic));
	check_charged("classic", FILE_SIZE);
	CHECK_EQ(0, group_stat("classic", "active_anon"));
	if (!access(LRU_GEN, W_OK))
		CHECK_EQ(0, luo_write_text(LRU_GEN, "y"));
	check_charged("classic", FILE_SIZE);
	check_charged("vm", 2 * FILE_SIZE);
	take_file(CLASSIC);
	luo_report("pages are in lists with generations, or without");
}

/* How much of a group's shmem goes to the disk when it is asked for */
static long long swapped_of(const char *group)
{
	/* It says so if not all of it can be had, which is no matter here */
	luo_write_text(group_path(group, "memory.reclaim"), "24M");

	return group_value(group, "memory.swap.current");
}

static void check_reclaim(void)
{
	if (swapon(SWAP_DISK, 0)) {
		luo_report_skip("no disk to swap to");
		return;
	}
	CHECK(swapped_of("vm") >= 8 * MIB);
	CHECK(swapped_of("classic") >= 8 * MIB);
	CHECK(group_value("vm", "memory.current") <= 2 * FILE_SIZE - 8 * MIB);
	CHECK(group_value("classic", "memory.current") <= FILE_SIZE - 8 * MIB);
	CHECK_EQ(0, luo_verify_pattern(files[PLAIN], 0, FILE_SIZE,
				       SEED + PLAIN));
	CHECK_EQ(0, luo_verify_pattern(files[HUGE], 0, FILE_SIZE, SEED + HUGE));
	CHECK_EQ(0, luo_verify_pattern(files[CLASSIC], 0, FILE_SIZE,
				       SEED + CLASSIC));
	check_charged("vm", 2 * FILE_SIZE);
	check_charged("classic", FILE_SIZE);
	luo_report("pages can be reclaimed, and are charged as before then");
}

static void check_close(long shmem)
{
	static const char *const groups[] = { "vm", "small", "classic" };
	size_t i;

	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));
	check_charged("vm", 2 * FILE_SIZE);
	luo_report("a finish changes nothing");

	for (i = 0; i < NR_FILES; i++)
		CHECK_EQ(0, close(files[i]));
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		check_empty(groups[i]);
		CHECK(!rmdir(group_path(groups[i], "")));
	}
	CHECK_EQ(shmem, shmem_kib());
	luo_report("nothing stays charged of files that came over");
}

static void stage_2(void)
{
	static const char *const groups[] = { "vm", "small", "classic", NULL };
	long shmem;

	luo_plan(8);
	make_groups(groups);
	session = luo_retrieve_session(luo_need_device(), SESSION);
	CHECK(session >= 0);
	shmem = shmem_kib();
	check_retrieve();
	check_limit();
	check_classic();
	check_reclaim();
	check_close(shmem);
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ .stages = { stage_1, stage_2 } },
};

int main(int argc, char *argv[])
{
	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
