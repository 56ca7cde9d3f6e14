// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update: devices of vfio-pci that keep running.
 *
 * A device that is preserved goes on with its work, and so do those who use it,
 * but what it can reach does not change any more. In the freeze its interrupts are
 * switched off, and what would change its state is refused from there on. The next
 * kernel finds it running, and keeps it so until user space has it again: a file
 * through the session, a new iommufd, and a domain that maps the same.
 *
 * What nobody claims is stopped and reset when its session finishes.
 */

#define pr_fmt(fmt) "vfio-pci: live update: " fmt
#define dev_fmt(fmt) "live update: " fmt

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/intel-iommu-liveupdate.h>
#include <linux/io.h>
#include <linux/iommufd-liveupdate.h>
#include <linux/kexec_handover.h>
#include <linux/kho/abi/vfio-pci.h>
#include <linux/liveupdate.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/pci-liveupdate.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/vfio-liveupdate.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_priv.h"

/**
 * struct vfio_pci_outgoing - a device that is preserved
 * @ser: what the next kernel gets
 * @command: command register before the freeze
 * @msi: control register of MSI before the freeze
 * @msix: control register of MSI-X before the freeze
 */
struct vfio_pci_outgoing {
	struct vfio_pci_ser *ser;
	u16 command;
	u16 msi;
	u16 msix;
};

static struct vfio_pci_core_device *to_core(struct vfio_device *device)
{
	return container_of(device, struct vfio_pci_core_device, vdev);
}

static void seal(struct vfio_pci_ser *ser)
{
	ser->sum = luo_sum(ser, offsetof(struct vfio_pci_ser, sum));
}

/*
 * What is refused from the freeze on
 */

static void end_change(struct vfio_pci_core_device *vdev)
{
	up_read(&vdev->liveupdate_sem);
}

static bool begin_change(struct vfio_pci_core_device *vdev)
{
	down_read(&vdev->liveupdate_sem);
	if (!vdev->liveupdate_frozen)
		return true;

	end_change(vdev);
	return false;
}

/**
 * vfio_pci_liveupdate_ioctl - vfio_pci_core_ioctl(), but nothing changes if frozen
 * @device: the device
 * @cmd: command
 * @arg: its argument
 *
 * Return: what the command does; -EBUSY for one that would change the device's
 * state while it is frozen for a live update.
 */
long vfio_pci_liveupdate_ioctl(struct vfio_device *device, unsigned int cmd,
			       unsigned long arg)
{
	struct vfio_pci_core_device *vdev = to_core(device);
	long ret;

	switch (cmd) {
	case VFIO_DEVICE_IOEVENTFD:
	case VFIO_DEVICE_PCI_HOT_RESET:
	case VFIO_DEVICE_RESET:
	case VFIO_DEVICE_SET_IRQS:
		break;
	default:
		return vfio_pci_core_ioctl(device, cmd, arg);
	}

	if (!begin_change(vdev))
		return -EBUSY;
	ret = vfio_pci_core_ioctl(device, cmd, arg);
	end_change(vdev);
	return ret;
}

/**
 * vfio_pci_liveupdate_feature - vfio_pci_core_ioctl_feature(), unless frozen
 * @device: the device
 * @flags: which feature, and what to do
 * @arg: its argument
 * @argsz: size of @arg in bytes
 *
 * Return: as that, or -EBUSY while it is frozen for a live update.
 */
int vfio_pci_liveupdate_feature(struct vfio_device *device, u32 flags,
				void __user *arg, size_t argsz)
{
	struct vfio_pci_core_device *vdev = to_core(device);
	int ret;

	if (!begin_change(vdev))
		return -EBUSY;
	ret = vfio_pci_core_ioctl_feature(device, flags, arg, argsz);
	end_change(vdev);
	return ret;
}

/**
 * vfio_pci_liveupdate_write - vfio_pci_core_write(), unless frozen
 * @device: the device
 * @buf: what to write
 * @count: bytes
 * @ppos: where
 *
 * Return: as that, or -EBUSY while it is frozen for a live update.
 */
