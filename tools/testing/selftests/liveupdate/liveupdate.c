// SPDX-License-Identifier: GPL-2.0
/*
 * The interface of /dev/liveupdate and of new sessions, without a kexec.
 *
 * What concerns the contents of memfds is in memfd.c, what needs a session that
 * came from the previous kernel is in kexec_memfd.c.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <linux/capability.h>
#include <linux/magic.h>

#include "../kselftest_harness.h"
#include "luo_test_util.h"

#define NOBODY		65534

#define MANY_SESSIONS	1000
#define MANY_FILES	2000
#define RACE_ROUNDS	200

#define NAME_MAX_LEN	(LIVEUPDATE_SESSION_NAME_LENGTH - 1)

FIXTURE(device)
{
	int fd;
};

FIXTURE_SETUP(device)
{
	self->fd = luo_open_device();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(device)
{
	if (self->fd >= 0)
		close(self->fd);
}

FIXTURE(session)
{
	int device;
	int fd;
	int memfd;
};

FIXTURE_SETUP(session)
{
	self->device = luo_open_device();
	ASSERT_LE(0, self->device);
	self->fd = luo_create_session(self->device, "session");
	ASSERT_LE(0, self->fd);
	self->memfd = luo_memfd("file", 0, 4096);
	ASSERT_LE(0, self->memfd);
}

FIXTURE_TEARDOWN(session)
{
	close(self->memfd);
	if (self->fd >= 0)
		close(self->fd);
	close(self->device);
}

/*
 * Run @fn in another process, which inherits all descriptors; its return value,
 * 0 to 127, or -1 if it did not get that far.
 */
static int in_child(int (*fn)(int arg), int arg)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid)
		_exit(fn(arg));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;

	return WEXITSTATUS(status);
}

/* A process that holds its descriptors until it is told to stop */
static pid_t start_holder(int *stop_fd)
{
	int pipe_fds[2];
	pid_t pid;
	char c;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		close(pipe_fds[1]);
		_exit(read(pipe_fds[0], &c, 1) != 0);
	}
	close(pipe_fds[0]);
	*stop_fd = pipe_fds[1];

	return pid;
}

static int stop_holder(pid_t pid, int stop_fd)
{
	int status;

	close(stop_fd);
	if (waitpid(pid, &status, 0) != pid)
		return -1;

	return status;
}

static int send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));

	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -ENODATA;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));

	return fd;
}

/*
 * Opening and closing the device
 */

TEST(device_one_opener)
{
	int fd, dup_fd;

	fd = luo_open_device();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, luo_open_device());
	EXPECT_EQ(-1, open(LUO_DEVICE, O_RDONLY));
	EXPECT_EQ(EBUSY, errno);

	/* The second reference is to the same open file */
	dup_fd = dup(fd);
	ASSERT_LE(0, dup_fd);
	close(fd);
	EXPECT_EQ(-EBUSY, luo_open_device());
	close(dup_fd);

	fd = luo_open_device();
	EXPECT_LE(0, fd);
	close(fd);
}

TEST(device_refused_open_keeps_opener)
{
	int fd, session, i;

	fd = luo_open_device();
	ASSERT_LE(0, fd);
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EBUSY, luo_open_device());

	session = luo_create_session(fd, "works");
	EXPECT_LE(0, session);
	close(session);
	close(fd);
}

TEST(device_open_in_turn)
{
	int fd, i;

	for (i = 0; i < 100; i++) {
		fd = luo_open_device();
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, close(fd));
	}
}

TEST(device_held_by_other_process)
{
	int fd, stop_fd;
	pid_t pid;

	fd = luo_open_device();
	ASSERT_LE(0, fd);
	pid = start_holder(&stop_fd);
	ASSERT_LT(0, pid);
	close(fd);

	EXPECT_EQ(-EBUSY, luo_open_device());
	EXPECT_EQ(0, stop_holder(pid, stop_fd));

	fd = luo_open_device();
	EXPECT_LE(0, fd);
	close(fd);
}

static int child_opens(int unused)
{
	int fd = luo_open_device();

	(void)unused;
	if (fd < 0)
		return -fd & 0x7f;
	/* Left to the exit to close */
	return 0;
}

TEST(device_opened_by_processes_in_turn)
{
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, in_child(child_opens, 0));
}

static int child_is_refused(int unused)
{
	int err;

	(void)unused;
	if (setgid(NOBODY) || setuid(NOBODY))
		return 1;
	err = luo_open_device();

	return err == -EPERM || err == -EACCES ? 0 : 2;
}

TEST(device_needs_root)
{
	EXPECT_EQ(0, in_child(child_is_refused, 0));

	/* The refusal has not made it busy */
	EXPECT_EQ(0, in_child(child_opens, 0));
}

/* All that root may, but not this */
static int child_lacks_capability(int expected)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(__NR_capget, &header, data))
		return 1;
	data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &=
		~CAP_TO_MASK(CAP_SYS_ADMIN);
	if (syscall(__NR_capset, &header, data))
		return 2;
	if (luo_open_device() != expected)
		return 3;

	return open(LUO_DEVICE, O_RDONLY | O_CLOEXEC) == -1 &&
	       errno == -expected ? 0 : 4;
}

TEST(device_needs_capability)
{
	int fd;

	EXPECT_EQ(0, in_child(child_lacks_capability, -EPERM));

	/* Nor is it told whether somebody has it open, and it is not busy */
	fd = luo_open_device();
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, in_child(child_lacks_capability, -EPERM));
	close(fd);
	EXPECT_EQ(0, in_child(child_opens, 0));
}

