// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine that outlives the kernel under it: the least there is of one,
 * without a VMM. Its memory is a memfd that is preserved while it runs; the state of
 * its processor goes into another one when it has stopped.
 *
 * The guest counts, in memory and in a register, and tells each number through an
 * I/O port. What it tells must go on without a gap, and register and memory must
 * agree.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "luo_test_util.h"

#define LOW_SIZE	(32 * KIB)
#define HIGH_START	MIB
#define RAM_SIZE	(64 * MIB)
#define SEED		0x6b766d

#define CODE		0x1000
#define COUNTER		0x2000
#define PORT		0x10
#define TICKS		500

#define SESSION		"kvm"
#define RAM_TOKEN	1
#define STATE_TOKEN	2

/* In real mode */
static const unsigned char code[] = {
	0x66, 0xff, 0x06, 0x00, 0x20,	/* again: incl COUNTER */
	0x66, 0x43,			/* incl %ebx */
	0x66, 0xa1, 0x00, 0x20,		/* movl COUNTER, %eax */
	0x66, 0xe7, PORT,		/* outl %eax, PORT */
	0xeb, 0xf0,			/* jmp again */
};

/* IA32_TSC, PAT, STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE */
static const uint32_t msrs[] = {
	0x10, 0x277, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102,
};

struct msr_list {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[ARRAY_SIZE(msrs)];
};

/* What goes over, in this order; XSAVE, XCRS and so on as the host has them */
struct state {
	uint64_t ticks;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_mp_state mp_state;
	struct msr_list msrs;
	struct kvm_clock_data clock;
};

struct machine {
	int kvm, vm, vcpu;
	struct kvm_run *run;
};

static void check_ioctl(int fd, unsigned long cmd, void *arg, const char *what)
{
	int ret = ioctl(fd, cmd, arg);

	if (!CHECK(ret >= 0))
		ksft_print_msg("%s: %s\n", what, strerror(errno));
}

#define CHECK_IOCTL(fd, cmd, arg)	check_ioctl(fd, cmd, arg, #cmd)

static void add_memory(const struct machine *machine, unsigned int slot,
		       uint64_t start, void *memory, size_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = start,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	CHECK_IOCTL(machine->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/*
 * Low memory, in which the guest runs, ends where a guest that has lost its code
 * gets to soon.
 */
static void make_machine(struct machine *machine, int ram)
{
	void *map = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 ram, 0);
	int size;

	machine->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (machine->kvm < 0 || map == MAP_FAILED)
		ksft_exit_fail_msg("/dev/kvm, or memory: %s\n", strerror(errno));
	machine->vm = ioctl(machine->kvm, KVM_CREATE_VM, 0);
	CHECK(machine->vm >= 0);
	add_memory(machine, 0, 0, map, LOW_SIZE);
	add_memory(machine, 1, HIGH_START, map + LOW_SIZE, RAM_SIZE - LOW_SIZE);
	machine->vcpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0);
	CHECK(machine->vcpu >= 0);
	size = ioctl(machine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	machine->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    machine->vcpu, 0);
	if (machine->run == MAP_FAILED)
		ksft_exit_fail_msg("no vcpu: %s\n", strerror(errno));
}

static void start_code(const struct machine *machine)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	CHECK_IOCTL(machine->vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	CHECK_IOCTL(machine->vcpu, KVM_SET_SREGS, &sregs);
	CHECK_IOCTL(machine->vcpu, KVM_SET_REGS, &regs);
}

/* The next number that the guest tells, or 0 if it does something else */
static uint32_t next_tick(const struct machine *machine)
{
	struct kvm_run *run = machine->run;
	struct kvm_regs regs;
	uint32_t told;

	if (ioctl(machine->vcpu, KVM_RUN, 0)) {
		ksft_print_msg("KVM_RUN: %s\n", strerror(errno));
		return 0;
	}
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != PORT) {
		ksft_print_msg("exit reason %u\n", run->exit_reason);
		return 0;
	}
	memcpy(&told, (void *)run + run->io.data_offset, sizeof(told));
	if (ioctl(machine->vcpu, KVM_GET_REGS, &regs) ||
	    (uint32_t)regs.rbx != told) {
		ksft_print_msg("in memory %u, in the register %llu\n", told,
			       (unsigned long long)regs.rbx);
		return 0;
	}

	return told;
}

/* From @first on, without a gap */
static bool runs(const struct machine *machine, uint32_t first, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		if (!CHECK_EQ(first + i, next_tick(machine)))
			return false;

	return true;
}

#define EACH(what)	(set ? KVM_SET_##what : KVM_GET_##what)

