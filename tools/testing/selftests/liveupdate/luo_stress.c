// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads use sessions while modules with handlers come and go. What each
 * of them does depends on a seed alone, and how much of it is counted, not
 * timed; what they meet on the way depends on the moment, and the checks allow
 * for just that. In the end nothing is in use, and nothing is lost.
 *
 * The kernel's command line may have luo.seed=N and luo.rounds=N.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define NR_WORKERS	4
#define MAX_FILES	6
#define MAX_PAGES	64
#define PAGE		4096L

/* Sessions that cross the kexec, for each worker */
#define NR_SESSIONS	8

/* How often a module is unloaded that nobody uses */
#define NR_UNLOADS	50

/* How often reboot() is called, to be refused */
#define NR_REBOOTS	20

/* A handler that is missing is loaded at some time */
#define MAX_TRIES	20000

/* There with the kernel's own checkers, which make it ten times as slow */
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define DEBUG_ROUNDS	20

static unsigned int seed = 1;
static unsigned int rounds = 100;
static int device;

static atomic_uint nr_failures;
static atomic_uint nr_preserved[3];
static atomic_int nr_working;
static atomic_bool stop;

/* luo_check() is for one thread */
#define EXPECT(cond, seen)						\
	do {								\
		if (!(cond)) {						\
			ksft_print_msg("line %d: %s: seen %d\n",	\
				       __LINE__, #cond, (int)(seen));	\
			atomic_fetch_add(&nr_failures, 1);		\
		}							\
	} while (0)

static void report(const char *what)
{
	CHECK_EQ(0, atomic_exchange(&nr_failures, 0));
	luo_report("%s", what);
}

struct worker {
	pthread_t thread;
	unsigned int index;
	__u32 random;
};

static __u32 random_below(__u32 *state, __u32 limit)
{
	/* xorshift; the state must not be 0 */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;

	return *state % limit;
}

static void random_start(__u32 *state, unsigned int number)
{
	*state = (seed * 1000 + number) * 2654435761U | 1;
}

enum kind { MEMFD, COUNTER, PAIR };

static bool module_missing(int err)
{
	return err == -ENOENT || err == -ENODEV || err == -ENXIO;
}

static int new_memfd(struct worker *worker)
{
	off_t size = (1 + random_below(&worker->random, MAX_PAGES)) * PAGE;
	int fd = luo_memfd("stress", 0, size);
	char page[PAGE];
	off_t offset;

	EXPECT(fd >= 0, fd);
	memset(page, worker->index + 1, sizeof(page));
	for (offset = 0; offset < size; offset += PAGE)
		if (pwrite(fd, page, PAGE, offset) != PAGE)
			EXPECT(!"a page is written", errno);

	return fd;
}

/* To write it may fail while a reboot() is tried */
static int new_counter(void)
{
	int fd = counter_new(1);

	EXPECT(fd >= 0 || module_missing(fd), fd);

	return fd;
}

static int new_pair(int counter)
{
	int fd;

	if (counter < 0)
		return counter;
	fd = pair_new(counter);
	EXPECT(fd >= 0 || module_missing(fd), fd);

	return fd;
}

/* A file may be refused because its handler is not there, a memfd's always is */
static bool preserve(int session, int fd, __u64 token, enum kind kind)
{
	int err;

	if (fd < 0)
		return false;
	err = luo_preserve(session, fd, token);
	EXPECT(!err || (kind != MEMFD && module_missing(err)), err);
	if (err)
		return false;

	atomic_fetch_add(&nr_preserved[kind], 1);
	/* It keeps its handler there: what follows does not depend on luck */
	err = luo_preserve(session, fd, token + 1000);
	EXPECT(err == -EBUSY, err);
	err = luo_preserve(session, fd, token);
	EXPECT(err == -EEXIST, err);

	return true;
}

static void preserve_pair(int session, __u64 token)
{
	int counter = new_counter(), pair = new_pair(counter), again;

	if (preserve(session, counter, token, COUNTER)) {
		again = counter_reopen(counter);
		EXPECT(again >= 0, again);
		EXPECT(luo_preserve(session, again, token + 1) == -EBUSY,
		       token);
		close(again);
		preserve(session, pair, token + 1, PAIR);
	} else if (pair >= 0) {
		int err = luo_preserve(session, pair, token + 1);

		EXPECT(module_missing(err), err);
	}
	if (pair >= 0)
		close(pair);
	if (counter >= 0)
		close(counter);
}

static void preserve_one(struct worker *worker, int session, __u64 token,
			 enum kind kind)
{
	int fd;

	if (kind == PAIR) {
		preserve_pair(session, token);
		return;
	}

	fd = kind == MEMFD ? new_memfd(worker) : new_counter();
	preserve(session, fd, token, kind);
	if (fd >= 0)
		close(fd);
}

static void new_session(struct worker *worker, unsigned int round)
{
	unsigned int nr = 1 + random_below(&worker->random, MAX_FILES), i;
	/* The modules need moments in which they are not in use */
	enum kind most = random_below(&worker->random, 8) ? MEMFD : PAIR;
	int session, again;
	char name[64];

	snprintf(name, sizeof(name), "new-%u-%u", worker->index, round);
	session = luo_create_session(device, name);
	EXPECT(session >= 0, session);
	for (i = 0; i < nr; i++)
		preserve_one(worker, session, 10 * i,
			     random_below(&worker->random, most + 1));
	again = luo_create_session(device, name);
	EXPECT(again == -EEXIST, again);
	close(session);
	usleep(random_below(&worker->random, 3000));
}

static void *create_sessions(void *arg)
{
	struct worker *worker = arg;
	unsigned int round;

	for (round = 0; round < rounds; round++)
		new_session(worker, round);
	atomic_fetch_sub(&nr_working, 1);

	return NULL;
}

static int retrieve(int session, __u64 token)
{
	int fd, i;

	for (i = 0; i < MAX_TRIES; i++) {
		fd = luo_retrieve(session, token);
		if (fd != -ENODEV)
			break;
		usleep(1000);
	}
	EXPECT(fd >= 0, fd);

	return fd;
}

static void check_old_memfd(struct worker *worker, int fd)
{
	char page[PAGE] = {};

	EXPECT(pread(fd, page, PAGE, 0) == PAGE, errno);
	EXPECT(page[0] == (char)(worker->index + 1), page[0]);
	EXPECT(page[PAGE - 1] == (char)(worker->index + 1), page[PAGE - 1]);
}

/* A memfd, a counter, a pair, in either order of what is not the memfd's */
static void old_session(struct worker *worker, unsigned int nr)
{
	int session, counter, pair, memfd, err, i;
	char name[64];

	snprintf(name, sizeof(name), "old-%u-%u", worker->index, nr);
	session = luo_retrieve_session(device, name);
	EXPECT(session >= 0, session);
	err = luo_retrieve_session(device, name);
	EXPECT(err == -EINVAL, err);
	err = luo_finish(session);
	EXPECT(err == -EBUSY, err);

	memfd = retrieve(session, 0);
	check_old_memfd(worker, memfd);
	/* The pair's retrieve is not tried again if the counter can't be had */
	counter = retrieve(session, 1);
	pair = retrieve(session, 2);
	EXPECT(counter_value(counter) == (long long)nr, nr);
	EXPECT(pair_value(pair) == (long long)nr, nr);
	for (i = random_below(&worker->random, 4); i; i--)
		close(retrieve(session, i % 3));
	if (random_below(&worker->random, 2)) {
		err = luo_finish(session);
		EXPECT(!err, err);
		/* Ordinary files again */
		err = luo_retrieve(session, 1);
		EXPECT(err == -ENOENT, err);
	}
	close(session);
	err = luo_retrieve_session(device, name);
	EXPECT(err == -ENOENT || err == -EINVAL, err);
	EXPECT(pair_value(pair) == (long long)nr, nr);
	close(memfd);
	close(counter);
	close(pair);
}

static void *retrieve_sessions(void *arg)
{
	struct worker *worker = arg;
	unsigned int nr;

	for (nr = 0; nr < NR_SESSIONS; nr++) {
		old_session(worker, nr);
		new_session(worker, nr);
		new_session(worker, NR_SESSIONS + nr);
	}
	atomic_fetch_sub(&nr_working, 1);

	return NULL;
}

static void start(struct worker *workers, void *(*work)(void *))
{
	unsigned int i;

	atomic_store(&nr_working, NR_WORKERS);
	for (i = 0; i < NR_WORKERS; i++) {
		workers[i].index = i;
		random_start(&workers[i].random, i);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			ksft_exit_fail_perror("pthread_create");
	}
}

static void join(struct worker *workers)
{
	unsigned int i;

	for (i = 0; i < NR_WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
}

/*
 * Modules come and go for as long as there is work. The driver of the counters
 * is there whenever another module is: they need it.
 */
static void play_with_modules(unsigned int number)
{
	static const char *const modules[] = {
		DEV_MODULE, COUNTER_MODULE, PAIR_MODULE
	};
	unsigned int nr_loaded = 0, nr_unloaded = 0, nr_refused = 0;
	bool loaded[3] = { true, true, true };
	__u32 random;
	int i, err;

	random_start(&random, number);
	while (atomic_load(&nr_working)) {
		i = random_below(&random, 3);
		if (!loaded[i] && i && !loaded[0])
			continue;
		if (!loaded[i]) {
			err = module_load(modules[i], "");
			EXPECT(!err, err);
			nr_loaded += !err;
			loaded[i] = !err;
		} else {
			err = module_unload(modules[i]);
			EXPECT(!err || err == -EWOULDBLOCK, err);
			nr_unloaded += !err;
			nr_refused += !!err;
			loaded[i] = !!err;
		}
		usleep(random_below(&random, 2000));
	}
	for (i = 0; i < 3; i++)
		if (!loaded[i])
			CHECK_EQ(0, module_load(modules[i], ""));
	ksft_print_msg("modules: %u times loaded, %u unloaded, %u refused\n",
		       nr_loaded, nr_unloaded, nr_refused);
	ksft_print_msg("preserved: %u memfds, %u counters, %u pairs\n",
		       nr_preserved[MEMFD], nr_preserved[COUNTER],
		       nr_preserved[PAIR]);
}

/*
 * Everything as it was before any work; leaves the modules loaded. KASAN keeps
 * up to 1/32 of all memory from being used again, and caches keep some more.
 */
static void check_idle(int fds, long memory)
{
	CHECK_EQ(fds, luo_count_fds());
	CHECK_EQ(0, module_refs(PAIR_MODULE));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	CHECK_EQ(2, module_refs(DEV_MODULE));
	modules_unload();
	modules_load();
	memory -= 8 * MIB / KIB + luo_meminfo("MemTotal") / 32;
	CHECK(luo_wait_for_free_memory(memory));
}

/* Each preserve looks for a handler: one for memfds, and none for a directory */
static void *preserve_others(void *arg)
{
	struct worker *worker = arg;
	int session, memfd, directory, err;
	char name[64];

	snprintf(name, sizeof(name), "others-%u", worker->index);
	directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT(directory >= 0, errno);
	memfd = new_memfd(worker);
	while (!atomic_load(&stop)) {
		session = luo_create_session(device, name);
		EXPECT(session >= 0, session);
		err = luo_preserve(session, memfd, 1);
		EXPECT(!err, err);
		err = luo_preserve(session, directory, 2);
		EXPECT(err == -ENOENT, err);
		close(session);
	}
	close(memfd);
	close(directory);

	return NULL;
}

/* A module is in use while its own files are in sessions, and never else */
static void unload_unused(struct worker *workers)
{
	unsigned int nr_refused = 0, i;
	int err;

	atomic_store(&stop, false);
	start(workers, preserve_others);
	for (i = 0; i < NR_UNLOADS; i++) {
		err = module_unload(COUNTER_MODULE);
		if (!err)
			err = module_load(COUNTER_MODULE, "");
		nr_refused += !!err;
	}
	atomic_store(&stop, true);
	join(workers);
	CHECK_EQ(0, nr_refused);
}

/* This counter refuses to freeze, so that no reboot() ever happens */
static void refused_reboots(struct worker *workers)
{
	int session, counter, i;

	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_FREEZE));
	session = luo_create_session(device, "refuse");
	CHECK(session >= 0);
	counter = counter_new(1);
	CHECK(counter >= 0);
	if (CHECK_EQ(0, luo_preserve(session, counter, 1))) {
		start(workers, create_sessions);
		for (i = 0; i < NR_REBOOTS || atomic_load(&nr_working); i++) {
			CHECK_EQ(-EIO, luo_kexec_jump());
			usleep(5000);
		}
		join(workers);
		ksft_print_msg("%u reboots refused\n", i);
	}
	close(counter);
	close(session);
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
}

