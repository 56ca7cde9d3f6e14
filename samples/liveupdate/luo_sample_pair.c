// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update sample: a handler whose files depend on files of another handler,
 * and on global state that all of them need once.
 *
 * Each open of /dev/luo_pair makes an object that has an id and can be attached
 * to a counter (luo_sample_counter.c), as a VFIO device is to its iommufd. To
 * read the file gives the id and the value of that counter.
 *
 * The file needs its counter in the next kernel: both have to be in the same
 * session, and what is handed over is the counter's token there.
 *
 * No id may be given twice, even if a live update lies between. So the next id
 * is the global state: a file-lifecycle-bound object (FLB), which is preserved
 * with the first file that needs it, and finished with the last.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/liveupdate.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "luo_sample.h"

#define PAIR_COMPATIBLE		"luo-sample-pair-v1"
#define PAIR_IDS_COMPATIBLE	"luo-sample-pair-ids-v1"

/* A driver has no such thing. The tests see with it what a failure does. */
#define FAIL_PRESERVE		0x1
#define FAIL_FREEZE		0x2
#define FAIL_IDS_PRESERVE	0x4
#define FAIL_IDS_RETRIEVE	0x8
static unsigned int fail;
module_param(fail, uint, 0644);
MODULE_PARM_DESC(fail, "for tests: callbacks that fail (1 preserve, 2 freeze, 4 preserve of the ids, 8 their retrieve)");

/* What is behind a file */
struct pair {
	u64 id;

	/* Protects the pointer to the counter, which is set once */
	struct mutex lock;

	/* The counter's file, with a reference; NULL before it is attached */
	struct file *counter;
};

/* What the next kernel gets of a file */
struct pair_ser {
	u64 id;
	u64 counter_token;
};

/* What the next kernel gets of the ids */
struct pair_ids_ser {
	u64 next;
};

static DEFINE_MUTEX(pair_ids_lock);
static u64 pair_ids_next = 1;

static const struct file_operations pair_fops;

/*
 * The ids
 */

static struct pair_ids_ser *pair_ids_incoming(u64 data)
{
	if (!kho_is_restorable(data, sizeof(struct pair_ids_ser)))
		return NULL;
	return phys_to_virt(data);
}

static int pair_ids_preserve(struct liveupdate_flb_op_args *argp)
{
	struct pair_ids_ser *ser;

	if (fail & FAIL_IDS_PRESERVE)
		return -EIO;

	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser))
		return PTR_ERR(ser);

	argp->data = virt_to_phys(ser);
	argp->obj = ser;
	return 0;
}

static void pair_ids_unpreserve(struct liveupdate_flb_op_args *argp)
{
	kho_unpreserve_free(argp->obj);
}

static int pair_ids_retrieve(struct liveupdate_flb_op_args *argp)
{
	struct pair_ids_ser *ser = pair_ids_incoming(argp->data);

	if (!ser || fail & FAIL_IDS_RETRIEVE)
		return -EIO;

	scoped_guard(mutex, &pair_ids_lock)
		pair_ids_next = max(pair_ids_next, ser->next);
	pr_info("ids go on with %llu\n", ser->next);
	argp->obj = ser;
	return 0;
}

static void pair_ids_finish(struct liveupdate_flb_op_args *argp)
{
	pr_info("ids of the previous kernel are finished\n");
	kho_restore_free(argp->obj);
}

