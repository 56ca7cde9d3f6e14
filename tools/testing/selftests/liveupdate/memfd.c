// SPDX-License-Identifier: GPL-2.0
/*
 * What can and what cannot be done with a memfd while it is preserved, without
 * a kexec. What is left of it in the next kernel is in kexec_memfd.c.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "../kselftest_harness.h"
#include "luo_test_util.h"

#define PAGE		4096L

/* Pages 0 and 1 of the file have data, the rest is a hole */
#define FILE_SIZE	(16 * PAGE)
#define DATA_SIZE	(2 * PAGE)
#define HOLE_OFFSET	(8 * PAGE)

#define SEED		0x1234
#define SEED_NEW	0x5678

FIXTURE(preserved)
{
	int device;
	int session;
	int memfd;
};

FIXTURE_SETUP(preserved)
{
	self->device = luo_open_device();
	ASSERT_LE(0, self->device);
	self->session = luo_create_session(self->device, "memfd");
	ASSERT_LE(0, self->session);
	self->memfd = luo_memfd("memfd", MFD_ALLOW_SEALING, FILE_SIZE);
	ASSERT_LE(0, self->memfd);
	ASSERT_EQ(0, luo_write_pattern(self->memfd, 0, DATA_SIZE, SEED));
	ASSERT_EQ(0, luo_preserve(self->session, self->memfd, 1));
}

FIXTURE_TEARDOWN(preserved)
{
	close(self->memfd);
	if (self->session >= 0)
		close(self->session);
	close(self->device);
}

static int end_session(int *session)
{
	int fd = *session;

	*session = -1;

	return close(fd);
}

TEST_F(preserved, read_and_write)
{
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, 0, DATA_SIZE, SEED));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, DATA_SIZE,
					FILE_SIZE - DATA_SIZE, 0));
	EXPECT_EQ(0, luo_write_pattern(self->memfd, 100, PAGE, SEED_NEW));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, 0, 100, SEED));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, 100, PAGE, SEED_NEW));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, PAGE + 100, PAGE - 100,
					SEED));

	/* The last byte of the file is still inside of it */
	EXPECT_EQ(1, pwrite(self->memfd, "x", 1, FILE_SIZE - 1));
}

TEST_F(preserved, map)
{
	unsigned char *map, expected[PAGE];

	map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   self->memfd, 0);
	ASSERT_NE(MAP_FAILED, map);

	luo_pattern(expected, PAGE, SEED, PAGE);
	EXPECT_EQ(0, memcmp(map + PAGE, expected, PAGE));
	luo_pattern(map + PAGE, PAGE, SEED_NEW, PAGE);
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, PAGE, PAGE, SEED_NEW));

	/* A page that appears by a fault, in the hole */
	luo_pattern(map + HOLE_OFFSET, PAGE, SEED_NEW, HOLE_OFFSET);
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, HOLE_OFFSET, PAGE,
					SEED_NEW));

	EXPECT_EQ(0, madvise(map, FILE_SIZE, MADV_DONTNEED));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, PAGE, PAGE, SEED_NEW));
	EXPECT_EQ(0, munmap(map, FILE_SIZE));
}

TEST_F(preserved, mapped_before)
{
	unsigned char *map, expected[PAGE];
	int session, memfd;

	memfd = luo_memfd("mapped", 0, FILE_SIZE);
	ASSERT_LE(0, memfd);
	map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd,
		   0);
	ASSERT_NE(MAP_FAILED, map);
	luo_pattern(map, PAGE, SEED, 0);

	session = luo_create_session(self->device, "mapped");
	ASSERT_LE(0, session);
	ASSERT_EQ(0, luo_preserve(session, memfd, 1));

	/* The mapping and the file still show the same pages */
	luo_pattern(expected, PAGE, SEED, 0);
	EXPECT_EQ(0, memcmp(map, expected, PAGE));
	luo_pattern(map + 100, PAGE, SEED_NEW, 100);
	EXPECT_EQ(0, luo_verify_pattern(memfd, 0, 100, SEED));
	EXPECT_EQ(0, luo_verify_pattern(memfd, 100, PAGE, SEED_NEW));
	EXPECT_EQ(0, luo_write_pattern(memfd, HOLE_OFFSET, PAGE, SEED));
	luo_pattern(expected, PAGE, SEED, HOLE_OFFSET);
	EXPECT_EQ(0, memcmp(map + HOLE_OFFSET, expected, PAGE));

	EXPECT_EQ(0, close(session));
	EXPECT_EQ(0, memcmp(map + HOLE_OFFSET, expected, PAGE));
	munmap(map, FILE_SIZE);
	close(memfd);
}

