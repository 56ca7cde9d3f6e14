// SPDX-License-Identifier: GPL-2.0
/*
 * A live update that does not happen: a handler refuses, the image can't take
 * anything along, a process is killed. All goes on as before, and the next
 * attempt succeeds. And one that happens while others use their sessions: what
 * these were told before it is what comes over.
 *
 * What each of them was told is in a file that comes over, too, which is written
 * before each call and after it. So it is the last call alone of which it is not
 * known what came of it: there both is right, but nothing in between.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/kexec.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define PAGE		4096L
#define SEED		0x7ef05ed

#define OVERCOMMIT	"/proc/sys/vm/overcommit_memory"
#define REFUSE		"/sys/module/" COUNTER_MODULE "/parameters/refuse"

static int device;

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);

	return ok;
}

/* The counter of this value refuses to freeze, -1 for none */
static void set_refuse(long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	CHECK(write_text(REFUSE, text));
}

/*
 * Each of many files refuses
 */

#define NR_SESSIONS	3
#define NR_FILES	4

/* The value of the counter that ends each attempt which nobody else refuses */
#define LAST_VALUE	1000

struct set {
	int session[NR_SESSIONS];
	int counter[NR_SESSIONS][NR_FILES];
	int memfd[NR_SESSIONS][NR_FILES];
	int last;
};

static long file_value(int s, int f)
{
	return 10 * s + f;
}

static off_t file_offset(int round)
{
	return (16 + round) * PAGE;
}

static void make_file(struct set *set, int s, int f)
{
	int counter = counter_new(file_value(s, f));
	int memfd = luo_memfd("refused", 0, MIB);

	CHECK(counter >= 0 && memfd >= 0);
	CHECK_EQ(0, luo_write_pattern(memfd, 0, 16 * PAGE, SEED + f));
	CHECK_EQ(0, luo_preserve(set->session[s], memfd, 2 * f));
	CHECK_EQ(0, luo_preserve(set->session[s], counter, 2 * f + 1));
	set->counter[s][f] = counter;
	set->memfd[s][f] = memfd;
}

static void make_set(struct set *set)
{
	char name[64];
	int s, f;

	for (s = 0; s < NR_SESSIONS; s++) {
		snprintf(name, sizeof(name), "refused-%d", s);
		set->session[s] = luo_create_session(device, name);
		CHECK(set->session[s] >= 0);
		for (f = 0; f < NR_FILES; f++)
			make_file(set, s, f);
	}
	set->last = counter_new(LAST_VALUE);
	CHECK_EQ(0, luo_preserve(set->session[NR_SESSIONS - 1], set->last,
				 100));
}

/* None is frozen: counters count, and holes can be filled */
static void check_set(const struct set *set, int round)
{
	int s, f;

	for (s = 0; s < NR_SESSIONS; s++) {
		for (f = 0; f < NR_FILES; f++) {
			CHECK_EQ(0, counter_add(set->counter[s][f], 1));
			CHECK_EQ(0, counter_add(set->counter[s][f], -1));
			CHECK_EQ(0, luo_write_pattern(set->memfd[s][f],
						      file_offset(round), PAGE,
						      SEED + f));
			CHECK_EQ(-1, ftruncate(set->memfd[s][f], 0));
			CHECK_EQ(-EBUSY, luo_preserve(set->session[s],
						      set->memfd[s][f], 200));
		}
	}
	CHECK_EQ(0, counter_add(set->last, 0));
}

/* Sessions work on: the last one gets a file and can't lose it */
static void use_set(const struct set *set, int round)
{
	int fd = luo_memfd("more", 0, PAGE), session;

	CHECK_EQ(0, luo_write_pattern(fd, 0, PAGE, SEED + round));
	CHECK_EQ(0, luo_preserve(set->session[round % NR_SESSIONS], fd,
				 1000 + round));
	CHECK_EQ(-EEXIST, luo_create_session(device, "refused-0"));
	session = luo_create_session(device, "between");
	CHECK(session >= 0);
	CHECK_EQ(-EBUSY, luo_preserve(session, fd, 1));
	CHECK_EQ(0, close(session));
	close(fd);
}

