// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on the device, on sessions and on what can be preserved, by
 * processes of several threads that share everything and are killed now and
 * then, while others try to reboot. In between there are live updates, after
 * which all goes on with the sessions that came over.
 *
 * Nothing is expected of a single call but that it comes back. Expected is that
 * the kernel has nothing to complain about, that every kind of call works at
 * times, that sessions which nobody touched come over whole, and that nothing is
 * left when all processes are gone.
 *
 * The kernel's command line may have luo.seed=N, luo.seconds=N for all stages
 * together (five times as many with the kernel's own checkers) and luo.calls=N
 * for each stage, whatever ends first.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define PAGE		4096L

#define NR_STAGES	3
#define NR_WORKERS	3
#define NR_THREADS	3
#define NR_NAMES	48
#define NR_TOKENS	6

/* Descriptors that a worker plays with */
#define NR_SESSIONS	12
#define NR_ARRIVED	4
#define NR_FILES	24

/* Sessions that are left alone, to see that they come over whole */
#define NR_KEPT		4
#define KEPT_SIZE	(MIB + PAGE)
#define KEPT_SEED	0xf0220000ULL

/* A thread that is in one call for so long hangs; times are in ms */
#define HANG_SECONDS	120
#define TICK		100
#define TICKS_KILL	7
#define TICKS_REBOOT	2
#define TICKS_NEWS	100

/* syslog(2): what is shown on the console */
#define SYSLOG_CONSOLE_LEVEL	8

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define DEBUG_FACTOR	5

enum call {
	CREATE, RETRIEVE_SESSION, PRESERVE, RETRIEVE, FINISH, GET_NAME, DISCARD,
	UNPRESERVE, LIST_SESSIONS, LIST_FILES,
	UNKNOWN_IOCTL, OPEN_DEVICE, NEW_FILE, WRITE, TRUNCATE, PUNCH, SEAL, MAP,
	DUP, CLOSE, SEND, RECEIVE, FORK, LOOK, NR_CALLS
};

static const char *const call_name[NR_CALLS] = {
	"create session", "retrieve session", "preserve", "retrieve", "finish",
	"get name", "discard", "unpreserve", "list sessions", "list files",
	"unknown ioctl", "open device", "new file",
	"write", "truncate", "punch", "seal", "map", "dup", "close", "send",
	"receive", "fork", "look",
};

/* Seen by all processes */
struct shared {
	atomic_ulong tried[NR_CALLS];
	atomic_ulong done[NR_CALLS];
	atomic_ulong total;
	atomic_ulong second_opens;
	atomic_bool stop;
	/* Of each thread: how many calls, the last one, and whether it is done */
	struct {
		atomic_ulong count;
		atomic_int call;
		atomic_bool parked;
	} thread[NR_WORKERS][NR_THREADS];
};

struct thread {
	unsigned int worker, index;
	__u32 random;
	/* A page to write to, one to read from, and one that is not there */
	unsigned char *arena;
	int fail_nth;
};

static struct shared *shared;
static unsigned int stage;
static unsigned int seed = 1;
static unsigned int seconds = 60;
static unsigned long max_calls = 5000000;
static int device;
static int mail[2];

/* Of this process; threads race for them, that is the point */
static atomic_int sessions[NR_SESSIONS];
static atomic_int arrived[NR_ARRIVED];
static atomic_int files[NR_FILES];

/* Memory that all threads of a process write to */
static unsigned char commons[PAGE];

static __thread sigjmp_buf fault_jump;

static __u32 below(struct thread *t, __u32 limit)
{
	/* xorshift; the state must not be 0 */
	t->random ^= t->random << 13;
	t->random ^= t->random >> 17;
	t->random ^= t->random << 5;

	return t->random % limit;
}

static bool one_in(struct thread *t, __u32 nr)
{
	return !below(t, nr);
}

static int any_session(struct thread *t)
{
	if (one_in(t, 4))
		return atomic_load(&arrived[below(t, NR_ARRIVED)]);
	return atomic_load(&sessions[below(t, NR_SESSIONS)]);
}

/* For what works with those that came over only */
static int any_arrived(struct thread *t)
{
	if (one_in(t, 4))
		return any_session(t);
	return atomic_load(&arrived[below(t, NR_ARRIVED)]);
}

static int any_file(struct thread *t)
{
	return atomic_load(&files[below(t, NR_FILES)]);
}

static int any_fd(struct thread *t)
{
	switch (below(t, 16)) {
	case 0:
		return device;
	case 1:
		return (int)below(t, 5000) - 10;
	case 2:
		return any_session(t);
	default:
		return any_file(t);
	}
}

/* A new descriptor takes the place of an old one */
static void put_fd(struct thread *t, atomic_int *fds, unsigned int nr, int fd)
{
	int old;

	if (fd < 0)
		return;
	old = atomic_exchange(&fds[below(t, nr)], fd);
	if (old >= 0)
		close(old);
}

static void forget_fds(atomic_int *fds, unsigned int nr)
{
	while (nr--)
		atomic_store(&fds[nr], -1);
}

static void close_fds(atomic_int *fds, unsigned int nr)
{
	while (nr--)
		if (atomic_load(&fds[nr]) >= 0)
			close(atomic_exchange(&fds[nr], -1));
}

/*
 * The ioctls
 */

union args {
	__u32 size;
	struct liveupdate_ioctl_create_session create;
	struct liveupdate_ioctl_retrieve_session retrieve_session;
	struct liveupdate_session_preserve_fd preserve;
	struct liveupdate_session_retrieve_fd retrieve;
	struct liveupdate_session_finish finish;
	struct liveupdate_session_get_name get_name;
	struct liveupdate_session_discard_fd discard;
	struct liveupdate_session_unpreserve_fd unpreserve;
	struct liveupdate_ioctl_list_sessions list_sessions;
	struct liveupdate_ioctl_list_files list_files;
	struct liveupdate_session_list_files session_list_files;
	unsigned char bytes[PAGE];
};

/* Those that can be made are known, to clean up in the end */
static void session_name(char *name, unsigned int nr)
{
	static const char *const format[] = {
		"f-%u", "/ \t\n%%s%u\x7f\x80\xff", "f-%061u",
	};

	snprintf(name, LIVEUPDATE_SESSION_NAME_LENGTH,
		 format[nr % ARRAY_SIZE(format)], nr);
}

static void random_name(struct thread *t, __u8 *name)
{
	unsigned int i;

	memset(name, 0, LIVEUPDATE_SESSION_NAME_LENGTH);
	switch (below(t, 16)) {
	case 0:
		/* No end */
		for (i = 0; i < LIVEUPDATE_SESSION_NAME_LENGTH; i++)
			name[i] = 1 + below(t, 255);
		break;
	case 1:
		break;
	default:
		session_name((char *)name, below(t, NR_NAMES));
	}
}

static __u64 random_token(struct thread *t)
{
	if (one_in(t, 16))
		return ~0ULL - below(t, 2);
	return below(t, NR_TOKENS);
}

static void random_size(struct thread *t, union args *args, __u32 good)
{
	static const __u32 edges[] = {
		0, 1, 4, 7, 8, 16, 24, 72, 80, PAGE - 1, PAGE, PAGE + 1,
		2 * PAGE, INT32_MAX, UINT32_MAX,
	};

	args->size = good;
	if (one_in(t, 16))
		args->size = edges[below(t, ARRAY_SIZE(edges))];
	else if (one_in(t, 16))
		args->size = good + (int)below(t, 17) - 8;
}

/* Where the argument is: nearly always where it belongs */
static void *place(struct thread *t, const union args *args, __u32 good)
{
	unsigned char *end = t->arena + 2 * PAGE;

	switch (below(t, 48)) {
	case 0:
		return NULL;
	case 1:
		return (void *)(UINTPTR_MAX - below(t, PAGE));
	case 2:
		/* Can't be written: the reply fails */
		return t->arena;
	case 3:
		/* The end is not there */
		end -= below(t, good);
		memcpy(end, args, t->arena + 2 * PAGE - end);
		return end;
	case 4:
		return t->arena + 2 * PAGE;
	case 5:
		/* Not aligned */
		memcpy(t->arena + PAGE + 1, args, PAGE / 2);
		return t->arena + PAGE + 1;
	case 6:
		/* Another thread may change it meanwhile */
		return memcpy(commons, args, PAGE);
	default:
		return (void *)args;
	}
}

static bool call_ioctl(struct thread *t, int fd, unsigned long cmd,
		       union args *args, __u32 good)
{
	random_size(t, args, good);
	/* On the wrong kind of file */
	if (one_in(t, 32))
		fd = any_fd(t);
	return !ioctl(fd, cmd, place(t, args, good));
}

static bool do_create(struct thread *t)
{
	union args args = { .create.fd = -1 };
	bool done;

	random_name(t, args.create.name);
	done = call_ioctl(t, device, LIVEUPDATE_IOCTL_CREATE_SESSION, &args,
			  sizeof(args.create));
	if (done)
		put_fd(t, sessions, NR_SESSIONS, args.create.fd);
	return done;
}

static bool do_retrieve_session(struct thread *t)
{
	union args args = { .retrieve_session.fd = -1 };
	bool done;

	random_name(t, args.retrieve_session.name);
	done = call_ioctl(t, device, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &args,
			  sizeof(args.retrieve_session));
	if (done)
		put_fd(t, arrived, NR_ARRIVED, args.retrieve_session.fd);
	return done;
}

static bool do_preserve(struct thread *t)
{
	union args args = {
		.preserve.fd = any_fd(t),
		.preserve.token = random_token(t),
	};

	return call_ioctl(t, any_session(t), LIVEUPDATE_SESSION_PRESERVE_FD,
			  &args, sizeof(args.preserve));
}

static bool do_retrieve(struct thread *t)
{
	union args args = {
		.retrieve.fd = -1,
		.retrieve.token = random_token(t),
	};
	bool done;

	done = call_ioctl(t, any_arrived(t), LIVEUPDATE_SESSION_RETRIEVE_FD,
			  &args, sizeof(args.retrieve));
	if (done)
		put_fd(t, files, NR_FILES, args.retrieve.fd);
	return done;
}

static bool do_finish(struct thread *t)
{
	union args args = { .finish.reserved = one_in(t, 16) };

	return call_ioctl(t, any_arrived(t), LIVEUPDATE_SESSION_FINISH, &args,
			  sizeof(args.finish));
}

static bool do_get_name(struct thread *t)
{
	union args args = { .get_name.reserved = one_in(t, 16) };

	return call_ioctl(t, any_session(t), LIVEUPDATE_SESSION_GET_NAME, &args,
			  sizeof(args.get_name));
}

static bool do_discard(struct thread *t)
{
	union args args = {
		.discard.reserved = one_in(t, 16),
		.discard.token = random_token(t),
	};

	return call_ioctl(t, any_arrived(t), LIVEUPDATE_SESSION_DISCARD_FD,
			  &args, sizeof(args.discard));
}

static bool do_unpreserve(struct thread *t)
{
	union args args = {
		.unpreserve.reserved = one_in(t, 16),
		.unpreserve.token = random_token(t),
	};

	return call_ioctl(t, any_session(t),
			  LIVEUPDATE_SESSION_UNPRESERVE_FD, &args,
			  sizeof(args.unpreserve));
}

/* Behind @end nothing is mapped, and a page before it can't be written */
static __u64 room_for_infos(struct thread *t)
{
	unsigned char *end = t->arena + 2 * PAGE;

	return (uintptr_t)end - (one_in(t, 4) ? below(t, 2 * PAGE) : PAGE);
}

static __u32 random_info_size(struct thread *t, __u32 good)
{
	return one_in(t, 4) ? below(t, 4 * good) : good;
}

static bool do_list_sessions(struct thread *t)
{
	union args args = {
		.list_sessions.flags = below(t, one_in(t, 16) ? 4 : 2),
		.list_sessions.nr = below(t, 40),
		.list_sessions.start = one_in(t, 2) ? 0 : below(t, 5000),
		.list_sessions.infos = room_for_infos(t),
	};

	args.list_sessions.info_size =
		random_info_size(t, sizeof(struct liveupdate_session_info));
	return call_ioctl(t, device, LIVEUPDATE_IOCTL_LIST_SESSIONS, &args,
			  sizeof(args.list_sessions));
}

static bool do_list_files(struct thread *t)
{
	union args args = {
		.list_files.flags = below(t, one_in(t, 16) ? 4 : 2),
		.list_files.nr = below(t, 56),
		.list_files.session = below(t, 5000),
		.list_files.start = random_token(t),
		.list_files.infos = room_for_infos(t),
	};

	args.list_files.info_size =
		random_info_size(t, sizeof(struct liveupdate_file_info));
	if (one_in(t, 2))
		return call_ioctl(t, device, LIVEUPDATE_IOCTL_LIST_FILES, &args,
				  sizeof(args.list_files));

	/* The session is the file that it is called on */
	args.session_list_files.start = args.list_files.start;
	args.session_list_files.infos = args.list_files.infos;
	return call_ioctl(t, any_session(t), LIVEUPDATE_SESSION_LIST_FILES,
			  &args, sizeof(args.session_list_files));
}

/* Any number, direction and size; it "works" if it is refused */
static bool do_unknown_ioctl(struct thread *t)
{
	unsigned int type = one_in(t, 4) ? below(t, 256) : LIVEUPDATE_IOCTL_TYPE;
	union args args;
	unsigned int i;

	for (i = 0; i < sizeof(args); i++)
		args.bytes[i] = below(t, 256);
	args.size = below(t, 128);

	return ioctl(one_in(t, 2) ? device : any_session(t),
		     _IOC(below(t, 4), type, below(t, 256), below(t, 128)),
		     place(t, &args, 128)) < 0;
}

static bool do_open_device(struct thread *t)
{
	int fd = open(LUO_DEVICE, (one_in(t, 2) ? O_RDWR : O_RDONLY) | O_CLOEXEC);

	/* One at a time, and there is one */
	if (fd < 0)
		return errno == EBUSY;
	atomic_fetch_add(&shared->second_opens, 1);
	close(fd);
	return false;
}

/*
 * What can be preserved, and what can't
 */

static int new_memfd(struct thread *t)
{
	unsigned int flags = MFD_CLOEXEC;

	flags |= one_in(t, 2) ? MFD_ALLOW_SEALING : 0;
	flags |= one_in(t, 4) ? MFD_NOEXEC_SEAL : MFD_EXEC;
	flags |= one_in(t, 32) ? MFD_HUGETLB : 0;
	return memfd_create("fuzz", flags);
}

static int new_socket(struct thread *t)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	put_fd(t, files, NR_FILES, fds[1]);
	return fds[0];
}

