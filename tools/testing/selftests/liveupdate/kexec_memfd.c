// SPDX-License-Identifier: GPL-2.0
/*
 * Memfds across two live updates. One process does all of a stage and ends it
 * with the jump into the next kernel:
 *
 *	stage1	make the files, preserve them in several sessions
 *	stage2	retrieve and verify, go on working on them, preserve them again
 *	stage3	retrieve and verify once more
 *
 * Every stage knows by itself what has to be in each file: nothing but the
 * sessions goes from kernel to kernel.
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
#include <sys/wait.h>
#include <unistd.h>

#include "luo_test_util.h"

#define PAGE		4096L
#define HUGE_PAGE	(2 * MIB)

#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"

#define DATA_SESSION	"data"
#define SEALS_SESSION	"seals"
#define EMPTY_SESSION	"no files"
#define DROPPED_SESSION	"dropped"
#define LATER_SESSION	"later"
#define RIGHTS_SESSION	"rights"

#define DROPPED_SIZE	(64 * MIB)
#define SPARE_SIZE	(2 * MIB)

/* When something is written, in this order */
enum moment {
	NEVER,			/* ends a list */
	BEFORE_PRESERVE,	/* in the first kernel */
	AFTER_PRESERVE,
	AFTER_RETRIEVE,		/* in the second kernel */
	AFTER_SECOND_PRESERVE,
};

/* Later ones overwrite earlier ones */
struct extent {
	enum moment moment;
	off_t offset;
	size_t len;
	__u64 seed;
};

#define MAX_EXTENTS	8

struct memfile {
	const char *name;
	__u64 token;
	off_t size;
	/* The position, set between the preserve and the kexec */
	off_t pos;
	/* All of it is allocated, though nothing may be written */
	bool allocated;
	/* In huge pages, if the kernel has them */
	bool huge;
	/* One page that is punched out again before the preserve */
	off_t punched;
	/* Write through a mapping */
	bool mapped;
	/* Preserve through a descriptor that cannot write */
	bool readonly;
	struct extent extents[MAX_EXTENTS];
};

static const struct memfile files[] = {
	{
		.name = "dense",
		.token = 0,
		.size = 64 * MIB,
		.pos = 12345,
		.allocated = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, 64 * MIB, 1 },
			{ AFTER_PRESERVE, 5 * MIB + 1, MIB + 123, 2 },
			{ AFTER_RETRIEVE, 10 * MIB + 7, 3 * MIB, 3 },
			{ AFTER_SECOND_PRESERVE, 33 * MIB, PAGE, 4 },
		},
	}, {
		.name = "sparse",
		.token = ~0ULL,
		.size = GIB,
		.extents = {
			{ BEFORE_PRESERVE, 3 * PAGE, PAGE, 10 },
			{ BEFORE_PRESERVE, 512 * MIB - 100, 8192, 11 },
			{ AFTER_PRESERVE, 700 * MIB + 5, 10000, 12 },
			{ AFTER_PRESERVE, GIB - 1, 1, 13 },
			{ AFTER_RETRIEVE, 700 * MIB + 100 * PAGE, 10000, 14 },
			{ AFTER_SECOND_PRESERVE, 0, 1, 15 },
		},
	}, {
		/* Page numbers beyond 32 bits of bytes and of pages */
		.name = "tebibytes",
		.token = 1ULL << 63,
		.size = 32 * TIB,
		.pos = 32 * TIB,
		.extents = {
			{ BEFORE_PRESERVE, 0, PAGE, 20 },
			{ BEFORE_PRESERVE, 5 * GIB, PAGE, 21 },
			{ BEFORE_PRESERVE, 17 * TIB + PAGE, PAGE, 22 },
			{ AFTER_PRESERVE, 32 * TIB - PAGE, PAGE, 23 },
			{ AFTER_RETRIEVE, 17 * TIB + 2 * PAGE, PAGE, 24 },
		},
	}, {
		.name = "empty",
		.token = 1,
		.size = 0,
		.pos = 77,
	}, {
		.name = "odd size",
		.token = 2,
		.size = 12345,
		.pos = 12345,
		.allocated = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, 12345, 30 },
			{ AFTER_PRESERVE, 12344, 1, 31 },
			{ AFTER_RETRIEVE, 3, 1, 32 },
		},
	}, {
		.name = "one byte",
		.token = 3,
		.size = 1,
		.allocated = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, 1, 35 },
		},
	}, {
		/* Must be zeros, whatever was in this memory before */
		.name = "allocated, never written",
		.token = 4,
		.size = 8 * MIB,
		.allocated = true,
		.extents = {
			{ AFTER_PRESERVE, 4 * MIB + 100, 100, 40 },
			{ AFTER_SECOND_PRESERVE, 6 * MIB + 100, 100, 41 },
		},
	}, {
		.name = "one hole",
		.token = 5,
		.size = 4 * MIB,
		.extents = {
			{ AFTER_RETRIEVE, MIB, 2 * PAGE, 50 },
		},
	}, {
		.name = "filled after the preserve",
		.token = 6,
		.size = 4 * MIB,
		.allocated = true,
		.extents = {
			{ AFTER_PRESERVE, 0, 4 * MIB, 60 },
		},
	}, {
		.name = "written by mapping",
		.token = 7,
		.size = 16 * MIB,
		.mapped = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, MIB, 70 },
			{ AFTER_PRESERVE, 100, MIB, 71 },
			{ AFTER_PRESERVE, 8 * MIB + 100, 5 * PAGE, 72 },
			{ AFTER_RETRIEVE, 9 * MIB, PAGE + 1, 73 },
			{ AFTER_SECOND_PRESERVE, 10 * MIB, PAGE + 1, 74 },
		},
	}, {
		.name = "read-only",
		.token = 8,
		.size = 3 * PAGE,
		.pos = PAGE,
		.readonly = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, PAGE, 80 },
			{ AFTER_PRESERVE, 2 * PAGE, PAGE, 81 },
		},
	}, {
		.name = "huge pages",
		.token = 9,
		.size = 4 * HUGE_PAGE,
		.allocated = true,
		.huge = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, 3 * HUGE_PAGE, 90 },
			{ AFTER_PRESERVE, HUGE_PAGE + 7, HUGE_PAGE, 91 },
			{ AFTER_RETRIEVE, 3 * HUGE_PAGE, PAGE, 92 },
		},
	}, {
		/* A huge page, and less than one behind it */
		.name = "huge page and more",
		.token = 10,
		.size = HUGE_PAGE + 12345,
		.allocated = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, HUGE_PAGE + 12345, 100 },
		},
		.huge = true,
	}, {
		/* The hole splits a huge page into pages of all sizes */
		.name = "huge pages, split",
		.token = 11,
		.size = 2 * HUGE_PAGE,
		.allocated = true,
		.huge = true,
		.punched = MIB + 64 * KIB,
		.extents = {
			{ BEFORE_PRESERVE, 0, 2 * HUGE_PAGE, 110 },
			{ BEFORE_PRESERVE, MIB + 64 * KIB, PAGE, 0 },
			{ AFTER_PRESERVE, HUGE_PAGE - 5, 10, 111 },
		},
	}, {
		.name = "with a name of its own: \xc3\xa9/x",
		.token = 12,
		.size = PAGE,
		.allocated = true,
		.extents = {
			{ BEFORE_PRESERVE, 0, PAGE, 120 },
		},
	},
};

