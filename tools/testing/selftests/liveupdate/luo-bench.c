// SPDX-License-Identifier: GPL-2.0
/*
 * What a live update costs. Uses nothing but the public interface, so that it
 * measures any kernel that has that.
 *
 * Time is read from the time stamp counter. In a guest of QEMU with -icount
 * shift=0,sleep=off that counts instructions, goes on across the kexec, and is
 * the same on any machine.
 *
 * The kernel's command line has luo.bench=CASE and luo.count=N. Each result is a
 * line 'bench: KEY VALUE'; whoever started the guest makes sense of them.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <x86intrin.h>

#include "luo_test_util.h"

#define PAGE		4096L
#define NR_WINDOWS	100
#define MAX_RESULTS	1024

#define SHMEM_HUGE	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define CONSOLE_LEVEL	8

/* Printed at the end only: the console would run into what is measured */
static struct {
	char key[48];
	unsigned long long value;
} results[MAX_RESULTS];
static unsigned int nr_results;

static unsigned long count;
static int device = -1;

static unsigned long long now(void)
{
	return __rdtsc();
}

static void __printf(2, 3) result(unsigned long long value,
				  const char *fmt, ...)
{
	va_list ap;

	if (nr_results == MAX_RESULTS)
		ksft_exit_fail_msg("too many results\n");
	va_start(ap, fmt);
	vsnprintf(results[nr_results].key, sizeof(results[0].key), fmt, ap);
	va_end(ap);
	results[nr_results++].value = value;
}

