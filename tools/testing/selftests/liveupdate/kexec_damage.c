// SPDX-License-Identifier: GPL-2.0
/*
 * What the previous kernel wrote is damaged, or of a format that this kernel
 * does not know. It never makes the kernel fall over: what can't be read is set
 * aside, and its memory stays out of use.
 *
 * The damage is done through /dev/mem to what the kernel keeps ready for its
 * successor. So it is limited to what is not written anew in the jump: the FDTs
 * and the map of preserved memory.
 */

#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "luo_test_util.h"

#define PAGE		4096
#define FILE_SIZE	MIB
#define SEED		0xda3a9e
#define ROOT_FDT	"/sys/kernel/debug/kho/out/fdt"

#define SYSLOG_READ_ALL	3
#define LOG_SIZE	(256 * KIB)

/* The start of an FDT, and a property in it */
#define FDT_MAGIC	0xd00dfeed
#define FDT_PROP	3

/* The map: a root, two levels of tables, leaves. An entry is address and sum */
#define MAP_MAGIC	0x70616d2d6f68636bULL
#define MAP_LEVELS	3
#define ENTRY_WORDS	2

static int dev_mem = -1;

static void read_phys(__u64 phys, void *buf, size_t len)
{
	if (pread(dev_mem, buf, len, phys) != (ssize_t)len)
		ksft_exit_fail_perror("/dev/mem");
}

static void write_phys(__u64 phys, const void *buf, size_t len)
{
	if (pwrite(dev_mem, buf, len, phys) != (ssize_t)len)
		ksft_exit_fail_perror("/dev/mem");
}

static void open_dev_mem(void)
{
	dev_mem = open("/dev/mem", O_RDWR | O_CLOEXEC);
	if (dev_mem < 0)
		ksft_exit_skip("no /dev/mem to do damage through\n");
}

/*
 * The root FDT has nothing but addresses in properties of eight bytes: first
 * that of the map, then one for each user.
 */
static unsigned int find_addresses(__u64 *addresses, unsigned int max)
{
	__u32 fdt[PAGE / sizeof(__u32)];
	unsigned int nr = 0, i;
	int fd;

	fd = open(ROOT_FDT, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, fdt, sizeof(fdt)) < 64)
		ksft_exit_fail_perror(ROOT_FDT);
	close(fd);

	for (i = 0; i + 4 < ARRAY_SIZE(fdt) && nr < max; i++) {
		if (be32toh(fdt[i]) != FDT_PROP || be32toh(fdt[i + 1]) != 8)
			continue;
		memcpy(&addresses[nr++], &fdt[i + 3], sizeof(*addresses));
	}
	return nr;
}

/* Overwrite the compatible string in a page that starts with an FDT */
static bool spoil_compatible(__u64 phys, const char *compatible)
{
	char page[PAGE], *where;
	__u32 magic;

	read_phys(phys, page, sizeof(page));
	memcpy(&magic, page, sizeof(magic));
	if (be32toh(magic) != FDT_MAGIC)
		return false;
	where = memmem(page, sizeof(page), compatible, strlen(compatible) + 1);
	if (!where)
		return false;
	*where = '?';
	write_phys(phys, page, sizeof(page));
	return true;
}

/* Nobody tells where the root FDT is, so all pages are looked at */
static int spoil_root_fdt(const char *compatible)
{
	__u64 end = (__u64)luo_meminfo("DirectMap4k") * KIB +
		       (__u64)luo_meminfo("DirectMap2M") * KIB;
	__u64 phys;
	__u32 magic;
	int nr = 0;

	for (phys = MIB; phys < end; phys += PAGE) {
		if (pread(dev_mem, &magic, sizeof(magic), phys) !=
		    sizeof(magic))
			continue;
		if (be32toh(magic) == FDT_MAGIC)
			nr += spoil_compatible(phys, compatible);
	}
	return nr;
}

static __u64 map_root(void)
{
	__u64 root = 0, magic;

	if (find_addresses(&root, 1) != 1)
		ksft_exit_fail_msg("no address of the map in the root FDT\n");
	read_phys(root, &magic, sizeof(magic));
	if (magic != MAP_MAGIC)
		ksft_exit_fail_msg("no map where the root FDT says\n");
	return root;
}

/* The first block of a level below the root that there is */
static __u64 map_block(unsigned int level)
{
	/* Behind the magic and the sum of the root */
	__u64 block = map_root() + 16, entry[ENTRY_WORDS];

	while (level) {
		read_phys(block, entry, sizeof(entry));
		if (entry[0]) {
			block = entry[0];
			level--;
		} else {
			block += sizeof(entry);
		}
	}
	return block;
}

static void flip_bit(__u64 phys)
{
	__u64 word;

	read_phys(phys, &word, sizeof(word));
	word ^= 1ULL << 40;
	write_phys(phys, &word, sizeof(word));
}

