// SPDX-License-Identifier: GPL-2.0
/*
 * What is said of sessions and files that are there, and files that are taken
 * out of a session again; without a kexec.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "luo_test_util.h"

#define PAGE		4096L
#define FILE_SIZE	(64UL * KIB)
#define SEED		0x1157

/* More than the kernel gives at once */
#define MANY		1500
#define MEMFD_HANDLER	"memfd"

static const char *const names[] = { "first", "a b\nc\\d\x1b\xe9", "third" };

FIXTURE(list)
{
	int device;
	int sessions[ARRAY_SIZE(names)];
	int memfd;
};

FIXTURE_SETUP(list)
{
	size_t i;

	self->device = luo_open_device();
	ASSERT_LE(0, self->device);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		self->sessions[i] = luo_create_session(self->device, names[i]);
		ASSERT_LE(0, self->sessions[i]);
	}
	self->memfd = luo_memfd("list", 0, FILE_SIZE);
	ASSERT_LE(0, self->memfd);
	ASSERT_EQ(0, luo_write_pattern(self->memfd, 0, FILE_SIZE, SEED));
}

FIXTURE_TEARDOWN(list)
{
	size_t i;

	close(self->memfd);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		close(self->sessions[i]);
	close(self->device);
}

static int preserve_memfd(int session, __u64 token, off_t size)
{
	int fd = luo_memfd("list", 0, size), err;

	if (fd < 0)
		return fd;
	err = luo_preserve(session, fd, token);
	close(fd);
	return err;
}

/*
 * Sessions
 */

TEST_F(list, sessions)
{
	struct liveupdate_session_info infos[8];
	int i;

	ASSERT_EQ(0, luo_preserve(self->sessions[1], self->memfd, 7));
	ASSERT_EQ(3, luo_list_sessions(self->device, 0, 0, infos, 8));
	for (i = 0; i < 3; i++) {
		EXPECT_STREQ(names[i], (char *)infos[i].name);
		EXPECT_EQ(i == 1 ? 1U : 0U, infos[i].nr_files);
		EXPECT_EQ(0U, infos[i].age);
		EXPECT_EQ(0U, infos[i].flags);
		EXPECT_EQ(0U, infos[i].reserved);
	}
	EXPECT_LT(0U, infos[0].id);
	EXPECT_LT(infos[0].id, infos[1].id);
	EXPECT_LT(infos[1].id, infos[2].id);

	/* The contents, and not much that describes them */
	EXPECT_EQ(0U, infos[0].bytes);
	EXPECT_LE(FILE_SIZE, infos[1].bytes);
	EXPECT_GE(FILE_SIZE + 8UL * PAGE, infos[1].bytes);
}

TEST_F(list, sessions_from_one_on)
{
	struct liveupdate_session_info all[3], one;

	ASSERT_EQ(3, luo_list_sessions(self->device, 0, 0, all, 3));
	ASSERT_EQ(1, luo_list_sessions(self->device, 0, all[1].id, &one, 1));
	EXPECT_EQ(all[1].id, one.id);
	ASSERT_EQ(1, luo_list_sessions(self->device, 0, all[1].id + 1, &one, 1));
	EXPECT_EQ(all[2].id, one.id);
	EXPECT_EQ(0, luo_list_sessions(self->device, 0, all[2].id + 1, &one, 1));
	EXPECT_EQ(0, luo_list_sessions(self->device, 0, ~0ULL, &one, 1));
	EXPECT_EQ(0, luo_list_sessions(self->device, 0, 0, NULL, 0));
}

TEST_F(list, none_came_over)
{
	struct liveupdate_session_info info;

	EXPECT_EQ(0, luo_list_sessions(self->device, LIVEUPDATE_LIST_INCOMING,
				       0, &info, 1));
	EXPECT_EQ(-ENOENT, luo_list_files(self->device,
					  LIVEUPDATE_LIST_INCOMING, 1, 0, NULL,
					  0));
}

