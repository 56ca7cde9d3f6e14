// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers in modules, with the samples in samples/liveupdate: a module can be
 * unloaded whenever none of its files sits in a session, it may be missing in
 * the next kernel, its callbacks may fail, and its files may depend on those of
 * another one.
 *
 * One process does all of a stage and ends it with the jump into the next
 * kernel. Where modules are expected to have users or none, that is checked at
 * once: nothing may be left for later that a program would have to wait for.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define MODPROBE	"/tests/luo_modprobe.sh"

#define MEMFD_SIZE	(64 * KIB)
#define SEED		0x30d5

#define IDS_RETRIEVED	"luo_sample_pair: ids go on with"
/* A counter: its page, and that of the log */
#define DISCARDED	"discarded, 4 KiB"
#define IDS_FINISHED	"luo_sample_pair: ids of the previous kernel are"

static int new_session(int dev, const char *name)
{
	int session = luo_create_session(dev, name);

	CHECK(session >= 0);

	return session;
}

static int old_session(int dev, const char *name)
{
	int session = luo_retrieve_session(dev, name);

	CHECK(session >= 0);

	return session;
}

static int new_counter(long long value)
{
	int fd = counter_new(value);

	CHECK(fd >= 0);
	CHECK_EQ(value, counter_value(fd));

	return fd;
}

static int new_pair(int counter)
{
	int fd = pair_new(counter);

	CHECK(fd >= 0);

	return fd;
}

/* To be kept by the session alone */
static void keep_counter(int session, __u64 token, long long value)
{
	int fd = new_counter(value);

	CHECK_EQ(0, luo_preserve(session, fd, token));
	close(fd);
}

static void keep_memfd(int session, __u64 token)
{
	int fd = luo_memfd("modules", 0, MEMFD_SIZE);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, MEMFD_SIZE, SEED + token));
	CHECK_EQ(0, luo_preserve(session, fd, token));
	close(fd);
}

/* A counter with token 1 and a pair with token 2 */
static void keep_pair(int session, long long value)
{
	int counter = new_counter(value), pair = new_pair(counter);

	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(0, luo_preserve(session, pair, 2));
	close(pair);
	close(counter);
}

static void check_memfd(int session, __u64 token)
{
	int fd = luo_retrieve(session, token);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, MEMFD_SIZE, SEED + token));
	close(fd);
}

static int old_counter(int session, __u64 token, long long value)
{
	int fd = luo_retrieve(session, token);

	CHECK(fd >= 0);
	CHECK_EQ(value, counter_value(fd));

	return fd;
}

static int old_pair(int session, __u64 token, long long value)
{
	int fd = luo_retrieve(session, token);

	CHECK(fd >= 0);
	CHECK(pair_id(fd) > 0);
	CHECK_EQ(value, pair_value(fd));

	return fd;
}

/* One counter behind both, whatever is done with it */
static void check_same_counter(int counter, int pair)
{
	long long value = counter_value(counter);

	CHECK_EQ(0, counter_add(counter, 1000));
	CHECK_EQ(value + 1000, pair_value(pair));
	CHECK_EQ(0, counter_add(counter, -1000));
	CHECK_EQ(value, pair_value(pair));
}

static bool is_refused(int err)
{
	return err == -EWOULDBLOCK || err == -EBUSY;
}

static void check_pinned(const char *module)
{
	if (!CHECK(is_refused(module_unload(module))))
		ksft_print_msg("the module is %s\n", module);
	/* A refusal has no effect */
	if (!CHECK(is_refused(module_unload(module))))
		ksft_print_msg("the module is %s\n", module);
}

static void reload(const char *module)
{
	if (!CHECK_EQ(0, module_unload(module)) ||
	    !CHECK_EQ(0, module_load(module, "")))
		ksft_print_msg("the module is %s\n", module);
}

static void load(void)
{
	CHECK_EQ(0, luo_kexec_load(NULL));
}

/*
 * Stage 1: the first kernel
 */

static void come_and_go(void)
{
	int counter, pair;

	modules_load();
	modules_unload();
	modules_load();
	CHECK_EQ(-EEXIST, module_load(COUNTER_MODULE, ""));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, module_refs(PAIR_MODULE));

	/* The files are of another module than their handler */
	counter = new_counter(1);
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, module_unload(PAIR_MODULE));
	CHECK_EQ(0, module_unload(COUNTER_MODULE));
	check_pinned(DEV_MODULE);
	close(counter);
	CHECK_EQ(0, module_unload(DEV_MODULE));

	/* And these are of the handler's own */
	modules_load();
	pair = new_pair(-1);
	check_pinned(PAIR_MODULE);
	close(pair);
	modules_unload();
	luo_report("modules can be unloaded, whatever files are open elsewhere");
}

