// SPDX-License-Identifier: GPL-2.0
/*
 * A live update of a workload, to look at: a process keeps rewriting the pages
 * of a large memfd while the kernel under it is replaced, and a process in the
 * next kernel checks every page and goes on where the first one stopped.
 *
 *	stage1	start the work, preserve it, and jump, with the work going on
 *	stage2	retrieve, verify, go on, and print what took how long
 *
 * As process 1 it takes down when user space began, and becomes /init.
 *
 * What a page has to hold follows from its number and from the number of writes
 * so far; that is counted in the memfd itself, after each write. So a write that
 * the jump has cut short is known, and is the only one that is done again.
 *
 * The clocks of the kernel start anew with each kernel. The processor's time
 * stamp counter does not, and bridges the gap; the stamps of the first kernel
 * cross it in a memfd of their own.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "luo_test_util.h"

#define PAGE		4096L
#define WORK_SIZE	(256 * MIB)

/* Page 0 has the counter; the others are rewritten in turn */
#define DATA_PAGES	((__u64)(WORK_SIZE / PAGE - 1))

/* Enough of the second round for some pages to be new, and some old */
#define WRITES_BEFORE	(DATA_PAGES + DATA_PAGES / 8)
#define WRITES_AFTER	(DATA_PAGES / 8)

#define SESSION		"demo"
#define WORK_TOKEN	1
#define TIMELINE_TOKEN	2

#define MAGIC		0x6f6d65646f756cULL
#define ENV_FIRST	"LUO_DEMO_FIRST"

/* At the start of the work's memfd */
struct counter {
	__u64 magic;
	__u64 writes;
};

/* In the other memfd: from the old kernel to the new one */
struct timeline {
	__u64 magic;
	double mhz;
	char release[65];
	char boot_id[64];
	pid_t pid;
	__u64 start, created, preserved, loaded, reboot;
};

static void say(const char *fmt, ...) __printf(1, 2);
static void __noreturn fail(const char *fmt, ...) __printf(1, 2);

/* The host shows the lines that begin like this */
static void say(const char *fmt, ...)
{
	va_list args;

	printf("demo: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

static void fail(const char *fmt, ...)
{
	va_list args;

	printf("demo: result: FAIL: ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	exit(1);
}

static double counter_mhz(void)
{
	struct timespec from, to, pause = { .tv_nsec = 200 * 1000 * 1000 };
	__u64 first, last;

	clock_gettime(CLOCK_MONOTONIC_RAW, &from);
	first = __rdtsc();
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC_RAW, &to);
	last = __rdtsc();

	return (last - first) / ((to.tv_sec - from.tv_sec) * 1e6 +
				 (to.tv_nsec - from.tv_nsec) / 1e3);
}

static void read_boot_id(char *buf, size_t len)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, buf, len - 1);

	if (got <= 0)
		fail("no boot id: %s", strerror(errno));
	buf[got] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	close(fd);
}

/*
 * The work
 */

static __u64 page_of(__u64 write)
{
	return 1 + write % DATA_PAGES;
}

/* The write that a page was last the object of, of @writes in all */
static __u64 last_write(__u64 page, __u64 writes)
{
	return writes - 1 - (writes - 1 - (page - 1)) % DATA_PAGES;
}

static void do_write(unsigned char *map, __u64 write)
{
	struct counter *counter = (struct counter *)map;
	__u64 page = page_of(write);

	luo_pattern(map + page * PAGE, PAGE, write + 1, page * PAGE);

	/* It counts when all of it is there */
	__atomic_store_n(&counter->writes, write + 1, __ATOMIC_RELEASE);
}

static void verify_work(const unsigned char *map, __u64 writes,
			bool cut_short)
{
	static unsigned char expected[PAGE];
	__u64 page;

	for (page = 1; page <= DATA_PAGES; page++) {
		if (cut_short && page == page_of(writes))
			continue;
		luo_pattern(expected, PAGE, last_write(page, writes) + 1,
			    page * PAGE);
		if (memcmp(map + page * PAGE, expected, PAGE))
			fail("page %llu is not what write %llu has left there",
			     page, last_write(page, writes));
	}
}

static void __noreturn keep_working(unsigned char *map)
{
	struct counter *counter = (struct counter *)map;

	for (;;)
		do_write(map, counter->writes);
}

static int make_timeline(struct timeline **timeline)
{
	int fd = luo_memfd("timeline", 0, PAGE);

	if (fd < 0)
		fail("memfd: %s", strerror(-fd));
	*timeline = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*timeline == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	(*timeline)->magic = MAGIC;

	return fd;
}

