// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy from or to user space fails, one at a time.
 *
 * For each operation the first thing that can fail does, then the second, and so
 * on, until the operation has come to its end without a fault. Each time it has
 * either failed, and the same call succeeds when nothing is in its way, or it has
 * done all that it should. In the end there is as much in use as there was before.
 *
 * What can be undone starts over for each fault. What can't, as the first open of
 * the device after a live update, goes on from where the last fault was: there
 * are several of each kind, as a fault that does no harm ends it for one of them.
 *
 * Faults come from /proc/thread-self/fail-nth, which needs CONFIG_FAULT_INJECTION.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define PAGE		4096L
#define LARGE		(2 * MIB)
#define SEED		0xfa11

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"
#define SLABS		"/sys/kernel/slab"
#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* So many faults no operation has: it would never end */
#define MAX_NTH		5000

/* So often in a row the allocator does not get in the way, see all_faults() */
#define MAX_ROUNDS	4

/* More extents than two chunks of their list hold, none next to another */
#define NR_FRAGMENTS	1200

/* What comes over, of each kind: as a fault without harm uses one up */
#define NR_EACH		12

/*
 * What free memory may differ by, in KiB: tables of the kernel's checkers grow.
 * What is preserved is counted to the page.
 */
#define MEMORY_SLACK	1024

/*
 * Faults
 */

static int nth_fd = -1;

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);

	return ok;
}

/*
 * What the kernel's checkers allocate for themselves, for each allocation of
 * others, can fail without any harm: leave it out.
 */
static bool is_checker(const char *cache)
{
	return !strncmp(cache, "kmemleak_", strlen("kmemleak_")) ||
	       !strncmp(cache, "debug_objects_", strlen("debug_objects_"));
}

static bool choose_caches(void)
{
	struct dirent *entry;
	char path[320];
	bool any = false;
	DIR *dir;

	dir = opendir(SLABS);
	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || is_checker(entry->d_name))
			continue;
		snprintf(path, sizeof(path), SLABS "/%s/failslab",
			 entry->d_name);
		any |= write_file(path, "1");
	}
	closedir(dir);

	return any && write_file(DEBUGFS "failslab/cache-filter", "Y");
}

/* Allocations that may wait can fail too, single pages as well, and quietly */
static bool faults_start(void)
{
	static const char *const settings[][2] = {
		{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
		{ DEBUGFS "failslab/verbose", "0" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ DEBUGFS "fail_page_alloc/min-order", "0" },
		{ DEBUGFS "fail_page_alloc/verbose", "0" },
		{ DEBUGFS "fail_usercopy/verbose", "0" },
	};
	unsigned int i;

	nth_fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		return false;
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (!write_file(settings[i][0], settings[i][1]))
			return false;

	/* No page fault of this program is to be hit */
	return choose_caches() && !mlockall(MCL_CURRENT | MCL_FUTURE);
}

static void faults_arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(nth_fd, text, len, 0) != len)
		ksft_exit_fail_perror(FAIL_NTH);
}

/* Return: true if there was a fault; to ask can be hit by one itself */
static bool faults_disarm(void)
{
	char text[16] = "1";
	ssize_t len = pread(nth_fd, text, sizeof(text) - 1, 0);

	while (pwrite(nth_fd, "0", 1, 0) != 1)
		if (errno != EFAULT)
			ksft_exit_fail_perror(FAIL_NTH);

	return len > 0 && !strtoul(text, NULL, 10);
}

/* What a call may fail with for want of memory, or of memory to copy to */
static bool is_fault(int err)
{
	return err == -ENOMEM || err == -EFAULT || err == -ENFILE ||
	       err == -EMFILE;
}

/*
 * What is preserved, page by page: from the map that KHO keeps
 */

#define FDT_PROP	3
#define MAP_MAGIC	0x70616d2d6f68636bULL
#define ROOT_ENTRIES	1024
#define TABLE_ENTRIES	256
#define LEAF_LEVEL	3
#define LEAF_USED	256

static int dev_mem = -1;

/* The first property of eight bytes in the root FDT */
static __u64 map_root(const char *dir)
{
	__u32 fdt[PAGE / sizeof(__u32)] = {};
	char path[64];
	__u64 root = 0;
	unsigned int i;
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "kho/%s/fdt", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, fdt, sizeof(fdt)) < 64)
		ksft_exit_fail_perror(path);
	close(fd);
	for (i = 0; i + 4 < ARRAY_SIZE(fdt) && !root; i++)
		if (be32toh(fdt[i]) == FDT_PROP && be32toh(fdt[i + 1]) == 8)
			memcpy(&root, &fdt[i + 3], sizeof(root));

	return root;
}

static void read_phys(__u64 phys, void *buf, size_t len)
{
	if (pread(dev_mem, buf, len, phys) != (ssize_t)len)
		ksft_exit_fail_perror("/dev/mem");
}

