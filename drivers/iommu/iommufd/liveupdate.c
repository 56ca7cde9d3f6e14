// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update: what is mapped for a device that keeps running.
 *
 * The tables that a device translates by go to the next kernel as they are. So
 * there must be nothing in them but the memory of memfds that are preserved, and
 * nothing may be mapped or unmapped until the live update is over or undone. The
 * objects of the iommufd themselves stay behind: user space makes new ones.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/iommufd-liveupdate.h>
#include <linux/liveupdate.h>
#include <linux/rwsem.h>

#include "io_pagetable.h"
#include "iommufd_private.h"

/* Does nothing if the token is there */
static int add_token(u64 token, u64 *tokens, unsigned int *nr, unsigned int max)
{
	for (unsigned int i = 0; i < *nr; i++)
		if (tokens[i] == token)
			return 0;
	if (*nr == max)
		return -E2BIG;
	tokens[(*nr)++] = token;
	return 0;
}

static int check_area(struct iopt_area *area,
		      struct liveupdate_session *session, u64 *token)
{
	int err;

	/* Somebody maps or unmaps it just now */
	if (!area->pages)
		return -EAGAIN;
	if (area->pages->type != IOPT_ADDRESS_FILE)
		return -EMEDIUMTYPE;

	err = liveupdate_get_token_outgoing(session, area->pages->file, token);
	return err == -ENOENT ? -ENOMEDIUM : err;
}

static int check_areas(struct io_pagetable *iopt,
		       struct liveupdate_session *session, u64 *tokens,
		       unsigned int *nr, unsigned int max)
{
	struct iopt_area *area;

	for (area = iopt_area_iter_first(iopt, 0, ULONG_MAX); area;
	     area = iopt_area_iter_next(area, 0, ULONG_MAX)) {
		u64 token;
		int err = check_area(area, session, &token);

		if (!err)
			err = add_token(token, tokens, nr, max);
		if (err)
			return err;
	}
	return 0;
}

static struct io_pagetable *attached_iopt(struct iommufd_device *idev)
{
	struct iommufd_hw_pagetable *hwpt = iommufd_device_hwpt(idev);

	return hwpt && hwpt_is_paging(hwpt) ? &to_hwpt_paging(hwpt)->ioas->iopt :
					      NULL;
}

/**
 * iommufd_liveupdate_preserve - keep what is mapped for a device as it is
 * @idev: the device
 * @session: the session that it is being preserved in
 * @tokens: set to the tokens of the files that are mapped
 * @nr_tokens: how many there can be; set to how many there are
 *
 * Until iommufd_liveupdate_unpreserve() to map or unmap anything in the same IOAS
 * fails with -EBUSY.
 *
 * Context: May sleep. The session's mutex is held, and whatever keeps the device
 * from being attached to something else until it is unpreserved.
 *
 * Return: 0; -ENOTCONN if nothing is attached that can be mapped; -EMEDIUMTYPE if
 * something is mapped that is no file (IOMMU_IOAS_MAP_FILE); -ENOMEDIUM if a file
 * is mapped that is not preserved in this session; -E2BIG if there are too many
 * files; -EAGAIN if somebody maps or unmaps just now.
 */
int iommufd_liveupdate_preserve(struct iommufd_device *idev,
				struct liveupdate_session *session,
				u64 *tokens, unsigned int *nr_tokens)
{
	struct io_pagetable *iopt = attached_iopt(idev);
	unsigned int max = *nr_tokens;
	int err;

	if (!iopt)
		return -ENOTCONN;

	guard(rwsem_write)(&iopt->iova_rwsem);

	*nr_tokens = 0;
	err = check_areas(iopt, session, tokens, nr_tokens, max);
	if (!err)
		iopt->nr_preserved++;
	return err;
}
EXPORT_SYMBOL_NS_GPL(iommufd_liveupdate_preserve, "IOMMUFD");

/**
 * iommufd_liveupdate_unpreserve - undo iommufd_liveupdate_preserve()
 * @idev: the device, still attached to the same
 *
 * Context: May sleep.
 */
void iommufd_liveupdate_unpreserve(struct iommufd_device *idev)
{
	struct io_pagetable *iopt = attached_iopt(idev);

	if (WARN_ON(!iopt))
		return;

	guard(rwsem_write)(&iopt->iova_rwsem);

	iopt->nr_preserved--;
}
EXPORT_SYMBOL_NS_GPL(iommufd_liveupdate_unpreserve, "IOMMUFD");