/* One that is gone is not listed, and its id does not come back */
TEST_F(list, sessions_come_and_go)
{
	struct liveupdate_session_info before[3], after[3];
	int fd;

	ASSERT_EQ(3, luo_list_sessions(self->device, 0, 0, before, 3));
	close(self->sessions[1]);
	ASSERT_EQ(2, luo_list_sessions(self->device, 0, 0, after, 3));
	EXPECT_EQ(before[0].id, after[0].id);
	EXPECT_EQ(before[2].id, after[1].id);
	EXPECT_EQ(-ENOENT, luo_list_files(self->device, 0, before[1].id, 0,
					  NULL, 0));

	fd = luo_create_session(self->device, names[1]);
	ASSERT_LE(0, fd);
	self->sessions[1] = fd;
	ASSERT_EQ(3, luo_list_sessions(self->device, 0, 0, after, 3));
	EXPECT_LT(before[2].id, after[2].id);
	EXPECT_STREQ(names[1], (char *)after[2].name);
}

TEST_F(list, bad_arguments)
{
	struct liveupdate_session_info info = {};
	struct liveupdate_ioctl_list_sessions good = {
		.size = sizeof(good),
		.info_size = sizeof(info),
		.nr = 1,
		.infos = (uintptr_t)&info,
	}, bad;
	static const __u32 sizes[] = {
		0, 8, sizeof(info) - 8, sizeof(info) + 1, ~0U,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		bad = good;
		bad.info_size = sizes[i];
		EXPECT_EQ(-EINVAL, luo_ioctl(self->device,
					     LIVEUPDATE_IOCTL_LIST_SESSIONS,
					     &bad))
			TH_LOG("info_size %u", sizes[i]);
	}
	bad = good;
	bad.flags = 2;
	EXPECT_EQ(-EINVAL, luo_ioctl(self->device,
				     LIVEUPDATE_IOCTL_LIST_SESSIONS, &bad));
	bad = good;
	bad.infos = 0;
	EXPECT_EQ(-EFAULT, luo_ioctl(self->device,
				     LIVEUPDATE_IOCTL_LIST_SESSIONS, &bad));
	EXPECT_EQ(0U, info.id);
	EXPECT_EQ(0, luo_try_bad_args(self->device,
				      LIVEUPDATE_IOCTL_LIST_SESSIONS, &good,
				      sizeof(good)));
	EXPECT_EQ(-ENOTTY, luo_ioctl(self->sessions[0],
				     LIVEUPDATE_IOCTL_LIST_SESSIONS, &good));
}

/* A program that knows more than the kernel */
TEST_F(list, longer_entries)
{
	struct {
		struct liveupdate_session_info info;
		__u64 more[3];
	} infos[3];
	struct liveupdate_ioctl_list_sessions args = {
		.size = sizeof(args),
		.info_size = sizeof(infos[0]),
		.nr = 3,
		.infos = (uintptr_t)infos,
	};
	int i, j;

	memset(infos, 0xff, sizeof(infos));
	ASSERT_EQ(0, luo_ioctl(self->device, LIVEUPDATE_IOCTL_LIST_SESSIONS,
			       &args));
	ASSERT_EQ(3U, args.nr);
	for (i = 0; i < 3; i++) {
		EXPECT_STREQ(names[i], (char *)infos[i].info.name);
		for (j = 0; j < 3; j++)
			EXPECT_EQ(0U, infos[i].more[j]);
	}
}

TEST_F_TIMEOUT(list, many_sessions, 120)
{
	struct liveupdate_session_info *infos;
	int *fds, nr = 0, ret, i;
	char name[32];
	__u64 start = 0;

	fds = calloc(MANY, sizeof(*fds));
	infos = calloc(MANY, sizeof(*infos));
	ASSERT_TRUE(fds && infos);
	ASSERT_EQ(0, luo_raise_fd_limit(MANY + 100));
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		fds[i] = luo_create_session(self->device, name);
		ASSERT_LE(0, fds[i]);
	}

	while ((ret = luo_list_sessions(self->device, 0, start, infos,
					MANY)) > 0) {
		for (i = 0; i < ret; i++, nr++) {
			EXPECT_LE(start, infos[i].id);
			start = infos[i].id + 1;
			if (nr < 3)
				continue;
			snprintf(name, sizeof(name), "many-%d", nr - 3);
			EXPECT_STREQ(name, (char *)infos[i].name);
		}
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(MANY + 3, nr);

	for (i = 0; i < MANY; i++)
		close(fds[i]);
	free(infos);
	free(fds);
}

