// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the Live Update Orchestrator (LUO): records, registry, FLBs,
 * files and sessions, as far as they can be tested without a kexec.
 *
 * The handlers and FLBs here are fake ones. What they are called for goes to a
 * log of events, so that one string shows what happened in which order:
 *
 *	p1 u1	file 1 is preserved, unpreserved; "p1!" if it fails
 *	f1 x1	it is frozen, unfrozen
 *	r1	it is retrieved
 *	d1	it is done: finished; "d1?" if it was not retrieved before
 *	pA uA	FLB A is preserved, unpreserved
 *	rA dA	it is retrieved, finished
 *
 * A callback that is not called as it should be adds "bad-args".
 */

#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/kho/extents.h>
#include <linux/liveupdate.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../../kernel/kexec_internal.h"
#include "../../kernel/liveupdate/kho_owner.h"
#include "../../kernel/liveupdate/luo_block.h"
#include "../../kernel/liveupdate/luo_core.h"
#include "../../kernel/liveupdate/luo_file.h"
#include "../../kernel/liveupdate/luo_flb.h"
#include "../../kernel/liveupdate/luo_handler.h"
#include "../../kernel/liveupdate/luo_index.h"
#include "../../kernel/liveupdate/luo_session.h"
#include "../../kernel/liveupdate/luo_session_set.h"

/*
 * The log of events. Tests run one at a time, and wait for what they start.
 */
static struct {
	char text[4096];
	size_t len;
} events;

static __printf(1, 2) void event(const char *fmt, ...)
{
	va_list args;

	if (events.len)
		events.len += scnprintf(events.text + events.len,
					sizeof(events.text) - events.len, " ");
	va_start(args, fmt);
	events.len += vscnprintf(events.text + events.len,
				 sizeof(events.text) - events.len, fmt, args);
	va_end(args);
}

static void clear_events(void)
{
	events.text[0] = '\0';
	events.len = 0;
}

#define expect_events(test, expected)					\
	do {								\
		KUNIT_EXPECT_STREQ(test, (const char *)events.text,	\
				   (const char *)(expected));		\
		clear_events();						\
	} while (0)

/*
 * Memory that outlives all that a test has to undo, whatever was made first:
 * sessions lead to files and FLBs that are younger than they are.
 */
struct test_memory {
	struct list_head node;
	void *mem;
};

static LIST_HEAD(test_memory);

static void free_test_memory(void *unused)
{
	struct test_memory *tm, *next;

	list_for_each_entry_safe(tm, next, &test_memory, node) {
		kfree(tm->mem);
		kfree(tm);
	}
	INIT_LIST_HEAD(&test_memory);
}

static void *test_alloc(struct kunit *test, size_t size)
{
	struct test_memory *tm = kzalloc(sizeof(*tm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, tm);
	list_add(&tm->node, &test_memory);
	tm->mem = kzalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tm->mem);
	return tm->mem;
}

static int luo_test_init(struct kunit *test)
{
	if (!liveupdate_enabled())
		kunit_skip(test, "NOTHING IS TESTED: boot with kho=on liveupdate=on");
	clear_events();
	/* What is registered first is called last */
	return kunit_add_action(test, free_test_memory, NULL);
}

/* The last reference of a kernel thread to a file is dropped by a worker */
static void flush_files(void)
{
	/* Once for a session, once for the files that were in it */
	flush_delayed_fput();
	flush_delayed_fput();
}

/* A name that is const to all but the one who makes it */
static void set_compatible(const char *compatible, const char *name)
{
	strscpy_pad((char *)compatible, name, LUO_COMPATIBLE_LENGTH);
}

/*
 * Modules that are none: just enough for their references to be counted.
 */
#ifdef CONFIG_MODULE_UNLOAD
static struct module *fake_module(struct kunit *test)
{
	struct module *module = test_alloc(test, sizeof(*module));

	module->state = MODULE_STATE_LIVE;
	/* The one that a module has as long as it is loaded */
	atomic_set(&module->refcnt, 1);
	return module;
}

static int fake_module_users(const struct module *module)
{
	return atomic_read(&module->refcnt) - 1;
}
#else
static struct module *fake_module(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_MODULE_UNLOAD");
	return NULL;
}

static int fake_module_users(const struct module *module)
{
	return -1;
}
#endif

/**
 * struct fake_handler - a handler for fake files
 * @fh: what is registered
 * @ops: its own copy of fake_file_ops
 */
struct fake_handler {
	struct liveupdate_file_handler fh;
	struct liveupdate_file_ops ops;
};

/**
 * struct fake_file - what is behind a fake file
 * @handler: who takes it
 * @id: its name in the log
 * @fd: its descriptor
 * @file: the file that @fd refers to
 * @preserve_err: what its preserve returns
 * @freeze_err: what its freeze returns
 * @arrive_err: what its arrive returns
 * @retrieve_err: what its retrieve returns
 * @cannot_finish: its can_finish refuses
 * @needs: tokens of the files that its arrive says it needs, up to the first 0
 * @need_err: what the last of that returned
 * @needed: its retrieve was told that another one needs it
 * @object: what its get_id returns
 * @other: another file, whose token is looked up by its preserve
 * @other_token: the result of that, or of that in retrieve
 * @other_err: the return value of that
 * @session: the session that it was preserved in
 * @retrieved: the file that retrieve has made
 * @preserve_pages: how many pages its preserve hands over
 * @freeze_pages: how many more its freeze hands over
 * @preserve_mem: what @preserve_pages led to
 * @freeze_mem: what @freeze_pages led to
 */
struct fake_file {
	struct fake_handler *handler;
	unsigned int id;
	int fd;
	struct file *file;
	int preserve_err;
	int freeze_err;
	int arrive_err;
	int retrieve_err;
	bool cannot_finish;
	u64 needs[3];
	int need_err;
	bool needed;
	unsigned long object;
	struct file *other;
	u64 other_token;
	int other_err;
	struct liveupdate_session *session;
	struct file *retrieved;
	unsigned int preserve_pages;
	unsigned int freeze_pages;
	void *preserve_mem;
	void *freeze_mem;
};

static const struct file_operations fake_fops = {
	.owner = THIS_MODULE,
	.llseek = noop_llseek,
};

/* The data that goes to the next kernel; freeze sets the lowest bit */
static u64 fake_data(struct fake_file *ff, bool frozen)
{
	return (unsigned long)ff | frozen;
}

static struct fake_file *data_file(u64 data)
{
	return (struct fake_file *)(unsigned long)(data & ~1ULL);
}

static bool fake_can_preserve(struct liveupdate_file_handler *handler,
			      struct file *file)
{
	struct fake_file *ff = file->private_data;

	return file->f_op == &fake_fops && &ff->handler->fh == handler;
}

static int fake_preserve(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = args->file->private_data;

	if (args->handler != &ff->handler->fh || args->private_data ||
	    args->serialized_data || args->retrieve_status || !args->session)
		event("bad-args");

	if (ff->other)
		ff->other_err = liveupdate_get_token_outgoing(args->session,
							      ff->other,
							      &ff->other_token);
	ff->session = args->session;
	event("p%u%s", ff->id, ff->preserve_err ? "!" : "");
	if (ff->preserve_err)
		return ff->preserve_err;

	if (ff->preserve_pages)
		ff->preserve_mem = kho_alloc_preserve(ff->preserve_pages *
						      PAGE_SIZE);
	args->serialized_data = fake_data(ff, false);
	args->private_data = ff;
	return 0;
}

/* What all callbacks after preserve get */
static struct fake_file *outgoing_file(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = args->file->private_data;

	if (args->handler != &ff->handler->fh || args->private_data != ff ||
	    data_file(args->serialized_data) != ff ||
	    args->session != ff->session)
		event("bad-args");
	return ff;
}

static void fake_unpreserve(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = outgoing_file(args);

	kho_unpreserve_free(ff->preserve_mem);
	event("u%u", ff->id);
}

static int fake_freeze(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = outgoing_file(args);

	event("f%u%s", ff->id, ff->freeze_err ? "!" : "");
	args->serialized_data = fake_data(ff, true);
	if (ff->freeze_pages && !ff->freeze_err)
		ff->freeze_mem = kho_alloc_preserve(ff->freeze_pages *
						    PAGE_SIZE);
	return ff->freeze_err;
}

static void fake_unfreeze(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = outgoing_file(args);

	kho_unpreserve_free(ff->freeze_mem);
	ff->freeze_mem = NULL;
	event("x%u", ff->id);
}

static int fake_arrive(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = data_file(args->serialized_data);

	if (args->handler != &ff->handler->fh || args->private_data ||
	    args->file || args->retrieve_status || !args->session)
		event("bad-args");
	event("a%u%s", ff->id, ff->arrive_err ? "!" : "");
	for (unsigned int i = 0; i < 3 && ff->needs[i]; i++)
		ff->need_err = liveupdate_need_file_incoming(args->session,
							     ff->needs[i]);
	return ff->arrive_err;
}

static int fake_retrieve(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = data_file(args->serialized_data);

	if (args->handler != &ff->handler->fh || args->private_data ||
	    args->file || args->retrieve_status || !args->session)
		event("bad-args");
	event("r%u%s", ff->id, ff->retrieve_err ? "!" : "");
	ff->needed = args->needed;
	args->private_data = ff;
	if (ff->retrieve_err)
		return ff->retrieve_err;

	args->file = anon_inode_getfile("[luo-kunit]", &fake_fops, ff, O_RDWR);
	if (IS_ERR(args->file))
		return PTR_ERR(args->file);
	ff->retrieved = args->file;
	return 0;
}

static struct fake_file *incoming_file(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = data_file(args->serialized_data);
	int tried = ff->retrieve_err ?: 1;
	bool retrieved = args->retrieve_status > 0;

	/* That of an attempt which is tried again is forgotten */
	if (args->handler != &ff->handler->fh ||
	    args->private_data != (args->retrieve_status ? ff : NULL) ||
	    args->file != ff->retrieved || retrieved != !!args->file ||
	    (args->retrieve_status && args->retrieve_status != tried))
		event("bad-args");
	return ff;
}

static bool fake_can_finish(struct liveupdate_file_op_args *args)
{
	return !incoming_file(args)->cannot_finish;
}

static void fake_finish(struct liveupdate_file_op_args *args)
{
	struct fake_file *ff = incoming_file(args);
	const char *how = "";

	if (args->retrieve_status < 0)
		how = "!";
	else if (!args->retrieve_status)
		how = "?";
	event("d%u%s", ff->id, how);
	ff->retrieved = NULL;
}

static unsigned long fake_get_id(struct file *file)
{
	return ((struct fake_file *)file->private_data)->object;
}

static const struct liveupdate_file_ops fake_file_ops = {
	.can_preserve = fake_can_preserve,
	.preserve = fake_preserve,
	.unpreserve = fake_unpreserve,
	.freeze = fake_freeze,
	.unfreeze = fake_unfreeze,
	.arrive = fake_arrive,
	.retrieve = fake_retrieve,
	.can_finish = fake_can_finish,
	.finish = fake_finish,
};

static struct fake_handler *new_handler(struct kunit *test, const char *name)
{
	struct fake_handler *handler = test_alloc(test, sizeof(*handler));

	handler->ops = fake_file_ops;
	handler->fh.ops = &handler->ops;
	set_compatible(handler->fh.compatible, name);
	return handler;
}

static void unregister_handler(void *fh)
{
	liveupdate_unregister_file_handler(fh);
}

static void register_handler(struct kunit *test, struct fake_handler *handler)
{
	KUNIT_ASSERT_EQ(test, liveupdate_register_file_handler(&handler->fh),
			0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							unregister_handler,
							&handler->fh), 0);
}

/* To see what it returns; should it succeed, nothing stays of it */
static int try_register(struct fake_handler *handler)
{
	int err = liveupdate_register_file_handler(&handler->fh);

	if (!err)
		liveupdate_unregister_file_handler(&handler->fh);
	return err;
}

static struct fake_handler *registered_handler(struct kunit *test,
					       const char *name)
{
	struct fake_handler *handler = new_handler(test, name);

	register_handler(test, handler);
	return handler;
}

static void close_file(void *arg)
{
	struct fake_file *ff = arg;

	if (ff->fd >= 0)
		close_fd(ff->fd);
	ff->fd = -1;
	flush_files();
}

static struct fake_file *new_file(struct kunit *test,
				  struct fake_handler *handler,
				  unsigned int id)
{
	struct fake_file *ff = test_alloc(test, sizeof(*ff));

	ff->handler = handler;
	ff->id = id;
	ff->object = (unsigned long)ff;
	ff->file = anon_inode_getfile("[luo-kunit]", &fake_fops, ff, O_RDWR);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ff->file);

	ff->fd = get_unused_fd_flags(O_CLOEXEC);
	if (ff->fd < 0) {
		fput(ff->file);
		KUNIT_FAIL_AND_ABORT(test, "no descriptor: %d", ff->fd);
	}
	fd_install(ff->fd, ff->file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, close_file, ff),
			0);
	return ff;
}

/**
 * struct fake_flb - an FLB
 * @flb: what is registered
 * @ops: its own copy of fake_flb_ops
 * @name: its name in the log
 * @preserve_err: what its preserve returns
 * @retrieve_err: what its retrieve returns
 */
struct fake_flb {
	struct liveupdate_flb flb;
	struct liveupdate_flb_ops ops;
	char name;
	int preserve_err;
	int retrieve_err;
};

static struct fake_flb *arg_flb(struct liveupdate_flb_op_args *argp)
{
	return container_of(argp->flb, struct fake_flb, flb);
}

static int fake_flb_preserve(struct liveupdate_flb_op_args *argp)
{
	struct fake_flb *ff = arg_flb(argp);

	if (argp->data || argp->obj)
		event("bad-args");
	event("p%c%s", ff->name, ff->preserve_err ? "!" : "");
	if (ff->preserve_err)
		return ff->preserve_err;

	argp->data = ff->name;
	argp->obj = ff;
	return 0;
}

static void fake_flb_unpreserve(struct liveupdate_flb_op_args *argp)
{
	struct fake_flb *ff = arg_flb(argp);

	if (argp->data != ff->name || argp->obj != ff)
		event("bad-args");
	event("u%c", ff->name);
}

static int fake_flb_retrieve(struct liveupdate_flb_op_args *argp)
{
	struct fake_flb *ff = arg_flb(argp);

	if (argp->data != ff->name || argp->obj)
		event("bad-args");
	event("r%c%s", ff->name, ff->retrieve_err ? "!" : "");
	argp->obj = ff;
	return ff->retrieve_err;
}

static void fake_flb_finish(struct liveupdate_flb_op_args *argp)
{
	struct fake_flb *ff = arg_flb(argp);

	if (argp->data != ff->name || argp->obj != ff)
		event("bad-args");
	event("d%c", ff->name);
}

static const struct liveupdate_flb_ops fake_flb_ops = {
	.preserve = fake_flb_preserve,
	.unpreserve = fake_flb_unpreserve,
	.retrieve = fake_flb_retrieve,
	.finish = fake_flb_finish,
};

static struct fake_flb *new_flb(struct kunit *test, char name)
{
	char compatible[] = "kunit-flb- ";
	struct fake_flb *flb = test_alloc(test, sizeof(*flb));

	compatible[sizeof(compatible) - 2] = name;
	flb->name = name;
	flb->ops = fake_flb_ops;
	flb->flb.ops = &flb->ops;
	set_compatible(flb->flb.compatible, compatible);
	return flb;
}

