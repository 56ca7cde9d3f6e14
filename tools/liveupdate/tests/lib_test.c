// SPDX-License-Identifier: GPL-2.0
/*
 * libliveupdate, in two kernels: 'lib_test stage1' leaves sessions in a process in
 * the background, 'lib_test stage2' runs in the next kernel. 'lib_test names'
 * needs no kernel. Prints TAP.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libliveupdate.h>

/* More than are listed at once */
#define MANY		100

#define WEIRD		"a b\t\n\\\x01\x7f\xff\"z"
#define WEIRD_TEXT	"a\\040b\\011\\012\\134\\001\\177\\377\"z"

static unsigned int number, failed;

static void ok(bool good, const char *what)
{
	printf("%sok %u - lib: %s\n", good ? "" : "not ", ++number, what);
	failed += !good;
}

static void is(long long seen, long long expected, const char *what)
{
	if (seen != expected)
		printf("# seen %lld, expected %lld\n", seen, expected);
	ok(seen == expected, what);
}

static int finish(void)
{
	printf("1..%u\n", number);
	fflush(stdout);

	return failed ? 1 : 0;
}

static int count_session(const struct lu_session *session, void *arg)
{
	struct lu_session *last = arg;

	/* Ascending, and each one once */
	if (last->nr_files && session->id <= last->id)
		return -EILSEQ;
	last->id = session->id;
	last->nr_files++;

	return 0;
}

static int find_session(const struct lu_session *session, void *arg)
{
	struct lu_session *found = arg;

	if (strcmp(session->name, found->name))
		return 0;
	*found = *session;

	return 1;
}

static int count_file(const struct lu_file *file, void *arg)
{
	unsigned long *nr = arg;

	if (!file->bytes || !*file->handler)
		return -EILSEQ;
	++*nr;

	return 0;
}

static int stop_at_once(const struct lu_file *file, void *arg)
{
	(void)file;
	++*(unsigned long *)arg;

	return 42;
}

static int find_state(const struct lu_file *file, void *arg)
{
	struct lu_file *found = arg;

	if (file->token != found->token)
		return 0;
	*found = *file;

	return 1;
}

static long long state_of(int session, unsigned long long token)
{
	struct lu_file file = { .token = token };
	int ret = lu_session_list_files(session, find_state, &file);

	return ret == 1 ? (long long)file.state : ret ?: -ENOENT;
}