static bool do_new_file(struct thread *t)
{
	int fd;

	switch (below(t, 24)) {
	case 0:
		fd = eventfd(0, EFD_CLOEXEC);
		break;
	case 1:
		fd = epoll_create1(EPOLL_CLOEXEC);
		break;
	case 2:
		fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		break;
	case 3:
		fd = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		break;
	case 4:
		fd = new_socket(t);
		break;
	case 5:
		fd = open("/dev/null", O_PATH | O_CLOEXEC);
		break;
	case 6:
	case 7:
		fd = counter_new(below(t, 1000));
		break;
	case 8:
	case 9:
		fd = pair_new(any_file(t));
		break;
	default:
		fd = new_memfd(t);
	}
	put_fd(t, files, NR_FILES, fd);
	return fd >= 0;
}

/* Near the start, at times far from it; not so much that memory runs out */
static off_t random_offset(struct thread *t)
{
	off_t offset = below(t, MIB);

	if (one_in(t, 16))
		offset <<= below(t, 24);
	return offset;
}

static bool do_write(struct thread *t)
{
	int fd = any_file(t);

	if (one_in(t, 8))
		lseek(fd, random_offset(t), SEEK_SET);
	/* A session reads and writes nothing */
	if (one_in(t, 32))
		fd = any_session(t);
	return pwrite(fd, t->arena, 1 + below(t, PAGE), random_offset(t)) > 0;
}