/* Goes with the handler */
static void register_flb(struct kunit *test, struct fake_handler *handler,
			 struct fake_flb *flb)
{
	KUNIT_ASSERT_EQ(test, liveupdate_register_flb(&handler->fh, &flb->flb),
			0);
}

static int try_register_flb(struct fake_handler *handler, struct fake_flb *flb)
{
	int err = liveupdate_register_flb(&handler->fh, &flb->flb);

	if (!err)
		liveupdate_unregister_flb(&handler->fh, &flb->flb);
	return err;
}

/*
 * Records.
 */

/**
 * struct fake_record - a record of an odd size, so that blocks have a rest
 * @number: which one it is
 * @payload: more of it
 * @sum: as each record has it
 */
struct fake_record {
	u64 number;
	u64 payload[9];
	u64 sum;
};

#define RECORDS_PER_BLOCK						\
	((PAGE_SIZE - sizeof(struct luo_block_ser)) / sizeof(struct fake_record))

/* The sum of the ABI, without the help of its header */
static u64 expected_sum(const void *ser, size_t size)
{
	const u64 *word = ser;
	u64 sum = KHO_MAP_SUM_SEED;

	for (unsigned int i = 0; i < size / sizeof(u64) - 1; i++)
		sum += word[i] * ((2ULL * i + 1) * KHO_MAP_SUM_PRIME);
	return sum;
}

static bool sum_right(const void *ser, size_t size)
{
	const u64 *word = ser;

	return word[size / sizeof(u64) - 1] == expected_sum(ser, size);
}

/* Find a record in a chain, and check all that comes before it */
static const void *record_at(struct kunit *test, phys_addr_t phys, size_t size,
			     u64 index)
{
	const struct luo_block_ser *block;
	const void *record;

	for (;; index -= block->nr) {
		KUNIT_ASSERT_NE_MSG(test, phys, 0, "the chain is too short");
		KUNIT_ASSERT_TRUE(test, PAGE_ALIGNED(phys));
		block = phys_to_virt(phys);
		KUNIT_ASSERT_EQ(test, block->magic, LUO_BLOCK_MAGIC);
		KUNIT_ASSERT_TRUE(test, sum_right(block, sizeof(*block)));
		KUNIT_ASSERT_GT(test, block->nr, 0);
		KUNIT_ASSERT_LE(test, sizeof(*block) + block->nr * size,
				PAGE_SIZE);
		if (index < block->nr)
			break;
		phys = block->next;
	}

	record = (const void *)(block + 1) + index * size;
	KUNIT_EXPECT_TRUE(test, sum_right(record, size));
	return record;
}

static u64 chain_records(phys_addr_t phys)
{
	u64 nr = 0;

	while (phys) {
		const struct luo_block_ser *block = phys_to_virt(phys);

		nr += block->nr;
		phys = block->next;
	}
	return nr;
}

static void free_blocks(void *blocks)
{
	luo_blocks_free(blocks);
}

static struct luo_blocks *new_blocks(struct kunit *test, unsigned long nr)
{
	struct luo_blocks *blocks = test_alloc(test, sizeof(*blocks));

	luo_blocks_init(blocks, sizeof(struct fake_record));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_blocks,
							blocks), 0);
	KUNIT_ASSERT_EQ(test, luo_blocks_reserve(blocks, nr), 0);
	return blocks;
}

static phys_addr_t write_records(struct luo_blocks *blocks, u64 nr, u64 salt)
{
	struct luo_writer writer;

	luo_writer_start(&writer, blocks);
	for (u64 i = 0; i < nr; i++) {
		struct fake_record record = {
			.number = i,
			.payload[0] = salt,
			.payload[8] = ~i,
			.sum = 0xdead,
		};

		luo_writer_put(&writer, &record);
	}
	return luo_writer_end(&writer);
}

static void expect_records(struct kunit *test, phys_addr_t phys, u64 nr,
			   u64 salt)
{
	KUNIT_EXPECT_EQ(test, chain_records(phys), nr);
	for (u64 i = 0; i < nr; i++) {
		const struct fake_record *record;

		record = record_at(test, phys, sizeof(*record), i);
		KUNIT_EXPECT_EQ(test, record->number, i);
		KUNIT_EXPECT_EQ(test, record->payload[0], salt);
		KUNIT_EXPECT_EQ(test, record->payload[8], ~i);
	}
}

static void writer_nothing(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, write_records(new_blocks(test, 0), 0, 0), 0);
	expect_records(test, write_records(new_blocks(test, 1), 0, 0), 0, 0);
}

static void writer_block_edges(struct kunit *test)
{
	static const u64 nr[] = {
		1, RECORDS_PER_BLOCK - 1, RECORDS_PER_BLOCK,
		RECORDS_PER_BLOCK + 1, 2 * RECORDS_PER_BLOCK,
		3 * RECORDS_PER_BLOCK + 1,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(nr); i++) {
		struct luo_blocks *blocks = new_blocks(test, nr[i]);

		expect_records(test, write_records(blocks, nr[i], i), nr[i], i);
	}
}

/* After a kexec that failed, all is written again, and may have become less */
static void writer_again(struct kunit *test)
{
	u64 nr = 2 * RECORDS_PER_BLOCK + 1;
	struct luo_blocks *blocks = new_blocks(test, nr);
	phys_addr_t first = write_records(blocks, nr, 1);

	expect_records(test, first, nr, 1);
	KUNIT_EXPECT_EQ(test, write_records(blocks, 2, 2), first);
	expect_records(test, first, 2, 2);
	KUNIT_EXPECT_EQ(test, write_records(blocks, nr, 3), first);
	expect_records(test, first, nr, 3);
	KUNIT_EXPECT_EQ(test, write_records(blocks, 0, 4), first);
	expect_records(test, first, 0, 4);
}

static void blocks_reserve(struct kunit *test)
{
	struct luo_blocks *blocks = new_blocks(test, 0);

	KUNIT_EXPECT_EQ(test, list_count_nodes(&blocks->pages), 0);
	KUNIT_EXPECT_EQ(test, luo_blocks_reserve(blocks, 1), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&blocks->pages), 1);

	/* What there is, is enough */
	KUNIT_EXPECT_EQ(test, luo_blocks_reserve(blocks, RECORDS_PER_BLOCK), 0);
	KUNIT_EXPECT_EQ(test, luo_blocks_reserve(blocks, 0), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&blocks->pages), 1);

	KUNIT_EXPECT_EQ(test, luo_blocks_reserve(blocks, RECORDS_PER_BLOCK + 1),
			0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&blocks->pages), 2);
	KUNIT_EXPECT_EQ(test,
			luo_blocks_reserve(blocks, 10 * RECORDS_PER_BLOCK), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&blocks->pages), 10);

	luo_blocks_free(blocks);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&blocks->pages), 0);
	KUNIT_EXPECT_EQ(test, luo_blocks_reserve(blocks, 1), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&blocks->pages), 1);
}

/* Room for records is room in the next kernel */
static void blocks_preserved(struct kunit *test)
{
	struct luo_blocks *blocks = new_blocks(test, 2 * RECORDS_PER_BLOCK);
	struct folio *folio;

	list_for_each_entry(folio, &blocks->pages, lru)
		KUNIT_EXPECT_EQ(test, kho_preserve_folio(folio), -EBUSY);
}

static struct kunit_case luo_block_cases[] = {
	KUNIT_CASE(writer_nothing),
	KUNIT_CASE(writer_block_edges),
	KUNIT_CASE(writer_again),
	KUNIT_CASE(blocks_reserve),
	KUNIT_CASE(blocks_preserved),
	{}
};

static struct kunit_suite luo_block_suite = {
	.name = "luo_block",
	.init = luo_test_init,
	.test_cases = luo_block_cases,
};

/*
 * The registry of handlers.
 */
static void handler_missing_callback(struct kunit *test)
{
	static const size_t required[] = {
		offsetof(struct liveupdate_file_ops, can_preserve),
		offsetof(struct liveupdate_file_ops, preserve),
		offsetof(struct liveupdate_file_ops, unpreserve),
		offsetof(struct liveupdate_file_ops, retrieve),
		offsetof(struct liveupdate_file_ops, finish),
	};
	struct fake_handler *handler = new_handler(test, "kunit-handler");

	for (unsigned int i = 0; i < ARRAY_SIZE(required); i++) {
		handler->ops = fake_file_ops;
		*(void **)((void *)&handler->ops + required[i]) = NULL;
		KUNIT_EXPECT_EQ_MSG(test, try_register(handler), -EINVAL,
				    "without callback %u", i);
	}

	handler->fh.ops = NULL;
	KUNIT_EXPECT_EQ(test, try_register(handler), -EINVAL);

	/* Nothing of it has stayed */
	KUNIT_EXPECT_NULL(test, luo_handler_get_by_name("kunit-handler"));
}

static void handler_optional_callbacks(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-handler");

	handler->ops.freeze = NULL;
	handler->ops.unfreeze = NULL;
	handler->ops.can_finish = NULL;
	handler->ops.get_id = NULL;
	register_handler(test, handler);
}

static void handler_names(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "");
	char *name = (char *)handler->fh.compatible;

	KUNIT_EXPECT_EQ(test, try_register(handler), -EINVAL);

	/* No room for the NUL */
	memset(name, 'x', LUO_COMPATIBLE_LENGTH);
	KUNIT_EXPECT_EQ(test, try_register(handler), -EINVAL);

	name[LUO_COMPATIBLE_LENGTH - 1] = '\0';
	register_handler(test, handler);
}

static void expect_handler(struct kunit *test, const char *name,
			   struct fake_handler *expected)
{
	struct liveupdate_file_handler *fh = luo_handler_get_by_name(name);

	KUNIT_EXPECT_PTR_EQ(test, fh, expected ? &expected->fh : NULL);
	if (fh)
		luo_handler_put(fh);
}

static void handler_duplicates(struct kunit *test)
{
	struct fake_handler *first = registered_handler(test, "kunit-same");
	struct fake_handler *second = new_handler(test, "kunit-same");

	KUNIT_EXPECT_EQ(test, try_register(second), -EEXIST);
	KUNIT_EXPECT_EQ(test, try_register(first), -EEXIST);
	expect_handler(test, "kunit-same", first);

	/* The one that was refused does not take the other one away */
	liveupdate_unregister_file_handler(&second->fh);
	expect_handler(test, "kunit-same", first);

	/* The beginning of a name is another name */
	registered_handler(test, "kunit-sam");
	registered_handler(test, "kunit-same-2");
	expect_handler(test, "kunit-same", first);
}

static void handler_unregister(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-handler");
	struct fake_handler *other = registered_handler(test, "kunit-other");

	/* Never registered */
	liveupdate_unregister_file_handler(&handler->fh);

	for (int i = 0; i < 3; i++) {
		register_handler(test, handler);
		expect_handler(test, "kunit-handler", handler);
		liveupdate_unregister_file_handler(&handler->fh);
		expect_handler(test, "kunit-handler", NULL);
		liveupdate_unregister_file_handler(&handler->fh);
	}
	expect_handler(test, "kunit-other", other);
}

static void expect_taken_by(struct kunit *test, struct fake_file *ff,
			    struct fake_handler *expected)
{
	struct liveupdate_file_handler *fh = luo_handler_get_by_file(ff->file);

	KUNIT_EXPECT_PTR_EQ(test, fh, expected ? &expected->fh : NULL);
	if (fh)
		luo_handler_put(fh);
}

static void handler_by_file(struct kunit *test)
{
	struct fake_handler *a = registered_handler(test, "kunit-a");
	struct fake_handler *b = registered_handler(test, "kunit-b");
	struct fake_handler *c = new_handler(test, "kunit-c");

	expect_taken_by(test, new_file(test, a, 1), a);
	expect_taken_by(test, new_file(test, b, 2), b);
	expect_taken_by(test, new_file(test, c, 3), NULL);
}

/* A module on its way out counts as absent; and to be asked pins nothing */
static void handler_module(struct kunit *test)
{
	struct fake_handler *a = new_handler(test, "kunit-a");
	struct fake_handler *b = new_handler(test, "kunit-b");
	struct module *module = fake_module(test);
	struct fake_file *ff = new_file(test, a, 1);

	a->ops.owner = module;
	register_handler(test, a);
	register_handler(test, b);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);

	expect_taken_by(test, new_file(test, b, 2), b);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);

	KUNIT_EXPECT_PTR_EQ(test, luo_handler_get_by_file(ff->file), &a->fh);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 1);
	KUNIT_EXPECT_PTR_EQ(test, luo_handler_get_by_name("kunit-a"), &a->fh);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 2);
	luo_handler_put(&a->fh);
	luo_handler_put(&a->fh);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);

	module->state = MODULE_STATE_GOING;
	expect_taken_by(test, ff, NULL);
	expect_taken_by(test, new_file(test, b, 3), b);
	expect_handler(test, "kunit-a", NULL);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);
}

static struct kunit_case luo_handler_cases[] = {
	KUNIT_CASE(handler_missing_callback),
	KUNIT_CASE(handler_optional_callbacks),
	KUNIT_CASE(handler_names),
	KUNIT_CASE(handler_duplicates),
	KUNIT_CASE(handler_unregister),
	KUNIT_CASE(handler_by_file),
	KUNIT_CASE(handler_module),
	{}
};

static struct kunit_suite luo_handler_suite = {
	.name = "luo_handler",
	.init = luo_test_init,
	.test_cases = luo_handler_cases,
};

/*
 * FLBs.
 */
static void put_uses(void *uses)
{
	luo_flb_file_unpreserve(uses);
}

/* As if a file of the handler was preserved */
static struct luo_flb_uses *flb_use(struct kunit *test,
				    struct fake_handler *handler)
{
	struct luo_flb_uses *uses = luo_flb_file_preserve(&handler->fh);

	KUNIT_ASSERT_FALSE(test, IS_ERR(uses));
	if (uses)
		KUNIT_ASSERT_EQ(test,
				kunit_add_action_or_reset(test, put_uses, uses),
				0);
	return uses;
}

static void flb_unuse(struct kunit *test, struct luo_flb_uses *uses)
{
	if (uses)
		kunit_release_action(test, put_uses, uses);
}

static void flb_missing_callback(struct kunit *test)
{
	static const size_t required[] = {
		offsetof(struct liveupdate_flb_ops, preserve),
		offsetof(struct liveupdate_flb_ops, unpreserve),
		offsetof(struct liveupdate_flb_ops, retrieve),
		offsetof(struct liveupdate_flb_ops, finish),
	};
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');

	for (unsigned int i = 0; i < ARRAY_SIZE(required); i++) {
		flb->ops = fake_flb_ops;
		*(void **)((void *)&flb->ops + required[i]) = NULL;
		KUNIT_EXPECT_EQ_MSG(test, try_register_flb(handler, flb),
				    -EINVAL, "without callback %u", i);
	}

	flb->flb.ops = NULL;
	KUNIT_EXPECT_EQ(test, try_register_flb(handler, flb), -EINVAL);

	KUNIT_EXPECT_NULL(test, flb_use(test, handler));
	expect_events(test, "");
}

static void flb_names(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');
	char *name = (char *)flb->flb.compatible;

	name[0] = '\0';
	KUNIT_EXPECT_EQ(test, try_register_flb(handler, flb), -EINVAL);
	memset(name, 'x', LUO_COMPATIBLE_LENGTH);
	KUNIT_EXPECT_EQ(test, try_register_flb(handler, flb), -EINVAL);
	name[LUO_COMPATIBLE_LENGTH - 1] = '\0';
	register_flb(test, handler, flb);
}