static bool log_has(const char *what)
{
	char *log = malloc(LOG_SIZE + 1);
	bool found;
	int len;

	if (!log)
		ksft_exit_fail_perror("malloc");
	len = klogctl(SYSLOG_READ_ALL, log, LOG_SIZE);
	log[len > 0 ? len : 0] = '\0';
	found = strstr(log, what);
	free(log);
	return found;
}

static int open_device(void)
{
	int dev = luo_open_device();

	CHECK(dev >= 0);
	return dev;
}

/* The session's descriptor stays open until the jump */
static void keep_session(int dev)
{
	int session = luo_create_session(dev, "damaged"), fd;

	CHECK(session >= 0);
	fd = luo_memfd("file", 0, FILE_SIZE);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, FILE_SIZE, SEED));
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	close(fd);
	CHECK_EQ(0, luo_kexec_load(NULL));
}

static void use_memory(void)
{
	size_t size = luo_meminfo("MemAvailable") / 2 * KIB;
	char *mem = malloc(size);

	CHECK(mem);
	if (mem)
		memset(mem, 0x5a, size);
	CHECK(mem && mem[size / 2] == 0x5a);
	free(mem);
	luo_report("memory works");
}

/* What came over can't be read: either it is not there, or it says so */
static void check_session(int dev, bool gone)
{
	int session = luo_retrieve_session(dev, "damaged"), fd;

	if (gone)
		CHECK_EQ(-ENOENT, session);
	if (session < 0)
		return;

	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0 || fd == -EIO || fd == -ENOENT);
	if (fd >= 0)
		CHECK_EQ(0, luo_verify_pattern(fd, 0, FILE_SIZE, SEED));
	close(fd);
	CHECK_EQ(0, luo_finish(session));
	close(session);
}

static void damage_1(void)
{
	__u64 address[8];
	unsigned int nr, i, spoiled = 0;

	luo_plan(1);
	keep_session(open_device());
	nr = find_addresses(address, ARRAY_SIZE(address));
	CHECK(nr > 1);
	for (i = 1; i < nr; i++)
		spoiled += spoil_compatible(address[i], "luo-records-v3");
	CHECK_EQ(1, spoiled);
	luo_report("sessions of another format");
	luo_leave_kernel();
}

static void damage_2(void)
{
	int dev;

	luo_plan(3);
	dev = open_device();
	check_session(dev, true);
	CHECK(log_has("the previous kernel's format is not"));
	luo_report("sessions of another format do not come over");
	use_memory();

	keep_session(dev);
	flip_bit(map_block(MAP_LEVELS));
	luo_report("a damaged leaf of the map");
	luo_leave_kernel();
}

static void damage_3(void)
{
	int dev;

	luo_plan(3);
	dev = open_device();
	check_session(dev, false);
	CHECK(log_has("is damaged, what it covers stays reserved"));
	luo_report("a damaged leaf is set aside");
	use_memory();

	keep_session(dev);
	CHECK(spoil_root_fdt("kho-extents-v1") > 0);
	luo_report("a handover of another format");
	luo_leave_kernel();
}

static void check_opaque(void)
{
	CHECK_EQ(-1, access(LUO_DEVICE, F_OK));
	CHECK(log_has("all memory but scratch stays out of use"));
	luo_report("a handover that can't be read leaves scratch to live on");
}

static void damage_4(void)
{
	luo_plan(2);
	check_opaque();
	use_memory();
	luo_finish_stage();
}

static void damage_root_1(void)
{
	luo_plan(1);
	keep_session(open_device());
	flip_bit(map_root() + 8);
	luo_report("a damaged root of the map");
	luo_leave_kernel();
}

/* It covers all of the memory of a guest, so that nothing else is left */
static void damage_table_1(void)
{
	luo_plan(1);
	keep_session(open_device());
	flip_bit(map_block(1));
	luo_report("a damaged table of the map");
	luo_leave_kernel();
}

struct damage_case {
	const char *name;

	/* A NULL entry ends it, if there is room for one */
	void (*stages[4])(void);
};

static const struct damage_case cases[] = {
	{ "damage", { damage_1, damage_2, damage_3, damage_4 } },
	{ "damage_root", { damage_root_1, damage_4 } },
	{ "damage_table", { damage_table_1, damage_4 } },
};

int main(int argc, char *argv[])
{
	size_t i, stage = 0;

	if (argc == 3 && !strncmp(argv[2], "stage", 5))
		stage = strtoul(argv[2] + 5, NULL, 10) - 1;
	open_dev_mem();
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (argc == 3 && !strcmp(argv[1], cases[i].name) &&
		    stage < ARRAY_SIZE(cases[i].stages) && cases[i].stages[stage])
			cases[i].stages[stage]();

	/* A stage does not come back */
	fprintf(stderr, "usage: %s CASE stageN\n", argv[0]);

	return KSFT_FAIL;
}