static long count_leaf(__u64 phys)
{
	__u64 used[LEAF_USED];
	long nr = 0;
	int i;

	read_phys(phys, used, sizeof(used));
	for (i = 0; i < LEAF_USED; i++)
		nr += __builtin_popcountll(used[i]);

	return nr;
}

/* Pages, and how many blocks of the map lead to them */
static long count_table(__u64 phys, unsigned int nr_entries, int level,
			long *blocks)
{
	__u64 entry[2 * ROOT_ENTRIES];
	unsigned int i;
	long nr = 0;

	if (level == LEAF_LEVEL)
		return count_leaf(phys);
	read_phys(phys, entry, nr_entries * sizeof(*entry) * 2);
	for (i = 0; i < nr_entries; i++) {
		if (!entry[2 * i])
			continue;
		++*blocks;
		nr += count_table(entry[2 * i], TABLE_ENTRIES, level + 1,
				  blocks);
	}

	return nr;
}

static long count_preserved(const char *dir, long *blocks)
{
	__u64 root = map_root(dir), magic;

	read_phys(root, &magic, sizeof(magic));
	if (magic != MAP_MAGIC)
		ksft_exit_fail_msg("no map where the root FDT says\n");
	/* The root, with its two words before the entries */
	*blocks = (ROOT_ENTRIES * 16 + 16 + PAGE - 1) / PAGE;

	return count_table(root + 16, ROOT_ENTRIES, 0, blocks);
}

/* Memory that is free or in use by what has a count of its own, in KiB */
static long known_memory(void)
{
	static const char *const keys[] = {
		"Slab", "PageTables", "KernelStack", "AnonPages", "Cached",
		"Buffers", "VmallocUsed", "Percpu",
	};
	long kib = luo_free_memory();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		kib += luo_meminfo(keys[i]);

	return kib;
}

struct usage {
	long preserved;
	long memory;
	int fds;
	int refs[3];
};

static struct usage usage_now(void)
{
	long blocks;

	write_file("/proc/sys/vm/drop_caches", "3");

	return (struct usage){
		.preserved = count_preserved("out", &blocks),
		.memory = known_memory(),
		.fds = luo_count_fds(),
		.refs = {
			module_refs(DEV_MODULE),
			module_refs(COUNTER_MODULE),
			module_refs(PAIR_MODULE),
		},
	};
}

static void check_usage(const struct usage *before)
{
	struct usage now = usage_now();
	unsigned int i;

	/* What was freed last comes back a moment later */
	for (i = 0; i < 50 && now.memory < before->memory - MEMORY_SLACK; i++) {
		usleep(50 * 1000);
		now = usage_now();
	}
	CHECK_EQ(before->preserved, now.preserved);
	CHECK_EQ(before->fds, now.fds);
	for (i = 0; i < ARRAY_SIZE(now.refs); i++)
		CHECK_EQ(before->refs[i], now.refs[i]);
	ksft_print_msg("%ld pages preserved, memory %+ld KiB\n", now.preserved,
		       now.memory - before->memory);
	CHECK(now.memory >= before->memory - MEMORY_SLACK);
}

/*
 * Files of all shapes
 */

enum kind {
	EMPTY, DENSE, FRAGMENTED, LARGE_FOLIOS, SPARSE, ALLOCATED, READ_ONLY,
	SWAPPED, COUNTER, PAIR, NR_KINDS
};

static const char *const kind_name[NR_KINDS] = {
	[EMPTY] = "an empty memfd",
	[DENSE] = "a memfd without holes",
	[FRAGMENTED] = "a memfd in 1200 pieces",
	[LARGE_FOLIOS] = "a memfd of large folios",
	[SPARSE] = "a memfd with holes",
	[ALLOCATED] = "a memfd that was allocated, but not written",
	[READ_ONLY] = "a memfd that is open for reading only",
	[SWAPPED] = "a memfd that is swapped out",
	[COUNTER] = "a file of a module",
	[PAIR] = "a file with an FLB, and another that it needs",
};

static off_t kind_size(enum kind kind)
{
	static const off_t size[NR_KINDS] = {
		[DENSE] = 256 * KIB,
		[FRAGMENTED] = NR_FRAGMENTS * PAGE,
		[LARGE_FOLIOS] = 2 * LARGE,
		[SPARSE] = 64 * GIB,
		[ALLOCATED] = 64 * KIB,
		[READ_ONLY] = 64 * KIB,
		[SWAPPED] = 32 * KIB,
	};

	return size[kind];
}

/* Pages that have others between them, in memory as in time */
static int write_fragments(int fd)
{
	int other = luo_memfd("between", 0, 0), err = 0;
	off_t at;

	for (at = 0; at < NR_FRAGMENTS * PAGE && !err; at += PAGE) {
		err = luo_write_pattern(fd, at, PAGE, SEED);
		if (!err)
			err = luo_write_pattern(other, at, PAGE, SEED);
	}
	close(other);

	return err;
}

/*
 * Not by way of a mapping: a huge page that was mapped for a read, and written to
 * then, is not known to be dirty when it is unmapped, and goes as caches are
 * dropped.
 */
