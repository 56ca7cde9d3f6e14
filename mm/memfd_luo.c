// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update of memfds: contents, size, position, seals, mode and name.
 *
 * While it is preserved, a memfd goes on being used. Its pages are held where
 * they are, its size is frozen, and the pages that are added to it, where there
 * was a hole, are marked. The freeze records the marked ones only, so that the
 * pause does not grow with the size of the file. No page is copied, neither in
 * this kernel nor in the next.
 *
 * hugetlb memfds are recognized, so as to be refused with a clear error.
 */

#define pr_fmt(fmt) "liveupdate: memfd: " fmt

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/kho/abi/memfd.h>
#include <linux/liveupdate.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/* What of file->f_flags a program would miss */
#define MEMFD_LUO_O_FLAGS	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_NOATIME)

/* Folios that are looked up under one hold of the page cache's lock */
#define MEMFD_LUO_BATCH		64

#define MEMFD_LUO_MAX_INDEX	(MAX_LFS_FILESIZE >> PAGE_SHIFT)

/**
 * struct memfd_extent - folios of one order, in a row in memory and in a file
 * @index: page index of the first in the file
 * @pfn: page frame number of the first
 * @nr: how many; 0 if there is no extent
 * @order: order of each
 */
struct memfd_extent {
	pgoff_t index;
	unsigned long pfn;
	unsigned long nr;
	unsigned int order;
};

static pgoff_t extent_pages(const struct memfd_extent *extent)
{
	return extent->nr << extent->order;
}

/**
 * struct memfd_luo - a preserved memfd
 * @inode: its inode
 * @file: the file that it was preserved through; the orchestrator holds it
 * @ser: what the next kernel starts from
 * @chunk: the last chunk of records, NULL if there is none
 * @next: the page index at which the last record ends
 * @old_gfp: how its pages were allocated before
 * @was_unevictable: it was locked in memory before
 *
 * The session's mutex serializes all use.
 */
struct memfd_luo {
	struct inode *inode;
	struct file *file;
	struct memfd_ser *ser;
	struct memfd_chunk *chunk;
	pgoff_t next;
	gfp_t old_gfp;
	bool was_unevictable;
};

/*
 * Records, outgoing
 */

static void seal_chunk(struct memfd_chunk *chunk)
{
	chunk->sum = luo_sum(chunk, sizeof(*chunk));
}

static int add_chunk(struct memfd_luo *luo)
{
	struct memfd_chunk *chunk = kho_alloc_preserve(PAGE_SIZE);

	if (IS_ERR(chunk))
		return PTR_ERR(chunk);

	if (luo->chunk) {
		luo->chunk->next = virt_to_phys(chunk);
		seal_chunk(luo->chunk);
	} else {
		luo->ser->chunks = virt_to_phys(chunk);
	}
	luo->chunk = chunk;
	return 0;
}

static int add_record(struct memfd_luo *luo, u64 record)
{
	if (!luo->chunk || luo->chunk->nr == MEMFD_CHUNK_RECORDS) {
		int err = add_chunk(luo);

		if (err)
			return err;
	}

	luo->chunk->record[luo->chunk->nr++] = record;
	return 0;
}

static int record_extent(struct memfd_luo *luo,
			 const struct memfd_extent *extent)
{
	int err;

	if (extent->index != luo->next) {
		err = add_record(luo, FIELD_PREP(MEMFD_REC_ORDER,
						 MEMFD_REC_SEEK) |
				      FIELD_PREP(MEMFD_REC_INDEX,
						 extent->index));
		if (err)
			return err;
		luo->next = extent->index;
	}

	err = add_record(luo, FIELD_PREP(MEMFD_REC_ORDER, extent->order) |
			      FIELD_PREP(MEMFD_REC_NR, extent->nr) |
			      FIELD_PREP(MEMFD_REC_PFN, extent->pfn));
	if (err)
		return err;

	luo->next += extent_pages(extent);
	luo->ser->nr_pages += extent_pages(extent);
	return 0;
}