static void rmmod_outgoing(int dev, const char *when)
{
	int session, other, counter, second, memfd;

	modules_load();
	session = new_session(dev, "session");
	other = new_session(dev, "other");
	counter = new_counter(5);
	second = new_counter(6);
	memfd = luo_memfd("other kind", 0, MEMFD_SIZE);
	CHECK_EQ(0, luo_preserve(session, memfd, 0));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));

	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(1, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, luo_preserve(session, second, 2));
	CHECK_EQ(2, module_refs(COUNTER_MODULE));
	keep_counter(other, 1, 7);
	CHECK_EQ(3, module_refs(COUNTER_MODULE));

	/* The sessions have the files now */
	close(counter);
	close(second);
	close(memfd);
	check_pinned(COUNTER_MODULE);
	check_pinned(DEV_MODULE);
	reload(PAIR_MODULE);

	CHECK_EQ(0, close(session));
	CHECK_EQ(1, module_refs(COUNTER_MODULE));
	check_pinned(COUNTER_MODULE);
	check_pinned(DEV_MODULE);
	CHECK_EQ(0, close(other));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	modules_unload();
	luo_report("%s: pinned by each file, up to the last unpreserve", when);
}

static void rmmod_fops_owner(int dev)
{
	int session, counter;

	/* Handler and files pin a module each, and neither the other's */
	modules_load();
	session = new_session(dev, "session");
	counter = new_counter(5);
	CHECK_EQ(0, luo_preserve(session, counter, 1));
	close(counter);
	CHECK_EQ(0, module_unload(PAIR_MODULE));
	CHECK_EQ(1, module_refs(COUNTER_MODULE));
	/* The handler's module, and the file */
	CHECK_EQ(2, module_refs(DEV_MODULE));
	close(session);
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	CHECK_EQ(1, module_refs(DEV_MODULE));
	CHECK_EQ(0, module_unload(COUNTER_MODULE));
	CHECK_EQ(0, module_unload(DEV_MODULE));
	luo_report("files of another module than their handler");
}

static void one_owner(int dev)
{
	int session, other, counter, again, pair;

	modules_load();
	session = new_session(dev, "session");
	other = new_session(dev, "other");
	counter = new_counter(8);
	again = counter_reopen(counter);
	CHECK(again >= 0);
	CHECK_EQ(8, counter_value(again));

	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(-EBUSY, luo_preserve(session, counter, 2));
	CHECK_EQ(-EBUSY, luo_preserve(session, again, 2));
	CHECK_EQ(-EBUSY, luo_preserve(other, counter, 1));
	CHECK_EQ(-EBUSY, luo_preserve(other, again, 1));
	CHECK_EQ(-EEXIST, luo_preserve(session, again, 1));
	CHECK_EQ(1, module_refs(COUNTER_MODULE));

	/* Nor does it matter through which file another handler finds it */
	pair = new_pair(again);
	CHECK_EQ(0, luo_preserve(session, pair, 2));
	CHECK_EQ(-EBUSY, luo_preserve(session, pair, 3));
	CHECK_EQ(-EBUSY, luo_preserve(other, pair, 3));

	CHECK_EQ(0, close(session));
	CHECK_EQ(0, luo_preserve(other, again, 1));
	CHECK_EQ(-EBUSY, luo_preserve(other, counter, 2));
	CHECK_EQ(0, close(other));
	close(counter);
	close(again);
	close(pair);
	modules_unload();
	luo_report("an object is in one session once, through any file");
}

static void no_handler(int dev)
{
	int session, counter, pair;

	modules_load();
	session = new_session(dev, "session");
	counter = new_counter(9);
	pair = new_pair(counter);
	CHECK_EQ(0, module_unload(COUNTER_MODULE));
	CHECK_EQ(-ENOENT, luo_preserve(session, counter, 1));
	CHECK_EQ(-ENOENT, luo_preserve(session, pair, 2));
	CHECK_EQ(0, module_load(COUNTER_MODULE, ""));
	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(0, luo_preserve(session, pair, 2));
	close(session);
	close(pair);
	close(counter);
	modules_unload();
	luo_report("a file can be preserved while its handler is there");
}