/* Contents stay right, whether the operations were refused or not */
static void expect_unchanged(struct __test_metadata *_metadata, int memfd)
{
	struct stat st;

	ASSERT_EQ(0, fstat(memfd, &st));
	EXPECT_EQ(FILE_SIZE, st.st_size);
	EXPECT_EQ(DATA_SIZE / 512, st.st_blocks);
	EXPECT_EQ(0, luo_verify_pattern(memfd, 0, DATA_SIZE, SEED));
	EXPECT_EQ(0, luo_verify_pattern(memfd, DATA_SIZE,
					FILE_SIZE - DATA_SIZE, 0));
}

TEST_F(preserved, shrink)
{
	const off_t sizes[] = { 0, 1, PAGE, DATA_SIZE, FILE_SIZE - 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-1, ftruncate(self->memfd, sizes[i]));
		EXPECT_EQ(EPERM, errno);
	}
	expect_unchanged(_metadata, self->memfd);

	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, ftruncate(self->memfd, FILE_SIZE - 1));
	EXPECT_EQ(0, ftruncate(self->memfd, 0));
}

TEST_F(preserved, grow)
{
	const off_t sizes[] = { FILE_SIZE + 1, 2 * FILE_SIZE, TIB };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-1, ftruncate(self->memfd, sizes[i]));
		EXPECT_EQ(EPERM, errno);
	}
	expect_unchanged(_metadata, self->memfd);

	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, ftruncate(self->memfd, FILE_SIZE + 1));
	EXPECT_EQ(0, ftruncate(self->memfd, TIB));
}

TEST_F(preserved, truncate_through_another_file)
{
	int other = luo_reopen(self->memfd, O_RDWR);
	char path[64];

	ASSERT_LE(0, other);
	EXPECT_EQ(-1, ftruncate(other, 0));
	EXPECT_EQ(EPERM, errno);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->memfd);
	EXPECT_EQ(-1, truncate(path, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, open(path, O_RDWR | O_TRUNC | O_CLOEXEC));
	EXPECT_EQ(EPERM, errno);
	expect_unchanged(_metadata, self->memfd);

	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, ftruncate(other, 0));
	close(other);
}

TEST_F(preserved, write_beyond_the_end)
{
	char buf[2 * PAGE];

	memset(buf, 'x', sizeof(buf));
	EXPECT_EQ(-1, pwrite(self->memfd, buf, 1, FILE_SIZE));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, pwrite(self->memfd, buf, PAGE, FILE_SIZE + PAGE));
	EXPECT_EQ(EPERM, errno);
	ASSERT_EQ(FILE_SIZE, lseek(self->memfd, 0, SEEK_END));
	EXPECT_EQ(-1, write(self->memfd, buf, 1));
	EXPECT_EQ(EPERM, errno);
	expect_unchanged(_metadata, self->memfd);

	/* It may write the part that fits; it may not grow the file */
	EXPECT_GE(PAGE, pwrite(self->memfd, buf, 2 * PAGE, FILE_SIZE - PAGE));
	EXPECT_EQ(FILE_SIZE, lseek(self->memfd, 0, SEEK_END));

	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(2 * PAGE, pwrite(self->memfd, buf, 2 * PAGE,
				   FILE_SIZE - PAGE));
	EXPECT_EQ(FILE_SIZE + PAGE, lseek(self->memfd, 0, SEEK_END));
}

TEST_F(preserved, append)
{
	int fd = luo_reopen(self->memfd, O_RDWR | O_APPEND);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EPERM, errno);
	expect_unchanged(_metadata, self->memfd);
	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(1, write(fd, "x", 1));
	close(fd);
}

TEST_F(preserved, allocate_beyond_the_end)
{
	EXPECT_EQ(-1, fallocate(self->memfd, 0, 0, FILE_SIZE + 1));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fallocate(self->memfd, 0, FILE_SIZE, PAGE));
	EXPECT_EQ(EPERM, errno);
	expect_unchanged(_metadata, self->memfd);

	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, fallocate(self->memfd, 0, FILE_SIZE, PAGE));
	EXPECT_EQ(FILE_SIZE + PAGE, lseek(self->memfd, 0, SEEK_END));
}

