// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is to see in debugfs, in liveupdate/:
 *
 *	updates		how many live updates led to this kernel
 *	previous	the release of the kernel before, empty if there was none
 *	sessions	a line for each session
 *	files		a line for each file of each session
 *	handlers	a line for each handler that is registered
 *	flbs		a line for each FLB that is registered, and that came over
 *	quarantine	a line for each file that is lost, and how much memory of it
 *			stays reserved
 *	timeline	what happened when in the last live update
 *
 * For root only. No address is shown.
 */

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/kho/abi/luo.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "luo_core.h"
#include "luo_debugfs.h"
#include "luo_flb.h"
#include "luo_handler.h"
#include "luo_quarantine.h"
#include "luo_session.h"
#include "luo_timeline.h"

static int updates_show(struct seq_file *m, void *v)
{
	const struct luo_header_ser *header = luo_incoming_header();

	seq_printf(m, "%llu\n", header ? header->update_count : 0);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(updates);

static int previous_show(struct seq_file *m, void *v)
{
	const struct luo_header_ser *header = luo_incoming_header();

	if (!header)
		return 0;

	seq_escape_mem(m, header->release,
		       strnlen(header->release, sizeof(header->release)),
		       ESCAPE_OCTAL | ESCAPE_NP, NULL);
	seq_putc(m, '\n');
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(previous);

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

static int files_show(struct seq_file *m, void *v)
{
	return show(m, luo_sessions_show_files);
}
DEFINE_SHOW_ATTRIBUTE(files);

static int handlers_show(struct seq_file *m, void *v)
{
	return show(m, luo_handlers_show);
}
DEFINE_SHOW_ATTRIBUTE(handlers);

static int flbs_show(struct seq_file *m, void *v)
{
	return show(m, luo_flbs_show);
}
DEFINE_SHOW_ATTRIBUTE(flbs);

static int quarantine_show(struct seq_file *m, void *v)
{
	return show(m, luo_quarantine_show);
}
DEFINE_SHOW_ATTRIBUTE(quarantine);

static int timeline_show(struct seq_file *m, void *v)
{
	luo_timeline_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(timeline);

/**
 * luo_debugfs_init - show what there is
 *
 * What can't be shown works all the same.
 */
void __init luo_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("liveupdate", NULL);

	debugfs_create_file("updates", 0400, dir, NULL, &updates_fops);
	debugfs_create_file("previous", 0400, dir, NULL, &previous_fops);
	debugfs_create_file("sessions", 0400, dir, NULL, &sessions_fops);
	debugfs_create_file("files", 0400, dir, NULL, &files_fops);
	debugfs_create_file("handlers", 0400, dir, NULL, &handlers_fops);
	debugfs_create_file("flbs", 0400, dir, NULL, &flbs_fops);
	debugfs_create_file("quarantine", 0400, dir, NULL, &quarantine_fops);
	debugfs_create_file("timeline", 0400, dir, NULL, &timeline_fops);
}