static void flb_needs_handler(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct fake_handler *twin = registered_handler(test, "kunit-twin");
	struct fake_flb *flb = new_flb(test, 'A');

	KUNIT_EXPECT_EQ(test, try_register_flb(handler, flb), -EINVAL);

	/* Another one of the same name does not do */
	handler = new_handler(test, "kunit-twin");
	KUNIT_EXPECT_EQ(test, try_register_flb(handler, flb), -EINVAL);

	liveupdate_unregister_file_handler(&twin->fh);
	KUNIT_EXPECT_EQ(test, try_register_flb(twin, flb), -EINVAL);
	/* As long as it is not registered, this is harmless */
	liveupdate_unregister_flb(&twin->fh, &flb->flb);
	liveupdate_unregister_flb(&handler->fh, &flb->flb);
}

static void flb_duplicates(struct kunit *test)
{
	struct fake_handler *a = registered_handler(test, "kunit-a");
	struct fake_handler *b = registered_handler(test, "kunit-b");
	struct fake_flb *flb = new_flb(test, 'A');
	struct fake_flb *twin = new_flb(test, 'A');

	register_flb(test, a, flb);
	KUNIT_EXPECT_EQ(test, try_register_flb(a, flb), -EEXIST);
	KUNIT_EXPECT_EQ(test, try_register_flb(a, twin), -EEXIST);
	KUNIT_EXPECT_EQ(test, try_register_flb(b, twin), -EEXIST);

	/* The same one with another handler is what FLBs are for */
	register_flb(test, b, flb);
	KUNIT_EXPECT_EQ(test, try_register_flb(b, flb), -EEXIST);

	/* The name is free when its last link is gone */
	liveupdate_unregister_flb(&a->fh, &twin->flb);
	liveupdate_unregister_flb(&a->fh, &flb->flb);
	KUNIT_EXPECT_EQ(test, try_register_flb(a, twin), -EEXIST);
	liveupdate_unregister_flb(&b->fh, &flb->flb);
	register_flb(test, a, twin);

	/* Each was counted in once at most */
	flb_unuse(test, flb_use(test, a));
	KUNIT_EXPECT_NULL(test, flb_use(test, b));
	expect_events(test, "pA uA");
}

static void flb_unregister(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');

	liveupdate_unregister_flb(&handler->fh, &flb->flb);
	for (int i = 0; i < 3; i++) {
		register_flb(test, handler, flb);
		flb_unuse(test, flb_use(test, handler));
		expect_events(test, "pA uA");
		liveupdate_unregister_flb(&handler->fh, &flb->flb);
		liveupdate_unregister_flb(&handler->fh, &flb->flb);
		KUNIT_EXPECT_NULL(test, flb_use(test, handler));
		expect_events(test, "");
	}
}

static void flb_goes_with_handler(struct kunit *test)
{
	struct fake_handler *a = registered_handler(test, "kunit-a");
	struct fake_handler *b = registered_handler(test, "kunit-b");
	struct fake_flb *only_a = new_flb(test, 'A');
	struct fake_flb *both = new_flb(test, 'B');

	register_flb(test, a, only_a);
	register_flb(test, a, both);
	register_flb(test, b, both);
	liveupdate_unregister_file_handler(&a->fh);

	/* A's name is free, B's is not */
	register_flb(test, b, new_flb(test, 'A'));
	KUNIT_EXPECT_EQ(test, try_register_flb(b, new_flb(test, 'B')), -EEXIST);

	register_handler(test, a);
	KUNIT_EXPECT_NULL(test, flb_use(test, a));
	flb_unuse(test, flb_use(test, b));
	expect_events(test, "pB pA uA uB");
}

static void flb_order(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_flb_uses *first, *second;

	register_flb(test, handler, new_flb(test, 'C'));
	register_flb(test, handler, new_flb(test, 'A'));
	register_flb(test, handler, new_flb(test, 'B'));

	first = flb_use(test, handler);
	expect_events(test, "pC pA pB");
	second = flb_use(test, handler);
	flb_unuse(test, first);
	expect_events(test, "");
	flb_unuse(test, second);
	expect_events(test, "uB uA uC");

	flb_unuse(test, flb_use(test, handler));
	expect_events(test, "pC pA pB uB uA uC");
}

static void flb_shared(struct kunit *test)
{
	struct fake_handler *a = registered_handler(test, "kunit-a");
	struct fake_handler *b = registered_handler(test, "kunit-b");
	struct fake_flb *common = new_flb(test, 'X');
	struct luo_flb_uses *uses_a, *uses_b, *more_b;

	register_flb(test, a, new_flb(test, 'A'));
	register_flb(test, a, common);
	register_flb(test, b, common);
	register_flb(test, b, new_flb(test, 'B'));

	uses_b = flb_use(test, b);
	expect_events(test, "pX pB");
	uses_a = flb_use(test, a);
	expect_events(test, "pA");
	more_b = flb_use(test, b);
	expect_events(test, "");
	flb_unuse(test, uses_b);
	expect_events(test, "");
	flb_unuse(test, more_b);
	expect_events(test, "uB");
	flb_unuse(test, uses_a);
	expect_events(test, "uX uA");
}

static void flb_error(struct kunit *test)
{
	static const char *const expected[] = {
		"pA!", "pA pB! uA", "pA pB pC! uB uA",
	};
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb[3];
	void *obj;

	for (int i = 0; i < 3; i++) {
		flb[i] = new_flb(test, 'A' + i);
		register_flb(test, handler, flb[i]);
	}

	for (int i = 0; i < 3; i++) {
		flb[i]->preserve_err = -ENXIO;
		KUNIT_EXPECT_EQ(test,
				PTR_ERR_OR_ZERO(luo_flb_file_preserve(&handler->fh)),
				-ENXIO);
		expect_events(test, expected[i]);
		for (int j = 0; j < 3; j++)
			KUNIT_EXPECT_EQ(test,
					liveupdate_flb_get_outgoing(&flb[j]->flb,
								    &obj),
					-ENODATA);
		flb[i]->preserve_err = 0;
	}

	/* It can be tried again */
	flb_unuse(test, flb_use(test, handler));
	expect_events(test, "pA pB pC uC uB uA");
}

/* Roll-back stops at those that other files need */
static void flb_error_shared(struct kunit *test)
{
	struct fake_handler *a = registered_handler(test, "kunit-a");
	struct fake_handler *b = registered_handler(test, "kunit-b");
	struct fake_flb *common = new_flb(test, 'X');
	struct fake_flb *bad = new_flb(test, 'B');
	struct luo_flb_uses *uses;

	register_flb(test, a, common);
	register_flb(test, b, common);
	register_flb(test, b, bad);
	bad->preserve_err = -ENOMEM;

	uses = flb_use(test, a);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(luo_flb_file_preserve(&b->fh)),
			-ENOMEM);
	expect_events(test, "pX pB!");
	flb_unuse(test, uses);
	expect_events(test, "uX");
}

static void flb_outgoing(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');
	struct luo_flb_uses *uses;
	void *obj = NULL, *again = NULL;

	KUNIT_EXPECT_EQ(test, liveupdate_flb_get_outgoing(&flb->flb, &obj),
			-ENODATA);
	register_flb(test, handler, flb);
	KUNIT_EXPECT_EQ(test, liveupdate_flb_get_outgoing(&flb->flb, &obj),
			-ENODATA);

	uses = flb_use(test, handler);
	KUNIT_ASSERT_EQ(test, liveupdate_flb_get_outgoing(&flb->flb, &obj), 0);
	KUNIT_EXPECT_PTR_EQ(test, obj, (void *)flb);
	KUNIT_ASSERT_EQ(test, liveupdate_flb_get_outgoing(&flb->flb, &again),
			0);
	KUNIT_EXPECT_PTR_EQ(test, again, (void *)flb);

	/* Held beyond the last file */
	flb_unuse(test, uses);
	liveupdate_flb_put_outgoing(&flb->flb);
	expect_events(test, "pA");
	liveupdate_flb_put_outgoing(&flb->flb);
	expect_events(test, "uA");
	KUNIT_EXPECT_EQ(test, liveupdate_flb_get_outgoing(&flb->flb, &obj),
			-ENODATA);
}

/* A new file finds what somebody still holds, and does not make it anew */
static void flb_outgoing_reused(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');
	struct luo_flb_uses *uses;
	void *obj;

	register_flb(test, handler, flb);
	uses = flb_use(test, handler);
	KUNIT_ASSERT_EQ(test, liveupdate_flb_get_outgoing(&flb->flb, &obj), 0);
	flb_unuse(test, uses);
	uses = flb_use(test, handler);
	liveupdate_flb_put_outgoing(&flb->flb);
	expect_events(test, "pA");
	flb_unuse(test, uses);
	expect_events(test, "uA");
}

static void flb_late(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *early = new_flb(test, 'A');
	struct fake_flb *late = new_flb(test, 'B');
	struct luo_flb_uses *uses, *more;
	void *obj;

	register_flb(test, handler, early);
	uses = flb_use(test, handler);
	register_flb(test, handler, late);
	KUNIT_EXPECT_EQ(test, liveupdate_flb_get_outgoing(&late->flb, &obj),
			-ENODATA);
	more = flb_use(test, handler);
	expect_events(test, "pA pB");

	/* The file that came before it does not count */
	flb_unuse(test, more);
	expect_events(test, "uB");
	flb_unuse(test, uses);
	expect_events(test, "uA");
}

/* Too early, which is warned about, and yet nothing goes wrong */
static void flb_unregister_in_use(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');
	struct luo_flb_uses *uses, *more;

	register_flb(test, handler, flb);
	uses = flb_use(test, handler);
	liveupdate_unregister_flb(&handler->fh, &flb->flb);
	KUNIT_EXPECT_NULL(test, flb_use(test, handler));

	register_flb(test, handler, flb);
	more = flb_use(test, handler);
	expect_events(test, "pA");
	flb_unuse(test, uses);
	expect_events(test, "");
	flb_unuse(test, more);
	expect_events(test, "uA");
}

#define MANY_FLBS	100

static void flb_many(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	char *expected = test_alloc(test, sizeof(events.text));
	size_t len = 0;

	for (int i = 0; i < MANY_FLBS; i++) {
		struct fake_flb *flb = new_flb(test, 'a');
		char name[LUO_COMPATIBLE_LENGTH];

		snprintf(name, sizeof(name), "kunit-flb-%d", i);
		set_compatible(flb->flb.compatible, name);
		flb->name = 'a' + i % 26;
		register_flb(test, handler, flb);
	}

	for (int i = 0; i < MANY_FLBS; i++)
		len += scnprintf(expected + len, sizeof(events.text) - len,
				 "p%c ", 'a' + i % 26);
	for (int i = MANY_FLBS - 1; i >= 0; i--)
		len += scnprintf(expected + len, sizeof(events.text) - len,
				 "u%c%s", 'a' + i % 26, i ? " " : "");

	flb_unuse(test, flb_use(test, handler));
	expect_events(test, expected);
}

static void expect_flb_record(struct kunit *test, phys_addr_t phys, u64 index,
			      char flb, const char *handler, u64 nr_files)
{
	char name[] = "kunit-flb- ";
	const struct luo_flb_ser *ser;

	name[sizeof(name) - 2] = flb;
	ser = record_at(test, phys, sizeof(*ser), index);
	KUNIT_EXPECT_STREQ(test, ser->compatible, name);
	KUNIT_EXPECT_STREQ(test, ser->handler, handler);
	KUNIT_EXPECT_EQ(test, ser->data, flb);
	KUNIT_EXPECT_EQ(test, ser->nr_files, nr_files);
	/* Padded with NULs, as all of a record has to be known */
	KUNIT_EXPECT_NULL(test, memchr_inv(ser->handler + strlen(handler), 0,
					   sizeof(ser->handler) -
					   strlen(handler)));
}

static void flb_records(struct kunit *test)
{
	struct fake_handler *a = registered_handler(test, "kunit-a");
	struct fake_handler *b = registered_handler(test, "kunit-b");
	struct fake_flb *common = new_flb(test, 'X');
	struct luo_flb_uses *uses;
	phys_addr_t phys;
	void *obj;
	u64 nr = 99;

	register_flb(test, a, common);
	register_flb(test, a, new_flb(test, 'A'));
	register_flb(test, b, common);
	KUNIT_EXPECT_EQ(test, chain_records(luo_flb_serialize(&nr)), 0);
	KUNIT_EXPECT_EQ(test, nr, 0);

	flb_use(test, b);
	flb_use(test, b);
	uses = flb_use(test, a);
	/* That somebody looks at it is nothing that the next kernel waits for */
	KUNIT_ASSERT_EQ(test, liveupdate_flb_get_outgoing(&common->flb, &obj),
			0);
	phys = luo_flb_serialize(&nr);
	KUNIT_EXPECT_EQ(test, nr, 3);
	KUNIT_ASSERT_EQ(test, chain_records(phys), 3);
	expect_flb_record(test, phys, 0, 'X', "kunit-a", 1);
	expect_flb_record(test, phys, 1, 'A', "kunit-a", 1);
	expect_flb_record(test, phys, 2, 'X', "kunit-b", 2);
	liveupdate_flb_put_outgoing(&common->flb);

	flb_unuse(test, uses);
	phys = luo_flb_serialize(&nr);
	KUNIT_EXPECT_EQ(test, nr, 1);
	KUNIT_ASSERT_EQ(test, chain_records(phys), 1);
	expect_flb_record(test, phys, 0, 'X', "kunit-b", 2);
}

static void flb_incoming_none(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');
	void *obj;

	register_flb(test, handler, flb);
	KUNIT_EXPECT_EQ(test, liveupdate_flb_get_incoming(&flb->flb, &obj),
			-ENODATA);

	/* What is on its way out has not come in */
	flb_use(test, handler);
	expect_events(test, "pA");
	KUNIT_EXPECT_EQ(test, liveupdate_flb_get_incoming(&flb->flb, &obj),
			-ENODATA);
	expect_events(test, "");
}

/* Its module is pinned as long as the FLB is in use, and not longer */
static void flb_module(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *flb = new_flb(test, 'A');
	struct module *module = fake_module(test);
	struct luo_flb_uses *uses;
	void *obj;

	flb->ops.owner = module;
	register_flb(test, handler, flb);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);

	uses = flb_use(test, handler);
	KUNIT_EXPECT_GT(test, fake_module_users(module), 0);
	KUNIT_ASSERT_EQ(test, liveupdate_flb_get_outgoing(&flb->flb, &obj), 0);
	flb_unuse(test, uses);
	/* Its unpreserve is still to be called */
	KUNIT_EXPECT_GT(test, fake_module_users(module), 0);
	liveupdate_flb_put_outgoing(&flb->flb);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);

	flb->preserve_err = -ENOMEM;
	KUNIT_EXPECT_EQ(test,
			PTR_ERR_OR_ZERO(luo_flb_file_preserve(&handler->fh)),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);
}

static void flb_module_going(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_flb *first = new_flb(test, 'A');
	struct fake_flb *second = new_flb(test, 'B');
	struct module *module = fake_module(test);

	first->ops.owner = module;
	second->ops.owner = fake_module(test);
	second->ops.owner->state = MODULE_STATE_GOING;
	register_flb(test, handler, first);
	register_flb(test, handler, second);

	KUNIT_EXPECT_LT(test,
			PTR_ERR_OR_ZERO(luo_flb_file_preserve(&handler->fh)),
			0);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);
	expect_events(test, "");
}