static void print_results(void)
{
	unsigned int i;

	for (i = 0; i < nr_results; i++)
		printf("bench: %s %llu\n", results[i].key, results[i].value);
	nr_results = 0;
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

/* A measurement that has failed is none: end here, without the last line */
#define MUST(expr)							\
({									\
	long __ret = (expr);						\
									\
	if (__ret < 0)							\
		ksft_exit_fail_msg("line %d: %s: %s\n", __LINE__, #expr,	\
				   strerror(-__ret));			\
	__ret;								\
})

static void open_device(void)
{
	unsigned long long start = now();

	device = MUST(luo_open_device());
	result(now() - start, "open");
}

/* The mean over each hundredth of what is done many times over */
struct windows {
	const char *key;
	unsigned long done;
	unsigned long long sum;
};

static void window_add(struct windows *w, unsigned long long cost)
{
	unsigned long size = count / NR_WINDOWS;

	w->sum += cost;
	w->done++;
	if (!size || w->done % size)
		return;
	result(w->sum / size, "%s.%lu", w->key, w->done);
	w->sum = 0;
}

/*
 * Contents
 */

static void write_page(int fd, off_t index, __u64 seed)
{
	MUST(luo_write_pattern(fd, index * PAGE, PAGE, seed));
}

static int fill_dense(off_t size, __u64 seed)
{
	int fd = MUST(luo_memfd("dense", 0, size));

	MUST(luo_write_pattern(fd, 0, size, seed));
	return fd;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	close(fd);
}

static int fill_huge(off_t size, __u64 seed)
{
	long before = MUST(luo_meminfo("ShmemHugePages"));
	int fd;

	write_file(SHMEM_HUGE, "always");
	fd = fill_dense(size, seed);
	write_file(SHMEM_HUGE, "never");

	/* In KiB */
	if (MUST(luo_meminfo("ShmemHugePages")) - before != size / KIB)
		ksft_exit_fail_msg("not all of the memory is in huge pages\n");
	return fd;
}

static int fill_sparse(off_t size, __u64 seed)
{
	int fd = MUST(luo_memfd("sparse", 0, size));
	off_t at;

	for (at = 0; at < size; at += MIB)
		write_page(fd, at / PAGE, seed);
	return fd;
}

static int compare_u64(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* How many pages of a file have no neighbour in memory that is of the file too */
static unsigned long count_alone(int fd, unsigned long pages)
{
	__u64 *frames = calloc(pages, sizeof(*frames));
	void *map;
	unsigned long i, alone = 0;
	int pagemap;

	map = mmap(NULL, pages * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE,
		   fd, 0);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (!frames || map == MAP_FAILED || pagemap < 0)
		ksft_exit_fail_msg("can't look at the page map\n");
	if (pread(pagemap, frames, pages * sizeof(*frames),
		  (uintptr_t)map / PAGE * sizeof(*frames)) !=
	    (ssize_t)(pages * sizeof(*frames)))
		ksft_exit_fail_msg("can't read the page map\n");

	for (i = 0; i < pages; i++)
		frames[i] &= (1ULL << 55) - 1;
	qsort(frames, pages, sizeof(*frames), compare_u64);
	for (i = 0; i < pages; i++)
		alone += (!i || frames[i - 1] + 1 != frames[i]) &&
			 (i + 1 == pages || frames[i] + 1 != frames[i + 1]);

	close(pagemap);
	munmap(map, pages * PAGE);
	free(frames);
	return alone;
}

/* Two files that get their pages in turn: no two of one are side by side */
static int fill_alone(off_t size, __u64 seed)
{
	int fd = MUST(luo_memfd("alone", 0, size));
	int other = MUST(luo_memfd("other", 0, size));
	off_t i;

	for (i = 0; i < size / PAGE; i++) {
		write_page(fd, i, seed);
		write_page(other, i, 0);
	}
	if (size)
		result(count_alone(fd, size / PAGE), "alone");

	/* It stays open, for what is freed would be taken again */
	return fd;
}

/*
 * To the next kernel
 */

static void jump(void)
{
	static const char mark[] = "<5>bench: reboot\n";
	int kmsg = open("/dev/kmsg", O_WRONLY);

	MUST(luo_kexec_load(NULL));
	klogctl(CONSOLE_LEVEL, NULL, 7);
	print_results();
	result(now(), "left");
	print_results();
	if (write(kmsg, mark, strlen(mark)) < 0)
		ksft_exit_fail_msg("/dev/kmsg: %s\n", strerror(errno));
	MUST(luo_kexec_jump());
}

/*
 * Case: memfds of all shapes
 */

static const struct subject {
	const char *name;
	off_t size;
	int (*fill)(off_t size, __u64 seed);
	off_t stride;
} subjects[] = {
	{ "dense-16", 16 * MIB, fill_dense, PAGE },
	{ "dense-64", 64 * MIB, fill_dense, PAGE },
	{ "dense-256", 256 * MIB, fill_dense, PAGE },
	{ "alone-16", 16 * MIB, fill_alone, PAGE },
	{ "alone-64", 64 * MIB, fill_alone, PAGE },
	{ "huge-64", 64 * MIB, fill_huge, PAGE },
	{ "huge-256", 256 * MIB, fill_huge, PAGE },
	{ "sparse-256", 256 * MIB, fill_sparse, MIB },
	{ "sparse-1024", 1024 * MIB, fill_sparse, MIB },
};

static void preserve_subject(const struct subject *s, __u64 seed)
{
	int fd = s->fill(s->size, seed), session;
	unsigned long long start;
	long before, after;
	struct stat st;

	session = MUST(luo_create_session(device, s->name));
	/* What was freed before shall not count: RCU takes a moment */
	usleep(100 * 1000);
	before = MUST(luo_free_memory());
	start = now();
	MUST(luo_preserve(session, fd, seed));
	result(now() - start, "%s.preserve", s->name);
	after = MUST(luo_free_memory());
	result((before - after) * KIB, "%s.metadata", s->name);

	if (fstat(fd, &st))
		ksft_exit_fail_msg("fstat: %s\n", strerror(errno));
	result(st.st_blocks * 512ULL, "%s.bytes", s->name);
}

static void retrieve_subject(const struct subject *s, __u64 seed)
{
	int session = MUST(luo_retrieve_session(device, s->name)), fd;
	unsigned long long start;
	struct stat st;
	off_t at;

	start = now();
	fd = MUST(luo_retrieve(session, seed));
	result(now() - start, "%s.retrieve", s->name);

	if (fstat(fd, &st))
		ksft_exit_fail_msg("fstat: %s\n", strerror(errno));
	result(st.st_blocks * 512ULL, "%s.retrieved_bytes", s->name);
	for (at = 0; at < s->size; at += s->stride)
		MUST(luo_verify_pattern(fd, at, PAGE, seed));

	start = now();
	MUST(luo_finish(session));
	result(now() - start, "%s.finish", s->name);
}

static void memfd_before(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(subjects); i++)
		preserve_subject(&subjects[i], i + 1);
}

static void memfd_after(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(subjects); i++)
		retrieve_subject(&subjects[i], i + 1);
}