static void dependency(int dev)
{
	int session, other, counter, memfd, pair, idle;

	modules_load();
	session = new_session(dev, "session");
	other = new_session(dev, "other");
	counter = new_counter(10);
	memfd = luo_memfd("not a counter", 0, MEMFD_SIZE);

	pair = new_pair(-1);
	idle = module_refs(PAIR_MODULE);
	CHECK_EQ(1, idle);
	CHECK_EQ(-ENOTCONN, luo_preserve(session, pair, 2));
	CHECK_EQ(-EBADF, pair_attach(pair, -1));
	CHECK_EQ(-EINVAL, pair_attach(pair, memfd));
	CHECK_EQ(0, pair_attach(pair, counter));
	CHECK_EQ(-EBUSY, pair_attach(pair, counter));

	CHECK_EQ(-ENOENT, luo_preserve(session, pair, 2));
	CHECK_EQ(0, luo_preserve(other, counter, 1));
	CHECK_EQ(-ENOENT, luo_preserve(session, pair, 2));
	CHECK_EQ(idle, module_refs(PAIR_MODULE));
	CHECK_EQ(0, luo_preserve(other, pair, 2));
	CHECK_EQ(0, close(other));
	CHECK_EQ(idle, module_refs(PAIR_MODULE));

	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(0, luo_preserve(session, pair, 2));
	CHECK_EQ(0, close(session));
	CHECK_EQ(idle, module_refs(PAIR_MODULE));
	close(pair);
	close(counter);
	close(memfd);
	modules_unload();
	luo_report("a file that depends on another of its session");
}

static void rmmod_flb(int dev)
{
	int session, other;

	modules_load();
	session = new_session(dev, "session");
	other = new_session(dev, "other");
	keep_pair(session, 11);
	keep_pair(other, 12);
	check_pinned(PAIR_MODULE);
	check_pinned(COUNTER_MODULE);
	CHECK_EQ(0, close(session));
	check_pinned(PAIR_MODULE);
	CHECK_EQ(0, close(other));
	CHECK_EQ(0, module_refs(PAIR_MODULE));
	reload(PAIR_MODULE);

	/* It starts anew after that */
	session = new_session(dev, "session");
	keep_pair(session, 13);
	check_pinned(PAIR_MODULE);
	CHECK_EQ(0, close(session));
	modules_unload();
	luo_report("the owner of an FLB is pinned by the files that need it");
}

static void failing_preserve(int dev)
{
	int session, counter, pair, idle;

	modules_load();
	session = new_session(dev, "session");
	counter = new_counter(14);
	pair = new_pair(counter);
	idle = module_refs(PAIR_MODULE);

	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_PRESERVE));
	CHECK_EQ(-EIO, luo_preserve(session, counter, 1));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	keep_memfd(session, 1);
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	CHECK_EQ(0, luo_preserve(session, counter, 2));
	luo_report("a preserve that fails leaves nothing behind");

	CHECK_EQ(0, module_set_fail(PAIR_MODULE, PAIR_FAIL_IDS_PRESERVE));
	CHECK_EQ(-EIO, luo_preserve(session, pair, 3));
	CHECK_EQ(idle, module_refs(PAIR_MODULE));
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, PAIR_FAIL_PRESERVE));
	CHECK_EQ(-EIO, luo_preserve(session, pair, 3));
	CHECK_EQ(idle, module_refs(PAIR_MODULE));
	/* The FLB is preserved anew by the next file */
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, PAIR_FAIL_IDS_PRESERVE));
	CHECK_EQ(-EIO, luo_preserve(session, pair, 3));
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, 0));
	CHECK_EQ(0, luo_preserve(session, pair, 3));
	/* But not by one after that */
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, PAIR_FAIL_IDS_PRESERVE));
	close(pair);
	pair = new_pair(counter);
	CHECK_EQ(0, luo_preserve(session, pair, 4));
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, 0));
	CHECK_EQ(0, close(session));
	close(pair);
	close(counter);
	modules_unload();
	luo_report("an FLB is preserved once, or the file is not");
}