static bool do_truncate(struct thread *t)
{
	return !ftruncate(any_file(t), random_offset(t));
}

static bool do_punch(struct thread *t)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_ZERO_RANGE,
	};

	return !fallocate(any_file(t), modes[below(t, ARRAY_SIZE(modes))],
			  random_offset(t), 1 + below(t, 256 * KIB));
}

static bool do_seal(struct thread *t)
{
	int fd = any_file(t);

	/* One that can be undone is no good for this, so rarely */
	if (one_in(t, 4))
		return !fcntl(fd, F_ADD_SEALS, 1 << below(t, 6));
	return fcntl(fd, F_GET_SEALS) >= 0;
}

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(fault_jump, 1);
}

/* Beyond the end of the file there is a signal instead of memory */
static bool do_map(struct thread *t)
{
	size_t len = PAGE * (1 + below(t, 64));
	bool shared_map = !one_in(t, 4), write = !one_in(t, 4);
	atomic_uchar *mem;

	mem = mmap(NULL, len, PROT_READ | (write ? PROT_WRITE : 0),
		   shared_map ? MAP_SHARED : MAP_PRIVATE, any_file(t),
		   below(t, 64) * PAGE);
	if (mem == MAP_FAILED)
		return false;
	if (!sigsetjmp(fault_jump, 1)) {
		if (write)
			atomic_store(&mem[below(t, len)], 1);
		else
			atomic_load(&mem[below(t, len)]);
	}
	madvise(mem, len, one_in(t, 2) ? MADV_REMOVE : MADV_DONTNEED);
	munmap(mem, len);
	return true;
}

