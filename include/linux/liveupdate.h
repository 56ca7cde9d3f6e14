/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Live update: how a driver makes its files survive the replacement of the
 * kernel. See Documentation/core-api/liveupdate.rst.
 */
#ifndef _LINUX_LIVEUPDATE_H
#define _LINUX_LIVEUPDATE_H

#include <linux/errno.h>
#include <linux/kho/abi/luo.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <uapi/linux/liveupdate.h>

struct file;
struct kho_owner;
struct liveupdate_file_handler;
struct liveupdate_flb;
struct liveupdate_session;
struct module;
struct notifier_block;

/**
 * enum liveupdate_arrival - priorities of who is told that all has arrived
 * @LIVEUPDATE_ARRIVAL_IOMMU: drivers of IOMMUs, last
 * @LIVEUPDATE_ARRIVAL_BUS: bus drivers
 * @LIVEUPDATE_ARRIVAL_DRIVER: drivers of devices, first
 */
enum liveupdate_arrival {
	LIVEUPDATE_ARRIVAL_IOMMU,
	LIVEUPDATE_ARRIVAL_BUS,
	LIVEUPDATE_ARRIVAL_DRIVER,
};

/**
 * struct liveupdate_file_op_args - arguments of a file handler's callbacks
 * @handler: the handler
 * @session: the session that the file sits in, for
 *	liveupdate_get_token_outgoing(), liveupdate_need_file_incoming() and
 *	liveupdate_get_file_incoming()
 * @retrieve_status: 0 if retrieve was not tried, positive if it succeeded,
 *	else the error that it failed with
 * @file: set by retrieve, with a reference that goes to the orchestrator; in
 *	all other callbacks the file, or NULL where it was not retrieved
 * @serialized_data: what the next kernel gets; preserve and freeze may set it
 * @private_data: the handler's own: set by preserve, and freed by unpreserve; or
 *	set by retrieve, and freed by finish. Does not cross the kexec.
 * @needed: another file of the session has said that it needs this one, see
 *	liveupdate_need_file_incoming(). In retrieve only.
 */
struct liveupdate_file_op_args {
	struct liveupdate_file_handler *handler;
	struct liveupdate_session *session;
	int retrieve_status;
	struct file *file;
	u64 serialized_data;
	void *private_data;
	bool needed;
};

/**
 * struct liveupdate_file_ops - what a file handler does
 *
 * All are called with the mutex of the file's session held, and may sleep.
 * Memory that a callback preserves through KHO is counted as the file's, so
 * that it can be given back even if the next kernel has no such handler.
 *
 * @can_preserve: is this file of the handler's kind? Called with
 *	luo_register_rwlock held for reading: quick, and not to sleep for long.
 * @preserve: make the file fit to be handed over while it goes on being used.
 *	0 or an errno; after an error nothing is left behind.
 * @unpreserve: undo @preserve
 * @freeze: optional; last changes of what the next kernel gets, in the pause.
 *	0 or an errno, which makes the reboot fail.
 * @unfreeze: optional; undo @freeze, because the reboot failed
 * @arrive: optional; the file came over, and user space can't have anything of
 *	what came over yet. It may say which other files it needs, with
 *	liveupdate_need_file_incoming(). 0; -ENOMEM, then it is called again; any
 *	other errno is what each retrieve fails with, without a call.
 * @retrieve: make the file anew from @serialized_data. 0 or an errno, which is
 *	remembered, so that it is not called again; but for -ENOMEM and -ENFILE,
 *	which leave all that came over as it was.
 * @can_finish: optional; false if the file can't do without its preserved
 *	state yet
 * @finish: the live update is over for this file. Free what was preserved and
 *	is not part of the file; all of it if the file was not retrieved.
 * @get_id: optional; a number that stands for the object behind the file, the
 *	same through each file that leads to it. The default is the file itself.
 * @owner: the module that all these belong to
 */
struct liveupdate_file_ops {
	bool (*can_preserve)(struct liveupdate_file_handler *handler,
			     struct file *file);
	int (*preserve)(struct liveupdate_file_op_args *args);
	void (*unpreserve)(struct liveupdate_file_op_args *args);
	int (*freeze)(struct liveupdate_file_op_args *args);
	void (*unfreeze)(struct liveupdate_file_op_args *args);
	int (*arrive)(struct liveupdate_file_op_args *args);
	int (*retrieve)(struct liveupdate_file_op_args *args);
	bool (*can_finish)(struct liveupdate_file_op_args *args);
	void (*finish)(struct liveupdate_file_op_args *args);
	unsigned long (*get_id)(struct file *file);
	struct module *owner;
};

/**
 * struct liveupdate_file_handler - makes one kind of file survive
 * @ops: what it does
 * @compatible: its name, which the next kernel finds it by; changes whenever
 *	the meaning of the data that is handed over does
 */
struct liveupdate_file_handler {
	const struct liveupdate_file_ops *ops;
	const char compatible[LUO_COMPATIBLE_LENGTH];

	/* private: under luo_register_rwlock */
	struct list_head list;
	struct list_head flb_links;
	/* private: files in sessions */
	atomic_long_t users;
};

/**
 * struct liveupdate_flb_op_args - arguments of an FLB's callbacks
 * @flb: the FLB
 * @data: what the next kernel gets; set by preserve, else in
 * @obj: the object; set by preserve and by retrieve, else in
 */
struct liveupdate_flb_op_args {
	struct liveupdate_flb *flb;
	u64 data;
	void *obj;
};