/*
 * Files
 */

static const __u64 tokens[] = { 5, ~0ULL, 1 };

static int preserve_tokens(int session, int memfd)
{
	int ret = luo_preserve(session, memfd, tokens[0]);

	if (!ret)
		ret = preserve_memfd(session, tokens[1], 0);
	if (!ret)
		ret = preserve_memfd(session, tokens[2], PAGE);
	return ret;
}

TEST_F(list, files)
{
	struct liveupdate_session_info session;
	struct liveupdate_file_info infos[4], same[4];
	int i;

	ASSERT_EQ(0, preserve_tokens(self->sessions[0], self->memfd));
	ASSERT_EQ(1, luo_list_sessions(self->device, 0, 0, &session, 1));
	memset(infos, 0xff, sizeof(infos));
	memset(same, 0xff, sizeof(same));
	ASSERT_EQ(3, luo_list_files(self->device, 0, session.id, 0, infos, 4));
	ASSERT_EQ(3, luo_session_list_files(self->sessions[0], 0, same, 4));
	EXPECT_EQ(0, memcmp(infos, same, sizeof(infos)));

	EXPECT_EQ(1U, infos[0].token);
	EXPECT_EQ(5U, infos[1].token);
	EXPECT_EQ(~0ULL, infos[2].token);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ((__u32)LIVEUPDATE_FILE_PRESERVED, infos[i].state);
		EXPECT_EQ(0U, infos[i].error);
		EXPECT_EQ(0, strncmp((char *)infos[i].compatible,
				     MEMFD_HANDLER, strlen(MEMFD_HANDLER)));
	}
	EXPECT_LE(FILE_SIZE, infos[1].bytes);
	EXPECT_GT(FILE_SIZE, infos[0].bytes);

	EXPECT_EQ(0, luo_session_list_files(self->sessions[1], 0, infos, 4));
}

TEST_F(list, files_from_one_on)
{
	struct liveupdate_file_info info;

	ASSERT_EQ(0, preserve_tokens(self->sessions[0], self->memfd));
	ASSERT_EQ(1, luo_session_list_files(self->sessions[0], 0, &info, 1));
	EXPECT_EQ(1U, info.token);
	ASSERT_EQ(1, luo_session_list_files(self->sessions[0], 2, &info, 1));
	EXPECT_EQ(5U, info.token);
	ASSERT_EQ(1, luo_session_list_files(self->sessions[0], 6, &info, 1));
	EXPECT_EQ(~0ULL, info.token);
	ASSERT_EQ(1, luo_session_list_files(self->sessions[0], ~0ULL, &info,
					    1));
	EXPECT_EQ(~0ULL, info.token);
}

TEST_F(list, files_bad_arguments)
{
	struct liveupdate_file_info info;
	struct liveupdate_session_list_files good = {
		.size = sizeof(good),
		.info_size = sizeof(info),
		.nr = 1,
		.infos = (uintptr_t)&info,
	}, bad = good;
	struct liveupdate_ioctl_list_files dev_good = {
		.size = sizeof(dev_good),
		.info_size = sizeof(info),
	}, dev_bad = dev_good;

	bad.flags = 1;
	EXPECT_EQ(-EINVAL, luo_ioctl(self->sessions[0],
				     LIVEUPDATE_SESSION_LIST_FILES, &bad));
	bad = good;
	bad.info_size -= 8;
	EXPECT_EQ(-EINVAL, luo_ioctl(self->sessions[0],
				     LIVEUPDATE_SESSION_LIST_FILES, &bad));
	EXPECT_EQ(0, luo_try_bad_args(self->sessions[0],
				      LIVEUPDATE_SESSION_LIST_FILES, &good,
				      sizeof(good)));

	/* There is no session 0 */
	EXPECT_EQ(-ENOENT, luo_ioctl(self->device, LIVEUPDATE_IOCTL_LIST_FILES,
				     &dev_good));
	dev_bad.flags = 2;
	EXPECT_EQ(-EINVAL, luo_ioctl(self->device, LIVEUPDATE_IOCTL_LIST_FILES,
				     &dev_bad));
	EXPECT_EQ(0, luo_try_bad_args(self->device, LIVEUPDATE_IOCTL_LIST_FILES,
				      &dev_good, sizeof(dev_good)));
	EXPECT_EQ(-ENOTTY, luo_ioctl(self->device,
				     LIVEUPDATE_SESSION_LIST_FILES, &good));
}

