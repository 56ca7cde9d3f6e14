// SPDX-License-Identifier: GPL-2.0
/*
 * PCI devices that keep running while the kernel is replaced: a network card whose
 * frames are numbered, and a card that copies memory. It takes a guest that is
 * made for it, see vm/vfio*.sh.
 *
 *	usage: kexec_vfio CASE LAST stageN
 *
 * LAST is the number of the last stage.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "luo_test_util.h"
#include "luo_vfio_util.h"

#define SESSION		"vfio"
#define TOKEN_MEMORY	1
#define TOKEN_NIC	2
#define TOKEN_EDU	3

/* Enough to see that they keep coming */
#define SOME_FRAMES	200

/* Where else something can be mapped */
#define OTHER_IOVA	0x8000000UL

#define EDU_IOVA	(NIC_IOVA + NIC_EDU)

/* All the memory that was given back fits in */
#define OTHER_SIZE	(64UL << 20)

#define DAMAGE		"/sys/kernel/debug/liveupdate_test/damage"

static struct nic nic;
static struct vfio_dev edu;
static unsigned int stage, last;

/*
 * Steps
 */

/* What came in meanwhile, and some that come in from now on */
static void receive_some(const char *when)
{
	unsigned int frames = nic_backlog(&nic) + SOME_FRAMES;

	CHECK_EQ(frames, nic_receive(&nic, frames));
	ksft_print_msg("%s: %u frames\n", when, frames);
	luo_report("%s: frame after frame, every byte right", when);
}

static void start_nic(void)
{
	CHECK(nic_start(&nic, VFIO_NIC));
	luo_report("the card receives");
}

/* In the same domain, so that the two share their tables */
static void start_edu(void)
{
	CHECK_EQ(0, vfio_bind_driver(VFIO_EDU, "vfio-pci"));
	edu.fd = vfio_open_cdev(VFIO_EDU);
	CHECK(edu.fd >= 0);
	CHECK_EQ(0, vfio_bind_to(&edu, nic.dev.iommufd));
	CHECK_EQ(0, vfio_attach(&edu, nic.dev.hwpt));
	CHECK_EQ(0, vfio_set_bus_master(edu.fd));
	CHECK_EQ(0, vfio_map_regs(&edu));
	luo_report("a second card uses the same memory");
}

static void edu_copies(void)
{
	unsigned char *from = nic.mem + NIC_EDU;

	memset(from, stage, 2048);
	memset(from + 4096, 0, 4096);
	CHECK(edu_copy(&edu, EDU_IOVA, EDU_IOVA + 4096, 2048));
	CHECK(!memcmp(from, from + 4096, 2048));
	CHECK(!from[4096 + 2048]);
	luo_report("the second card copies memory");
}

