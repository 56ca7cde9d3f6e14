// SPDX-License-Identifier: GPL-2.0
/*
 * Live updates of machines whose memory is in several nodes, or comes and goes
 * while the kernel runs. What the machine has to be like is in the scenarios in
 * vm/, which tell QEMU.
 *
 * One process does all of a stage and ends it with the jump into the next
 * kernel, where the same case goes on with the next stage.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>
#include <linux/mempolicy.h>

#include "luo_test_util.h"

#define PAGE		4096L
#define SEED		0x3e303

#define SESSION		"memory"
#define PFNS_TOKEN	0x1000

/*
 * Where the pages of a file are
 */

static void *map_file(int fd, off_t size)
{
	void *map = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd,
			 0);

	if (map == MAP_FAILED)
		ksft_exit_fail_perror("mmap");

	return map;
}

static void read_pfns(int fd, off_t size, uint64_t *pfns)
{
	void *map = map_file(fd, size);
	size_t len = size / PAGE * sizeof(*pfns), i;
	int pagemap;

	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		ksft_exit_fail_perror("open pagemap");
	CHECK_EQ((long long)len, pread(pagemap, pfns, len,
				       (uintptr_t)map / PAGE * sizeof(*pfns)));
	close(pagemap);
	munmap(map, size);

	for (i = 0; i < len / sizeof(*pfns); i++) {
		if (!(pfns[i] >> 63))
			ksft_exit_fail_msg("page %zu is not in memory\n", i);
		pfns[i] &= (1ULL << 55) - 1;
	}
}

static long count_pages(int fd, off_t size, uint64_t start, uint64_t end)
{
	uint64_t *pfns = calloc(size / PAGE, sizeof(*pfns));
	long nr = 0, i;

	read_pfns(fd, size, pfns);
	for (i = 0; i < size / PAGE; i++)
		nr += pfns[i] * PAGE >= start && pfns[i] * PAGE < end;
	free(pfns);

	return nr;
}

/* For the next kernel: the frame numbers go along in a file of their own */
static void preserve_pfns(int session, int fd, __u64 token, off_t size)
{
	size_t len = size / PAGE * sizeof(uint64_t);
	uint64_t *pfns = malloc(len);
	int file = luo_memfd("pfns", 0, len);

	CHECK(file >= 0);
	read_pfns(fd, size, pfns);
	CHECK_EQ((long long)len, pwrite(file, pfns, len, 0));
	CHECK_EQ(0, luo_preserve(session, file, PFNS_TOKEN + token));
	close(file);
	free(pfns);
}

static void check_pfns(int session, int fd, __u64 token, off_t size)
{
	size_t len = size / PAGE * sizeof(uint64_t);
	uint64_t *expected = malloc(len), *seen = malloc(len);
	int file = luo_retrieve(session, PFNS_TOKEN + token);

	CHECK(file >= 0);
	CHECK_EQ((long long)len, pread(file, expected, len, 0));
	read_pfns(fd, size, seen);
	CHECK(!memcmp(expected, seen, len));
	close(file);
	free(expected);
	free(seen);
}

/*
 * numa: two nodes with memory and one without. numa_scratch: the same with
 * scratch areas of sizes that are given.
 */

#define NODES		2
#define NODE_FILE	(48 * MIB)

static void bind_to_node(int node)
{
	unsigned long mask = 1UL << node;

	CHECK(!syscall(__NR_set_mempolicy, MPOL_BIND, &mask,
		       8 * sizeof(mask)));
}

static void bind_to_none(void)
{
	CHECK(!syscall(__NR_set_mempolicy, MPOL_DEFAULT, NULL, 0));
}

static void check_node(int fd, off_t size, int node)
{
	char *map = map_file(fd, size);
	long wrong = 0, pos;
	int seen;

	for (pos = 0; pos < size; pos += PAGE) {
		if (syscall(__NR_get_mempolicy, &seen, NULL, 0, map + pos,
			    MPOL_F_NODE | MPOL_F_ADDR))
			ksft_exit_fail_perror("get_mempolicy");
		wrong += seen != node;
	}
	munmap(map, size);
	CHECK_EQ(0, wrong);
}