ssize_t vfio_pci_liveupdate_write(struct vfio_device *device,
				  const char __user *buf, size_t count,
				  loff_t *ppos)
{
	struct vfio_pci_core_device *vdev = to_core(device);
	ssize_t ret;

	if (!begin_change(vdev))
		return -EBUSY;
	ret = vfio_pci_core_write(device, buf, count, ppos);
	end_change(vdev);
	return ret;
}

/*
 * The old kernel
 */

static bool vfio_pci_luo_can_preserve(struct liveupdate_file_handler *handler,
				      struct file *file)
{
	struct vfio_device *device = vfio_liveupdate_device(file);

	return device && device->ops == &vfio_pci_ops;
}

static unsigned long vfio_pci_luo_get_id(struct file *file)
{
	return (unsigned long)vfio_liveupdate_device(file);
}

/* All that has to know of the device, from what it reaches to the device itself */
static int preserve_device(struct vfio_device *device,
			   struct liveupdate_session *session,
			   struct vfio_pci_ser *ser)
{
	struct pci_dev *pdev = to_core(device)->pdev;
	int err;

	ser->nr_tokens = VFIO_PCI_SER_MAX_TOKENS;
	err = iommufd_liveupdate_preserve(device->iommufd_device, session,
					  ser->tokens, &ser->nr_tokens);
	if (err)
		return err;

	err = intel_liveupdate_preserve(&pdev->dev);
	if (err)
		goto err_iommufd;

	err = pci_liveupdate_preserve(pdev);
	if (err)
		goto err_iommu;
	return 0;

err_iommu:
	intel_liveupdate_unpreserve(&pdev->dev);
err_iommufd:
	iommufd_liveupdate_unpreserve(device->iommufd_device);
	return err;
}

static int vfio_pci_luo_preserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device *device = vfio_liveupdate_device(args->file);
	struct pci_dev *pdev = to_core(device)->pdev;
	struct vfio_pci_outgoing *out __free(kfree) =
		kzalloc(sizeof(*out), GFP_KERNEL_ACCOUNT);
	int err;

	if (!out)
		return -ENOMEM;
	if (pdev->cfg_size > VFIO_PCI_SER_CONFIG)
		return -EOPNOTSUPP;

	guard(mutex)(&device->dev_set->lock);

	/* The next kernel's tables can't take over what these don't have yet */
	if (!vfio_liveupdate_is_bound(args->file) || !device->iommufd_attached ||
	    device->liveupdate_incoming)
		return -ENOTCONN;

	out->ser = kho_alloc_preserve(sizeof(*out->ser));
	if (IS_ERR(out->ser))
		return PTR_ERR(out->ser);

	*out->ser = (struct vfio_pci_ser){
		.domain = pci_domain_nr(pdev->bus),
		.bus = pdev->bus->number,
		.devfn = pdev->devfn,
		.cfg_size = pdev->cfg_size,
	};
	err = preserve_device(device, args->session, out->ser);
	if (err) {
		pci_dbg(pdev, "can't be preserved: %d\n", err);
		kho_unpreserve_free(out->ser);
		return err;
	}

	device->liveupdate_outgoing = true;
	args->serialized_data = virt_to_phys(out->ser);
	args->private_data = no_free_ptr(out);
	return 0;
}

static void vfio_pci_luo_unpreserve(struct liveupdate_file_op_args *args)
{
	struct vfio_device *device = vfio_liveupdate_device(args->file);
	struct pci_dev *pdev = to_core(device)->pdev;
	struct vfio_pci_outgoing *out = args->private_data;

	guard(mutex)(&device->dev_set->lock);

	device->liveupdate_outgoing = false;
	pci_liveupdate_unpreserve(pdev);
	intel_liveupdate_unpreserve(&pdev->dev);
	iommufd_liveupdate_unpreserve(device->iommufd_device);
	kho_unpreserve_free(out->ser);
	kfree(out);
}

static u16 clear_enable(struct pci_dev *pdev, u8 cap, int flags, u16 enable)
{
	u16 control;

	if (!cap)
		return 0;
	pci_read_config_word(pdev, cap + flags, &control);
	if (control & enable)
		pci_write_config_word(pdev, cap + flags, control & ~enable);
	return control;
}