static int write_large(int fd)
{
	long before = luo_meminfo("ShmemHugePages");
	int err;

	if (!write_file(SHMEM_ENABLED, "always"))
		return -errno;
	err = luo_write_pattern(fd, 0, 2 * LARGE, SEED);
	write_file(SHMEM_ENABLED, "never");
	CHECK(luo_meminfo("ShmemHugePages") >= before + 2 * LARGE / KIB);

	return err;
}

static int write_sparse(int fd)
{
	off_t at;
	int err = 0;

	for (at = 0; at < kind_size(SPARSE) && !err; at += 5 * GIB + PAGE)
		err = luo_write_pattern(fd, at, PAGE, SEED);

	return err;
}

static int write_contents(int fd, enum kind kind)
{
	switch (kind) {
	case EMPTY:
		return 0;
	case FRAGMENTED:
		return write_fragments(fd);
	case LARGE_FOLIOS:
		return write_large(fd);
	case SPARSE:
		return write_sparse(fd);
	case ALLOCATED:
		return fallocate(fd, 0, 0, kind_size(kind)) ? -errno : 0;
	default:
		return luo_write_pattern(fd, 0, kind_size(kind), SEED);
	}
}

static int verify_contents(int fd, enum kind kind)
{
	off_t at, size = kind_size(kind);
	int err = 0;

	if (lseek(fd, 0, SEEK_END) != size)
		return -EFBIG;
	if (kind != SPARSE)
		return luo_verify_pattern(fd, 0, size,
					  kind == ALLOCATED ? 0 : SEED);
	for (at = 0; at < size && !err; at += 5 * GIB + PAGE) {
		err = luo_verify_pattern(fd, at, PAGE, SEED);
		if (!err)
			err = luo_verify_pattern(fd, at + PAGE, PAGE, 0);
	}

	return err;
}

static int new_memfd(enum kind kind)
{
	int fd = luo_memfd("faults", 0, kind_size(kind)), other;

	CHECK(fd >= 0);
	CHECK_EQ(0, write_contents(fd, kind));
	CHECK_EQ(0, verify_contents(fd, kind));
	if (kind != READ_ONLY)
		return fd;

	other = luo_reopen(fd, O_RDONLY);
	CHECK(other >= 0);
	close(fd);

	return other;
}

static void page_out(int fd)
{
	long used = luo_meminfo("SwapFree");
	void *map;

	munlockall();
	map = mmap(NULL, kind_size(SWAPPED), PROT_READ, MAP_SHARED, fd, 0);
	if (!CHECK(map != MAP_FAILED))
		return;
	CHECK(!madvise(map, kind_size(SWAPPED), MADV_POPULATE_READ));
	CHECK(!madvise(map, kind_size(SWAPPED), MADV_PAGEOUT));
	munmap(map, kind_size(SWAPPED));
	mlockall(MCL_CURRENT | MCL_FUTURE);
	if (luo_meminfo("SwapFree") >= used)
		ksft_print_msg("nothing was swapped out\n");
}

/*
 * Operations that can be undone: from the start for each fault
 */

/**
 * struct op - an operation
 * @name: what it is
 * @prepare: all that comes before
 * @call: the operation; what it gives or a negative errno
 * @failed: optional; what there has to be when it has failed
 * @check: what there has to be when it has succeeded
 * @undo: as before @prepare
 * @kind: of the file
 * @min: so many faults are known to make it fail
 */
struct op {
	const char *name;
	void (*prepare)(void);
	int (*call)(void);
	void (*failed)(void);
	void (*check)(void);
	void (*undo)(void);
	enum kind kind;
	unsigned int min;
};

/* What the operations work on */
static struct {
	int dev;
	int session;
	int fd;
	int counter;
	int pair;
	int index;
	enum kind kind;
	int result;
	bool failed;
	bool sealed;
	const char *name;
} on;

/* Return: true if there was a fault; @nr_failed counts if it made the call fail */
static bool one_fault(int (*call)(void), unsigned int nth,
		      unsigned int *nr_failed)
{
	int fds = luo_count_fds();
	bool fault;

	faults_arm(nth);
	on.result = call();
	fault = faults_disarm();
	on.failed = on.result < 0;
	if (!on.failed)
		return fault;

	if (!CHECK(fault) || !CHECK(is_fault(on.result)))
		ksft_print_msg("fault %u: %d\n", nth, on.result);
	CHECK_EQ(fds, luo_count_fds());
	++*nr_failed;

	return fault;
}

/* Return: how many faults there were until the operation was through with none */
static unsigned int one_round(const struct op *op, unsigned int *nr_failed)
{
	unsigned int nth;
	bool fault;

	*nr_failed = 0;
	for (nth = 1; nth < MAX_NTH; nth++) {
		op->prepare();
		fault = one_fault(op->call, nth, nr_failed);
		if (on.failed && op->failed)
			op->failed();
		if (on.failed)
			on.result = op->call();
		if (!CHECK(on.result >= 0))
			ksft_print_msg("after fault %u: %d\n", nth, on.result);
		op->check();
		op->undo();
		if (!fault)
			break;
	}
	CHECK(nth < MAX_NTH);

	return nth - 1;
}