#define NR_FILES	ARRAY_SIZE(files)

/*
 * Seals: a file for each combination, in four series. The tokens tell what the
 * seals have to be, so that the next kernel's stage need not be told.
 */
enum seal_series {
	SEALED_BEFORE,		/* executable, sealed before the preserve */
	SEALED_AFTER,		/* the same, sealed after it */
	NOEXEC_BEFORE,		/* MFD_NOEXEC_SEAL, sealed before */
	NOEXEC_AFTER,		/* MFD_NOEXEC_SEAL, sealed after */
	NR_SEAL_SERIES,
};

static const char *const series_name[NR_SEAL_SERIES] = {
	"sealed before the preserve",
	"sealed after the preserve",
	"not executable, sealed before the preserve",
	"not executable, sealed after the preserve",
};

#define ALL_SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |	\
			 F_SEAL_WRITE | F_SEAL_FUTURE_WRITE |		\
			 F_SEAL_EXEC)
#define WRITE_SEALS	(F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define NR_COMBINATIONS	(ALL_SEALS + 1)

#define SEALS_TOKEN(series, seals)	((series) * 0x100ULL + (seals))
#define SEALS_SEED(series, seals)	(SEALS_TOKEN(series, seals) + 0x10000)

/* Two that were made without MFD_ALLOW_SEALING, and one sealed by a mapping */
#define UNSEALABLE_TOKEN	0x1000
#define UNSEALABLE_EMPTY_TOKEN	0x1001
#define MAPPED_SEALED_TOKEN	0x1002

static bool is_noexec(enum seal_series series)
{
	return series == NOEXEC_BEFORE || series == NOEXEC_AFTER;
}

static int expected_seals(enum seal_series series, int seals)
{
	if (is_noexec(series))
		return seals | F_SEAL_EXEC;

	/* What the exec seal brings along for a file that is executable */
	if (seals & F_SEAL_EXEC)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | WRITE_SEALS;

	return seals;
}

/*
 * Contents
 */

static int write_extents(int fd, const struct memfile *file, enum moment moment)
{
	const struct extent *e;
	int err;

	for (e = file->extents; e->moment; e++) {
		if (e->moment != moment || !e->seed)
			continue;
		err = file->mapped ?
			luo_map_pattern(fd, e->offset, e->len, e->seed) :
			luo_write_pattern(fd, e->offset, e->len, e->seed);
		if (err)
			return err;
	}

	return 0;
}

static int compare_offsets(const void *a, const void *b)
{
	off_t x = *(const off_t *)a, y = *(const off_t *)b;

	return x < y ? -1 : x > y;
}

/* The seed of the last extent that covers @offset */
static __u64 seed_at(const struct memfile *file, enum moment moment,
		     off_t offset)
{
	const struct extent *e;
	__u64 seed = 0;

	for (e = file->extents; e->moment; e++)
		if (e->moment <= moment && offset >= e->offset &&
		    offset < e->offset + (off_t)e->len)
			seed = e->seed;

	return seed;
}

/* Extents cut the file into pieces of one seed each; holes are one of them */
static bool verify_contents(int fd, const struct memfile *file,
			    enum moment moment)
{
	off_t cuts[2 + 2 * MAX_EXTENTS];
	const struct extent *e;
	size_t nr = 0, i;
	int err;

	cuts[nr++] = 0;
	cuts[nr++] = file->size;
	for (e = file->extents; e->moment; e++) {
		if (e->moment > moment)
			continue;
		cuts[nr++] = e->offset;
		cuts[nr++] = e->offset + e->len;
	}
	qsort(cuts, nr, sizeof(cuts[0]), compare_offsets);

	for (i = 0; i + 1 < nr; i++) {
		off_t len = cuts[i + 1] - cuts[i];
		__u64 seed = seed_at(file, moment, cuts[i]);

		/* Nobody reads terabytes of zeros: both ends of a hole do */
		if (!seed && len > 4 * MIB && !file->allocated) {
			err = luo_verify_pattern(fd, cuts[i + 1] - MIB, MIB, 0);
			if (err) {
				ksft_print_msg("%s: end of hole at %#llx: %d\n",
					       file->name,
					       (long long)cuts[i + 1], err);
				return false;
			}
			len = MIB;
		}
		err = luo_verify_pattern(fd, cuts[i], len, seed);
		if (err) {
			ksft_print_msg("%s: %#llx, %#llx bytes: error %d\n",
				       file->name, (long long)cuts[i],
				       (long long)len, err);
			return false;
		}
	}