/* INTx first: without MSI the device may use it */
static void interrupts_off(struct pci_dev *pdev, struct vfio_pci_outgoing *out)
{
	pci_read_config_word(pdev, PCI_COMMAND, &out->command);
	pci_intx(pdev, 0);
	out->msix = clear_enable(pdev, pdev->msix_cap, PCI_MSIX_FLAGS,
				 PCI_MSIX_FLAGS_ENABLE);
	out->msi = clear_enable(pdev, pdev->msi_cap, PCI_MSI_FLAGS,
				PCI_MSI_FLAGS_ENABLE);
}

static void interrupts_on(struct vfio_pci_core_device *vdev,
			  const struct vfio_pci_outgoing *out)
{
	struct pci_dev *pdev = vdev->pdev;

	if (out->msi & PCI_MSI_FLAGS_ENABLE)
		pci_write_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS,
				      out->msi);
	if (out->msix & PCI_MSIX_FLAGS_ENABLE)
		pci_write_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS,
				      out->msix);
	if (!(out->command & PCI_COMMAND_INTX_DISABLE))
		pci_intx(pdev, 1);
	vfio_pci_signal_msis(vdev);
}

/* Waits for all changes, and for a reset of the whole bus */
static void set_frozen(struct vfio_pci_core_device *vdev, bool frozen)
{
	guard(rwsem_write)(&vdev->liveupdate_sem);
	guard(mutex)(&vdev->vdev.dev_set->lock);

	vdev->liveupdate_frozen = frozen;
}

static int vfio_pci_luo_freeze(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_core_device *vdev =
		to_core(vfio_liveupdate_device(args->file));
	struct vfio_pci_outgoing *out = args->private_data;
	struct pci_dev *pdev = vdev->pdev;
	int err;

	set_frozen(vdev, true);

	err = pci_liveupdate_freeze(pdev);
	if (err)
		goto err_thaw;
	err = intel_liveupdate_freeze(&pdev->dev);
	if (err)
		goto err_unfreeze;

	interrupts_off(pdev, out);
	memcpy(out->ser->config, vdev->vconfig, out->ser->cfg_size);
	seal(out->ser);
	return 0;

err_unfreeze:
	pci_liveupdate_unfreeze(pdev);
err_thaw:
	set_frozen(vdev, false);
	return err;
}

static void vfio_pci_luo_unfreeze(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_core_device *vdev =
		to_core(vfio_liveupdate_device(args->file));

	intel_liveupdate_unfreeze(&vdev->pdev->dev);
	pci_liveupdate_unfreeze(vdev->pdev);
	interrupts_on(vdev, args->private_data);
	set_frozen(vdev, false);
}

/*
 * The new kernel
 */

static struct vfio_pci_ser *incoming_ser(u64 data)
{
	struct vfio_pci_ser *ser;

	if (!PAGE_ALIGNED(data) || !kho_is_restorable(data, sizeof(*ser)))
		return NULL;
	ser = phys_to_virt(data);
	if (ser->sum != luo_sum(ser, offsetof(struct vfio_pci_ser, sum)) ||
	    ser->nr_tokens > VFIO_PCI_SER_MAX_TOKENS ||
	    ser->cfg_size > VFIO_PCI_SER_CONFIG)
		return NULL;
	return ser;
}

/* With a reference for the caller; NULL if it was refused, or is not there */
static struct pci_dev *find_device(const struct vfio_pci_ser *ser)
{
	return pci_liveupdate_find(ser->domain, ser->bus, ser->devfn);
}

/*
 * What the device reaches has to come back, too: else somebody could discard it as
 * the device writes to it. What is not claimed here is stopped, see below.
 */