/*
 * The allocator takes a fault upon itself when it wants a large page for more
 * objects, and gets a small one then. That comes at any time, and what it comes
 * before is not hit in that round.
 */
static void all_faults(const struct op *op)
{
	unsigned int nr_faults, nr_failed, round = 0;
	struct usage before;

	on.kind = op->kind;
	/* What is allocated once and for all is not counted */
	op->prepare();
	on.result = op->call();
	CHECK(on.result >= 0);
	op->check();
	op->undo();

	before = usage_now();
	do {
		nr_faults = one_round(op, &nr_failed);
	} while (nr_failed < op->min && ++round < MAX_ROUNDS);
	CHECK(nr_faults >= op->min && nr_failed >= op->min);
	check_usage(&before);
	luo_report("%s: %u faults, %u made it fail", op->name, nr_faults,
		   nr_failed);
}

static void nothing(void)
{
}

static int call_open(void)
{
	return luo_open_device();
}

static void undo_result(void)
{
	close(on.result);
}

static int call_create(void)
{
	return luo_create_session(on.dev, "create");
}

static void check_create(void)
{
	CHECK_EQ(-EEXIST, luo_create_session(on.dev, "create"));
}

static int call_get_name(void)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH];

	return luo_get_name(on.session, name);
}

static void prepare_session(void)
{
	on.session = luo_create_session(on.dev, "session");
	CHECK(on.session >= 0);
}

static void undo_session(void)
{
	CHECK_EQ(0, close(on.session));
}

static void prepare_preserve(void)
{
	prepare_session();
	if (on.kind == SWAPPED)
		page_out(on.fd);
	if (on.kind == PAIR)
		CHECK_EQ(0, luo_preserve(on.session, on.counter, 2));
}

static int call_preserve(void)
{
	return luo_preserve(on.session, on.fd, 1);
}

static void check_preserve(void)
{
	CHECK_EQ(-EEXIST, luo_preserve(on.session, on.fd, 1));
	CHECK_EQ(-EBUSY, luo_preserve(on.session, on.fd, 3));
	if (on.kind == COUNTER || on.kind == PAIR)
		return;

	CHECK_EQ(0, verify_contents(on.fd, on.kind));
	/* It is as it should be if it can't be cut off */
	if (on.kind != EMPTY && on.kind != READ_ONLY)
		CHECK(ftruncate(on.fd, 0));
}

static void preserve_kind(enum kind kind)
{
	struct op op = {
		.prepare = prepare_preserve,
		.call = call_preserve,
		.check = check_preserve,
		.undo = undo_session,
		.kind = kind,
		/* What LUO and the handler have of their own */
		.min = kind < COUNTER ? 3 : 2,
	};
	char name[128];

	if (kind == SWAPPED && luo_meminfo("SwapTotal") <= 0) {
		luo_report_skip("preserve of %s: no swap space",
				kind_name[kind]);
		return;
	}
	snprintf(name, sizeof(name), "preserve of %s", kind_name[kind]);
	op.name = name;
	on.counter = -1;
	if (kind == COUNTER) {
		on.fd = counter_new(1);
	} else if (kind == PAIR) {
		on.counter = counter_new(2);
		on.fd = pair_new(on.counter);
	} else {
		on.fd = new_memfd(kind);
	}
	CHECK(on.fd >= 0);
	all_faults(&op);
	close(on.fd);
	if (on.counter >= 0)
		close(on.counter);
}

static int close_fds[NR_KINDS];

static void prepare_close(void)
{
	int kind;

	prepare_session();
	for (kind = 0; kind < NR_KINDS; kind++)
		CHECK_EQ(0, luo_preserve(on.session, close_fds[kind],
					 10 + kind));
}

static int call_close(void)
{
	return close(on.session) ? -errno : 0;
}

/* All is undone if all can be preserved again, and cut off in between */
static void check_close(void)
{
	CHECK_EQ(0, ftruncate(close_fds[EMPTY], PAGE));
	CHECK_EQ(0, ftruncate(close_fds[EMPTY], 0));
	prepare_close();
	CHECK_EQ(0, close(on.session));
}

static void close_session(void)
{
	static const struct op op = {
		.name = "close of a new session",
		.prepare = prepare_close,
		.call = call_close,
		.check = check_close,
		.undo = nothing,
	};
	int kind;

	for (kind = 0; kind < COUNTER; kind++)
		close_fds[kind] = new_memfd(kind);
	close_fds[COUNTER] = counter_new(5);
	close_fds[PAIR] = pair_new(close_fds[COUNTER]);
	all_faults(&op);
	for (kind = 0; kind < NR_KINDS; kind++)
		close(close_fds[kind]);
}