	return true;
}

static blkcnt_t pages_to_blocks(off_t pages)
{
	return pages * PAGE / 512;
}

/* Pages that the extents touch; the tables here have few, so count simply */
static off_t touched_pages(const struct memfile *file, enum moment moment)
{
	const struct extent *e, *other;
	off_t pages = 0, page, last;

	for (e = file->extents; e->moment; e++) {
		if (e->moment > moment)
			continue;
		last = (e->offset + e->len - 1) / PAGE;
		for (page = e->offset / PAGE; page <= last; page++) {
			/* Counted with the first extent that has it */
			for (other = file->extents; other != e; other++)
				if (other->moment <= moment &&
				    page >= other->offset / PAGE &&
				    page <= (off_t)(other->offset +
						    other->len - 1) / PAGE)
					break;
			pages += other == e;
		}
	}

	return pages;
}

/* Huge pages may reach beyond the end of the file */
static void check_blocks(const struct memfile *file, enum moment moment,
			 const struct stat *st)
{
	off_t pages = (file->size + PAGE - 1) / PAGE;

	if (file->huge && !file->punched) {
		CHECK(st->st_blocks >= pages_to_blocks(pages));
		return;
	}
	if (!file->allocated)
		pages = touched_pages(file, moment);
	else if (file->punched)
		pages--;
	CHECK_EQ(pages_to_blocks(pages), st->st_blocks);
}

static void check_file(int fd, const struct memfile *file, enum moment moment)
{
	struct stat st;

	if (!CHECK(!fstat(fd, &st)))
		return;
	CHECK_EQ(file->size, st.st_size);
	check_blocks(file, moment, &st);
	CHECK(verify_contents(fd, file, moment));

	/* Looking at a hole has not filled it */
	CHECK(!fstat(fd, &st));
	check_blocks(file, moment, &st);
}

/* The holes are where they were, not only as many */
static void check_hole(int fd, off_t from, off_t expected_data)
{
	off_t pos = lseek(fd, 0, SEEK_CUR);

	CHECK_EQ(expected_data, lseek(fd, from, SEEK_DATA));
	CHECK_EQ(from, lseek(fd, from, SEEK_HOLE));
	CHECK_EQ(pos, lseek(fd, pos, SEEK_SET));
}

static void check_name(int fd, const char *name)
{
	char path[64], target[256], expected[256];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	if (!CHECK(len > 0))
		return;
	target[len] = '\0';
	snprintf(expected, sizeof(expected), "/memfd:%s (deleted)", name);
	if (!CHECK(!strcmp(target, expected)))
		ksft_print_msg("expected '%s', seen '%s'\n", expected, target);
}

static bool have_huge_pages(void)
{
	return !access(SHMEM_ENABLED, W_OK);
}

static int enable_huge_pages(bool on)
{
	return have_huge_pages() ?
		luo_write_text(SHMEM_ENABLED, on ? "force" : "never") : 0;
}

/* What is never written must come from memory that had something in it */
static void dirty_free_memory(void)
{
	const size_t size = 64 * MIB;
	unsigned char *mem;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!CHECK(mem != MAP_FAILED))
		return;
	memset(mem, 0xdb, size);
	munmap(mem, size);
}

static int make_file(const struct memfile *file)
{
	int fd, err = 0;

	CHECK_EQ(0, enable_huge_pages(file->huge));
	fd = luo_memfd(file->name, 0, file->size);
	if (fd < 0)
		return fd;
	if (file->allocated && fallocate(fd, 0, 0, file->size))
		err = -errno;
	if (!err)
		err = write_extents(fd, file, BEFORE_PRESERVE);
	CHECK_EQ(0, enable_huge_pages(false));
	if (!err && file->punched &&
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      file->punched, PAGE))
		err = -errno;
	if (err) {
		ksft_print_msg("%s: making it failed: %d\n", file->name, err);
		close(fd);
		return err;
	}

	return fd;
}

static void make_data(int session)
{
	int fd[NR_FILES], readonly;
	long huge_before = luo_meminfo("ShmemHugePages"), huge_after;
	size_t i;

	for (i = 0; i < NR_FILES; i++) {
		const struct memfile *file = &files[i];

		if (file->allocated &&
		    file->extents[0].moment != BEFORE_PRESERVE)
			dirty_free_memory();
		fd[i] = make_file(file);
		if (!CHECK(fd[i] >= 0))
			continue;
		if (file->readonly) {
			readonly = luo_reopen(fd[i], O_RDONLY);
			CHECK(readonly >= 0);
			CHECK_EQ(0, luo_preserve(session, readonly,
						 file->token));
			CHECK_EQ(file->pos, lseek(readonly, file->pos,
						  SEEK_SET));
			close(readonly);
		} else {
			CHECK_EQ(0, luo_preserve(session, fd[i], file->token));
		}
		check_file(fd[i], file, BEFORE_PRESERVE);
		luo_report("made and preserved: %s", file->name);
	}

	huge_after = luo_meminfo("ShmemHugePages");
	if (have_huge_pages()) {
		/* At least the file that is nothing but huge pages */
		CHECK(huge_after - huge_before >= 4 * HUGE_PAGE / KIB);
		luo_report("huge pages are in use");
	} else {
		luo_report_skip("kernel without huge pages for shmem");
	}

	for (i = 0; i < NR_FILES; i++) {
		if (fd[i] < 0)
			continue;
		CHECK_EQ(0, write_extents(fd[i], &files[i], AFTER_PRESERVE));
		if (!files[i].readonly)
			CHECK_EQ(files[i].pos,
				 lseek(fd[i], files[i].pos, SEEK_SET));
		check_file(fd[i], &files[i], AFTER_PRESERVE);
		close(fd[i]);
	}
	luo_report("files are written after the preserve");
}