static void __noreturn stage1(void)
{
	struct timeline *timeline;
	int work, times, dev, session, err;
	struct counter *counter;
	struct utsname uts;
	unsigned char *map;
	char negative[8];
	pid_t worker;

	times = make_timeline(&timeline);
	uname(&uts);
	snprintf(timeline->release, sizeof(timeline->release), "%s",
		 uts.release);
	read_boot_id(timeline->boot_id, sizeof(timeline->boot_id));
	say("kernel %s, boot id %s", timeline->release, timeline->boot_id);
	timeline->mhz = counter_mhz();

	work = luo_memfd("work", 0, WORK_SIZE);
	if (work < 0)
		fail("memfd: %s", strerror(-work));
	map = mmap(NULL, WORK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, work,
		   0);
	if (map == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	counter = (struct counter *)map;
	counter->magic = MAGIC;

	worker = fork();
	if (worker < 0)
		fail("fork: %s", strerror(errno));
	if (!worker)
		keep_working(map);
	timeline->pid = worker;
	say("process %d works on %ld MiB in a memfd", worker, WORK_SIZE / MIB);
	while (__atomic_load_n(&counter->writes, __ATOMIC_ACQUIRE) <
	       WRITES_BEFORE) {
		if (waitpid(worker, NULL, WNOHANG))
			fail("the process has ended");
		usleep(10 * 1000);
	}
	say("%llu writes done, each of one page, and no end; now the update",
	    (unsigned long long)counter->writes);

	/* For whoever wants to see it fail */
	if (!luo_cmdline_value("luo.negative", negative, sizeof(negative))) {
		say("as asked for: an empty memfd is preserved instead");
		work = luo_memfd("work", 0, 0);
	}

	timeline->start = __rdtsc();
	dev = luo_open_device();
	if (dev < 0)
		fail("%s: %s", LUO_DEVICE, strerror(-dev));
	session = luo_create_session(dev, SESSION);
	if (session < 0)
		fail("creating the session: %s", strerror(-session));
	timeline->created = __rdtsc();

	err = luo_preserve(session, work, WORK_TOKEN);
	if (!err)
		err = luo_preserve(session, times, TIMELINE_TOKEN);
	if (err)
		fail("preserving: %s", strerror(-err));
	timeline->preserved = __rdtsc();

	err = luo_kexec_load("rdinit=/tests/luo-demo");
	if (err)
		fail("loading the next kernel: %s", strerror(-err));
	timeline->loaded = __rdtsc();

	say("preserved, next kernel loaded; %llu writes done: kexec",
	    (unsigned long long)counter->writes);

	/* What was printed is to be seen before the old kernel is gone */
	fflush(NULL);
	sync();
	timeline->reboot = __rdtsc();
	err = luo_kexec_jump();
	fail("kexec: %s", strerror(-err));
}

/*
 * In the next kernel
 */

/* Before anything else: nothing in user space has run yet */
static void __noreturn first_instruction(char *argv[])
{
	__u64 first = __rdtsc();
	struct timespec up;
	char value[64];

	/* How long this kernel has had a clock by now */
	clock_gettime(CLOCK_BOOTTIME, &up);
	snprintf(value, sizeof(value), "%llu %llu",
		 (unsigned long long)first,
		 up.tv_sec * 1000000000ULL + up.tv_nsec);
	setenv(ENV_FIRST, value, 1);
	execv("/init", argv);
	_exit(127);
}

/* The kernels' own timeline, for the host to draw */
static void print_kernel_timeline(void)
{
	char *text = luo_read_debugfs("timeline"), *rest = text, *next;

	while ((next = strsep(&rest, "\n")))
		if (*next)
			say("timeline: %s", next);
	free(text);
}

static __u64 begin;

static void line(const char *what, __u64 from, __u64 to, double mhz)
{
	say("%10.1f ms %+10.1f ms  %s", (__s64)(from - begin) / mhz / 1000,
	    (__s64)(to - from) / mhz / 1000, what);
}

static void *map_timeline(int fd)
{
	struct timeline *timeline;
	struct stat st;

	if (fd < 0)
		fail("retrieving the timeline: %s", strerror(-fd));
	if (fstat(fd, &st) || st.st_size != PAGE)
		fail("the timeline has %lld bytes", (long long)st.st_size);
	timeline = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (timeline == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	if (timeline->magic != MAGIC)
		fail("the timeline is none");

	return timeline;
}

static void *map_work(int fd)
{
	struct counter *counter;
	struct stat st;

	if (fd < 0)
		fail("retrieving the work: %s", strerror(-fd));
	if (fstat(fd, &st))
		fail("fstat: %s", strerror(errno));
	if (st.st_size != WORK_SIZE)
		fail("the memfd has %lld bytes, expected %lld",
		     (long long)st.st_size, (long long)WORK_SIZE);
	counter = mmap(NULL, WORK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       0);
	if (counter == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	if (counter->magic != MAGIC)
		fail("there is no counter in the memfd");

	return counter;
}

static void __noreturn stage2(void)
{
	__u64 started, opened, have_session, have_files, verified, resumed;
	__u64 first, clock, writes;
	unsigned long long first_tsc, first_ns;
	struct timeline *timeline;
	int dev, session, err, times, work;
	const char *env = getenv(ENV_FIRST);
	struct counter *counter;
	struct utsname uts;
	unsigned char *map;
	char boot_id[64];
	double mhz;

	started = __rdtsc();
	dev = luo_open_device();
	if (dev < 0)
		fail("%s: %s", LUO_DEVICE, strerror(-dev));
	opened = __rdtsc();
	session = luo_retrieve_session(dev, SESSION);
	if (session < 0)
		fail("retrieving the session: %s", strerror(-session));
	have_session = __rdtsc();
	times = luo_retrieve(session, TIMELINE_TOKEN);
	work = luo_retrieve(session, WORK_TOKEN);
	timeline = map_timeline(times);
	map = map_work(work);
	counter = (struct counter *)map;

	have_files = __rdtsc();
	writes = counter->writes;
	if (writes < WRITES_BEFORE)
		fail("only %llu writes are counted",
		     (unsigned long long)writes);
	verify_work(map, writes, true);

	/* From where the first process stopped; once more if it was cut short */
	verified = __rdtsc();
	do_write(map, writes);
	resumed = __rdtsc();

	err = luo_finish(session);
	if (err)
		fail("finish: %s", strerror(-err));
	while (counter->writes < writes + WRITES_AFTER)
		do_write(map, counter->writes);
	verify_work(map, counter->writes, false);

	if (!env || sscanf(env, "%llu %llu", &first_tsc, &first_ns) != 2)
		fail("process 1 has left no time stamp");
	first = first_tsc;
	mhz = counter_mhz();
	uname(&uts);
	read_boot_id(boot_id, sizeof(boot_id));
	say("kernel %s, boot id %s", uts.release, boot_id);
	if (!strcmp(boot_id, timeline->boot_id))
		fail("it is the same boot");
	if (first <= timeline->reboot)
		fail("the time stamp counter went backwards");

	say("all of %llu pages are as write %llu of process %d has left them",
	    (unsigned long long)DATA_PAGES, (unsigned long long)writes,
	    timeline->pid);
	say("process %d went on to write %llu, and all are right again",
	    getpid(), (unsigned long long)counter->writes);

	print_kernel_timeline();
	begin = timeline->start;
	say("timeline of the program, by the time stamp counter (%.0f MHz, was %.0f MHz)", mhz,
	    timeline->mhz);
	say("%13s %13s", "at", "for");
	line("open the device, create the session", timeline->start,
	     timeline->created, mhz);
	line("preserve the memfds", timeline->created, timeline->preserved,
	     mhz);
	line("load the next kernel", timeline->preserved, timeline->loaded,
	     mhz);
	line("print, sync", timeline->loaded, timeline->reboot, mhz);

	/* The new kernel can only tell how long it has had a clock */
	clock = first - (__u64)(first_ns * mhz / 1000);
	line("reboot(): freeze, jump, boot until there is a clock",
	     timeline->reboot, clock, mhz);
	line("boot until the first instruction of user space", clock, first,
	     mhz);
	line("init, until the program is started", first, started, mhz);
	line("open the device", started, opened, mhz);
	line("retrieve the session", opened, have_session, mhz);
	line("retrieve the memfds", have_session, have_files, mhz);
	line("verify every page", have_files, verified, mhz);
	line("first write of the new process: resumed", verified, resumed, mhz);
	say("%10.1f ms from the kexec to the first instruction of user space",
	    (first - timeline->reboot) / mhz / 1000);
	say("%10.1f ms from the kexec until the work was resumed",
	    (resumed - timeline->reboot) / mhz / 1000);
	say("result: PASS");
	exit(0);
}

int main(int argc, char *argv[])
{
	if (getpid() == 1)
		first_instruction(argv);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "stage1"))
		stage1();
	if (argc == 2 && !strcmp(argv[1], "stage2"))
		stage2();

	fprintf(stderr, "call: %s stage1|stage2\n", argv[0]);

	return 1;
}