/*
 * Between a counter, which freezes, and a pair, which refuses to: a new file that
 * all of the freeze is left to do for
 */
static void prepare_reboot(void)
{
	prepare_session();
	on.sealed = false;
	on.fd = luo_memfd("late", MFD_ALLOW_SEALING, MIB);
	CHECK(on.fd >= 0);
	CHECK_EQ(0, luo_preserve(on.session, on.counter, 1));
	CHECK_EQ(0, luo_preserve(on.session, on.fd, 2));
	CHECK_EQ(0, luo_preserve(on.session, on.pair, 3));
	CHECK_EQ(0, luo_write_pattern(on.fd, 0, 64 * KIB, SEED));
	CHECK_EQ(0, luo_write_pattern(on.fd, 128 * KIB, 64 * KIB, SEED));
}

/* That the pair refuses is how far it can come */
static int call_reboot(void)
{
	int err = luo_kexec_jump();

	return err == -EIO ? 0 : err;
}

/* Nobody can write to the file, and it can be sealed */
static void seal(void)
{
	on.sealed = true;
	if (!CHECK_EQ(0, fcntl(on.fd, F_ADD_SEALS, F_SEAL_WRITE)))
		ksft_print_msg("after %d\n", on.result);
}

static void check_reboot(void)
{
	CHECK_EQ(0, luo_verify_pattern(on.fd, 0, 64 * KIB, SEED));
	CHECK_EQ(0, luo_verify_pattern(on.fd, 64 * KIB, 64 * KIB, 0));
	CHECK_EQ(0, luo_verify_pattern(on.fd, 128 * KIB, 64 * KIB, SEED));
	CHECK_EQ(0, counter_add(on.counter, 1));
	if (!on.sealed)
		CHECK_EQ(0, luo_write_pattern(on.fd, 0, 256 * KIB, SEED));
}

static void undo_reboot(void)
{
	CHECK_EQ(0, close(on.session));
	close(on.fd);
}

static void reboot_sessions(void)
{
	static const struct op go_on = {
		.name = "reboot, refused in the end",
		.prepare = prepare_reboot,
		.call = call_reboot,
		.check = check_reboot,
		.undo = undo_reboot,
		.min = 2,
	};
	static const struct op seal_then = {
		.name = "reboot, refused in the end, and sealed after each fault",
		.prepare = prepare_reboot,
		.call = call_reboot,
		.failed = seal,
		.check = check_reboot,
		.undo = undo_reboot,
		.min = 2,
	};

	on.counter = counter_new(1);
	on.pair = pair_new(on.counter);
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, PAIR_FAIL_FREEZE));
	all_faults(&go_on);
	all_faults(&seal_then);
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, 0));
	close(on.pair);
	close(on.counter);
}

static void device_ops(void)
{
	static const struct op open_op = {
		.name = "open of the device",
		.prepare = nothing,
		.call = call_open,
		.check = nothing,
		.undo = undo_result,
		.min = 1,
	};
	static const struct op create = {
		.name = "create of a session",
		.prepare = nothing,
		.call = call_create,
		.check = check_create,
		.undo = undo_result,
		.min = 3,
	};
	static const struct op name = {
		.name = "get name",
		.prepare = prepare_session,
		.call = call_get_name,
		.check = nothing,
		.undo = undo_session,
		.min = 2,
	};

	all_faults(&open_op);
	on.dev = luo_open_device();
	CHECK(on.dev >= 0);
	all_faults(&create);
	all_faults(&name);
}

static void prepare_list(void)
{
	prepare_session();
	CHECK_EQ(0, luo_preserve(on.session, on.fd, 1));
}

static int call_list_sessions(void)
{
	struct liveupdate_session_info info[2];

	return luo_list_sessions(on.dev, 0, 0, info, ARRAY_SIZE(info));
}

static int call_list_files(void)
{
	struct liveupdate_file_info info[2];

	return luo_session_list_files(on.session, 0, info, ARRAY_SIZE(info));
}

static void check_list(void)
{
	CHECK_EQ(1, on.result);
}

static int call_unpreserve(void)
{
	return luo_unpreserve(on.session, 1);
}

static void still_preserved(void)
{
	CHECK_EQ(-EEXIST, luo_preserve(on.session, on.fd, 1));
}

static void check_unpreserve(void)
{
	CHECK_EQ(-ENOENT, luo_unpreserve(on.session, 1));
	CHECK_EQ(0, ftruncate(on.fd, PAGE));
	CHECK_EQ(0, luo_preserve(on.session, on.fd, 1));
}

