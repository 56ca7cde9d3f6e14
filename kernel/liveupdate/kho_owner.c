// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who memory is preserved for.
 *
 * A file handler preserves memory in its callbacks, and only its successor in
 * the next kernel knows where that is. If there is no such successor the memory
 * must not be lost for ever: so while a callback runs, all that its task
 * preserves is logged for the file.
 */

#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "kho_owner.h"

/**
 * struct kho_owner_bucket - owners that tasks with one hash work for
 * @lock: protects @owners
 * @owners: the owners
 */
struct kho_owner_bucket {
	spinlock_t lock; /* owners */
	struct hlist_head owners;
};

static struct kho_owner_bucket kho_owners[64] = {
	[0 ... 63] = { .lock = __SPIN_LOCK_UNLOCKED(kho_owners.lock) },
};

static struct kho_owner_bucket *task_bucket(void)
{
	return &kho_owners[hash_ptr(current, ilog2(ARRAY_SIZE(kho_owners)))];
}

/**
 * kho_owner_begin - what this task preserves from now on is for an owner
 * @owner: the owner, all zero at first
 *
 * Context: Task. The task works for nobody else.
 */
void kho_owner_begin(struct kho_owner *owner)
{
	struct kho_owner_bucket *bucket = task_bucket();

	owner->task = current;
	spin_lock(&bucket->lock);
	hlist_add_head(&owner->node, &bucket->owners);
	spin_unlock(&bucket->lock);
}

/**
 * kho_owner_end - undo kho_owner_begin()
 * @owner: the owner
 *
 * Context: Task, the same one that began.
 */
void kho_owner_end(struct kho_owner *owner)
{
	struct kho_owner_bucket *bucket = task_bucket();

	spin_lock(&bucket->lock);
	hlist_del_init(&owner->node);
	spin_unlock(&bucket->lock);
}

/* Stays until the task itself ends it */
static struct kho_owner *current_owner(void)
{
	struct kho_owner_bucket *bucket = task_bucket();
	struct kho_owner *owner, *found = NULL;

	spin_lock(&bucket->lock);
	hlist_for_each_entry(owner, &bucket->owners, node)
		if (owner->task == current)
			found = owner;
	spin_unlock(&bucket->lock);
	return found;
}

/* The sum follows each change, so that it never has to be made in the pause */
static void set_word(struct kho_owner_chunk *chunk, u64 *word, u64 value)
{
	chunk->sum += kho_map_sum_word(value - *word, word - &chunk->next);
	*word = value;
}

static int add_chunk(struct kho_owner *owner)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct kho_owner_chunk *chunk;
	int err;

	if (!page)
		return -ENOMEM;

	err = kho_preserve_nobodys(page_to_pfn(page));
	if (err) {
		__free_page(page);
		return err;
	}

	chunk = page_address(page);
	chunk->sum = KHO_MAP_SUM_SEED;
	if (owner->last)
		set_word(owner->last, &owner->last->next, virt_to_phys(chunk));
	else
		owner->first = chunk;
	owner->last = chunk;
	return 0;
}

static int add_record(struct kho_owner *owner, unsigned long pfn,
		      unsigned int order, unsigned long nr)
{
	struct kho_owner_chunk *chunk = owner->last;

	if (!chunk || chunk->nr == KHO_OWNER_CHUNK_RECORDS) {
		int err = add_chunk(owner);

		if (err)
			return err;
		chunk = owner->last;
	}

	set_word(chunk, &chunk->record[chunk->nr],
		 FIELD_PREP(KHO_OWNER_REC_PFN, pfn) |
		 FIELD_PREP(KHO_OWNER_REC_NR, nr) |
		 FIELD_PREP(KHO_OWNER_REC_ORDER, order));
	set_word(chunk, &chunk->nr, chunk->nr + 1);
	return 0;
}

/**
 * kho_owner_log - memory was preserved
 * @pfn: page frame number of the first piece
 * @order: order of each piece
 * @nr: number of pieces
 *
 * Context: May sleep.
 *
 * Return: 0, also if the task works for no owner; -ENOMEM, then the caller takes
 * all of the extent back.
 */