TEST(device_node)
{
	struct stat st;

	ASSERT_EQ(0, stat(LUO_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0U, st.st_uid);
	EXPECT_EQ(0600U, st.st_mode & 07777);
}

TEST_F(device, read_write_refused)
{
	char c = 0;

	EXPECT_EQ(-1, read(self->fd, &c, 1));
	EXPECT_EQ(-1, write(self->fd, &c, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd,
				   0));
}

/*
 * Arguments
 */

/*
 * Numbers that this series leaves free for mainline to assign have to be
 * unknown now; those from 0x20 and 0x70 up are its own to grow into.
 */
static bool device_number_is_free(unsigned int nr)
{
	return (nr >= 0x02 && nr < 0x20) || (nr >= 0x40 && nr < 0x70);
}

static bool session_number_is_free(unsigned int nr)
{
	return nr < 0x40 || (nr >= 0x44 && nr < 0x70);
}

TEST_F(device, unknown_numbers)
{
	struct liveupdate_ioctl_create_session args = {
		.size = sizeof(args),
		.name = "unknown",
	};
	unsigned int nr;

	for (nr = 0; nr < 0x100; nr++) {
		if (!device_number_is_free(nr))
			continue;
		EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, _IO(0xBA, nr), &args))
			TH_LOG("nr %#x", nr);
		EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, _IO(0xBA, nr), NULL))
			TH_LOG("nr %#x without argument", nr);
	}

	/* A type of somebody else's */
	EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, _IO(0xBB, 0x00), &args));
	EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, _IO(0x00, 0x00), &args));
}

TEST_F(device, numbers_with_size_or_direction)
{
	struct liveupdate_ioctl_create_session args = {
		.size = sizeof(args),
		.fd = -1,
		.name = "direction",
	};
	const unsigned long cmds[] = {
		_IOWR(0xBA, 0x00, struct liveupdate_ioctl_create_session),
		_IOR(0xBA, 0x00, struct liveupdate_ioctl_create_session),
		_IOW(0xBA, 0x00, struct liveupdate_ioctl_create_session),
		_IOWR(0xBA, 0x01, struct liveupdate_ioctl_retrieve_session),
		_IOC(_IOC_NONE, 0xBA, 0x00, sizeof(args)),
		_IOC(_IOC_READ | _IOC_WRITE, 0xBA, 0x00, 0),
	};
	int fds = luo_count_fds();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		unsigned long cmd = cmds[i];

		EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, cmd, &args))
			TH_LOG("command %#lx", cmd);
	}
	EXPECT_EQ(-1, args.fd);
	EXPECT_EQ(fds, luo_count_fds());
}

TEST_F(session, unknown_numbers)
{
	struct liveupdate_session_preserve_fd args = {
		.size = sizeof(args),
		.fd = self->memfd,
		.token = 1,
	};
	unsigned int nr;

	for (nr = 0; nr < 0x100; nr++) {
		if (!session_number_is_free(nr))
			continue;
		EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, _IO(0xBA, nr), &args))
			TH_LOG("nr %#x", nr);
		EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, _IO(0xBA, nr), NULL))
			TH_LOG("nr %#x without argument", nr);
	}

	EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, _IO(0xBB, 0x40), &args));
	EXPECT_EQ(-ENOTTY,
		  luo_ioctl(self->fd,
			    _IOW(0xBA, 0x40,
				 struct liveupdate_session_preserve_fd),
			    &args));
	EXPECT_EQ(-ENOTTY,
		  luo_ioctl(self->fd,
			    _IOWR(0xBA, 0x40,
				  struct liveupdate_session_preserve_fd),
			    &args));

	/* None of them has preserved the file */
	EXPECT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
}

TEST_F(device, create_bad_arguments)
{
	struct liveupdate_ioctl_create_session args = {
		.size = sizeof(args),
		.fd = -1,
		.name = "arguments",
	};
	int session;

	EXPECT_EQ(0, luo_try_bad_args(self->fd, LIVEUPDATE_IOCTL_CREATE_SESSION,
				      &args, sizeof(args)));
	EXPECT_EQ(0, luo_try_readonly_reply(self->fd,
					    LIVEUPDATE_IOCTL_CREATE_SESSION,
					    &args, sizeof(args)));

	/* The name has stayed free, also when the session was made already */
	session = luo_create_session(self->fd, "arguments");
	EXPECT_LE(0, session);
	close(session);
}

TEST_F(device, retrieve_bad_arguments)
{
	struct liveupdate_ioctl_retrieve_session args = {
		.size = sizeof(args),
		.fd = -1,
		.name = "arguments",
	};

	EXPECT_EQ(0,
		  luo_try_bad_args(self->fd, LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
				   &args, sizeof(args)));
}

TEST_F(session, preserve_bad_arguments)
{
	struct liveupdate_session_preserve_fd args = {
		.size = sizeof(args),
		.fd = self->memfd,
		.token = 7,
	};

	EXPECT_EQ(0, luo_try_bad_args(self->fd, LIVEUPDATE_SESSION_PRESERVE_FD,
				      &args, sizeof(args)));

	EXPECT_EQ(0, luo_preserve(self->fd, self->memfd, 7));
}

TEST_F(session, get_name_bad_arguments)
{
	struct liveupdate_session_get_name args = {
		.size = sizeof(args),
	};

	EXPECT_EQ(0, luo_try_bad_args(self->fd, LIVEUPDATE_SESSION_GET_NAME,
				      &args, sizeof(args)));
	EXPECT_EQ(0, luo_try_readonly_reply(self->fd,
					    LIVEUPDATE_SESSION_GET_NAME, &args,
					    sizeof(args)));

	args.reserved = 1;
	EXPECT_EQ(-EINVAL, luo_ioctl(self->fd, LIVEUPDATE_SESSION_GET_NAME,
				     &args));
	args.reserved = 0x80000000;
	EXPECT_EQ(-EINVAL, luo_ioctl(self->fd, LIVEUPDATE_SESSION_GET_NAME,
				     &args));
}