static void list_ops(void)
{
	static const struct op list_sessions = {
		.name = "list of sessions",
		.prepare = prepare_list,
		.call = call_list_sessions,
		.check = check_list,
		.undo = undo_session,
		.min = 3,
	};
	static const struct op list_files = {
		.name = "list of files",
		.prepare = prepare_list,
		.call = call_list_files,
		.check = check_list,
		.undo = undo_session,
		.min = 3,
	};
	static const struct op unpreserve = {
		.name = "unpreserve",
		.prepare = prepare_list,
		.call = call_unpreserve,
		.failed = still_preserved,
		.check = check_unpreserve,
		.undo = undo_session,
		.min = 1,
	};

	on.fd = luo_memfd("list", 0, PAGE);
	CHECK(on.fd >= 0);
	all_faults(&list_sessions);
	all_faults(&list_files);
	all_faults(&unpreserve);
	close(on.fd);
}

/*
 * What comes over. A session of one file takes nothing that can do without the
 * memory it asks for, so these are the first: a fault makes the first open fail.
 */

/* Kinds of which NR_EACH files come over, in a session for each kind */
static bool comes_over(enum kind kind)
{
	return kind != SWAPPED;
}

static int new_file(enum kind kind, int session, unsigned int i)
{
	int counter, pair;

	if (kind == COUNTER)
		return counter_new(i);
	if (kind != PAIR)
		return new_memfd(kind);

	counter = counter_new(i);
	CHECK_EQ(0, luo_preserve(session, counter, 100 + i));
	pair = pair_new(counter);
	close(counter);

	return pair;
}

static void keep_file(int session, enum kind kind, unsigned int i)
{
	int fd = new_file(kind, session, i);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_preserve(session, fd, i));
	close(fd);
}

static int keep_session(const char *name, enum kind kind, unsigned int nr)
{
	int session = luo_create_session(on.dev, name);
	unsigned int i;

	CHECK(session >= 0);
	for (i = 0; i < nr; i++)
		keep_file(session, kind, i);

	return session;
}

static const char *numbered(const char *what, int i)
{
	static char name[LIVEUPDATE_SESSION_NAME_LENGTH];

	snprintf(name, sizeof(name), "%s-%d", what, i);

	return name;
}

static void keep_all(void)
{
	int i, kind;

	for (i = 0; i < NR_EACH; i++) {
		keep_session(numbered("finish", i), READ_ONLY, 1);
		keep_session(numbered("close", i), READ_ONLY, 1);
		keep_session(numbered("drop", i), READ_ONLY, 1);
	}
	keep_session("discard", READ_ONLY, NR_EACH);
	keep_session("discard-missing", COUNTER, NR_EACH);
	for (kind = 0; kind < NR_KINDS; kind++)
		if (comes_over(kind))
			keep_session(numbered("files", kind), kind, NR_EACH);
}

static void stage_1(void)
{
	int kind;

	luo_plan(3 + 3 + NR_KINDS + 3);
	modules_load();
	CHECK_EQ(0, luo_kexec_load(NULL));
	device_ops();
	list_ops();
	for (kind = 0; kind < NR_KINDS; kind++)
		preserve_kind(kind);
	close_session();
	reboot_sessions();
	keep_all();
	luo_leave_kernel();
}

/*
 * Operations that can't be undone: from fault to fault, and from one to the next
 */

/**
 * struct series - an operation on one thing after another
 * @name: what it is
 * @call: the operation on number @on.index
 * @check: what there has to be when it has succeeded
 * @nr: so many things there are
 * @first: faults that come before the operation's own
 * @kind: of the files
 * @min: so many faults are known to make it fail
 */
struct series {
	const char *name;
	int (*call)(void);
	void (*check)(void);
	int nr;
	unsigned int first;
	enum kind kind;
	unsigned int min;
};

static void faults_in_turn(const struct series *series)
{
	unsigned int nth = series->first, nr_failed = 0, nr;
	bool fault = true;

	on.kind = series->kind;
	for (on.index = 0; on.index < series->nr; on.index++) {
		do {
			/* The rest is done without any */
			if (fault)
				fault = one_fault(series->call, ++nth,
						  &nr_failed);
			else
				on.result = series->call();
		} while (on.failed && fault && nth < MAX_NTH);
		if (!CHECK(on.result >= 0))
			ksft_print_msg("number %d: %d\n", on.index, on.result);
		series->check();
	}
	nr = nth - series->first - !fault;
	CHECK(nr_failed >= series->min);
	luo_report("%s: %u faults, %u made it fail%s", series->name, nr,
		   nr_failed, fault ? ", and there are more" : "");
}

static int sessions[NR_EACH];

static void keep_result(void)
{
	sessions[on.index] = on.result;
}

static void keep_device(void)
{
	on.dev = on.result;
}

