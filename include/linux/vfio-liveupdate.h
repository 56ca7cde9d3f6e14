/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of VFIO devices that keep running while the kernel is replaced. See
 * drivers/vfio/liveupdate.c.
 */
#ifndef _LINUX_VFIO_LIVEUPDATE_H
#define _LINUX_VFIO_LIVEUPDATE_H

struct file;
struct vfio_device;

struct vfio_device *vfio_liveupdate_device(struct file *file);
bool vfio_liveupdate_is_bound(struct file *file);
struct file *vfio_liveupdate_open(struct vfio_device *device);

#endif /* _LINUX_VFIO_LIVEUPDATE_H */