/* Programs built for a later kernel, whose structs have grown */
TEST_F(device, longer_structs)
{
	const size_t sizes[] = { 73, 76, 80, 128, 4096, 4097, 3 * 4096 };
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	struct liveupdate_ioctl_create_session *create;
	struct liveupdate_session_preserve_fd *preserve;
	struct liveupdate_session_get_name *get;
	int session, memfd;
	unsigned char *mem;
	size_t i;

	mem = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(mem, 0, 3 * 4096);
		create = (void *)mem;
		create->size = sizes[i];
		create->fd = -1;
		snprintf((char *)create->name, sizeof(create->name), "long%zu",
			 i);
		ASSERT_EQ(0, luo_ioctl(self->fd,
				       LIVEUPDATE_IOCTL_CREATE_SESSION,
				       create));
		session = create->fd;
		ASSERT_LE(0, session);
		snprintf(name, sizeof(name), "long%zu", i);
		EXPECT_STREQ(name, (char *)create->name);

		memfd = luo_memfd("long", 0, 4096);
		ASSERT_LE(0, memfd);
		memset(mem, 0, 3 * 4096);
		preserve = (void *)mem;
		preserve->size = sizes[i];
		preserve->fd = memfd;
		preserve->token = i;
		EXPECT_EQ(0, luo_ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD,
				       preserve));
		EXPECT_EQ(-EEXIST, luo_preserve(session, memfd, i));

		memset(mem, 0, 3 * 4096);
		get = (void *)mem;
		get->size = sizes[i];
		EXPECT_EQ(0, luo_ioctl(session, LIVEUPDATE_SESSION_GET_NAME,
				       get));
		EXPECT_STREQ(name, (char *)get->name);
		close(memfd);
		close(session);
	}
}

/* Nothing asks for an alignment, so none may be needed */
TEST_F(device, misaligned_structs)
{
	unsigned char mem[128];
	struct liveupdate_ioctl_create_session create = {
		.size = sizeof(create),
		.fd = -1,
		.name = "misaligned",
	};
	struct liveupdate_session_preserve_fd preserve = {
		.size = sizeof(preserve),
	};
	struct liveupdate_session_get_name get = {
		.size = sizeof(get),
	};
	int session, memfd;
	size_t shift;

	for (shift = 1; shift < 8; shift++) {
		memcpy(mem + shift, &create, sizeof(create));
		ASSERT_EQ(0, luo_ioctl(self->fd,
				       LIVEUPDATE_IOCTL_CREATE_SESSION,
				       mem + shift));
		memcpy(&session, mem + shift + offsetof(typeof(create), fd),
		       sizeof(session));
		ASSERT_LE(0, session);

		memfd = luo_memfd("misaligned", 0, 4096);
		ASSERT_LE(0, memfd);
		preserve.fd = memfd;
		preserve.token = shift;
		memcpy(mem + shift, &preserve, sizeof(preserve));
		EXPECT_EQ(0, luo_ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD,
				       mem + shift));

		memcpy(mem + shift, &get, sizeof(get));
		EXPECT_EQ(0, luo_ioctl(session, LIVEUPDATE_SESSION_GET_NAME,
				       mem + shift));
		EXPECT_STREQ("misaligned",
			     (char *)mem + shift + offsetof(typeof(get), name));
		close(memfd);
		close(session);
	}
}

/* An error after the arguments are found good is not to leave a name behind */
TEST_F(device, no_free_descriptor)
{
	struct rlimit limit, none;
	int session, fd;

	/* The lowest free descriptor becomes the first one that is too high */
	fd = dup(self->fd);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = fd;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, luo_create_session(self->fd, "name"));
	EXPECT_GT(0, luo_retrieve_session(self->fd, "name"));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));

	session = luo_create_session(self->fd, "name");
	EXPECT_LE(0, session);
	close(session);
}

/* The reply is a whole number of bytes: what lies behind it is left alone */
TEST_F(session, reply_stays_in_struct)
{
	struct {
		struct liveupdate_session_get_name args;
		unsigned char behind[64];
	} mem;
	size_t i;

	memset(&mem, 0xa5, sizeof(mem));
	memset(&mem.args, 0, sizeof(mem.args));
	mem.args.size = sizeof(mem.args);
	EXPECT_EQ(0, luo_ioctl(self->fd, LIVEUPDATE_SESSION_GET_NAME,
			       &mem.args));
	EXPECT_STREQ("session", (char *)mem.args.name);
	EXPECT_EQ(sizeof(mem.args), mem.args.size);
	for (i = 0; i < sizeof(mem.behind); i++)
		EXPECT_EQ(0xa5, mem.behind[i]);
}

TEST_F(session, commands_of_a_retrieved_session)
{
	struct liveupdate_session_finish finish = {
		.size = sizeof(finish),
	};

	EXPECT_EQ(-EINVAL, luo_retrieve(self->fd, 0));
	EXPECT_EQ(-EINVAL, luo_finish(self->fd));
	finish.reserved = 1;
	EXPECT_EQ(-EINVAL, luo_discard(self->fd, 1));
	EXPECT_EQ(-EINVAL, luo_ioctl(self->fd, LIVEUPDATE_SESSION_FINISH,
				     &finish));

	ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 0));
	EXPECT_EQ(-EINVAL, luo_retrieve(self->fd, 0));
	EXPECT_EQ(-EINVAL, luo_finish(self->fd));

	/* A refused finish has not taken the file out */
	EXPECT_EQ(-EEXIST, luo_preserve(self->fd, self->memfd, 0));
}

TEST_F(device, command_of_the_other_file)
{
	struct liveupdate_session_preserve_fd preserve = {
		.size = sizeof(preserve),
	};
	struct liveupdate_ioctl_create_session create = {
		.size = sizeof(create),
		.name = "other",
	};
	int session;

	EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, LIVEUPDATE_SESSION_PRESERVE_FD,
				     &preserve));
	EXPECT_EQ(-ENOTTY, luo_ioctl(self->fd, LIVEUPDATE_SESSION_FINISH,
				     &preserve));

	session = luo_create_session(self->fd, "session");
	ASSERT_LE(0, session);
	EXPECT_EQ(-ENOTTY, luo_ioctl(session, LIVEUPDATE_IOCTL_CREATE_SESSION,
				     &create));
	EXPECT_EQ(-ENOTTY, luo_ioctl(session, LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
				     &create));
	close(session);
}