static void failing_freeze(int dev)
{
	int session, first, last, pair, memfd, other;

	modules_load();
	session = new_session(dev, "session");
	first = new_counter(15);
	pair = new_pair(first);
	last = new_counter(16);
	memfd = luo_memfd("frozen", 0, MEMFD_SIZE);
	CHECK_EQ(0, luo_preserve(session, first, 1));
	CHECK_EQ(0, luo_preserve(session, memfd, 2));
	CHECK_EQ(0, luo_preserve(session, pair, 3));
	CHECK_EQ(0, luo_preserve(session, last, 4));
	other = new_session(dev, "other");
	keep_counter(other, 1, 17);

	/* Refused in the middle of a session, with another one behind it */
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, PAIR_FAIL_FREEZE));
	CHECK_EQ(-EIO, luo_kexec_jump());
	CHECK_EQ(-EIO, luo_kexec_jump());
	/* A counter that is left frozen could not be changed */
	CHECK_EQ(0, counter_add(first, 1));
	CHECK_EQ(0, counter_add(last, 1));
	CHECK_EQ(0, luo_write_pattern(memfd, 0, MEMFD_SIZE, SEED));

	/* By the very first file, and so by each of the counters */
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, 0));
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_FREEZE));
	CHECK_EQ(-EIO, luo_kexec_jump());
	CHECK_EQ(0, counter_add(first, 1));
	CHECK_EQ(0, counter_add(last, 1));
	luo_report("reboot() returns a handler's error, and all is unfrozen");

	check_pinned(COUNTER_MODULE);
	check_pinned(PAIR_MODULE);
	keep_memfd(session, 5);
	CHECK_EQ(-EEXIST, luo_preserve(session, memfd, 1));
	CHECK_EQ(0, close(other));
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	CHECK_EQ(0, close(session));
	close(first);
	close(last);
	close(pair);
	close(memfd);
	modules_unload();
	luo_report("and the sessions work on");
}

static void stage_1(void)
{
	int dev, session, counter, pair;

	luo_plan(12);
	dev = luo_need_device();
	come_and_go();
	rmmod_outgoing(dev, "before kexec -l");
	load();
	rmmod_outgoing(dev, "after kexec -l");
	rmmod_fops_owner(dev);
	one_owner(dev);
	no_handler(dev);
	dependency(dev);
	rmmod_flb(dev);
	failing_preserve(dev);
	failing_freeze(dev);

	/* For a kernel in which the modules are missing at first */
	modules_load();
	session = new_session(dev, "memfd");
	keep_memfd(session, 1);
	session = new_session(dev, "late");
	keep_memfd(session, 1);
	counter = new_counter(77);
	CHECK_EQ(0, luo_preserve(session, counter, 2));
	pair = new_pair(counter);
	CHECK_EQ(0, luo_preserve(session, pair, 3));
	keep_memfd(session, 4);
	session = new_session(dev, "unread");
	keep_counter(session, 1, 78);
	session = new_session(dev, "discard");
	keep_counter(session, 1, 79);
	keep_memfd(session, 2);
	keep_memfd(session, 3);

	/* It was refused before: nothing of that is left in the way */
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_FREEZE));
	CHECK_EQ(-EIO, luo_kexec_jump());
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	/* What is in the file at the jump is what counts */
	CHECK_EQ(0, counter_add(counter, 10));
	luo_leave_kernel();
}

/*
 * Stage 2: handlers that come late
 */

static void without_modules(int dev)
{
	int session = old_session(dev, "memfd");

	CHECK_EQ(-ENOENT, module_refs(DEV_MODULE));
	check_memfd(session, 1);
	CHECK_EQ(0, luo_finish(session));
	close(session);

	session = new_session(dev, "new");
	keep_memfd(session, 1);
	close(session);
	luo_report("without the modules, everything else works");
}

static void check_missing(int session, __u64 token)
{
	int fds = luo_count_fds();

	CHECK_EQ(-ENODEV, luo_retrieve(session, token));
	CHECK_EQ(-ENODEV, luo_retrieve(session, token));
	CHECK_EQ(-EBUSY, luo_finish(session));
	CHECK_EQ(fds, luo_count_fds());
}

