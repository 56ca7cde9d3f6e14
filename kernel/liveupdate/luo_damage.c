// SPDX-License-Identifier: GPL-2.0-only
/*
 * Damage to what goes to the next kernel, for tests.
 *
 * Much of what one kernel leaves to the next is written in the last moment, and
 * nobody but the kernel can get at it between that and the jump. So a test gives
 * its orders before, and they are executed there:
 *
 *	set CLASS NR WORD MASK VALUE [sealed]
 *	flip CLASS NR WORD BIT [sealed]
 *	cut CLASS NR WORD [sealed]
 *
 * CLASS and NR name an object, as they are found on the way that the next kernel
 * goes: the first one is 0, and past the last one it begins again. WORD is the
 * number of a u64 in it, past the last one it begins again, too.
 *
 * set replaces the bits in MASK by VALUE, a number or what stands for one, see
 * luo_damage_values; it counts from the lowest bit of MASK, and with "pfn:" before
 * it, as a page frame number. To set what is there already would be no damage:
 * the bits are inverted then. flip changes a bit. cut writes zeroes from WORD on,
 * to the end of the page if the object is the head of one.
 *
 * With "sealed" the sum of the object is made to fit, so that what comes behind
 * the check of the sum is tested as well.
 *
 * Every order that is executed is logged, with what was there before, and so is
 * one that is not as there is no such object. Orders are executed once.
 *
 * To read tells how many words the objects of each class have, where that is
 * always the same: so a test sees that it knows of them all.
 */

#define pr_fmt(fmt) "liveupdate: damage: " fmt

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec.h>
#include <linux/kho/abi/kexec_handover.h>
#include <linux/kho/abi/luo.h>
#include <linux/kho/abi/memfd.h>
#include <linux/kho/extents.h>
#include <linux/kstrtox.h>
#include <linux/libfdt.h>
#include <linux/liveupdate.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../kexec_handover_internal.h"
#include "kho_extents.h"
#include "luo_damage.h"

/* More than any test makes; what is beyond can't be damaged */
#define MAX_OBJECTS	SZ_64K
#define MAX_ORDERS	SZ_1M

enum luo_damage_class {
	LUO_DAMAGE_KHO_FDT,
	LUO_DAMAGE_LUO_FDT,
	LUO_DAMAGE_MAP_ROOT,
	LUO_DAMAGE_MAP_TABLE,
	LUO_DAMAGE_MAP_LEAF,
	LUO_DAMAGE_HEADER,
	LUO_DAMAGE_SESSION_BLOCK,
	LUO_DAMAGE_SESSION,
	LUO_DAMAGE_FILE_BLOCK,
	LUO_DAMAGE_FILE,
	LUO_DAMAGE_FLB_BLOCK,
	LUO_DAMAGE_FLB,
	LUO_DAMAGE_MEMORY_BLOCK,
	LUO_DAMAGE_MEMORY,
	LUO_DAMAGE_OWNER_LIST,
	LUO_DAMAGE_MEMFD,
	LUO_DAMAGE_MEMFD_LIST,
	LUO_DAMAGE_CLASSES,
};

static const char * const class_names[LUO_DAMAGE_CLASSES] = {
	[LUO_DAMAGE_KHO_FDT] = "kho-fdt",
	[LUO_DAMAGE_LUO_FDT] = "luo-fdt",
	[LUO_DAMAGE_MAP_ROOT] = "map-root",
	[LUO_DAMAGE_MAP_TABLE] = "map-table",
	[LUO_DAMAGE_MAP_LEAF] = "map-leaf",
	[LUO_DAMAGE_HEADER] = "header",
	[LUO_DAMAGE_SESSION_BLOCK] = "session-block",
	[LUO_DAMAGE_SESSION] = "session",
	[LUO_DAMAGE_FILE_BLOCK] = "file-block",
	[LUO_DAMAGE_FILE] = "file",
	[LUO_DAMAGE_FLB_BLOCK] = "flb-block",
	[LUO_DAMAGE_FLB] = "flb",
	[LUO_DAMAGE_MEMORY_BLOCK] = "memory-block",
	[LUO_DAMAGE_MEMORY] = "memory",
	[LUO_DAMAGE_OWNER_LIST] = "owner-list",
	[LUO_DAMAGE_MEMFD] = "memfd",
	[LUO_DAMAGE_MEMFD_LIST] = "memfd-list",
};