/*
 * Records, incoming or to be undone
 */

/**
 * struct memfd_reader - where the next record is
 * @chunk: the chunk being read, NULL at the end
 * @i: the next record in it
 * @index: the page index that was reached
 * @left: how many more records there can be
 * @check: the records came over, and are to be checked
 */
struct memfd_reader {
	struct memfd_chunk *chunk;
	unsigned int i;
	pgoff_t index;
	u64 left;
	bool check;
};

static struct memfd_chunk *get_chunk(phys_addr_t phys, bool check)
{
	struct memfd_chunk *chunk;

	if (!phys)
		return NULL;
	if (check && (!PAGE_ALIGNED(phys) ||
		      !kho_is_restorable(phys, PAGE_SIZE)))
		return ERR_PTR(-EIO);

	chunk = phys_to_virt(phys);
	if (check && (chunk->nr > MEMFD_CHUNK_RECORDS ||
		      chunk->sum != luo_sum(chunk, sizeof(*chunk))))
		return ERR_PTR(-EIO);
	return chunk;
}

static int reader_start(struct memfd_reader *reader,
			const struct memfd_ser *ser, bool check)
{
	*reader = (struct memfd_reader){
		.chunk = get_chunk(ser->chunks, check),
		/* An extent has a page at least, and one seek before it at most */
		.left = min(ser->nr_pages, MEMFD_LUO_MAX_INDEX) * 2,
		.check = check,
	};
	return PTR_ERR_OR_ZERO(reader->chunk);
}

static bool extent_sane(const struct memfd_extent *extent)
{
	return extent->nr && extent->order <= MAX_PAGE_ORDER &&
	       IS_ALIGNED(extent->index, 1UL << extent->order) &&
	       extent->index <= MEMFD_LUO_MAX_INDEX - extent_pages(extent);
}

/* Return: 1 with the next extent, 0 after the last, -EIO for what can't be */
static int reader_next(struct memfd_reader *reader, struct memfd_extent *extent)
{
	u64 record;

	for (;;) {
		while (reader->chunk && reader->i == reader->chunk->nr) {
			/* No chunk is made for nothing, so no loop is endless */
			if (!reader->i)
				return -EIO;
			reader->chunk = get_chunk(reader->chunk->next,
						  reader->check);
			reader->i = 0;
			if (IS_ERR(reader->chunk))
				return PTR_ERR(reader->chunk);
		}
		if (!reader->chunk)
			return 0;

		if (!reader->left--)
			return -EIO;
		record = reader->chunk->record[reader->i++];
		if (FIELD_GET(MEMFD_REC_ORDER, record) != MEMFD_REC_SEEK)
			break;
		reader->index = FIELD_GET(MEMFD_REC_INDEX, record);
	}

	*extent = (struct memfd_extent){
		.index = reader->index,
		.pfn = FIELD_GET(MEMFD_REC_PFN, record),
		.nr = FIELD_GET(MEMFD_REC_NR, record),
		.order = FIELD_GET(MEMFD_REC_ORDER, record),
	};
	if (reader->check && !extent_sane(extent))
		return -EIO;

	reader->index += extent_pages(extent);
	return 1;
}

static void put_extent(const struct memfd_extent *extent)
{
	for (unsigned long i = 0; i < extent->nr; i++)
		folio_put(pfn_folio(extent->pfn + (i << extent->order)));
}

/*
 * Preserve
 */

/* An extent takes over one reference to each of its folios, in any case */
static int preserve_extent(struct memfd_luo *luo,
			   const struct memfd_extent *extent)
{
	int err;

	if (!extent->nr)
		return 0;

	err = kho_preserve_extent(extent->pfn, extent->order, extent->nr);
	if (err)
		goto err_put;

	err = record_extent(luo, extent);
	if (!err)
		return 0;

	kho_unpreserve_extent(extent->pfn, extent->order, extent->nr);
err_put:
	put_extent(extent);
	return err;
}