/* One for each node and up to two for all of them, none of them empty */
static void check_scratch(void)
{
	FILE *file = fopen("/sys/kernel/debug/kho/out/scratch_len", "re");
	unsigned long long len;
	int nr = 0;

	if (!CHECK(file))
		return;
	while (fscanf(file, "%llx", &len) == 1) {
		CHECK(len > 0);
		nr++;
	}
	fclose(file);
	CHECK(nr >= NODES && nr <= NODES + 2);
	luo_report("scratch areas of the nodes that have memory");
}

static void check_nodes(void)
{
	char buf[64] = "";

	CHECK_EQ(0, luo_read_text("/sys/devices/system/node/online", buf,
				  sizeof(buf)));
	CHECK(!strcmp(buf, "0-2"));
	CHECK_EQ(0, luo_read_text("/sys/devices/system/node/has_memory", buf,
				  sizeof(buf)));
	CHECK(!strcmp(buf, "0-1"));
	luo_report("three nodes, one of them without memory");
}

static void preserve_nodes(int dev)
{
	int session = luo_create_session(dev, SESSION), node, fd;

	CHECK(session >= 0);
	for (node = 0; node < NODES; node++) {
		fd = luo_memfd("node", 0, NODE_FILE);
		CHECK(fd >= 0);
		bind_to_node(node);
		CHECK_EQ(0, luo_write_pattern(fd, 0, NODE_FILE, SEED + node));
		bind_to_none();
		CHECK_EQ(0, luo_preserve(session, fd, node));
		check_node(fd, NODE_FILE, node);
		preserve_pfns(session, fd, node, NODE_FILE);
		close(fd);
	}
	luo_report("files on each node");
}

static void retrieve_nodes(int dev)
{
	int session = luo_retrieve_session(dev, SESSION), node, fd;

	CHECK(session >= 0);
	for (node = 0; node < NODES; node++) {
		fd = luo_retrieve(session, node);
		CHECK(fd >= 0);
		check_node(fd, NODE_FILE, node);
		CHECK_EQ(0, luo_verify_pattern(fd, 0, NODE_FILE, SEED + node));
		check_pfns(session, fd, node, NODE_FILE);
		close(fd);
	}
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));
	luo_report("they are on the same nodes as before");
}

static void load(const char *append)
{
	CHECK_EQ(0, luo_kexec_load(append));
	luo_report("a kernel can be loaded");
}

static void numa_1(void)
{
	luo_plan(4);
	check_nodes();
	check_scratch();
	preserve_nodes(luo_need_device());
	load(NULL);
	luo_leave_kernel();
}

static void numa_2(void)
{
	int dev;

	luo_plan(5);
	check_nodes();
	check_scratch();
	dev = luo_need_device();
	retrieve_nodes(dev);
	preserve_nodes(dev);
	load(NULL);
	luo_leave_kernel();
}

static void numa_3(void)
{
	luo_plan(3);
	check_nodes();
	check_scratch();
	retrieve_nodes(luo_need_device());
	luo_finish_stage();
}

/*
 * Memory that comes and goes
 */

static unsigned long block_size(void)
{
	char buf[32] = "";

	CHECK_EQ(0, luo_read_text("/sys/devices/system/memory/block_size_bytes",
				  buf, sizeof(buf)));

	return strtoul(buf, NULL, 16);
}

static int set_state(unsigned long start, unsigned long size, const char *state)
{
	unsigned long block = block_size(), pos;
	char path[80];
	int err;

	for (pos = start; pos < start + size; pos += block) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/memory/memory%lu/state",
			 pos / block);
		err = luo_write_text(path, state);
		if (err)
			return err;
	}

	return 0;
}