static void add_seals(int fd, enum seal_series series, int seals)
{
	/* Sealing nothing is no way to find out whether sealing works */
	if (seals)
		CHECK_EQ(0, fcntl(fd, F_ADD_SEALS, seals));
	CHECK_EQ(expected_seals(series, seals), fcntl(fd, F_GET_SEALS));
}

static void make_sealed(int session, enum seal_series series, int seals)
{
	bool before = series == SEALED_BEFORE || series == NOEXEC_BEFORE;
	int fd;

	fd = luo_memfd("seals", is_noexec(series) ? MFD_NOEXEC_SEAL :
		       MFD_EXEC | MFD_ALLOW_SEALING, 2 * PAGE);
	if (!CHECK(fd >= 0))
		return;
	CHECK_EQ(0, luo_write_pattern(fd, 0, PAGE, SEALS_SEED(series, seals)));
	if (before)
		add_seals(fd, series, seals);
	CHECK_EQ(0, luo_preserve(session, fd, SEALS_TOKEN(series, seals)));
	if (!before)
		add_seals(fd, series, seals);
	close(fd);
}

/* Future writes are forbidden, but the mapping from before still may */
static void make_sealed_with_mapping(int session)
{
	unsigned char *map;
	int fd;

	fd = luo_memfd("mapped", MFD_EXEC | MFD_ALLOW_SEALING, 2 * PAGE);
	if (!CHECK(fd >= 0))
		return;
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!CHECK(map != MAP_FAILED))
		return;
	CHECK_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	CHECK_EQ(0, luo_preserve(session, fd, MAPPED_SEALED_TOKEN));
	luo_pattern(map, PAGE, SEALS_SEED(0, MAPPED_SEALED_TOKEN), 0);
	close(fd);

	/* The mapping stays until the jump */
}

static void make_seals(int session)
{
	int series, seals, fd;

	for (series = 0; series < NR_SEAL_SERIES; series++) {
		for (seals = 0; seals < NR_COMBINATIONS; seals++)
			make_sealed(session, series, seals);
		luo_report("%s: %d combinations", series_name[series],
			   NR_COMBINATIONS);
	}

	fd = luo_memfd("unsealable", MFD_EXEC, 2 * PAGE);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, PAGE,
				      SEALS_SEED(0, UNSEALABLE_TOKEN)));
	CHECK_EQ(0, luo_preserve(session, fd, UNSEALABLE_TOKEN));
	CHECK_EQ(F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
	close(fd);
	fd = luo_memfd("unsealable", MFD_EXEC, 0);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_preserve(session, fd, UNSEALABLE_EMPTY_TOKEN));
	close(fd);
	make_sealed_with_mapping(session);
	luo_report("sealing not allowed, sealed with a mapping left");
}

/*
 * Retrieved files
 */

/* Each seal does what it says: and what has no seal is not forbidden */
static void check_sealed_file(int fd, int seals, bool noexec, __u64 seed)
{
	bool writable = !(seals & WRITE_SEALS);
	struct stat st;

	CHECK_EQ(seals, fcntl(fd, F_GET_SEALS));
	CHECK(!fstat(fd, &st));
	CHECK_EQ(noexec ? 0 : 0111, st.st_mode & 0111);
	CHECK_EQ(2 * PAGE, st.st_size);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, PAGE, seed));
	CHECK_EQ(0, luo_verify_pattern(fd, PAGE, PAGE, 0));

	CHECK_EQ(writable ? 1 : -1, pwrite(fd, "x", 1, PAGE));
	CHECK_EQ(seals & F_SEAL_GROW ? -1 : 0, ftruncate(fd, 4 * PAGE));
	CHECK_EQ(seals & F_SEAL_SHRINK ? -1 : 0, ftruncate(fd, PAGE));
	if (noexec || seals & F_SEAL_EXEC)
		CHECK_EQ(-1, fchmod(fd, noexec ? 0755 : 0644));
	else
		CHECK_EQ(0, fchmod(fd, 0644));
	CHECK_EQ(seals & F_SEAL_SEAL ? -1 : 0,
		 fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
}