static struct kunit_case luo_flb_cases[] = {
	KUNIT_CASE(flb_missing_callback),
	KUNIT_CASE(flb_names),
	KUNIT_CASE(flb_needs_handler),
	KUNIT_CASE(flb_duplicates),
	KUNIT_CASE(flb_unregister),
	KUNIT_CASE(flb_goes_with_handler),
	KUNIT_CASE(flb_order),
	KUNIT_CASE(flb_shared),
	KUNIT_CASE(flb_error),
	KUNIT_CASE(flb_error_shared),
	KUNIT_CASE(flb_outgoing),
	KUNIT_CASE(flb_outgoing_reused),
	KUNIT_CASE(flb_late),
	KUNIT_CASE(flb_unregister_in_use),
	KUNIT_CASE(flb_many),
	KUNIT_CASE(flb_records),
	KUNIT_CASE(flb_incoming_none),
	KUNIT_CASE(flb_module),
	KUNIT_CASE(flb_module_going),
	{}
};

static struct kunit_suite luo_flb_suite = {
	.name = "luo_flb",
	.init = luo_test_init,
	.test_cases = luo_flb_cases,
};

/*
 * Files of an outgoing session. Most tests have a set of their own, whose
 * session is a real one that has no files.
 */
static void close_session(void *file)
{
	fput(file);
	flush_files();
}

static struct file *create_session(const char *name)
{
	guard(rwsem_read)(&luo_freeze_rwsem);

	return luo_session_create(name);
}

static struct file *new_session(struct kunit *test, const char *name)
{
	struct file *session = create_session(name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, session);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, close_session,
							session), 0);
	return session;
}

static void end_session(struct kunit *test, struct file *session)
{
	kunit_release_action(test, close_session, session);
}

static void destroy_set(void *arg)
{
	struct luo_file_set *set = arg;

	luo_file_set_unpreserve(set);
	luo_file_set_destroy(set);
	flush_files();
}

static struct luo_file_set *new_set(struct kunit *test, const char *name)
{
	struct luo_file_set *set = test_alloc(test, sizeof(*set));
	struct file *session = new_session(test, name);

	luo_file_set_init(set, session->private_data);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_set, set),
			0);
	return set;
}

/* Write the records of one session's files, return where they are */
static phys_addr_t serialize_set(struct luo_file_set *set)
{
	struct luo_session_ser ser = {};
	struct luo_index_writer index;

	luo_index_start(&index);
	luo_file_set_serialize(set, &ser, 0, &index);
	return ser.files;
}

static void preserve(struct kunit *test, struct luo_file_set *set,
		     struct fake_file *ff, u64 token)
{
	KUNIT_ASSERT_EQ(test, luo_file_preserve(set, ff->fd, token), 0);
}

/* Files 1 to @nr, with tokens 101 and so on */
static void preserve_files(struct kunit *test, struct luo_file_set *set,
			   struct fake_handler *handler, struct fake_file **ff,
			   unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		ff[i] = new_file(test, handler, i + 1);
		preserve(test, set, ff[i], 101 + i);
	}
}

static void file_preserve(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff[3];

	preserve_files(test, set, handler, ff, 3);
	expect_events(test, "p1 p2 p3");
	KUNIT_EXPECT_EQ(test, set->nr, 3);
	for (int i = 0; i < 3; i++) {
		/* The session has a reference of its own */
		KUNIT_EXPECT_EQ(test, file_count(ff[i]->file), 2);
		KUNIT_EXPECT_PTR_EQ(test, ff[i]->session, set->session);
	}

	luo_file_set_unpreserve(set);
	expect_events(test, "u3 u2 u1");
	KUNIT_EXPECT_EQ(test, set->nr, 0);
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, file_count(ff[i]->file), 1);

	/* Nothing is left, so all can be preserved anew */
	for (int i = 0; i < 3; i++)
		preserve(test, set, ff[2 - i], 101 + i);
	luo_file_set_unpreserve(set);
	expect_events(test, "p3 p2 p1 u1 u2 u3");
}

/* A file lives on in the session when its descriptor is closed */
static void file_closed(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);

	preserve(test, set, ff, 1);
	close_file(ff);
	KUNIT_EXPECT_EQ(test, file_count(ff->file), 1);
	luo_file_set_unpreserve(set);
	expect_events(test, "p1 u1");
}

static void file_bad_fd(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);
	int fd = ff->fd;

	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, -1, 1), -EBADF);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, INT_MAX, 1), -EBADF);
	close_file(ff);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, fd, 1), -EBADF);
	KUNIT_EXPECT_EQ(test, set->nr, 0);
	expect_events(test, "");
}

static void file_no_handler(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);

	registered_handler(test, "kunit-b");
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, ff->fd, 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, set->nr, 0);
	KUNIT_EXPECT_EQ(test, file_count(ff->file), 1);
	expect_events(test, "");

	register_handler(test, handler);
	preserve(test, set, ff, 1);
	expect_events(test, "p1");
}

static void file_token_taken(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct luo_file_set *other = new_set(test, "kunit-other");
	struct fake_file *first = new_file(test, handler, 1);
	struct fake_file *second = new_file(test, handler, 2);

	preserve(test, set, first, 0);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, second->fd, 0), -EEXIST);
	KUNIT_EXPECT_EQ(test, file_count(second->file), 1);
	expect_events(test, "p1");

	/* All numbers are tokens, and each session has its own */
	preserve(test, set, second, ~0ULL);
	preserve(test, other, new_file(test, handler, 3), 0);
	preserve(test, other, new_file(test, handler, 4), ~0ULL);
	preserve(test, set, new_file(test, handler, 5), 1ULL << 32);
	KUNIT_EXPECT_EQ(test,
			luo_file_preserve(set, new_file(test, handler, 6)->fd,
					  1ULL << 32),
			-EEXIST);
	expect_events(test, "p2 p3 p4 p5");
}

static void file_twice(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct luo_file_set *other = new_set(test, "kunit-other");
	struct fake_file *ff = new_file(test, handler, 1);

	preserve(test, set, ff, 1);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, ff->fd, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(other, ff->fd, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, file_count(ff->file), 2);
	expect_events(test, "p1");

	/* Those that failed have not taken the object from the first */
	KUNIT_EXPECT_EQ(test, luo_file_preserve(other, ff->fd, 1), -EBUSY);
	luo_file_set_unpreserve(set);
	preserve(test, other, ff, 2);
	expect_events(test, "u1 p1");
}

/* Two files that lead to one object */
static void file_same_object(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct luo_file_set *other = new_set(test, "kunit-other");
	struct fake_file *first, *second;

	handler->ops.get_id = fake_get_id;
	register_handler(test, handler);
	first = new_file(test, handler, 1);
	second = new_file(test, handler, 2);
	second->object = first->object;

	preserve(test, set, first, 1);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, second->fd, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(other, second->fd, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, file_count(second->file), 1);
	expect_events(test, "p1");

	luo_file_set_unpreserve(set);
	preserve(test, other, second, 2);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, first->fd, 1), -EBUSY);
	expect_events(test, "u1 p2");
}

static void file_preserve_fails(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct luo_file_set *other = new_set(test, "kunit-other");
	struct fake_file *ff = new_file(test, handler, 1);

	register_flb(test, handler, new_flb(test, 'A'));
	ff->preserve_err = -EXDEV;
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, ff->fd, 1), -EXDEV);
	expect_events(test, "pA p1! uA");
	KUNIT_EXPECT_EQ(test, set->nr, 0);
	KUNIT_EXPECT_EQ(test, file_count(ff->file), 1);

	/* Neither the token nor the object is taken */
	ff->preserve_err = 0;
	preserve(test, other, ff, 1);
	preserve(test, set, new_file(test, handler, 2), 1);
	expect_events(test, "pA p1 p2");
}

static void file_flb_fails(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);
	struct fake_flb *flb = new_flb(test, 'B');

	register_flb(test, handler, new_flb(test, 'A'));
	register_flb(test, handler, flb);
	flb->preserve_err = -ENOSPC;
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, ff->fd, 1), -ENOSPC);
	expect_events(test, "pA pB! uA");
	KUNIT_EXPECT_EQ(test, set->nr, 0);
	KUNIT_EXPECT_EQ(test, file_count(ff->file), 1);

	flb->preserve_err = 0;
	preserve(test, set, ff, 1);
	luo_file_set_unpreserve(set);
	expect_events(test, "pA pB p1 u1 uB uA");
}

static void file_module(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct module *module = fake_module(test);
	struct fake_file *ff[2], *bad;

	handler->ops.owner = module;
	register_handler(test, handler);
	preserve_files(test, set, handler, ff, 2);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 2);

	/* Each way to fail */
	bad = new_file(test, handler, 3);
	bad->preserve_err = -EIO;
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, bad->fd, 9), -EIO);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, bad->fd, 101), -EEXIST);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, ff[0]->fd, 9), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 2);

	bad->preserve_err = 0;
	module->state = MODULE_STATE_GOING;
	KUNIT_EXPECT_EQ(test, luo_file_preserve(set, bad->fd, 9), -ENOENT);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 2);

	luo_file_set_unpreserve(set);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);
}

static void file_freeze(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff[3];

	preserve_files(test, set, handler, ff, 3);
	clear_events();
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, luo_file_set_freeze(set), 0);
		expect_events(test, "f1 f2 f3");
		luo_file_set_unfreeze(set);
		expect_events(test, "x3 x2 x1");
	}
}

static void file_freeze_fails(struct kunit *test)
{
	static const char *const expected[] = {
		"f1!", "f1 f2! x1", "f1 f2 f3! x2 x1", "f1 f2 f3 f4! x3 x2 x1",
	};
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff[4];

	preserve_files(test, set, handler, ff, 4);
	clear_events();
	for (int i = 0; i < 4; i++) {
		ff[i]->freeze_err = -EAGAIN;
		KUNIT_EXPECT_EQ(test, luo_file_set_freeze(set), -EAGAIN);
		expect_events(test, expected[i]);
		ff[i]->freeze_err = 0;
	}
	KUNIT_EXPECT_EQ(test, luo_file_set_freeze(set), 0);
	expect_events(test, "f1 f2 f3 f4");
}

/* Freeze and unfreeze are optional, each for itself */
static void file_freeze_optional(struct kunit *test)
{
	struct fake_handler *full = registered_handler(test, "kunit-full");
	struct fake_handler *none = new_handler(test, "kunit-none");
	struct fake_handler *half = new_handler(test, "kunit-half");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *last = new_file(test, full, 4);

	none->ops.freeze = NULL;
	none->ops.unfreeze = NULL;
	half->ops.unfreeze = NULL;
	register_handler(test, none);
	register_handler(test, half);

	preserve(test, set, new_file(test, full, 1), 1);
	preserve(test, set, new_file(test, none, 2), 2);
	preserve(test, set, new_file(test, half, 3), 3);
	preserve(test, set, last, 4);
	clear_events();

	KUNIT_EXPECT_EQ(test, luo_file_set_freeze(set), 0);
	luo_file_set_unfreeze(set);
	expect_events(test, "f1 f3 f4 x4 x1");
	last->freeze_err = -EBUSY;
	KUNIT_EXPECT_EQ(test, luo_file_set_freeze(set), -EBUSY);
	expect_events(test, "f1 f3 f4! x1");
}

#define MANY_FILES	120

static void file_records(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file **ff = test_alloc(test, MANY_FILES * sizeof(*ff));
	struct luo_file_set *set = new_set(test, "kunit");
	phys_addr_t phys;

	KUNIT_EXPECT_EQ(test, serialize_set(set), 0);

	preserve_files(test, set, handler, ff, MANY_FILES);
	clear_events();
	KUNIT_ASSERT_EQ(test, luo_file_set_freeze(set), 0);
	phys = serialize_set(set);
	KUNIT_ASSERT_EQ(test, chain_records(phys), MANY_FILES);

	for (unsigned int i = 0; i < MANY_FILES; i++) {
		const struct luo_file_ser *ser;

		ser = record_at(test, phys, sizeof(*ser), i);
		KUNIT_EXPECT_STREQ(test, ser->compatible, "kunit-a");
		KUNIT_EXPECT_EQ(test, ser->token, 101 + i);
		/* What freeze has made of it */
		KUNIT_EXPECT_EQ(test, ser->data, fake_data(ff[i], true));
	}
}

/* The data of a freeze that fails is not the handler's last word */
static void file_freeze_fails_data(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	const struct luo_file_ser *ser;
	struct fake_file *ff;

	preserve_files(test, set, handler, &ff, 1);
	ff->freeze_err = -EBUSY;
	KUNIT_EXPECT_EQ(test, luo_file_set_freeze(set), -EBUSY);
	ser = record_at(test, serialize_set(set), sizeof(*ser), 0);
	KUNIT_EXPECT_EQ(test, ser->data, fake_data(ff, false));
}

static bool record_is(u64 record, unsigned int order, const void *mem)
{
	return record && FIELD_GET(KHO_EXTENT_ORDER, record) == order &&
	       FIELD_GET(KHO_EXTENT_PFN, record) ==
	       page_to_pfn(virt_to_page(mem));
}

static void expect_chunk_sum(struct kunit *test,
			     const struct kho_extents_chunk *chunk)
{
	const u64 *word = &chunk->next;
	u64 sum = KHO_MAP_SUM_SEED;

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(u64) - 1; i++)
		sum += word[i] * ((2ULL * i + 1) * KHO_MAP_SUM_PRIME);
	KUNIT_EXPECT_EQ(test, chunk->sum, sum);
	KUNIT_ASSERT_LE(test, chunk->nr, KHO_EXTENTS_PER_CHUNK);
}

static phys_addr_t list_phys(u64 record)
{
	return PFN_PHYS(FIELD_GET(KHO_EXTENT_PFN, record));
}

/* How often memory of one order is in a log, in which all else is right */
static unsigned int count_logged(struct kunit *test, const u64 *memory,
				 unsigned int order, const void *mem)
{
	u64 more = memory[KHO_OWNER_RECORDS - 1];
	unsigned int found = 0;
	phys_addr_t phys;

	for (unsigned int i = 0; i < KHO_OWNER_RECORDS - 1; i++)
		found += record_is(memory[i], order, mem);
	if (!more)
		return found;

	KUNIT_EXPECT_EQ(test, KHO_EXTENT_LIST,
			FIELD_GET(KHO_EXTENT_ORDER, more));
	for (phys = list_phys(more); phys;) {
		const struct kho_extents_chunk *chunk = phys_to_virt(phys);

		expect_chunk_sum(test, chunk);
		for (u64 i = 0; i < chunk->nr; i++)
			found += record_is(chunk->record[i], order, mem);
		phys = chunk->next;
	}
	return found;
}

static unsigned int logged(struct kunit *test, struct luo_file_set *set,
			   unsigned int order, const void *mem)
{
	const struct luo_file_ser *ser;

	ser = record_at(test, serialize_set(set), sizeof(*ser), 0);
	return count_logged(test, ser->memory, order, mem);
}

