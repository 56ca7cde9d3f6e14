// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update sample: a driver without any idea of live update.
 *
 * Each open of /dev/luo_counter makes a counter that starts at 0. To read the
 * file gives its value, to write a number adds that to it. How a counter
 * survives a live update is the business of luo_sample_counter.c, a module of
 * its own: so do vfio, which the files belong to, and vfio-pci, which knows the
 * devices behind them.
 */

#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/slab.h>

#include "luo_sample.h"

struct luo_counter {
	/* One for each file */
	refcount_t refs;

	/* Protects all below */
	struct mutex lock;

	/* The value must not change */
	bool frozen;
	s64 value;
};

static const struct file_operations counter_fops;

static struct luo_counter *counter_alloc(s64 value)
{
	struct luo_counter *counter = kzalloc(sizeof(*counter), GFP_KERNEL);

	if (!counter)
		return NULL;

	refcount_set(&counter->refs, 1);
	mutex_init(&counter->lock);
	counter->value = value;
	return counter;
}

static void counter_put(struct luo_counter *counter)
{
	if (refcount_dec_and_test(&counter->refs))
		kfree(counter);
}

/* Consumes the caller's reference to @counter, whatever happens */
static struct file *counter_file(struct luo_counter *counter)
{
	struct file *file = anon_inode_getfile("[luo_counter]", &counter_fops,
					       counter, O_RDWR);

	if (IS_ERR(file))
		counter_put(counter);
	return file;
}

static int counter_open(struct inode *inode, struct file *file)
{
	struct luo_counter *counter = counter_alloc(0);

	if (!counter)
		return -ENOMEM;

	file->private_data = counter;
	return 0;
}

static int counter_release(struct inode *inode, struct file *file)
{
	counter_put(file->private_data);
	return 0;
}

static ssize_t counter_read(struct file *file, char __user *buf, size_t len,
			    loff_t *ppos)
{
	char text[32];
	int nr = scnprintf(text, sizeof(text), "%lld\n",
			   luo_counter_value(file->private_data));

	return simple_read_from_buffer(buf, len, ppos, text, nr);
}

static ssize_t counter_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *ppos)
{
	struct luo_counter *counter = file->private_data;
	s64 add, value;
	int err;

	err = kstrtos64_from_user(buf, len, 0, &add);
	if (err)
		return err;

	guard(mutex)(&counter->lock);

	if (counter->frozen)
		return -EBUSY;
	if (check_add_overflow(counter->value, add, &value))
		return -ERANGE;
	counter->value = value;
	return len;
}

static long counter_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	struct luo_counter *counter = file->private_data;
	struct file *other;

	if (cmd != LUO_COUNTER_REOPEN)
		return -ENOTTY;

	CLASS(get_unused_fd, fd)(O_CLOEXEC);

	if (fd < 0)
		return fd;

	refcount_inc(&counter->refs);
	other = counter_file(counter);
	if (IS_ERR(other))
		return PTR_ERR(other);

	fd_install(fd, other);
	return take_fd(fd);
}

static const struct file_operations counter_fops = {
	.owner = THIS_MODULE,
	.open = counter_open,
	.release = counter_release,
	.read = counter_read,
	.write = counter_write,
	.unlocked_ioctl = counter_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = default_llseek,
};

/**
 * luo_counter_from_file - find the counter behind a file
 * @file: any file
 *
 * Return: the counter, which stays as long as the file; NULL if this is not a
 * file of this driver.
 */
struct luo_counter *luo_counter_from_file(struct file *file)
{
	return file->f_op == &counter_fops ? file->private_data : NULL;
}
EXPORT_SYMBOL_GPL(luo_counter_from_file);

/**
 * luo_counter_new_file - make a counter
 * @value: its value
 *
 * Return: a file that leads to it, or an ERR_PTR().
 */
struct file *luo_counter_new_file(s64 value)
{
	struct luo_counter *counter = counter_alloc(value);

	return counter ? counter_file(counter) : ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_GPL(luo_counter_new_file);

/**
 * luo_counter_value - the value of a counter
 * @counter: the counter
 *
 * Return: the value.
 */
s64 luo_counter_value(struct luo_counter *counter)
{
	guard(mutex)(&counter->lock);

	return counter->value;
}
EXPORT_SYMBOL_GPL(luo_counter_value);

/**
 * luo_counter_freeze - let nobody change a counter until luo_counter_thaw()
 * @counter: the counter
 *
 * Return: the value, which is the last one.
 */
s64 luo_counter_freeze(struct luo_counter *counter)
{
	guard(mutex)(&counter->lock);

	counter->frozen = true;
	return counter->value;
}
EXPORT_SYMBOL_GPL(luo_counter_freeze);

/**
 * luo_counter_thaw - end a luo_counter_freeze()
 * @counter: the counter
 */
void luo_counter_thaw(struct luo_counter *counter)
{
	guard(mutex)(&counter->lock);

	counter->frozen = false;
}
EXPORT_SYMBOL_GPL(luo_counter_thaw);

static struct miscdevice counter_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "luo_counter",
	.fops = &counter_fops,
	.mode = 0600,
};
module_misc_device(counter_device);

MODULE_DESCRIPTION("Live update sample: a driver whose files can survive");
MODULE_LICENSE("GPL");