static void check_seals(int session)
{
	int series, seals, fd;

	/* Backwards: the order of the retrieves is free */
	for (series = NR_SEAL_SERIES - 1; series >= 0; series--) {
		for (seals = NR_COMBINATIONS - 1; seals >= 0; seals--) {
			fd = luo_retrieve(session, SEALS_TOKEN(series, seals));
			if (!CHECK(fd >= 0)) {
				ksft_print_msg("seals %#x: %d\n", seals, fd);
				continue;
			}
			check_sealed_file(fd, expected_seals(series, seals),
					  is_noexec(series),
					  SEALS_SEED(series, seals));
			close(fd);
		}
		luo_report("%s", series_name[series]);
	}

	fd = luo_retrieve(session, UNSEALABLE_TOKEN);
	CHECK(fd >= 0);
	check_sealed_file(fd, F_SEAL_SEAL, false,
			  SEALS_SEED(0, UNSEALABLE_TOKEN));
	close(fd);
	fd = luo_retrieve(session, UNSEALABLE_EMPTY_TOKEN);
	CHECK(fd >= 0);
	CHECK_EQ(F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
	CHECK_EQ(0, lseek(fd, 0, SEEK_END));
	close(fd);
	fd = luo_retrieve(session, MAPPED_SEALED_TOKEN);
	CHECK(fd >= 0);
	check_sealed_file(fd, F_SEAL_FUTURE_WRITE, false,
			  SEALS_SEED(0, MAPPED_SEALED_TOKEN));
	close(fd);
	luo_report("sealing not allowed, sealed with a mapping left");
}

static void retrieve_data(int session, int fd[NR_FILES], enum moment moment)
{
	long huge_before = luo_meminfo("ShmemHugePages"), huge_after;
	ssize_t i;
	int again;

	for (i = NR_FILES - 1; i >= 0; i--) {
		const struct memfile *file = &files[i];

		fd[i] = luo_retrieve(session, file->token);
		if (!CHECK(fd[i] >= 0)) {
			ksft_print_msg("%s: %d\n", file->name, fd[i]);
			luo_report("retrieved: %s", file->name);
			continue;
		}
		CHECK_EQ(FD_CLOEXEC, fcntl(fd[i], F_GETFD));
		CHECK_EQ(file->pos, lseek(fd[i], 0, SEEK_CUR));
		check_file(fd[i], file, moment);

		/* Another descriptor of the same open file */
		again = luo_retrieve(session, file->token);
		CHECK(again >= 0 && again != fd[i]);
		CHECK_EQ(FD_CLOEXEC, fcntl(again, F_GETFD));
		CHECK_EQ(1, lseek(fd[i], 1, SEEK_SET));
		CHECK_EQ(1, lseek(again, 0, SEEK_CUR));
		CHECK_EQ(file->pos, lseek(fd[i], file->pos, SEEK_SET));
		close(again);
		luo_report("retrieved: %s", file->name);
	}

	for (i = 0; i < (ssize_t)NR_FILES; i++)
		check_name(fd[i], files[i].name);
	luo_report("names are kept");

	/* Who could only read must not come out of it with more */
	for (i = 0; i < (ssize_t)NR_FILES; i++)
		CHECK_EQ(files[i].readonly ? O_RDONLY : O_RDWR,
			 fcntl(fd[i], F_GETFL) & O_ACCMODE);
	luo_report("access modes are kept");

	huge_after = luo_meminfo("ShmemHugePages");
	if (have_huge_pages()) {
		CHECK(huge_after - huge_before >= 4 * HUGE_PAGE / KIB);
		luo_report("huge pages are still huge");
	} else {
		luo_report_skip("kernel without huge pages for shmem");
	}
}

static int find_file(const char *name)
{
	size_t i;

	for (i = 0; i < NR_FILES; i++)
		if (!strcmp(files[i].name, name))
			return i;
	ksft_exit_fail_msg("no file '%s' in the table\n", name);
}

/*
 * What has to be refused before the first good retrieve, and must not make it
 * fail.
 */
static void check_session_errors(int dev)
{
	struct liveupdate_ioctl_retrieve_session args = {
		.size = sizeof(args),
		.fd = -1,
		.name = DATA_SESSION,
	};
	int fds = luo_count_fds();

	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, "unknown"));
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, DATA_SESSION "x"));
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, "dat"));
	CHECK_EQ(0, luo_try_bad_args(dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
				     &args, sizeof(args)));
	CHECK_EQ(0, luo_try_readonly_reply(dev,
					   LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
					   &args, sizeof(args)));
	CHECK_EQ(fds, luo_count_fds());
	luo_report("refused retrieves of sessions");
}

static void check_file_errors(int session)
{
	struct liveupdate_session_retrieve_fd args = {
		.size = sizeof(args),
		.fd = -1,
		.token = files[0].token,
	};
	struct liveupdate_session_finish finish = {
		.size = sizeof(finish),
	};
	struct liveupdate_session_get_name get_name = {
		.size = sizeof(get_name),
	};
	int fds = luo_count_fds(), memfd;

	CHECK_EQ(-ENOENT, luo_retrieve(session, 0xabcdef));
	CHECK_EQ(0, luo_try_bad_args(session, LIVEUPDATE_SESSION_RETRIEVE_FD,
				     &args, sizeof(args)));
	CHECK_EQ(0, luo_try_readonly_reply(session,
					   LIVEUPDATE_SESSION_RETRIEVE_FD,
					   &args, sizeof(args)));
	CHECK_EQ(0, luo_try_bad_args(session, LIVEUPDATE_SESSION_GET_NAME,
				     &get_name, sizeof(get_name)));

	/* A finish that is refused must not finish anything */
	CHECK_EQ(0, luo_try_bad_args(session, LIVEUPDATE_SESSION_FINISH,
				     &finish, sizeof(finish)));
	finish.reserved = 1;
	CHECK_EQ(-EINVAL, luo_ioctl(session, LIVEUPDATE_SESSION_FINISH,
				    &finish));
	finish.reserved = 1U << 31;
	CHECK_EQ(-EINVAL, luo_ioctl(session, LIVEUPDATE_SESSION_FINISH,
				    &finish));

	memfd = luo_memfd("new", 0, PAGE);
	CHECK(memfd >= 0);
	CHECK_EQ(-EINVAL, luo_preserve(session, memfd, 0x777));
	CHECK_EQ(0, ftruncate(memfd, 0));
	close(memfd);
	CHECK_EQ(-ENOTTY, luo_ioctl(session, _IO(0xBA, 0x44), &args));
	CHECK_EQ(fds, luo_count_fds());
	luo_report("refused commands on a retrieved session");
}

/* A file that is retrieved and not finished has its owner, for preserving */
static void check_busy_until_finish(int dev, int fd)
{
	int session = luo_create_session(dev, "busy"), reopened;

	CHECK(session >= 0);
	CHECK_EQ(-EBUSY, luo_preserve(session, fd, 1));
	reopened = luo_reopen(fd, O_RDWR);
	CHECK(reopened >= 0);
	CHECK_EQ(-EBUSY, luo_preserve(session, reopened, 1));
	close(reopened);
	close(session);
	luo_report("a retrieved file is in use until the finish");
}