/* Of those that are all of one size, in words */
static const unsigned int class_words[LUO_DAMAGE_CLASSES] = {
	[LUO_DAMAGE_HEADER] = sizeof(struct luo_header_ser) / sizeof(u64),
	[LUO_DAMAGE_SESSION] = sizeof(struct luo_session_ser) / sizeof(u64),
	[LUO_DAMAGE_FILE] = sizeof(struct luo_file_ser) / sizeof(u64),
	[LUO_DAMAGE_FLB] = sizeof(struct luo_flb_ser) / sizeof(u64),
	[LUO_DAMAGE_MEMORY] = sizeof(struct luo_memory_ser) / sizeof(u64),
	[LUO_DAMAGE_MEMFD] = sizeof(struct memfd_ser) / sizeof(u64),
};

/**
 * struct luo_damage_object - something that the next kernel reads
 * @class: what it is
 * @words: its contents
 * @nr: number of words
 * @cut: number of words that a cut can reach
 * @sum: the sum over it
 * @seal: sets @sum anew; NULL if there is none
 */
struct luo_damage_object {
	enum luo_damage_class class;
	u64 *words;
	unsigned int nr;
	unsigned int cut;
	u64 *sum;
	void (*seal)(const struct luo_damage_object *object);
};

/**
 * struct luo_damage_walk - all objects
 * @objects: them
 * @nr: how many
 * @count: how many of each class
 */
struct luo_damage_walk {
	struct luo_damage_object *objects;
	unsigned int nr;
	unsigned int count[LUO_DAMAGE_CLASSES];
};

static DEFINE_MUTEX(luo_damage_lock);

/* Lines that wait for the jump, NULL if none do. Under luo_damage_lock */
static char *luo_damage_orders;

static void add_object(struct luo_damage_walk *walk,
		       struct luo_damage_object object)
{
	if (walk->nr == MAX_OBJECTS)
		return;
	if (object.cut < object.nr)
		object.cut = object.nr;
	walk->objects[walk->nr++] = object;
	walk->count[object.class]++;
}

static void seal_record(const struct luo_damage_object *object)
{
	*object->sum = luo_sum(object->words, object->nr * sizeof(u64));
}

static void add_record(struct luo_damage_walk *walk,
		       enum luo_damage_class class, void *record)
{
	unsigned int nr = class_words[class];
	u64 *words = record;

	add_object(walk, (struct luo_damage_object){
		.class = class,
		.words = words,
		.nr = nr,
		.sum = &words[nr - 1],
		.seal = seal_record,
	});
}

/*
 * Chains of blocks
 */

/**
 * struct luo_damage_chain - a kind of chain
 * @block: class of the heads of its blocks
 * @record: class of its records
 * @visit: goes on to what a record leads to; NULL if that is nothing
 */
struct luo_damage_chain {
	enum luo_damage_class block;
	enum luo_damage_class record;
	void (*visit)(struct luo_damage_walk *walk, const void *record);
};

static void walk_chain(struct luo_damage_walk *walk, phys_addr_t first,
		       const struct luo_damage_chain *chain)
{
	struct luo_block_ser *block;

	for (; first; first = block->next) {
		void *record;

		block = phys_to_virt(first);
		record = block + 1;
		add_object(walk, (struct luo_damage_object){
			.class = chain->block,
			.words = (u64 *)block,
			.nr = sizeof(*block) / sizeof(u64),
			.cut = PAGE_SIZE / sizeof(u64),
			.sum = &block->sum,
			.seal = seal_record,
		});
		for (u64 i = 0; i < block->nr; i++) {
			add_record(walk, chain->record, record);
			if (chain->visit)
				chain->visit(walk, record);
			record += class_words[chain->record] * sizeof(u64);
		}
	}
}

static void seal_list(const struct luo_damage_object *object)
{
	const struct kho_extents_chunk *chunk = (void *)object->words;
	const u64 *word = &chunk->next;
	u64 nr = min(chunk->nr, KHO_EXTENTS_PER_CHUNK);

	*object->sum = KHO_MAP_SUM_SEED;
	for (u64 i = 0; i < nr + 2; i++)
		*object->sum += kho_map_sum_word(word[i], i);
}

static void walk_list(struct luo_damage_walk *walk, phys_addr_t first,
		      enum luo_damage_class class)
{
	struct kho_extents_chunk *chunk;

