// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update: PCI devices that keep running while the kernel is replaced.
 *
 * A device that goes on mastering the bus must be left alone by both kernels,
 * and so must the bridges above it: the old one must not stop it as it shuts
 * down, the new one must not give its buses other numbers, size its BARs, or let
 * another driver have it. This file keeps a list of such devices, an FLB, for the
 * drivers that hand them over, and answers what the rest of the PCI core asks.
 *
 * Whatever is wrong with a device in the new kernel, the answer is the same: its
 * bus mastering goes off, and it is a device like any other from then on. It is
 * the IOMMU's driver that says whether the memory that it may reach is still its
 * own, see pci_liveupdate_accept(), and the handler of the driver's files whether
 * there is a file that leads to the device, see pci_liveupdate_claim(). A device
 * that nobody has spoken for when the kernel is up is stopped, too.
 */

#define pr_fmt(fmt) "PCI: live update: " fmt
#define dev_fmt(fmt) "live update: " fmt

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec.h>
#include <linux/kexec_handover.h>
#include <linux/kho/abi/pci.h>
#include <linux/liveupdate.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/pci-liveupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pci.h"

/**
 * enum pci_incoming_state - what became of a device that came over
 * @PCI_INCOMING_LOST: it was not found
 * @PCI_INCOMING_FOUND: it is where it was, and what it was
 * @PCI_INCOMING_ACCEPTED: it can reach its own memory only
 * @PCI_INCOMING_GONE: refused, or finished: a device like any other
 */
enum pci_incoming_state {
	PCI_INCOMING_LOST,
	PCI_INCOMING_FOUND,
	PCI_INCOMING_ACCEPTED,
	PCI_INCOMING_GONE,
};

/**
 * struct pci_incoming - a device or bridge that came over
 * @ser: a copy of its record
 * @state: what became of it
 * @claimed: somebody has a file for it
 */
struct pci_incoming {
	struct pci_ser_dev ser;
	enum pci_incoming_state state;
	bool claimed;
};

/* Protects what goes out; taken in the FLB's preserve and unpreserve, too */
static DEFINE_MUTEX(pci_outgoing_lock);
static struct pci_ser *pci_outgoing;

/* Protects what came over; an FLB's mutex may be taken inside of it */
static DEFINE_MUTEX(pci_incoming_lock);
static struct pci_incoming *pci_incoming;
static unsigned int nr_incoming;

/*
 * Both kernels
 */

static void seal_dev(struct pci_ser_dev *ser)
{
	ser->sum = luo_sum(ser, offsetof(struct pci_ser_dev, sum));
}

static void seal_all(struct pci_ser *all)
{
	all->sum = luo_sum(all, offsetof(struct pci_ser, sum));
}

static bool is_dev(const struct pci_ser_dev *ser, struct pci_dev *dev)
{
	return ser->domain == pci_domain_nr(dev->bus) &&
	       ser->bus == dev->bus->number && ser->devfn == dev->devfn;
}

static void stop_master(struct pci_dev *dev)
{
	u16 command;

	pci_read_config_word(dev, PCI_COMMAND, &command);
	if (command & PCI_COMMAND_MASTER)
		pci_write_config_word(dev, PCI_COMMAND,
				      command & ~PCI_COMMAND_MASTER);
	dev->is_busmaster = 0;
}

