// SPDX-License-Identifier: GPL-2.0
/*
 * What nobody claims: sessions that are carried over to kernel after kernel, and
 * memory in quarantine.
 *
 * usage: kexec_carry CASE stageN
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define PAGE		4096L
#define DENSE_SIZE	(2 * MIB)
#define LARGE_SIZE	(16 * MIB)
#define SPARSE_SIZE	(256 * MIB)
#define SPARSE_STEP	(4 * MIB)

/* What is not given back of so much memory, for what is not the test's */
#define SPARE_SIZE	MIB

/* Contents differ by token, so that a mix-up shows */
static __u64 seed_of(__u64 token)
{
	return 0x5ca1ab1eULL + 77 * token;
}

static void write_sparse(int fd, __u64 token)
{
	off_t offset;

	for (offset = 0; offset < SPARSE_SIZE; offset += SPARSE_STEP)
		CHECK_EQ(0, luo_write_pattern(fd, offset, PAGE,
					      seed_of(token)));
}

static void verify_sparse(int fd, __u64 token)
{
	struct stat st = {};
	off_t offset;

	for (offset = 0; offset < SPARSE_SIZE; offset += SPARSE_STEP) {
		CHECK_EQ(0, luo_verify_pattern(fd, offset, PAGE,
					       seed_of(token)));
		CHECK_EQ(0, luo_verify_pattern(fd, offset + PAGE, PAGE, 0));
	}
	CHECK(!fstat(fd, &st));
	CHECK_EQ(SPARSE_SIZE, st.st_size);
	CHECK_EQ(SPARSE_SIZE / SPARSE_STEP * PAGE / 512, st.st_blocks);
}

/* Every second page is taken from somewhere else, so that each stands alone */
static void write_alone(int fd, __u64 token)
{
	int other = luo_memfd("between", 0, DENSE_SIZE);
	off_t offset;

	for (offset = 0; offset < DENSE_SIZE; offset += PAGE) {
		CHECK_EQ(0, luo_write_pattern(fd, offset, PAGE,
					      seed_of(token)));
		CHECK_EQ(0, luo_write_pattern(other, offset, PAGE, 1));
	}
	close(other);
}

static void keep(int session, __u64 token, off_t size)
{
	int fd = luo_memfd("carry", 0, size);

	if (!CHECK(fd >= 0))
		return;
	if (size == SPARSE_SIZE)
		write_sparse(fd, token);
	else if (token % 2)
		CHECK_EQ(0, luo_write_pattern(fd, 0, size, seed_of(token)));
	else
		write_alone(fd, token);
	CHECK_EQ(0, luo_preserve(session, fd, token));
	close(fd);
}

static int make_session(int dev, const char *name)
{
	int session = luo_create_session(dev, name);

	CHECK(session >= 0);
	return session;
}

static void check_file(int session, __u64 token, off_t size)
{
	int fd = luo_retrieve(session, token);
	struct stat st = {};

	if (!CHECK(fd >= 0))
		return;
	if (size == SPARSE_SIZE) {
		verify_sparse(fd, token);
	} else {
		CHECK(!fstat(fd, &st));
		CHECK_EQ(size, st.st_size);
		CHECK_EQ(0, luo_verify_pattern(fd, 0, size, seed_of(token)));
	}
	close(fd);
}

/* The three kinds of files, from @token on */
static void keep_three(int session, __u64 token)
{
	keep(session, token, DENSE_SIZE);
	keep(session, token + 1, DENSE_SIZE);
	keep(session, token + 2, SPARSE_SIZE);
}

static void check_three(int session, __u64 token)
{
	check_file(session, token + 2, SPARSE_SIZE);
	check_file(session, token, DENSE_SIZE);
	check_file(session, token + 1, DENSE_SIZE);
}

static void finish(int session)
{
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));
}

static void check_debugfs(const char *name, const char *expected)
{
	char *text = luo_read_debugfs(name);

	if (strcmp(text, expected))
		ksft_print_msg("%s: expected '%s', seen '%s'\n", name,
			       expected, text);
	CHECK(!strcmp(text, expected));
	free(text);
}