static bool state_is(unsigned long start, unsigned long size, const char *state)
{
	unsigned long block = block_size(), pos;
	char path[80], buf[32];

	for (pos = start; pos < start + size; pos += block) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/memory/memory%lu/state",
			 pos / block);
		if (luo_read_text(path, buf, sizeof(buf)) || strcmp(buf, state))
			return false;
	}

	return true;
}

/* What the kernel takes [start, start + size) for; it can be a part of it */
static bool iomem_is(unsigned long start, unsigned long size, const char *name)
{
	unsigned long first, last;
	bool found = false;
	char line[128];
	FILE *file;
	int len;

	file = fopen("/proc/iomem", "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = sscanf(line, "%lx-%lx : %n", &first, &last, &len) == 2 &&
			first <= start && last >= start + size - 1 &&
			!strcmp(line + len, name);
	}
	fclose(file);

	return found;
}

static bool is_memory(unsigned long start, unsigned long size)
{
	return iomem_is(start, size, "System RAM");
}

static bool wait_for_memory(unsigned long start, unsigned long size, bool there)
{
	int i;

	for (i = 0; i < 100; i++) {
		if (is_memory(start, size) == there)
			return true;
		usleep(100 * 1000);
	}

	return false;
}

/* The slots of the machine; QEMU puts the modules where the scenario says */
#define SLOT_SIZE	(256 * MIB)
#define SLOT(nr)	(4 * GIB + (nr) * SLOT_SIZE)

#define MONITOR		"/dev/ttyS1"

/* Read from the machine's monitor until it has nothing more to say */
static void let_monitor_talk(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char buf[256];

	while (poll(&ready, 1, 500) > 0 && read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Read from it until it has said something */
static bool monitor_says(int fd, const char *what)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	static char buf[8192];
	size_t len = 0;
	ssize_t nr;

	while (len < sizeof(buf) - 1 && poll(&ready, 1, 10000) > 0) {
		nr = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (nr <= 0)
			break;
		len += nr;
		buf[len] = '\0';
		if (strstr(buf, what))
			return true;
		if (strstr(buf, "\"error\""))
			break;
	}
	ksft_print_msg("monitor: %.*s\n", (int)len, buf);

	return false;
}

static bool tell_monitor(int fd, const char *what)
{
	return write(fd, what, strlen(what)) == (ssize_t)strlen(what) &&
	       monitor_says(fd, "\"return\"");
}

/* Put a module into slot 2 of the running machine */
static void plug_module(void)
{
	int fd = open(MONITOR, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct termios raw;
	char plug[160];

	if (!CHECK(fd >= 0))
		return;
	CHECK(!tcgetattr(fd, &raw));
	cfmakeraw(&raw);
	CHECK(!tcsetattr(fd, TCSANOW, &raw));

	/*
	 * It greets whoever connects. The start of that may have been sent back
	 * before the line was raw; a byte that no text has makes it start anew.
	 */
	let_monitor_talk(fd);
	CHECK_EQ(2, write(fd, "\xff\n", 2));
	let_monitor_talk(fd);

	CHECK(tell_monitor(fd, "{'execute': 'qmp_capabilities'}\n"));
	snprintf(plug, sizeof(plug),
		 "{'execute': 'device_add', 'arguments': {'driver': 'pc-dimm', 'id': 'd2', 'memdev': 'm2', 'slot': 2, 'addr': %ld}}\n",
		 SLOT(2));
	CHECK(tell_monitor(fd, plug));
	close(fd);
	CHECK(wait_for_memory(SLOT(2), SLOT_SIZE, true));
}

static int pull_module(int slot)
{
	char path[80];

	snprintf(path, sizeof(path),
		 "/sys/bus/acpi/devices/PNP0C80:%02x/eject", slot);

	return luo_write_text(path, "1");
}

/*
 * hotplug: modules that firmware does not list when the machine starts, one that
 * is put in later, one that is taken out in each kernel
 */

/* More than there is in one block */
#define MODULE_FILE	(144 * MIB)

/* A file on the node that has no memory when the machine starts */
#define FAR_NODE	1
#define FAR_TOKEN	2
#define FAR_FILE	MODULE_FILE

static void preserve_far_file(int session)
{
	unsigned long block = block_size(), pos;
	int fd = luo_memfd("far", 0, FAR_FILE);

	CHECK_EQ(0, set_state(SLOT(3), SLOT_SIZE, "online_kernel"));
	CHECK(fd >= 0);
	bind_to_node(FAR_NODE);
	CHECK_EQ(0, luo_write_pattern(fd, 0, FAR_FILE, SEED + FAR_TOKEN));
	bind_to_none();
	check_node(fd, FAR_FILE, FAR_NODE);
	CHECK_EQ(0, luo_preserve(session, fd, FAR_TOKEN));
	preserve_pfns(session, fd, FAR_TOKEN, FAR_FILE);

	/* The kernel itself may be in one of the blocks, but hardly in both */
	for (pos = SLOT(3); pos < (unsigned long)SLOT(4); pos += block)
		CHECK_EQ(-EBUSY, set_state(pos, block, "offline"));
	luo_check_log();
	CHECK_EQ(0, luo_verify_pattern(fd, 0, FAR_FILE, SEED + FAR_TOKEN));
	close(fd);
	luo_report("a file on a node that had no memory");
}

static void check_far_file(int session)
{
	int fd = luo_retrieve(session, FAR_TOKEN);

	CHECK(fd >= 0);
	check_node(fd, FAR_FILE, FAR_NODE);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, FAR_FILE, SEED + FAR_TOKEN));
	check_pfns(session, fd, FAR_TOKEN, FAR_FILE);
	close(fd);
	luo_report("the file is on that node again");
}