/*
 * Names
 */

static int create_raw(int device, const void *name)
{
	struct liveupdate_ioctl_create_session args = {
		.size = sizeof(args),
		.fd = -1,
	};
	int ret;

	memcpy(args.name, name, sizeof(args.name));
	ret = luo_ioctl(device, LIVEUPDATE_IOCTL_CREATE_SESSION, &args);

	return ret < 0 ? ret : args.fd;
}

static int retrieve_raw(int device, const void *name)
{
	struct liveupdate_ioctl_retrieve_session args = {
		.size = sizeof(args),
		.fd = -1,
	};
	int ret;

	memcpy(args.name, name, sizeof(args.name));
	ret = luo_ioctl(device, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &args);

	return ret < 0 ? ret : args.fd;
}

TEST_F(device, bad_names)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH] = "";
	int fds = luo_count_fds();

	EXPECT_EQ(-EINVAL, create_raw(self->fd, name));
	EXPECT_EQ(-EINVAL, retrieve_raw(self->fd, name));

	/* Empty, whatever comes behind */
	memset(name + 1, 'x', sizeof(name) - 1);
	EXPECT_EQ(-EINVAL, create_raw(self->fd, name));
	EXPECT_EQ(-EINVAL, retrieve_raw(self->fd, name));

	memset(name, 'x', sizeof(name));
	EXPECT_EQ(-EINVAL, create_raw(self->fd, name));
	EXPECT_EQ(-EINVAL, retrieve_raw(self->fd, name));

	EXPECT_EQ(fds, luo_count_fds());
}

/* Expects the name in all three places that tell it */
static void check_name(struct __test_metadata *_metadata, int session,
		       const char *name)
{
	char expected[PATH_MAX], path[64], seen[PATH_MAX];
	char got[LIVEUPDATE_SESSION_NAME_LENGTH + 1];
	ssize_t len;
	size_t i;

	/* No NUL of ours, and the padding has to be zero */
	memset(got, 'x', sizeof(got));
	EXPECT_EQ(0, luo_get_name(session, got));
	got[LIVEUPDATE_SESSION_NAME_LENGTH] = '\0';
	EXPECT_STREQ(name, got);
	for (i = strlen(name); i < LIVEUPDATE_SESSION_NAME_LENGTH; i++)
		EXPECT_EQ(0, got[i]);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", session);
	len = readlink(path, seen, sizeof(seen) - 1);
	EXPECT_LT(0, len) {
		TH_LOG("readlink: %s", strerror(errno));
		return;
	}
	seen[len] = '\0';
	snprintf(expected, sizeof(expected), "anon_inode:[luo_session] %s",
		 name);
	EXPECT_STREQ(expected, seen);
}

TEST_F(device, names)
{
	char longest[LIVEUPDATE_SESSION_NAME_LENGTH] = "", all[2][64] = {};
	const char *const names[] = {
		"x", "session", longest, "with space", "a/b", "/", ".", "..",
		"tab\tand\nnewline", "100%s%n%d", "caf\xc3\xa9",
		"\x01\x7f\x80\xff", "[luo_session] x", "(deleted)", " ", "\\",
		all[0], all[1],
	};
	int session[ARRAY_SIZE(names)];
	size_t i;

	memset(longest, 'n', NAME_MAX_LEN);
	for (i = 0; i < NAME_MAX_LEN; i++) {
		all[0][i] = 1 + i;
		all[1][i] = 0xff - i;
	}

	/* All at the same time: none of them is taken for another */
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		session[i] = luo_create_session(self->fd, names[i]);
		ASSERT_LE(0, session[i]) TH_LOG("name '%s'", names[i]);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		check_name(_metadata, session[i], names[i]);
		EXPECT_EQ(-EEXIST, luo_create_session(self->fd, names[i]));
	}
	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(0, close(session[i]));
}

TEST_F(device, bytes_behind_the_nul_do_not_count)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	int session;

	memset(name, 'x', sizeof(name));
	snprintf(name, sizeof(name), "same");
	session = create_raw(self->fd, name);
	ASSERT_LE(0, session);
	check_name(_metadata, session, "same");
	EXPECT_EQ(-EEXIST, luo_create_session(self->fd, "same"));
	close(session);
}

TEST_F(device, names_that_differ_a_little)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH] = "";
	int first, second, third;

	memset(name, 'x', NAME_MAX_LEN);
	first = luo_create_session(self->fd, name);
	ASSERT_LE(0, first);
	name[NAME_MAX_LEN - 1] = 'y';
	second = luo_create_session(self->fd, name);
	EXPECT_LE(0, second);
	name[NAME_MAX_LEN - 1] = '\0';
	third = luo_create_session(self->fd, name);
	EXPECT_LE(0, third);
	close(first);
	close(second);
	close(third);
}

TEST_F(device, name_in_use)
{
	int fds, session;

	session = luo_create_session(self->fd, "name");
	ASSERT_LE(0, session);
	fds = luo_count_fds();
	EXPECT_EQ(-EEXIST, luo_create_session(self->fd, "name"));
	EXPECT_EQ(fds, luo_count_fds());
	close(session);

	session = luo_create_session(self->fd, "name");
	EXPECT_LE(0, session);
	close(session);
}