static int preserve_nic(int dev)
{
	int session = luo_create_session(dev, SESSION);

	CHECK(session >= 0);
	CHECK_EQ(0, luo_preserve(session, nic.memfd, TOKEN_MEMORY));
	CHECK_EQ(0, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	return session;
}

static int retrieve_memory(int dev)
{
	int session = luo_retrieve_session(dev, SESSION);

	CHECK(session >= 0);
	nic.memfd = luo_retrieve(session, TOKEN_MEMORY);
	CHECK(nic.memfd >= 0);
	CHECK_EQ(0, nic_map_memory(&nic));
	return session;
}

/* The ring is where it was, and the card has gone on with it */
static void check_not_reset(void)
{
	CHECK_EQ((__u32)NIC_IOVA, vfio_get_reg(&nic.dev, E1000_RDBAL));
	CHECK_EQ(NIC_RING_SIZE, vfio_get_reg(&nic.dev, E1000_RDLEN));
	CHECK(vfio_get_reg(&nic.dev, E1000_RCTL) & 2);
	CHECK(pci_is_master(VFIO_NIC));
}

/* The interrupt line is emulated: no register of the card */
static void set_line(__u8 line)
{
	CHECK_EQ(0, vfio_write_config(nic.dev.fd, PCI_INTERRUPT_LINE, &line,
				      1));
}

static __u8 get_line(void)
{
	__u8 line = 0;

	CHECK_EQ(0, vfio_read_config(nic.dev.fd, PCI_INTERRUPT_LINE, &line, 1));
	return line;
}

static long long signals(int fd)
{
	__u64 nr = 0;

	return read(fd, &nr, sizeof(nr)) < 0 ? 0 : (long long)nr;
}

static int arm_interrupt(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	CHECK_EQ(0, vfio_set_irqs(&nic.dev, VFIO_PCI_MSI_IRQ_INDEX, fd));
	return fd;
}

/*
 * Ten in a row, or as many as there are stages
 */

/* Nothing but a domain that maps the same will do, and nothing stops the card */
static void check_wrong_domains(void)
{
	CHECK_EQ(-EINVAL, vfio_attach(&nic.dev, nic.dev.ioas));
	CHECK_EQ(0, vfio_alloc_hwpt(&nic.dev));
	CHECK_EQ(-EINVAL, vfio_attach(&nic.dev, nic.dev.hwpt));
	CHECK(pci_is_master(VFIO_NIC));
	luo_report("an empty domain is refused");
}

/* What the system does with memory that nobody uses, to a file that is needed */
static void try_to_move_memory(void)
{
	int other = luo_memfd("other", MFD_CLOEXEC, NIC_MEM_SIZE);
	void *map = mmap(NULL, NIC_MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 other, 0);
	unsigned char resident = 1;

	/* That it can be done is seen by another one */
	CHECK(map != MAP_FAILED);
	CHECK_EQ(0, madvise(map, NIC_MEM_SIZE, MADV_POPULATE_WRITE));
	CHECK_EQ(0, madvise(map, NIC_MEM_SIZE, MADV_PAGEOUT));
	CHECK_EQ(0, mincore(map, 4096, &resident));
	CHECK_EQ(0, resident & 1);
	munmap(map, NIC_MEM_SIZE);
	close(other);

	CHECK_EQ(0, madvise(nic.mem, NIC_MEM_SIZE, MADV_POPULATE_READ));
	CHECK_EQ(0, madvise(nic.mem, NIC_MEM_SIZE, MADV_PAGEOUT));
	CHECK_EQ(0, luo_write_text("/proc/sys/vm/compact_memory", "1"));
	luo_report("its memory can't be swapped out or moved meanwhile");
}

/* As a VMM does with what it got back: new iommufd, same addresses */
static void take_over(int session)
{
	CHECK_EQ(-EBUSY, vfio_open_cdev(VFIO_NIC));
	CHECK(vfio_is_kept());
	nic.dev.fd = luo_retrieve(session, TOKEN_NIC);
	CHECK(nic.dev.fd >= 0);
	edu.fd = luo_retrieve(session, TOKEN_EDU);
	CHECK(edu.fd >= 0);
	luo_report("the cards come back, and only through the session");

	CHECK_EQ(0, vfio_bind(&nic.dev));
	CHECK_EQ(0, vfio_bind_to(&edu, nic.dev.iommufd));
	CHECK_EQ(0, vfio_alloc_ioas(&nic.dev));
	check_wrong_domains();
	CHECK_EQ(0, vfio_map_file(&nic.dev, nic.memfd, NIC_MEM_SIZE, NIC_IOVA));
	CHECK_EQ(0, vfio_attach(&nic.dev, nic.dev.hwpt));
	CHECK_EQ(0, vfio_attach(&edu, nic.dev.hwpt));
	CHECK_EQ(0, vfio_map_regs(&nic.dev));
	CHECK_EQ(0, vfio_map_regs(&edu));
	check_not_reset();
	CHECK_EQ(stage - 1, get_line());
	luo_report("the card was taken over without a reset");
}

static void update_often(void)
{
	int dev = luo_need_device();
	int session, irq;

	luo_plan(stage == 1 ? 7 : stage == last ? 9 : 12);
	if (stage == 1) {
		start_nic();
		start_edu();
		irq = arm_interrupt();
		CHECK_EQ(0, signals(irq));
	} else {
		session = retrieve_memory(dev);
		try_to_move_memory();
		take_over(session);
		irq = arm_interrupt();
		CHECK_EQ(1, signals(irq));
		luo_report("an interrupt that is armed again is signalled");
		receive_some("before the finish");
		CHECK_EQ(0, luo_finish(session));
		close(session);
		luo_report("finish");
	}
	edu_copies();
	receive_some("on its own");
	if (stage == last)
		luo_finish_stage();
	set_line(stage);
	session = preserve_nic(dev);
	CHECK_EQ(0, luo_preserve(session, edu.fd, TOKEN_EDU));
	luo_report("preserved");
	receive_some("preserved");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("the next kernel is loaded");
	luo_leave_kernel();
}

/*
 * No live update of the card: it is stopped
 */

static void plain(void)
{
	luo_plan(stage == 1 ? 2 : 1);
	if (stage == 1) {
		start_nic();
		receive_some("at first");
		CHECK_EQ(0, luo_kexec_load(NULL));
		luo_leave_kernel();
	}
	CHECK(!pci_is_master(VFIO_NIC));
	luo_report("without a session the card is stopped");
	luo_finish_stage();
}

/*
 * What is refused, and that the card goes on all the same
 */

static void refuse_mappings(int session)
{
	void *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int other = luo_memfd("other", MFD_CLOEXEC, 4096);

	CHECK_EQ(-ENOMEDIUM, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	luo_report("refused: a memfd that is not preserved");

	CHECK_EQ(0, luo_preserve(session, nic.memfd, TOKEN_MEMORY));
	CHECK_EQ(0, vfio_map_memory(&nic.dev, mem, 4096, OTHER_IOVA));
	CHECK_EQ(-EMEDIUMTYPE, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	CHECK_EQ(0, vfio_unmap(&nic.dev, OTHER_IOVA, 4096));
	luo_report("refused: memory that is no file's");

	CHECK_EQ(0, vfio_map_file(&nic.dev, other, 4096, OTHER_IOVA));
	CHECK_EQ(-ENOMEDIUM, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	CHECK_EQ(0, vfio_unmap(&nic.dev, OTHER_IOVA, 4096));
	close(other);
	luo_report("refused: one of two memfds that is not preserved");
}

static void refuse_unattached(int session)
{
	CHECK_EQ(0, vfio_bind_driver(VFIO_EDU, "vfio-pci"));
	edu.fd = vfio_open_cdev(VFIO_EDU);
	CHECK(edu.fd >= 0);
	CHECK_EQ(-ENOTCONN, luo_preserve(session, edu.fd, TOKEN_EDU));
	CHECK_EQ(0, vfio_bind(&edu));
	CHECK_EQ(-ENOTCONN, luo_preserve(session, edu.fd, TOKEN_EDU));
	close(edu.fd);
	close(edu.iommufd);
	luo_report("refused: a device that is not attached to anything");
}

static void refuse_changes(int session)
{
	int other = luo_memfd("other", MFD_CLOEXEC, 4096);

	CHECK_EQ(0, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	CHECK_EQ(-EBUSY, luo_preserve(session, nic.dev.fd, TOKEN_EDU));
	CHECK_EQ(-EBUSY, luo_unpreserve(session, TOKEN_MEMORY));
	CHECK_EQ(-EBUSY, vfio_map_file(&nic.dev, other, 4096, OTHER_IOVA));
	CHECK_EQ(-EBUSY, vfio_unmap(&nic.dev, NIC_IOVA, NIC_MEM_SIZE));
	CHECK_EQ(-EBUSY, vfio_detach(&nic.dev));
	CHECK_EQ(-EBUSY, vfio_attach(&nic.dev, nic.dev.ioas));
	luo_report("what is mapped does not change while it is preserved");
	receive_some("preserved");

	CHECK_EQ(0, luo_unpreserve(session, TOKEN_NIC));
	CHECK_EQ(0, vfio_map_file(&nic.dev, other, 4096, OTHER_IOVA));
	CHECK_EQ(0, vfio_unmap(&nic.dev, OTHER_IOVA, 4096));
	close(other);
	luo_report("it does again when it is not preserved any more");
	receive_some("unpreserved");
}

/* The kernel of which the boot protocol says less: it knows of no such device */
static bool make_older_image(const char *path)
{
	const off_t xloadflags = 0x236;
	char buf[65536];
	__u16 flags = 0;
	ssize_t nr;
	int in = open("/boot/bzImage", O_RDONLY | O_CLOEXEC);
	int out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	while ((nr = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, nr) != nr)
			break;
	close(in);
	if (pread(out, &flags, sizeof(flags), xloadflags) != sizeof(flags) ||
	    !(flags & 0x8000))
		nr = -1;
	flags &= 0x7fff;
	if (pwrite(out, &flags, sizeof(flags), xloadflags) != sizeof(flags))
		nr = -1;
	close(out);
	return !nr;
}

static void refuse_older_image(int session)
{
	CHECK(make_older_image("/older"));
	CHECK_EQ(0, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	CHECK_EQ(0, luo_kexec_load_image("/older", NULL));
	CHECK_EQ(-EPROTONOSUPPORT, luo_kexec_jump());
	luo_report("refused: a kernel that knows nothing of such devices");
	receive_some("after that");
}

/* An image that takes nothing along is found unfit when all is frozen */
static void abort_update(void)
{
	int irq = arm_interrupt();

	CHECK_EQ(0, signals(irq));
	CHECK_EQ(0, luo_kexec_load_classic());
	CHECK_EQ(-EOPNOTSUPP, luo_kexec_jump());
	CHECK_EQ(1, signals(irq));
	set_line(0x55);
	CHECK_EQ(0x55, get_line());
	luo_report("an update is called off, interrupts are on again");
	receive_some("after that");
	luo_kexec_unload_classic();
}

static int set_power_state(__u16 state)
{
	__u8 cap = 0, id = 0;
	__u16 control;

	vfio_read_config(nic.dev.fd, PCI_CAPABILITY_LIST, &cap, 1);
	while (cap && !vfio_read_config(nic.dev.fd, cap, &id, 1) &&
	       id != PCI_CAP_ID_PM)
		vfio_read_config(nic.dev.fd, cap + 1, &cap, 1);
	if (!cap)
		return -ENOENT;
	vfio_read_config(nic.dev.fd, cap + PCI_PM_CTRL, &control, 2);
	control = (control & ~PCI_PM_CTRL_STATE_MASK) | state;
	return vfio_write_config(nic.dev.fd, cap + PCI_PM_CTRL, &control, 2);
}

static void refuse_asleep(void)
{
	CHECK_EQ(0, set_power_state(3));
	CHECK_EQ(0, luo_kexec_load(NULL));
	CHECK_EQ(-EHOSTDOWN, luo_kexec_jump());
	CHECK_EQ(0, set_power_state(0));
	luo_report("refused: a device that is asleep");
}

static void refused(void)
{
	int session = luo_create_session(luo_need_device(), SESSION);

	luo_plan(14);
	start_nic();
	refuse_mappings(session);
	refuse_unattached(session);
	refuse_changes(session);
	refuse_older_image(session);
	abort_update();
	refuse_asleep();
	close(session);
	luo_finish_stage();
}

/*
 * Nobody claims the card: it is stopped, and can be had as any other
 */

/* Nobody makes room: on a slow machine there may be none */
static void wait_for_frames(unsigned int nr)
{
	unsigned int first = vfio_get_reg(&nic.dev, E1000_RDH), head = first;

	while ((head - first) % NIC_DESCS < nr &&
	       head != vfio_get_reg(&nic.dev, E1000_RDT)) {
		usleep(10000);
		head = vfio_get_reg(&nic.dev, E1000_RDH);
	}
}

/* The file has no memory any more, the card goes on writing to what it had */
static void punch_holes(int session)
{
	int other = luo_memfd("other", MFD_CLOEXEC, OTHER_SIZE);

	nic.memfd = luo_retrieve(session, TOKEN_MEMORY);
	CHECK(nic.memfd >= 0);
	nic.dev.fd = luo_retrieve(session, TOKEN_NIC);
	CHECK(nic.dev.fd >= 0);
	CHECK_EQ(0, vfio_bind(&nic.dev));
	CHECK_EQ(0, vfio_map_regs(&nic.dev));
	luo_report("it is taken, but nothing is attached");

	CHECK_EQ(0, fallocate(nic.memfd, FALLOC_FL_PUNCH_HOLE |
			      FALLOC_FL_KEEP_SIZE, 0, NIC_MEM_SIZE));
	CHECK_EQ(0, luo_write_pattern(other, 0, OTHER_SIZE, 0));
	wait_for_frames(SOME_FRAMES);
	CHECK_EQ(0, luo_verify_pattern(other, 0, OTHER_SIZE, 0));
	close(other);
	luo_report("it writes to nobody else's memory");
}

static void unclaimed(void)
{
	int dev = luo_need_device();
	int session;

	luo_plan(stage == 1 ? 2 : 7);
	if (stage > 1) {
		session = luo_retrieve_session(dev, SESSION);
		CHECK(session >= 0);
		CHECK(pci_is_master(VFIO_NIC));
		CHECK_EQ(-EBUSY, vfio_open_cdev(VFIO_NIC));
		luo_report("the card runs, and nobody can open it");

		/* In the last stage it is taken, but never attached */
		if (stage == last)
			punch_holes(session);
		CHECK_EQ(0, luo_finish(session));
		close(session);
		CHECK(!pci_is_master(VFIO_NIC));
		luo_report("it is stopped as its session ends");
		if (stage == last) {
			vfio_unmap_regs(&nic.dev);
			close(nic.dev.fd);
			close(nic.dev.iommufd);
		}
	}
	start_nic();
	if (stage > 1) {
		receive_some("started anew");
		CHECK(pci_is_master(VFIO_NIC));
		luo_report("it is a card as any other");
	}
	if (stage == last)
		luo_finish_stage();
	preserve_nic(dev);
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_report("preserved");
	if (stage > 1)
		receive_some("preserved");
	luo_leave_kernel();
}

/*
 * Something is wrong with what came over, or with the next kernel: the card is
 * stopped before it can do harm
 */

/* Behind the back of vfio, which refuses that */
static void add_to_register(const char *bdf, unsigned int at, __u32 what)
{
	__u32 value;

	CHECK_EQ(0, pci_read_config(bdf, at, &value, sizeof(value)));
	value += what;
	CHECK_EQ(0, pci_write_config(bdf, at, &value, sizeof(value)));
}

/* To where it can be, too */
static void move_bar(void)
{
	add_to_register(VFIO_NIC, PCI_BASE_ADDRESS_2, 0x20);
}

/* The bridge forwards a MiB more than before: the limit is the upper half */
static void widen_window(void)
{
	add_to_register(VFIO_BRIDGE, PCI_MEMORY_BASE, 0x10 << 16);
}

/* Up to when the card runs in the next kernel */
enum runs_until {
	UNTIL_BOOT,

	/* Before anything of what came over can be had, or given back */
	UNTIL_DEVICE_OPEN,

	/* Its file is asked for, or its session finishes */
	UNTIL_ASKED_FOR,
};

/**
 * struct harm - what is wrong
 * @what: in words
 * @order: what is damaged. Records of FLBs are in the order in which these were
 *	registered, files in that of their preserve.
 * @arrange: does something else
 * @late_driver: the driver, a module, is loaded when it is too late to claim the card
 * @cmdline: for the next kernel
 * @until: up to when the card runs
 * @session_err: what to retrieve the session gives
 * @memory_err: what to retrieve the memory gives
 */
static const struct harm {
	const char *what;
	const char *order;
	void (*arrange)(void);
	bool late_driver;
	const char *cmdline;
	enum runs_until until;
	int session_err;
	int memory_err;
} harms[] = {
	{ .what = "the record of the PCI core is damaged",
	  .order = "flip flb 0 0 3" },
	{ .what = "the record of VT-d is damaged",
	  .order = "flip flb 1 0 3" },
	{ .what = "a BAR has changed",
	  .arrange = move_bar },
	{ .what = "a window of the bridge has changed",
	  .arrange = widen_window },
	{ .what = "no driver is there in time",
	  .late_driver = true,
	  .until = UNTIL_DEVICE_OPEN },
	{ .what = "the record of the card's file is damaged",
	  .order = "flip file 1 6 0",
	  .until = UNTIL_DEVICE_OPEN },
	{ .what = "what vfio-pci has left is damaged",
	  .order = "flip file 1 7 0 sealed",
	  .until = UNTIL_DEVICE_OPEN },
	{ .what = "the record of the session is damaged",
	  .order = "flip session 0 0 1",
	  .until = UNTIL_DEVICE_OPEN, .session_err = -EIO },
	{ .what = "the record of the memory is damaged",
	  .order = "flip file 0 6 0",
	  .until = UNTIL_DEVICE_OPEN, .memory_err = -EIO },
	{ .what = "what describes the memory is damaged",
	  .order = "flip memfd 0 0 3",
	  .until = UNTIL_ASKED_FOR, .memory_err = -EIO },
	/* The last one: it can't be had anew there, either */
	{ .what = "the next kernel does not use the IOMMU",
	  .cmdline = "intel_iommu=off" },
};

/* While the card runs nobody can give back what it writes to */
static void check_asked_for(int session)
{
	CHECK(pci_is_master(VFIO_NIC));
	CHECK_EQ(-EBUSY, luo_discard(session, TOKEN_MEMORY));
	CHECK_EQ(-EIO, luo_retrieve(session, TOKEN_MEMORY));
	CHECK_EQ(-EBUSY, luo_discard(session, TOKEN_MEMORY));
	CHECK(pci_is_master(VFIO_NIC));
	CHECK_EQ(-EIO, luo_retrieve(session, TOKEN_NIC));
	CHECK(!pci_is_master(VFIO_NIC));
}

static void check_files(int session, const struct harm *harm)
{
	int memfd;

	if (harm->until == UNTIL_ASKED_FOR)
		check_asked_for(session);
	memfd = luo_retrieve(session, TOKEN_MEMORY);
	if (harm->memory_err)
		CHECK_EQ(harm->memory_err, memfd);
	else
		CHECK(memfd >= 0);
	CHECK_EQ(-EIO, luo_retrieve(session, TOKEN_NIC));
	CHECK_EQ(0, luo_finish(session));
	close(session);
	if (memfd >= 0)
		close(memfd);
}

static void check_stopped(const struct harm *harm)
{
	int dev, session;

	CHECK_EQ(harm->until != UNTIL_BOOT, pci_is_master(VFIO_NIC));
	dev = luo_need_device();
	CHECK_EQ(harm->until == UNTIL_ASKED_FOR, pci_is_master(VFIO_NIC));
	luo_report("%s: the card is stopped in time", harm->what);

	if (harm->late_driver)
		vfio_load_drivers();
	session = luo_retrieve_session(dev, SESSION);
	if (harm->session_err)
		CHECK_EQ(harm->session_err, session);
	else if (CHECK(session >= 0))
		check_files(session, harm);
	CHECK(!pci_is_master(VFIO_NIC));
	if (harm->session_err || harm->memory_err)
		CHECK(luo_discard_damaged(dev) > 0);
	close(dev);
	luo_report("it can't be retrieved, but what is not damaged can");
}

static void arrange(const struct harm *harm)
{
	if (harm->order)
		CHECK_EQ(0, luo_write_text(DAMAGE, harm->order));
	if (harm->arrange)
		harm->arrange();
	CHECK_EQ(0, luo_kexec_load(harm->cmdline));
	luo_report("arranged: %s", harm->what);
}

static void damaged(void)
{
	luo_plan((stage == 1 ? 0 : 2) + (stage == last ? 0 : 3));
	if (stage == 1 || !harms[stage - 2].late_driver)
		vfio_load_drivers();
	if (stage > 1)
		check_stopped(&harms[stage - 2]);
	if (stage == last)
		luo_finish_stage();
	start_nic();
	receive_some("on its own");
	preserve_nic(luo_need_device());
	arrange(&harms[stage - 1]);
	luo_leave_kernel();
}

/*
 * In scalable mode there is more to hand over: that is refused
 */

static void refuse_scalable_mode(void)
{
	int session = luo_create_session(luo_need_device(), SESSION);

	luo_plan(3);
	start_nic();
	CHECK_EQ(0, luo_preserve(session, nic.memfd, TOKEN_MEMORY));
	CHECK_EQ(-EOPNOTSUPP, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	luo_report("refused: a device behind VT-d in scalable mode");
	receive_some("after that");
	close(session);
	luo_finish_stage();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "again", update_often },
	{ "damaged", damaged },
	{ "plain", plain },
	{ "refused", refused },
	{ "scalable", refuse_scalable_mode },
	{ "unclaimed", unclaimed },
};

int main(int argc, char *argv[])
{
	if (argc != 4 || sscanf(argv[3], "stage%u", &stage) != 1)
		ksft_exit_fail_msg("usage: %s CASE LAST stageN\n", argv[0]);
	last = strtoul(argv[2], NULL, 10);
	if (strcmp(argv[1], "damaged"))
		vfio_load_drivers();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strcmp(argv[1], cases[i].name))
			cases[i].run();
	ksft_exit_fail_msg("no case %s\n", argv[1]);
}