static int vfio_pci_luo_arrive(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_ser *ser = incoming_ser(args->serialized_data);
	struct pci_dev *pdev;
	int err = 0;

	if (!ser)
		return -EIO;

	for (unsigned int i = 0; i < ser->nr_tokens && !err; i++)
		err = liveupdate_need_file_incoming(args->session,
						    ser->tokens[i]);
	if (err)
		return err == -ENOMEM ? err : -EIO;

	pdev = find_device(ser);
	if (!pdev)
		return -EIO;
	err = pci_liveupdate_claim(pdev);
	pci_dev_put(pdev);
	return err ? -EIO : 0;
}

/*
 * What the device reaches has to be there: user space is to map it again. If it is
 * not there for good, it can become somebody else's.
 */
static int need_files(struct liveupdate_session *session,
		      const struct vfio_pci_ser *ser)
{
	for (unsigned int i = 0; i < ser->nr_tokens; i++) {
		struct file *file;
		int err;

		err = liveupdate_get_file_incoming(session, ser->tokens[i],
						   &file);
		if (err)
			return err;
		fput(file);
	}
	return 0;
}

static struct vfio_pci_core_device *core_of(struct pci_dev *pdev)
{
	device_lock_assert(&pdev->dev);

	return pdev->driver == &vfio_pci_driver ? pci_get_drvdata(pdev) : NULL;
}

static int open_device(struct pci_dev *pdev, const struct vfio_pci_ser *ser,
		       struct file **filep)
{
	u8 *config __free(kfree) = kmemdup(ser->config, VFIO_PCI_SER_CONFIG,
					   GFP_KERNEL_ACCOUNT);
	struct vfio_pci_core_device *vdev;

	if (!config)
		return -ENOMEM;

	guard(device)(&pdev->dev);

	vdev = core_of(pdev);
	if (!vdev || pdev->cfg_size != ser->cfg_size)
		return -ENXIO;

	*filep = vfio_liveupdate_open(&vdev->vdev);
	if (IS_ERR(*filep))
		return PTR_ERR(*filep);

	/* Used, and freed, when the device is bound or finishes */
	guard(mutex)(&vdev->vdev.dev_set->lock);

	vdev->liveupdate_config = no_free_ptr(config);
	vdev->liveupdate_rearm = true;
	return 0;
}

static void stop_device(struct pci_dev *pdev, int (*reset)(struct pci_dev *))
{
	pci_info(pdev, "was not claimed, is reset\n");
	pci_clear_master(pdev);
	if (reset(pdev))
		pci_warn(pdev, "can't be reset\n");
	pci_clear_master(pdev);
}

/* Whatever is left of what came over goes; dev_set->lock is held */
static void forget_incoming(struct vfio_pci_core_device *vdev)
{
	kfree(vdev->liveupdate_config);
	vdev->liveupdate_config = NULL;
	vdev->liveupdate_rearm = false;
	vdev->vdev.liveupdate_incoming = false;

	/* It was kept awake since it was found, see vfio_pci_core_enable() */
	if (vdev->liveupdate_running)
		vfio_pci_core_liveupdate_let_sleep(vdev);
}

/*
 * What the old tables lead to is about to be somebody else's memory. If user space
 * has not attached anything by now, and that may be because it has crashed, the
 * device is stopped. Nobody attaches anything meanwhile.
 */
static void finish_device(struct pci_dev *pdev, int (*reset)(struct pci_dev *))
{
	if (intel_liveupdate_on_old_tables(&pdev->dev))
		stop_device(pdev, reset);
	intel_liveupdate_finish(&pdev->dev);
	pci_liveupdate_finish(pdev);
}

/*
 * Who unbinds the driver holds the device's lock and waits for the file to be
 * closed, which comes after this: so that lock must not be waited for.
 */
static void finish_retrieved(struct pci_dev *pdev, struct file *file)
{
	struct vfio_device *device = vfio_liveupdate_device(file);

	guard(mutex)(&device->dev_set->lock);

	finish_device(pdev, pci_try_reset_function);
	forget_incoming(to_core(device));
}

static void finish_unclaimed(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *vdev;

	guard(device)(&pdev->dev);

	vdev = core_of(pdev);
	if (!vdev) {
		finish_device(pdev, pci_reset_function_locked);
		return;
	}

	guard(mutex)(&vdev->vdev.dev_set->lock);

	finish_device(pdev, pci_reset_function_locked);
	forget_incoming(vdev);
}

