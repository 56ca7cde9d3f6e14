// SPDX-License-Identifier: GPL-2.0
/*
 * A crash kernel beside the image of the next kernel. Whenever the machine
 * crashes, the crash kernel finds the preserved memory in its dump, and takes
 * nothing over for itself.
 *
 *	idle	a crash while sessions are open and both images are loaded
 *	freeze	a crash while a live update freezes the sessions
 *	arrival	a crash after a live update, before the session is retrieved
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include <linux/elf.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define PAGE		4096L
#define VMCORE		"/proc/vmcore"
#define KHO_OUT		"/sys/kernel/debug/kho/out/"

/* The pages that the dump has to have, and memory to get in the way */
#define NR_PAGES	4
#define MAGIC_SEED	0xdeadca5e
#define BALLAST_SIZE	(256 * MIB)
#define BALLAST_SEED	0xba11a57

#define SYSLOG_READ_ALL		3
#define SYSLOG_SIZE_BUFFER	10

struct area {
	unsigned long long start;
	unsigned long long end;
};

static bool overlap(const struct area *a, const struct area *b)
{
	return a->start < b->end && b->start < a->end;
}

/*
 * Before the crash
 */

static int open_device(void)
{
	int dev = luo_open_device();

	if (dev < 0)
		ksft_exit_fail_msg("no %s: %d\n", LUO_DEVICE, dev);
	return dev;
}

static int new_session(int dev, const char *name)
{
	int session = luo_create_session(dev, name);

	CHECK(session >= 0);
	return session;
}

static int preserve_memfd(int session, off_t size, __u64 seed)
{
	int fd = luo_memfd("kdump", 0, size);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, size, seed));
	CHECK_EQ(0, luo_preserve(session, fd, 1));
	return fd;
}

/* A page that is preserved does not move */
static unsigned long long page_phys(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	__u64 entry = 0;

	CHECK(fd >= 0);
	CHECK_EQ(sizeof(entry), pread(fd, &entry, sizeof(entry),
				      (uintptr_t)page / PAGE * sizeof(entry)));
	CHECK(entry >> 63);
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * PAGE;
}

/* Puts "luo.phys=ADDRESS,..." of the pages that the dump has to have in @param */
static void preserve_magic(int session, char *param, size_t len)
{
	int fd = preserve_memfd(session, NR_PAGES * PAGE, MAGIC_SEED), i;
	char *pages;
	size_t nr;

	/* Populated, as only what is mapped has an address */
	pages = mmap(NULL, NR_PAGES * PAGE, PROT_READ,
		     MAP_SHARED | MAP_POPULATE, fd, 0);
	if (pages == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	nr = snprintf(param, len, "luo.phys=");
	for (i = 0; i < NR_PAGES; i++)
		nr += snprintf(param + nr, len - nr, "%s%#llx", i ? "," : "",
			       page_phys(pages + i * PAGE));
	munmap(pages, NR_PAGES * PAGE);
	close(fd);
}

static struct area crash_area(void)
{
	struct area area = {};
	bool found = false;
	char line[128];
	FILE *file;

	file = fopen("/proc/iomem", "re");
	if (!file)
		ksft_exit_fail_perror("/proc/iomem");
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, "Crash kernel") &&
			sscanf(line, " %llx-%llx", &area.start, &area.end) == 2;
	fclose(file);
	CHECK(found);
	area.end++;
	return area;
}

static size_t read_numbers(const char *path, unsigned long long *number,
			   size_t max)
{
	FILE *file = fopen(path, "re");
	size_t nr = 0;

	if (!file)
		ksft_exit_fail_perror(path);
	while (nr < max && fscanf(file, "%llx", &number[nr]) == 1)
		nr++;
	fclose(file);
	return nr;
}

/* What the next kernel starts in is not what the crash kernel starts in */
static void check_scratch(const struct area *crash)
{
	unsigned long long start[16], len[16];
	size_t nr = read_numbers(KHO_OUT "scratch_phys", start, 16), i;

	CHECK(nr > 0);
	CHECK_EQ(nr, read_numbers(KHO_OUT "scratch_len", len, 16));
	for (i = 0; i < nr; i++) {
		struct area scratch = { start[i], start[i] + len[i] };

		ksft_print_msg("scratch %#llx-%#llx, crash kernel %#llx-%#llx\n",
			       scratch.start, scratch.end, crash->start,
			       crash->end);
		CHECK(!overlap(&scratch, crash));
	}
}