/* If nobody wants the file, the next kernel can still find its memory */
static void file_memory(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);
	const struct luo_file_ser *ser;
	u64 nr;

	ff->preserve_pages = 4;
	preserve(test, set, ff, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ff->preserve_mem);
	KUNIT_EXPECT_EQ(test, logged(test, set, 2, ff->preserve_mem), 1);

	ser = record_at(test, serialize_set(set), sizeof(*ser), 0);
	nr = FIELD_GET(KHO_EXTENT_NR, ser->memory[0]);
	KUNIT_EXPECT_EQ(test, nr, 1);
	KUNIT_EXPECT_EQ(test, ser->memory[1], 0);
	KUNIT_EXPECT_EQ(test, ser->memory[2], 0);
}

static void file_memory_none(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	const struct luo_file_ser *ser;

	preserve(test, set, new_file(test, handler, 1), 1);
	ser = record_at(test, serialize_set(set), sizeof(*ser), 0);
	for (unsigned int i = 0; i < KHO_OWNER_RECORDS; i++)
		KUNIT_EXPECT_EQ(test, ser->memory[i], 0);
}

/* More than the record of a file has room for */
static void owner_many(struct kunit *test)
{
	const unsigned int nr = KHO_EXTENTS_PER_CHUNK + 2 * KHO_OWNER_RECORDS;
	void **mem = kunit_kcalloc(test, nr, sizeof(*mem), GFP_KERNEL);
	struct kho_owner owner = {};
	u64 memory[KHO_OWNER_RECORDS];

	KUNIT_ASSERT_NOT_NULL(test, mem);
	kho_owner_begin(&owner);
	for (unsigned int i = 0; i < nr; i++) {
		mem[i] = kho_alloc_preserve(PAGE_SIZE);
		KUNIT_EXPECT_NOT_ERR_OR_NULL(test, mem[i]);
	}
	kho_owner_serialize(&owner, memory);
	for (unsigned int i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, count_logged(test, memory, 0, mem[i]), 1);

	/* In an order that jumps about; 7 is prime to the number of them */
	KUNIT_ASSERT_NE(test, nr % 7, 0);
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int n = i * 7 % nr;

		kho_unpreserve_free(mem[n]);
		kho_owner_serialize(&owner, memory);
		KUNIT_EXPECT_EQ(test, count_logged(test, memory, 0, mem[n]), 0);
	}
	kho_owner_end(&owner);
	kho_owner_free(&owner);
	kho_owner_serialize(&owner, memory);
	KUNIT_EXPECT_EQ(test, memory[KHO_OWNER_RECORDS - 1], 0);
}

/* What is undone after a kexec that failed may be somebody else's by now */
static void file_memory_freeze(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);
	void *mem;

	ff->preserve_pages = 1;
	ff->freeze_pages = 1;
	preserve(test, set, ff, 1);
	KUNIT_ASSERT_EQ(test, luo_file_set_freeze(set), 0);
	mem = ff->freeze_mem;
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mem);
	KUNIT_EXPECT_EQ(test, logged(test, set, 0, mem), 1);
	KUNIT_EXPECT_EQ(test, logged(test, set, 0, ff->preserve_mem), 1);

	luo_file_set_unfreeze(set);
	KUNIT_EXPECT_EQ(test, logged(test, set, 0, mem), 0);
	KUNIT_EXPECT_EQ(test, logged(test, set, 0, ff->preserve_mem), 1);
}

/* Warned about, and yet the files are undone by their handler */
static void file_handler_unregistered(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *set = new_set(test, "kunit");
	struct fake_file *ff;

	preserve_files(test, set, handler, &ff, 1);
	liveupdate_unregister_file_handler(&handler->fh);
	KUNIT_EXPECT_EQ(test,
			luo_file_preserve(set, new_file(test, handler, 2)->fd,
					  2),
			-ENOENT);
	luo_file_set_unpreserve(set);
	expect_events(test, "p1 u1");
	KUNIT_EXPECT_EQ(test, file_count(ff->file), 1);
}

static struct kunit_case luo_file_cases[] = {
	KUNIT_CASE(file_preserve),
	KUNIT_CASE(file_closed),
	KUNIT_CASE(file_bad_fd),
	KUNIT_CASE(file_no_handler),
	KUNIT_CASE(file_token_taken),
	KUNIT_CASE(file_twice),
	KUNIT_CASE(file_same_object),
	KUNIT_CASE(file_preserve_fails),
	KUNIT_CASE(file_flb_fails),
	KUNIT_CASE(file_module),
	KUNIT_CASE(file_freeze),
	KUNIT_CASE(file_freeze_fails),
	KUNIT_CASE(file_freeze_optional),
	KUNIT_CASE(file_records),
	KUNIT_CASE(file_freeze_fails_data),
	KUNIT_CASE(file_memory),
	KUNIT_CASE(file_memory_none),
	KUNIT_CASE(file_memory_freeze),
	KUNIT_CASE(owner_many),
	KUNIT_CASE(file_handler_unregistered),
	{}
};

static struct kunit_suite luo_file_suite = {
	.name = "luo_file",
	.init = luo_test_init,
	.test_cases = luo_file_cases,
};

/*
 * Sessions, through the commands of their files.
 */
static void __user *user_page(struct kunit *test)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return (void __user *)addr;
}

/* A session and a place in user memory for its commands */
struct user_session {
	struct file *file;
	void __user *page;
};

static struct user_session user_session(struct kunit *test, const char *name)
{
	return (struct user_session){
		.file = new_session(test, name),
		.page = user_page(test),
	};
}

static long call(struct user_session *us, unsigned int cmd, void __user *arg)
{
	return us->file->f_op->unlocked_ioctl(us->file, cmd,
					      (unsigned long)arg);
}

static long command(struct kunit *test, struct user_session *us,
		    unsigned int cmd, void *arg, size_t size)
{
	long ret;

	KUNIT_ASSERT_EQ(test, copy_to_user(us->page, arg, size), 0);
	ret = call(us, cmd, us->page);
	KUNIT_ASSERT_EQ(test, copy_from_user(arg, us->page, size), 0);
	return ret;
}

static long preserve_fd(struct kunit *test, struct user_session *us, int fd,
			u64 token)
{
	struct liveupdate_session_preserve_fd cmd = {
		.size = sizeof(cmd),
		.fd = fd,
		.token = token,
	};

	return command(test, us, LIVEUPDATE_SESSION_PRESERVE_FD, &cmd,
		       sizeof(cmd));
}

static void session_names(struct kunit *test)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH] = {};
	struct file *first = new_session(test, "kunit");

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(create_session("kunit")),
			-EEXIST);
	new_session(test, "kunit-2");
	new_session(test, "kuni");

	/* Names that differ in their last byte only */
	memset(name, 'x', sizeof(name) - 1);
	new_session(test, name);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(create_session(name)), -EEXIST);
	name[sizeof(name) - 2] = 'y';
	new_session(test, name);
	name[sizeof(name) - 2] = '\0';
	new_session(test, name);

	/* Free again with the last reference */
	get_file(first);
	end_session(test, first);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(create_session("kunit")),
			-EEXIST);
	close_session(first);
	new_session(test, "kunit");
}

static void session_get_name(struct kunit *test)
{
	char name[LIVEUPDATE_SESSION_NAME_LENGTH] = {};
	struct liveupdate_session_get_name cmd;
	struct user_session us;

	memset(name, 'x', sizeof(name) - 1);
	us = user_session(test, name);

	memset(&cmd, 0xff, sizeof(cmd));
	cmd.size = sizeof(cmd);
	cmd.reserved = 0;
	KUNIT_EXPECT_EQ(test, command(test, &us, LIVEUPDATE_SESSION_GET_NAME,
				      &cmd, sizeof(cmd)), 0);
	KUNIT_EXPECT_MEMEQ(test, (char *)cmd.name, (char *)name, sizeof(name));
	KUNIT_EXPECT_EQ(test, cmd.size, sizeof(cmd));

	us = user_session(test, "k");
	memset(cmd.name, 0xff, sizeof(cmd.name));
	KUNIT_EXPECT_EQ(test, command(test, &us, LIVEUPDATE_SESSION_GET_NAME,
				      &cmd, sizeof(cmd)), 0);
	memset(name, 0, sizeof(name));
	name[0] = 'k';
	KUNIT_EXPECT_MEMEQ(test, (char *)cmd.name, (char *)name, sizeof(name));

	cmd.reserved = 1;
	KUNIT_EXPECT_EQ(test, command(test, &us, LIVEUPDATE_SESSION_GET_NAME,
				      &cmd, sizeof(cmd)), -EINVAL);
}

static void session_unknown_command(struct kunit *test)
{
	struct user_session us = user_session(test, "kunit");
	unsigned int unknown[] = {
		LIVEUPDATE_IOCTL_CREATE_SESSION,
		LIVEUPDATE_IOCTL_RETRIEVE_SESSION,
		_IO(LIVEUPDATE_IOCTL_TYPE, 0x3f),
		_IO(LIVEUPDATE_IOCTL_TYPE, 0x6f),
		_IO(LIVEUPDATE_IOCTL_TYPE, 0xff),
		_IO(LIVEUPDATE_IOCTL_TYPE + 1, LIVEUPDATE_CMD_SESSION_GET_NAME),
		_IOWR(LIVEUPDATE_IOCTL_TYPE, LIVEUPDATE_CMD_SESSION_GET_NAME,
		      struct liveupdate_session_get_name),
		0,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(unknown); i++)
		KUNIT_EXPECT_EQ_MSG(test, call(&us, unknown[i], us.page),
				    -ENOTTY, "0x%x", unknown[i]);
}

/* A struct that may grow, in an array that is larger than that */
static void session_sizes(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct user_session us = user_session(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);
	struct {
		struct liveupdate_session_preserve_fd cmd;
		u8 tail[64];
	} arg = { .cmd = { .fd = ff->fd } };
	u32 sizes[] = { 0, 4, 8, sizeof(arg.cmd) - 1 };

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		arg.cmd.size = sizes[i];
		KUNIT_EXPECT_EQ(test,
				command(test, &us,
					LIVEUPDATE_SESSION_PRESERVE_FD, &arg,
					sizeof(arg)), -EINVAL);
	}

	arg.cmd.size = sizeof(arg);
	arg.tail[63] = 1;
	KUNIT_EXPECT_EQ(test, command(test, &us, LIVEUPDATE_SESSION_PRESERVE_FD,
				      &arg, sizeof(arg)), -E2BIG);
	expect_events(test, "");

	/* Beyond its size nothing counts */
	arg.cmd.size = sizeof(arg) - 1;
	KUNIT_EXPECT_EQ(test, command(test, &us, LIVEUPDATE_SESSION_PRESERVE_FD,
				      &arg, sizeof(arg)), 0);
	expect_events(test, "p1");
}

static void session_bad_memory(struct kunit *test)
{
	struct user_session us = user_session(test, "kunit");
	struct liveupdate_session_preserve_fd cmd = { .size = sizeof(cmd) };
	void __user *end = us.page + PAGE_SIZE;

	KUNIT_EXPECT_EQ(test, call(&us, LIVEUPDATE_SESSION_PRESERVE_FD, NULL),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, call(&us, LIVEUPDATE_SESSION_PRESERVE_FD,
				   (void __user *)~0xfffUL), -EFAULT);

	/* Only the size can be read */
	KUNIT_ASSERT_EQ(test, copy_to_user(end - 4, &cmd.size, 4), 0);
	KUNIT_EXPECT_EQ(test, call(&us, LIVEUPDATE_SESSION_PRESERVE_FD,
				   end - 4), -EFAULT);
}

/* Retrieve and finish are for sessions that came over */
static void session_wrong_kind(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct user_session us = user_session(test, "kunit");
	struct fake_file *ff = new_file(test, handler, 1);
	struct liveupdate_session_retrieve_fd retrieve = {
		.size = sizeof(retrieve),
		.token = 1,
	};
	struct liveupdate_session_finish finish = { .size = sizeof(finish) };

	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff->fd, 1), 0);
	KUNIT_EXPECT_EQ(test, command(test, &us, LIVEUPDATE_SESSION_RETRIEVE_FD,
				      &retrieve, sizeof(retrieve)), -EINVAL);
	KUNIT_EXPECT_EQ(test, command(test, &us, LIVEUPDATE_SESSION_FINISH,
				      &finish, sizeof(finish)), -EINVAL);
	expect_events(test, "p1");
}

static void session_errors(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct user_session us = user_session(test, "kunit");
	struct user_session other = user_session(test, "kunit-2");
	struct fake_file *ff = new_file(test, handler, 1);
	struct fake_file *bad = new_file(test, handler, 2);

	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, -1, 1), -EBADF);
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff->fd, 1), 0);
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, bad->fd, 1), -EEXIST);
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff->fd, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &other, ff->fd, 1), -EBUSY);
	bad->preserve_err = -EPERM;
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, bad->fd, 2), -EPERM);
	expect_events(test, "p1 p2!");
}

static void session_close(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct user_session us = user_session(test, "kunit");
	struct fake_file *ff[3];

	for (int i = 0; i < 3; i++) {
		ff[i] = new_file(test, handler, i + 1);
		KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff[i]->fd, i), 0);
	}
	expect_events(test, "p1 p2 p3");
	end_session(test, us.file);
	expect_events(test, "u3 u2 u1");
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, file_count(ff[i]->file), 1);
}

/* A handler asks for another file's token */
static void session_other_token(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct user_session us = user_session(test, "kunit");
	struct fake_file *other = new_file(test, handler, 1);
	struct fake_file *ff = new_file(test, handler, 2);

	/* Not there yet */
	ff->other = other->file;
	ff->preserve_err = -EAGAIN;
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff->fd, 2), -EAGAIN);
	KUNIT_EXPECT_EQ(test, ff->other_err, -ENOENT);

	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, other->fd, 0x123456789),
			0);
	ff->preserve_err = 0;
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff->fd, 2), 0);
	KUNIT_EXPECT_EQ(test, ff->other_err, 0);
	KUNIT_EXPECT_EQ(test, ff->other_token, 0x123456789);
	expect_events(test, "p2! p1 p2");
}

static void session_other_token_missing(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_handler *unknown = new_handler(test, "kunit-b");
	struct user_session us = user_session(test, "kunit");
	struct user_session us_2 = user_session(test, "kunit-2");
	struct fake_file *other = new_file(test, handler, 1);
	struct fake_file *ff = new_file(test, handler, 2);
	struct fake_file *gg = new_file(test, handler, 3);

	/* In another session */
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us_2, other->fd, 1), 0);
	ff->other = other->file;
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff->fd, 2), 0);
	KUNIT_EXPECT_EQ(test, ff->other_err, -ENOENT);

	/* Of no known kind */
	gg->other = new_file(test, unknown, 4)->file;
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, gg->fd, 3), 0);
	KUNIT_EXPECT_EQ(test, gg->other_err, -ENOENT);
}

/* It is the object that counts, not through which file it is reached */
static void session_other_token_object(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct module *module = fake_module(test);
	struct user_session us = user_session(test, "kunit");
	struct fake_file *other, *alias, *ff;

	handler->ops.get_id = fake_get_id;
	handler->ops.owner = module;
	register_handler(test, handler);
	other = new_file(test, handler, 1);
	alias = new_file(test, handler, 2);
	ff = new_file(test, handler, 3);
	alias->object = other->object;
	ff->other = alias->file;

	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, other->fd, 77), 0);
	KUNIT_EXPECT_EQ(test, preserve_fd(test, &us, ff->fd, 3), 0);
	KUNIT_EXPECT_EQ(test, ff->other_err, 0);
	KUNIT_EXPECT_EQ(test, ff->other_token, 77);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 2);

	end_session(test, us.file);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);
}

