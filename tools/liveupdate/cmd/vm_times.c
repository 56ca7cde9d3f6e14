// SPDX-License-Identifier: GPL-2.0
/*
 * How long a guest stood still, and why: what the kernels say of the live update
 * (their timeline in debugfs), with what happened to the guest before and after.
 * The processor's cycle counter is one clock for all of it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "luo.h"
#include "memfd.h"
#include "vm.h"

#define MAGIC		0x73656d69746d76ULL
#define TIMES_SIZE	4096
#define NSEC_PER_SEC	1000000000ULL

/* As the kernel has it; 0 where there is none */
uint64_t vm_cycles(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t cycles;

	asm volatile("mrs %0, cntvct_el0" : "=r" (cycles));
	return cycles;
#else
	return 0;
#endif
}

static int map_times(struct vm *vm)
{
	vm->times = mmap(NULL, TIMES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vm->times_fd, 0);
	if (vm->times != MAP_FAILED)
		return 0;
	vm->times = NULL;

	return -errno;
}

int vm_times_make(struct vm *vm)
{
	int err;

	vm->times_fd = luo_make_memfd("luo-times");
	if (vm->times_fd < 0)
		return vm->times_fd;
	err = ftruncate(vm->times_fd, TIMES_SIZE) ? -errno : map_times(vm);
	if (err) {
		vm_times_drop(vm);
		return err;
	}
	vm->times->magic = MAGIC;

	return 0;
}

int vm_times_take(struct vm *vm, int fd)
{
	struct stat st;
	int err;

	vm->times_fd = fd;
	err = fstat(fd, &st) ? -errno : 0;
	if (!err && st.st_size != TIMES_SIZE)
		err = -EPROTO;
	if (!err)
		err = map_times(vm);
	if (!err && vm->times->magic != MAGIC)
		err = -EPROTO;
	if (err) {
		vm_times_drop(vm);
		luo_note("%s: the session is none of luo vm: %s", vm->name,
			 strerror(-err));
	}

	return err;
}

void vm_times_drop(struct vm *vm)
{
	if (vm->times)
		munmap(vm->times, TIMES_SIZE);
	if (vm->times_fd >= 0)
		close(vm->times_fd);
	vm->times = NULL;
	vm->times_fd = -1;
}

/* The kernels' timeline: its clock, and what it has */
struct kernel_times {
	unsigned long long begin, hz;
	FILE *file;
};

static int open_kernel_times(struct kernel_times *kernel)
{
	int fd = lu_debugfs_open("timeline");
	char line[160];

	kernel->file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!kernel->file) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : -ENOMEM;
	}
	if (fgets(line, sizeof(line), kernel->file) &&
	    sscanf(line, "# ns since the freeze at %llu cycles, by the cycle counter, %llu Hz",
		   &kernel->begin, &kernel->hz) == 2 && kernel->hz)
		return 0;
	fclose(kernel->file);

	return -EPROTO;
}

/* In two parts, of which neither overflows; no counter is that fast */
static unsigned long long to_ns(uint64_t cycles, uint64_t hz)
{
	return cycles / hz * NSEC_PER_SEC + cycles % hz * NSEC_PER_SEC / hz;
}

struct event {
	unsigned long long ns;
	char text[192];
};

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

#define MAX_EVENTS	64

struct events {
	struct event list[MAX_EVENTS];
	size_t nr;
};

static void add_event(struct events *events, unsigned long long ns,
		      const char *text)
{
	struct event *event = &events->list[events->nr];

	if (events->nr == MAX_EVENTS)
		return;
	event->ns = ns;
	snprintf(event->text, sizeof(event->text), "%s", text);
	events->nr++;
}

/* Time starts when the guest was stopped, and ends when it went on */
static void collect(const struct vm *vm, struct kernel_times *kernel,
		    struct events *events)
{
	const struct vm_times *times = vm->times;
	unsigned long long offset, ns, last;
	char line[192], *end;

	offset = to_ns(kernel->begin - times->stop, kernel->hz);
	last = to_ns(vm->resumed - times->stop, kernel->hz);
	add_event(events, 0, "old\tguest-stop");
	add_event(events, to_ns(times->saved - times->stop, kernel->hz),
		  "old\tguest-saved");
	while (fgets(line, sizeof(line), kernel->file)) {
		line[strcspn(line, "\n")] = '\0';
		ns = strtoull(line, &end, 10) + offset;
		if (*line != '#' && *end == '\t' && ns < last)
			add_event(events, ns, end + 1);
	}
	add_event(events, to_ns(vm->start - times->stop, kernel->hz),
		  "new\tvmm-start");
	add_event(events, to_ns(vm->loaded - times->stop, kernel->hz),
		  "new\tguest-loaded");
	add_event(events, last, "new\tguest-resume");
	qsort(events->list, events->nr, sizeof(*events->list), by_time);
}

static int write_events(const struct events *events, unsigned long long stop,
			unsigned long long hz, const char *path)
{
	FILE *file = fopen(path, "we");
	size_t i;

	if (!file)
		return -errno;
	fprintf(file, "# ns since the guest was stopped at %llu cycles", stop);
	fprintf(file, ", by the cycle counter, %llu Hz\n", hz);
	for (i = 0; i < events->nr; i++)
		fprintf(file, "%llu\t%s\n", events->list[i].ns,
			events->list[i].text);

	return fclose(file) ? -errno : 0;
}

void vm_times_write(const struct vm *vm)
{
	struct kernel_times kernel;
	struct events events = { 0 };
	int err;

	err = open_kernel_times(&kernel);
	if (!err) {
		/* A counter that restarted is no clock for both kernels */
		if (vm->times->stop > kernel.begin ||
		    kernel.begin > vm->resumed)
			err = -ERANGE;
		else
			collect(vm, &kernel, &events);
		fclose(kernel.file);
	}
	if (!err)
		err = write_events(&events, vm->times->stop, kernel.hz,
				   vm->timeline);
	if (err)
		luo_note("%s: there will be no timeline: %s", vm->name,
			 strerror(-err));
}