static int append_folio(struct memfd_luo *luo, struct memfd_extent *extent,
			struct folio *folio)
{
	unsigned long pfn = folio_pfn(folio);
	unsigned int order = folio_order(folio);
	int err = 0;

	if (extent->nr && extent->order == order &&
	    extent->index + extent_pages(extent) == folio->index &&
	    extent->pfn + extent_pages(extent) == pfn &&
	    extent->nr < FIELD_MAX(MEMFD_REC_NR)) {
		extent->nr++;
		return 0;
	}

	err = preserve_extent(luo, extent);
	*extent = (struct memfd_extent){
		.index = folio->index,
		.pfn = pfn,
		.nr = 1,
		.order = order,
	};
	return err;
}

/*
 * Who replaces a folio, as khugepaged does, has checked before that nobody else
 * has a reference, and holds its lock until it is done. So with a reference, it
 * stays in the file if it is still there under its lock.
 *
 * What was allocated but never written to reads as zeroes, so it has to be.
 */
static bool settle_folio(struct memfd_luo *luo, struct folio *folio)
{
	bool stays;

	folio_lock(folio);
	stays = folio->mapping == luo->inode->i_mapping;
	if (stays && !folio_test_uptodate(folio)) {
		folio_zero_range(folio, 0, folio_size(folio));
		flush_dcache_folio(folio);
		folio_mark_uptodate(folio);
	}
	folio_unlock(folio);
	return stays;
}

/**
 * struct memfd_batch - folios of a file, each with a reference
 * @folios: the folios, in the order of their index
 * @nr: how many
 * @pos: how many have been dealt with
 */
struct memfd_batch {
	struct folio *folios[MEMFD_LUO_BATCH];
	unsigned int nr;
	unsigned int pos;
};

static void put_batch(struct memfd_batch *batch)
{
	while (batch->pos < batch->nr)
		folio_put(batch->folios[batch->pos++]);
}

/*
 * Get the next folios that were, or with @added that were not, there when the
 * file was frozen. Return: whether there may be more.
 */
static bool get_batch(struct memfd_luo *luo, struct memfd_batch *batch,
		      pgoff_t *index, bool added)
{
	XA_STATE(xas, &luo->inode->i_mapping->i_pages, *index);
	unsigned int looked_at = 0;
	struct folio *folio;

	batch->nr = 0;
	batch->pos = 0;

	xas_lock_irq(&xas);
	if (added)
		folio = xas_find_marked(&xas, ULONG_MAX, SHMEM_TAG_ADDED);
	else
		folio = xas_find(&xas, ULONG_MAX);
	while (folio && batch->nr < MEMFD_LUO_BATCH &&
	       looked_at++ < XA_CHECK_SCHED) {
		*index = xas.xa_index + 1;
		if (added)
			xas_clear_mark(&xas, SHMEM_TAG_ADDED);
		if (!xa_is_value(folio) &&
		    (added || !xas_get_mark(&xas, SHMEM_TAG_ADDED))) {
			folio_get(folio);
			batch->folios[batch->nr++] = folio;
			*index = folio_next_index(folio);
		}
		if (added)
			folio = xas_next_marked(&xas, ULONG_MAX,
						SHMEM_TAG_ADDED);
		else
			folio = xas_next_entry(&xas, ULONG_MAX);
	}
	xas_unlock_irq(&xas);

	return folio;
}

/*
 * Memory that has to stay movable can't stay where it is: that is where the
 * next kernel boots. Move the folios from batch->pos on that follow each other
 * in the file, and append them from their new places.
 */
static int append_moved(struct memfd_luo *luo, struct memfd_extent *extent,
			struct memfd_batch *batch)
{
	struct folio *moved[MEMFD_LUO_BATCH];
	pgoff_t start = batch->folios[batch->pos]->index;
	pgoff_t end = start;
	unsigned int nr = 0;
	pgoff_t offset;
	long found;
	int err = 0;

