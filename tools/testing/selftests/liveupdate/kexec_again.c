// SPDX-License-Identifier: GPL-2.0
/*
 * The same sessions through many live updates in a row, in which two builds of
 * the kernel take turns: whatever is lost with each of them, or grows, adds up.
 *
 *	stage1		make the files, preserve them
 *	stage N		verify them, change one, preserve them again
 *	the last one	verify them, and compare what memory there is
 *
 * What has to be in the files follows from the number of the stage. What the
 * stages before this one saw comes over in a file of its own.
 *
 * The kernel's command line has luo.updates=N.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "luo_test_util.h"

#define PAGE		4096L
#define HUGE_PAGE	(2 * MIB)

#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define KHO_OUT		"/sys/kernel/debug/kho/out/"

/* The builds of the kernel that take turns */
static const char *const images[] = { "/boot/bzImage", "/boot/bzImage-b" };

#define SYSLOG_READ_ALL		3
#define SYSLOG_SIZE_BUFFER	10

/*
 * All that is used once is in use after the second update. lib/test_kho.c, which
 * may be there, takes memory in one kernel of two, and so like is compared with
 * like.
 */
#define FIRST_COMPARED	3
#define MAX_LOST	(MIB / KIB)

struct memfile {
	const char *name;
	unsigned int session;
	off_t size;
	/* One page of so many is written, the others are holes */
	unsigned int stride;
	/* In huge pages, if the kernel has them */
	bool huge;
	/* Each stage writes a page anew */
	bool rewritten;
};

static const struct memfile files[] = {
	{ .name = "dense", .session = 0, .size = MIB, .stride = 1 },
	{ .name = "lone pages", .session = 0, .size = MIB, .stride = 2 },
	{ .name = "empty", .session = 0, .size = 0, .stride = 1 },
	{ .name = "sparse", .session = 1, .size = 8 * MIB, .stride = 256 },
	{
		.name = "huge pages", .session = 1, .size = 2 * HUGE_PAGE,
		.stride = 1, .huge = true,
	}, {
		.name = "rewritten", .session = 2, .size = 16 * PAGE,
		.stride = 1, .rewritten = true,
	},
};

#define NR_FILES	ARRAY_SIZE(files)

/* One of them without files, and one with what the stages saw */
#define NR_SESSIONS	5
#define DIARY_SESSION	4
#define DIARY_TOKEN	1000

/* What a stage saw, in KiB where it is memory */
struct record {
	char release[sizeof(((struct utsname *)0)->release)];
	long free;
	long total;
	long slab;
	/* What it took to preserve the files */
	long preserved;
	/* Sums over all areas */
	unsigned long long scratch_phys;
	unsigned long long scratch_len;
};

static unsigned int stage, last_stage;
static int device;
static int fds[NR_FILES];
static int diary;

static struct record read_record(unsigned int nr)
{
	struct record record = {};

	CHECK_EQ(sizeof(record), pread(diary, &record, sizeof(record),
				       nr * sizeof(record)));
	return record;
}

static void write_record(const struct record *record)
{
	CHECK_EQ(sizeof(*record), pwrite(diary, record, sizeof(*record),
					 stage * sizeof(*record)));
}

/*
 * Contents
 */

static __u64 file_seed(const struct memfile *file)
{
	return 1000000 * (file - files + 1);
}

static off_t nr_pages(const struct memfile *file)
{
	return file->size / PAGE;
}

static void rewrite(int fd, const struct memfile *file)
{
	off_t page = stage % nr_pages(file);

	CHECK_EQ(0, luo_write_pattern(fd, page * PAGE, PAGE,
				      file_seed(file) + stage));
}

/* The seed of a page, as the stage before this one left it; 0 for a hole */
static __u64 page_seed(const struct memfile *file, off_t page)
{
	unsigned int writer;

	if (page % file->stride)
		return 0;
	for (writer = stage - 1; file->rewritten && writer; writer--)
		if (writer % nr_pages(file) == page)
			return file_seed(file) + writer;
	return file_seed(file);
}