static bool do_dup(struct thread *t)
{
	bool session = one_in(t, 4);
	int fd = fcntl(session ? any_session(t) : any_file(t), F_DUPFD_CLOEXEC,
		       10);

	if (session)
		put_fd(t, sessions, NR_SESSIONS, fd);
	else
		put_fd(t, files, NR_FILES, fd);
	return fd >= 0;
}

static bool do_close(struct thread *t)
{
	atomic_int *slot;
	int fd;

	if (one_in(t, 8))
		slot = &arrived[below(t, NR_ARRIVED)];
	else if (one_in(t, 3))
		slot = &sessions[below(t, NR_SESSIONS)];
	else
		slot = &files[below(t, NR_FILES)];
	fd = atomic_exchange(slot, -1);
	return fd >= 0 && !close(fd);
}

/*
 * Between processes
 */

struct letter {
	struct iovec iov;
	char text[1];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg;
};

static struct msghdr *letter_init(struct letter *letter)
{
	memset(letter, 0, sizeof(*letter));
	letter->iov.iov_base = letter->text;
	letter->iov.iov_len = sizeof(letter->text);
	letter->msg.msg_iov = &letter->iov;
	letter->msg.msg_iovlen = 1;
	letter->msg.msg_control = &letter->control;
	letter->msg.msg_controllen = sizeof(letter->control);
	return &letter->msg;
}