	/* Our references would keep them from moving */
	while (batch->pos < batch->nr &&
	       batch->folios[batch->pos]->index == end) {
		end = folio_next_index(batch->folios[batch->pos]);
		folio_put(batch->folios[batch->pos++]);
		nr++;
	}

	found = memfd_pin_folios(luo->file, (loff_t)start << PAGE_SHIFT,
				 min(((loff_t)end << PAGE_SHIFT),
				     i_size_read(luo->inode)) - 1,
				 moved, nr, &offset);
	if (found < 0)
		return found;
	if (!found || folio_next_index(moved[found - 1]) < end)
		err = -EBUSY;

	for (long i = 0; i < found && !err; i++) {
		folio_get(moved[i]);
		if (settle_folio(luo, moved[i])) {
			err = append_folio(luo, extent, moved[i]);
		} else {
			folio_put(moved[i]);
			err = -EBUSY;
		}
	}
	unpin_folios(moved, found);
	return err;
}

static int append_batch(struct memfd_luo *luo, struct memfd_extent *extent,
			struct memfd_batch *batch, pgoff_t *index)
{
	unsigned long pinnable = ULONG_MAX;
	int err = 0;

	while (batch->pos < batch->nr && !err) {
		struct folio *folio = batch->folios[batch->pos];
		unsigned long block = folio_pfn(folio) >> pageblock_order;

		/* It was replaced: look again at what is there now */
		if (!settle_folio(luo, folio)) {
			*index = min(*index, folio->index);
			put_batch(batch);
			return -EAGAIN;
		}

		/* It is the same for a whole pageblock, and takes its time */
		if (block != pinnable && folio_is_longterm_pinnable(folio))
			pinnable = block;
		if (block == pinnable) {
			batch->pos++;
			err = append_folio(luo, extent, folio);
		} else {
			err = append_moved(luo, extent, batch);
		}
	}
	return err;
}

static int preserve_folios(struct memfd_luo *luo, bool added)
{
	struct memfd_extent extent = {};
	struct memfd_batch batch;
	pgoff_t index = 0;
	bool more;
	int err;

	do {
		more = get_batch(luo, &batch, &index, added);
		err = append_batch(luo, &extent, &batch, &index);
		if (err == -EAGAIN)
			more = true;
		else if (err)
			goto err_put;
		cond_resched();
	} while (more);

	err = preserve_extent(luo, &extent);
	if (luo->chunk)
		seal_chunk(luo->chunk);
	return err;

err_put:
	put_batch(&batch);
	put_extent(&extent);
	return err;
}

static void unpreserve_folios(struct memfd_luo *luo)
{
	struct memfd_chunk *chunk, *next;
	struct memfd_reader reader;
	struct memfd_extent extent;

	reader_start(&reader, luo->ser, false);
	while (reader_next(&reader, &extent) > 0) {
		kho_unpreserve_extent(extent.pfn, extent.order, extent.nr);
		put_extent(&extent);
		cond_resched();
	}

	for (chunk = get_chunk(luo->ser->chunks, false); chunk; chunk = next) {
		next = get_chunk(chunk->next, false);
		kho_unpreserve_free(chunk);
	}

	luo->ser->chunks = 0;
	luo->ser->nr_pages = 0;
	luo->chunk = NULL;
	luo->next = 0;
}

/* Is nothing of the file missing, or no more where it was? */
static bool all_recorded(struct memfd_luo *luo)
{
	struct address_space *mapping = luo->inode->i_mapping;

	return mapping->nrpages == luo->ser->nr_pages &&
	       !mapping_tagged(mapping, SHMEM_TAG_ADDED) &&
	       !READ_ONCE(SHMEM_I(luo->inode)->swapped);
}

