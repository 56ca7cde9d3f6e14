// SPDX-License-Identifier: GPL-2.0
/*
 * What the previous kernel wrote is damaged, or of a format that this kernel
 * does not know. It never makes the kernel fall over: what can't be read is set
 * aside, and its memory stays out of use.
 *
 * The damage is done through /dev/mem to what the kernel keeps ready for its
 * successor. So it is limited to what is not written anew in the jump: the FDTs,
 * the map of preserved memory, and the rates of the clocks.
 */

#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "luo_test_util.h"

#define PAGE		4096
#define FILE_SIZE	MIB
#define SEED		0xda3a9e
#define ROOT_FDT	"/sys/kernel/debug/kho/out/fdt"

/* The start of an FDT, and a property in it */
#define FDT_MAGIC	0xd00dfeed
#define FDT_PROP	3

/* The rates of the clocks, in what is loaded: it must not be checked for damage */
#define CLOCKS_FORMAT	"kho-clocks-v2"
#define CLOCKS_WORDS	5
#define CLOCKS_SIZE	(CLOCKS_WORDS * sizeof(__u64))
#define CLOCKS_TSC	16
#define SUM_SEED	0x6c7561656d696c75ULL
#define SUM_PRIME	0x9e3779b97f4a7c15ULL
#define DIGEST		"/sys/module/kexec_file/parameters/digest"

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

static __u64 end_of_memory(void)
{
	return (__u64)luo_meminfo("DirectMap4k") * KIB +
	       (__u64)luo_meminfo("DirectMap2M") * KIB;
}

/* Nobody tells where the root FDT is, so all pages are looked at */
static int spoil_root_fdt(const char *compatible)
{
	__u64 end = end_of_memory(), phys;
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

/* The format's name alone may be part of a program */
static char *find_clocks(char page[PAGE])
{
	static const char format[CLOCKS_TSC] = CLOCKS_FORMAT;
	char *where = memmem(page, PAGE, format, sizeof(format));
	__u64 word[CLOCKS_WORDS], sum = SUM_SEED;
	unsigned int i;

	if (!where || where + CLOCKS_SIZE > page + PAGE)
		return NULL;
	memcpy(word, where, CLOCKS_SIZE);
	for (i = 0; i < CLOCKS_WORDS - 1; i++)
		sum += word[i] * ((2 * i + 1) * SUM_PRIME);
	return word[CLOCKS_WORDS - 1] == sum ? where : NULL;
}

/*
 * Change a byte in all that are in memory: one of them is what is loaded, and
 * nobody uses the others any more
 */
static int spoil_clocks(unsigned int offset)
{
	__u64 end = end_of_memory(), phys;
	char page[PAGE], *where;
	int nr = 0;

	for (phys = MIB; phys < end; phys += PAGE) {
		if (pread(dev_mem, page, PAGE, phys) != PAGE)
			continue;
		where = find_clocks(page);
		if (!where)
			continue;
		where[offset] ^= 1;
		write_phys(phys + (where - page), where, CLOCKS_SIZE);
		nr++;
	}
	return nr;
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
	keep_session(luo_need_device());
	nr = find_addresses(address, ARRAY_SIZE(address));
	CHECK(nr > 1);
	for (i = 1; i < nr; i++)
		spoiled += spoil_compatible(address[i], "luo-records-v5");
	CHECK_EQ(1, spoiled);
	luo_report("sessions of another format");
	luo_leave_kernel();
}

static void damage_2(void)
{
	int dev;

	luo_plan(3);
	dev = luo_need_device();
	check_session(dev, true);
	CHECK(luo_count_in_log("the previous kernel's format is not"));
	luo_check_log();
	luo_report("sessions of another format do not come over");
	luo_check_memory();

	keep_session(dev);
	flip_bit(map_block(MAP_LEVELS));
	luo_report("a damaged leaf of the map");
	luo_leave_kernel();
}

static void damage_3(void)
{
	int dev;

	luo_plan(3);
	dev = luo_need_device();
	check_session(dev, false);
	CHECK(luo_count_in_log("is damaged, what it covers stays reserved"));
	luo_check_log();
	luo_report("a damaged leaf is set aside");
	luo_check_memory();

	keep_session(dev);
	CHECK(spoil_root_fdt("kho-extents-v1") > 0);
	luo_report("a handover of another format");
	luo_leave_kernel();
}

static void check_opaque(void)
{
	CHECK_EQ(-1, access(LUO_DEVICE, F_OK));
	CHECK(luo_count_in_log("all memory but scratch stays out of use"));
	luo_check_log();
	luo_report("a handover that can't be read leaves scratch to live on");
}

static void damage_4(void)
{
	luo_plan(2);
	check_opaque();
	luo_check_memory();
	luo_finish_stage();
}

static void damage_root_1(void)
{
	luo_plan(1);
	keep_session(luo_need_device());
	flip_bit(map_root() + 8);
	luo_report("a damaged root of the map");
	luo_leave_kernel();
}

/* What the last live update has left in memory is there when the next one boots */
static void damage_later_1(void)
{
	luo_plan(1);
	keep_session(luo_need_device());
	luo_report("a live update as any other");
	luo_leave_kernel();
}

/* It covers all of the memory of a guest, so that nothing else is left */
static void damage_table_1(void)
{
	luo_plan(1);
	keep_session(luo_need_device());
	flip_bit(map_block(1));
	luo_report("a damaged table of the map");
	luo_leave_kernel();
}

static void load_unchecked(void)
{
	CHECK_EQ(0, luo_write_text(DIGEST, "0"));
	CHECK_EQ(0, luo_kexec_load(NULL));
}

static void check_clocks(unsigned int taken, unsigned int refused)
{
	CHECK_EQ(taken, luo_count_in_log("rates of the clocks are those of the previous kernel"));
	CHECK_EQ(refused, luo_count_in_log("rates of the clocks are damaged or of another format"));
}

static void damage_clocks_1(void)
{
	luo_plan(2);
	check_clocks(0, 0);
	luo_report("a first kernel measures its clocks");

	load_unchecked();
	CHECK(spoil_clocks(CLOCKS_TSC) > 0);
	luo_report("a rate that is damaged");
	luo_leave_kernel();
}

static void damage_clocks_2(void)
{
	luo_plan(2);
	check_clocks(0, 1);
	luo_report("it is not used");

	load_unchecked();
	CHECK(spoil_clocks(0) > 0);
	luo_report("rates of another format");
	luo_leave_kernel();
}

static void damage_clocks_3(void)
{
	luo_plan(2);
	check_clocks(0, 1);
	luo_report("they are not used");

	load_unchecked();
	luo_report("rates as they should be");
	luo_leave_kernel();
}

static void damage_clocks_4(void)
{
	luo_plan(1);
	check_clocks(1, 0);
	luo_report("they are used");
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ "damage", { damage_1, damage_2, damage_3, damage_4 } },
	{ "damage_root", { damage_root_1, damage_4 } },
	{ "damage_later", { damage_later_1, damage_root_1, damage_4 } },
	{ "damage_table", { damage_table_1, damage_4 } },
	{ "damage_clocks", { damage_clocks_1, damage_clocks_2, damage_clocks_3,
			     damage_clocks_4 } },
};

int main(int argc, char *argv[])
{
	open_dev_mem();

	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