static int make_memfd(const char *text)
{
	int fd = memfd_create("lib_test", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		exit(1);

	return fd;
}

static void test_names(void)
{
	char buf[LU_ESCAPED_SIZE], full[LU_NAME_SIZE];

	is(lu_escape_name(WEIRD, buf, sizeof(buf)), strlen(WEIRD_TEXT),
	   "escape: length");
	ok(!strcmp(buf, WEIRD_TEXT), "escape: text");
	is(lu_unescape_name(WEIRD_TEXT, buf, sizeof(buf)), strlen(WEIRD),
	   "unescape: length");
	ok(!strcmp(buf, WEIRD), "unescape: text");
	memset(full, 0xff, sizeof(full) - 1);
	full[sizeof(full) - 1] = '\0';
	is(lu_escape_name(full, buf, sizeof(buf)), LU_ESCAPED_SIZE - 1,
	   "escape: the longest name just fits");
	is(lu_escape_name(full, buf, sizeof(buf) - 1), -ENAMETOOLONG,
	   "escape: one byte less");
	is(lu_escape_name("", buf, 0), -ENAMETOOLONG, "escape: no room");
	is(lu_unescape_name("ab", buf, 2), -ENAMETOOLONG,
	   "unescape: no room");
	is(lu_unescape_name("\\", buf, 9), -EINVAL, "unescape: no digit");
	is(lu_unescape_name("\\12", buf, 9), -EINVAL, "unescape: two digits");
	is(lu_unescape_name("\\128", buf, 9), -EINVAL, "unescape: not octal");
	is(lu_unescape_name("\\000", buf, 9), -EINVAL, "unescape: NUL");
	is(lu_unescape_name("\\400", buf, 9), -EINVAL, "unescape: too large");
	ok(!strcmp(lu_file_state_name(99), "unknown"), "unknown state");
}

static void test_bad(int dev)
{
	char name[LU_NAME_SIZE + 1] = "";
	int fd = make_memfd("x");

	is(lu_open(), -EBUSY, "open: one at a time");
	is(lu_session_create(dev, ""), -EINVAL, "create: empty name");
	memset(name, 'n', LU_NAME_SIZE);
	is(lu_session_create(dev, name), -EINVAL, "create: name too long");
	is(lu_session_retrieve(dev, "none"), -ENOENT, "retrieve: no session");
	is(lu_session_retrieve(dev, ""), -EINVAL, "retrieve: empty name");
	is(lu_session_discard(dev, "none"), -ENOENT, "discard: no session");
	is(lu_session_create(fd, "x"), -ENOTTY, "create: not the device");
	is(lu_session_create(-1, "x"), -EBADF, "create: no descriptor");
	is(lu_session_get_name(fd, name), -ENOTTY, "name: no session");
	is(lu_session_is_incoming(fd), -ENOTTY, "incoming: no session");
	is(lu_session_is_incoming(-1), -EBADF, "incoming: no descriptor");
	is(lu_list_sessions(dev, ~0U, count_session, NULL), -EINVAL,
	   "list: unknown flags");
	is(lu_list_files(dev, 0, 1UL << 60, count_file, NULL), -ENOENT,
	   "list files: no session");
	is(lu_session_list_files(fd, count_file, NULL), -ENOTTY,
	   "list files: no session");
	is(lu_debugfs_open("../x"), -EINVAL, "debugfs: bad name");
	is(lu_debugfs_open("none"), -ENOENT, "debugfs: no file");
	is(lu_debugfs_list_sessions(~0U, count_session, NULL), -EINVAL,
	   "debugfs: unknown flags");
	close(fd);
}

static void test_files(int session)
{
	int fd = make_memfd("one"), pipes[2];
	unsigned long nr = 0;

	is(lu_file_preserve(session, -1, 1), -EBADF, "preserve: bad fd");
	ok(!pipe(pipes), "pipe");
	is(lu_file_preserve(session, pipes[0], 1), -ENOENT,
	   "preserve: no handler");
	is(lu_file_preserve(session, fd, 1), 0, "preserve");
	is(lu_file_preserve(session, fd, 2), -EBUSY, "preserve: twice");
	is(state_of(session, 1), LU_FILE_PRESERVED, "state: preserved");
	is(state_of(session, 2), -ENOENT, "a failed preserve is not listed");
	is(lu_file_retrieve(session, 1), -EINVAL, "retrieve: new session");
	is(lu_file_discard(session, 1), -EINVAL, "discard: new session");
	is(lu_session_finish(session), -EINVAL, "finish: new session");
	is(lu_file_unpreserve(session, 2), -ENOENT, "unpreserve: no token");
	is(lu_file_unpreserve(session, 1), 0, "unpreserve");
	is(lu_file_unpreserve(session, 1), -ENOENT, "unpreserve: again");
	is(ftruncate(fd, 9), 0, "it can change its size again");
	is(lu_file_preserve(session, fd, UINT64_MAX), 0,
	   "preserve: the highest token");
	is(lu_session_list_files(session, count_file, &nr), 0, "list files");
	is(nr, 1, "one file");
	close(fd);
	fd = make_memfd("two");
	is(lu_file_preserve(session, fd, 0), 0, "preserve: the lowest token");
	close(fd);
}

static void test_many(int dev, int session)
{
	struct lu_session last = { 0 }, found = { .name = WEIRD };
	int i, fd, bad = 0, sessions[MANY];
	unsigned long nr = 0;
	char name[16];

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		sessions[i] = lu_session_create(dev, name);
		fd = make_memfd(name);
		bad += sessions[i] < 0;
		bad += lu_file_preserve(session, fd, 1000 + i) != 0;
		close(fd);
	}
	is(bad, 0, "many sessions and files");
	is(lu_list_sessions(dev, LU_LIST_NEW, count_session, &last), 0,
	   "list many sessions");
	is(last.nr_files, MANY + 1, "all are listed, in order");
	is(lu_list_sessions(dev, LU_LIST_NEW, find_session, &found), 1,
	   "a callback ends a list");
	is(found.nr_files, MANY + 2, "number of files");
	is(lu_list_files(dev, LU_LIST_NEW, found.id, count_file, &nr), 0,
	   "list many files");
	is(nr, MANY + 2, "all are listed");
	nr = 0;
	is(lu_list_files(dev, LU_LIST_NEW, found.id, stop_at_once, &nr), 42,
	   "a callback ends a list of files");
	is(nr, 1, "at once");
	nr = 0;
	is(lu_debugfs_list_files(LU_LIST_NEW, found.id, count_file, &nr), 0,
	   "debugfs: files");
	is(nr, MANY + 2, "debugfs: all of them");
	found = (struct lu_session) { .name = WEIRD };
	is(lu_debugfs_list_sessions(LU_LIST_NEW, find_session, &found), 1,
	   "debugfs: finds a weird name");
	is(found.nr_files, MANY + 2, "debugfs: number of files");
	for (i = 0; i < MANY; i++)
		close(sessions[i]);
}