/* Memory that the crash kernel shares with user space, with crashkernel=SIZE,cma */
static void check_cma(void)
{
	char size[16], text[64];

	if (luo_cmdline_value("luo.cma", size, sizeof(size)))
		return;
	snprintf(text, sizeof(text), "crashkernel CMA reserved: %s MB", size);
	CHECK(luo_count_in_log(text));
	CHECK(!luo_count_in_log("crashkernel CMA reservation failed"));
}

/* Both of them, with @param for the crash kernel */
static void load_kernels(const char *param)
{
	struct area crash = crash_area();

	check_scratch(&crash);
	check_cma();
	CHECK_EQ(0, luo_kexec_load(NULL));
	CHECK_EQ(0, luo_kexec_load_crash(param));
	luo_report("a crash kernel is loaded beside the next kernel");
}

/* What is still on its way to the console is lost in a crash */
static void settle(void)
{
	if (ksft_get_fail_cnt())
		ksft_exit_fail();
	ksft_print_cnts();
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

static void __noreturn bring_down(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	settle();
	if (fd < 0 || write(fd, "c", 1) != 1)
		ksft_exit_fail_perror("/proc/sysrq-trigger");
	ksft_exit_fail_msg("still here after the crash\n");
}

/*
 * In the crash kernel
 */

static int vmcore;
static struct elf64_phdr *headers;
static unsigned int nr_headers;

static void read_dump(off_t offset, void *buf, size_t len)
{
	if (pread(vmcore, buf, len, offset) != (ssize_t)len)
		ksft_exit_fail_perror(VMCORE);
}

static void check_header(void)
{
	struct elf64_hdr ehdr;

	vmcore = open(VMCORE, O_RDONLY | O_CLOEXEC);
	if (vmcore < 0)
		ksft_exit_fail_perror(VMCORE);
	read_dump(0, &ehdr, sizeof(ehdr));
	CHECK(!memcmp(ehdr.e_ident, ELFMAG, SELFMAG));
	CHECK_EQ(ELFCLASS64, ehdr.e_ident[EI_CLASS]);
	CHECK_EQ(ET_CORE, ehdr.e_type);
	CHECK_EQ(sizeof(*headers), ehdr.e_phentsize);
	CHECK(ehdr.e_phnum > 1);
	nr_headers = ehdr.e_phnum;
	headers = calloc(nr_headers, sizeof(*headers));
	if (!headers)
		ksft_exit_fail_perror("calloc");
	read_dump(ehdr.e_phoff, headers, nr_headers * sizeof(*headers));
}

static void check_notes(void)
{
	unsigned int nr_notes = 0, i;
	char *notes;

	for (i = 0; i < nr_headers; i++) {
		if (headers[i].p_type != PT_NOTE)
			continue;
		nr_notes++;
		notes = malloc(headers[i].p_filesz);
		if (!notes)
			ksft_exit_fail_perror("malloc");
		read_dump(headers[i].p_offset, notes, headers[i].p_filesz);
		CHECK(memmem(notes, headers[i].p_filesz, "CORE", 5));
		CHECK(memmem(notes, headers[i].p_filesz, "VMCOREINFO", 11));
		CHECK(memmem(notes, headers[i].p_filesz, "OSRELEASE=", 10));
		CHECK(memmem(notes, headers[i].p_filesz, "CRASHTIME=", 10));
		free(notes);
	}
	CHECK_EQ(1, nr_notes);
}

/*
 * Where physical memory is in the dump, or -1. That of the kernel's image is in
 * it twice, and the pages of its init sections may be anybody's by now.
 */
static off_t find_in_dump(unsigned long long phys, size_t len)
{
	unsigned int i;

	for (i = 0; i < nr_headers; i++) {
		const struct elf64_phdr *h = &headers[i];

		if (h->p_type == PT_LOAD && phys >= h->p_paddr &&
		    phys + len <= h->p_paddr + h->p_filesz)
			return h->p_offset + (phys - h->p_paddr);
	}
	return -1;
}

static void check_page(unsigned int nr, unsigned long long phys)
{
	unsigned char expected[PAGE], seen[PAGE];
	off_t where = find_in_dump(phys, PAGE);

	if (!CHECK(where >= 0)) {
		ksft_print_msg("page %u at %#llx is not in the dump\n", nr,
			       phys);
		return;
	}
	read_dump(where, seen, sizeof(seen));
	luo_pattern(expected, sizeof(expected), MAGIC_SEED, nr * PAGE);
	CHECK(!memcmp(expected, seen, sizeof(seen)));
}

static void check_pages(void)
{
	char value[NR_PAGES * 20], *next = value;
	unsigned int nr;

	CHECK_EQ(0, luo_cmdline_value("luo.phys", value, sizeof(value)));
	for (nr = 0; nr < NR_PAGES; nr++) {
		check_page(nr, strtoull(next, &next, 16));
		next += *next == ',';
	}
	CHECK_EQ(0, *next);
}

static void check_dump(void)
{
	check_header();
	check_notes();
	luo_report("the dump is an ELF core with notes");
	check_pages();
	luo_report("the dump has what is preserved");
	free(headers);
	close(vmcore);
}

/* A warning, or worse, of ours; what the command line says does not count */
static bool is_complaint(const char *line)
{
	if (line[0] != '<' || strtol(line + 1, NULL, 10) > 4 ||
	    strcasestr(line, "command line"))
		return false;
	return strstr(line, "KHO") || strcasestr(line, "handover") ||
	       strstr(line, "liveupdate");
}

static void check_log(void)
{
	int size = klogctl(SYSLOG_SIZE_BUFFER, NULL, 0), len;
	char *log, *line, *next;

	log = size > 0 ? malloc(size + 1) : NULL;
	if (!log)
		ksft_exit_fail_msg("no log\n");
	len = klogctl(SYSLOG_READ_ALL, log, size);
	log[len > 0 ? len : 0] = '\0';
	CHECK(!strstr(log, "found kexec handover data"));
	for (next = log; (line = strsep(&next, "\n"));)
		if (!CHECK(!is_complaint(line)))
			ksft_print_msg("%s\n", line);
	free(log);
}

/* The command line is the usual one, but there is nothing to hand over here */
static void check_no_handover(void)
{
	char value[8] = "";

	CHECK_EQ(0, luo_cmdline_value("kho", value, sizeof(value)));
	CHECK(!strcmp(value, "on"));
	CHECK_EQ(0, luo_cmdline_value("liveupdate", value, sizeof(value)));
	CHECK(!strcmp(value, "on"));
	CHECK(access(LUO_DEVICE, F_OK));
	CHECK(access(KHO_OUT, F_OK));
	check_log();
	luo_report("the crash kernel has no handover, and does not miss it");
}

static void crash_kernel(void)
{
	luo_plan(3);
	check_dump();
	check_no_handover();
	luo_finish_stage();
}

/*
 * The cases
 */

static void idle_1(void)
{
	char param[NR_PAGES * 20];

	luo_plan(1);
	preserve_magic(new_session(open_device(), "magic"), param,
		       sizeof(param));
	load_kernels(param);
	bring_down();
}

/* The first session is frozen when the second one's counter brings all down */
static void freeze_1(void)
{
	char param[NR_PAGES * 20];
	int dev = open_device(), session;

	luo_plan(1);
	preserve_magic(new_session(dev, "magic"), param, sizeof(param));
	CHECK(modules_load());
	session = new_session(dev, "crash");
	CHECK_EQ(0, luo_preserve(session, counter_new(1), 1));
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_PANIC_FREEZE));
	load_kernels(param);
	settle();
	ksft_exit_fail_msg("still here after the crash: %d\n",
			   luo_kexec_jump());
}