/* Without its handler, it is the log that knows where a file's memory is */
static void discard(int dev)
{
	struct liveupdate_session_discard_fd args = {
		.size = sizeof(args),
		.token = 1,
	};
	int session = old_session(dev, "discard"), fd;

	args.reserved = 1;
	CHECK_EQ(0, luo_try_bad_args(session, LIVEUPDATE_SESSION_DISCARD_FD,
				     &args, sizeof(args)));
	CHECK_EQ(-EINVAL, luo_ioctl(session, LIVEUPDATE_SESSION_DISCARD_FD,
				    &args));
	CHECK_EQ(-ENOENT, luo_discard(session, 9));

	check_missing(session, 1);
	CHECK_EQ(0, luo_discard(session, 1));
	CHECK_EQ(1, luo_count_in_log(DISCARDED));
	CHECK_EQ(-ENOENT, luo_discard(session, 1));
	CHECK_EQ(-ENOENT, luo_retrieve(session, 1));

	fd = luo_retrieve(session, 2);
	CHECK(fd >= 0);
	CHECK_EQ(-EBUSY, luo_discard(session, 2));
	CHECK_EQ(0, luo_discard(session, 3));
	CHECK_EQ(-ENOENT, luo_retrieve(session, 3));
	check_memfd(session, 2);
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(-ENOENT, luo_discard(session, 2));
	close(fd);
	close(session);
	luo_report("a file is discarded, with its handler or without");
}

static void late_modules(int dev)
{
	int session = old_session(dev, "late"), unread, counter, pair, young;

	check_missing(session, 2);
	check_missing(session, 3);
	CHECK_EQ(-ENOENT, luo_retrieve(session, 9));
	check_memfd(session, 1);
	check_missing(session, 2);
	luo_report("a file without its handler is the only one that is missing");

	/* Nothing is lost if the session is closed: it waits for the next */
	CHECK_EQ(0, close(session));
	session = old_session(dev, "late");
	check_missing(session, 2);
	check_memfd(session, 1);
	check_memfd(session, 4);
	luo_report("a session that can't finish can be retrieved again");

	CHECK_EQ(0, module_load(DEV_MODULE, ""));
	check_missing(session, 2);
	CHECK_EQ(0, module_load(COUNTER_MODULE, ""));
	check_missing(session, 3);
	/* What was asked for while it was missing */
	counter = old_counter(session, 2, 87);
	CHECK(is_refused(module_unload(COUNTER_MODULE)));
	CHECK_EQ(-EBUSY, luo_finish(session));
	CHECK_EQ(0, module_load(PAIR_MODULE, ""));
	CHECK_EQ(-EBUSY, luo_finish(session));
	pair = old_pair(session, 3, 87);
	check_same_counter(counter, pair);
	check_pinned(COUNTER_MODULE);
	check_pinned(PAIR_MODULE);
	CHECK_EQ(0, luo_finish(session));
	close(session);
	luo_report("handlers that come late are taken");

	/* Ids go on */
	young = new_pair(counter);
	CHECK(pair_id(young) > pair_id(pair));
	close(young);
	close(pair);
	close(counter);
	CHECK_EQ(1, luo_count_in_log(IDS_RETRIEVED));
	CHECK_EQ(1, luo_count_in_log(IDS_FINISHED));
	CHECK_EQ(0, module_refs(PAIR_MODULE));
	luo_report("an FLB that comes late");

	/* Its handler was not there when the session was read */
	unread = old_session(dev, "unread");
	CHECK_EQ(0, luo_finish(unread));
	CHECK_EQ(-ENOENT, luo_retrieve(unread, 1));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	close(unread);
	modules_unload();
	luo_report("a file that nobody retrieves is finished, too");
}

static void stage_2(void)
{
	int dev, session;

	luo_plan(7);
	dev = luo_need_device();
	without_modules(dev);
	discard(dev);
	late_modules(dev);

	modules_load();
	keep_counter(new_session(dev, "one"), 1, 31);
	keep_counter(new_session(dev, "two"), 1, 32);
	keep_pair(new_session(dev, "ab"), 41);
	keep_pair(new_session(dev, "ba"), 42);
	session = new_session(dev, "fail");
	keep_counter(session, 1, 51);
	keep_memfd(session, 2);
	keep_counter(session, 3, 53);
	load();
	luo_leave_kernel();
}

/*
 * Stage 3: handlers that are there from the start
 */

