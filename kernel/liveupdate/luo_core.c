// SPDX-License-Identifier: GPL-2.0-only
/*
 * The Live Update Orchestrator (LUO): the way from one kernel to the next.
 *
 * Chosen files survive the replacement of the running kernel. User space puts
 * them into sessions, drivers know how to hand each kind of file over, and this
 * is what brings them together at the kexec.
 */

#define pr_fmt(fmt) "liveupdate: " fmt

#include <kunit/static_stub.h>
#include <linux/cleanup.h>
#include <linux/crash_dump.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/kstrtox.h>
#include <linux/libfdt.h>
#include <linux/liveupdate.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/utsname.h>

#include "../kexec_internal.h"
#include "luo_core.h"
#include "luo_damage.h"
#include "luo_debugfs.h"
#include "luo_device.h"
#include "luo_flb.h"
#include "luo_session.h"
#include "luo_timeline.h"

#define CREATE_TRACE_POINTS
#include "luo_trace.h"

DECLARE_RWSEM(luo_freeze_rwsem);

static bool luo_enabled __ro_after_init =
	IS_ENABLED(CONFIG_LIVEUPDATE_ENABLE_DEFAULT);

/* What goes to the next kernel. Written under luo_freeze_rwsem */
static struct luo_header_ser *luo_outgoing_header __ro_after_init;

static int __init luo_parse_enable(char *p)
{
	return kstrtobool(p, &luo_enabled);
}
early_param("liveupdate", luo_parse_enable);

/**
 * liveupdate_enabled - is live update on?
 *
 * It is with liveupdate=on and kho=on (or the Kconfig defaults), and if there
 * was enough memory to set aside for the next kernel's boot.
 *
 * Return: true if files can be preserved and retrieved.
 */
bool liveupdate_enabled(void)
{
	return luo_enabled && kho_is_enabled();
}
EXPORT_SYMBOL_GPL(liveupdate_enabled);

static const void *incoming_fdt(void)
{
	phys_addr_t phys;
	const void *fdt;
	int err;

	err = kho_retrieve_subtree(LUO_FDT_NAME, &phys);
	if (err == -ENOENT)
		return NULL;

	fdt = err ? NULL : phys_to_virt(phys);
	if (!fdt || fdt_check_header(fdt) || fdt_totalsize(fdt) > PAGE_SIZE) {
		pr_err("what the previous kernel left is damaged\n");
		return NULL;
	}

	if (fdt_node_check_compatible(fdt, 0, LUO_FDT_COMPATIBLE)) {
		pr_err("the previous kernel's format is not '%s'\n",
		       LUO_FDT_COMPATIBLE);
		return NULL;
	}

	return fdt;
}

static const struct luo_header_ser *find_header(void)
{
	const struct luo_header_ser *header;
	const void *fdt = incoming_fdt();
	const u64 *phys;
	int len;

	if (!fdt)
		return NULL;

	phys = fdt_getprop(fdt, 0, LUO_FDT_HEADER_PROP_NAME, &len);
	if (phys && len == sizeof(*phys) && PAGE_ALIGNED(*phys) &&
	    kho_is_restorable(*phys, PAGE_SIZE)) {
		header = phys_to_virt(*phys);
		if (header->magic == LUO_HEADER_MAGIC &&
		    header->sum == luo_sum(header, sizeof(*header)))
			return header;
	}

	pr_err("the previous kernel's header is damaged\n");
	return NULL;
}

/**
 * luo_incoming_header - what the previous kernel left
 *
 * Looked up when it is first asked for, which may be in early boot.
 *
 * Return: the header, which has been checked, and stays; NULL if there is none
 * or it can't be read: then the memory that it led to stays reserved.
 */
const struct luo_header_ser *luo_incoming_header(void)
{
	/* A copy: its page is preserved memory as any other */
	static struct luo_header_ser header;
	static DEFINE_MUTEX(lock);
	static bool done;

	KUNIT_STATIC_STUB_REDIRECT(luo_incoming_header);

	guard(mutex)(&lock);

	if (!done) {
		const struct luo_header_ser *found = find_header();

		if (found)
			header = *found;
	}
	done = true;
	return header.magic ? &header : NULL;
}

/* A record is sealed when it is whole, so a half-written one is never read */
static void seal_header(struct luo_header_ser *header)
{
	header->sum = luo_sum(header, sizeof(*header));
}

static int check_image(u64 nr_sessions)
{
	int err = kho_kimage_ready();

	/* An image that takes nothing along will do where there is nothing */
	if (err == -EOPNOTSUPP && !nr_sessions)
		return 0;

	if (err == -EOPNOTSUPP)
		pr_err("the loaded image can't take sessions along, load it with kexec_file_load()\n");
	else if (err == -ESTALE)
		pr_err("memory was added or removed since the image was loaded, load it again\n");
	return err;
}

static int freeze_all(struct luo_header_ser *header)
{
	int err;

	luo_timeline_stamp(&header->timeline, LUO_EVENT_FREEZE_BEGIN);
	err = luo_sessions_freeze(header);
	if (err)
		return err;

	luo_timeline_stamp(&header->timeline, LUO_EVENT_FREEZE_END);
	err = check_image(header->nr_sessions);
	if (err)
		luo_sessions_unfreeze();
	return err;
}