TEST_F(preserved, punch_hole)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct stat st;

	EXPECT_EQ(-1, fallocate(self->memfd, mode, 0, PAGE));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fallocate(self->memfd, mode, 100, 100));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fallocate(self->memfd, mode, 0, FILE_SIZE));
	EXPECT_EQ(EPERM, errno);
	expect_unchanged(_metadata, self->memfd);

	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, fallocate(self->memfd, mode, 0, PAGE));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, 0, PAGE, 0));
	ASSERT_EQ(0, fstat(self->memfd, &st));
	EXPECT_EQ((DATA_SIZE - PAGE) / 512, st.st_blocks);
}

TEST_F(preserved, remove_through_a_mapping)
{
	unsigned char *map;

	map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   self->memfd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, madvise(map, PAGE, MADV_REMOVE));
	EXPECT_EQ(EPERM, errno);
	expect_unchanged(_metadata, self->memfd);

	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, madvise(map, PAGE, MADV_REMOVE));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, 0, PAGE, 0));
	munmap(map, FILE_SIZE);
}

TEST_F(preserved, write_into_a_hole)
{
	struct stat st;

	EXPECT_EQ(0, luo_write_pattern(self->memfd, HOLE_OFFSET + 100, PAGE,
				       SEED_NEW));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, HOLE_OFFSET, 100, 0));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, HOLE_OFFSET + 100, PAGE,
					SEED_NEW));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, HOLE_OFFSET + 100 + PAGE,
					PAGE, 0));
	ASSERT_EQ(0, fstat(self->memfd, &st));
	EXPECT_EQ((DATA_SIZE + 2 * PAGE) / 512, st.st_blocks);

	/* Undone with these pages in it, and done again */
	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, HOLE_OFFSET + 100, PAGE,
					SEED_NEW));
	self->session = luo_create_session(self->device, "memfd");
	ASSERT_LE(0, self->session);
	EXPECT_EQ(0, luo_preserve(self->session, self->memfd, 1));
}

TEST_F(preserved, allocate_in_a_hole)
{
	struct stat st;

	EXPECT_EQ(0, fallocate(self->memfd, 0, HOLE_OFFSET, 2 * PAGE));
	ASSERT_EQ(0, fstat(self->memfd, &st));
	EXPECT_EQ((DATA_SIZE + 2 * PAGE) / 512, st.st_blocks);
	EXPECT_EQ(FILE_SIZE, st.st_size);
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, HOLE_OFFSET, 2 * PAGE, 0));
	EXPECT_EQ(0, fallocate(self->memfd, 0, 0, FILE_SIZE));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, 0, DATA_SIZE, SEED));
}

/* Only the session makes it so; its seals are the owner's */
TEST_F(preserved, not_seen_as_seals)
{
	EXPECT_EQ(0, fcntl(self->memfd, F_GET_SEALS));
	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, fcntl(self->memfd, F_GET_SEALS));
}

TEST_F(preserved, add_seals)
{
	const int seals[] = {
		F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_WRITE,
		F_SEAL_SEAL,
	};
	int expected = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(seals); i++) {
		ASSERT_EQ(0, fcntl(self->memfd, F_ADD_SEALS, seals[i]))
			TH_LOG("seal %zu: %s", i, strerror(errno));
		expected |= seals[i];
		EXPECT_EQ(expected, fcntl(self->memfd, F_GET_SEALS));
	}
	EXPECT_EQ(-1, pwrite(self->memfd, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);

	/* The seals outlive the preservation */
	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(expected, fcntl(self->memfd, F_GET_SEALS));
	EXPECT_EQ(-1, ftruncate(self->memfd, 0));
	EXPECT_EQ(EPERM, errno);
}