static int swap_in(struct memfd_luo *luo)
{
	XA_STATE(xas, &luo->inode->i_mapping->i_pages, 0);
	void *entry;

	if (!READ_ONCE(SHMEM_I(luo->inode)->swapped))
		return 0;

	rcu_read_lock();
	xas_for_each(&xas, entry, ULONG_MAX) {
		pgoff_t index = xas.xa_index;
		struct folio *folio;

		if (xas_retry(&xas, entry) || !xa_is_value(entry))
			continue;

		/* The entry can be large, and the rest of it still be swapped */
		xas_set(&xas, index + 1);
		rcu_read_unlock();
		folio = shmem_read_folio(luo->inode->i_mapping, index);
		if (IS_ERR(folio))
			return PTR_ERR(folio);
		folio_put(folio);
		cond_resched();
		rcu_read_lock();
	}
	rcu_read_unlock();
	return 0;
}

/* No page of the file moves, nor is any swapped out, that is not yet held */
static void hold_mapping(struct memfd_luo *luo)
{
	struct address_space *mapping = luo->inode->i_mapping;

	luo->old_gfp = mapping_gfp_mask(mapping);
	mapping_set_gfp_mask(mapping, luo->old_gfp & ~__GFP_MOVABLE);
	luo->was_unevictable = mapping_unevictable(mapping);
	mapping_set_unevictable(mapping);
}

static void release_mapping(struct memfd_luo *luo)
{
	struct address_space *mapping = luo->inode->i_mapping;

	mapping_set_gfp_mask(mapping, luo->old_gfp);
	if (!luo->was_unevictable) {
		mapping_clear_unevictable(mapping);
		shmem_unlock_mapping(mapping);
	}
}

static int preserve_contents(struct memfd_luo *luo)
{
	struct inode *inode = luo->inode;
	pgoff_t end = DIV_ROUND_UP(i_size_read(inode), PAGE_SIZE);
	int err;

	/* What was allocated beyond the end can't be seen, and is not kept */
	if (SHMEM_I(inode)->fallocend > end) {
		shmem_truncate_range(inode, i_size_read(inode), (loff_t)-1);
		SHMEM_I(inode)->fallocend = end;
	}

	hold_mapping(luo);
	err = swap_in(luo);
	if (err)
		goto err_release;

	shmem_freeze_size(inode);
	err = preserve_folios(luo, false);
	if (!err)
		return 0;

	unpreserve_folios(luo);
	shmem_unfreeze_size(inode);
err_release:
	release_mapping(luo);
	return err;
}

static int memfd_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo __free(kfree) = NULL;
	struct inode *inode = file_inode(args->file);
	int err;

	if (is_file_hugepages(args->file)) {
		pr_info_ratelimited("memory of hugetlb memfds can't be preserved yet\n");
		return -EOPNOTSUPP;
	}

	luo = kzalloc(sizeof(*luo), GFP_KERNEL);
	if (!luo)
		return -ENOMEM;

	luo->inode = inode;
	luo->file = args->file;
	luo->ser = kho_alloc_preserve(sizeof(*luo->ser));
	if (IS_ERR(luo->ser))
		return PTR_ERR(luo->ser);

	inode_lock(inode);
	err = preserve_contents(luo);
	inode_unlock(inode);
	if (err) {
		kho_unpreserve_free(luo->ser);
		return err;
	}

	args->serialized_data = virt_to_phys(luo->ser);
	args->private_data = no_free_ptr(luo);
	return 0;
}

static void memfd_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo = args->private_data;

	inode_lock(luo->inode);
	unpreserve_folios(luo);
	shmem_unfreeze_size(luo->inode);
	release_mapping(luo);
	inode_unlock(luo->inode);

	kho_unpreserve_free(luo->ser);
	kfree(luo);
}

/*
 * Freeze
 */

/* Something has happened that the marks don't tell: start over */
static int preserve_anew(struct memfd_luo *luo)
{
	int err;

	unpreserve_folios(luo);
	shmem_unfreeze_size(luo->inode);

	err = swap_in(luo);
	if (err)
		return err;

	shmem_freeze_size(luo->inode);
	return preserve_folios(luo, false);
}