int kho_owner_log(unsigned long pfn, unsigned int order, unsigned long nr)
{
	const unsigned long max = FIELD_MAX(KHO_OWNER_REC_NR);
	struct kho_owner *owner = current_owner();
	unsigned long done = 0;
	int err = 0;

	while (owner && done < nr && !err) {
		unsigned long n = min(nr - done, max);

		err = add_record(owner, pfn + (done << order), order, n);
		if (!err)
			done += n;
	}

	if (err && done)
		kho_owner_unlog(pfn, order, done);
	return err;
}

static struct kho_owner_chunk *next_chunk(struct kho_owner *owner,
					  struct kho_owner_chunk *chunk)
{
	return chunk->next ? phys_to_virt(chunk->next) : owner->first;
}

/**
 * struct kho_owner_rec - a record, unpacked
 * @pfn: page frame number of the first piece
 * @order: order of each piece
 * @nr: number of pieces, 0 if there is no extent
 */
struct kho_owner_rec {
	unsigned long pfn;
	unsigned int order;
	unsigned long nr;
};

static struct kho_owner_rec unpack(u64 record)
{
	return (struct kho_owner_rec){
		.pfn = FIELD_GET(KHO_OWNER_REC_PFN, record),
		.order = FIELD_GET(KHO_OWNER_REC_ORDER, record),
		.nr = FIELD_GET(KHO_OWNER_REC_NR, record),
	};
}

static bool rec_has(const struct kho_owner_rec *rec, unsigned long pfn,
		    unsigned int order)
{
	return rec->nr && rec->order == order && pfn >= rec->pfn &&
	       pfn < rec->pfn + (rec->nr << order);
}

/*
 * Find the record that an extent is in. Mostly that is next to the one found
 * before, as extents are taken back in the order of their preserve or in the
 * reverse order, so that is where to begin.
 */
static bool find_record(struct kho_owner *owner, unsigned long pfn,
			unsigned int order, struct kho_owner_rec *rec)
{
	struct kho_owner_chunk *start = owner->found ?: owner->last;
	struct kho_owner_chunk *chunk = start;
	unsigned int i = owner->found ? owner->found_index : 0;

	if (!chunk)
		return false;

	i -= i > 0;
	do {
		for (; i < chunk->nr; i++) {
			*rec = unpack(chunk->record[i]);
			if (!rec_has(rec, pfn, order))
				continue;
			owner->found = chunk;
			owner->found_index = i;
			return true;
		}
		chunk = next_chunk(owner, chunk);
		i = 0;
	} while (chunk != start);

	/* What comes before the place where the first chunk was begun with */
	for (i = 0; i < start->nr; i++) {
		*rec = unpack(start->record[i]);
		if (!rec_has(rec, pfn, order))
			continue;
		owner->found = start;
		owner->found_index = i;
		return true;
	}
	return false;
}

/* Return: how many pieces were taken out of the log, 0 if it has none of them */
static unsigned long unlog_some(struct kho_owner *owner, unsigned long pfn,
				unsigned int order, unsigned long nr)
{
	struct kho_owner_rec rec;
	unsigned long before, n;
	u64 *word;

	if (!find_record(owner, pfn, order, &rec))
		return 0;

	before = (pfn - rec.pfn) >> order;
	n = min(nr, rec.nr - before);
	word = &owner->found->record[owner->found_index];
	if (!before && n < rec.nr) {
		rec.pfn += n << order;
		rec.nr -= n;
	} else {
		/*
		 * What follows is left out: it is not worth an allocation that
		 * could fail. To log too little is a leak in the worst case, to
		 * log too much would give away what is somebody else's.
		 */
		rec.nr = before;
	}
	set_word(owner->found, word, !rec.nr ? 0 :
		 FIELD_PREP(KHO_OWNER_REC_PFN, rec.pfn) |
		 FIELD_PREP(KHO_OWNER_REC_NR, rec.nr) |
		 FIELD_PREP(KHO_OWNER_REC_ORDER, rec.order));
	return n;
}