/* Two sessions: files 1 and 2 in the first, 3 and 4 in the second */
static void two_sessions(struct kunit *test, struct fake_file **ff)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct user_session us[2];

	us[0] = user_session(test, "kunit");
	us[1] = user_session(test, "kunit-2");
	for (int i = 0; i < 4; i++) {
		ff[i] = new_file(test, handler, i + 1);
		KUNIT_EXPECT_EQ(test, preserve_fd(test, &us[i / 2], ff[i]->fd,
						  i % 2), 0);
	}
	expect_events(test, "p1 p2 p3 p4");
}

static void session_freeze(struct kunit *test)
{
	const struct luo_session_ser *ser;
	const struct luo_file_ser *file;
	struct luo_header_ser header = {};
	struct fake_file *ff[4];

	two_sessions(test, ff);
	down_write(&luo_freeze_rwsem);
	KUNIT_EXPECT_EQ(test, luo_sessions_freeze(&header), 0);
	expect_events(test, "f1 f2 f3 f4");

	luo_sessions_unfreeze();
	up_write(&luo_freeze_rwsem);
	expect_events(test, "x4 x3 x2 x1");

	KUNIT_EXPECT_EQ(test, header.nr_sessions, 2);
	KUNIT_ASSERT_EQ(test, chain_records(header.sessions), 2);
	ser = record_at(test, header.sessions, sizeof(*ser), 0);
	KUNIT_EXPECT_STREQ(test, ser->name, "kunit");
	KUNIT_EXPECT_EQ(test, ser->nr_files, 2);
	KUNIT_EXPECT_EQ(test, chain_records(ser->files), 2);
	ser = record_at(test, header.sessions, sizeof(*ser), 1);
	KUNIT_EXPECT_STREQ(test, ser->name, "kunit-2");
	file = record_at(test, ser->files, sizeof(*file), 1);
	KUNIT_EXPECT_EQ(test, file->data, fake_data(ff[3], true));
	KUNIT_EXPECT_EQ(test, file->token, 1);
}

/* What was frozen of other sessions is undone, too */
static void session_freeze_fails(struct kunit *test)
{
	static const char *const expected[] = {
		"f1!", "f1 f2! x1", "f1 f2 f3! x2 x1", "f1 f2 f3 f4! x3 x2 x1",
	};
	struct luo_header_ser header = {};
	struct fake_file *ff[4];

	two_sessions(test, ff);
	for (int i = 0; i < 4; i++) {
		ff[i]->freeze_err = -ECANCELED;
		down_write(&luo_freeze_rwsem);
		KUNIT_EXPECT_EQ(test, luo_sessions_freeze(&header),
				-ECANCELED);
		up_write(&luo_freeze_rwsem);
		expect_events(test, expected[i]);
		ff[i]->freeze_err = 0;
	}
}

static void expect_not_frozen(struct kunit *test)
{
	bool free = down_write_trylock(&luo_freeze_rwsem);

	KUNIT_EXPECT_TRUE(test, free);
	if (free)
		up_write(&luo_freeze_rwsem);
}

static void session_reboot_refused(struct kunit *test)
{
	struct fake_file *ff[4];

	two_sessions(test, ff);
	ff[2]->freeze_err = -ETXTBSY;
	KUNIT_EXPECT_EQ(test, liveupdate_reboot(), -ETXTBSY);
	expect_events(test, "f1 f2 f3! x2 x1");
	expect_not_frozen(test);
}

/* No image is loaded while KUnit runs, so there is none to take files along */
static void session_reboot_no_image(struct kunit *test)
{
	struct fake_file *ff[4];

	two_sessions(test, ff);
	KUNIT_EXPECT_EQ(test, liveupdate_reboot(), -EOPNOTSUPP);
	expect_events(test, "f1 f2 f3 f4 x4 x3 x2 x1");
	expect_not_frozen(test);
}

static void session_reboot_abort(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, liveupdate_reboot(), 0);
	KUNIT_EXPECT_FALSE(test, down_read_trylock(&luo_freeze_rwsem));
	liveupdate_reboot_abort();
	expect_not_frozen(test);
	new_session(test, "kunit");
}

static int fake_image_stale(void)
{
	return -ESTALE;
}

static int fake_image_ready(void)
{
	return 0;
}

/* All that can still go wrong comes when all is frozen, and undoes all of it */
static void session_reboot_late(struct kunit *test)
{
	struct fake_file *ff[4];
	int err;

	two_sessions(test, ff);
	kunit_activate_static_stub(test, kho_kimage_ready, fake_image_stale);
	for (int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, liveupdate_reboot(), -ESTALE);
		expect_events(test, "f1 f2 f3 f4 x4 x3 x2 x1");
		expect_not_frozen(test);
	}

	kunit_deactivate_static_stub(test, kho_kimage_ready);
	kunit_activate_static_stub(test, kho_kimage_ready, fake_image_ready);
	for (int i = 0; i < 2; i++) {
		err = liveupdate_reboot();
		KUNIT_ASSERT_EQ(test, err, 0);
		expect_events(test, "f1 f2 f3 f4");
		KUNIT_EXPECT_FALSE(test, down_read_trylock(&luo_freeze_rwsem));
		liveupdate_reboot_abort();
		expect_events(test, "x4 x3 x2 x1");
		expect_not_frozen(test);
	}
	new_session(test, "kunit-3");
	KUNIT_EXPECT_EQ(test, liveupdate_reboot(), 0);
	liveupdate_reboot_abort();
	expect_events(test, "f1 f2 f3 f4 x4 x3 x2 x1");
}

static struct kunit_case luo_session_cases[] = {
	KUNIT_CASE(session_names),
	KUNIT_CASE(session_get_name),
	KUNIT_CASE(session_unknown_command),
	KUNIT_CASE(session_sizes),
	KUNIT_CASE(session_bad_memory),
	KUNIT_CASE(session_wrong_kind),
	KUNIT_CASE(session_errors),
	KUNIT_CASE(session_close),
	KUNIT_CASE(session_other_token),
	KUNIT_CASE(session_other_token_missing),
	KUNIT_CASE(session_other_token_object),
	KUNIT_CASE(session_freeze),
	KUNIT_CASE(session_freeze_fails),
	KUNIT_CASE(session_reboot_refused),
	KUNIT_CASE(session_reboot_no_image),
	KUNIT_CASE(session_reboot_abort),
	KUNIT_CASE(session_reboot_late),
	{}
};

static struct kunit_suite luo_session_suite = {
	.name = "luo_session",
	.init = luo_test_init,
	.test_cases = luo_session_cases,
};

/*
 * What comes over. Nothing has, while KUnit runs: what was written just now is
 * read back, and the questions to KHO are answered here.
 */
#define MAX_FREED	16

static struct {
	phys_addr_t freed[MAX_FREED];
	unsigned int nr_freed;
	phys_addr_t refused;
} incoming;

static bool is_freed(phys_addr_t phys)
{
	for (unsigned int i = 0; i < min(incoming.nr_freed, MAX_FREED); i++)
		if (incoming.freed[i] == phys)
			return true;
	return false;
}

static bool fake_is_restorable(phys_addr_t phys, size_t size)
{
	return phys && phys != incoming.refused && !is_freed(phys);
}

/* The memory is that of a struct luo_blocks, which frees it */
static void fake_restore_free(void *mem)
{
	if (incoming.nr_freed < MAX_FREED)
		incoming.freed[incoming.nr_freed] = virt_to_phys(mem);
	incoming.nr_freed++;
}

static int incoming_test_init(struct kunit *test)
{
	int err = luo_test_init(test);

	if (err)
		return err;
	memset(&incoming, 0, sizeof(incoming));
	kunit_activate_static_stub(test, kho_is_restorable, fake_is_restorable);
	kunit_activate_static_stub(test, kho_restore_free, fake_restore_free);
	if (!kho_is_restorable(PAGE_SIZE, PAGE_SIZE))
		kunit_skip(test, "NOTHING IS TESTED: kho_is_restorable() has no stub");
	return 0;
}

/* To the log: the numbers of the records, or what is wrong with them */
static void read_records(phys_addr_t first, u64 nr)
{
	struct luo_reader reader;
	const void *record;
	int ret;

	luo_reader_start(&reader, first, nr, sizeof(struct fake_record));
	while ((ret = luo_reader_next(&reader, &record))) {
		if (ret > 0)
			event("%llu", ((struct fake_record *)record)->number);
		else
			event("%s", ret == -EIO ? "damaged" : "broken");
		if (ret < 0 && ret != -EIO && ret != -EUCLEAN)
			event("%d", ret);
	}
}

/* "0 1 2" and so on, and what comes then */
static void expect_numbers(struct kunit *test, u64 nr, const char *then)
{
	char *expected = test_alloc(test, sizeof(events.text));
	size_t len = 0;

	for (u64 i = 0; i < nr; i++)
		len += scnprintf(expected + len, sizeof(events.text) - len,
				 "%s%llu", i ? " " : "", i);
	scnprintf(expected + len, sizeof(events.text) - len, "%s", then);
	expect_events(test, expected);
}

static void reader_good(struct kunit *test)
{
	u64 nr = 2 * RECORDS_PER_BLOCK + 1;
	struct luo_blocks *blocks = new_blocks(test, nr);

	read_records(0, 0);
	expect_events(test, "");
	for (u64 i = 1; i <= nr; i++) {
		read_records(write_records(blocks, i, 1), i);
		expect_numbers(test, i, "");
	}
}

static void reader_announced(struct kunit *test)
{
	u64 nr = RECORDS_PER_BLOCK + 2;
	phys_addr_t first = write_records(new_blocks(test, nr), nr, 1);

	read_records(first, 3);
	expect_numbers(test, 3, "");
	read_records(first, 0);
	expect_events(test, "");
	read_records(first, nr + 1);
	expect_numbers(test, nr, " broken");
	read_records(first, ~0ULL);
	expect_numbers(test, nr, " broken");
	read_records(0, 1);
	expect_events(test, "broken");
	read_records(first + 8, 1);
	expect_events(test, "broken");
}

static void reader_damaged_record(struct kunit *test)
{
	phys_addr_t first = write_records(new_blocks(test, 4), 4, 1);
	u64 *word = phys_to_virt(first) + sizeof(struct luo_block_ser) +
		    sizeof(struct fake_record);

	for (unsigned int i = 0; i < sizeof(struct fake_record) / 8; i++) {
		word[i] ^= BIT_ULL(i * 6);
		read_records(first, 4);
		expect_events(test, "0 damaged 2 3");
		word[i] ^= BIT_ULL(i * 6);
	}
	read_records(first, 4);
	expect_events(test, "0 1 2 3");
}

static struct luo_block_ser *second_block(phys_addr_t first)
{
	struct luo_block_ser *block = phys_to_virt(first);

	return phys_to_virt(block->next);
}

static void reader_damaged_block(struct kunit *test)
{
	u64 nr = RECORDS_PER_BLOCK + 2;
	phys_addr_t first = write_records(new_blocks(test, nr), nr, 1);
	u64 *word = (u64 *)second_block(first);

	for (unsigned int i = 0; i < sizeof(struct luo_block_ser) / 8; i++) {
		word[i] ^= BIT_ULL(i * 13);
		read_records(first, nr);
		expect_numbers(test, RECORDS_PER_BLOCK, " broken");
		word[i] ^= BIT_ULL(i * 13);
	}
	read_records(first, nr);
	expect_numbers(test, nr, "");
}

/* With a sum that is right, as a kernel with a bug could write it */
static void set_block(struct luo_block_ser *block, u64 nr, u64 next)
{
	block->nr = nr;
	block->next = next;
	block->sum = expected_sum(block, sizeof(*block));
}

static void reader_nonsense(struct kunit *test)
{
	static const u64 bad_nr[] = { 0, RECORDS_PER_BLOCK + 1, ~0ULL };
	u64 nr = RECORDS_PER_BLOCK + 2;
	phys_addr_t first = write_records(new_blocks(test, nr), nr, 1);
	struct luo_block_ser *block = phys_to_virt(first);
	phys_addr_t second = block->next;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad_nr); i++) {
		set_block(phys_to_virt(second), bad_nr[i], 0);
		read_records(first, nr);
		expect_numbers(test, RECORDS_PER_BLOCK, " broken");
	}
	set_block(phys_to_virt(second), 2, 0);

	set_block(block, RECORDS_PER_BLOCK, second + 8);
	read_records(first, nr);
	expect_numbers(test, RECORDS_PER_BLOCK, " broken");
	set_block(block, RECORDS_PER_BLOCK, second);
	incoming.refused = second;
	read_records(first, nr);
	expect_numbers(test, RECORDS_PER_BLOCK, " broken");
}

/* A chain that comes back to its start does not go on for ever */
static void reader_cycle(struct kunit *test)
{
	phys_addr_t first = write_records(new_blocks(test, 2), 2, 1);

	set_block(phys_to_virt(first), 2, first);
	read_records(first, 5);
	expect_events(test, "0 1 0 1 0");

	luo_restore_free_blocks(first);
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 1);
}

/* A block without a record is preserved all the same, and so has to be freed */
static void reader_free_spare_blocks(struct kunit *test)
{
	u64 room = 3 * RECORDS_PER_BLOCK;
	phys_addr_t first;

	first = write_records(new_blocks(test, room), 1, 1);
	luo_restore_free_blocks(first);
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 3);

	incoming.nr_freed = 0;
	first = write_records(new_blocks(test, room), 0, 1);
	luo_restore_free_blocks(first);
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 3);
}

static void free_other_chain(const void *record)
{
	const struct fake_record *fake = record;

	luo_restore_free_blocks(fake->payload[0]);
}

/* A record may claim that its own block is what it leads to */
static void reader_free_own_block(struct kunit *test)
{
	struct luo_blocks *blocks = new_blocks(test, 2 * RECORDS_PER_BLOCK);
	struct folio *folio = list_first_entry(&blocks->pages, struct folio,
					       lru);
	phys_addr_t first = PFN_PHYS(folio_pfn(folio));

	KUNIT_EXPECT_EQ(test, write_records(blocks, RECORDS_PER_BLOCK + 1,
					    first), first);
	luo_restore_free_records(first, sizeof(struct fake_record),
				 free_other_chain);
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 2);
}

static void reader_free_blocks(struct kunit *test)
{
	u64 nr = 3 * RECORDS_PER_BLOCK;
	phys_addr_t first = write_records(new_blocks(test, nr), nr, 1);
	struct luo_block_ser *second = second_block(first);

	luo_restore_free_blocks(0);
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 0);
	luo_restore_free_blocks(first);
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 3);
	KUNIT_EXPECT_TRUE(test, is_freed(first));
	KUNIT_EXPECT_TRUE(test, is_freed(virt_to_phys(second)));

	/* What a damaged block refers to stays where it is */
	incoming.nr_freed = 0;
	second->magic++;
	luo_restore_free_blocks(first);
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 1);
	KUNIT_EXPECT_TRUE(test, is_freed(first));
}

static void destroy_incoming_set(void *arg)
{
	struct luo_file_set *set = arg;

	luo_file_set_forget(set);
	luo_file_set_destroy(set);
	flush_files();
}