/* The counters stay open, as programs have them */
static void refuse_each(struct set *set)
{
	int s, f, round = 0;

	make_set(set);
	for (s = 0; s < NR_SESSIONS; s++) {
		for (f = 0; f < NR_FILES; f++) {
			set_refuse(file_value(s, f));
			CHECK_EQ(-EIO, luo_kexec_jump());
			check_set(set, round++);
			/* Nobody but the very last file refuses now */
			set_refuse(LAST_VALUE);
			CHECK_EQ(-EIO, luo_kexec_jump());
			check_set(set, round);
			use_set(set, round++);
		}
	}
	set_refuse(-1);
	luo_report("%d files, each refuses once: all goes on", round / 2);
}

static void check_arrived(void)
{
	int s, f, fd, session, round;
	char name[64];

	for (s = 0; s < NR_SESSIONS; s++) {
		snprintf(name, sizeof(name), "refused-%d", s);
		session = luo_retrieve_session(device, name);
		CHECK(session >= 0);
		for (f = 0; f < NR_FILES; f++) {
			fd = luo_retrieve(session, 2 * f);
			CHECK_EQ(0, luo_verify_pattern(fd, 0,
						       file_offset(2 * NR_SESSIONS *
								   NR_FILES - 1),
						       SEED + f));
			close(fd);
			fd = luo_retrieve(session, 2 * f + 1);
			CHECK_EQ(file_value(s, f), counter_value(fd));
			close(fd);
		}
		for (round = 1; round < 2 * NR_SESSIONS * NR_FILES; round += 2) {
			fd = luo_retrieve(session, 1000 + round);
			if (round % NR_SESSIONS == s)
				CHECK_EQ(0, luo_verify_pattern(fd, 0, PAGE,
							       SEED + round));
			else
				CHECK_EQ(-ENOENT, fd);
			close(fd);
		}
		CHECK_EQ(0, luo_finish(session));
		CHECK_EQ(0, close(session));
	}
	luo_report("what was refused so often arrives whole");
}

/*
 * The image goes, and comes again, with the sessions there
 */

static int unload_image(void)
{
	return syscall(__NR_kexec_file_load, -1, -1, 0UL, NULL,
		       (unsigned long)KEXEC_FILE_UNLOAD) ? -errno : 0;
}

static void no_image(const struct set *set)
{
	set_refuse(LAST_VALUE);
	CHECK_EQ(0, unload_image());
	CHECK_EQ(-EINVAL, luo_kexec_jump());
	check_set(set, 30);
	CHECK_EQ(0, luo_kexec_load(NULL));
	CHECK_EQ(-EIO, luo_kexec_jump());
	check_set(set, 31);
	set_refuse(-1);
	luo_report("an image is loaded when it was tried without one");
}

/*
 * Processes that are killed
 */

#define BIG		(64 * MIB)
#define NR_KILLS	12

/* Shared with the processes that will be killed */
static struct shared {
	atomic_int started;
	atomic_int stop;
} *shared;

static void child_started(void)
{
	atomic_store(&shared->started, 1);
}

/* Return: the process, when it is about to do what it will be killed in */
static pid_t start_child(void (*work)(int fd), int fd)
{
	pid_t pid;
	int i;

	atomic_store(&shared->started, 0);
	pid = fork();
	if (!pid) {
		work(fd);
		_exit(0);
	}
	for (i = 0; i < 60000 && !atomic_load(&shared->started); i++)
		usleep(1000);
	CHECK(atomic_load(&shared->started));

	return pid;
}

