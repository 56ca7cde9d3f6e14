// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update sample: a handler that makes the files of /dev/luo_counter
 * survive.
 *
 * The life of a preserved file, and who calls what:
 *
 *   old kernel   preserve      a program puts the file into a session
 *                freeze        reboot() has begun: the last changes
 *   new kernel   retrieve      a program, or another handler, asks for the file
 *                finish        the session ends
 *
 * and where that does not come to its end: unfreeze, if reboot() fails after
 * all, and unpreserve, if the session is closed before the reboot.
 */

#include <linux/err.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/liveupdate.h>
#include <linux/module.h>
#include <linux/panic.h>

#include "luo_sample.h"

/*
 * The name by which the next kernel finds the handler. It stands for the
 * meaning of struct counter_ser: a change of that needs another name.
 */
#define COUNTER_COMPATIBLE	"luo-sample-counter-v2"

/* A driver has no such thing. The tests see with it what a failure does. */
#define FAIL_PRESERVE		0x1
#define FAIL_FREEZE		0x2
#define FAIL_RETRIEVE		0x4
#define FAIL_CAN_FINISH		0x8
#define PANIC_FREEZE		0x10
static unsigned int fail;
module_param(fail, uint, 0644);
MODULE_PARM_DESC(fail, "for tests: callbacks that fail (1 preserve, 2 freeze, 4 retrieve, 8 can_finish, 16 freeze brings down the machine)");

static long refuse = -1;
module_param(refuse, long, 0644);
MODULE_PARM_DESC(refuse, "for tests: a counter of this value refuses to freeze");

static unsigned int pieces = 1;
module_param(pieces, uint, 0644);
MODULE_PARM_DESC(pieces, "for tests: how many pages the state of a counter takes");

/**
 * struct counter_ser - what the next kernel gets of a counter
 * @value: its value
 * @next: physical address of another one, which only takes up memory; 0 at the
 *	end
 *
 * The next kernel need not be built from this source: only types of a fixed
 * size, no pointers.
 */
struct counter_ser {
	s64 value;
	u64 next;
};

/*
 * In the new kernel: the state of a file, or NULL if the number that came over
 * can't be its address. The previous kernel may have been any.
 */
static struct counter_ser *counter_incoming(u64 data)
{
	if (!kho_is_restorable(data, sizeof(struct counter_ser)))
		return NULL;
	return phys_to_virt(data);
}

static bool counter_can_preserve(struct liveupdate_file_handler *handler,
				 struct file *file)
{
	return luo_counter_from_file(file);
}

static void counter_free(struct counter_ser *ser)
{
	while (ser) {
		u64 next = ser->next;

		kho_unpreserve_free(ser);
		ser = next ? phys_to_virt(next) : NULL;
	}
}

/*
 * Everything that can fail or takes time belongs here, while the system runs as
 * always: freeze is part of the pause. The counter can still be used, so its
 * value is not yet worth a look.
 */
static int counter_preserve(struct liveupdate_file_op_args *args)
{
	struct counter_ser *ser, *more = NULL;

	if (fail & FAIL_PRESERVE)
		return -EIO;

	for (unsigned int i = 0; i < max(pieces, 1U); i++) {
		ser = kho_alloc_preserve(sizeof(*ser));
		if (IS_ERR(ser)) {
			counter_free(more);
			return PTR_ERR(ser);
		}
		ser->next = more ? virt_to_phys(more) : 0;
		more = ser;
	}

	args->serialized_data = virt_to_phys(ser);
	args->private_data = ser;
	return 0;
}

static void counter_unpreserve(struct liveupdate_file_op_args *args)
{
	counter_free(args->private_data);
}

/* Programs still run: from here on the counter must not change any more */
static int counter_freeze(struct liveupdate_file_op_args *args)
{
	struct luo_counter *counter = luo_counter_from_file(args->file);
	struct counter_ser *ser = args->private_data;

	if (fail & FAIL_FREEZE || luo_counter_value(counter) == refuse)
		return -EIO;
	if (fail & PANIC_FREEZE)
		panic("luo_sample_counter: crash in freeze\n");

	ser->value = luo_counter_freeze(counter);
	return 0;
}

static void counter_unfreeze(struct liveupdate_file_op_args *args)
{
	luo_counter_thaw(luo_counter_from_file(args->file));
}

/*
 * The state is not freed here but by finish, which comes in any case. If this
 * fails it is not tried again, unless there was no memory.
 */
static int counter_retrieve(struct liveupdate_file_op_args *args)
{
	struct counter_ser *ser = counter_incoming(args->serialized_data);
	struct file *file;

	if (!ser || fail & FAIL_RETRIEVE)
		return -EIO;

	file = luo_counter_new_file(ser->value);
	if (IS_ERR(file))
		return PTR_ERR(file);

	args->file = file;
	return 0;
}

/* A driver that has no reason to refuse does without this */
static bool counter_can_finish(struct liveupdate_file_op_args *args)
{
	return !(fail & FAIL_CAN_FINISH);
}

/* Nobody may have retrieved the file: args->retrieve_status would tell */
static void counter_finish(struct liveupdate_file_op_args *args)
{
	struct counter_ser *ser = counter_incoming(args->serialized_data);

	while (ser) {
		u64 next = ser->next;

		kho_restore_free(ser);
		/* What is given back can't be found again: no way in circles */
		ser = next ? counter_incoming(next) : NULL;
	}
}

/* Two files can lead to one counter, which can't be in two sessions */
static unsigned long counter_get_id(struct file *file)
{
	return (unsigned long)luo_counter_from_file(file);
}

static const struct liveupdate_file_ops counter_ops = {
	.can_preserve = counter_can_preserve,
	.preserve = counter_preserve,
	.unpreserve = counter_unpreserve,
	.freeze = counter_freeze,
	.unfreeze = counter_unfreeze,
	.retrieve = counter_retrieve,
	.can_finish = counter_can_finish,
	.finish = counter_finish,
	.get_id = counter_get_id,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler counter_handler = {
	.ops = &counter_ops,
	.compatible = COUNTER_COMPATIBLE,
};

static int __init counter_init(void)
{
	return liveupdate_register_file_handler(&counter_handler);
}
module_init(counter_init);

/*
 * Not called while a counter sits in a session: each pins this module, from
 * preserve on in the old kernel, and until finish in the new one.
 */
static void __exit counter_exit(void)
{
	liveupdate_unregister_file_handler(&counter_handler);
}
module_exit(counter_exit);

/* The module is loaded when the new kernel is asked for a counter */
MODULE_ALIAS_LIVEUPDATE(COUNTER_COMPATIBLE);
MODULE_DESCRIPTION("Live update sample: a handler with its state in one page");
MODULE_LICENSE("GPL");