/**
 * kho_owner_unlog - memory is not preserved any more
 * @pfn: page frame number of the first piece
 * @order: order of each piece
 * @nr: number of pieces
 *
 * Context: Any.
 */
void kho_owner_unlog(unsigned long pfn, unsigned int order, unsigned long nr)
{
	struct kho_owner *owner = current_owner();

	while (owner && nr) {
		unsigned long n = unlog_some(owner, pfn, order, nr);

		/* It was preserved for nobody, or has been left out before */
		if (!n)
			n = 1;
		pfn += n << order;
		nr -= n;
	}
}

/**
 * kho_owner_serialize - what to tell the next kernel
 * @owner: the owner
 *
 * Return: physical address of the first chunk, 0 if nothing was logged.
 */
phys_addr_t kho_owner_serialize(const struct kho_owner *owner)
{
	return owner->first ? virt_to_phys(owner->first) : 0;
}

/**
 * kho_owner_free - nothing is preserved for an owner any more
 * @owner: the owner
 *
 * Context: Any that may take a spinlock.
 */
void kho_owner_free(struct kho_owner *owner)
{
	struct kho_owner_chunk *chunk = owner->first;

	while (chunk) {
		phys_addr_t next = chunk->next;

		kho_unpreserve_free(chunk);
		chunk = next ? phys_to_virt(next) : NULL;
	}
	*owner = (struct kho_owner){};
}

static struct kho_owner_chunk *incoming_chunk(phys_addr_t phys)
{
	struct kho_owner_chunk *chunk;
	u64 sum = KHO_MAP_SUM_SEED;
	const u64 *word;

	if (!PAGE_ALIGNED(phys) || !kho_is_restorable(phys, PAGE_SIZE))
		return NULL;

	chunk = phys_to_virt(phys);
	word = &chunk->next;
	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(u64) - 1; i++)
		sum += kho_map_sum_word(word[i], i);
	if (sum != chunk->sum || chunk->nr > KHO_OWNER_CHUNK_RECORDS)
		return NULL;
	return chunk;
}

static unsigned long discard_record(u64 record)
{
	struct kho_owner_rec rec = unpack(record);
	unsigned long pages = 0;

	if (rec.order > MAX_PAGE_ORDER)
		return 0;

	/* One by one: some may have been restored before something failed */
	for (unsigned long i = 0; i < rec.nr; i++) {
		unsigned long pfn = rec.pfn + (i << rec.order);

		if (kho_restore_extent(pfn, rec.order, 1))
			continue;
		folio_put(pfn_folio(pfn));
		pages += 1UL << rec.order;
	}
	return pages;
}

/**
 * kho_owner_discard - give all memory of an owner that came over to the system
 * @first: physical address of the log's first chunk, 0 for none
 * @bytes: set to how much that was
 *
 * Context: May sleep.
 *
 * Return: 0; -EIO if the log is damaged: what that leads to stays reserved.
 */
int kho_owner_discard(phys_addr_t first, u64 *bytes)
{
	*bytes = 0;
	while (first) {
		struct kho_owner_chunk *chunk = incoming_chunk(first);

		if (!chunk)
			return -EIO;
		for (unsigned int i = 0; i < chunk->nr; i++) {
			*bytes += discard_record(chunk->record[i]) << PAGE_SHIFT;
			cond_resched();
		}
		first = chunk->next;
		*bytes += PAGE_SIZE;
		kho_restore_free(chunk);
	}
	return 0;
}

/**
 * kho_owner_restore_free - free an owner's log that came over
 * @first: physical address of the first chunk, 0 for none
 *
 * Context: Any that may take a spinlock.
 */
void kho_owner_restore_free(phys_addr_t first)
{
	struct kho_owner_chunk *chunk;

	while (first && (chunk = incoming_chunk(first))) {
		first = chunk->next;
		kho_restore_free(chunk);
	}
}