static const struct liveupdate_flb_ops pair_ids_ops = {
	.preserve = pair_ids_preserve,
	.unpreserve = pair_ids_unpreserve,
	.retrieve = pair_ids_retrieve,
	.finish = pair_ids_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_flb pair_ids = {
	.ops = &pair_ids_ops,
	.compatible = PAIR_IDS_COMPATIBLE,
};

/*
 * Have the ids of the previous kernel, before one is given in this one. Only
 * the first call does something, and so the object needn't be held on to.
 */
static int pair_ids_take_over(void)
{
	void *obj;
	int err;

	err = liveupdate_flb_get_incoming(&pair_ids, &obj);
	if (!err)
		liveupdate_flb_put_incoming(&pair_ids);

	/* This kernel may be the first, or be all done, or have no live update */
	return err == -ENODATA || err == -EOPNOTSUPP ? 0 : err;
}

/* Any file's freeze comes after the last id that matters was given */
static int pair_ids_freeze(void)
{
	struct pair_ids_ser *ser;
	void *obj;
	int err;

	err = liveupdate_flb_get_outgoing(&pair_ids, &obj);
	if (err)
		return err;

	ser = obj;
	scoped_guard(mutex, &pair_ids_lock)
		ser->next = pair_ids_next;
	liveupdate_flb_put_outgoing(&pair_ids);
	return 0;
}

/*
 * The files
 */

static void pair_free(struct pair *pair)
{
	if (pair->counter)
		fput(pair->counter);
	kfree(pair);
}

static int pair_open(struct inode *inode, struct file *file)
{
	struct pair *pair;
	int err;

	err = pair_ids_take_over();
	if (err)
		return err;

	pair = kzalloc(sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return -ENOMEM;

	mutex_init(&pair->lock);
	scoped_guard(mutex, &pair_ids_lock)
		pair->id = pair_ids_next++;
	file->private_data = pair;
	return 0;
}

static int pair_release(struct inode *inode, struct file *file)
{
	pair_free(file->private_data);
	return 0;
}

static struct file *pair_counter(struct pair *pair)
{
	guard(mutex)(&pair->lock);

	return pair->counter;
}

static ssize_t pair_read(struct file *file, char __user *buf, size_t len,
			 loff_t *ppos)
{
	struct pair *pair = file->private_data;
	struct file *counter = pair_counter(pair);
	char text[64];
	int nr;

	if (!counter)
		return -ENOTCONN;

	nr = scnprintf(text, sizeof(text), "%llu %lld\n", pair->id,
		       luo_counter_value(luo_counter_from_file(counter)));
	return simple_read_from_buffer(buf, len, ppos, text, nr);
}

static long pair_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pair *pair = file->private_data;

	if (cmd != LUO_PAIR_ATTACH)
		return -ENOTTY;

	struct file *counter __free(fput) = fget(arg);

	if (!counter)
		return -EBADF;
	if (!luo_counter_from_file(counter))
		return -EINVAL;

	guard(mutex)(&pair->lock);

	/* Once and for all: so a preserved file can't change its counter */
	if (pair->counter)
		return -EBUSY;
	pair->counter = no_free_ptr(counter);
	return 0;
}

static const struct file_operations pair_fops = {
	.owner = THIS_MODULE,
	.open = pair_open,
	.release = pair_release,
	.read = pair_read,
	.unlocked_ioctl = pair_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = default_llseek,
};

/*
 * Their live update
 */

static struct pair_ser *pair_incoming(u64 data)
{
	if (!kho_is_restorable(data, sizeof(struct pair_ser)))
		return NULL;
	return phys_to_virt(data);
}

static bool pair_can_preserve(struct liveupdate_file_handler *handler,
			      struct file *file)
{
	return file->f_op == &pair_fops;
}

static int pair_preserve(struct liveupdate_file_op_args *args)
{
	struct pair *pair = args->file->private_data;
	struct file *counter = pair_counter(pair);
	struct pair_ser *ser;
	u64 token;
	int err;

	if (!counter)
		return -ENOTCONN;
	if (fail & FAIL_PRESERVE)
		return -EIO;

	/*
	 * Fails unless the counter is in this session, and it can't go from
	 * there before this file does: sessions are undone in reverse order.
	 */
	err = liveupdate_get_token_outgoing(args->session, counter, &token);
	if (err)
		return err;

	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser))
		return PTR_ERR(ser);

	ser->id = pair->id;
	ser->counter_token = token;
	args->serialized_data = virt_to_phys(ser);
	args->private_data = ser;
	return 0;
}