TEST_F(device, name_held_by_dup)
{
	int session, dup_fd;

	session = luo_create_session(self->fd, "name");
	ASSERT_LE(0, session);
	dup_fd = dup(session);
	ASSERT_LE(0, dup_fd);
	close(session);
	EXPECT_EQ(-EEXIST, luo_create_session(self->fd, "name"));
	check_name(_metadata, dup_fd, "name");
	close(dup_fd);

	session = luo_create_session(self->fd, "name");
	EXPECT_LE(0, session);
	close(session);
}

TEST_F(device, name_held_by_process)
{
	int session, stop_fd;
	pid_t pid;

	session = luo_create_session(self->fd, "name");
	ASSERT_LE(0, session);
	pid = start_holder(&stop_fd);
	ASSERT_LT(0, pid);
	close(session);
	EXPECT_EQ(-EEXIST, luo_create_session(self->fd, "name"));
	EXPECT_EQ(0, stop_holder(pid, stop_fd));

	session = luo_create_session(self->fd, "name");
	EXPECT_LE(0, session);
	close(session);
}

static int child_receives(int sock)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	int session = receive_fd(sock), memfd;

	if (session < 0)
		return 1;
	if (luo_get_name(session, name) || strcmp(name, "passed"))
		return 2;
	memfd = luo_memfd("child", 0, 4096);
	if (memfd < 0 || luo_preserve(session, memfd, 1))
		return 3;
	/* What the parent has put in is there */
	if (luo_preserve(session, memfd, 2) != -EEXIST)
		return 4;

	return 0;
}

TEST_F(device, name_held_in_socket)
{
	int socks[2], session, memfd, again;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, socks));
	session = luo_create_session(self->fd, "passed");
	ASSERT_LE(0, session);
	memfd = luo_memfd("parent", 0, 4096);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, luo_preserve(session, memfd, 2));
	ASSERT_EQ(0, send_fd(socks[0], session));
	close(session);

	/* On its way it belongs to no process, and is alive */
	EXPECT_EQ(-EEXIST, luo_create_session(self->fd, "passed"));
	EXPECT_EQ(-1, ftruncate(memfd, 0));

	EXPECT_EQ(0, in_child(child_receives, socks[1]));

	again = luo_create_session(self->fd, "passed");
	EXPECT_LE(0, again);
	EXPECT_EQ(0, ftruncate(memfd, 0));

	/* Never received: gone with the socket */
	ASSERT_EQ(0, send_fd(socks[0], again));
	close(again);
	EXPECT_EQ(-EEXIST, luo_create_session(self->fd, "passed"));
	close(socks[0]);
	close(socks[1]);
	again = luo_create_session(self->fd, "passed");
	EXPECT_LE(0, again);
	close(again);
}

/* Who has the descriptor may use it, whoever that is */
static int child_without_rights(int sock)
{
	int session, memfd;

	if (setgid(NOBODY) || setuid(NOBODY))
		return 10;
	session = receive_fd(sock);
	if (session < 0 || luo_open_device() >= 0)
		return 11;
	memfd = luo_memfd("nobody", 0, 4096);
	if (memfd < 0 || luo_preserve(session, memfd, 3) ||
	    !ftruncate(memfd, 0))
		return 12;
	/* It is in a session, and that is not closed by this process's exit */
	if (luo_preserve(session, memfd, 4) != -EBUSY)
		return 13;

	return send_fd(sock, memfd) ? 14 : 0;
}

TEST_F(device, session_used_without_rights)
{
	int socks[2], session, memfd;
	struct stat st;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, socks));
	session = luo_create_session(self->fd, "passed");
	ASSERT_LE(0, session);
	ASSERT_EQ(0, send_fd(socks[0], session));
	EXPECT_EQ(0, in_child(child_without_rights, socks[1]));
	memfd = receive_fd(socks[0]);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, fstat(memfd, &st));
	EXPECT_EQ((uid_t)NOBODY, st.st_uid);
	EXPECT_EQ(-1, ftruncate(memfd, 0));
	close(session);
	EXPECT_EQ(0, ftruncate(memfd, 0));
	close(memfd);
	close(socks[0]);
	close(socks[1]);
}

TEST_F(device, nothing_to_retrieve)
{
	int session;

	EXPECT_EQ(-ENOENT, luo_retrieve_session(self->fd, "nothing"));

	/* A new session is in the other name space */
	session = luo_create_session(self->fd, "nothing");
	ASSERT_LE(0, session);
	EXPECT_EQ(-ENOENT, luo_retrieve_session(self->fd, "nothing"));
	close(session);
}

/*
 * The session's file
 */

TEST_F(session, is_close_on_exec)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
}

TEST_F(session, is_an_anonymous_inode)
{
	struct statfs fs;

	check_name(_metadata, self->fd, "session");
	ASSERT_EQ(0, fstatfs(self->fd, &fs));
	EXPECT_EQ(ANON_INODE_FS_MAGIC, fs.f_type);
}

TEST_F(session, poll_reports_no_trouble)
{
	struct pollfd pollfd = {
		.fd = self->fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP,
	};
	struct epoll_event event = { .events = EPOLLIN };
	int epoll, ret;

	EXPECT_LE(0, poll(&pollfd, 1, 0));
	EXPECT_EQ(0, pollfd.revents & (POLLHUP | POLLERR | POLLNVAL |
				       POLLRDHUP));

	ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	ASSERT_EQ(0, close(self->device));
	EXPECT_LE(0, poll(&pollfd, 1, 0));
	EXPECT_EQ(0, pollfd.revents & (POLLHUP | POLLERR | POLLNVAL |
				       POLLRDHUP));

	/* A file that cannot be polled at all is EPERM here; that is fine */
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, epoll);
	ret = epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event);
	if (!ret) {
		event.events = 0;
		EXPECT_LE(0, epoll_wait(epoll, &event, 1, 0));
		EXPECT_EQ(0U, event.events & (EPOLLHUP | EPOLLERR |
					      EPOLLRDHUP));
	} else {
		EXPECT_EQ(EPERM, errno);
	}
	close(epoll);

	self->device = luo_open_device();
	EXPECT_LE(0, self->device);
}