static void arrival_1(void)
{
	char param[NR_PAGES * 20];
	int dev = open_device(), session;

	luo_plan(1);
	preserve_magic(new_session(dev, "magic"), param, sizeof(param));
	session = new_session(dev, "ballast");
	CHECK(preserve_memfd(session, BALLAST_SIZE, BALLAST_SEED) >= 0);
	CHECK_EQ(0, luo_kexec_load(param));
	luo_report("sessions are made");
	luo_leave_kernel();
}

/* The crash kernel's memory is none that came over */
static void arrival_2(void)
{
	int dev, session, fd;

	luo_plan(2);
	load_kernels(NULL);
	dev = open_device();
	session = luo_retrieve_session(dev, "ballast");
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, BALLAST_SIZE, BALLAST_SEED));
	luo_report("the crash kernel has not overwritten what came over");
	bring_down();
}

struct kdump_case {
	const char *name;

	/* A NULL entry ends it, if there is room for one */
	void (*stages[3])(void);
};

static const struct kdump_case cases[] = {
	{ "idle", { idle_1, crash_kernel } },
	{ "freeze", { freeze_1, crash_kernel } },
	{ "arrival", { arrival_1, arrival_2, crash_kernel } },
};

int main(int argc, char *argv[])
{
	size_t i, stage = 0;

	if (argc == 3 && !strncmp(argv[2], "stage", 5))
		stage = strtoul(argv[2] + 5, NULL, 10) - 1;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (argc == 3 && !strcmp(argv[1], cases[i].name) &&
		    stage < ARRAY_SIZE(cases[i].stages) && cases[i].stages[stage])
			cases[i].stages[stage]();

	/* A stage does not come back */
	fprintf(stderr, "usage: %s CASE stageN\n", argv[0]);

	return KSFT_FAIL;
}