static bool sessions_have(const char *direction, unsigned int age,
			  unsigned int files, const char *name)
{
	char *text = luo_read_debugfs("sessions"), *line, *rest = text;
	char counts[64], end[128];
	bool found = false;

	snprintf(counts, sizeof(counts), " age %u files %u bytes ", age, files);
	snprintf(end, sizeof(end), " name %s", name);
	while (!found && (line = strsep(&rest, "\n"))) {
		size_t len = strlen(line), want = strlen(end);

		found = !strncmp(line, direction, strlen(direction)) &&
			strstr(line, counts) && len > want &&
			!strcmp(line + len - want, end);
	}
	if (!found)
		ksft_print_msg("sessions: no '%s id N%sN%s'\n", direction,
			       counts, end);
	free(text);
	return found;
}

/*
 * carry: sessions that nobody retrieves, in one kernel after the other
 */

static void carry_1(void)
{
	int dev;

	luo_plan(1);
	dev = luo_need_device();
	check_debugfs("updates", "0\n");
	keep_three(make_session(dev, "left"), 1);
	keep_three(make_session(dev, "taken"), 11);
	keep(make_session(dev, "discard me"), 21, LARGE_SIZE);
	make_session(dev, "empty");
	CHECK(sessions_have("outgoing", 0, 3, "left"));
	CHECK(sessions_have("outgoing", 0, 1, "discard\\040me"));
	luo_report("sessions are made");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

static void carry_2(void)
{
	int dev, taken, fd, left;

	luo_plan(3);
	/* Nobody has opened the device yet */
	check_debugfs("updates", "1\n");
	CHECK(sessions_have("incoming", 0, 3, "left"));
	dev = luo_need_device();
	taken = luo_retrieve_session(dev, "taken");
	CHECK(taken >= 0);
	fd = luo_retrieve(taken, 11);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, DENSE_SIZE, seed_of(11)));
	luo_report("one of several files is retrieved");

	/* The name is free again, and this one is the younger */
	left = make_session(dev, "left");
	keep(left, 31, DENSE_SIZE);
	luo_report("a new session has the name of one that nobody has claimed");

	/* After a refusal all is as it was, be it claimed or not */
	CHECK_EQ(0, luo_kexec_load_classic());
	CHECK_EQ(-EOPNOTSUPP, luo_kexec_jump());
	CHECK_EQ(-EOPNOTSUPP, luo_kexec_jump());
	CHECK_EQ(0, luo_kexec_unload_classic());
	check_file(taken, 12, DENSE_SIZE);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, DENSE_SIZE, seed_of(11)));
	CHECK(sessions_have("incoming", 0, 1, "discard\\040me"));
	luo_report("a refused update");

	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

/* Nobody opens the device in this kernel */
static void carry_3(void)
{
	luo_plan(1);
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("a kernel without an agent");
	luo_leave_kernel();
}

static void check_discard(int dev)
{
	long before;
	int session;

	CHECK_EQ(-ENOENT, luo_discard_session(dev, "nobody"));
	session = luo_retrieve_session(dev, "empty");
	CHECK(session >= 0);
	CHECK_EQ(-EBUSY, luo_discard_session(dev, "empty"));
	finish(session);
	CHECK_EQ(-ENOENT, luo_discard_session(dev, "empty"));

	before = luo_free_memory();
	CHECK_EQ(0, luo_discard_session(dev, "discard me"));
	CHECK(luo_wait_for_free_memory(before +
				       (LARGE_SIZE - SPARE_SIZE) / KIB));
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, "discard me"));
}