TEST_F(session, survives_the_device)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	int other;

	ASSERT_EQ(0, close(self->device));

	/* Another process may have the device now */
	EXPECT_EQ(0, in_child(child_opens, 0));
	EXPECT_EQ(0, luo_get_name(self->fd, name));
	EXPECT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	EXPECT_EQ(-1, ftruncate(self->memfd, 0));

	self->device = luo_open_device();
	ASSERT_LE(0, self->device);
	EXPECT_EQ(-EEXIST, luo_create_session(self->device, "session"));
	other = luo_create_session(self->device, "other");
	ASSERT_LE(0, other);
	EXPECT_EQ(-EBUSY, luo_preserve(other, self->memfd, 1));
	close(other);

	/* Closed while no device is open, it is undone all the same */
	ASSERT_EQ(0, close(self->device));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, ftruncate(self->memfd, 0));
	self->device = luo_open_device();
	ASSERT_LE(0, self->device);
	self->fd = luo_create_session(self->device, "session");
	EXPECT_LE(0, self->fd);
}

static int child_creates(int unused)
{
	int device = luo_open_device();

	(void)unused;
	if (device < 0)
		return 1;
	if (luo_create_session(device, "session") != -EEXIST)
		return 2;
	if (luo_create_session(device, "child") < 0)
		return 3;

	return 0;
}

TEST_F(session, seen_from_another_opener)
{
	int session;

	ASSERT_EQ(0, close(self->device));
	EXPECT_EQ(0, in_child(child_creates, 0));
	self->device = luo_open_device();
	ASSERT_LE(0, self->device);

	/* The child's own is gone with the child */
	session = luo_create_session(self->device, "child");
	EXPECT_LE(0, session);
	close(session);
}

/*
 * Preserve
 */

TEST_F(session, bad_fds)
{
	int fds[2], path_fd;

	EXPECT_EQ(-EBADF, luo_preserve(self->fd, -1, 1));
	EXPECT_EQ(-EBADF, luo_preserve(self->fd, INT_MIN, 1));
	EXPECT_EQ(-EBADF, luo_preserve(self->fd, INT_MAX, 1));
	EXPECT_EQ(-EBADF, luo_preserve(self->fd, AT_FDCWD, 1));

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(-EBADF, luo_preserve(self->fd, fds[0], 1));

	/* This one gives no right to the contents */
	path_fd = luo_reopen(self->memfd, O_PATH);
	ASSERT_LE(0, path_fd);
	EXPECT_EQ(-EBADF, luo_preserve(self->fd, path_fd, 1));
	close(path_fd);

	EXPECT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
}

TEST_F(session, files_that_nobody_handles)
{
	int fds[16], nr = 0, i;

	fds[nr++] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[nr++] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[nr++] = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	fds[nr++] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, pipe2(fds + nr, O_CLOEXEC));
	nr += 2;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				fds + nr));
	nr += 2;
	fds[nr++] = eventfd(0, EFD_CLOEXEC);
	fds[nr++] = epoll_create1(EPOLL_CLOEXEC);
	fds[nr++] = self->device;
	fds[nr++] = self->fd;
	fds[nr++] = luo_create_session(self->device, "other");

	for (i = 0; i < nr; i++) {
		ASSERT_LE(0, fds[i]) TH_LOG("file %d", i);
		EXPECT_EQ(-ENOENT, luo_preserve(self->fd, fds[i], 1))
			TH_LOG("file %d", i);
	}

	EXPECT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	for (i = 0; i < nr; i++)
		if (fds[i] != self->device && fds[i] != self->fd)
			close(fds[i]);
}

TEST_F(session, token_in_use)
{
	int other = luo_memfd("other", 0, 4096), second;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	EXPECT_EQ(-EEXIST, luo_preserve(self->fd, other, 1));

	/* Neither the token nor the file is worse for it */
	EXPECT_EQ(0, luo_preserve(self->fd, other, 2));

	/* Tokens are the session's own */
	second = luo_create_session(self->device, "second");
	ASSERT_LE(0, second);
	close(other);
	other = luo_memfd("other", 0, 4096);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, luo_preserve(second, other, 1));
	close(other);
	close(second);
}

TEST_F(session, all_kinds_of_tokens)
{
	const __u64 tokens[] = {
		0, 1, ~0ULL, ~0ULL - 1, 1ULL << 63, (1ULL << 63) - 1,
		1ULL << 32, 0xffffffff, 1ULL << 31, 0xdead0000dead0000ULL,
	};
	int fds[ARRAY_SIZE(tokens)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tokens); i++) {
		fds[i] = luo_memfd("token", 0, 4096);
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(0, luo_preserve(self->fd, fds[i], tokens[i]))
			TH_LOG("token %#llx", tokens[i]);
	}
	for (i = 0; i < ARRAY_SIZE(tokens); i++) {
		EXPECT_EQ(-EEXIST, luo_preserve(self->fd, self->memfd,
						tokens[i]))
			TH_LOG("token %#llx", tokens[i]);
		close(fds[i]);
	}
}