static int make_file(int session, __u64 seed)
{
	int fd = luo_memfd("module", 0, MODULE_FILE);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, MODULE_FILE, seed));
	CHECK_EQ(0, luo_preserve(session, fd, 1));

	return fd;
}

/* The image that is loaded does not know of the change */
static void check_stale(int session, int fd, __u64 seed, const char *what)
{
	CHECK_EQ(-ESTALE, luo_kexec_jump());
	CHECK_EQ(-ESTALE, luo_kexec_jump());

	/* All goes on as if nothing had happened */
	CHECK_EQ(0, luo_verify_pattern(fd, 0, MODULE_FILE, seed));
	CHECK_EQ(-1, ftruncate(fd, 0));
	CHECK_EQ(-EEXIST, luo_preserve(session, fd, 1));
	luo_report("%s: the image is refused", what);
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("%s: it can be loaded again", what);
}

static void hotplug_1(void)
{
	int dev, session, fd;

	luo_plan(9);
	CHECK(is_memory(SLOT(0), SLOT_SIZE) && is_memory(SLOT(1), SLOT_SIZE));
	CHECK(!is_memory(SLOT(2), SLOT_SIZE));
	CHECK(state_is(SLOT(0), 2 * SLOT_SIZE, "offline"));
	CHECK_EQ(0, set_state(SLOT(0), SLOT_SIZE, "online_kernel"));
	CHECK_EQ(0, set_state(SLOT(1), SLOT_SIZE, "online_movable"));
	luo_report("memory that was not there at the start");

	/* Pages in movable memory are moved out, so that it stays movable */
	dev = luo_need_device();
	session = luo_create_session(dev, SESSION);
	CHECK(session >= 0);
	fd = make_file(session, SEED);
	CHECK_EQ(MODULE_FILE / PAGE,
		 count_pages(fd, MODULE_FILE, SLOT(0), SLOT(1)));
	preserve_pfns(session, fd, 1, MODULE_FILE);
	luo_report("a file in that memory");

	preserve_far_file(session);

	CHECK_EQ(0, luo_kexec_load(NULL));
	plug_module();
	check_stale(session, fd, SEED, "memory added");

	CHECK_EQ(0, pull_module(1));
	CHECK(wait_for_memory(SLOT(1), SLOT_SIZE, false));
	check_stale(session, fd, SEED, "memory removed");

	/* Neither is a reason to load an image again */
	CHECK_EQ(0, set_state(SLOT(2), SLOT_SIZE, "online_movable"));
	CHECK_EQ(0, set_state(SLOT(2), SLOT_SIZE, "offline"));
	CHECK_EQ(0, set_state(SLOT(2), SLOT_SIZE, "online"));
	luo_report("memory goes online and offline");

	/* So that the next kernel can do without slot 2 later */
	load("movable_node");
	luo_leave_kernel();
}