static void carry_4(void)
{
	int dev, session;

	luo_plan(5);
	check_debugfs("updates", "3\n");
	CHECK(sessions_have("incoming", 1, 1, "left"));
	CHECK(sessions_have("incoming", 2, 3, "left"));
	CHECK(sessions_have("incoming", 2, 1, "taken"));
	CHECK(sessions_have("incoming", 2, 0, "empty"));
	dev = luo_need_device();
	luo_report("the age of what nobody claimed");

	session = luo_retrieve_session(dev, "left");
	CHECK(session >= 0);
	check_file(session, 31, DENSE_SIZE);
	CHECK_EQ(-ENOENT, luo_retrieve(session, 1));
	CHECK_EQ(-EINVAL, luo_retrieve_session(dev, "left"));
	finish(session);
	session = luo_retrieve_session(dev, "left");
	CHECK(session >= 0);
	check_three(session, 1);
	finish(session);
	CHECK_EQ(-ENOENT, luo_retrieve_session(dev, "left"));
	luo_report("of one name, the younger session comes first");

	session = luo_retrieve_session(dev, "taken");
	CHECK(session >= 0);
	CHECK_EQ(-ENOENT, luo_retrieve(session, 11));
	CHECK_EQ(-ENOENT, luo_retrieve(session, 12));
	check_file(session, 13, SPARSE_SIZE);
	finish(session);
	luo_report("files that were retrieved are not carried over");

	check_discard(dev);
	luo_report("a session can be discarded");

	check_debugfs("sessions", "");
	check_debugfs("quarantine", "");
	CHECK_EQ(0, luo_discard_damaged(dev));
	luo_check_memory();
	luo_finish_stage();
}

/*
 * carry_flb: files that share something, without their driver and with it
 */

#define COUNTER_VALUE	4711

static bool skip_without_modules(unsigned int plan)
{
	luo_plan(plan);
	if (modules_available())
		return false;

	while (plan--)
		luo_report_skip("the modules of samples/liveupdate are not there");
	return true;
}