static u32 read_subsystem(struct pci_dev *dev)
{
	u32 subsystem;

	if (dev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return 0;

	pci_read_config_dword(dev, PCI_SUBSYSTEM_VENDOR_ID, &subsystem);
	return subsystem;
}

static u32 read_buses(struct pci_dev *dev)
{
	u32 buses;

	if (dev->hdr_type != PCI_HEADER_TYPE_BRIDGE)
		return 0;

	pci_read_config_dword(dev, PCI_PRIMARY_BUS, &buses);
	return buses & 0xffffff;
}

static unsigned int nr_bars(struct pci_dev *dev)
{
	return dev->hdr_type == PCI_HEADER_TYPE_BRIDGE ? 2 : PCI_SER_NR_BARS;
}

static unsigned int rom_register(struct pci_dev *dev)
{
	return dev->hdr_type == PCI_HEADER_TYPE_BRIDGE ? PCI_ROM_ADDRESS1 :
							 PCI_ROM_ADDRESS;
}

static u16 read_acs(struct pci_dev *dev)
{
	u16 pos = pci_find_ext_capability(dev, PCI_EXT_CAP_ID_ACS);
	u16 acs = 0;

	if (pos)
		pci_read_config_word(dev, pos + PCI_ACS_CTRL, &acs);
	return acs;
}

static u16 read_ari(struct pci_dev *dev)
{
	u16 control = 0;

	if (dev->hdr_type == PCI_HEADER_TYPE_BRIDGE)
		pcie_capability_read_word(dev, PCI_EXP_DEVCTL2, &control);
	return control & PCI_EXP_DEVCTL2_ARI ? 1 : 0;
}

static void read_windows(struct pci_dev *dev, u32 *window)
{
	/* Beside the first one is a status register */
	static const struct {
		int pos;
		u32 mask;
	} registers[PCI_SER_NR_WINDOWS] = {
		{ PCI_IO_BASE, 0xffff },
		{ PCI_MEMORY_BASE, ~0U },
		{ PCI_PREF_MEMORY_BASE, ~0U },
		{ PCI_PREF_BASE_UPPER32, ~0U },
		{ PCI_PREF_LIMIT_UPPER32, ~0U },
		{ PCI_IO_BASE_UPPER16, ~0U },
	};

	if (dev->hdr_type != PCI_HEADER_TYPE_BRIDGE)
		return;

	for (unsigned int i = 0; i < PCI_SER_NR_WINDOWS; i++) {
		pci_read_config_dword(dev, registers[i].pos, &window[i]);
		window[i] &= registers[i].mask;
	}
}

/* What a device is and where it decodes, all of which must not change */
static void read_identity(struct pci_dev *dev, struct pci_ser_dev *ser)
{
	ser->domain = pci_domain_nr(dev->bus);
	ser->bus = dev->bus->number;
	ser->devfn = dev->devfn;
	ser->hdr_type = dev->hdr_type;
	pci_read_config_dword(dev, PCI_VENDOR_ID, &ser->id);
	pci_read_config_dword(dev, PCI_CLASS_REVISION, &ser->class_revision);
	ser->subsystem = read_subsystem(dev);
	ser->buses = read_buses(dev);
	for (unsigned int i = 0; i < nr_bars(dev); i++)
		pci_read_config_dword(dev, PCI_BASE_ADDRESS_0 + 4 * i,
				      &ser->bar[i]);
	pci_read_config_dword(dev, rom_register(dev), &ser->rom);
	read_windows(dev, ser->window);
	pci_read_config_word(dev, PCI_COMMAND, &ser->command);
	ser->acs = read_acs(dev);
	ser->ari = read_ari(dev);
}

/*
 * The old kernel
 */

static struct pci_ser_dev *find_outgoing(struct pci_dev *dev)
{
	lockdep_assert_held(&pci_outgoing_lock);

	for (u64 i = 0; pci_outgoing && i < pci_outgoing->nr; i++)
		if (is_dev(&pci_outgoing->dev[i], dev))
			return &pci_outgoing->dev[i];
	return NULL;
}

static void fill_dev(struct pci_dev *dev, struct pci_ser_dev *ser, bool bridge)
{
	*ser = (struct pci_ser_dev){
		.flags = bridge ? PCI_SER_BRIDGE : 0,
	};
	read_identity(dev, ser);
	for (unsigned int i = 0; i < nr_bars(dev); i++)
		ser->bar_size[i] = pci_resource_len(dev, i);
	ser->rom_size = pci_resource_len(dev, PCI_ROM_RESOURCE);
	if (!bridge)
		strscpy_pad(ser->driver, dev->driver->name);
}

static int add_dev(struct pci_dev *dev, bool bridge)
{
	struct pci_ser_dev *ser = find_outgoing(dev);

	if (!ser) {
		if (pci_outgoing->nr == PCI_SER_MAX)
			return -ENOSPC;
		ser = &pci_outgoing->dev[pci_outgoing->nr++];
		fill_dev(dev, ser, bridge);
		seal_all(pci_outgoing);
	} else if (!bridge) {
		return -EBUSY;
	}
	ser->users++;
	seal_dev(ser);
	return 0;
}

static void drop_dev(struct pci_dev *dev)
{
	struct pci_ser_dev *ser = find_outgoing(dev);
	struct pci_ser_dev *end;

	if (WARN_ON(!ser))
		return;
	if (--ser->users) {
		seal_dev(ser);
		return;
	}

	end = &pci_outgoing->dev[pci_outgoing->nr--];
	memmove(ser, ser + 1, (void *)end - (void *)(ser + 1));
	seal_all(pci_outgoing);
}

/* Up to @end, which is not one of them; the root bus has no bridge */
static void drop_bridges(struct pci_dev *dev, struct pci_dev *end)
{
	struct pci_dev *bridge;

	for (bridge = pci_upstream_bridge(dev); bridge != end;
	     bridge = pci_upstream_bridge(bridge))
		drop_dev(bridge);
}

static int add_bridges(struct pci_dev *dev)
{
	struct pci_dev *bridge;
	int err;

	for (bridge = pci_upstream_bridge(dev); bridge;
	     bridge = pci_upstream_bridge(bridge)) {
		err = add_dev(bridge, true);
		if (err) {
			drop_bridges(dev, bridge);
			return err;
		}
	}
	return 0;
}

/**
 * pci_liveupdate_preserve - let a device keep running in the next kernel
 * @dev: the device, bound to the driver that is to get it again
 *
 * The driver's file handler calls it from its preserve, having registered with
 * pci_liveupdate_register(). The device goes on being used.
 *
 * Context: May sleep.
 *
 * Return: 0; -EOPNOTSUPP if it is a virtual function, has some, or is no
 * ordinary device; -EBUSY if it is preserved; -ENOSPC if there are too many.
 */
int pci_liveupdate_preserve(struct pci_dev *dev)
{
	int err;

	if (dev->is_virtfn || pci_num_vf(dev) || !dev->driver ||
	    dev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	    strlen(dev->driver->name) >= PCI_SER_DRIVER_LENGTH)
		return -EOPNOTSUPP;

	guard(mutex)(&pci_outgoing_lock);

	if (WARN_ON(!pci_outgoing))
		return -EOPNOTSUPP;
	if (find_outgoing(dev))
		return -EBUSY;

	err = add_bridges(dev);
	if (err)
		return err;

	err = add_dev(dev, false);
	if (err)
		drop_bridges(dev, NULL);
	return err;
}
EXPORT_SYMBOL_GPL(pci_liveupdate_preserve);

/**
 * pci_liveupdate_unpreserve - undo pci_liveupdate_preserve()
 * @dev: the device
 *
 * Context: May sleep.
 */
void pci_liveupdate_unpreserve(struct pci_dev *dev)
{
	guard(mutex)(&pci_outgoing_lock);

	drop_dev(dev);
	drop_bridges(dev, NULL);
}
EXPORT_SYMBOL_GPL(pci_liveupdate_unpreserve);

/* The device and all bridges above it: the shutdown leaves them alone, or not */
static void count_frozen(struct pci_dev *dev, int by)
{
	for (; dev; dev = pci_upstream_bridge(dev)) {
		struct pci_ser_dev *ser = find_outgoing(dev);

		if (WARN_ON(!ser))
			return;
		ser->frozen += by;
		pci_read_config_word(dev, PCI_COMMAND, &ser->command);
		seal_dev(ser);
	}
}

/**
 * pci_liveupdate_freeze - from here on the device is to stay as it is
 * @dev: a device that is preserved
 *
 * The driver calls it from its freeze: the shutdown of this kernel will not stop
 * the device.
 *
 * Context: May sleep. In reboot(), so that the image that is loaded stays.
 *
 * Return: 0; -EHOSTDOWN if the device or a bridge above it is not in D0;
 * -EPROTONOSUPPORT if the next kernel can't start while devices run.
 */
int pci_liveupdate_freeze(struct pci_dev *dev)
{
	struct pci_dev *up;

	/* One that takes nothing along at all is refused when all is frozen */
	if (kexec_image && kexec_image->file_mode &&
	    !kexec_image->running_devices) {
		pci_err(dev, "the loaded image can't start while it runs\n");
		return -EPROTONOSUPPORT;
	}

	guard(mutex)(&pci_outgoing_lock);

	for (up = dev; up; up = pci_upstream_bridge(up)) {
		if (up->current_state == PCI_D0)
			continue;
		pci_err(up, "not in D0, can't keep running\n");
		return -EHOSTDOWN;
	}
	count_frozen(dev, 1);
	return 0;
}
EXPORT_SYMBOL_GPL(pci_liveupdate_freeze);

/**
 * pci_liveupdate_unfreeze - undo pci_liveupdate_freeze()
 * @dev: the device
 *
 * Context: May sleep.
 */
void pci_liveupdate_unfreeze(struct pci_dev *dev)
{
	guard(mutex)(&pci_outgoing_lock);

	count_frozen(dev, -1);
}
EXPORT_SYMBOL_GPL(pci_liveupdate_unfreeze);

/**
 * pci_liveupdate_keeps_running - is the shutdown to leave a device alone?
 * @dev: a device or a bridge
 *
 * Context: May sleep.
 *
 * Return: true if it is frozen for a live update.
 */
bool pci_liveupdate_keeps_running(struct pci_dev *dev)
{
	struct pci_ser_dev *ser;

	guard(mutex)(&pci_outgoing_lock);

	ser = find_outgoing(dev);
	return ser && ser->frozen;
}

/*
 * The FLB
 */

static int pci_flb_preserve(struct liveupdate_flb_op_args *argp)
{
	struct pci_ser *all = kho_alloc_preserve(PCI_SER_SIZE);

	if (IS_ERR(all))
		return PTR_ERR(all);

	all->nr = 0;
	seal_all(all);
	argp->obj = all;
	argp->data = virt_to_phys(all);

	guard(mutex)(&pci_outgoing_lock);

	pci_outgoing = all;
	return 0;
}

static void pci_flb_unpreserve(struct liveupdate_flb_op_args *argp)
{
	scoped_guard(mutex, &pci_outgoing_lock)
		pci_outgoing = NULL;
	kho_unpreserve_free(argp->obj);
}

static int pci_flb_retrieve(struct liveupdate_flb_op_args *argp)
{
	struct pci_ser *all;

	if (!PAGE_ALIGNED(argp->data) ||
	    !kho_is_restorable(argp->data, PCI_SER_SIZE))
		return -EIO;

	all = phys_to_virt(argp->data);
	if (all->sum != luo_sum(all, offsetof(struct pci_ser, sum)) ||
	    all->nr > PCI_SER_MAX)
		return -EIO;

	argp->obj = all;
	return 0;
}

static void pci_flb_finish(struct liveupdate_flb_op_args *argp)
{
	kho_restore_free(argp->obj);
}

static const struct liveupdate_flb_ops pci_flb_ops = {
	.preserve = pci_flb_preserve,
	.unpreserve = pci_flb_unpreserve,
	.retrieve = pci_flb_retrieve,
	.finish = pci_flb_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_flb pci_flb = {
	.ops = &pci_flb_ops,
	.compatible = PCI_LUO_COMPATIBLE,
};

/**
 * pci_liveupdate_register - a handler's files are devices that keep running
 * @fh: a registered handler with an arrive, see pci_liveupdate_claim(). If it comes
 *	later than the first open of the live update device, its devices are stopped.
 *
 * Return: 0, or an errno of liveupdate_register_flb().
 */
int pci_liveupdate_register(struct liveupdate_file_handler *fh)
{
	return liveupdate_register_flb(fh, &pci_flb);
}
EXPORT_SYMBOL_GPL(pci_liveupdate_register);

/**
 * pci_liveupdate_unregister - undo pci_liveupdate_register()
 * @fh: the handler
 */
void pci_liveupdate_unregister(struct liveupdate_file_handler *fh)
{
	liveupdate_unregister_flb(fh, &pci_flb);
}
EXPORT_SYMBOL_GPL(pci_liveupdate_unregister);

/*
 * The new kernel
 */

static void copy_incoming(const struct pci_ser *all)
{
	pci_incoming = kcalloc(all->nr, sizeof(*pci_incoming), GFP_KERNEL);
	if (!pci_incoming)
		return;

	for (u64 i = 0; i < all->nr; i++) {
		const struct pci_ser_dev *ser = &all->dev[i];

		if (ser->sum != luo_sum(ser, offsetof(struct pci_ser_dev, sum)))
			pr_err("record %llu is damaged\n", i);
		else if (ser->frozen)
			pci_incoming[nr_incoming++].ser = *ser;
	}
}

/* Before the first device is looked at, which is before any driver is there */
static void read_incoming(void)
{
	static bool done;
	void *obj;
	int err;

	lockdep_assert_held(&pci_incoming_lock);

	if (done)
		return;
	done = true;

	err = liveupdate_flb_get_incoming(&pci_flb, &obj);
	if (err) {
		if (err != -ENODATA && err != -EOPNOTSUPP)
			pr_err("can't read what came over: %d\n", err);
		return;
	}
	copy_incoming(obj);
	liveupdate_flb_put_incoming(&pci_flb);
}

static struct pci_incoming *find_incoming(struct pci_dev *dev)
{
	lockdep_assert_held(&pci_incoming_lock);

	read_incoming();
	for (unsigned int i = 0; i < nr_incoming; i++)
		if (is_dev(&pci_incoming[i].ser, dev))
			return &pci_incoming[i];
	return NULL;
}

/* Those that came over and are not just a device like any other */
static struct pci_incoming *find_running(struct pci_dev *dev)
{
	struct pci_incoming *in = find_incoming(dev);

	return in && (in->state == PCI_INCOMING_FOUND ||
		      in->state == PCI_INCOMING_ACCEPTED) ? in : NULL;
}

/*
 * A bridge is one like any other when nothing below it runs any more. What it is
 * above of is not told: so that is when nothing runs at all.
 */
static void let_go(struct pci_incoming *in)
{
	in->state = PCI_INCOMING_GONE;

	for (unsigned int i = 0; i < nr_incoming; i++)
		if (!(pci_incoming[i].ser.flags & PCI_SER_BRIDGE) &&
		    pci_incoming[i].state != PCI_INCOMING_GONE)
			return;
	for (unsigned int i = 0; i < nr_incoming; i++)
		pci_incoming[i].state = PCI_INCOMING_GONE;
}

static void refuse(struct pci_incoming *in, struct pci_dev *dev,
		   const char *why)
{
	pci_err(dev, "refused: %s; bus mastering is switched off\n", why);
	stop_master(dev);
	let_go(in);
}

static const char *find_difference(struct pci_dev *dev,
				   const struct pci_ser_dev *was)
{
	struct pci_ser_dev is = {};

	read_identity(dev, &is);
	if (is.id != was->id || is.class_revision != was->class_revision ||
	    is.subsystem != was->subsystem || is.hdr_type != was->hdr_type)
		return "another device is at its address";
	if (is.buses != was->buses)
		return "its bus numbers have changed";
	if (memcmp(is.bar, was->bar, sizeof(is.bar)) || is.rom != was->rom)
		return "its BARs have changed";
	if (memcmp(is.window, was->window, sizeof(is.window)))
		return "its windows have changed";
	if ((is.command ^ was->command) &
	    (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER))
		return "its command register has changed";
	if (is.acs != was->acs || is.ari != was->ari)
		return "its ACS or ARI control has changed";
	return NULL;
}

/* They are found before what is below them */
static const char *find_refused_bridge(struct pci_dev *dev)
{
	struct pci_dev *bridge;

	for (bridge = pci_upstream_bridge(dev); bridge;
	     bridge = pci_upstream_bridge(bridge))
		if (!find_running(bridge))
			return "a bridge above it does not go on";
	return NULL;
}

/* As if all ones had been written to a register and what stays had been read */
static u32 size_to_mask(u64 size, unsigned int high)
{
	u64 mask = size ? ~(size - 1) : 0;

	return high ? upper_32_bits(mask) : lower_32_bits(mask);
}

static bool is_mem64(u32 bar)
{
	return !(bar & PCI_BASE_ADDRESS_SPACE_IO) &&
	       (bar & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
		PCI_BASE_ADDRESS_MEM_TYPE_64;
}

static void fill_masks(const struct pci_ser_dev *ser, unsigned int nr,
		       u32 *masks, u32 *rom_mask)
{
	for (unsigned int i = 0; i < nr; i++) {
		masks[i] = size_to_mask(ser->bar_size[i], 0);
		if (is_mem64(ser->bar[i]) && i + 1 < nr) {
			masks[i + 1] = size_to_mask(ser->bar_size[i], 1);
			i++;
		}
	}
	*rom_mask = size_to_mask(ser->rom_size, 0);
}

/* If the driver's name can't be had, other drivers are refused all the same */
static void reserve_for_driver(struct pci_dev *dev, const char *driver)
{
	dev->driver_override = kstrdup(driver, GFP_KERNEL);
}

/**
 * pci_liveupdate_size_bars - what sizing the BARs of a device would give
 * @dev: a device that was just found
 * @nr: how many BARs it has
 * @masks: set to what would be read from each
 * @rom_mask: set to what would be read from that of the ROM
 *
 * To size a BAR is to switch its decoding off and to change it. A device that
 * keeps running is spared that: the previous kernel has left the sizes. This is
 * also where it is checked to be the same device.
 *
 * Context: May sleep.
 *
 * Return: true if they are set; false if it is a device like any other.
 */
bool pci_liveupdate_size_bars(struct pci_dev *dev, unsigned int nr, u32 *masks,
			      u32 *rom_mask)
{
	struct pci_incoming *in;
	const char *why;

	guard(mutex)(&pci_incoming_lock);

	in = find_incoming(dev);
	if (!in || in->state == PCI_INCOMING_GONE)
		return false;

	why = find_difference(dev, &in->ser) ?: find_refused_bridge(dev);
	if (why) {
		refuse(in, dev, why);
		return false;
	}

	if (in->state == PCI_INCOMING_LOST && !(in->ser.flags & PCI_SER_BRIDGE))
		reserve_for_driver(dev, in->ser.driver);
	if (in->state == PCI_INCOMING_LOST)
		in->state = PCI_INCOMING_FOUND;
	pci_info(dev, "keeps running\n");
	fill_masks(&in->ser, nr, masks, rom_mask);
	return true;
}

/**
 * pci_liveupdate_find - the device that is at an address
 * @domain: PCI segment
 * @bus: bus number
 * @devfn: slot and function
 *
 * Return: the device, with a reference for the caller, if it came over and keeps
 * running; else NULL.
 */
struct pci_dev *pci_liveupdate_find(u32 domain, u8 bus, u8 devfn)
{
	struct pci_dev *dev = pci_get_domain_bus_and_slot(domain, bus, devfn);

	if (dev && !pci_liveupdate_incoming(dev)) {
		pci_dev_put(dev);
		return NULL;
	}
	return dev;
}
EXPORT_SYMBOL_GPL(pci_liveupdate_find);

/**
 * pci_liveupdate_incoming - did a device come over, and is it still running?
 * @dev: a device or a bridge
 *
 * Context: May sleep.
 *
 * Return: true until it is refused, or finished.
 */
bool pci_liveupdate_incoming(struct pci_dev *dev)
{
	guard(mutex)(&pci_incoming_lock);

	return find_running(dev);
}
EXPORT_SYMBOL_GPL(pci_liveupdate_incoming);

/**
 * pci_liveupdate_may_bind - may a driver have a device?
 * @dev: the device
 * @driver: name of the driver
 *
 * Context: May sleep.
 *
 * Return: false if the device came over for another driver.
 */
bool pci_liveupdate_may_bind(struct pci_dev *dev, const char *driver)
{
	struct pci_incoming *in;

	guard(mutex)(&pci_incoming_lock);

	in = find_running(dev);
	return !in || in->ser.flags & PCI_SER_BRIDGE ||
	       !strcmp(in->ser.driver, driver);
}

/**
 * pci_liveupdate_accept - a device that came over can reach its own memory only
 * @dev: the device
 *
 * The IOMMU's driver says so, when it has seen to it.
 *
 * Context: May sleep.
 *
 * Return: 0; -ENODEV if the device did not come over, or was refused.
 */
int pci_liveupdate_accept(struct pci_dev *dev)
{
	struct pci_incoming *in;

	guard(mutex)(&pci_incoming_lock);

	in = find_running(dev);
	if (!in)
		return -ENODEV;
	in->state = PCI_INCOMING_ACCEPTED;
	return 0;
}

/**
 * pci_liveupdate_claim - there is a file for a device that came over
 * @dev: the device
 *
 * A handler calls it from its arrive, for a file that is intact and has all other
 * files that it needs. What nobody has claimed when all has arrived is stopped here.
 * A driver that wants to do so itself gets it by pci_liveupdate_find_unclaimed(), in
 * a notifier of its own.
 *
 * Context: May sleep.
 *
 * Return: 0; -ENODEV if the device did not come over, or was refused.
 */
int pci_liveupdate_claim(struct pci_dev *dev)
{
	struct pci_incoming *in;

	guard(mutex)(&pci_incoming_lock);

	in = find_running(dev);
	if (!in)
		return -ENODEV;
	in->claimed = true;
	return 0;
}
EXPORT_SYMBOL_GPL(pci_liveupdate_claim);

static struct pci_dev *get_dev(const struct pci_incoming *in)
{
	return pci_get_domain_bus_and_slot(in->ser.domain, in->ser.bus,
					   in->ser.devfn);
}

static bool is_unclaimed(const struct pci_incoming *in)
{
	return !in->claimed && !(in->ser.flags & PCI_SER_BRIDGE) &&
	       in->state == PCI_INCOMING_ACCEPTED;
}

/**
 * pci_liveupdate_find_unclaimed - a device that runs, and has no file
 * @driver: name of the driver that it came over for
 *
 * Context: May sleep.
 *
 * Return: the device, with a reference for the caller; NULL if there is none.
 */
struct pci_dev *pci_liveupdate_find_unclaimed(const char *driver)
{
	struct pci_dev *dev;

	guard(mutex)(&pci_incoming_lock);

	for (unsigned int i = 0; i < nr_incoming; i++) {
		struct pci_incoming *in = &pci_incoming[i];

		if (!is_unclaimed(in) || strcmp(in->ser.driver, driver))
			continue;
		dev = get_dev(in);
		if (dev)
			return dev;
	}
	return NULL;
}
EXPORT_SYMBOL_GPL(pci_liveupdate_find_unclaimed);

/**
 * pci_liveupdate_refuse - stop a device that came over
 * @dev: the device; if it did not come over nothing happens
 * @why: for the log
 *
 * Context: May sleep.
 */
void pci_liveupdate_refuse(struct pci_dev *dev, const char *why)
{
	struct pci_incoming *in;

	guard(mutex)(&pci_incoming_lock);

	in = find_running(dev);
	if (in)
		refuse(in, dev, why);
}
EXPORT_SYMBOL_GPL(pci_liveupdate_refuse);

/**
 * pci_liveupdate_finish - the live update is over for a device
 * @dev: a device that came over; from here on it is one like any other
 *
 * The device is not touched. Its driver has it, or has stopped it.
 *
 * Context: May sleep.
 */
void pci_liveupdate_finish(struct pci_dev *dev)
{
	struct pci_incoming *in;

	guard(mutex)(&pci_incoming_lock);

	in = find_running(dev);
	if (in)
		let_go(in);
}
EXPORT_SYMBOL_GPL(pci_liveupdate_finish);

/**
 * pci_liveupdate_stop_others - stop what may be running and should not
 *
 * Called before the translation changes that a device may be running by, and
 * before any driver is bound: so what masters the bus now, but for devices that
 * have been accepted, must have been left so by the previous kernel.
 *
 * Context: May sleep.
 */
void pci_liveupdate_stop_others(void)
{
	struct pci_dev *dev = NULL;

	guard(mutex)(&pci_incoming_lock);

	for_each_pci_dev(dev) {
		struct pci_incoming *in = find_running(dev);
		u16 command;

		if (dev->driver || pci_is_bridge(dev) ||
		    (in && in->state == PCI_INCOMING_ACCEPTED))
			continue;
		pci_read_config_word(dev, PCI_COMMAND, &command);
		if (in)
			refuse(in, dev, "no translation came over for it");
		else if (command & PCI_COMMAND_MASTER)
			stop_master(dev);
	}
}

/* What nobody has spoken for by now has no IOMMU, or is not there any more */
static void check_one(struct pci_incoming *in)
{
	const struct pci_ser_dev *ser = &in->ser;
	struct pci_dev *dev;

	if (in->state == PCI_INCOMING_LOST) {
		pr_err("%04x:%02x:%02x.%u was not found\n", ser->domain,
		       ser->bus, PCI_SLOT(ser->devfn), PCI_FUNC(ser->devfn));
		let_go(in);
		return;
	}
	if (in->state != PCI_INCOMING_FOUND || ser->flags & PCI_SER_BRIDGE)
		return;

	dev = get_dev(in);
	if (dev)
		refuse(in, dev, "no IOMMU has spoken for it");
	pci_dev_put(dev);
}

/* Whatever it is that did not come over: nobody could stop them later */
static int stop_unclaimed(struct notifier_block *nb, unsigned long action,
			  void *data)
{
	guard(mutex)(&pci_incoming_lock);

	for (unsigned int i = 0; i < nr_incoming; i++) {
		struct pci_incoming *in = &pci_incoming[i];
		struct pci_dev *dev;

		if (!is_unclaimed(in))
			continue;
		dev = get_dev(in);
		if (dev)
			refuse(in, dev, "no driver has claimed it");
		pci_dev_put(dev);
	}
	return NOTIFY_OK;
}

static struct notifier_block arrival_nb = {
	.notifier_call = stop_unclaimed,
	.priority = LIVEUPDATE_ARRIVAL_BUS,
};

static unsigned int __init check_each(void)
{
	guard(mutex)(&pci_incoming_lock);

	read_incoming();
	for (unsigned int i = 0; i < nr_incoming; i++)
		check_one(&pci_incoming[i]);
	return nr_incoming;
}

/* The notifier takes the lock: so it is registered without */
static int __init check_all(void)
{
	return check_each() ? liveupdate_register_arrival_notifier(&arrival_nb) :
			      0;
}

/* After the IOMMUs, which are there after rootfs_initcall(), before drivers */
device_initcall(check_all);