static void hotplug_2(void)
{
	int dev, session, again, fd;

	luo_plan(6);
	CHECK(is_memory(SLOT(0), SLOT_SIZE));
	CHECK(!is_memory(SLOT(1), SLOT_SIZE));
	CHECK(is_memory(SLOT(2), SLOT_SIZE));
	CHECK(state_is(SLOT(0), SLOT_SIZE, "online"));
	CHECK(state_is(SLOT(2), SLOT_SIZE, "online"));
	luo_report("the next kernel knows what was there at the jump");

	dev = luo_need_device();
	session = luo_retrieve_session(dev, SESSION);
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, MODULE_FILE, SEED));
	check_pfns(session, fd, 1, MODULE_FILE);
	luo_report("the file is where it was");
	check_far_file(session);
	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, close(session));

	CHECK_EQ(0, luo_write_pattern(fd, 0, MODULE_FILE, SEED + 1));
	again = luo_create_session(dev, SESSION);
	CHECK(again >= 0);
	CHECK_EQ(0, luo_preserve(again, fd, 1));
	preserve_pfns(again, fd, 1, MODULE_FILE);
	CHECK_EQ(0, luo_kexec_load(NULL));
	CHECK_EQ(0, pull_module(2));
	CHECK(wait_for_memory(SLOT(2), SLOT_SIZE, false));
	luo_report("memory that came with the kernel is removed");
	check_stale(again, fd, SEED + 1, "memory removed");
	luo_leave_kernel();
}

static void hotplug_3(void)
{
	int dev, session, fd;

	luo_plan(2);
	CHECK(is_memory(SLOT(0), SLOT_SIZE));
	CHECK(!is_memory(SLOT(1), SLOT_SIZE) && !is_memory(SLOT(2), SLOT_SIZE));
	luo_report("the third kernel knows what was there at the jump");

	dev = luo_need_device();
	session = luo_retrieve_session(dev, SESSION);
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, MODULE_FILE, SEED + 1));
	check_pfns(session, fd, 1, MODULE_FILE);
	CHECK_EQ(0, luo_finish(session));
	luo_report("the file is where it was");
	luo_finish_stage();
}

/*
 * memory_hidden: the next kernel is told of less memory than it is handed over.
 * When the rest turns up, nobody must get what is preserved in there.
 */

#define HUGE_START	(16 * GIB)
#define HUGE_SIZE	(16 * GIB)

static void hidden_1(void)
{
	int dev, session, fd;

	luo_plan(4);

	/* Its struct pages alone are more than all of scratch */
	CHECK(is_memory(HUGE_START, HUGE_SIZE));
	CHECK_EQ(-EADDRNOTAVAIL, luo_kexec_load(NULL));
	luo_report("no kernel is loaded for more memory than fits into scratch");
	CHECK_EQ(0, pull_module(1));
	CHECK(wait_for_memory(HUGE_START, HUGE_SIZE, false));
	load(NULL);

	CHECK_EQ(0, set_state(SLOT(0), SLOT_SIZE, "online_kernel"));
	dev = luo_need_device();
	session = luo_create_session(dev, SESSION);
	CHECK(session >= 0);
	fd = make_file(session, SEED);
	CHECK(count_pages(fd, MODULE_FILE, SLOT(0), SLOT(1)) > 0);
	luo_report("a file in memory that is not there at the start");
	/* Not mem=: with that nothing turns up while the kernel starts */
	load("memmap=256M$0x100000000");
	luo_leave_kernel();
}

