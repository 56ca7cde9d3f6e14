// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI device that keeps running while the kernel is replaced: a network card
 * whose frames are numbered. It takes a guest that is made for it, see
 * vm/vfio*.sh.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luo_test_util.h"
#include "luo_vfio_util.h"

#define SESSION		"vfio"
#define TOKEN_MEMORY	1
#define TOKEN_NIC	2

/* Enough to see that they keep coming */
#define SOME_FRAMES	200

static struct nic nic;

static int session_with_nic(int dev)
{
	int session = luo_create_session(dev, SESSION);

	CHECK(session >= 0);
	CHECK_EQ(0, luo_preserve(session, nic.memfd, TOKEN_MEMORY));
	CHECK_EQ(0, luo_preserve(session, nic.dev.fd, TOKEN_NIC));
	return session;
}

/* The ring is where it was, and the card has gone on with it */
static void check_not_reset(void)
{
	CHECK_EQ((__u32)NIC_IOVA, nic.dev.regs[E1000_RDBAL / 4]);
	CHECK_EQ(NIC_RING_SIZE, nic.dev.regs[E1000_RDLEN / 4]);
	CHECK(nic.dev.regs[E1000_RCTL / 4] & 2);
	CHECK(pci_is_master(VFIO_NIC));
}

/* What came in meanwhile, and some that come in from now on */
static void receive_some(const char *when)
{
	unsigned int frames = nic_backlog(&nic) + SOME_FRAMES;

	CHECK_EQ(frames, nic_receive(&nic, frames));
	ksft_print_msg("%s: %u frames\n", when, frames);
	luo_report("%s: frame after frame, every byte right", when);
}

/* All at once: what came in meanwhile, without a hole, and some more */
static int take_over(int dev)
{
	int session = luo_retrieve_session(dev, SESSION);

	CHECK(session >= 0);
	CHECK_EQ(-EBUSY, vfio_open_cdev(VFIO_NIC));
	nic.memfd = luo_retrieve(session, TOKEN_MEMORY);
	CHECK(nic.memfd >= 0);
	CHECK_EQ(0, nic_map_memory(&nic));
	nic.dev.fd = luo_retrieve(session, TOKEN_NIC);
	CHECK(nic.dev.fd >= 0);
	luo_report("the files come back, and only through the session");
	CHECK(nic_take_over(&nic));
	check_not_reset();
	luo_report("the card was taken over without a reset");
	return session;
}

static void update_again(unsigned int stage, unsigned int last)
{
	int dev = luo_need_device();
	int session;

	luo_plan((stage == 1 ? 1 : 4) + (stage == last ? 1 : 3));
	if (stage == 1) {
		CHECK(nic_start(&nic, VFIO_NIC));
		luo_report("the card receives");
	} else {
		session = take_over(dev);
		receive_some("before the finish");
		CHECK_EQ(0, luo_finish(session));
		close(session);
		luo_report("finish");
	}
	receive_some("on its own");
	if (stage == last)
		luo_finish_stage();
	session_with_nic(dev);
	luo_report("preserved");
	receive_some("preserved");
	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

/* No session: the card is stopped, and is as it was else */
static void plain(unsigned int stage)
{
	luo_plan(stage == 1 ? 2 : 1);
	if (stage == 1) {
		CHECK(nic_start(&nic, VFIO_NIC));
		luo_report("the card receives");
		receive_some("at first");
		CHECK_EQ(0, luo_kexec_load(NULL));
		luo_leave_kernel();
	}
	CHECK(!pci_is_master(VFIO_NIC));
	luo_report("a plain kexec stops the card");
	luo_finish_stage();
}

int main(int argc, char *argv[])
{
	unsigned int stage, last;

	if (argc != 4 || sscanf(argv[3], "stage%u", &stage) != 1)
		ksft_exit_fail_msg("usage: %s CASE LAST stageN\n", argv[0]);
	last = atoi(argv[2]);
	if (!strcmp(argv[1], "again"))
		update_again(stage, last);
	else if (!strcmp(argv[1], "plain"))
		plain(stage);
	ksft_exit_fail_msg("no case %s\n", argv[1]);
}