static void kill_child(pid_t pid, unsigned int delay)
{
	int status = 0;

	usleep(delay);
	CHECK(!kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	if (!CHECK(WIFSIGNALED(status)))
		ksft_print_msg("status %#x\n", status);
}

static void preserve_again_and_again(int fd)
{
	int session;

	child_started();
	for (;;) {
		session = luo_create_session(device, "victim");
		if (session < 0 || luo_preserve(session, fd, 1) ||
		    close(session))
			_exit(1);
	}
}

static void create_again_and_again(int fd)
{
	int session[8], i;
	char name[64];

	child_started();
	for (;;) {
		for (i = 0; i < 8; i++) {
			snprintf(name, sizeof(name), "victim%d", i);
			session[i] = luo_create_session(device, name);
			if (session[i] < 0)
				_exit(1);
		}
		if (luo_preserve(session[0], fd, 1))
			_exit(2);
		for (i = 0; i < 8; i++)
			close(session[i]);
	}
}

/* Waits for those that use sessions, most of the time */
static void reboot_again_and_again(int fd)
{
	child_started();
	while (luo_kexec_jump() == -EIO)
		;
	_exit(fd + 1);
}

/* Nothing of it is left, and everything can be had again */
static void check_no_victim(int fd)
{
	int session, i;
	char name[64];

	session = luo_create_session(device, "victim");
	CHECK(session >= 0);
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	CHECK_EQ(0, close(session));
	CHECK_EQ(0, ftruncate(fd, BIG + PAGE));
	CHECK_EQ(0, ftruncate(fd, BIG));
	for (i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "victim%d", i);
		session = luo_create_session(device, name);
		CHECK(session >= 0);
		CHECK_EQ(0, close(session));
	}
}

static void kill_each(const char *what, void (*work)(int fd), int fd)
{
	unsigned int i;

	for (i = 0; i < NR_KILLS; i++) {
		kill_child(start_child(work, fd), i * 3000);
		check_no_victim(fd);
	}
	CHECK_EQ(0, luo_verify_pattern(fd, 0, BIG, SEED));
	luo_report("killed in %s", what);
}

/* A process, and no thread: a fork would take the session along */
static void use_sessions(int fd)
{
	int session;

	child_started();
	while (!atomic_load(&shared->stop)) {
		session = luo_create_session(device, "user");
		if (session < 0 || luo_preserve(session, fd, 1) ||
		    close(session))
			_exit(1);
	}
}

/* One who waits for the others to let go of their sessions */
static void kill_reboot(int fd)
{
	int status = -1;
	unsigned int i;
	pid_t user;

	set_refuse(LAST_VALUE);
	atomic_store(&shared->stop, 0);
	user = start_child(use_sessions, fd);
	for (i = 0; i < NR_KILLS; i++)
		kill_child(start_child(reboot_again_and_again, 0), i * 7000);
	atomic_store(&shared->stop, 1);
	CHECK_EQ(user, waitpid(user, &status, 0));
	CHECK_EQ(0, status);
	CHECK_EQ(-EIO, luo_kexec_jump());
	set_refuse(-1);
	check_no_victim(fd);
	luo_report("killed in reboot()");
}

/* And those who wait for a reboot to be refused */
static void kill_while_rebooting(int fd)
{
	pid_t pid;
	int i, j;

	set_refuse(LAST_VALUE);
	for (i = 0; i < NR_KILLS; i++) {
		pid = start_child(create_again_and_again, fd);
		for (j = 0; j < 3; j++)
			CHECK_EQ(-EIO, luo_kexec_jump());
		kill_child(pid, 0);
		check_no_victim(fd);
	}
	set_refuse(-1);
	luo_report("killed while a reboot() is refused");
}

static void kills(const struct set *set)
{
	int fd = luo_memfd("big", 0, BIG);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, BIG, SEED));
	kill_each("preserve", preserve_again_and_again, fd);
	kill_each("create and close", create_again_and_again, fd);
	kill_reboot(fd);
	kill_while_rebooting(fd);
	check_set(set, 33);
	CHECK_EQ(-1, ftruncate(set->memfd[0][0], 0));
	close(fd);
}