TEST_F(preserved, seal_against_writes_after_a_mapping)
{
	unsigned char *map;

	map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   self->memfd, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[0] = 1;
	EXPECT_EQ(-1, fcntl(self->memfd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, munmap(map, FILE_SIZE));
	EXPECT_EQ(0, fcntl(self->memfd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(F_SEAL_WRITE, fcntl(self->memfd, F_GET_SEALS));
}

TEST_F(preserved, seal_against_exec)
{
	struct stat st;
	int memfd;

	memfd = luo_memfd("noexec", MFD_NOEXEC_SEAL, PAGE);
	ASSERT_LE(0, memfd);
	EXPECT_EQ(0, luo_preserve(self->session, memfd, 2));
	EXPECT_EQ(F_SEAL_EXEC, fcntl(memfd, F_GET_SEALS));
	EXPECT_EQ(-1, fchmod(memfd, 0777));
	EXPECT_EQ(EPERM, errno);
	ASSERT_EQ(0, fstat(memfd, &st));
	EXPECT_EQ(0U, st.st_mode & 0111);
	EXPECT_EQ(1, pwrite(memfd, "x", 1, 0));
	close(memfd);
}

/* What is sealed already can be preserved, and stays as it is */
TEST_F(preserved, sealed_before)
{
	int memfd;

	memfd = luo_memfd("sealed", MFD_ALLOW_SEALING, FILE_SIZE);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, luo_write_pattern(memfd, 0, DATA_SIZE, SEED));
	ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS,
			   F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
			   F_SEAL_WRITE));
	EXPECT_EQ(0, luo_preserve(self->session, memfd, 2));
	EXPECT_EQ(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
		  fcntl(memfd, F_GET_SEALS));
	expect_unchanged(_metadata, memfd);
	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
		  fcntl(memfd, F_GET_SEALS));
	close(memfd);
}

/* One file's fate is not another's: each is freed by its own session */
TEST_F(preserved, sessions_are_independent)
{
	int other = luo_memfd("other", 0, FILE_SIZE), session;

	ASSERT_LE(0, other);
	session = luo_create_session(self->device, "other");
	ASSERT_LE(0, session);
	ASSERT_EQ(0, luo_preserve(session, other, 1));
	ASSERT_EQ(0, close(session));
	EXPECT_EQ(0, ftruncate(other, 0));
	EXPECT_EQ(-1, ftruncate(self->memfd, 0));
	close(other);
}

TEST_F(preserved, read_only_file)
{
	int memfd, readonly;

	memfd = luo_memfd("readonly", 0, FILE_SIZE);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, luo_write_pattern(memfd, 0, DATA_SIZE, SEED));
	readonly = luo_reopen(memfd, O_RDONLY);
	ASSERT_LE(0, readonly);
	EXPECT_EQ(0, luo_preserve(self->session, readonly, 2));
	EXPECT_EQ(-EBUSY, luo_preserve(self->session, memfd, 3));
	EXPECT_EQ(-1, ftruncate(memfd, 0));
	expect_unchanged(_metadata, readonly);
	close(readonly);

	/* The session has it, not the descriptor */
	EXPECT_EQ(-1, ftruncate(memfd, 0));
	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(0, ftruncate(memfd, 0));
	close(memfd);
}

TEST_F(preserved, empty_file)
{
	int memfd = luo_memfd("empty", 0, 0);

	ASSERT_LE(0, memfd);
	EXPECT_EQ(0, luo_preserve(self->session, memfd, 2));
	EXPECT_EQ(-1, write(memfd, "x", 1));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, ftruncate(memfd, PAGE));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EBUSY, luo_preserve(self->session, memfd, 3));
	ASSERT_EQ(0, end_session(&self->session));
	EXPECT_EQ(1, write(memfd, "x", 1));
	close(memfd);
}

/* As large as 256 machines, as small as three pages */
TEST_F(preserved, huge_hole)
{
	struct stat st;
	int memfd;

	memfd = luo_memfd("tebibyte", 0, TIB);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, luo_write_pattern(memfd, 0, PAGE, SEED));
	ASSERT_EQ(0, luo_write_pattern(memfd, TIB / 2, PAGE, SEED));
	ASSERT_EQ(0, luo_write_pattern(memfd, TIB - PAGE, PAGE, SEED));

	ASSERT_EQ(0, luo_preserve(self->session, memfd, 2));
	ASSERT_EQ(0, fstat(memfd, &st));
	EXPECT_EQ(TIB, st.st_size);
	EXPECT_EQ(3 * PAGE / 512, st.st_blocks);
	EXPECT_EQ(0, luo_verify_pattern(memfd, 0, PAGE, SEED));
	EXPECT_EQ(0, luo_verify_pattern(memfd, PAGE, PAGE, 0));
	EXPECT_EQ(0, luo_verify_pattern(memfd, TIB / 2, PAGE, SEED));
	EXPECT_EQ(0, luo_verify_pattern(memfd, TIB - PAGE, PAGE, SEED));

	ASSERT_EQ(0, end_session(&self->session));
	ASSERT_EQ(0, fstat(memfd, &st));
	EXPECT_EQ(3 * PAGE / 512, st.st_blocks);
	close(memfd);
}