	for (; first; first = chunk->next) {
		chunk = phys_to_virt(first);
		add_object(walk, (struct luo_damage_object){
			.class = class,
			.words = (u64 *)chunk,
			/* Nobody looks at what comes after the last record */
			.nr = 3 + chunk->nr,
			.sum = &chunk->sum,
			.seal = seal_list,
		});
	}
}

static void walk_memfd(struct luo_damage_walk *walk, u64 data)
{
	struct memfd_ser *ser = phys_to_virt(data);

	add_record(walk, LUO_DAMAGE_MEMFD, ser);
	walk_list(walk, ser->extents, LUO_DAMAGE_MEMFD_LIST);
}

static void walk_file(struct luo_damage_walk *walk, const void *record)
{
	const struct luo_file_ser *ser = record;
	struct kho_extent more =
		kho_extent_unpack(ser->memory[KHO_OWNER_RECORDS - 1]);

	if (more.order == KHO_EXTENT_LIST)
		walk_list(walk, PFN_PHYS(more.pfn), LUO_DAMAGE_OWNER_LIST);
	if (!strcmp(ser->compatible, MEMFD_LUO_COMPATIBLE))
		walk_memfd(walk, ser->data);
}

static const struct luo_damage_chain file_chain = {
	.block = LUO_DAMAGE_FILE_BLOCK,
	.record = LUO_DAMAGE_FILE,
	.visit = walk_file,
};

static void walk_session(struct luo_damage_walk *walk, const void *record)
{
	const struct luo_session_ser *ser = record;

	walk_chain(walk, ser->files, &file_chain);
}

static const struct luo_damage_chain session_chain = {
	.block = LUO_DAMAGE_SESSION_BLOCK,
	.record = LUO_DAMAGE_SESSION,
	.visit = walk_session,
};

static const struct luo_damage_chain flb_chain = {
	.block = LUO_DAMAGE_FLB_BLOCK,
	.record = LUO_DAMAGE_FLB,
};

static const struct luo_damage_chain memory_chain = {
	.block = LUO_DAMAGE_MEMORY_BLOCK,
	.record = LUO_DAMAGE_MEMORY,
};

static void walk_header(struct luo_damage_walk *walk,
			struct luo_header_ser *header)
{
	add_record(walk, LUO_DAMAGE_HEADER, header);
	walk_chain(walk, header->sessions, &session_chain);
	walk_chain(walk, header->flbs, &flb_chain);
	walk_chain(walk, header->memory, &memory_chain);
}

/*
 * KHO
 */

static u64 sum_entries(const struct kho_map_entry *entry, unsigned int nr)
{
	u64 sum = KHO_MAP_SUM_SEED;

	for (unsigned int i = 0; i < nr; i++)
		sum += kho_map_sum_word(entry[i].phys, i);
	return sum;
}

static void seal_map_root(const struct luo_damage_object *object)
{
	const struct kho_map_root *root = (void *)object->words;

	*object->sum = sum_entries(root->entry, ARRAY_SIZE(root->entry));
}

static void seal_map_table(const struct luo_damage_object *object)
{
	const struct kho_map_table *table = (void *)object->words;

	*object->sum = sum_entries(table->entry, ARRAY_SIZE(table->entry));
}

static void seal_map_leaf(const struct luo_damage_object *object)
{
	*object->sum = KHO_MAP_SUM_SEED;
	for (unsigned int i = 0; i < object->nr; i++)
		*object->sum += kho_map_sum_word(object->words[i], i);
}

static void walk_entries(struct luo_damage_walk *walk,
			 struct kho_map_entry *entry, unsigned int nr,
			 unsigned int tables)
{
	for (; nr; nr--, entry++) {
		struct kho_map_table *table;

		if (!entry->phys)
			continue;
		table = phys_to_virt(entry->phys);
		add_object(walk, (struct luo_damage_object){
			.class = tables ? LUO_DAMAGE_MAP_TABLE :
					  LUO_DAMAGE_MAP_LEAF,
			.words = (u64 *)table,
			.nr = PAGE_SIZE / sizeof(u64),
			.sum = &entry->sum,
			.seal = tables ? seal_map_table : seal_map_leaf,
		});
		if (tables)
			walk_entries(walk, table->entry,
				     ARRAY_SIZE(table->entry), tables - 1);
	}
}