/* Their records, or those of what they need, were damaged */
static int vfio_pci_stop_unclaimed(struct notifier_block *nb,
				   unsigned long action, void *data)
{
	struct pci_dev *pdev;

	while ((pdev = pci_liveupdate_find_unclaimed(vfio_pci_driver.name))) {
		pci_err(pdev, "its file, or a file that it needs, did not come over\n");
		finish_unclaimed(pdev);
		pci_dev_put(pdev);
	}
	return NOTIFY_OK;
}

static struct notifier_block vfio_pci_arrival_nb = {
	.notifier_call = vfio_pci_stop_unclaimed,
	.priority = LIVEUPDATE_ARRIVAL_DRIVER,
};

static int vfio_pci_luo_retrieve(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_ser *ser = incoming_ser(args->serialized_data);
	struct pci_dev *pdev;
	int err;

	if (!ser)
		return -EIO;
	pdev = find_device(ser);
	if (!pdev)
		return -EIO;

	err = need_files(args->session, ser);
	if (!err)
		err = open_device(pdev, ser, &args->file);
	else if (err != -ENOMEM && err != -ENFILE)
		finish_unclaimed(pdev);
	pci_dev_put(pdev);
	return err;
}

static void vfio_pci_luo_finish(struct liveupdate_file_op_args *args)
{
	struct vfio_pci_ser *ser = incoming_ser(args->serialized_data);
	struct pci_dev *pdev;

	if (!ser)
		return;
	pdev = find_device(ser);
	if (pdev && args->file)
		finish_retrieved(pdev, args->file);
	else if (pdev)
		finish_unclaimed(pdev);
	pci_dev_put(pdev);
	kho_restore_free(ser);
}

static const struct liveupdate_file_ops vfio_pci_luo_ops = {
	.can_preserve = vfio_pci_luo_can_preserve,
	.preserve = vfio_pci_luo_preserve,
	.unpreserve = vfio_pci_luo_unpreserve,
	.freeze = vfio_pci_luo_freeze,
	.unfreeze = vfio_pci_luo_unfreeze,
	.arrive = vfio_pci_luo_arrive,
	.retrieve = vfio_pci_luo_retrieve,
	.finish = vfio_pci_luo_finish,
	.get_id = vfio_pci_luo_get_id,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler vfio_pci_luo_handler = {
	.ops = &vfio_pci_luo_ops,
	.compatible = VFIO_PCI_LUO_COMPATIBLE,
};

/**
 * vfio_pci_liveupdate_init - offer to keep devices running
 *
 * Without it vfio-pci works as it does otherwise.
 */
void __init vfio_pci_liveupdate_init(void)
{
	int err;

	if (!liveupdate_enabled())
		return;

	err = liveupdate_register_file_handler(&vfio_pci_luo_handler);
	if (err)
		goto err_out;
	err = pci_liveupdate_register(&vfio_pci_luo_handler);
	if (err)
		goto err_unregister;
	err = intel_liveupdate_register(&vfio_pci_luo_handler);
	if (err)
		goto err_unregister;
	err = liveupdate_register_arrival_notifier(&vfio_pci_arrival_nb);
	if (err)
		goto err_unregister;
	return;

	/* This takes the FLBs' links away, too */
err_unregister:
	liveupdate_unregister_file_handler(&vfio_pci_luo_handler);
err_out:
	pr_err("can't register: %d\n", err);
}

/**
 * vfio_pci_liveupdate_exit - take the offer back
 *
 * Devices that came over are in sessions, and keep the module.
 */
void vfio_pci_liveupdate_exit(void)
{
	liveupdate_unregister_arrival_notifier(&vfio_pci_arrival_nb);
	liveupdate_unregister_file_handler(&vfio_pci_luo_handler);
}

MODULE_ALIAS_LIVEUPDATE(VFIO_PCI_LUO_COMPATIBLE);
MODULE_IMPORT_NS("IOMMUFD");