/* For those who are killed in the next kernel */
static void keep_victims(void)
{
	int session, fd, i;
	char name[64];

	for (i = 0; i < 2 * NR_KILLS; i++) {
		snprintf(name, sizeof(name), "retrieve-%d", i);
		session = luo_create_session(device, name);
		CHECK(session >= 0);
		fd = luo_memfd("to be killed", 0, 8 * MIB);
		CHECK_EQ(0, luo_write_pattern(fd, 0, 8 * MIB, SEED + i));
		CHECK_EQ(0, luo_preserve(session, fd, 1));
		close(fd);
	}
}

/* @nr: of the session; odd ones finish it, too */
static void retrieve_and_wait(int nr)
{
	char name[64];
	int session;

	child_started();
	snprintf(name, sizeof(name), "retrieve-%d", nr);
	session = luo_retrieve_session(device, name);
	if (session < 0 || luo_retrieve(session, 1) < 0)
		_exit(1);
	if (nr % 2 && luo_finish(session))
		_exit(1);
	for (;;)
		pause();
}

/*
 * The session is as it was, if the process had not come to it yet, or is gone
 * with the process
 */
static void check_after_kill(int nr)
{
	int session, fd;
	char name[64];

	snprintf(name, sizeof(name), "retrieve-%d", nr);
	session = luo_retrieve_session(device, name);
	if (session < 0) {
		CHECK_EQ(-ENOENT, session);
		return;
	}
	fd = luo_retrieve(session, 1);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, 8 * MIB, SEED + nr));
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));
	close(fd);
}

static void kill_retrieves(void)
{
	int i;

	for (i = 0; i < 2 * NR_KILLS; i++) {
		kill_child(start_child(retrieve_and_wait, i), i / 2 * 500);
		check_after_kill(i);
	}
	luo_report("killed in retrieve and finish");
}

/*
 * What is in memory already is nobody's decision to commit any more
 */

#define STRICT_SIZE	(4 * MIB)

static void keep_strict(void)
{
	int session = luo_create_session(device, "strict");
	int fd = luo_memfd("strict", 0, STRICT_SIZE);

	CHECK(session >= 0 && fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, STRICT_SIZE, SEED));
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	close(fd);
}

static void retrieve_strict(void)
{
	int session = luo_retrieve_session(device, "strict"), fd;

	CHECK(session >= 0);
	/* With no more to commit than there is: one that is new can't be filled */
	CHECK(write_text("/proc/sys/vm/overcommit_kbytes", "1"));
	CHECK(write_text(OVERCOMMIT, "2"));
	fd = luo_memfd("new", 0, STRICT_SIZE);
	CHECK_EQ(-ENOSPC, luo_write_pattern(fd, 0, STRICT_SIZE, SEED));
	close(fd);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	CHECK(write_text(OVERCOMMIT, "0"));
	CHECK_EQ(0, luo_verify_pattern(fd, 0, STRICT_SIZE, SEED));
	close(fd);
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));
	luo_report("a file is retrieved beyond the commit limit");
}

/*
 * The race
 */

#define NR_WORKERS	4
#define NR_NAMES	3
#define MAX_FILES	8
#define NR_REFUSED	20

/* Of a session: it is there, with a bit for each token below */
#define THERE		0x8000000000000000ULL

/**
 * struct told - what a worker knows of a session, at any moment
 * @now: how it was after the last call on it that has returned
 * @next: how it is after the one that has not; the same as @now in between
 */
struct told {
	atomic_ullong now;
	atomic_ullong next;
};

/**
 * struct record - what a worker was told, in a file that comes over
 * @nr_calls: how often, that it is seen that it has been at work
 * @told: of its sessions, by the number in their names
 */