/**
 * struct liveupdate_flb_ops - what an FLB does
 *
 * All are called with a mutex of this FLB held, and may sleep. None may use
 * another FLB. Memory that @preserve preserves through KHO is counted as the
 * FLB's, so that it can go to the next kernel once more if nobody claims the
 * files.
 *
 * @preserve: the first file that needs the object is being preserved: make it
 *	fit to be handed over. 0 or an errno, which fails that file's preserve.
 * @unpreserve: undo @preserve; the last such file is gone
 * @retrieve: somebody asks for the object for the first time. 0 or an errno,
 *	which is remembered: it is called once.
 * @finish: the last such file has finished; free what was preserved. Called
 *	only after a @retrieve that succeeded, and made to succeed for this if
 *	nobody had asked before.
 * @owner: the module that all these belong to
 */
struct liveupdate_flb_ops {
	int (*preserve)(struct liveupdate_flb_op_args *argp);
	void (*unpreserve)(struct liveupdate_flb_op_args *argp);
	int (*retrieve)(struct liveupdate_flb_op_args *argp);
	void (*finish)(struct liveupdate_flb_op_args *argp);
	struct module *owner;
};

/**
 * struct liveupdate_flb - file-lifecycle-bound object: global state that all
 *	files of one or more handlers need once
 * @ops: what it does
 * @compatible: its name, which the next kernel finds it by
 */
struct liveupdate_flb {
	const struct liveupdate_flb_ops *ops;
	const char compatible[LUO_COMPATIBLE_LENGTH];

	/* private: under luo_register_rwlock */
	struct list_head list;
	unsigned int nr_links;
	/* private: protects what follows, and is held over the callbacks */
	struct mutex mutex;
	unsigned long outgoing_users;
	struct kho_owner *outgoing_owner;
	u64 outgoing_data;
	void *outgoing_obj;
};

/* Lets a handler's module be loaded when one of its files is to be retrieved */
#define MODULE_ALIAS_LIVEUPDATE(compatible) \
	MODULE_ALIAS("liveupdate:" compatible)

#ifdef CONFIG_LIVEUPDATE

bool liveupdate_enabled(void);
int liveupdate_reboot(void);
void liveupdate_reboot_abort(void);
void liveupdate_jump(void);

int liveupdate_register_file_handler(struct liveupdate_file_handler *fh);
void liveupdate_unregister_file_handler(struct liveupdate_file_handler *fh);

int liveupdate_register_flb(struct liveupdate_file_handler *fh,
			    struct liveupdate_flb *flb);
void liveupdate_unregister_flb(struct liveupdate_file_handler *fh,
			       struct liveupdate_flb *flb);
int liveupdate_flb_get_incoming(struct liveupdate_flb *flb, void **objp);
void liveupdate_flb_put_incoming(struct liveupdate_flb *flb);
int liveupdate_flb_get_outgoing(struct liveupdate_flb *flb, void **objp);
void liveupdate_flb_put_outgoing(struct liveupdate_flb *flb);

int liveupdate_register_arrival_notifier(struct notifier_block *nb);
void liveupdate_unregister_arrival_notifier(struct notifier_block *nb);
int liveupdate_need_file_incoming(struct liveupdate_session *s, u64 token);
int liveupdate_get_file_incoming(struct liveupdate_session *s, u64 token,
				 struct file **filep);
int liveupdate_get_token_outgoing(struct liveupdate_session *s,
				  struct file *file, u64 *tokenp);

#else /* CONFIG_LIVEUPDATE */

static inline bool liveupdate_enabled(void)
{
	return false;
}

static inline int liveupdate_reboot(void)
{
	return 0;
}

static inline void liveupdate_reboot_abort(void)
{
}

static inline void liveupdate_jump(void)
{
}

static inline int
liveupdate_register_file_handler(struct liveupdate_file_handler *fh)
{
	return -EOPNOTSUPP;
}

static inline void
liveupdate_unregister_file_handler(struct liveupdate_file_handler *fh)
{
}

static inline int liveupdate_register_flb(struct liveupdate_file_handler *fh,
					  struct liveupdate_flb *flb)
{
	return -EOPNOTSUPP;
}

static inline void liveupdate_unregister_flb(struct liveupdate_file_handler *fh,
					     struct liveupdate_flb *flb)
{
}

static inline int liveupdate_flb_get_incoming(struct liveupdate_flb *flb,
					      void **objp)
{
	return -EOPNOTSUPP;
}

static inline void liveupdate_flb_put_incoming(struct liveupdate_flb *flb)
{
}

static inline int liveupdate_flb_get_outgoing(struct liveupdate_flb *flb,
					      void **objp)
{
	return -EOPNOTSUPP;
}

static inline void liveupdate_flb_put_outgoing(struct liveupdate_flb *flb)
{
}

static inline int
liveupdate_register_arrival_notifier(struct notifier_block *nb)
{
	return -EOPNOTSUPP;
}

static inline void
liveupdate_unregister_arrival_notifier(struct notifier_block *nb)
{
}

static inline int liveupdate_need_file_incoming(struct liveupdate_session *s,
						u64 token)
{
	return -EOPNOTSUPP;
}

static inline int liveupdate_get_file_incoming(struct liveupdate_session *s,
					       u64 token, struct file **filep)
{
	return -EOPNOTSUPP;
}

static inline int liveupdate_get_token_outgoing(struct liveupdate_session *s,
						struct file *file, u64 *tokenp)
{
	return -EOPNOTSUPP;
}

#endif /* CONFIG_LIVEUPDATE */

#endif /* _LINUX_LIVEUPDATE_H */