static void hidden_2(void)
{
	unsigned long block = block_size(), pos;
	int refused = 0, err;

	luo_plan(1);
	CHECK(wait_for_memory(SLOT(0), SLOT_SIZE, true));
	for (pos = SLOT(0); pos < (unsigned long)SLOT(1); pos += block) {
		err = set_state(pos, block, "online");
		CHECK(!err || err == -EBUSY);
		refused += err == -EBUSY;
	}
	CHECK(refused > 0);
	CHECK(luo_count_in_log("can't go online"));
	luo_check_log();
	luo_report("memory that holds what came over does not go online");
	luo_finish_stage();
}

/*
 * driver_memory: memory that a driver brings, and will not bring in time
 */

#define DRIVER_START	(4 * GIB + 256 * MIB)
#define DRIVER_SIZE	(256 * MIB)
#define DRIVER_FILE	(256 * MIB)

static int driver_file(void)
{
	int fd = luo_memfd("driver", 0, DRIVER_FILE);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, DRIVER_FILE, SEED));
	CHECK(count_pages(fd, DRIVER_FILE, DRIVER_START,
			  DRIVER_START + DRIVER_SIZE) > 0);

	return fd;
}

static void driver_1(void)
{
	int dev, session, fd;

	luo_plan(4);
	CHECK(iomem_is(DRIVER_START, DRIVER_SIZE, "System RAM (kmem)"));
	luo_report("memory that is managed by a driver");

	dev = luo_need_device();
	session = luo_create_session(dev, SESSION);
	CHECK(session >= 0);

	/* It may be online already, as the kernel's configuration has it */
	set_state(DRIVER_START, DRIVER_SIZE, "offline");
	CHECK_EQ(0, set_state(DRIVER_START, DRIVER_SIZE, "online_movable"));
	fd = driver_file();
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	CHECK_EQ(0, count_pages(fd, DRIVER_FILE, DRIVER_START,
				DRIVER_START + DRIVER_SIZE));
	CHECK_EQ(0, luo_verify_pattern(fd, 0, DRIVER_FILE, SEED));
	luo_report("a file in movable memory is moved out");

	load(NULL);
	CHECK_EQ(0, set_state(DRIVER_START, DRIVER_SIZE, "offline"));
	CHECK_EQ(0, set_state(DRIVER_START, DRIVER_SIZE, "online_kernel"));
	fd = driver_file();
	CHECK_EQ(-EINVAL, luo_preserve(session, fd, 2));
	CHECK_EQ(-EINVAL, luo_preserve(session, fd, 2));
	CHECK_EQ(0, luo_verify_pattern(fd, 0, DRIVER_FILE, SEED));
	CHECK_EQ(0, ftruncate(fd, 0));
	close(fd);
	luo_report("a file there is refused otherwise");
	luo_leave_kernel();
}

static void driver_2(void)
{
	int dev, session, fd;

	luo_plan(2);
	CHECK(iomem_is(DRIVER_START, DRIVER_SIZE, "System RAM (kmem)"));
	luo_report("the driver brings its memory");

	dev = luo_need_device();
	session = luo_retrieve_session(dev, SESSION);
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, DRIVER_FILE, SEED));
	CHECK_EQ(0, luo_finish(session));
	luo_report("the file that was moved has come over");
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ "numa", { numa_1, numa_2, numa_3 } },
	{ "hotplug", { hotplug_1, hotplug_2, hotplug_3 } },
	{ "hidden", { hidden_1, hidden_2 } },
	{ "driver", { driver_1, driver_2 } },
};

int main(int argc, char *argv[])
{
	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