/* Runs of pages with one seed */
static void verify(int fd, const struct memfile *file)
{
	off_t page, next, nr = nr_pages(file);
	struct stat st = {};

	CHECK(!fstat(fd, &st));
	CHECK_EQ(file->size, st.st_size);
	CHECK_EQ(file->size / file->stride / 512, st.st_blocks);
	for (page = 0; page < nr; page = next) {
		__u64 seed = page_seed(file, page);

		for (next = page + 1; next < nr; next++)
			if (page_seed(file, next) != seed)
				break;
		if (!CHECK_EQ(0, luo_verify_pattern(fd, page * PAGE,
						    (next - page) * PAGE,
						    seed)))
			ksft_print_msg("it is in '%s'\n", file->name);
	}
}

static bool use_huge_pages(bool on)
{
	const char *value = on ? "always" : "never";
	int fd = open(SHMEM_ENABLED, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, value, strlen(value)) > 0;
	close(fd);
	return done;
}

static int new_file(const struct memfile *file)
{
	int fd = luo_memfd(file->name, 0, file->size);
	off_t page;

	CHECK(fd >= 0);
	if (file->huge)
		CHECK(use_huge_pages(true));
	for (page = 0; page < nr_pages(file); page += file->stride)
		CHECK_EQ(0, luo_write_pattern(fd, page * PAGE, PAGE,
					      file_seed(file)));
	if (file->huge)
		CHECK(use_huge_pages(false));
	return fd;
}

static void check_huge_pages(void)
{
	CHECK(luo_meminfo("ShmemHugePages") >= 2 * HUGE_PAGE / KIB);
}

/*
 * What a stage sees
 */

/* There may be several scratch areas, one in a line */
static unsigned long long read_sum(const char *path)
{
	unsigned long long sum = 0, number;
	FILE *file = fopen(path, "re");

	if (!CHECK(file))
		return 0;
	while (fscanf(file, "%llx", &number) == 1)
		sum += number;
	fclose(file);
	CHECK(sum);
	return sum;
}

static void empty_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, "3", 1) == 1);
	close(fd);
}

/* The kernel says at its boot what came over */
static void check_count(void)
{
	int size = klogctl(SYSLOG_SIZE_BUFFER, NULL, 0), len;
	char expected[80], *log;

	if (!CHECK(size > 0))
		return;
	log = malloc(size + 1);
	if (!log)
		ksft_exit_fail_perror("malloc");
	len = klogctl(SYSLOG_READ_ALL, log, size);
	log[len > 0 ? len : 0] = '\0';
	snprintf(expected, sizeof(expected), "update %u brought %u sessions from ",
		 stage - 1, NR_SESSIONS);
	if (!CHECK(strstr(log, expected)))
		ksft_print_msg("not in the log: %s", expected);
	free(log);
}

/* The two builds take turns */
static void check_release(const char *release)
{
	struct record before;
	unsigned int nr;

	for (nr = stage - 1; nr && nr + 2 >= stage; nr--) {
		before = read_record(nr);
		CHECK_EQ((stage - nr) % 2, !!strcmp(before.release, release));
	}
}

static struct record look_around(void)
{
	struct record record = {};
	struct utsname name;

	CHECK(!uname(&name));
	strcpy(record.release, name.release);
	empty_caches();
	record.free = luo_free_memory();
	record.total = luo_meminfo("MemTotal");
	record.slab = luo_meminfo("Slab");
	record.scratch_phys = read_sum(KHO_OUT "scratch_phys");
	record.scratch_len = read_sum(KHO_OUT "scratch_len");
	return record;
}

static void print_record(unsigned int nr, const struct record *record)
{
	ksft_print_msg("update %u: %s, %ld KiB free of %ld, slab %ld\n", nr - 1,
		       record->release, record->free, record->total,
		       record->slab);
	ksft_print_msg("to preserve took %ld KiB, scratch is %llu KiB\n",
		       record->preserved, record->scratch_len / KIB);
}