static void fill_ser(struct memfd_luo *luo)
{
	struct file *file = luo->file;
	struct memfd_ser *ser = luo->ser;

	ser->size = i_size_read(luo->inode);
	ser->pos = file->f_pos;
	ser->mode = luo->inode->i_mode & S_IALLUGO;
	ser->seals = memfd_get_seals(file);
	ser->flags = file->f_flags & MEMFD_LUO_O_FLAGS;
	ser->uid = from_kuid(&init_user_ns, luo->inode->i_uid);
	ser->gid = from_kgid(&init_user_ns, luo->inode->i_gid);
	strscpy_pad(ser->name, file->f_path.dentry->d_name.name);
	ser->sum = luo_sum(ser, sizeof(*ser));
}

/* Stop the file from getting pages, and record the last that it got */
static int freeze_pages(struct memfd_luo *luo)
{
	int err = 0;

	shmem_freeze_pages(luo->inode);
	if (!all_recorded(luo))
		err = preserve_folios(luo, true);
	if (!err && !all_recorded(luo))
		err = -EBUSY;
	if (err)
		shmem_unfreeze_pages(luo->inode);
	return err;
}

static int memfd_luo_freeze(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo = args->private_data;
	int err;

	inode_lock(luo->inode);
	/* Most of what was added is done while others can go on */
	err = preserve_folios(luo, true);
	if (!err)
		err = freeze_pages(luo);
	if (err == -EBUSY) {
		err = preserve_anew(luo);
		if (!err)
			err = freeze_pages(luo);
	}
	if (!err)
		fill_ser(luo);
	inode_unlock(luo->inode);
	return err;
}

/*
 * What the freeze recorded stays preserved. The inode is not locked here: who
 * waits for the pages may have done that.
 */
static void memfd_luo_unfreeze(struct liveupdate_file_op_args *args)
{
	struct memfd_luo *luo = args->private_data;

	shmem_unfreeze_pages(luo->inode);
}

/*
 * Retrieve
 */

static struct memfd_ser *get_ser(u64 phys)
{
	struct memfd_ser *ser;

	if (!PAGE_ALIGNED(phys) || !kho_is_restorable(phys, PAGE_SIZE))
		return NULL;

	ser = phys_to_virt(phys);
	if (ser->sum != luo_sum(ser, sizeof(*ser)) ||
	    ser->size > MAX_LFS_FILESIZE || ser->pos > MAX_LFS_FILESIZE ||
	    strnlen(ser->name, sizeof(ser->name)) == sizeof(ser->name) ||
	    strncmp(ser->name, MFD_NAME_PREFIX, strlen(MFD_NAME_PREFIX)))
		return NULL;
	return ser;
}

static int restore_extent(struct inode *inode,
			  const struct memfd_extent *extent)
{
	int err;

	if (extent->order && !IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
		pr_err("it has large folios, which this kernel has no support for\n");
		return -EOPNOTSUPP;
	}
	if (extent->order)
		mapping_set_large_folios(inode->i_mapping);

	err = kho_restore_extent(extent->pfn, extent->order, extent->nr);
	if (err)
		return -EIO;

	for (unsigned long i = 0; i < extent->nr; i++) {
		unsigned long skip = i << extent->order;
		struct folio *folio = pfn_folio(extent->pfn + skip);

		/* Once one has failed, the rest goes back to the system */
		if (err)
			folio_put(folio);
		else
			err = shmem_restore_folio(inode, folio,
						  extent->index + skip);
		if (!(i % MEMFD_LUO_BATCH))
			cond_resched();
	}
	return err == -EEXIST ? -EIO : err;
}

static int restore_contents(struct inode *inode, const struct memfd_ser *ser)
{
	struct memfd_reader reader;
	struct memfd_extent extent;
	u64 nr_pages = 0;
	int ret;

	i_size_write(inode, ser->size);

	ret = reader_start(&reader, ser, true);
	if (ret)
		return ret;

	while ((ret = reader_next(&reader, &extent)) > 0) {
		ret = restore_extent(inode, &extent);
		if (ret)
			return ret;
		nr_pages += extent_pages(&extent);
	}
	if (!ret && nr_pages != ser->nr_pages)
		ret = -EIO;
	return ret;
}

