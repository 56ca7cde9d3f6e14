// SPDX-License-Identifier: GPL-2.0
/*
 * The only program in a guest that has to survive the live update of its host,
 * as /init. It counts, and looks after its memory:
 *
 *	guest: tick NUMBER, boot BOOT-ID, memory ok
 *
 * In each tick it writes one page anew, and checks some of the others. What a
 * page has to hold follows from its number and from that of the tick.
 *
 * The kernel prints its lines for it, as that needs no interrupts of the serial
 * port: under -icount, QEMU's emulation of SVM (7.2) delivers an interrupt once
 * more if its own timer expires between VMRUN, which has injected it, and the next
 * exit. A timer's interrupt bears that, but a port's takes the lock of its
 * descriptor first, and the guest then waited for itself.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096UL
#define WORDS		(PAGE / sizeof(uint64_t))
#define PAGES		2048UL
#define CHECKED		256UL
#define TICK_NS		(50 * 1000 * 1000)

static void read_boot_id(char *id, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, id, size - 1);

	id[got < 0 ? 0 : got] = '\0';
	id[strcspn(id, "\n")] = '\0';
	close(fd);
}

static uint64_t word(unsigned long page, unsigned long tick, unsigned long i)
{
	return (page + 1) * 0x9e3779b97f4a7c15UL + tick * 0x10001UL + i;
}

static void fill(uint64_t *memory, unsigned long page, unsigned long tick)
{
	unsigned long i;

	for (i = 0; i < WORDS; i++)
		memory[page * WORDS + i] = word(page, tick, i);
}

/* The tick that has filled a page last, when it is @tick; 0: before the first */
static unsigned long filled(unsigned long page, unsigned long tick)
{
	unsigned long rounds = tick / PAGES * PAGES + page;

	if (rounds > tick)
		return rounds < PAGES ? 0 : rounds - PAGES;

	return rounds;
}

static bool check(const uint64_t *memory, unsigned long page,
		  unsigned long tick)
{
	unsigned long i;

	for (i = 0; i < WORDS; i++)
		if (memory[page * WORDS + i] != word(page, filled(page, tick), i))
			return false;

	return true;
}

static bool check_some(const uint64_t *memory, unsigned long tick)
{
	unsigned long first = tick * CHECKED, i;
	bool ok = true;

	for (i = 0; i < CHECKED; i++)
		ok &= check(memory, (first + i) % PAGES, tick);

	return ok;
}

static void say(int log, unsigned long tick, const char *id, bool ok)
{
	char line[128];
	int len = snprintf(line, sizeof(line),
			   "<3>guest: tick %lu, boot %s, memory %s\n", tick, id,
			   ok ? "ok" : "BAD");

	if (write(log, line, len) != len)
		reboot(RB_POWER_OFF);
}

int main(void)
{
	struct timespec pause = { .tv_nsec = TICK_NS };
	unsigned long page, tick;
	uint64_t *memory;
	char id[64];
	int log;

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mknod("/kmsg", S_IFCHR | 0600, makedev(1, 11));
	log = open("/kmsg", O_WRONLY | O_CLOEXEC);
	read_boot_id(id, sizeof(id));
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || log < 0)
		reboot(RB_POWER_OFF);
	for (page = 0; page < PAGES; page++)
		fill(memory, page, 0);

	for (tick = 1;; tick++) {
		fill(memory, tick % PAGES, tick);
		say(log, tick, id, check_some(memory, tick));
		nanosleep(&pause, NULL);
	}
}