static int call_open_other(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* What the open of any device can do without would end the first one of ours */
static unsigned int faults_of_open(void)
{
	unsigned int nth = 0, nr_failed = 0;
	bool fault;

	do {
		fault = one_fault(call_open_other, ++nth, &nr_failed);
		if (!on.failed)
			close(on.result);
	} while (fault && nth < MAX_NTH);

	return nth - 1;
}

static int call_retrieve_session(void)
{
	return luo_retrieve_session(on.dev, numbered(on.name, on.index));
}

static int call_retrieve(void)
{
	return luo_retrieve(on.session, on.index);
}

static int call_finish(void)
{
	return luo_finish(sessions[on.index]);
}

static int call_close_nth(void)
{
	return close(sessions[on.index]) ? -errno : 0;
}

static int call_discard_session(void)
{
	return luo_discard_session(on.dev, numbered(on.name, on.index));
}

static int call_discard_damaged(void)
{
	return luo_discard_damaged(on.dev);
}

static int call_discard(void)
{
	return luo_discard(on.session, on.index);
}

static void check_finish(void)
{
	CHECK_EQ(-ENOENT, luo_retrieve(sessions[on.index], 0));
	CHECK_EQ(0, close(sessions[on.index]));
	CHECK_EQ(-ENOENT, call_retrieve_session());
}

static void check_closed(void)
{
	CHECK_EQ(-ENOENT, call_retrieve_session());
}

static void check_discard(void)
{
	CHECK_EQ(-ENOENT, luo_retrieve(on.session, on.index));
}

static void check_retrieved(void)
{
	int fd = on.result, again = luo_retrieve(on.session, on.index);

	CHECK(again >= 0);
	close(again);
	if (on.kind == COUNTER)
		CHECK_EQ(on.index, counter_value(fd));
	else if (on.kind == PAIR)
		CHECK_EQ(on.index, pair_value(fd));
	else
		CHECK_EQ(0, verify_contents(fd, on.kind));
	if (on.kind == READ_ONLY)
		CHECK_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
}

/* Each ends in another way, after some of it was retrieved with faults */
static void end_sessions(const char *name, const char *what,
			 const struct series *end)
{
	struct series retrieve = {
		.name = what,
		.call = call_retrieve_session,
		.check = keep_result,
		.nr = NR_EACH,
		.min = 2,
	};

	on.name = name;
	faults_in_turn(&retrieve);
	faults_in_turn(end);
}

static void retrieve_kind(enum kind kind)
{
	char name[128];
	struct series series = {
		.name = name,
		.call = call_retrieve,
		.check = check_retrieved,
		.nr = NR_EACH,
		.kind = kind,
		.min = 3,
	};

	snprintf(name, sizeof(name), "retrieve of %s", kind_name[kind]);
	on.session = luo_retrieve_session(on.dev, numbered("files", kind));
	CHECK(on.session >= 0);
	faults_in_turn(&series);
	CHECK_EQ(0, luo_finish(on.session));
	CHECK_EQ(0, close(on.session));
}

static void discard(const char *session, const char *what)
{
	const struct series series = {
		.name = what,
		.call = call_discard,
		.check = check_discard,
		.nr = NR_EACH,
		.min = 1,
	};

	on.session = luo_retrieve_session(on.dev, session);
	CHECK(on.session >= 0);
	faults_in_turn(&series);
	CHECK_EQ(0, close(on.session));
}

/*
 * What nobody has claimed is made ready for the next kernel once more, and the
 * last file refuses. Pairs have an FLB, which nobody has asked for yet.
 */
static void prepare_carry(void)
{
	prepare_session();
	CHECK_EQ(0, luo_preserve(on.session, on.counter, 1));
}

/* One that nobody could carry over could not be retrieved later either */
static void check_carry(void)
{
	CHECK_EQ(0, counter_add(on.counter, 1));
	CHECK_EQ(-ENOENT, luo_retrieve_session(on.dev, "nobody's"));
}

static void carry_over(void)
{
	static const struct op op = {
		.name = "reboot with what nobody has claimed, refused in the end",
		.prepare = prepare_carry,
		.call = call_reboot,
		.check = check_carry,
		.undo = undo_session,
		/* A block for the files of each session */
		.min = NR_KINDS - 1,
	};

	CHECK_EQ(0, luo_kexec_load(NULL));
	on.counter = counter_new(1);
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_FREEZE));
	all_faults(&op);
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	close(on.counter);
}

/*
 * Nothing is left of the sessions. What is: the map itself, the root FDT of KHO,
 * those of its users, LUO's header; less than a page for each file of a kind.
 */
static void check_all_restored(void)
{
	long blocks, left = count_preserved("in", &blocks);

	ksft_print_msg("%ld pages left of what came over, %ld of the map\n",
		       left, blocks);
	CHECK(left < blocks + NR_EACH);
	CHECK_EQ(0, module_refs(PAIR_MODULE));
	CHECK_EQ(0, module_refs(COUNTER_MODULE));
	modules_unload();
	luo_report("all that came over was restored or freed");
}