TEST_F(session, file_in_use)
{
	int dup_fd, reopened, readonly, second;

	second = luo_create_session(self->device, "second");
	ASSERT_LE(0, second);
	ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	EXPECT_EQ(-EBUSY, luo_preserve(self->fd, self->memfd, 2));
	EXPECT_EQ(-EBUSY, luo_preserve(second, self->memfd, 2));

	dup_fd = dup(self->memfd);
	ASSERT_LE(0, dup_fd);
	EXPECT_EQ(-EBUSY, luo_preserve(self->fd, dup_fd, 2));
	EXPECT_EQ(-EBUSY, luo_preserve(second, dup_fd, 2));

	/* Other open files, one object */
	reopened = luo_reopen(self->memfd, O_RDWR);
	ASSERT_LE(0, reopened);
	EXPECT_EQ(-EBUSY, luo_preserve(self->fd, reopened, 2));
	EXPECT_EQ(-EBUSY, luo_preserve(second, reopened, 2));
	readonly = luo_reopen(self->memfd, O_RDONLY);
	ASSERT_LE(0, readonly);
	EXPECT_EQ(-EBUSY, luo_preserve(self->fd, readonly, 2));
	EXPECT_EQ(-EBUSY, luo_preserve(second, readonly, 2));

	/* The refusals have not undone what is there */
	EXPECT_EQ(-1, ftruncate(self->memfd, 0));
	EXPECT_EQ(EPERM, errno);

	/* Free for the other session as soon as this one is gone */
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, ftruncate(self->memfd, 8192));
	EXPECT_EQ(0, luo_preserve(second, reopened, 2));
	EXPECT_EQ(-EBUSY, luo_preserve(second, self->memfd, 3));
	EXPECT_EQ(-EEXIST, luo_preserve(second, self->memfd, 2));
	close(readonly);
	close(reopened);
	close(dup_fd);
	close(second);
}

TEST_F(session, holds_the_file)
{
	int second;

	/* The session's reference keeps the object alive and the token taken */
	ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	ASSERT_EQ(0, close(self->memfd));
	self->memfd = luo_memfd("other", 0, 4096);
	ASSERT_LE(0, self->memfd);
	EXPECT_EQ(-EEXIST, luo_preserve(self->fd, self->memfd, 1));

	/* A new object, even if it should lie where another one lay */
	EXPECT_EQ(0, luo_preserve(self->fd, self->memfd, 2));
	second = luo_create_session(self->device, "second");
	ASSERT_LE(0, second);
	EXPECT_EQ(-EBUSY, luo_preserve(second, self->memfd, 2));
	close(second);
}

TEST_F(session, preserved_anew_again_and_again)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
		ASSERT_EQ(-EBUSY, luo_preserve(self->fd, self->memfd, 2));
		ASSERT_EQ(0, close(self->fd));
		self->fd = luo_create_session(self->device, "session");
		ASSERT_LE(0, self->fd);
	}
}

TEST_F(session, failed_preserve_leaves_nothing)
{
	int second, null, other;

	second = luo_create_session(self->device, "second");
	ASSERT_LE(0, second);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, null);
	other = luo_memfd("other", 0, 4096);
	ASSERT_LE(0, other);

	ASSERT_EQ(0, luo_preserve(second, other, 5));
	EXPECT_EQ(-EBADF, luo_preserve(self->fd, -1, 5));
	EXPECT_EQ(-ENOENT, luo_preserve(self->fd, null, 5));
	EXPECT_EQ(-EBUSY, luo_preserve(self->fd, other, 5));
	EXPECT_EQ(-EEXIST, luo_preserve(second, self->memfd, 5));

	/* The file that met a taken token can be resized and preserved */
	EXPECT_EQ(0, ftruncate(self->memfd, 100));
	EXPECT_EQ(0, luo_preserve(self->fd, self->memfd, 5));

	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, ftruncate(self->memfd, 10));
	EXPECT_EQ(-1, ftruncate(other, 10));
	close(second);
	EXPECT_EQ(0, ftruncate(other, 10));
	close(null);
	close(other);
}

TEST_F(session, kill_undoes)
{
	int stop_fd, status;
	pid_t pid;

	ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	pid = start_holder(&stop_fd);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(-1, ftruncate(self->memfd, 0));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	close(stop_fd);
	EXPECT_EQ(0, ftruncate(self->memfd, 0));
}

/* A program that a session's holder starts must not keep the session alive */
TEST_F(session, exec_closes)
{
	int pipe_fds[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, luo_preserve(self->fd, self->memfd, 1));
	ASSERT_EQ(0, pipe2(pipe_fds, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		execlp("sleep", "sleep", "1000", NULL);
		_exit(write(pipe_fds[1], "x", 1) != 1);
	}
	close(pipe_fds[1]);

	/* The end of the file says that the exec has closed everything */
	EXPECT_EQ(0, read(pipe_fds[0], &c, 1));
	close(pipe_fds[0]);
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, ftruncate(self->memfd, 0));

	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
}

/*
 * Many
 */

TEST_F_TIMEOUT(device, many_sessions, 300)
{
	int session[MANY_SESSIONS], i, memfd;
	char name[32];

	ASSERT_EQ(0, luo_raise_fd_limit(2 * MANY_SESSIONS + 64));
	for (i = 0; i < MANY_SESSIONS; i++) {
		snprintf(name, sizeof(name), "session %d", i);
		session[i] = luo_create_session(self->fd, name);
		ASSERT_LE(0, session[i]) TH_LOG("session %d", i);
		memfd = luo_memfd(name, 0, 4096);
		ASSERT_LE(0, memfd);
		ASSERT_EQ(0, luo_preserve(session[i], memfd, i));
		close(memfd);
	}
	for (i = 0; i < MANY_SESSIONS; i++) {
		snprintf(name, sizeof(name), "session %d", i);
		check_name(_metadata, session[i], name);
		EXPECT_EQ(-EEXIST, luo_create_session(self->fd, name));
	}

	/* Every second one first, to leave gaps */
	for (i = 0; i < MANY_SESSIONS; i += 2)
		EXPECT_EQ(0, close(session[i]));
	for (i = 0; i < MANY_SESSIONS; i++) {
		snprintf(name, sizeof(name), "session %d", i);
		if (i % 2) {
			EXPECT_EQ(-EEXIST, luo_create_session(self->fd, name));
			EXPECT_EQ(0, close(session[i]));
		} else {
			session[i] = luo_create_session(self->fd, name);
			EXPECT_LE(0, session[i]);
			EXPECT_EQ(0, close(session[i]));
		}
	}
}