/*
 * Taking a file out again
 */

TEST_F(list, unpreserve)
{
	struct liveupdate_file_info infos[4];

	ASSERT_EQ(0, preserve_tokens(self->sessions[0], self->memfd));
	EXPECT_EQ(-EBUSY, luo_preserve(self->sessions[1], self->memfd, 5));
	EXPECT_EQ(0, luo_unpreserve(self->sessions[0], 5));
	EXPECT_EQ(-ENOENT, luo_unpreserve(self->sessions[0], 5));
	ASSERT_EQ(2, luo_session_list_files(self->sessions[0], 0, infos, 4));
	EXPECT_EQ(1U, infos[0].token);
	EXPECT_EQ(~0ULL, infos[1].token);

	/* It is an ordinary file again, and its token is free */
	EXPECT_EQ(0, ftruncate(self->memfd, 2 * FILE_SIZE));
	EXPECT_EQ(0, luo_verify_pattern(self->memfd, 0, FILE_SIZE, SEED));
	EXPECT_EQ(0, luo_preserve(self->sessions[1], self->memfd, 5));
	EXPECT_EQ(0, preserve_memfd(self->sessions[0], 5, PAGE));
}

TEST_F(list, unpreserve_gives_its_reference_up)
{
	int fd = luo_memfd("gone", 0, PAGE), again;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_EQ(0, luo_preserve(self->sessions[0], fd, 1));
	again = open(path, O_RDONLY);
	ASSERT_LE(0, again);
	EXPECT_EQ(0, luo_unpreserve(self->sessions[0], 1));
	/* Nobody else has it now who could not be made to let go */
	close(fd);
	EXPECT_EQ(0, luo_preserve(self->sessions[0], again, 1));
	close(again);
}

TEST_F(list, unpreserve_bad_arguments)
{
	struct liveupdate_session_unpreserve_fd good = {
		.size = sizeof(good),
		.token = 5,
	}, bad = good;

	ASSERT_EQ(0, luo_preserve(self->sessions[0], self->memfd, 5));
	bad.reserved = 1;
	EXPECT_EQ(-EINVAL, luo_ioctl(self->sessions[0],
				     LIVEUPDATE_SESSION_UNPRESERVE_FD, &bad));
	EXPECT_EQ(0, luo_try_bad_args(self->sessions[0],
				      LIVEUPDATE_SESSION_UNPRESERVE_FD, &good,
				      sizeof(good)));
	EXPECT_EQ(-ENOTTY, luo_ioctl(self->device,
				     LIVEUPDATE_SESSION_UNPRESERVE_FD, &good));
	EXPECT_EQ(0, luo_unpreserve(self->sessions[0], 5));
}

/*
 * In /proc
 */

TEST_F(list, fdinfo)
{
	char path[64], text[2048] = "";

	ASSERT_EQ(0, luo_preserve(self->sessions[1], self->memfd, 7));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->sessions[1]);
	ASSERT_LE(0, luo_read_text(path, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "luo-session:\ta\\040b\\012c\\134d\\033\\351\n"))
		TH_LOG("%s", text);
	EXPECT_NE(NULL, strstr(text, "luo-direction:\toutgoing\n"));
	EXPECT_NE(NULL, strstr(text, "luo-age:\t0\n"));
	EXPECT_NE(NULL, strstr(text, "luo-files:\t1\n"));
	EXPECT_NE(NULL, strstr(text, "luo-file:\ttoken 7 bytes "));
	EXPECT_NE(NULL, strstr(text, " state preserved error 0 handler memfd"));
}

TEST_HARNESS_MAIN