static void pair_unpreserve(struct liveupdate_file_op_args *args)
{
	kho_unpreserve_free(args->private_data);
}

/* Changes nothing that an unfreeze would have to undo */
static int pair_freeze(struct liveupdate_file_op_args *args)
{
	if (fail & FAIL_FREEZE)
		return -EIO;

	return pair_ids_freeze();
}

static int pair_retrieve(struct liveupdate_file_op_args *args)
{
	struct pair_ser *ser = pair_incoming(args->serialized_data);
	struct file *file;
	struct pair *pair;
	int err;

	if (!ser)
		return -EIO;

	err = pair_ids_take_over();
	if (err)
		return err;

	pair = kzalloc(sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return -ENOMEM;

	mutex_init(&pair->lock);
	pair->id = ser->id;

	/*
	 * The counter's file is the same that a program gets for this token,
	 * and it does not matter who asks first. The reference is ours.
	 */
	err = liveupdate_get_file_incoming(args->session, ser->counter_token,
					   &pair->counter);
	if (err)
		goto err_free;

	/* The token may have led to any kind of file */
	err = -EIO;
	if (!luo_counter_from_file(pair->counter))
		goto err_free;

	file = anon_inode_getfile("[luo_pair]", &pair_fops, pair, O_RDWR);
	err = PTR_ERR_OR_ZERO(file);
	if (err)
		goto err_free;

	args->file = file;
	return 0;

err_free:
	pair_free(pair);
	return err;
}

/*
 * Nobody but this file knows what its counter is for: don't let the session end
 * before it was retrieved, and with it the counter. If that has failed, though,
 * there is nothing to wait for.
 */
static bool pair_can_finish(struct liveupdate_file_op_args *args)
{
	return args->retrieve_status != 0;
}

static void pair_finish(struct liveupdate_file_op_args *args)
{
	kho_restore_free(pair_incoming(args->serialized_data));
}

/* No get_id: there is one file for each pair, and the file is the default */
static const struct liveupdate_file_ops pair_ops = {
	.can_preserve = pair_can_preserve,
	.preserve = pair_preserve,
	.unpreserve = pair_unpreserve,
	.freeze = pair_freeze,
	.retrieve = pair_retrieve,
	.can_finish = pair_can_finish,
	.finish = pair_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler pair_handler = {
	.ops = &pair_ops,
	.compatible = PAIR_COMPATIBLE,
};

static struct miscdevice pair_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "luo_pair",
	.fops = &pair_fops,
	.mode = 0600,
};

static int pair_register_liveupdate(void)
{
	int err;

	err = liveupdate_register_file_handler(&pair_handler);
	if (err)
		return err;

	err = liveupdate_register_flb(&pair_handler, &pair_ids);
	if (err)
		liveupdate_unregister_file_handler(&pair_handler);
	return err;
}

/* Takes the FLB off the handler, too */
static void pair_unregister_liveupdate(void)
{
	liveupdate_unregister_file_handler(&pair_handler);
}

/* The device comes last: a file counts in the FLBs that are there before it */
static int __init pair_init(void)
{
	int err;

	err = pair_register_liveupdate();
	/* This driver is of use without live update, too */
	if (err && err != -EOPNOTSUPP)
		return err;

	err = misc_register(&pair_device);
	if (err)
		pair_unregister_liveupdate();
	return err;
}
module_init(pair_init);

static void __exit pair_exit(void)
{
	misc_deregister(&pair_device);
	pair_unregister_liveupdate();
}
module_exit(pair_exit);

/* A file's retrieve that fails is not tried again, and it needs the counter */
MODULE_SOFTDEP("pre: luo_sample_counter");
MODULE_ALIAS_LIVEUPDATE(PAIR_COMPATIBLE);
MODULE_DESCRIPTION("Live update sample: a handler with an FLB and a dependency");
MODULE_LICENSE("GPL");