struct record {
	atomic_ullong nr_calls;
	struct told told[NR_NAMES];
};

struct worker {
	pthread_t thread;
	unsigned int index;
	struct record *record;
	atomic_uint nr_wrong;
};

static __u64 race_seed(unsigned int worker, __u32 token)
{
	return SEED + 1000 * (worker + 1) + token;
}

static void call_begin(struct told *told, __u64 next)
{
	atomic_store(&told->next, next);
}

static void call_end(struct worker *worker, struct told *told, bool ok)
{
	if (!ok)
		atomic_fetch_add(&worker->nr_wrong, 1);
	atomic_store(&told->now, told->next);
	atomic_fetch_add(&worker->record->nr_calls, 1);
}

static void race_name(char *name, size_t size, unsigned int worker, int nr)
{
	snprintf(name, size, "race-%u-%d", worker, nr);
}

static int race_create(struct worker *worker, struct told *told, int nr)
{
	char name[64];
	int session;

	race_name(name, sizeof(name), worker->index, nr);
	call_begin(told, THERE);
	session = luo_create_session(device, name);
	call_end(worker, told, session >= 0);

	return session;
}

/* Files with odd tokens are counters */
static int race_file(struct worker *worker, __u32 token)
{
	char page[PAGE];
	int fd;

	if (token % 2)
		return counter_new(token);

	fd = luo_memfd("race", 0, PAGE);
	luo_pattern(page, PAGE, race_seed(worker->index, token), 0);
	if (pwrite(fd, page, PAGE, 0) != PAGE)
		atomic_fetch_add(&worker->nr_wrong, 1);

	return fd;
}

static void race_preserve(struct worker *worker, struct told *told,
			  int session, __u32 token)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];
	int fd = race_file(worker, token);

	call_begin(told, told->now | 1ULL << token);
	call_end(worker, told, !luo_preserve(session, fd, token));
	if (luo_get_name(session, name))
		atomic_fetch_add(&worker->nr_wrong, 1);
	close(fd);
}

static void race_close(struct worker *worker, struct told *told, int session)
{
	call_begin(told, 0);
	call_end(worker, told, !close(session));
}

/* Ends with the kernel */
static void *race(void *arg)
{
	struct worker *worker = arg;
	int session[NR_NAMES], nr;
	struct told *told;
	__u32 round, token;

	for (round = 0; ; round++) {
		nr = round % NR_NAMES;
		told = &worker->record->told[nr];
		if (round >= NR_NAMES)
			race_close(worker, told, session[nr]);
		session[nr] = race_create(worker, told, nr);
		for (token = 0; token <= round % MAX_FILES; token++)
			race_preserve(worker, told, session[nr], token);
	}

	return NULL;
}

/* The records are whole before they are preserved: no page is added to them */
static void start_race(struct worker *workers)
{
	int session = luo_create_session(device, "records"), i, fd;
	struct worker *worker;

	CHECK(session >= 0);
	for (i = 0; i < NR_WORKERS; i++) {
		worker = &workers[i];
		worker->index = i;
		fd = luo_memfd("record", 0, sizeof(struct record));
		CHECK_EQ(0, luo_write_pattern(fd, 0, sizeof(struct record), 0));
		worker->record = mmap(NULL, sizeof(struct record),
				      PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_POPULATE, fd, 0);
		if (worker->record == MAP_FAILED)
			ksft_exit_fail_perror("mmap");
		CHECK_EQ(0, luo_preserve(session, fd, i));
		if (pthread_create(&worker->thread, NULL, race, worker))
			ksft_exit_fail_perror("pthread_create");
	}
}

static unsigned long nr_calls(const struct worker *workers)
{
	unsigned long nr = 0;
	int i;

	for (i = 0; i < NR_WORKERS; i++)
		nr += atomic_load(&workers[i].record->nr_calls);

	return nr;
}