/* Its size is its owner's again, as soon as it is retrieved */
static void check_ordinary_file(int fd, const struct memfile *file)
{
	CHECK_EQ(0, ftruncate(fd, file->size + 3 * PAGE));
	CHECK_EQ(0, luo_verify_pattern(fd, file->size, 3 * PAGE, 0));
	CHECK_EQ(1, pwrite(fd, "x", 1, file->size + PAGE));
	CHECK_EQ(0, ftruncate(fd, file->size));
	CHECK_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      3 * PAGE, PAGE));
	CHECK_EQ(0, luo_verify_pattern(fd, 3 * PAGE, PAGE, 0));
	CHECK_EQ(0, luo_write_pattern(fd, 3 * PAGE, PAGE,
				      seed_at(file, AFTER_PRESERVE, 3 * PAGE)));
}

static void finish_data(int session)
{
	CHECK_EQ(0, luo_finish(session));

	/* Nothing is left in it */
	CHECK_EQ(-ENOENT, luo_retrieve(session, files[0].token));
	CHECK_EQ(0, close(session));
}

static void check_dropped(int dev)
{
	int session, fd;
	long before;

	session = luo_retrieve_session(dev, DROPPED_SESSION);
	CHECK(session >= 0);

	/* One small one is retrieved; the large one that is not, goes away */
	fd = luo_retrieve(session, 2);
	CHECK(fd >= 0);
	before = luo_free_memory();
	CHECK(before > 0);
	CHECK_EQ(0, luo_finish(session));
	CHECK(luo_wait_for_free_memory(before +
				       (DROPPED_SIZE - SPARE_SIZE) / KIB));
	CHECK_EQ(-ENOENT, luo_retrieve(session, 1));
	CHECK_EQ(-ENOENT, luo_retrieve(session, 2));
	CHECK_EQ(0, close(session));

	CHECK_EQ(0, luo_verify_pattern(fd, 0, PAGE, 0xd2));
	CHECK_EQ(0, ftruncate(fd, 0));
	close(fd);
	luo_report("what was not retrieved goes back to the system");
}

static void make_dropped(int dev)
{
	int session, fd;

	session = luo_create_session(dev, DROPPED_SESSION);
	CHECK(session >= 0);
	fd = luo_memfd("dropped", 0, DROPPED_SIZE);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, DROPPED_SIZE, 0xd1));
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	close(fd);
	fd = luo_memfd("kept", 0, PAGE);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, PAGE, 0xd2));
	CHECK_EQ(0, luo_preserve(session, fd, 2));
	close(fd);
	luo_report("a session whose files nobody will ask for");
}

/* Sessions that end before the jump must not arrive */
static void make_undone(int dev)
{
	int session, fd;

	session = luo_create_session(dev, "undone");
	CHECK(session >= 0);
	fd = luo_memfd("undone", 0, MIB);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, MIB, 0xee));
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	CHECK_EQ(0, close(session));
	CHECK_EQ(0, luo_verify_pattern(fd, 0, MIB, 0xee));
	close(fd);
	luo_report("a session that is closed before the jump");
}

static void check_empty_session(int dev)
{
	int session = luo_retrieve_session(dev, EMPTY_SESSION);

	CHECK(session >= 0);
	CHECK_EQ(FD_CLOEXEC, fcntl(session, F_GETFD));
	CHECK_EQ(-ENOENT, luo_retrieve(session, 0));
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));
	luo_report("a session without files");
}

/*
 * What may be done with a file, and by whom, is the same as before. They are
 * retrieved by somebody who may not do anything else.
 */

#define NOBODY		65534
#define RIGHTS_SEED	0x419475

enum {
	READ_ONLY,
	WRITE_ONLY,
	NOBODYS,
	NR_RIGHTS,
};

static void make_rights(int dev)
{
	static const int flags[NR_RIGHTS] = {
		[READ_ONLY] = O_RDONLY,
		[WRITE_ONLY] = O_WRONLY,
		[NOBODYS] = O_RDWR,
	};
	int session = luo_create_session(dev, RIGHTS_SESSION), fd, other, i;

	CHECK(session >= 0);
	for (i = 0; i < NR_RIGHTS; i++) {
		fd = luo_memfd("rights", MFD_ALLOW_SEALING, 2 * PAGE);
		CHECK(fd >= 0);
		CHECK_EQ(0, luo_write_pattern(fd, 0, PAGE, RIGHTS_SEED));
		CHECK(!fchmod(fd, 0600));
		if (i == NOBODYS)
			CHECK(!fchown(fd, NOBODY, NOBODY));
		other = luo_reopen(fd, flags[i]);
		CHECK(other >= 0);
		CHECK_EQ(0, luo_preserve(session, other, i));
		close(other);
		close(fd);
	}
	luo_report("files with fewer rights");
}

static int retrieve_as_nobody(int session)
{
	int fd, other, i;

	if (setgid(NOBODY) || setuid(NOBODY))
		return 10;
	for (i = 0; i < NR_RIGHTS; i++) {
		fd = luo_retrieve(session, i);
		if (fd < 0)
			return 1 + i;
		/* Opened anew it has what its mode gives, not what root has */
		other = luo_reopen(fd, O_RDWR);
		if (i == NOBODYS ? other < 0 : other >= 0)
			return 11 + i;
	}

	return 0;
}