static struct luo_file_set *new_incoming_set(struct kunit *test,
					     const char *name)
{
	struct luo_file_set *set = test_alloc(test, sizeof(*set));
	struct file *session = new_session(test, name);

	luo_file_set_init(set, session->private_data);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							destroy_incoming_set,
							set), 0);
	return set;
}

/* As preserve_files(), and then these files come over; none is left behind */
static struct luo_file_set *carry_over(struct kunit *test,
				       struct fake_handler *handler,
				       struct fake_file **ff, unsigned int nr)
{
	struct luo_file_set *out = new_set(test, "kunit-out");
	struct luo_file_set *in = new_incoming_set(test, "kunit-in");

	preserve_files(test, out, handler, ff, nr);
	KUNIT_ASSERT_EQ(test,
			luo_file_set_deserialize(in,
						 serialize_set(out),
						 nr), 0);
	KUNIT_ASSERT_EQ(test, in->nr, nr);
	KUNIT_ASSERT_FALSE(test, in->damaged);
	luo_file_set_unpreserve(out);
	clear_events();
	return in;
}

static void put_file(void *file)
{
	fput(file);
	flush_files();
}

static struct file *retrieve_now(struct kunit *test, struct luo_file_set *set,
				 u64 token)
{
	struct file *file = NULL;

	KUNIT_ASSERT_EQ(test, luo_file_retrieve(set, token, &file), 0);
	KUNIT_ASSERT_NOT_NULL(test, file);
	return file;
}

static struct file *retrieve(struct kunit *test, struct luo_file_set *set,
			     u64 token)
{
	struct file *file = retrieve_now(test, set, token);

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_file, file),
			0);
	return file;
}

static void incoming_retrieve(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file *ff[3];
	struct luo_file_set *set = carry_over(test, handler, ff, 3);
	struct file *third = retrieve(test, set, 103);
	struct file *file = NULL;

	retrieve(test, set, 101);
	retrieve(test, set, 102);
	expect_events(test, "r3 r1 r2");

	/* The same one again, each time with a reference of its own */
	KUNIT_EXPECT_EQ(test, file_count(third), 2);
	KUNIT_EXPECT_PTR_EQ(test, retrieve(test, set, 103), third);
	KUNIT_EXPECT_EQ(test, file_count(third), 3);
	expect_events(test, "");

	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 104, &file), -ENOENT);
	KUNIT_EXPECT_NULL(test, file);

	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "d3 d2 d1");
	KUNIT_EXPECT_EQ(test, set->nr, 0);
	KUNIT_EXPECT_EQ(test, file_count(third), 2);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 103, &file), -ENOENT);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "");
}

static void incoming_retrieve_fails(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file *ff[2];
	struct luo_file_set *set = carry_over(test, handler, ff, 2);
	struct file *file = NULL;

	ff[0]->retrieve_err = -EREMOTEIO;
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 101, &file), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 101, &file), -EREMOTEIO);
	KUNIT_EXPECT_NULL(test, file);
	expect_events(test, "r1!");

	/* The other one is as good as ever */
	retrieve(test, set, 102);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "r2 d2 d1!");
}

static void incoming_not_retrieved(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file *ff[2];
	struct luo_file_set *set = carry_over(test, handler, ff, 2);

	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "d2? d1?");
	KUNIT_EXPECT_EQ(test, set->nr, 0);
}

static void incoming_cannot_finish(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file *ff[3];
	struct luo_file_set *set = carry_over(test, handler, ff, 3);

	retrieve(test, set, 102);
	for (int i = 0; i < 3; i++) {
		ff[i]->cannot_finish = true;
		KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), -EBUSY);
		KUNIT_EXPECT_EQ(test, set->nr, 3);
		ff[i]->cannot_finish = false;
	}
	expect_events(test, "r2");

	/* All can still be retrieved */
	retrieve(test, set, 101);
	retrieve(test, set, 103);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "r1 r3 d3 d2 d1");
}

static void incoming_can_finish_optional(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct luo_file_set *set;
	struct fake_file *ff;

	handler->ops.can_finish = NULL;
	register_handler(test, handler);
	set = carry_over(test, handler, &ff, 1);
	ff->cannot_finish = true;
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "d1?");
}

static void incoming_late_handler(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *out = new_set(test, "kunit-out");
	struct luo_file_set *in = new_incoming_set(test, "kunit-in");
	struct file *file = NULL;
	struct fake_file *ff;
	phys_addr_t phys;

	preserve_files(test, out, handler, &ff, 1);
	phys = serialize_set(out);
	luo_file_set_unpreserve(out);
	liveupdate_unregister_file_handler(&handler->fh);
	clear_events();

	KUNIT_ASSERT_EQ(test, luo_file_set_deserialize(in, phys, 1), 0);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(in, 101, &file), -ENODEV);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(in, 101, &file), -ENODEV);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), -EBUSY);
	KUNIT_EXPECT_EQ(test, in->nr, 1);
	expect_events(test, "");

	register_handler(test, handler);
	retrieve(test, in, 101);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), 0);
	expect_events(test, "r1 d1");
}

/* Deserialization is taken back: another one will come, so no callback */
static void incoming_forget(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct module *module = fake_module(test);
	struct luo_file_set *set;
	struct fake_file *ff[2];

	handler->ops.owner = module;
	register_handler(test, handler);
	set = carry_over(test, handler, ff, 2);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 2);
	luo_file_set_forget(set);
	KUNIT_EXPECT_EQ(test, set->nr, 0);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);
	expect_events(test, "");
}

static void incoming_discard(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file *ff[3];
	struct luo_file_set *set = carry_over(test, handler, ff, 3);
	struct file *file;

	retrieve(test, set, 101);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 101), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 104), -ENOENT);
	ff[1]->cannot_finish = true;
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 102), -EBUSY);
	expect_events(test, "r1");

	ff[2]->retrieve_err = -EIO;
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 103, &file), -EIO);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 103), 0);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 103), -ENOENT);
	expect_events(test, "r3! d3!");

	ff[1]->cannot_finish = false;
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 102), 0);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "d2? d1");
}

/* Without its handler a file can only be discarded */
static void incoming_discard_late(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *out = new_set(test, "kunit-out");
	struct luo_file_set *in = new_incoming_set(test, "kunit-in");
	struct fake_file *ff[2];
	phys_addr_t phys;

	preserve_files(test, out, handler, ff, 2);
	phys = serialize_set(out);
	luo_file_set_unpreserve(out);
	liveupdate_unregister_file_handler(&handler->fh);
	clear_events();

	KUNIT_ASSERT_EQ(test, luo_file_set_deserialize(in, phys, 2), 0);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_discard(in, 101), 0);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_discard(in, 102), 0);
	KUNIT_EXPECT_EQ(test, in->nr, 0);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), 0);
	expect_events(test, "");
}

/* As carry_over(), into a session of their own, so that they can find each other */
static struct liveupdate_session *arrive_at(struct kunit *test,
					    struct fake_file **ff,
					    unsigned int nr)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *out = new_set(test, "kunit-out");
	struct liveupdate_session *session =
		new_session(test, "kunit-arrive")->private_data;

	preserve_files(test, out, handler, ff, nr);
	mutex_lock(&session->mutex);
	KUNIT_EXPECT_EQ(test,
			luo_file_set_deserialize(&session->files,
						 serialize_set(out), nr), 0);
	luo_file_set_unpreserve(out);
	clear_events();
	return session;
}

static void leave(struct liveupdate_session *session)
{
	luo_file_set_forget(&session->files);
	session->files.incoming = false;
	mutex_unlock(&session->mutex);
	flush_files();
}

static void incoming_needs(struct kunit *test)
{
	struct fake_file *ff[4];
	struct liveupdate_session *session = arrive_at(test, ff, 4);
	struct luo_file_set *set = &session->files;

	/* One before it, one that is not there */
	ff[1]->needs[0] = 101;
	ff[1]->needs[1] = 105;
	/* One behind it, and itself */
	ff[2]->needs[0] = 104;
	ff[2]->needs[1] = 103;
	/* The same as another one, twice */
	ff[3]->needs[0] = 101;
	ff[3]->needs[1] = 101;

	KUNIT_EXPECT_EQ(test, luo_file_set_arrive(set), 0);
	expect_events(test, "a1 a2 a3 a4");
	KUNIT_EXPECT_EQ(test, ff[1]->need_err, -ENOENT);
	KUNIT_EXPECT_EQ(test, ff[2]->need_err, -ENOENT);
	KUNIT_EXPECT_EQ(test, ff[3]->need_err, 0);

	/* It can't go before those that need it */
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 101), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 103), 0);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 104), 0);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 101), -EBUSY);
	expect_events(test, "d3? d4?");

	/* It is told of them, and they are not told of it */
	put_file(retrieve_now(test, set, 101));
	put_file(retrieve_now(test, set, 102));
	KUNIT_EXPECT_TRUE(test, ff[0]->needed);
	KUNIT_EXPECT_FALSE(test, ff[1]->needed);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "r1 r2 d2 d1");
	leave(session);
}

static void incoming_discard_with_needs(struct kunit *test)
{
	struct fake_file *ff[2];
	struct liveupdate_session *session = arrive_at(test, ff, 2);

	ff[1]->needs[0] = 101;

	KUNIT_EXPECT_EQ(test, luo_file_set_arrive(&session->files), 0);
	KUNIT_EXPECT_EQ(test, luo_file_set_discard(&session->files), 0);
	expect_events(test, "a1 a2 d2? d1?");
	leave(session);
}

static void incoming_arrive_fails(struct kunit *test)
{
	struct fake_file *ff[3];
	struct liveupdate_session *session = arrive_at(test, ff, 3);
	struct luo_file_set *set = &session->files;
	struct file *file;

	ff[1]->arrive_err = -EIO;
	ff[1]->needs[0] = 101;

	/* It is as one that was retrieved, and needs nothing any more */
	KUNIT_EXPECT_EQ(test, luo_file_set_arrive(set), 0);
	expect_events(test, "a1 a2! a3");
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 102, &file), -EIO);
	KUNIT_EXPECT_EQ(test, luo_file_discard(set, 101), 0);
	expect_events(test, "d1?");
	leave(session);
}

/* All is read once more then */
static void incoming_arrive_shortage(struct kunit *test)
{
	struct fake_file *ff[3];
	struct liveupdate_session *session = arrive_at(test, ff, 3);

	ff[1]->arrive_err = -ENOMEM;
	ff[1]->needs[0] = 101;

	KUNIT_EXPECT_EQ(test, luo_file_set_arrive(&session->files), -ENOMEM);
	expect_events(test, "a1 a2!");
	leave(session);
	KUNIT_EXPECT_EQ(test, session->files.nr, 0);
}

static void incoming_arrive_optional(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct fake_file *ff[2];
	struct luo_file_set *set;

	handler->ops.arrive = NULL;
	register_handler(test, handler);
	set = carry_over(test, handler, ff, 2);
	KUNIT_EXPECT_EQ(test, luo_file_set_arrive(set), 0);
	expect_events(test, "");
}

/* From deserialization to finish, once for each file */
static void incoming_module(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct module *module = fake_module(test);
	struct luo_file_set *set;
	struct fake_file *ff[3];
	struct file *file;

	handler->ops.owner = module;
	register_handler(test, handler);
	set = carry_over(test, handler, ff, 3);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 3);

	ff[1]->retrieve_err = -EIO;
	retrieve(test, set, 101);
	retrieve(test, set, 101);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 102, &file), -EIO);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 3);

	ff[0]->cannot_finish = true;
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 3);
	ff[0]->cannot_finish = false;
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);
}

/* Whatever is retrieved is in a session, and can't be put into another */
static void incoming_object(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct luo_file_set *out, *in;
	struct fake_file *ff, *alias;
	struct file *file;

	handler->ops.get_id = fake_get_id;
	register_handler(test, handler);
	out = new_set(test, "kunit");
	in = carry_over(test, handler, &ff, 1);
	alias = new_file(test, handler, 2);
	alias->object = ff->object;

	/* Before it is retrieved, nobody knows what it will be */
	preserve(test, out, alias, 1);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(in, 101, &file), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(in, 101, &file), -EBUSY);
	luo_file_set_unpreserve(out);
	retrieve(test, in, 101);
	expect_events(test, "p2 r1 u2");

	KUNIT_EXPECT_EQ(test, luo_file_preserve(out, alias->fd, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(out, ff->fd, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), 0);
	preserve(test, out, alias, 1);
	expect_events(test, "d1 p2");
}

/* A shortage passes: only what fails for good is not tried again */
static void incoming_shortage(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file *ff;
	struct luo_file_set *set = carry_over(test, handler, &ff, 1);
	struct file *file;

	ff->retrieve_err = -ENOMEM;
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 101, &file), -ENOMEM);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 101, &file), -ENOMEM);
	ff->retrieve_err = -ENFILE;
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 101, &file), -ENFILE);
	expect_events(test, "r1! r1! r1!");
	ff->retrieve_err = 0;
	retrieve(test, set, 101);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "r1 d1");
}

/* The session ends while nothing of the file was retrieved */
static void incoming_shortage_finish(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct fake_file *ff;
	struct luo_file_set *set = carry_over(test, handler, &ff, 1);
	struct file *file;

	ff->retrieve_err = -ENOMEM;
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(set, 101, &file), -ENOMEM);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(set), 0);
	expect_events(test, "r1! d1?");
}

/* What fails to be retrieved is no object, and takes no number */
static void incoming_object_failed(struct kunit *test)
{
	struct fake_handler *handler = new_handler(test, "kunit-a");
	struct luo_file_set *out, *in;
	struct fake_file *ff;
	struct file *file;

	handler->ops.get_id = fake_get_id;
	register_handler(test, handler);
	out = new_set(test, "kunit");
	in = carry_over(test, handler, &ff, 1);

	ff->retrieve_err = -EIO;
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(in, 101, &file), -EIO);
	preserve(test, out, ff, 1);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), 0);
	KUNIT_EXPECT_EQ(test, luo_file_preserve(out, ff->fd, 2), -EBUSY);
	expect_events(test, "r1! p1 d1!");
}

static struct luo_file_ser *nth_file(phys_addr_t phys, unsigned int index)
{
	struct luo_block_ser *block = phys_to_virt(phys);

	return (struct luo_file_ser *)(block + 1) + index;
}

/* A damaged file is lost alone; its token may have been any */
static void incoming_damaged(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *out = new_set(test, "kunit-out");
	struct luo_file_set *in = new_incoming_set(test, "kunit-in");
	struct file *file = NULL;
	struct fake_file *ff[4];
	struct luo_file_ser *ser;
	phys_addr_t phys;

	preserve_files(test, out, handler, ff, 4);
	phys = serialize_set(out);
	luo_file_set_unpreserve(out);
	clear_events();

	nth_file(phys, 1)->token ^= 1;
	/* Sums that are right, and yet there can't be such files */
	ser = nth_file(phys, 2);
	ser->token = 101;
	ser->sum = expected_sum(ser, sizeof(*ser));
	KUNIT_ASSERT_EQ(test, luo_file_set_deserialize(in, phys, 4), 0);
	KUNIT_EXPECT_TRUE(test, in->damaged);
	KUNIT_EXPECT_EQ(test, in->nr, 2);

	retrieve(test, in, 104);
	retrieve(test, in, 101);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(in, 102, &file), -EIO);
	KUNIT_EXPECT_EQ(test, luo_file_retrieve(in, 103, &file), -EIO);
	KUNIT_EXPECT_EQ(test, luo_file_set_finish(in), 0);
	expect_events(test, "r4 r1 d4 d1");
}