static bool do_send(struct thread *t)
{
	bool session = one_in(t, 2);
	int fd = session ? any_session(t) : any_file(t);
	struct letter letter;
	struct msghdr *msg = letter_init(&letter);

	letter.text[0] = session;
	letter.control.header.cmsg_level = SOL_SOCKET;
	letter.control.header.cmsg_type = SCM_RIGHTS;
	letter.control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&letter.control.header), &fd, sizeof(fd));
	return sendmsg(mail[0], msg, MSG_DONTWAIT) == 1;
}

static bool do_receive(struct thread *t)
{
	struct letter letter;
	struct msghdr *msg = letter_init(&letter);
	int fd;

	if (recvmsg(mail[1], msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1 ||
	    letter.control.header.cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(&fd, CMSG_DATA(&letter.control.header), sizeof(fd));
	if (letter.text[0])
		put_fd(t, sessions, NR_SESSIONS, fd);
	else
		put_fd(t, files, NR_FILES, fd);
	return true;
}

/* For a moment there is one more process that has all the files */
static bool do_fork(struct thread *t)
{
	pid_t pid = fork();

	if (!pid) {
		do_preserve(t);
		do_finish(t);
		do_close(t);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool do_look(struct thread *t)
{
	int fd = any_session(t), info;
	struct pollfd pollfd = { .fd = fd, .events = ~0 };
	char path[48], text[256];
	bool seen;

	poll(&pollfd, 1, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	seen = readlink(path, text, sizeof(text)) > 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info >= 0) {
		seen = read(info, text, sizeof(text)) > 0 && seen;
		close(info);
	}
	return seen;
}

static bool (*const calls[NR_CALLS])(struct thread *t) = {
	do_create, do_retrieve_session, do_preserve, do_retrieve, do_finish,
	do_get_name, do_discard, do_unpreserve, do_list_sessions,
	do_list_files, do_unknown_ioctl, do_open_device, do_new_file,
	do_write, do_truncate, do_punch, do_seal, do_map, do_dup, do_close,
	do_send, do_receive, do_fork, do_look,
};

/* How often, of all; what takes long or frees much is rare */
static const unsigned char weight[NR_CALLS] = {
	[CREATE] = 20, [RETRIEVE_SESSION] = 3, [PRESERVE] = 60,
	[RETRIEVE] = 30, [FINISH] = 1, [GET_NAME] = 5, [DISCARD] = 10,
	[UNPRESERVE] = 15, [LIST_SESSIONS] = 2, [LIST_FILES] = 4,
	[UNKNOWN_IOCTL] = 10, [OPEN_DEVICE] = 3, [NEW_FILE] = 30,
	[WRITE] = 20, [TRUNCATE] = 8, [PUNCH] = 8, [SEAL] = 6, [MAP] = 8,
	[DUP] = 5, [CLOSE] = 10, [SEND] = 5, [RECEIVE] = 5, [FORK] = 1,
	[LOOK] = 5,
};

static enum call random_call(struct thread *t)
{
	unsigned int sum = 0, n, i;

	for (i = 0; i < NR_CALLS; i++)
		sum += weight[i];
	n = below(t, sum);
	for (i = 0; n >= weight[i]; i++)
		n -= weight[i];
	return i;
}

/*
 * Workers
 */

/* The next allocations but @nth succeed, that one fails */
static void set_fail_nth(struct thread *t, unsigned int nth)
{
	char text[16];
	int len, i;

	if (t->fail_nth < 0)
		return;
	len = snprintf(text, sizeof(text), "%u", nth);
	/* To read the number may be what fails, once */
	for (i = 0; i < 2; i++)
		if (pwrite(t->fail_nth, text, len, 0) == len)
			break;
}

static void init_thread(struct thread *t)
{
	char path[64];

	t->arena = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->arena == MAP_FAILED)
		_exit(1);
	memset(t->arena, 1, 2 * PAGE);
	mprotect(t->arena, PAGE, PROT_READ);
	munmap(t->arena + 2 * PAGE, PAGE);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth",
		 syscall(__NR_gettid));
	t->fail_nth = open(path, O_RDWR | O_CLOEXEC);
}

static void *work(void *arg)
{
	struct thread *t = arg;
	enum call call;
	bool done;

	init_thread(t);
	while (!atomic_load(&shared->stop)) {
		call = random_call(t);
		atomic_store(&shared->thread[t->worker][t->index].call, call);
		if (one_in(t, 8))
			set_fail_nth(t, 1 + below(t, 20));
		done = calls[call](t);
		set_fail_nth(t, 0);
		atomic_fetch_add(&shared->tried[call], 1);
		atomic_fetch_add(&shared->done[call], done);
		atomic_fetch_add(&shared->total, 1);
		atomic_fetch_add(&shared->thread[t->worker][t->index].count, 1);
	}

	/* The sessions stay until the jump */
	atomic_store(&shared->thread[t->worker][t->index].parked, true);
	for (;;)
		pause();
	return NULL;
}

static void __noreturn run_worker(unsigned int nr, unsigned int generation)
{
	struct sigaction action = { .sa_handler = on_fault };
	struct thread threads[NR_THREADS] = {};
	pthread_t thread;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	for (i = 0; i < NR_THREADS; i++) {
		struct thread *t = &threads[i];

		t->worker = nr;
		t->index = i;
		t->random = (seed * 1000003 + stage * 10007 +
			     generation * 101 + nr * 11 + i) * 2654435761U | 1;
		atomic_store(&shared->thread[nr][i].parked, false);
		if (pthread_create(&thread, NULL, work, t))
			_exit(1);
	}
	for (;;)
		pause();
}

static pid_t start_worker(unsigned int nr)
{
	static unsigned int generation;
	pid_t pid;

	generation++;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_perror("fork");
	if (!pid)
		run_worker(nr, generation);
	return pid;
}

static void end_worker(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
}

/*
 * The one who watches
 */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* Every wait can fail, and nobody wants to read of it */
static void prepare_faults(void)
{
	write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/failslab/verbose", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	write_file("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

/* Has each thread come back from a call since the last time? */
static void watch_threads(void)
{
	static unsigned long seen[NR_WORKERS][NR_THREADS];
	static time_t since[NR_WORKERS][NR_THREADS];
	time_t now = time(NULL);
	unsigned int w, i;

	for (w = 0; w < NR_WORKERS; w++)
		for (i = 0; i < NR_THREADS; i++) {
			unsigned long count =
				atomic_load(&shared->thread[w][i].count);
			int call = atomic_load(&shared->thread[w][i].call);

			if (count != seen[w][i] || !since[w][i] ||
			    atomic_load(&shared->thread[w][i].parked)) {
				seen[w][i] = count;
				since[w][i] = now;
			} else if (now - since[w][i] > HANG_SECONDS) {
				klogctl(SYSLOG_CONSOLE_LEVEL, NULL, 8);
				write_file("/proc/sysrq-trigger", "w");
				write_file("/proc/sysrq-trigger", "l");
				ksft_exit_fail_msg("worker %u hangs in '%s'\n",
						   w, call_name[call]);
			}
		}
}

/*
 * A fault that is injected while a signal is delivered ends the process. Nothing
 * else does.
 */
static unsigned int replace_dead(pid_t *workers)
{
	unsigned int died = 0, i;

	for (i = 0; i < NR_WORKERS; i++) {
		if (waitpid(workers[i], NULL, WNOHANG) != workers[i])
			continue;
		workers[i] = start_worker(i);
		died++;
	}
	return died;
}

static bool all_parked(void)
{
	unsigned int w, i;

	for (w = 0; w < NR_WORKERS; w++)
		for (i = 0; i < NR_THREADS; i++)
			if (!atomic_load(&shared->thread[w][i].parked))
				return false;
	return true;
}

/*
 * The counter refuses to freeze, and it is in the last session, so that all the
 * others are frozen, as far as they let themselves, and unfrozen again.
 */
static void refuse_reboot(void)
{
	int session = luo_create_session(device, "refuse"), counter;

	CHECK(session >= 0);
	counter = counter_new(1);
	CHECK(counter >= 0);
	if (CHECK_EQ(0, luo_preserve(session, counter, 1)))
		CHECK_EQ(-EIO, luo_kexec_jump());
	close(counter);
	close(session);
}

static void fuzz(pid_t *workers)
{
	time_t end = time(NULL) + seconds / NR_STAGES;
	unsigned int tick, i, refused = 0, killed = 0, died = 0;
	struct thread self = { .random = seed * 7919 + stage };

	for (i = 0; i < NR_WORKERS; i++)
		workers[i] = start_worker(i);
	for (tick = 1; time(NULL) < end; tick++) {
		if (atomic_load(&shared->total) >= max_calls)
			break;
		usleep(TICK * 1000);
		died += replace_dead(workers);
		watch_threads();
		if (tick % TICKS_REBOOT == 0) {
			refuse_reboot();
			refused++;
		}
		if (tick % TICKS_KILL == 0) {
			i = below(&self, NR_WORKERS);
			end_worker(workers[i]);
			workers[i] = start_worker(i);
			killed++;
		}
		if (tick % TICKS_NEWS == 0)
			ksft_print_msg("%lu calls\n",
				       atomic_load(&shared->total));
	}

	atomic_store(&shared->stop, true);
	while (!all_parked()) {
		usleep(TICK * 1000);
		died += replace_dead(workers);
		watch_threads();
	}
	CHECK(refused && killed);
	CHECK(!died || !access("/proc/self/fail-nth", F_OK));
	CHECK_EQ(0, atomic_load(&shared->second_opens));
	ksft_print_msg("%lu calls, %u reboots refused, %u processes killed, %u died\n",
		       atomic_load(&shared->total), refused, killed, died);
	luo_report("stage %u: random calls, seed %u", stage, seed);
}

/* Something to retrieve for the next stage, under each name that is free */
static void make_fodder(void)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	unsigned int i, token;
	int session, fd;

	for (i = 0; i < NR_NAMES; i++) {
		session_name(name, i);
		session = luo_create_session(device, name);
		CHECK(session >= 0 || session == -EEXIST);
		for (token = 0; session >= 0 && token < NR_TOKENS; token++) {
			fd = token % 2 ? counter_new(i) :
					 luo_memfd("fodder", 0, i * PAGE);
			CHECK(fd >= 0);
			CHECK_EQ(0, luo_preserve(session, fd, token));
			close(fd);
		}
	}
}

/* A fuzzer that is refused everywhere finds nothing */
static void check_work(void)
{
	unsigned int i;

	for (i = 0; i < NR_CALLS; i++) {
		unsigned long done = atomic_load(&shared->done[i]);

		ksft_print_msg("%s: %lu of %lu worked\n", call_name[i], done,
			       atomic_load(&shared->tried[i]));
		/* What came over is there to be retrieved from stage 2 on */
		if (stage == 1 && (i == RETRIEVE_SESSION || i == RETRIEVE ||
				   i == FINISH || i == DISCARD))
			CHECK_EQ(0, done);
		else
			CHECK(done > 0);
	}
	luo_report("stage %u: every kind of call works at times", stage);
}

/*
 * What nobody touches
 */

static void keep_sessions(void)
{
	unsigned int i;
	char name[32];
	int session, fd;

	for (i = 0; i < NR_KEPT; i++) {
		snprintf(name, sizeof(name), "kept-%u", i);
		session = luo_create_session(device, name);
		CHECK(session >= 0);
		fd = luo_memfd(name, 0, KEPT_SIZE);
		CHECK(fd >= 0);
		CHECK_EQ(0, luo_write_pattern(fd, 0, KEPT_SIZE, KEPT_SEED + i));
		CHECK_EQ(0, luo_preserve(session, fd, i));
		close(fd);
	}
}

static void check_kept(void)
{
	unsigned int i;
	char name[32];
	int session, fd;

	for (i = 0; i < NR_KEPT; i++) {
		snprintf(name, sizeof(name), "kept-%u", i);
		session = luo_retrieve_session(device, name);
		CHECK(session >= 0);
		fd = luo_retrieve(session, i);
		CHECK(fd >= 0);
		CHECK_EQ(0, luo_verify_pattern(fd, 0, KEPT_SIZE,
					       KEPT_SEED + i));
		CHECK_EQ(0, luo_finish(session));
		close(fd);
		close(session);
	}
	luo_report("stage %u: what nobody touched came over", stage);
}

/* What nobody received is still there, sessions too */
static void empty_mail(void)
{
	struct thread self = { .random = 1 };

	while (do_receive(&self))
		;
	close_fds(sessions, NR_SESSIONS);
	close_fds(files, NR_FILES);
	close(mail[0]);
	close(mail[1]);
}

/* Those too whom a worker had forked when it was killed */
static void end_workers(const pid_t *workers)
{
	unsigned int i;

	for (i = 0; i < NR_WORKERS; i++)
		end_worker(workers[i]);
	while (waitpid(-1, NULL, 0) > 0)
		;
	CHECK_EQ(ECHILD, errno);
}

/*
 * What no worker asked for keeps its handlers' modules in use.  A name may have
 * come over several times: from the last kernel, and carried over from older
 * ones.
 */
static void finish_sessions(const char *name)
{
	int session, i;

	while ((session = luo_retrieve_session(device, name)) >= 0) {
		/* The tokens of random_token() */
		for (i = -2; i < NR_TOKENS; i++)
			close(luo_retrieve(session, i));
		CHECK_EQ(0, luo_finish(session));
		close(session);
	}
	CHECK_EQ(ENOENT, errno);
}

/* Names are free, modules are not in use */
static void check_idle(void)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	unsigned int i;
	int session;

	for (i = 0; i < NR_NAMES; i++) {
		session_name(name, i);
		finish_sessions(name);
		session = luo_create_session(device, name);
		CHECK(session >= 0);
		close(session);
	}
	CHECK(modules_unload());
	luo_report("stage %u: nothing is left of it", stage);
}

static void run_stage(void)
{
	pid_t workers[NR_WORKERS];

	luo_plan((stage > 1) + 2 + (stage == NR_STAGES));
	CHECK(modules_load());
	if (stage > 1)
		check_kept();
	CHECK_EQ(0, luo_kexec_load(NULL));
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_FREEZE));
	fuzz(workers);
	check_work();
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	if (stage < NR_STAGES) {
		keep_sessions();
		make_fodder();
		luo_leave_kernel();
	}

	end_workers(workers);
	empty_mail();
	check_idle();
	luo_finish_stage();
}