static void make_old_session(struct worker *worker, unsigned int nr)
{
	int session, memfd, counter, pair;
	char name[64];

	snprintf(name, sizeof(name), "old-%u-%u", worker->index, nr);
	session = luo_create_session(device, name);
	CHECK(session >= 0);
	memfd = new_memfd(worker);
	counter = counter_new(nr);
	pair = pair_new(counter);
	CHECK_EQ(0, luo_preserve(session, memfd, 0));
	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(0, luo_preserve(session, pair, 2));
	close(memfd);
	close(counter);
	close(pair);
}

static void stage_1(void)
{
	struct worker workers[NR_WORKERS] = {};
	unsigned int i, nr;
	long memory;
	int fds;

	luo_plan(4);
	ksft_print_msg("seed %u, %u rounds\n", seed, rounds);
	modules_load();
	CHECK_EQ(0, luo_kexec_load(NULL));

	/* All that is allocated once is there before the memory is counted */
	start(workers, create_sessions);
	join(workers);
	fds = luo_count_fds();
	memory = luo_free_memory();
	report("sessions");

	start(workers, create_sessions);
	play_with_modules(NR_WORKERS);
	join(workers);
	check_idle(fds, memory);
	report("sessions while modules come and go");

	unload_unused(workers);
	check_idle(fds, memory);
	report("modules come and go while other files are preserved");

	refused_reboots(workers);
	check_idle(fds, memory);
	report("sessions while reboots are refused");

	for (i = 0; i < NR_WORKERS; i++)
		for (nr = 0; nr < NR_SESSIONS; nr++)
			make_old_session(&workers[i], nr);
	luo_leave_kernel();
}

static void stage_2(void)
{
	struct worker workers[NR_WORKERS] = {};
	int fds = luo_count_fds();
	long memory;

	luo_plan(2);
	modules_load();
	memory = luo_free_memory();
	start(workers, retrieve_sessions);
	play_with_modules(NR_WORKERS + 1);
	join(workers);
	check_idle(fds, memory);
	report("sessions that came over while modules come and go");
	modules_unload();
	CHECK_EQ(-ENOENT, module_refs(DEV_MODULE));
	report("in the end nothing is in use");
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ NULL, { stage_1, stage_2 } },
};

int main(int argc, char *argv[])
{
	char value[32];

	if (!access(KMEMLEAK, F_OK))
		rounds = DEBUG_ROUNDS;
	if (!luo_cmdline_value("luo.seed", value, sizeof(value)))
		seed = strtoul(value, NULL, 10);
	if (!luo_cmdline_value("luo.rounds", value, sizeof(value)))
		rounds = strtoul(value, NULL, 10);

	if (!modules_available()) {
		luo_plan(1);
		luo_report_skip("no modules of CONFIG_SAMPLE_LIVEUPDATE");
		luo_finish_stage();
	}
	device = luo_need_device();

	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