/* Each attempt meets them at another place, as they go on in between */
static void refuse_while_racing(struct worker *workers)
{
	unsigned long nr = 0;
	int i;

	set_refuse(LAST_VALUE);
	start_race(workers);
	for (i = 0; i < NR_REFUSED; i++) {
		while (nr_calls(workers) < nr + 10)
			usleep(1000);
		nr = nr_calls(workers);
		CHECK_EQ(-EIO, luo_kexec_jump());
	}
	set_refuse(-1);
	for (i = 0; i < NR_WORKERS; i++) {
		CHECK_EQ(0, workers[i].nr_wrong);
		CHECK(workers[i].record->nr_calls > 0);
	}
	luo_report("%d reboots refused while %lu calls were made", NR_REFUSED,
		   nr_calls(workers));
}

static __u64 files_that_came(int session, unsigned int worker)
{
	__u64 files = 0;
	__u32 token;
	int fd;

	for (token = 0; token < 2 * MAX_FILES; token++) {
		fd = luo_retrieve(session, token);
		if (fd == -ENOENT)
			continue;
		CHECK(fd >= 0);
		if (token % 2)
			CHECK_EQ(token, counter_value(fd));
		else
			CHECK_EQ(0, luo_verify_pattern(fd, 0, PAGE,
						       race_seed(worker, token)));
		files |= 1ULL << token;
		close(fd);
	}

	return files;
}

static void check_told(const struct told *told, unsigned int worker, int nr)
{
	int session;
	__u64 came = 0;
	char name[64];

	race_name(name, sizeof(name), worker, nr);
	session = luo_retrieve_session(device, name);
	if (session >= 0) {
		came = THERE | files_that_came(session, worker);
		CHECK_EQ(0, luo_finish(session));
		CHECK_EQ(0, close(session));
	} else {
		CHECK_EQ(-ENOENT, session);
	}
	if (!CHECK(came == told->now || came == told->next))
		ksft_print_msg("%s: %#llx came, told %#llx, then %#llx\n", name,
			       came, told->now, told->next);
}

static unsigned long check_worker(int session, unsigned int worker)
{
	int fd = luo_retrieve(session, worker), i, nr_open = 0;
	const struct record *record;
	unsigned long nr;

	CHECK(fd >= 0);
	record = mmap(NULL, sizeof(*record), PROT_READ, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	for (i = 0; i < NR_NAMES; i++) {
		nr_open += record->told[i].now != record->told[i].next;
		check_told(&record->told[i], worker, i);
	}
	/* One call at a time */
	CHECK(nr_open <= 1);
	nr = record->nr_calls;
	CHECK(nr > 0);
	close(fd);

	return nr;
}

static void check_race(void)
{
	int session = luo_retrieve_session(device, "records"), i;
	unsigned long nr = 0;

	CHECK(session >= 0);
	for (i = 0; i < NR_WORKERS; i++)
		nr += check_worker(session, i);
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));
	luo_report("what came is what the processes were told, in %lu calls",
		   nr);
}

static void stage_1(void)
{
	static struct worker workers[NR_WORKERS];
	static struct set set;

	luo_plan(7);
	modules_load();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	CHECK_EQ(0, luo_kexec_load(NULL));
	refuse_each(&set);
	no_image(&set);
	kills(&set);
	keep_victims();
	keep_strict();
	refuse_while_racing(workers);
	luo_leave_kernel();
}

static void stage_2(void)
{
	luo_plan(4);
	modules_load();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	check_race();
	check_arrived();
	retrieve_strict();
	kill_retrieves();
	modules_unload();
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ NULL, { stage_1, stage_2 } },
};

int main(int argc, char *argv[])
{
	if (!modules_available()) {
		luo_plan(1);
		luo_report_skip("no modules of CONFIG_SAMPLE_LIVEUPDATE");
		luo_finish_stage();
	}
	device = luo_need_device();

	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