static void rmmod_incoming(int dev)
{
	int session, fd;

	CHECK_EQ(6, module_refs(COUNTER_MODULE));
	check_pinned(COUNTER_MODULE);
	check_pinned(PAIR_MODULE);
	check_pinned(DEV_MODULE);

	session = old_session(dev, "one");
	fd = old_counter(session, 1, 31);
	CHECK_EQ(6, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(5, module_refs(COUNTER_MODULE));
	close(session);
	close(fd);
	CHECK_EQ(5, module_refs(COUNTER_MODULE));

	session = old_session(dev, "two");
	fd = old_counter(session, 1, 32);
	CHECK_EQ(5, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, close(session));
	CHECK_EQ(4, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, counter_add(fd, 1));
	CHECK_EQ(33, counter_value(fd));
	close(fd);
	check_pinned(COUNTER_MODULE);
	luo_report("pinned by each file that came over, up to its finish");
}

static void one_owner_incoming(int dev, int session, int counter)
{
	int again = counter_reopen(counter), other = new_session(dev, "other");

	CHECK(again >= 0);
	CHECK_EQ(-EBUSY, luo_preserve(other, counter, 1));
	CHECK_EQ(-EBUSY, luo_preserve(other, again, 1));
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, luo_preserve(other, again, 1));
	CHECK_EQ(0, close(other));
	close(again);
}

static void both_orders(int dev)
{
	int session = old_session(dev, "ab"), counter, pair, same, other, young;

	CHECK_EQ(-EBUSY, luo_finish(session));
	counter = old_counter(session, 1, 41);
	CHECK_EQ(-EBUSY, luo_finish(session));
	pair = old_pair(session, 2, 41);
	check_same_counter(counter, pair);
	same = old_counter(session, 1, 41);
	CHECK_EQ(0, counter_add(same, 1));
	check_same_counter(counter, pair);
	CHECK_EQ(42, pair_value(pair));
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(42, pair_value(pair));
	close(session);
	close(same);
	close(counter);
	CHECK_EQ(42, pair_value(pair));
	luo_report("the counter first, then the pair");

	/* One file is finished, another one still to come */
	CHECK_EQ(1, luo_count_in_log(IDS_RETRIEVED));
	CHECK_EQ(0, luo_count_in_log(IDS_FINISHED));
	close(pair);
	check_pinned(PAIR_MODULE);

	session = old_session(dev, "ba");
	pair = old_pair(session, 2, 42);
	check_pinned(COUNTER_MODULE);
	counter = old_counter(session, 1, 42);
	check_same_counter(counter, pair);
	other = new_session(dev, "again");
	CHECK_EQ(-EBUSY, luo_preserve(other, pair, 1));
	close(other);
	one_owner_incoming(dev, session, counter);
	luo_report("the pair first, which brings the counter");

	young = new_pair(counter);
	CHECK(pair_id(young) > pair_id(pair));
	close(young);
	CHECK_EQ(1, luo_count_in_log(IDS_RETRIEVED));
	CHECK_EQ(1, luo_count_in_log(IDS_FINISHED));
	close(session);
	close(counter);
	close(pair);
	CHECK_EQ(0, module_refs(PAIR_MODULE));
	reload(PAIR_MODULE);
	luo_report("an FLB is retrieved once and finished with the last file");
}

static void failing_retrieve(int dev)
{
	int session = old_session(dev, "fail"), fd;

	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_RETRIEVE));
	CHECK_EQ(-EIO, luo_retrieve(session, 1));
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	CHECK_EQ(-EIO, luo_retrieve(session, 1));
	check_memfd(session, 2);
	fd = old_counter(session, 3, 53);
	check_pinned(COUNTER_MODULE);
	luo_report("a retrieve that fails is remembered, for that file");

	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_CAN_FINISH));
	CHECK_EQ(-EBUSY, luo_finish(session));
	CHECK_EQ(-EIO, luo_retrieve(session, 1));
	check_memfd(session, 2);
	CHECK_EQ(2, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, close(session));
	session = old_session(dev, "fail");
	CHECK_EQ(2, module_refs(COUNTER_MODULE));
	CHECK_EQ(-EIO, luo_retrieve(session, 1));
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(-ENOENT, luo_retrieve(session, 1));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	close(session);
	close(fd);
	luo_report("a finish is for all files or for none");
}

static void stage_3(void)
{
	int dev;

	luo_plan(8);

	/* Sessions come with the first open of the device, and not before */
	modules_load();
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	CHECK_EQ(0, module_refs(PAIR_MODULE));
	modules_unload();
	modules_load();
	luo_report("modules come and go before the device is opened");

	dev = luo_need_device();
	rmmod_incoming(dev);
	both_orders(dev);
	failing_retrieve(dev);
	modules_unload();
	modules_load();
	luo_report("in the end all can go");

	keep_pair(new_session(dev, "demand"), 61);
	keep_counter(new_session(dev, "alone"), 1, 62);
	load();
	luo_leave_kernel();
}