static void walk_map(struct luo_damage_walk *walk, u64 phys)
{
	struct kho_map_root *root = phys_to_virt(phys);

	add_object(walk, (struct luo_damage_object){
		.class = LUO_DAMAGE_MAP_ROOT,
		.words = (u64 *)root,
		.nr = sizeof(*root) / sizeof(u64),
		.sum = &root->sum,
		.seal = seal_map_root,
	});
	walk_entries(walk, root->entry, ARRAY_SIZE(root->entry), 2);
}

static void add_fdt(struct luo_damage_walk *walk, enum luo_damage_class class,
		    void *fdt)
{
	add_object(walk, (struct luo_damage_object){
		.class = class,
		.words = fdt,
		/* What it has room for, but does not use, is not looked at */
		.nr = (fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt)) /
		      sizeof(u64),
	});
}

static u64 fdt_address(const void *fdt, const char *path, const char *name)
{
	int len, node = fdt_path_offset(fdt, path);
	const u64 *phys = fdt_getprop(fdt, node, name, &len);

	return phys && len == sizeof(*phys) ? *phys : 0;
}

static void walk_kho(struct luo_damage_walk *walk)
{
	void *fdt = phys_to_virt(kexec_image->kho.fdt);
	u64 phys;

	add_fdt(walk, LUO_DAMAGE_KHO_FDT, fdt);
	phys = fdt_address(fdt, "/" LUO_FDT_NAME, KHO_FDT_SUB_TREE_PROP_NAME);
	if (phys)
		add_fdt(walk, LUO_DAMAGE_LUO_FDT, phys_to_virt(phys));
	phys = fdt_address(fdt, "/", KHO_FDT_MEMORY_MAP_PROP_NAME);
	if (phys)
		walk_map(walk, phys);
}

/*
 * Orders
 */

/**
 * struct luo_damage_order - a line that was parsed
 * @object: what it is about
 * @next: the object of the same class that comes next, or the first one
 * @word: the word
 * @pfn: a value that is an address is to be a page frame number
 * @sealed: the sum is to fit
 */
struct luo_damage_order {
	const struct luo_damage_object *object;
	const struct luo_damage_object *next;
	unsigned int word;
	bool pfn;
	bool sealed;
};

/* Where there is memory, but not preserved: this kernel's own text */
static u64 phys_of_text(void)
{
	return ALIGN_DOWN(__pa_symbol(luo_damage_outgoing), PAGE_SIZE);
}

static u64 phys_of(const struct luo_damage_object *object)
{
	return ALIGN_DOWN(virt_to_phys(object->words), PAGE_SIZE);
}

enum luo_damage_value {
	LUO_DAMAGE_ONES,
	LUO_DAMAGE_HIGH,
	LUO_DAMAGE_PLUS,
	LUO_DAMAGE_MINUS,
	LUO_DAMAGE_UNALIGNED,
	LUO_DAMAGE_OUTSIDE,
	LUO_DAMAGE_SCRATCH,
	LUO_DAMAGE_LOW,
	LUO_DAMAGE_SELF,
	LUO_DAMAGE_OTHER,
	LUO_DAMAGE_FREE,
	LUO_DAMAGE_THEIRS,
};

static const char * const luo_damage_values[] = {
	[LUO_DAMAGE_ONES] = "ones",	/* all bits */
	[LUO_DAMAGE_HIGH] = "high",	/* the highest bit alone */
	[LUO_DAMAGE_PLUS] = "plus",	/* one more than what is there */
	[LUO_DAMAGE_MINUS] = "minus",	/* one less */
	[LUO_DAMAGE_UNALIGNED] = "unaligned",	/* 8 more than is there */
	[LUO_DAMAGE_OUTSIDE] = "outside",	/* where no memory is */
	[LUO_DAMAGE_SCRATCH] = "scratch",	/* the next kernel's memory */
	[LUO_DAMAGE_LOW] = "low",	/* below 1M */
	[LUO_DAMAGE_SELF] = "self",	/* the object's own page */
	[LUO_DAMAGE_OTHER] = "other",	/* the page of the next object */
	[LUO_DAMAGE_FREE] = "free",	/* a page that is not preserved */
	[LUO_DAMAGE_THEIRS] = "theirs",	/* what the next object has there */
};

static u64 named_value(const struct luo_damage_order *order,
		       enum luo_damage_value value, u64 old, u64 mask)
{
	const struct luo_damage_object *next = order->next;
	u64 phys = 0;