TEST_F_TIMEOUT(session, many_files, 300)
{
	int fds[MANY_FILES], i;

	ASSERT_EQ(0, luo_raise_fd_limit(MANY_FILES + 64));
	for (i = 0; i < MANY_FILES; i++) {
		fds[i] = luo_memfd("many", 0, 4096);
		ASSERT_LE(0, fds[i]);
		ASSERT_EQ(0, luo_write_pattern(fds[i], 0, 8, 1 + i));
		ASSERT_EQ(0, luo_preserve(self->fd, fds[i], i * 1000003ULL))
			TH_LOG("file %d", i);
	}
	for (i = 0; i < MANY_FILES; i++) {
		EXPECT_EQ(-EEXIST, luo_preserve(self->fd, self->memfd,
						i * 1000003ULL));
		EXPECT_EQ(-EBUSY, luo_preserve(self->fd, fds[i], 1));
	}
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	for (i = 0; i < MANY_FILES; i++) {
		EXPECT_EQ(0, ftruncate(fds[i], 0));
		close(fds[i]);
	}
}

/*
 * Races
 */

struct racer {
	pthread_barrier_t *barrier;
	int session;
	int fd;
	__u64 token;
	int ret;
};

static void *race_preserve(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->barrier);
	racer->ret = luo_preserve(racer->session, racer->fd, racer->token);

	return NULL;
}

static int run_race(struct racer racer[2])
{
	pthread_barrier_t barrier;
	pthread_t thread[2];
	int i;

	if (pthread_barrier_init(&barrier, NULL, 2))
		return -1;
	for (i = 0; i < 2; i++) {
		racer[i].barrier = &barrier;
		racer[i].ret = 1;
		if (pthread_create(&thread[i], NULL, race_preserve, &racer[i]))
			return -1;
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);

	return 0;
}

TEST_F_TIMEOUT(device, race_for_a_file, 120)
{
	struct racer racer[2];
	int memfd, i, round, winner;

	memfd = luo_memfd("race", 0, 4096);
	ASSERT_LE(0, memfd);
	for (round = 0; round < RACE_ROUNDS; round++) {
		for (i = 0; i < 2; i++) {
			racer[i].session =
				luo_create_session(self->fd, i ? "1" : "0");
			ASSERT_LE(0, racer[i].session);
			racer[i].fd = memfd;
			racer[i].token = 1;
		}
		ASSERT_EQ(0, run_race(racer));
		winner = racer[0].ret ? 1 : 0;
		ASSERT_EQ(0, racer[winner].ret);
		ASSERT_EQ(-EBUSY, racer[!winner].ret);

		/* The loser has left nothing: its token is free */
		ASSERT_EQ(0, close(racer[winner].session));
		ASSERT_EQ(0, ftruncate(memfd, 4096));
		ASSERT_EQ(0, luo_preserve(racer[!winner].session, memfd, 1));
		ASSERT_EQ(0, close(racer[!winner].session));
	}
	close(memfd);
}

TEST_F_TIMEOUT(session, race_for_a_token, 120)
{
	struct racer racer[2];
	int i, round, winner;

	for (round = 0; round < RACE_ROUNDS; round++) {
		for (i = 0; i < 2; i++) {
			racer[i].session = self->fd;
			racer[i].fd = luo_memfd("race", 0, 4096);
			ASSERT_LE(0, racer[i].fd);
			racer[i].token = round;
		}
		ASSERT_EQ(0, run_race(racer));
		winner = racer[0].ret ? 1 : 0;
		ASSERT_EQ(0, racer[winner].ret);
		ASSERT_EQ(-EEXIST, racer[!winner].ret);
		ASSERT_EQ(0, ftruncate(racer[!winner].fd, 0));
		ASSERT_EQ(-1, ftruncate(racer[winner].fd, 0));
		close(racer[0].fd);
		close(racer[1].fd);
	}
}

struct creator {
	pthread_barrier_t *barrier;
	int device;
	int ret;
};

static void *race_create(void *arg)
{
	struct creator *creator = arg;

	pthread_barrier_wait(creator->barrier);
	creator->ret = luo_create_session(creator->device, "race");

	return NULL;
}

TEST_F_TIMEOUT(device, race_for_a_name, 120)
{
	struct creator creator[2];
	pthread_barrier_t barrier;
	pthread_t thread[2];
	int i, round, winner;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 2));
	for (round = 0; round < RACE_ROUNDS; round++) {
		for (i = 0; i < 2; i++) {
			creator[i].barrier = &barrier;
			creator[i].device = self->fd;
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    race_create, &creator[i]));
		}
		for (i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		winner = creator[0].ret >= 0 ? 0 : 1;
		ASSERT_LE(0, creator[winner].ret);
		ASSERT_EQ(-EEXIST, creator[!winner].ret);
		ASSERT_EQ(0, close(creator[winner].ret));
	}
	pthread_barrier_destroy(&barrier);
}

struct opener {
	pthread_barrier_t *barrier;
	int ret;
};

static void *race_open(void *arg)
{
	struct opener *opener = arg;

	pthread_barrier_wait(opener->barrier);
	opener->ret = luo_open_device();

	return NULL;
}

TEST(race_to_open)
{
	struct opener opener[2];
	pthread_barrier_t barrier;
	pthread_t thread[2];
	int i, round, winner;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 2));
	for (round = 0; round < RACE_ROUNDS; round++) {
		for (i = 0; i < 2; i++) {
			opener[i].barrier = &barrier;
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    race_open, &opener[i]));
		}
		for (i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		winner = opener[0].ret >= 0 ? 0 : 1;
		ASSERT_LE(0, opener[winner].ret);
		ASSERT_EQ(-EBUSY, opener[!winner].ret);
		ASSERT_EQ(0, close(opener[winner].ret));
	}
	pthread_barrier_destroy(&barrier);
}

TEST_HARNESS_MAIN