static void carry_flb_1(void)
{
	int session, counter, pair;

	if (skip_without_modules(1))
		luo_finish_stage();
	CHECK(modules_load());
	session = make_session(luo_need_device(), "pair");
	counter = counter_new(COUNTER_VALUE);
	pair = pair_new(counter);
	CHECK(counter >= 0 && pair >= 0);
	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(0, luo_preserve(session, pair, 2));
	keep(session, 3, DENSE_SIZE);
	CHECK(pair_id(pair) == 1);
	luo_report("files that share something");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

static void carry_flb_2(void)
{
	luo_plan(1);
	luo_need_device();
	/* After a refusal, too */
	CHECK_EQ(0, luo_kexec_load_classic());
	CHECK_EQ(-EOPNOTSUPP, luo_kexec_jump());
	CHECK_EQ(0, luo_kexec_unload_classic());
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("nobody claims them, their driver is not there");
	luo_leave_kernel();
}

static void carry_flb_3(void)
{
	int dev, session, counter, pair;

	luo_plan(2);
	dev = luo_need_device();
	CHECK(modules_load());
	/* The driver needs what came over, so it can't be carried any more */
	pair = pair_new(counter_new(1));
	CHECK(pair_id(pair) == 2);
	CHECK_EQ(0, luo_kexec_load(NULL));
	CHECK_EQ(-EBUSY, luo_kexec_jump());
	CHECK_EQ(-EBUSY, luo_kexec_jump());
	luo_report("nobody claims them, their driver is there");

	session = luo_retrieve_session(dev, "pair");
	CHECK(session >= 0);
	pair = luo_retrieve(session, 2);
	counter = luo_retrieve(session, 1);
	CHECK(pair_id(pair) == 1);
	CHECK_EQ(COUNTER_VALUE, pair_value(pair));
	CHECK_EQ(COUNTER_VALUE, counter_value(counter));
	check_file(session, 3, DENSE_SIZE);
	finish(session);
	luo_report("they are whole after all that");
	luo_leave_kernel();
}

static void carry_flb_4(void)
{
	luo_plan(2);
	luo_need_device();
	check_debugfs("updates", "3\n");
	check_debugfs("sessions", "");
	luo_report("once claimed, nothing is carried over");
	luo_check_memory();
	luo_finish_stage();
}

/*
 * quarantine: memory of files that came over damaged
 */

#define LUO_DAMAGE	"/sys/kernel/debug/liveupdate_test/damage"

static void damage(const char *order)
{
	int fd = open(LUO_DAMAGE, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(strlen(order), write(fd, order, strlen(order)));
	close(fd);
}

/* How much of a file is in quarantine, in bytes; -1 for a file that is not there */
static long long quarantined(__u64 token)
{
	char *text = luo_read_debugfs("quarantine"), *next = text, *line;
	unsigned long long number, bytes;
	long long found = -1;

	while ((line = strsep(&next, "\n"))) {
		if (sscanf(line, "token %llu bytes %llu", &number, &bytes) == 2 &&
		    number == token)
			found = bytes;
	}
	free(text);
	return found;
}

/* All of it, and not much more for where it is */
static bool in_quarantine(__u64 token, off_t size)
{
	long long bytes = quarantined(token);

	if (bytes >= size && bytes <= size + 64 * KIB)
		return true;
	ksft_print_msg("file %llu: %lld of %lld bytes in quarantine\n", token,
		       bytes, (long long)size);
	return false;
}

static void quarantine_1(void)
{
	int dev, files;

	luo_plan(1);
	dev = luo_need_device();
	keep(make_session(dev, "whole"), 1, DENSE_SIZE);
	files = make_session(dev, "files");
	keep(files, 11, DENSE_SIZE);
	keep(files, 12, DENSE_SIZE);
	keep(make_session(dev, "lost"), 21, LARGE_SIZE);
	/* The record of file 11, what the record of 12 leads to, session "lost" */
	damage("flip file 1 6 0\n");
	damage("flip memfd 2 0 3\n");
	damage("flip session 2 0 1\n");
	luo_report("three kinds of damage");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

static void quarantine_2(void)
{
	int dev, session;

	luo_plan(3);
	dev = luo_need_device();
	session = luo_retrieve_session(dev, "whole");
	CHECK(session >= 0);
	check_file(session, 1, DENSE_SIZE);
	finish(session);
	luo_report("what is not damaged is there");

	CHECK_EQ(-EIO, luo_retrieve_session(dev, "lost"));
	CHECK(in_quarantine(21, LARGE_SIZE));
	session = luo_retrieve_session(dev, "files");
	CHECK(session >= 0);
	CHECK_EQ(-EIO, luo_retrieve(session, 11));
	CHECK(in_quarantine(11, DENSE_SIZE));
	CHECK_EQ(-EIO, luo_retrieve(session, 12));
	CHECK_EQ(-EIO, luo_retrieve(session, 12));
	CHECK_EQ(-1, quarantined(12));
	finish(session);
	CHECK(in_quarantine(12, DENSE_SIZE));
	luo_report("the memory of what is damaged is in quarantine");

	/* Nobody else may have the private data of others in the meantime */
	CHECK_EQ(0, luo_kexec_load_classic());
	keep(make_session(dev, "files"), 13, DENSE_SIZE);
	CHECK_EQ(-EOPNOTSUPP, luo_kexec_jump());
	CHECK_EQ(0, luo_kexec_unload_classic());
	CHECK(in_quarantine(21, LARGE_SIZE));
	luo_report("a refused update");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

static void quarantine_3(void)
{
	long long bytes;
	long before;
	int dev;

	luo_plan(2);
	CHECK(in_quarantine(11, DENSE_SIZE));
	CHECK(in_quarantine(12, DENSE_SIZE));
	CHECK(in_quarantine(21, LARGE_SIZE));
	luo_report("it is in quarantine in the next kernel, too");

	dev = luo_need_device();
	before = luo_free_memory();
	bytes = luo_discard_damaged(dev);
	CHECK(bytes >= LARGE_SIZE + 2 * DENSE_SIZE);
	CHECK(luo_wait_for_free_memory(before + (LARGE_SIZE + 2 * DENSE_SIZE -
						 SPARE_SIZE) / KIB));
	CHECK_EQ(0, luo_discard_damaged(dev));
	check_debugfs("quarantine", "");
	luo_report("until it is discarded");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

static void quarantine_4(void)
{
	int session;

	luo_plan(2);
	check_debugfs("quarantine", "");
	session = luo_retrieve_session(luo_need_device(), "files");
	CHECK(session >= 0);
	check_file(session, 13, DENSE_SIZE);
	CHECK_EQ(-ENOENT, luo_retrieve(session, 11));
	finish(session);
	luo_report("a session that was carried over beside it is whole");
	luo_check_memory();
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ "carry", { carry_1, carry_2, carry_3, carry_4 } },
	{ "carry_flb", { carry_flb_1, carry_flb_2, carry_flb_3, carry_flb_4 } },
	{ "quarantine", { quarantine_1, quarantine_2, quarantine_3,
			  quarantine_4 } },
};

int main(int argc, char *argv[])
{
	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