/* Holds the session until the kexec, with nothing of ours that could be waited for */
static void leave_behind(void)
{
	fflush(stdout);
	if (fork())
		return;
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	for (;;)
		pause();
}

static int stage1(void)
{
	struct lu_status status;
	char name[LU_NAME_SIZE];
	int dev, session;

	test_names();
	dev = lu_open();
	ok(dev >= 0, "open");
	test_bad(dev);
	session = lu_session_create(dev, WEIRD);
	ok(session >= 0, "create");
	is(fcntl(session, F_GETFD), FD_CLOEXEC, "close-on-exec");
	is(lu_session_create(dev, WEIRD), -EEXIST, "create: twice");
	is(lu_session_get_name(session, name), 0, "get name");
	ok(!strcmp(name, WEIRD), "it is the name");
	is(lu_session_is_incoming(session), 0, "it is new");
	test_files(session);
	test_many(dev, session);
	is(lu_get_status(&status, sizeof(status)), 0, "status");
	is(status.updates, 0, "status: no update");
	ok(!*status.previous, "status: no previous kernel");
	is(lu_discard_damaged(dev, NULL), 0, "discard damaged: nothing");
	close(dev);
	leave_behind();

	return finish();
}

static void check_text(int fd, const char *expected, const char *what)
{
	char text[32] = "";

	if (fd < 0 || pread(fd, text, sizeof(text) - 1, 0) < 0)
		text[0] = '?';
	ok(!strcmp(text, expected), what);
}

static void test_retrieved(int session)
{
	int fd, again;

	is(lu_session_is_incoming(session), 1, "it came over");
	is(state_of(session, 0), LU_FILE_WAITING, "state: waiting");
	fd = lu_file_retrieve(session, 0);
	check_text(fd, "two", "retrieve: contents");
	is(fcntl(fd, F_GETFD), FD_CLOEXEC, "close-on-exec");
	again = lu_file_retrieve(session, 0);
	check_text(again, "two", "retrieve again");
	is(state_of(session, 0), LU_FILE_RETRIEVED, "state: retrieved");
	is(lu_file_retrieve(session, 7), -ENOENT, "retrieve: no token");
	is(lu_file_preserve(session, fd, 7), -EINVAL,
	   "preserve: came over");
	is(lu_file_unpreserve(session, 0), -EINVAL, "unpreserve: came over");
	is(lu_file_discard(session, 7), -ENOENT, "discard: no token");
	is(lu_file_discard(session, 0), -EBUSY, "discard: retrieved");
	is(lu_file_discard(session, 1000), 0, "discard");
	is(state_of(session, 1000), -ENOENT, "it is gone");
	close(again);
	close(fd);
}

static int stage2(void)
{
	struct lu_session found = { .name = WEIRD };
	struct lu_status status;
	unsigned long nr = 0;
	int dev, session;

	dev = lu_open();
	ok(dev >= 0, "open");
	is(lu_get_status(&status, sizeof(status)), 0, "status");
	is(status.updates, 1, "status: one update");
	ok(*status.previous, "status: the previous kernel");
	is(status.quarantine_files, 0, "status: nothing damaged");
	is(lu_list_sessions(dev, LU_LIST_INCOMING, find_session, &found), 1,
	   "list: it came over");
	is(found.flags, LU_SESSION_INCOMING, "list: flags");
	is(lu_list_files(dev, LU_LIST_INCOMING, found.id, count_file, &nr), 0,
	   "list files");
	is(nr, MANY + 2, "all came over");
	session = lu_session_retrieve(dev, WEIRD);
	ok(session >= 0, "retrieve");
	is(lu_session_retrieve(dev, WEIRD), -EINVAL, "retrieve: twice");
	is(lu_session_discard(dev, WEIRD), -EBUSY, "discard: retrieved");
	test_retrieved(session);
	is(lu_session_finish(session), 0, "finish");
	is(lu_file_retrieve(session, 0), -ENOENT, "it is empty");
	close(session);
	is(lu_session_retrieve(dev, WEIRD), -ENOENT, "retrieve: finished");
	close(dev);

	return finish();
}

int main(int argc, char *argv[])
{
	if (argc == 2 && !strcmp(argv[1], "stage1"))
		return stage1();
	if (argc == 2 && !strcmp(argv[1], "stage2"))
		return stage2();
	if (argc == 2 && !strcmp(argv[1], "names")) {
		test_names();
		return finish();
	}
	fprintf(stderr, "usage: %s stage1|stage2|names\n", argv[0]);

	return 2;
}
