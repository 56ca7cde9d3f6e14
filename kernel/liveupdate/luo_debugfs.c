// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is to see in debugfs, in liveupdate/:
 *
 *	updates		how many live updates led to this kernel
 *	sessions	a line for each session
 *	quarantine	a line for each file that is lost, and how much memory of it
 *			stays reserved
 *
 * For root only. No address is shown.
 */

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/kho/abi/luo.h>
#include <linux/seq_file.h>

#include "luo_core.h"
#include "luo_debugfs.h"
#include "luo_quarantine.h"
#include "luo_session.h"

static int updates_show(struct seq_file *m, void *v)
{
	const struct luo_header_ser *header = luo_incoming_header();

	seq_printf(m, "%llu\n", header ? header->update_count : 0);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(updates);

/* What came over is read now, if nobody has opened the device yet */
static int show(struct seq_file *m, void (*what)(struct seq_file *m))
{
	int err;

	guard(rwsem_read)(&luo_freeze_rwsem);

	err = luo_sessions_deserialize();
	if (!err)
		what(m);
	return err;
}

static int sessions_show(struct seq_file *m, void *v)
{
	return show(m, luo_sessions_show);
}
DEFINE_SHOW_ATTRIBUTE(sessions);

static int quarantine_show(struct seq_file *m, void *v)
{
	return show(m, luo_quarantine_show);
}
DEFINE_SHOW_ATTRIBUTE(quarantine);

/**
 * luo_debugfs_init - show what there is
 *
 * What can't be shown works all the same.
 */
void __init luo_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("liveupdate", NULL);

	debugfs_create_file("updates", 0400, dir, NULL, &updates_fops);
	debugfs_create_file("sessions", 0400, dir, NULL, &sessions_fops);
	debugfs_create_file("quarantine", 0400, dir, NULL, &quarantine_fops);
}