/*
 * Stage 4: handlers that are loaded when they are needed
 */

static void stage_4(void)
{
	int dev, session, counter, pair;

	luo_plan(3);
	dev = luo_need_device();
	CHECK_EQ(0, module_set_modprobe(MODPROBE));

	session = old_session(dev, "alone");
	CHECK_EQ(-ENOENT, module_refs(DEV_MODULE));
	counter = old_counter(session, 1, 62);
	CHECK_EQ(1, module_refs(COUNTER_MODULE));
	CHECK_EQ(-ENOENT, module_refs(PAIR_MODULE));
	CHECK_EQ(0, luo_finish(session));
	close(session);
	close(counter);
	CHECK_EQ(0, module_unload(COUNTER_MODULE));
	CHECK_EQ(0, module_unload(DEV_MODULE));
	luo_report("a retrieve loads the module by its alias");

	session = old_session(dev, "demand");
	pair = old_pair(session, 2, 61);
	counter = old_counter(session, 1, 61);
	check_same_counter(counter, pair);
	CHECK_EQ(0, luo_finish(session));
	close(session);
	close(counter);
	close(pair);
	modules_unload();
	luo_report("and so does the retrieve of what another handler needs");

	/* A preserve does not: what takes a file can't be told by its name */
	CHECK_EQ(0, module_load(DEV_MODULE, ""));
	session = new_session(dev, "session");
	counter = new_counter(1);
	CHECK_EQ(-ENOENT, luo_preserve(session, counter, 1));
	close(session);
	close(counter);
	CHECK_EQ(0, module_unload(DEV_MODULE));
	luo_report("a preserve loads nothing");

	modules_load();
	keep_pair(new_session(dev, "flb"), 71);
	load();
	luo_leave_kernel();
}

/*
 * Stage 5: an FLB that can't be retrieved
 */

/* The pair's file was lost too, and has a token; what they share has none */
static void check_flb_quarantine(int dev)
{
	char *before = luo_read_debugfs("quarantine");
	char *after;

	CHECK(strstr(before, "token 0 bytes "));
	CHECK(!strstr(before, "token 0 bytes 0\n"));
	CHECK(luo_discard_damaged(dev) > 0);
	after = luo_read_debugfs("quarantine");
	CHECK(!*after);
	free(after);
	free(before);
}

static void stage_5(void)
{
	char fail[16];
	int dev, session, counter, pair;

	luo_plan(3);
	snprintf(fail, sizeof(fail), "fail=%d", PAIR_FAIL_IDS_RETRIEVE);
	CHECK_EQ(0, module_load(DEV_MODULE, ""));
	CHECK_EQ(0, module_load(COUNTER_MODULE, ""));
	CHECK_EQ(0, module_load(PAIR_MODULE, fail));
	dev = luo_need_device();
	session = old_session(dev, "flb");
	CHECK_EQ(-EIO, pair_new(-1));
	CHECK_EQ(-EIO, luo_retrieve(session, 2));
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, 0));
	CHECK_EQ(-EIO, luo_retrieve(session, 2));
	CHECK_EQ(-EIO, pair_new(-1));
	check_pinned(PAIR_MODULE);
	counter = old_counter(session, 1, 71);
	CHECK_EQ(0, luo_finish(session));
	close(session);
	luo_report("an FLB whose retrieve fails: it is remembered");

	/* It's over: the previous kernel's are no more */
	pair = new_pair(counter);
	CHECK_EQ(71, pair_value(pair));
	close(pair);
	close(counter);
	CHECK_EQ(0, luo_count_in_log(IDS_RETRIEVED));
	CHECK_EQ(0, luo_count_in_log(IDS_FINISHED));
	modules_unload();
	luo_report("and what was not retrieved is not finished");

	check_flb_quarantine(dev);
	luo_report("but its memory can be given up");
	luo_finish_stage();
}

static void skip_all(void)
{
	luo_plan(1);
	luo_report_skip("no modules of CONFIG_SAMPLE_LIVEUPDATE");
	luo_finish_stage();
}

int main(int argc, char *argv[])
{
	static const struct luo_case cases[] = {
		{ .stages = { stage_1, stage_2, stage_3, stage_4, stage_5 } },
	};

	if (!modules_available())
		skip_all();

	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