static void stage_2(void)
{
	const struct series open_first = {
		.name = "the first open, which reads what came over",
		.call = call_open,
		.check = keep_device,
		.nr = 1,
		.first = faults_of_open(),
		.min = NR_EACH / 2,
	};
	static const struct series finish = {
		.name = "finish",
		.call = call_finish,
		.check = check_finish,
		.nr = NR_EACH,
		.min = 1,
	};
	static const struct series close_nth = {
		.name = "close, which finishes",
		.call = call_close_nth,
		.check = check_closed,
		.nr = NR_EACH,
	};
	static const struct series discard_session = {
		.name = "discard of a session",
		.call = call_discard_session,
		.check = check_closed,
		.nr = NR_EACH,
		.min = 1,
	};
	static const struct series discard_damaged = {
		.name = "discard of what is damaged",
		.call = call_discard_damaged,
		.check = nothing,
		.nr = NR_EACH,
		.min = 1,
	};
	int kind;

	luo_plan(1 + 4 + 4 + 1 + NR_KINDS - 1 + 1);
	/* Memory for more objects comes in large pages, or else in small ones */
	CHECK(write_file(DEBUGFS "fail_page_alloc/min-order", "20"));
	faults_in_turn(&open_first);
	CHECK(write_file(DEBUGFS "fail_page_alloc/min-order", "0"));
	end_sessions("finish", "retrieve of a session, to be finished",
		     &finish);
	end_sessions("close", "retrieve of a session, to be closed",
		     &close_nth);
	on.name = "drop";
	faults_in_turn(&discard_session);
	faults_in_turn(&discard_damaged);
	discard("discard", "discard of a memfd");
	discard("discard-missing", "discard of a file whose handler is missing");
	modules_load();
	carry_over();
	for (kind = 0; kind < NR_KINDS; kind++)
		if (comes_over(kind))
			retrieve_kind(kind);
	check_all_restored();
	luo_finish_stage();
}

/*
 * The boot: no fault can be armed that early. But what fails there for want of
 * memory can be left out instead, and that is the map of preserved memory, which
 * all the rest needs.
 */

#define NO_MAP		"initcall_blacklist=kho_out_init"
#define BOOT_SIZE	(32 * MIB)
#define BOOT_SPARE	(4 * MIB)

static long total_before(void)
{
	char value[32] = "";

	CHECK_EQ(0, luo_cmdline_value("luo.total", value, sizeof(value)));

	return strtol(value, NULL, 10);
}

/* The device is not there, and all the memory that there is can be used */
static void check_without_map(void)
{
	size_t size = luo_meminfo("MemAvailable") / 4 * 3 * KIB;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK_EQ(-ENOENT, luo_open_device());
	if (CHECK(mem != MAP_FAILED)) {
		memset(mem, 0x5a, size);
		munmap(mem, size);
	}
}

static void boot_1(void)
{
	int session, fd;
	char append[96];

	luo_plan(1);
	on.dev = luo_open_device();
	session = luo_create_session(on.dev, "boot");
	fd = luo_memfd("boot", 0, BOOT_SIZE);
	CHECK_EQ(0, luo_write_pattern(fd, 0, BOOT_SIZE, SEED));
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	snprintf(append, sizeof(append), NO_MAP " luo.total=%ld",
		 luo_meminfo("MemTotal"));
	CHECK_EQ(0, luo_kexec_load(append));
	luo_report("a session");
	luo_leave_kernel();
}

/* What came over is still not free memory */
static void boot_2(void)
{
	luo_plan(1);
	check_without_map();
	CHECK(luo_meminfo("MemTotal") <=
	      total_before() - (BOOT_SIZE - BOOT_SPARE) / KIB);
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("no map for the next kernel: what came over stays reserved");
	luo_leave_kernel();
}

/* Nor is scratch set aside for a kernel that gets nothing */
static void boot_3(void)
{
	luo_plan(1);
	check_without_map();
	CHECK(luo_meminfo("MemTotal") >= total_before() - BOOT_SPARE / KIB);
	luo_report("no map in a kernel that nothing came to: all memory is free");
	luo_finish_stage();
}

static void skip_all(const char *why)
{
	luo_plan(1);
	luo_report_skip("%s", why);
	luo_finish_stage();
}

int main(int argc, char *argv[])
{
	static void (*const boot[])(void) = { boot_1, boot_2, boot_3 };
	unsigned long stage;

	if (argc < 2 || strncmp(argv[argc - 1], "stage", 5))
		goto usage;
	stage = strtoul(argv[argc - 1] + 5, NULL, 10) - 1;
	if (argc == 3 && !strcmp(argv[1], "boot") && stage < ARRAY_SIZE(boot))
		boot[stage]();
	if (argc != 2)
		goto usage;

	if (!modules_available())
		skip_all("no modules of CONFIG_SAMPLE_LIVEUPDATE");
	if (access(FAIL_NTH, F_OK))
		skip_all("no CONFIG_FAULT_INJECTION: nothing can be made to fail");
	if (!faults_start())
		skip_all("faults of one kind or another can't be had");
	dev_mem = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	if (dev_mem < 0)
		skip_all("no /dev/mem to count what is preserved");

	if (!stage)
		stage_1();
	if (stage == 1)
		stage_2();

usage:
	/* A stage does not come back */
	fprintf(stderr, "usage: %s [boot] stageN\n", argv[0]);

	return KSFT_FAIL;
}