static int serialize_all(struct luo_header_ser *header)
{
	u64 start = luo_trace_start(serialize);
	int err;

	err = freeze_all(header);
	if (!err) {
		header->flbs = luo_flb_serialize(&header->nr_flbs);
		luo_timeline_stamp(&header->timeline, LUO_EVENT_SERIALIZE_END);
		seal_header(header);
		luo_damage_outgoing(header);
	}
	trace_liveupdate_serialize(header->nr_sessions, luo_trace_ns(start),
				   err);
	return err;
}

/**
 * liveupdate_reboot - freeze and serialize all sessions, the kexec comes next
 *
 * Context: May sleep. On success luo_freeze_rwsem stays held for writing, so
 * that nothing changes any more, until the jump or liveupdate_reboot_abort().
 *
 * Return: 0; -EOPNOTSUPP if there are sessions and the image that is loaded
 * can't take them along; -ESTALE if it could, but memory was added or removed
 * since it was loaded; -EINTR if the caller is killed while it waits for
 * those who change a session; else the error of the handler that refuses. On an
 * error everything is as it was.
 */
int liveupdate_reboot(void)
{
	struct luo_header_ser *header = luo_outgoing_header;
	int err;

	if (!liveupdate_enabled() || !header)
		return 0;

	if (down_write_killable(&luo_freeze_rwsem))
		return -EINTR;

	err = serialize_all(header);
	if (err)
		up_write(&luo_freeze_rwsem);
	return err;
}

/**
 * liveupdate_reboot_abort - the machine did not jump after liveupdate_reboot()
 *
 * Everything goes on as if that had not been called.
 *
 * Context: May sleep. The task that called liveupdate_reboot().
 */
void liveupdate_reboot_abort(void)
{
	if (!liveupdate_enabled() || !luo_outgoing_header)
		return;

	luo_sessions_unfreeze();
	up_write(&luo_freeze_rwsem);
}

/**
 * liveupdate_jump - the machine jumps, if it does, right after this
 *
 * Context: One CPU, no interrupts. After liveupdate_reboot().
 */
void liveupdate_jump(void)
{
	struct luo_header_ser *header = luo_outgoing_header;

	if (!liveupdate_enabled() || !header)
		return;

	trace_liveupdate_jump(header->update_count);
	luo_timeline_jump(header);
}

static int __init fill_fdt(void *fdt, u64 header)
{
	int err;

	err = fdt_create_empty_tree(fdt, PAGE_SIZE);
	if (!err)
		err = fdt_setprop_string(fdt, 0, "compatible",
					 LUO_FDT_COMPATIBLE);
	if (!err)
		err = fdt_setprop(fdt, 0, LUO_FDT_HEADER_PROP_NAME, &header,
				  sizeof(header));
	return err ? -ENOSPC : 0;
}

static int __init init_outgoing(void)
{
	const struct luo_header_ser *in = luo_incoming_header();
	struct luo_header_ser *header;
	void *fdt;
	int err;

	header = kho_alloc_preserve(PAGE_SIZE);
	if (IS_ERR(header))
		return PTR_ERR(header);

	fdt = kho_alloc_preserve(PAGE_SIZE);
	if (IS_ERR(fdt)) {
		err = PTR_ERR(fdt);
		goto err_free_header;
	}

	header->magic = LUO_HEADER_MAGIC;
	header->update_count = in ? in->update_count + 1 : 1;
	strscpy_pad(header->release, init_utsname()->release);
	seal_header(header);

	err = fill_fdt(fdt, virt_to_phys(header));
	if (!err)
		err = kho_add_subtree(LUO_FDT_NAME, fdt);
	if (err)
		goto err_free_fdt;

	luo_outgoing_header = header;
	return 0;

err_free_fdt:
	kho_unpreserve_free(fdt);
err_free_header:
	kho_unpreserve_free(header);
	return err;
}

static int __init luo_init(void)
{
	const struct luo_header_ser *in;
	int err;

	if (!liveupdate_enabled()) {
		/* A crash kernel gets the command line of the one that crashed */
		if (luo_enabled && !is_kdump_kernel())
			pr_warn("off, because kexec handover (kho=) is off\n");
		return 0;
	}

	err = luo_sessions_init();
	if (err)
		goto err_disable;

	err = init_outgoing();
	if (!err)
		err = luo_device_init();
	if (err)
		goto err_exit_sessions;

	luo_debugfs_init();
	in = luo_incoming_header();
	luo_timeline_once(LUO_EVENT_READY);
	luo_timeline_init(in);
	if (in)
		pr_info("update %llu brought %llu sessions from %*pE\n",
			in->update_count, in->nr_sessions,
			(int)strnlen(in->release, sizeof(in->release)),
			in->release);
	return 0;

err_exit_sessions:
	luo_sessions_exit();
err_disable:
	pr_err("can't start: %d\n", err);
	luo_enabled = false;
	return err;
}
late_initcall(luo_init);
