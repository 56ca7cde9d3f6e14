// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update: files of VFIO devices that keep running.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/vfio-liveupdate.h>

#include "vfio.h"

/**
 * vfio_liveupdate_device - the device behind a file
 * @file: any file
 *
 * Return: the device, or NULL if it is no file of the device's own (a cdev).
 */
struct vfio_device *vfio_liveupdate_device(struct file *file)
{
	struct vfio_device_file *df = file->private_data;

	return file->f_op == &vfio_device_fops && !df->group ? df->device : NULL;
}
EXPORT_SYMBOL_GPL(vfio_liveupdate_device);

/**
 * vfio_liveupdate_is_bound - is it this file that its device was bound through?
 * @file: a file that vfio_liveupdate_device() knows
 *
 * Context: The lock of the device's set is held.
 *
 * Return: true after VFIO_DEVICE_BIND_IOMMUFD.
 */
bool vfio_liveupdate_is_bound(struct file *file)
{
	struct vfio_device_file *df = file->private_data;

	return df->access_granted;
}
EXPORT_SYMBOL_GPL(vfio_liveupdate_is_bound);

/**
 * vfio_liveupdate_open - make a file of a device that came over
 * @device: the device
 *
 * As to open the cdev would, which fails with -EBUSY for such a device.
 *
 * Context: May sleep.
 *
 * Return: the file, not bound to an iommufd yet; ERR_PTR(-ENODEV) if the device is
 * about to go, or another errno.
 */
struct file *vfio_liveupdate_open(struct vfio_device *device)
{
	struct vfio_device_file *df;
	struct file *file;

	if (!vfio_device_try_get_registration(device))
		return ERR_PTR(-ENODEV);

	df = vfio_allocate_device_file(device);
	if (IS_ERR(df)) {
		vfio_device_put_registration(device);
		return ERR_CAST(df);
	}

	file = anon_inode_getfile_fmode("[vfio-device]", &vfio_device_fops, df,
					O_RDWR, FMODE_PREAD | FMODE_PWRITE);
	if (IS_ERR(file)) {
		kfree(df);
		vfio_device_put_registration(device);
		return file;
	}

	/* All mappings of the device in one address space, as for a cdev */
	file->f_mapping = device->inode->i_mapping;
	return file;
}
EXPORT_SYMBOL_GPL(vfio_liveupdate_open);