static unsigned long parameter(const char *key, unsigned long value)
{
	char text[32];

	if (luo_cmdline_value(key, text, sizeof(text)))
		return value;
	return strtoul(text, NULL, 10);
}

int main(int argc, char *argv[])
{
	if (argc == 2 && !strncmp(argv[1], "stage", 5))
		stage = strtoul(argv[1] + 5, NULL, 10);
	if (!stage || stage > NR_STAGES) {
		fprintf(stderr, "usage: %s stageN\n", argv[0]);
		return KSFT_FAIL;
	}
	if (!modules_available()) {
		luo_plan(1);
		luo_report_skip("no modules of CONFIG_SAMPLE_LIVEUPDATE");
		luo_finish_stage();
	}

	seed = parameter("luo.seed", seed);
	seconds = parameter("luo.seconds", seconds);
	max_calls = parameter("luo.calls", max_calls);
	if (!access(KMEMLEAK, F_OK))
		seconds *= DEBUG_FACTOR;
	device = luo_open_device();
	if (device < 0)
		ksft_exit_fail_msg("no %s: %d\n", LUO_DEVICE, device);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, mail))
		ksft_exit_fail_perror("mmap or socketpair");
	forget_fds(sessions, NR_SESSIONS);
	forget_fds(arrived, NR_ARRIVED);
	forget_fds(files, NR_FILES);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prepare_faults();
	run_stage();
}