static void check_no_write(int fd)
{
	CHECK_EQ(0, luo_verify_pattern(fd, 0, PAGE, RIGHTS_SEED));
	CHECK(write(fd, "x", 1) == -1 && errno == EBADF);
	CHECK(ftruncate(fd, 0) == -1 && errno == EINVAL);
	CHECK(fallocate(fd, 0, 0, PAGE) == -1 && errno == EBADF);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
	      MAP_FAILED && errno == EACCES);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
	CHECK_EQ(0, fcntl(fd, F_GET_SEALS));
}

/* Nor can a mapping that may only be read be made one that may be written */
static void check_no_mprotect(int fd)
{
	void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	if (!CHECK(map != MAP_FAILED))
		return;
	CHECK(mprotect(map, PAGE, PROT_READ | PROT_WRITE) == -1 &&
	      errno == EACCES);
	munmap(map, PAGE);
}

static void check_no_read(int fd)
{
	char c;

	CHECK(read(fd, &c, 1) == -1 && errno == EBADF);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EACCES);
	CHECK_EQ(1, pwrite(fd, "x", 1, PAGE));
	CHECK(!ftruncate(fd, PAGE));
}

static void check_owner(int fd, uid_t owner)
{
	struct stat st;

	CHECK(!fstat(fd, &st));
	CHECK_EQ(owner, st.st_uid);
	CHECK_EQ(owner, st.st_gid);
	CHECK_EQ(0600, st.st_mode & 07777);
}

static void check_rights(int dev)
{
	int session = luo_retrieve_session(dev, RIGHTS_SESSION);
	int fd[NR_RIGHTS], status = -1, i;
	pid_t pid;

	CHECK(session >= 0);
	pid = fork();
	if (!pid)
		_exit(retrieve_as_nobody(session));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status));
	CHECK_EQ(0, WEXITSTATUS(status));
	luo_report("who has a session may retrieve its files");

	for (i = 0; i < NR_RIGHTS; i++) {
		fd[i] = luo_retrieve(session, i);
		CHECK(fd[i] >= 0);
		check_owner(fd[i], i == NOBODYS ? NOBODY : 0);
	}
	check_no_write(fd[READ_ONLY]);
	check_no_mprotect(fd[READ_ONLY]);
	check_no_read(fd[WRITE_ONLY]);
	CHECK_EQ(0, luo_finish(session));
	check_no_write(fd[READ_ONLY]);
	CHECK_EQ(0, close(session));
	for (i = 0; i < NR_RIGHTS; i++)
		close(fd[i]);
	luo_report("a file has the rights that it had, and no more");
}

/* A process that does nothing but hold the descriptors */
static void start_holder(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid)
		for (;;)
			pause();
}

/*
 * A small session that a program from the future deals with: its structs have
 * grown, and lie where nothing is aligned.
 */

#define LATER_TOKEN	5
#define LATER_SEED	0x1a7e
#define LONGER_SIZE	200

/* A struct of any type, @shift bytes behind an aligned address */
static unsigned char *longer_struct(const void *args, size_t size, size_t shift)
{
	static unsigned char mem[LONGER_SIZE + 8];
	__u32 longer = LONGER_SIZE;

	memset(mem, 0, sizeof(mem));
	memcpy(mem + shift, args, size);
	memcpy(mem + shift, &longer, sizeof(longer));

	return mem + shift;
}

static void make_later(int session)
{
	int fd = luo_memfd("later", 0, PAGE);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, PAGE, LATER_SEED));
	CHECK_EQ(0, luo_preserve(session, fd, LATER_TOKEN));
	close(fd);
}

static int retrieve_later(int dev)
{
	struct liveupdate_ioctl_retrieve_session args = {
		.fd = -1,
		.name = LATER_SESSION,
	};
	unsigned char *mem = longer_struct(&args, sizeof(args), 1);

	CHECK_EQ(0, luo_ioctl(dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, mem));
	memcpy(&args, mem, sizeof(args));
	CHECK(args.fd >= 0);
	CHECK_EQ(-EINVAL, luo_retrieve_session(dev, LATER_SESSION));

	return args.fd;
}

static void finish_later(int session)
{
	struct liveupdate_session_retrieve_fd args = { .fd = -1 };
	struct liveupdate_session_finish finish = {};
	unsigned char *mem;
	size_t shift;

	CHECK_EQ(-ENOENT, luo_retrieve(session, files[0].token));
	for (shift = 0; shift < 8; shift++) {
		args.fd = -1;
		args.token = LATER_TOKEN;
		mem = longer_struct(&args, sizeof(args), shift);
		CHECK_EQ(0, luo_ioctl(session, LIVEUPDATE_SESSION_RETRIEVE_FD,
				      mem));
		memcpy(&args, mem, sizeof(args));
		CHECK(args.fd >= 0);
		CHECK_EQ(0, luo_verify_pattern(args.fd, 0, PAGE, LATER_SEED));
		close(args.fd);
	}
	mem = longer_struct(&finish, sizeof(finish), 3);
	CHECK_EQ(0, luo_ioctl(session, LIVEUPDATE_SESSION_FINISH, mem));
	CHECK_EQ(-ENOENT, luo_retrieve(session, LATER_TOKEN));
}

#define STAGE1_REPORTS	(NR_FILES + NR_SEAL_SERIES + 7)

static void stage1(void)
{
	int dev, session;

	luo_plan(STAGE1_REPORTS);
	CHECK_EQ(0, luo_raise_fd_limit(4096));

	/* Loaded first: the preserves come when the image is there already */
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("kexec image is loaded before the preserves");

	dev = luo_need_device();
	session = luo_create_session(dev, DATA_SESSION);
	CHECK(session >= 0);
	make_data(session);
	session = luo_create_session(dev, SEALS_SESSION);
	CHECK(session >= 0);
	make_seals(session);
	CHECK(luo_create_session(dev, EMPTY_SESSION) >= 0);
	make_undone(dev);
	make_dropped(dev);
	make_rights(dev);

	luo_leave_kernel();
}