static void restore_inode(struct inode *inode, const struct memfd_ser *ser)
{
	kuid_t uid = make_kuid(&init_user_ns, ser->uid);
	kgid_t gid = make_kgid(&init_user_ns, ser->gid);

	inode->i_mode = S_IFREG | (ser->mode & S_IALLUGO);
	if (uid_valid(uid))
		inode->i_uid = uid;
	if (gid_valid(gid))
		inode->i_gid = gid;
}

/* Open it once more if it was not open as a new memfd is */
static struct file *open_as_before(struct file *file, unsigned int flags)
{
	struct file *other;

	if (flags == O_RDWR)
		return file;

	other = dentry_open(&file->f_path, flags | O_LARGEFILE, current_cred());
	fput(file);
	return other;
}

static int memfd_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct memfd_ser *ser = get_ser(args->serialized_data);
	struct file *file;
	int err;

	if (!ser)
		return -EIO;

	file = memfd_alloc_file(ser->name, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);

	err = restore_contents(file_inode(file), ser);
	if (err) {
		fput(file);
		return err;
	}

	restore_inode(file_inode(file), ser);
	file = open_as_before(file, ser->flags & MEMFD_LUO_O_FLAGS);
	if (IS_ERR(file))
		return PTR_ERR(file);

	memfd_restore_seals(file, ser->seals);
	file->f_pos = ser->pos;
	args->file = file;
	return 0;
}

/* Give back to the system what is in no file */
static void free_contents(const struct memfd_ser *ser)
{
	struct memfd_reader reader;
	struct memfd_extent extent;

	if (reader_start(&reader, ser, true))
		return;

	while (reader_next(&reader, &extent) > 0) {
		if (!kho_restore_extent(extent.pfn, extent.order, extent.nr))
			put_extent(&extent);
		cond_resched();
	}
}

static void memfd_luo_finish(struct liveupdate_file_op_args *args)
{
	struct memfd_ser *ser = get_ser(args->serialized_data);
	struct memfd_chunk *chunk;
	phys_addr_t next;

	if (!ser)
		return;

	if (args->retrieve_status <= 0)
		free_contents(ser);

	for (chunk = get_chunk(ser->chunks, true); !IS_ERR_OR_NULL(chunk);
	     chunk = get_chunk(next, true)) {
		next = chunk->next;
		kho_restore_free(chunk);
	}
	kho_restore_free(ser);
}

/*
 * Which files
 */

static bool memfd_luo_can_preserve(struct liveupdate_file_handler *handler,
				   struct file *file)
{
	struct inode *inode = file_inode(file);

	/* Much else is shmem, but only memfds have this name on this mount */
	return S_ISREG(inode->i_mode) &&
	       (inode->i_sb->s_flags & SB_KERNMOUNT) &&
	       (shmem_file(file) || is_file_hugepages(file)) &&
	       !strncmp(file->f_path.dentry->d_name.name, MFD_NAME_PREFIX,
			strlen(MFD_NAME_PREFIX));
}

static unsigned long memfd_luo_get_id(struct file *file)
{
	return (unsigned long)file_inode(file);
}

static const struct liveupdate_file_ops memfd_luo_ops = {
	.can_preserve = memfd_luo_can_preserve,
	.preserve = memfd_luo_preserve,
	.unpreserve = memfd_luo_unpreserve,
	.freeze = memfd_luo_freeze,
	.unfreeze = memfd_luo_unfreeze,
	.retrieve = memfd_luo_retrieve,
	.finish = memfd_luo_finish,
	.get_id = memfd_luo_get_id,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler memfd_luo_handler = {
	.ops = &memfd_luo_ops,
	.compatible = MEMFD_LUO_COMPATIBLE,
};

static int __init memfd_luo_init(void)
{
	int err = liveupdate_register_file_handler(&memfd_luo_handler);

	if (err && err != -EOPNOTSUPP)
		pr_err("can't register: %d\n", err);
	return 0;
}
late_initcall(memfd_luo_init);