/*
 * Case: pages that don't touch each other
 */

static void alone_before(void)
{
	int session = MUST(luo_create_session(device, "alone"));

	MUST(luo_preserve(session, fill_alone(count * PAGE, 1), 1));
}

static void alone_after(void)
{
	int session = MUST(luo_retrieve_session(device, "alone"));
	int fd = MUST(luo_retrieve(session, 1));

	if (count)
		MUST(luo_verify_pattern(fd, 0, count * PAGE, 1));
	MUST(luo_finish(session));
}

/*
 * Case: one memfd, or none, to see what the reboot makes of it
 */

static void dense_before(void)
{
	int session = MUST(luo_create_session(device, "dense"));

	MUST(luo_preserve(session, fill_dense(count * PAGE, 1), 1));
}

static void dense_after(void)
{
	int session = MUST(luo_retrieve_session(device, "dense"));
	int fd = MUST(luo_retrieve(session, 1));

	MUST(luo_verify_pattern(fd, 0, count * PAGE, 1));
	MUST(luo_finish(session));
}

/*
 * Case: many files
 */

static void files_before(void)
{
	struct windows preserve = { .key = "preserve" };
	int session = MUST(luo_create_session(device, "files"));
	unsigned long i;

	for (i = 0; i < count; i++) {
		int fd = MUST(luo_memfd("file", 0, PAGE));
		unsigned long long start;

		MUST(pwrite(fd, &i, sizeof(i), 0) < 0 ? -errno : 0);
		start = now();
		MUST(luo_preserve(session, fd, i));
		window_add(&preserve, now() - start);
		/* The session has it */
		close(fd);
	}
}

static void files_after(void)
{
	struct windows retrieve = { .key = "retrieve" };
	int session = MUST(luo_retrieve_session(device, "files"));
	unsigned long long start;
	unsigned long i, seen;

	for (i = 0; i < count; i++) {
		int fd;

		start = now();
		fd = MUST(luo_retrieve(session, i));
		window_add(&retrieve, now() - start);
		if (pread(fd, &seen, sizeof(seen), 0) < 0 || seen != i)
			ksft_exit_fail_msg("file %lu has other contents\n", i);
		close(fd);
	}

	start = now();
	MUST(luo_finish(session));
	result(now() - start, "finish");
}

/*
 * Case: many sessions
 */

static void session_name(char name[32], unsigned long i)
{
	snprintf(name, 32, "session-%lu", i);
}

static void sessions_before(void)
{
	struct windows create = { .key = "create" };
	char name[32];
	unsigned long i;

	for (i = 0; i < count; i++) {
		unsigned long long start;

		session_name(name, i);
		start = now();
		MUST(luo_create_session(device, name));
		window_add(&create, now() - start);
	}
}

static void sessions_after(void)
{
	struct windows retrieve = { .key = "retrieve" };
	struct windows finish = { .key = "close" };
	int *fds = calloc(count ?: 1, sizeof(*fds));
	unsigned long long start;
	char name[32];
	unsigned long i;

	for (i = 0; i < count; i++) {
		session_name(name, i);
		start = now();
		fds[i] = MUST(luo_retrieve_session(device, name));
		window_add(&retrieve, now() - start);
	}
	for (i = 0; i < count; i++) {
		start = now();
		close(fds[i]);
		window_add(&finish, now() - start);
	}
	free(fds);
}