static void incoming_bad_compatible(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct luo_file_set *out = new_set(test, "kunit-out");
	struct luo_file_set *in = new_incoming_set(test, "kunit-in");
	struct fake_file *ff[3];
	phys_addr_t phys;

	preserve_files(test, out, handler, ff, 3);
	phys = serialize_set(out);
	memset(nth_file(phys, 0)->compatible, 0, LUO_COMPATIBLE_LENGTH);
	memset(nth_file(phys, 2)->compatible, 'x', LUO_COMPATIBLE_LENGTH);
	for (int i = 0; i < 3; i++) {
		struct luo_file_ser *ser = nth_file(phys, i);

		ser->sum = expected_sum(ser, sizeof(*ser));
	}

	KUNIT_ASSERT_EQ(test, luo_file_set_deserialize(in, phys, 3), 0);
	KUNIT_EXPECT_TRUE(test, in->damaged);
	KUNIT_EXPECT_EQ(test, in->nr, 1);
}

static struct luo_header_ser fake_header;

static const struct luo_header_ser *fake_incoming_header(void)
{
	return &fake_header;
}

struct flb_came_over {
	char flb;
	const char *handler;
	u64 nr_files;
};

static void write_flbs(struct kunit *test)
{
	static const struct flb_came_over flbs[] = {
		{ 'A', "kunit-a", 2 }, { 'B', "kunit-a", 1 },
		{ 'A', "kunit-b", 1 }, { 'C', "kunit-a", 1 },
		{ 'D', "kunit-a", 1 }, { 'E', "kunit-a", 0 },
		{ 'F', "", 1 },
	};
	struct luo_blocks *blocks = new_blocks(test, 0);
	struct luo_writer writer;

	blocks->record_size = sizeof(struct luo_flb_ser);
	KUNIT_ASSERT_EQ(test, luo_blocks_reserve(blocks, ARRAY_SIZE(flbs)), 0);
	luo_writer_start(&writer, blocks);
	for (unsigned int i = 0; i < ARRAY_SIZE(flbs); i++) {
		struct luo_flb_ser ser = {
			.data = flbs[i].flb,
			.nr_files = flbs[i].nr_files,
		};

		snprintf(ser.compatible, sizeof(ser.compatible),
			 "kunit-flb-%c", flbs[i].flb);
		strscpy(ser.handler, flbs[i].handler);
		luo_writer_put(&writer, &ser);
	}
	fake_header.flbs = luo_writer_end(&writer);
	fake_header.nr_flbs = ARRAY_SIZE(flbs);
}

static int get_incoming(struct fake_flb *flb)
{
	void *obj = NULL;
	int err = liveupdate_flb_get_incoming(&flb->flb, &obj);

	if (!err && obj != flb)
		event("bad-args");
	return err;
}

/*
 * What came over is read once for all, so all of it is in one test: A is needed
 * by files of two handlers, B can't be retrieved, nobody asks for C, D has no
 * driver any more, E and F are nonsense.
 */
static void incoming_flbs(struct kunit *test)
{
	struct fake_handler *handler = registered_handler(test, "kunit-a");
	struct module *module = fake_module(test);
	struct fake_flb *flb[6];

	kunit_activate_static_stub(test, luo_incoming_header,
				   fake_incoming_header);
	write_flbs(test);
	for (int i = 0; i < 6; i++) {
		flb[i] = new_flb(test, 'A' + i);
		if (i != 3)
			register_flb(test, handler, flb[i]);
	}
	flb[0]->ops.owner = module;
	flb[1]->retrieve_err = -ENXIO;

	if (get_incoming(flb[0]) == -ENODATA)
		kunit_skip(test, "luo_incoming_header() has no stub, or this is not the first run");
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 1);
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 1);
	KUNIT_EXPECT_EQ(test, get_incoming(flb[0]), 0);
	KUNIT_EXPECT_EQ(test, get_incoming(flb[1]), -ENXIO);
	KUNIT_EXPECT_EQ(test, get_incoming(flb[1]), -ENXIO);
	KUNIT_EXPECT_EQ(test, get_incoming(flb[4]), -ENODATA);
	KUNIT_EXPECT_EQ(test, get_incoming(flb[5]), -ENODATA);
	expect_events(test, "rA rB!");

	/* Files are still to come */
	liveupdate_flb_put_incoming(&flb[0]->flb);
	liveupdate_flb_put_incoming(&flb[0]->flb);
	luo_flb_file_finish("kunit-c");
	expect_events(test, "");
	KUNIT_EXPECT_EQ(test, get_incoming(flb[0]), 0);

	/* The only file for B, C, and D; not the last one for A */
	luo_flb_file_finish("kunit-a");
	expect_events(test, "rC dC");
	luo_flb_file_finish("kunit-a");
	luo_flb_file_finish("kunit-b");
	expect_events(test, "");

	/* There is no file any more, but somebody holds it */
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 1);
	KUNIT_EXPECT_EQ(test, get_incoming(flb[0]), 0);
	liveupdate_flb_put_incoming(&flb[0]->flb);
	expect_events(test, "");
	liveupdate_flb_put_incoming(&flb[0]->flb);
	expect_events(test, "dA");
	KUNIT_EXPECT_EQ(test, fake_module_users(module), 0);

	/* Finished is finished */
	luo_flb_file_finish("kunit-a");
	luo_flb_file_finish("kunit-b");
	for (int i = 0; i < 6; i++)
		KUNIT_EXPECT_EQ(test, get_incoming(flb[i]), -ENODATA);
	expect_events(test, "");
}

static struct kunit_case luo_incoming_cases[] = {
	KUNIT_CASE(reader_good),
	KUNIT_CASE(reader_announced),
	KUNIT_CASE(reader_damaged_record),
	KUNIT_CASE(reader_damaged_block),
	KUNIT_CASE(reader_nonsense),
	KUNIT_CASE(reader_cycle),
	KUNIT_CASE(reader_free_spare_blocks),
	KUNIT_CASE(reader_free_own_block),
	KUNIT_CASE(reader_free_blocks),
	KUNIT_CASE(incoming_retrieve),
	KUNIT_CASE(incoming_retrieve_fails),
	KUNIT_CASE(incoming_not_retrieved),
	KUNIT_CASE(incoming_cannot_finish),
	KUNIT_CASE(incoming_can_finish_optional),
	KUNIT_CASE(incoming_late_handler),
	KUNIT_CASE(incoming_forget),
	KUNIT_CASE(incoming_discard),
	KUNIT_CASE(incoming_discard_late),
	KUNIT_CASE(incoming_needs),
	KUNIT_CASE(incoming_discard_with_needs),
	KUNIT_CASE(incoming_arrive_fails),
	KUNIT_CASE(incoming_arrive_shortage),
	KUNIT_CASE(incoming_arrive_optional),
	KUNIT_CASE(incoming_module),
	KUNIT_CASE(incoming_object),
	KUNIT_CASE(incoming_shortage),
	KUNIT_CASE(incoming_shortage_finish),
	KUNIT_CASE(incoming_object_failed),
	KUNIT_CASE(incoming_damaged),
	KUNIT_CASE(incoming_bad_compatible),
	KUNIT_CASE(incoming_flbs),
	{}
};

static struct kunit_suite luo_incoming_suite = {
	.name = "luo_incoming",
	.init = incoming_test_init,
	.test_cases = luo_incoming_cases,
};

/*
 * Lists of memory. Every second page of a block is preserved, with a hole
 * before it in the file, so that each takes two records.
 */
#define BLOCK_ORDER	9
#define NR_EXTENTS	(1U << (BLOCK_ORDER - 1))

struct extents_test {
	struct page *block;
	struct kho_extents list;
};

static unsigned int nr_released;

static void count_released(const struct kho_extent *extent)
{
	nr_released += extent->nr;
}

static struct kho_extent test_extent(struct extents_test *et, unsigned int i)
{
	return (struct kho_extent){
		.index = 3 + 5 * i,
		.pfn = page_to_pfn(et->block) + 2 * i,
		.nr = 1,
	};
}

static void extents_release(void *data)
{
	struct extents_test *et = data;

	kho_extents_unpreserve(&et->list, count_released);
	__free_pages(et->block, BLOCK_ORDER);
}

static struct extents_test *new_extents(struct kunit *test, unsigned int nr)
{
	struct extents_test *et = kunit_kzalloc(test, sizeof(*et), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, et);
	et->block = alloc_pages(GFP_KERNEL, BLOCK_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, et->block);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, extents_release,
							et), 0);
	for (unsigned int i = 0; i < nr; i++) {
		struct kho_extent extent = test_extent(et, i);

		KUNIT_ASSERT_EQ(test, kho_extents_preserve(&et->list, &extent),
				0);
	}
	return et;
}

static void extents_read(struct kunit *test)
{
	struct extents_test *et = new_extents(test, NR_EXTENTS);
	struct kho_extents_reader reader;
	struct kho_extent extent;

	expect_chunk_sum(test, et->list.first);
	KUNIT_EXPECT_PTR_NE(test, et->list.first, et->list.last);
	KUNIT_ASSERT_EQ(test, kho_extents_open(&reader,
					       kho_extents_phys(&et->list), 2),
			0);
	for (unsigned int i = 0; i < NR_EXTENTS; i++) {
		struct kho_extent expected = test_extent(et, i);

		KUNIT_ASSERT_EQ(test, kho_extents_next(&reader, &extent), 1);
		KUNIT_EXPECT_EQ(test, extent.index, expected.index);
		KUNIT_EXPECT_EQ(test, extent.pfn, expected.pfn);
		KUNIT_EXPECT_EQ(test, extent.nr, expected.nr);
		KUNIT_EXPECT_EQ(test, extent.order, expected.order);
	}
	KUNIT_EXPECT_EQ(test, kho_extents_next(&reader, &extent), 0);
	KUNIT_EXPECT_EQ(test, kho_extents_next(&reader, &extent), 0);

	kho_extents_restore_free(kho_extents_phys(&et->list));
	KUNIT_EXPECT_EQ(test, incoming.nr_freed, 2);
}

static void extents_empty(struct kunit *test)
{
	struct extents_test *et = new_extents(test, 0);
	struct kho_extents_reader reader;
	struct kho_extent extent;

	KUNIT_EXPECT_EQ(test, kho_extents_phys(&et->list), 0);
	KUNIT_EXPECT_EQ(test, kho_extents_open(&reader, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, kho_extents_next(&reader, &extent), 0);
}

/* What is taken back can be preserved again, and all of it was told */
static void extents_unpreserve(struct kunit *test)
{
	struct extents_test *et = new_extents(test, NR_EXTENTS);
	struct kho_extent extent = test_extent(et, 0);

	KUNIT_EXPECT_EQ(test, kho_extents_preserve(&et->list, &extent), -EBUSY);
	nr_released = 0;
	kho_extents_unpreserve(&et->list, count_released);
	KUNIT_EXPECT_EQ(test, nr_released, NR_EXTENTS);
	KUNIT_EXPECT_NULL(test, et->list.first);

	extent.nr = 2 * NR_EXTENTS;
	KUNIT_EXPECT_EQ(test, kho_extents_preserve(&et->list, &extent), 0);
	nr_released = 0;
	kho_extents_unpreserve(&et->list, count_released);
	KUNIT_EXPECT_EQ(test, nr_released, 2 * NR_EXTENTS);
}

/* No word of a chunk can change unseen */
static void extents_damaged(struct kunit *test)
{
	struct extents_test *et = new_extents(test, 3);
	phys_addr_t phys = kho_extents_phys(&et->list);
	u64 *word = (u64 *)et->list.first;
	struct kho_extents_reader reader;

	for (unsigned int i = 0; i < 3 + et->list.first->nr; i++) {
		u64 good = word[i];

		word[i] ^= BIT_ULL(i % 64);
		KUNIT_EXPECT_EQ(test, kho_extents_open(&reader, phys, 1), -EIO);
		word[i] = 0;
		KUNIT_EXPECT_EQ(test, kho_extents_open(&reader, phys, 1),
				good ? -EIO : 0);
		word[i] = ~0ULL;
		KUNIT_EXPECT_EQ(test, kho_extents_open(&reader, phys, 1), -EIO);
		word[i] = good;
	}
	KUNIT_EXPECT_EQ(test, kho_extents_open(&reader, phys, 1), 0);
	KUNIT_EXPECT_EQ(test, kho_extents_open(&reader, phys + 8, 1), -EIO);
	incoming.refused = phys;
	KUNIT_EXPECT_EQ(test, kho_extents_open(&reader, phys, 1), -EIO);
}

/* A chain that leads back to itself, with sums that are right */
static void extents_cycle(struct kunit *test)
{
	struct extents_test *et = new_extents(test, 3);
	struct kho_extents_chunk *chunk = et->list.first;
	struct kho_extents_reader reader;
	struct kho_extent extent;
	unsigned int nr = 0;
	int ret;

	chunk->next = virt_to_phys(chunk);
	chunk->sum += kho_map_sum_word(chunk->next, 0);
	expect_chunk_sum(test, chunk);

	KUNIT_ASSERT_EQ(test, kho_extents_open(&reader, chunk->next, 4), 0);
	while ((ret = kho_extents_next(&reader, &extent)) > 0 && nr < 100)
		nr++;
	KUNIT_EXPECT_EQ(test, ret, -EIO);
	KUNIT_EXPECT_LT(test, nr, 100);

	chunk->sum -= kho_map_sum_word(chunk->next, 0);
	chunk->next = 0;
}

/* The log leads to the list, as long as there is something in it */
static void extents_logged(struct kunit *test)
{
	struct extents_test *et = new_extents(test, 0);
	struct kho_extent extent = test_extent(et, 0);
	u64 memory[KHO_OWNER_RECORDS];
	struct kho_owner owner = {};

	kho_owner_begin(&owner);
	KUNIT_EXPECT_EQ(test, kho_extents_preserve(&et->list, &extent), 0);
	extent = test_extent(et, 1);
	KUNIT_EXPECT_EQ(test, kho_extents_preserve(&et->list, &extent), 0);
	kho_owner_serialize(&owner, memory);
	KUNIT_EXPECT_TRUE(test, record_is(memory[0], KHO_EXTENT_LIST,
					  et->list.first));
	KUNIT_EXPECT_EQ(test, memory[1], 0);

	kho_extents_unpreserve(&et->list, count_released);
	kho_owner_serialize(&owner, memory);
	KUNIT_EXPECT_EQ(test, memory[0], 0);
	kho_owner_end(&owner);
	kho_owner_free(&owner);
}

static struct kunit_case kho_extents_cases[] = {
	KUNIT_CASE(extents_read),
	KUNIT_CASE(extents_empty),
	KUNIT_CASE(extents_unpreserve),
	KUNIT_CASE(extents_damaged),
	KUNIT_CASE(extents_cycle),
	KUNIT_CASE(extents_logged),
	{}
};

static struct kunit_suite kho_extents_suite = {
	.name = "kho_extents",
	.init = incoming_test_init,
	.test_cases = kho_extents_cases,
};

kunit_test_suites(&kho_extents_suite, &luo_block_suite, &luo_handler_suite,
		  &luo_flb_suite, &luo_file_suite, &luo_session_suite,
		  &luo_incoming_suite);

MODULE_DESCRIPTION("KUnit tests of the Live Update Orchestrator");
MODULE_LICENSE("GPL");