static void compare(const struct record *now)
{
	unsigned int nr = FIRST_COMPARED + (stage - FIRST_COMPARED) % 2;
	struct record then;

	if (stage <= nr)
		return;
	then = read_record(nr);
	ksft_print_msg("since update %u: %ld KiB free less, slab %ld KiB more\n",
		       nr - 1, then.free - now->free, now->slab - then.slab);
	CHECK(now->free >= then.free - MAX_LOST);
	CHECK(now->slab <= then.slab + MAX_LOST);
	CHECK(now->preserved <= then.preserved + MAX_LOST);
	CHECK_EQ(then.scratch_len, now->scratch_len);
	CHECK_EQ(then.scratch_phys, now->scratch_phys);
}

/*
 * The stages
 */

static void session_name(char *name, size_t len, unsigned int nr)
{
	snprintf(name, len, "again-%u", nr);
}

static void preserve(void)
{
	int sessions[NR_SESSIONS];
	char name[32];
	size_t i;

	for (i = 0; i < NR_SESSIONS; i++) {
		session_name(name, sizeof(name), i);
		sessions[i] = luo_create_session(device, name);
		CHECK(sessions[i] >= 0);
	}
	for (i = 0; i < NR_FILES; i++)
		CHECK_EQ(0, luo_preserve(sessions[files[i].session], fds[i],
					 i));
	CHECK_EQ(0, luo_preserve(sessions[DIARY_SESSION], diary, DIARY_TOKEN));
}

static void retrieve(void)
{
	int sessions[NR_SESSIONS];
	char name[32];
	size_t i;

	for (i = 0; i < NR_SESSIONS; i++) {
		session_name(name, sizeof(name), i);
		sessions[i] = luo_retrieve_session(device, name);
		CHECK(sessions[i] >= 0);
	}
	diary = luo_retrieve(sessions[DIARY_SESSION], DIARY_TOKEN);
	CHECK(diary >= 0);
	for (i = 0; i < NR_FILES; i++) {
		fds[i] = luo_retrieve(sessions[files[i].session], i);
		CHECK(fds[i] >= 0);
		verify(fds[i], &files[i]);
	}
	check_huge_pages();
	for (i = 0; i < NR_SESSIONS; i++) {
		CHECK_EQ(0, luo_finish(sessions[i]));
		CHECK_EQ(0, close(sessions[i]));
	}
}

/* Into the other build; the sessions stay open until the jump */
static void __noreturn leave(struct record *record)
{
	size_t i;

	for (i = 0; i < NR_FILES; i++)
		if (files[i].rewritten)
			rewrite(fds[i], &files[i]);
	preserve();
	record->preserved = record->free - luo_free_memory();
	print_record(stage, record);
	compare(record);
	/* It goes on being written while it is preserved */
	write_record(record);
	CHECK_EQ(0, luo_kexec_load_image(images[stage % 2], NULL));
	luo_report("update %u", stage - 1);
	luo_leave_kernel();
}

static void __noreturn first_stage(void)
{
	struct record record;
	size_t i;

	luo_plan(1);
	for (i = 0; i < NR_FILES; i++)
		fds[i] = new_file(&files[i]);
	check_huge_pages();
	diary = luo_memfd("diary", 0, (last_stage + 1) * sizeof(record));
	CHECK(diary >= 0);
	record = look_around();
	leave(&record);
}

static void __noreturn next_stage(void)
{
	struct record record;

	luo_plan(1);
	retrieve();
	check_count();
	record = look_around();
	check_release(record.release);
	if (stage < last_stage)
		leave(&record);

	print_record(stage, &record);
	compare(&record);
	luo_report("update %u, the last one", stage - 1);
	luo_finish_stage();
}

int main(int argc, char *argv[])
{
	char value[32] = "";

	luo_cmdline_value("luo.updates", value, sizeof(value));
	last_stage = strtoul(value, NULL, 10) + 1;
	if (argc == 2 && !strncmp(argv[1], "stage", 5))
		stage = strtoul(argv[1] + 5, NULL, 10);
	if (!stage || last_stage <= FIRST_COMPARED) {
		fprintf(stderr, "usage: %s stageN, with luo.updates=%u or more\n",
			argv[0], FIRST_COMPARED);
		return KSFT_FAIL;
	}

	device = luo_open_device();
	if (device < 0)
		ksft_exit_fail_msg("no %s: %d\n", LUO_DEVICE, device);
	if (stage == 1)
		first_stage();
	next_stage();
}