/*
 * Case: two threads with a session each. This one is about time, and about two
 * processors; what counts is a ratio within one run.
 */

#define NR_ROUNDS	15

struct thread {
	pthread_t id;
	pthread_barrier_t *start;
	int session;
	int fd;
};

static void *preserve_thread(void *arg)
{
	struct thread *thread = arg;

	pthread_barrier_wait(thread->start);
	MUST(luo_preserve(thread->session, thread->fd, 1));
	return NULL;
}

static unsigned long long one_after_the_other(struct thread thread[2])
{
	unsigned long long start = now();

	MUST(luo_preserve(thread[0].session, thread[0].fd, 1));
	MUST(luo_preserve(thread[1].session, thread[1].fd, 1));
	return now() - start;
}

static unsigned long long both_at_once(struct thread thread[2])
{
	pthread_barrier_t barrier;
	unsigned long long start;
	int i;

	pthread_barrier_init(&barrier, NULL, 3);
	for (i = 0; i < 2; i++) {
		cpu_set_t cpus;

		thread[i].start = &barrier;
		MUST(-pthread_create(&thread[i].id, NULL, preserve_thread,
				     &thread[i]));
		/* A short one would be over before the scheduler moves it */
		CPU_ZERO(&cpus);
		CPU_SET(i, &cpus);
		MUST(-pthread_setaffinity_np(thread[i].id, sizeof(cpus),
					     &cpus));
	}
	start = now();
	pthread_barrier_wait(&barrier);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i].id, NULL);
	return now() - start;
}

static unsigned long long
measure(struct thread thread[2],
	unsigned long long (*run)(struct thread thread[2]))
{
	static const char * const names[2] = { "one", "two" };
	unsigned long long cost;
	int i;

	for (i = 0; i < 2; i++)
		thread[i].session = MUST(luo_create_session(device, names[i]));
	cost = run(thread);
	/* Undoes the preserves */
	for (i = 0; i < 2; i++)
		close(thread[i].session);
	return cost;
}

static void threads_only(void)
{
	unsigned long long best[2] = { ~0ULL, ~0ULL };
	struct thread thread[2];
	int i;

	for (i = 0; i < 2; i++)
		thread[i].fd = fill_dense(count * PAGE, 1);
	/* The best of each: others may use the machine too */
	for (i = 0; i < NR_ROUNDS; i++) {
		unsigned long long one = measure(thread, one_after_the_other);
		unsigned long long two = measure(thread, both_at_once);

		best[0] = one < best[0] ? one : best[0];
		best[1] = two < best[1] ? two : best[1];
	}
	result(best[0], "serial");
	result(best[1], "parallel");
}

static const struct bench {
	const char *name;
	void (*before)(void);
	void (*after)(void);
} benches[] = {
	{ "memfd", memfd_before, memfd_after },
	{ "alone", alone_before, alone_after },
	{ "dense", dense_before, dense_after },
	{ "files", files_before, files_after },
	{ "sessions", sessions_before, sessions_after },
	{ "threads", threads_only, NULL },
};

static const struct bench *find_bench(void)
{
	char name[32], number[32];
	unsigned int i;

	MUST(luo_cmdline_value("luo.bench", name, sizeof(name)));
	if (!luo_cmdline_value("luo.count", number, sizeof(number)))
		count = strtoul(number, NULL, 10);
	for (i = 0; i < ARRAY_SIZE(benches); i++)
		if (!strcmp(benches[i].name, name))
			return &benches[i];
	ksft_exit_fail_msg("no case '%s'\n", name);
}

int main(int argc, char *argv[])
{
	unsigned long long arrived = now();
	const struct bench *bench = find_bench();

	MUST(luo_raise_fd_limit(1 << 20));
	if (argc == 2 && !strcmp(argv[1], "stage1")) {
		open_device();
		bench->before();
		if (bench->after)
			jump();
	} else {
		result(arrived, "arrived");
		open_device();
		bench->after();
	}
	print_results();
	return 0;
}