	switch (value) {
	case LUO_DAMAGE_ONES:
		return ~0ULL;
	case LUO_DAMAGE_PLUS:
		return old + 1;
	case LUO_DAMAGE_MINUS:
		return old - 1;
	case LUO_DAMAGE_UNALIGNED:
		return old + 8;
	case LUO_DAMAGE_OUTSIDE:
		phys = PFN_PHYS((u64)max_pfn + 1);
		break;
	case LUO_DAMAGE_SCRATCH:
		phys = kho_scratch[kho_scratch_cnt - 1].addr;
		break;
	case LUO_DAMAGE_LOW:
		phys = PAGE_SIZE;
		break;
	case LUO_DAMAGE_SELF:
		phys = phys_of(order->object);
		break;
	case LUO_DAMAGE_OTHER:
		phys = phys_of(next);
		break;
	case LUO_DAMAGE_THEIRS:
		return (next->words[order->word % next->nr] & mask) >>
		       __ffs64(mask);
	case LUO_DAMAGE_FREE:
		phys = phys_of_text();
		break;
	case LUO_DAMAGE_HIGH:
		/* The caller's, who knows how wide the field is */
		break;
	}
	return order->pfn ? PHYS_PFN(phys) : phys;
}

/* What the word becomes with the value in place of the bits in @mask */
static int set_value(struct luo_damage_order *order, char *text, u64 mask,
		     u64 *word)
{
	unsigned int shift = __ffs64(mask);
	u64 old = (*word & mask) >> shift, value;
	int named;

	order->pfn = strstarts(text, "pfn:");
	if (order->pfn)
		text += strlen("pfn:");

	named = match_string(luo_damage_values, ARRAY_SIZE(luo_damage_values),
			     text);
	if (named == LUO_DAMAGE_HIGH)
		value = BIT_ULL(fls64(mask) - 1 - shift);
	else if (named >= 0)
		value = named_value(order, named, old, mask);
	else if (kstrtou64(text, 0, &value))
		return -EINVAL;

	value = (value << shift) & mask;
	if (value == (*word & mask))
		value = ~value & mask;
	*word = (*word & ~mask) | value;
	return 0;
}

static const struct luo_damage_object *
find_object(const struct luo_damage_walk *walk, enum luo_damage_class class,
	    unsigned int nr)
{
	nr %= walk->count[class];
	for (unsigned int i = 0; ; i++)
		if (walk->objects[i].class == class && !nr--)
			return &walk->objects[i];
}

static int execute_set(struct luo_damage_order *order, char **args)
{
	const char *mask_text = strsep(args, " ");
	char *value = strsep(args, " ");
	u64 mask;

	if (!mask_text || !value || kstrtou64(mask_text, 0, &mask) || !mask)
		return -EINVAL;
	return set_value(order, value, mask,
			 &order->object->words[order->word]);
}

static int execute_flip(struct luo_damage_order *order, char **args)
{
	const char *text = strsep(args, " ");
	unsigned int bit;

	if (!text || kstrtouint(text, 0, &bit))
		return -EINVAL;
	order->object->words[order->word] ^= BIT_ULL(bit % 64);
	return 0;
}

static int execute_cut(struct luo_damage_order *order, char **args)
{
	const struct luo_damage_object *object = order->object;

	memset(&object->words[order->word], 0,
	       (object->cut - order->word) * sizeof(u64));
	return 0;
}

static const struct {
	const char *name;
	int (*execute)(struct luo_damage_order *order, char **args);
} luo_damage_ops[] = {
	{ "set", execute_set },
	{ "flip", execute_flip },
	{ "cut", execute_cut },
};

static int execute_op(struct luo_damage_order *order, const char *name,
		      char **args)
{
	const char *sealed;

	for (unsigned int i = 0; i < ARRAY_SIZE(luo_damage_ops); i++) {
		int err;

		if (strcmp(name, luo_damage_ops[i].name))
			continue;
		err = luo_damage_ops[i].execute(order, args);
		if (err)
			return err;
		sealed = strsep(args, " ");
		if (sealed && strcmp(sealed, "sealed"))
			return -EINVAL;
		order->sealed = sealed && order->object->seal;
		if (order->sealed)
			order->object->seal(order->object);
		return 0;
	}
	return -EINVAL;
}