#define STAGE2_REPORTS	(NR_FILES + NR_SEAL_SERIES + 21)

static void stage2(void)
{
	int dev, session, twin, again, later, fd[NR_FILES], seals, i;
	size_t n;

	luo_plan(STAGE2_REPORTS);
	CHECK_EQ(0, luo_raise_fd_limit(4096));
	dev = luo_need_device();

	/* Sessions of this kernel are in another name space */
	twin = luo_create_session(dev, DATA_SESSION);
	CHECK(twin >= 0);
	CHECK_EQ(-EEXIST, luo_create_session(dev, DATA_SESSION));
	luo_report("a name that came over can be created at once");

	check_session_errors(dev);
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, "undone"));
	luo_report("a session that was closed has not come over");

	session = luo_retrieve_session(dev, DATA_SESSION);
	CHECK(session >= 0);
	CHECK_EQ(FD_CLOEXEC, fcntl(session, F_GETFD));
	CHECK_EQ(-EINVAL, luo_retrieve_session(dev, DATA_SESSION));
	CHECK_EQ(-EINVAL, luo_retrieve_session(dev, DATA_SESSION));
	luo_report("a session is retrieved once");

	/* The device is not needed from here on, and somebody else's turn */
	CHECK_EQ(0, close(dev));
	dev = luo_open_device();
	CHECK(dev >= 0);
	CHECK_EQ(-EINVAL, luo_retrieve_session(dev, DATA_SESSION));
	luo_report("sessions do not care who opens the device");

	check_file_errors(session);
	retrieve_data(session, fd, AFTER_PRESERVE);

	i = find_file("sparse");
	check_hole(fd[i], 4 * PAGE, 512 * MIB - PAGE);
	check_hole(fd[i], 513 * MIB, 700 * MIB);
	i = find_file("tebibytes");
	check_hole(fd[i], PAGE, 5 * GIB);
	check_hole(fd[i], 17 * TIB + 2 * PAGE, 32 * TIB - PAGE);
	i = find_file("one hole");
	CHECK_EQ(-1, lseek(fd[i], 0, SEEK_DATA));
	CHECK_EQ(ENXIO, errno);
	CHECK_EQ(0, lseek(fd[i], 0, SEEK_SET));
	luo_report("holes are where they were");

	i = find_file("dense");
	check_busy_until_finish(dev, fd[i]);
	check_ordinary_file(fd[i], &files[i]);
	luo_report("a retrieved file is an ordinary file");

	seals = luo_retrieve_session(dev, SEALS_SESSION);
	CHECK(seals >= 0);
	check_seals(seals);
	CHECK_EQ(0, luo_finish(seals));
	CHECK_EQ(0, close(seals));
	check_empty_session(dev);
	finish_data(session);
	luo_report("sessions are finished");
	check_dropped(dev);
	check_rights(dev);
	luo_check_log();

	/* Files live on, and go the same way again, under the same name */
	for (n = 0; n < NR_FILES; n++) {
		CHECK_EQ(0, write_extents(fd[n], &files[n], AFTER_RETRIEVE));
		check_file(fd[n], &files[n], AFTER_RETRIEVE);
	}
	luo_report("files are written after the finish");
	CHECK_EQ(0, close(twin));
	again = luo_create_session(dev, DATA_SESSION);
	CHECK(again >= 0);
	later = luo_create_session(dev, LATER_SESSION);
	CHECK(later >= 0);
	make_later(later);
	for (n = 0; n < NR_FILES; n++) {
		CHECK_EQ(0, luo_preserve(again, fd[n], files[n].token));
		CHECK_EQ(-EBUSY, luo_preserve(later, fd[n], 100 + n));
		CHECK_EQ(-1, ftruncate(fd[n], files[n].size + 1));
		CHECK_EQ(0, write_extents(fd[n], &files[n],
					  AFTER_SECOND_PRESERVE));
		CHECK_EQ(files[n].pos, lseek(fd[n], files[n].pos, SEEK_SET));
		close(fd[n]);
	}
	luo_report("files are preserved again");

	/*
	 * This time the image is loaded last, and it is not this process that
	 * has the sessions.
	 */
	CHECK_EQ(0, luo_kexec_load(NULL));
	start_holder();
	CHECK_EQ(0, close(again));
	CHECK_EQ(0, close(later));
	CHECK_EQ(0, close(dev));
	luo_report("kexec image is loaded after the preserves");

	luo_leave_kernel();
}

#define STAGE3_REPORTS	(NR_FILES + 7)

static void stage3(void)
{
	int dev, session, later, fd[NR_FILES];
	size_t n;

	luo_plan(STAGE3_REPORTS);
	CHECK_EQ(0, luo_raise_fd_limit(4096));
	dev = luo_need_device();

	/* What was finished in the second kernel is not here any more */
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, SEALS_SESSION));
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, DROPPED_SESSION));
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, EMPTY_SESSION));
	luo_report("finished sessions have not come over");

	/* Not in the order in which they were made */
	later = retrieve_later(dev);
	session = luo_retrieve_session(dev, DATA_SESSION);
	CHECK(session >= 0);
	luo_report("sessions of another process have come over");

	finish_later(later);
	luo_report("longer and misaligned structs");

	retrieve_data(session, fd, AFTER_SECOND_PRESERVE);
	finish_data(session);
	for (n = 0; n < NR_FILES; n++) {
		CHECK_EQ(0, luo_verify_pattern(fd[n], 0,
					       files[n].size ? 1 : 0,
					       seed_at(&files[n],
						       AFTER_SECOND_PRESERVE,
						       0)));
		close(fd[n]);
	}
	luo_report("files outlive the session");

	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ .stages = { stage1, stage2, stage3 } },
};

int main(int argc, char *argv[])
{
	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