static void access_state(const struct machine *machine, struct state *state,
			 bool set)
{
	int vcpu = machine->vcpu, vm = machine->vm;
	int nr;

	/* The processor first, as others follow from what it can do */
	CHECK_IOCTL(vcpu, EACH(SREGS), &state->sregs);
	CHECK_IOCTL(vcpu, EACH(REGS), &state->regs);
	CHECK_IOCTL(vcpu, EACH(XSAVE), &state->xsave);
	if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) > 0)
		CHECK_IOCTL(vcpu, EACH(XCRS), &state->xcrs);
	nr = ioctl(vcpu, EACH(MSRS), &state->msrs);
	CHECK_EQ((int)ARRAY_SIZE(msrs), nr);
	CHECK_IOCTL(vcpu, EACH(DEBUGREGS), &state->debugregs);
	CHECK_IOCTL(vcpu, EACH(MP_STATE), &state->mp_state);
	CHECK_IOCTL(vcpu, EACH(VCPU_EVENTS), &state->events);
	CHECK_IOCTL(vm, EACH(CLOCK), &state->clock);
}

/* What the last exit was for is not done before the next run, which ends at once */
static void complete_exit(const struct machine *machine)
{
	machine->run->immediate_exit = 1;
	CHECK(ioctl(machine->vcpu, KVM_RUN, 0) == -1 && errno == EINTR);
	machine->run->immediate_exit = 0;
}

static void save(const struct machine *machine, struct state *state)
{
	size_t i;

	complete_exit(machine);
	state->msrs.head.nmsrs = ARRAY_SIZE(msrs);
	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		state->msrs.entries[i].index = msrs[i];
	access_state(machine, state, false);
	state->clock.flags = 0;
}

static int make_ram(void)
{
	int ram = luo_memfd("ram", 0, RAM_SIZE);

	if (ram < 0)
		ksft_exit_fail_msg("memfd: %s\n", strerror(-ram));
	CHECK_EQ((ssize_t)sizeof(code), pwrite(ram, code, sizeof(code), CODE));
	CHECK_EQ(0, luo_write_pattern(ram, LOW_SIZE, RAM_SIZE - LOW_SIZE, SEED));

	return ram;
}

static void write_state(int session, const struct state *state)
{
	int fd = luo_memfd("state", 0, sizeof(*state));

	CHECK(fd >= 0);
	CHECK_EQ((ssize_t)sizeof(*state), pwrite(fd, state, sizeof(*state), 0));
	CHECK_EQ(0, luo_preserve(session, fd, STATE_TOKEN));
}

static void stage1(void)
{
	static struct state state;
	struct machine machine;
	int dev, session, ram;

	luo_plan(3);
	ram = make_ram();
	make_machine(&machine, ram);
	start_code(&machine);
	runs(&machine, 1, TICKS);
	luo_report("a guest counts");

	dev = luo_need_device();
	session = luo_create_session(dev, SESSION);
	CHECK(session >= 0);
	CHECK_EQ(0, luo_preserve(session, ram, RAM_TOKEN));
	runs(&machine, TICKS + 1, TICKS);
	luo_report("it counts on while its memory is preserved");

	CHECK_EQ(0, luo_kexec_load(NULL));
	runs(&machine, 2 * TICKS + 1, TICKS);
	state.ticks = 3 * TICKS;
	save(&machine, &state);
	write_state(session, &state);
	luo_report("it has stopped");
	luo_leave_kernel();
}

static void read_state(int session, struct state *state)
{
	int fd = luo_retrieve(session, STATE_TOKEN);

	CHECK(fd >= 0);
	CHECK_EQ((ssize_t)sizeof(*state), pread(fd, state, sizeof(*state), 0));
	close(fd);
}

/* A guest that has lost its memory must not look alive */
static void blank(struct state *state)
{
	struct machine machine;

	make_machine(&machine, luo_memfd("blank", 0, RAM_SIZE));
	access_state(&machine, state, true);
	CHECK_EQ(0, next_tick(&machine));
	luo_report("it does not count in an empty memory");
}

static void stage2(void)
{
	static struct state state;
	struct machine machine;
	int dev, session, ram;

	luo_plan(4);
	dev = luo_need_device();
	session = luo_retrieve_session(dev, SESSION);
	CHECK(session >= 0);
	ram = luo_retrieve(session, RAM_TOKEN);
	CHECK(ram >= 0);
	read_state(session, &state);
	luo_report("its memory and its state are there");

	make_machine(&machine, ram);
	access_state(&machine, &state, true);
	runs(&machine, state.ticks + 1, TICKS);
	luo_report("it counts on");
	CHECK_EQ(0, luo_verify_pattern(ram, LOW_SIZE, RAM_SIZE - LOW_SIZE,
				       SEED));
	CHECK_EQ(0, luo_finish(session));
	runs(&machine, state.ticks + TICKS + 1, TICKS);
	luo_report("all of its memory is right, and it counts on");

	blank(&state);
	luo_finish_stage();
}

static const struct luo_case cases[] = {
	{ NULL, { stage1, stage2 } },
};

int main(int argc, char *argv[])
{
	setvbuf(stdout, NULL, _IOLBF, 0);

	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