/*
 * Files that are not for the memfd handler
 */

TEST_F(preserved, hugetlb)
{
	int memfd, ret;

	if (access("/sys/kernel/mm/hugepages", F_OK))
		SKIP(return, "kernel without CONFIG_HUGETLBFS");
	memfd = memfd_create("hugetlb", MFD_CLOEXEC | MFD_HUGETLB | MFD_EXEC);
	ASSERT_LE(0, memfd) TH_LOG("memfd_create: %s", strerror(errno));
	ret = luo_preserve(self->session, memfd, 2);
	EXPECT_GT(0, ret);

	/* Refused as a whole */
	EXPECT_EQ(0, ftruncate(memfd, 0));
	close(memfd);
	memfd = luo_memfd("memfd", 0, PAGE);
	EXPECT_EQ(0, luo_preserve(self->session, memfd, 2));
	close(memfd);
}

/* Backed by the same code as a memfd, but it has a name and a file system */
TEST_F(preserved, tmpfs)
{
	char dir[] = "/tmp/luo-XXXXXX", path[64];
	int file, tmpfile, unlinked;

	ASSERT_NE(NULL, mkdtemp(dir)) TH_LOG("%s", strerror(errno));
	ASSERT_EQ(0, mount("tmpfs", dir, "tmpfs", 0, NULL))
		TH_LOG("%s", strerror(errno));
	snprintf(path, sizeof(path), "%s/file", dir);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	EXPECT_LE(0, file);
	EXPECT_EQ(0, ftruncate(file, PAGE));
	EXPECT_EQ(-ENOENT, luo_preserve(self->session, file, 2));

	tmpfile = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	EXPECT_LE(0, tmpfile);
	EXPECT_EQ(0, ftruncate(tmpfile, PAGE));
	EXPECT_EQ(-ENOENT, luo_preserve(self->session, tmpfile, 2));

	snprintf(path, sizeof(path), "%s/unlinked", dir);
	unlinked = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	EXPECT_LE(0, unlinked);
	EXPECT_EQ(0, unlink(path));
	EXPECT_EQ(-ENOENT, luo_preserve(self->session, unlinked, 2));

	close(unlinked);
	close(tmpfile);
	close(file);
	EXPECT_EQ(0, umount(dir));
	EXPECT_EQ(0, rmdir(dir));
}

/*
 * Leaks
 */

#define LEAK_ROUNDS	64
#define LEAK_SIZE	(8 * MIB)

/*
 * A leak of any part that grows with the file shows as half a gigabyte; what
 * else comes and goes on an idle machine stays far below the limit.
 */
TEST_F_TIMEOUT(preserved, memory_comes_back, 300)
{
	long before, after;
	int i, memfd;

	before = luo_free_memory();
	ASSERT_LT(0, before);
	for (i = 0; i < LEAK_ROUNDS; i++) {
		memfd = luo_memfd("leak", 0, LEAK_SIZE);
		ASSERT_LE(0, memfd);
		ASSERT_EQ(0, fallocate(memfd, 0, 0, LEAK_SIZE))
			TH_LOG("round %d: %s", i, strerror(errno));
		ASSERT_EQ(0, end_session(&self->session));
		self->session = luo_create_session(self->device, "leak");
		ASSERT_LE(0, self->session);
		ASSERT_EQ(0, luo_preserve(self->session, memfd, 1));

		/* Its last reference is the session's */
		close(memfd);
	}
	ASSERT_EQ(0, end_session(&self->session));
	after = luo_free_memory();
	EXPECT_LT(before - after, 2 * LEAK_SIZE / KIB)
		TH_LOG("%ld KiB free before, %ld KiB after", before, after);
}

TEST_HARNESS_MAIN