static int execute_line(const struct luo_damage_walk *walk, char *line)
{
	const char *name = strsep(&line, " "), *class_name = strsep(&line, " ");
	const char *nr_text = strsep(&line, " "), *word = strsep(&line, " ");
	struct luo_damage_order order = {};
	const struct luo_damage_object *object;
	unsigned int nr;
	int class, err;
	u64 old;

	if (!word || kstrtouint(nr_text, 0, &nr) ||
	    kstrtouint(word, 0, &order.word))
		return -EINVAL;
	class = match_string(class_names, ARRAY_SIZE(class_names), class_name);
	if (class < 0)
		return -EINVAL;
	if (!walk->count[class])
		return -ENOENT;

	object = find_object(walk, class, nr);
	if (!object->nr)
		return -ENOENT;
	order.object = object;
	order.next = find_object(walk, class, nr + 1);
	order.word %= object->nr;
	old = object->words[order.word];

	err = execute_op(&order, name, &line);
	if (!err)
		pr_warn("%s %s %u of %u, word %u: %016llx -> %016llx%s\n", name,
			class_name, nr % walk->count[class], walk->count[class],
			order.word, old, object->words[order.word],
			order.sealed ? ", sealed" : "");
	return err;
}

static void execute_all(const struct luo_damage_walk *walk, char *orders)
{
	char *line;

	while ((line = strsep(&orders, "\n"))) {
		char *copy __free(kfree) = kstrdup(line, GFP_KERNEL);
		int err;

		if (!*line)
			continue;
		err = copy ? execute_line(walk, copy) : -ENOMEM;
		if (err)
			pr_warn("not executed (%d): %s\n", err, line);
	}
}

/**
 * luo_damage_outgoing - damage what goes to the next kernel, if that was ordered
 * @header: LUO's header, which has been sealed
 *
 * This kernel must not use any of it any more, so the jump must not fail.
 *
 * Context: May sleep. The last thing that liveupdate_reboot() does.
 */
void luo_damage_outgoing(struct luo_header_ser *header)
{
	struct luo_damage_walk walk = {};

	guard(mutex)(&luo_damage_lock);

	if (!luo_damage_orders || !kexec_image->kho.fdt)
		return;

	walk.objects = kvcalloc(MAX_OBJECTS, sizeof(*walk.objects), GFP_KERNEL);
	if (walk.objects) {
		/* All of it is found before the first word changes */
		walk_kho(&walk);
		walk_header(&walk, header);
		execute_all(&walk, luo_damage_orders);
	} else {
		pr_warn("no memory, nothing was damaged\n");
	}
	kvfree(walk.objects);
	kvfree(luo_damage_orders);
	luo_damage_orders = NULL;
}

/*
 * Each write is whole lines. They are added to what is there, and an empty line
 * alone takes all back.
 */
static ssize_t damage_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *ppos)
{
	size_t before;
	char *orders;

	guard(mutex)(&luo_damage_lock);

	before = luo_damage_orders ? strlen(luo_damage_orders) : 0;
	if (!len || len + before >= MAX_ORDERS)
		return -EINVAL;

	orders = kvzalloc(before + len + 1, GFP_KERNEL);
	if (!orders)
		return -ENOMEM;
	if (before)
		memcpy(orders, luo_damage_orders, before);
	if (copy_from_user(orders + before, buf, len)) {
		kvfree(orders);
		return -EFAULT;
	}
	kvfree(luo_damage_orders);
	luo_damage_orders = orders;
	if (!strcmp(orders + before, "\n")) {
		kvfree(orders);
		luo_damage_orders = NULL;
	}
	return len;
}

static int damage_show(struct seq_file *m, void *unused)
{
	for (unsigned int i = 0; i < LUO_DAMAGE_CLASSES; i++)
		if (class_words[i])
			seq_printf(m, "%s %u\n", class_names[i],
				   class_words[i]);
	return 0;
}

static int damage_open(struct inode *inode, struct file *file)
{
	return single_open(file, damage_show, NULL);
}

static const struct file_operations damage_fops = {
	.owner = THIS_MODULE,
	.open = damage_open,
	.read = seq_read,
	.write = damage_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init luo_damage_init(void)
{
	struct dentry *dir;

	if (!liveupdate_enabled())
		return 0;

	dir = debugfs_create_dir("liveupdate_test", NULL);
	debugfs_create_file("damage", 0600, dir, NULL, &damage_fops);
	pr_warn("this kernel can damage what it hands over, it is for tests only\n");
	return 0;
}
late_initcall(luo_damage_init);
