/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network card (e1000e) that user space drives through vfio and an iommufd, and
 * that receives numbered frames. The host sends them ('# vm: frames=' in a
 * scenario), so that they keep coming while the guest's kernel is replaced.
 */
#ifndef _LUO_VFIO_UTIL_H
#define _LUO_VFIO_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* Where things are, by -device ...,addr= in the scenarios */
#define VFIO_NIC	"0000:01:00.0"
#define VFIO_EDU	"0000:00:05.0"
#define VFIO_BRIDGE	"0000:00:06.0"

#define E1000_CTRL	0x0000
#define E1000_STATUS	0x0008
#define E1000_ICR	0x00c0
#define E1000_IMC	0x00d8
#define E1000_RCTL	0x0100
#define E1000_RDBAL	0x2800
#define E1000_RDBAH	0x2804
#define E1000_RDLEN	0x2808
#define E1000_RDH	0x2810
#define E1000_RDT	0x2818

/*
 * The memory that the cards work on, in a memfd: ring, buffers, the notes of who
 * reads them, and two pages for the edu card
 */
#define NIC_DESCS	32768U
#define NIC_BUF		256U
#define NIC_RING_SIZE	(NIC_DESCS * 16UL)
#define NIC_BUFS_SIZE	((unsigned long)NIC_DESCS * NIC_BUF)
#define NIC_NOTES	(NIC_RING_SIZE + NIC_BUFS_SIZE)
#define NIC_EDU		(NIC_NOTES + 4096)
#define NIC_MEM_SIZE	(NIC_EDU + 2 * 4096)

/* An address that fits the edu card, too, which knows 28 bits */
#define NIC_IOVA	0x1000000UL

struct nic_notes {
	__u64 next_seq;
	__u64 frames;
	__u32 next_desc;
};

struct vfio_dev {
	int fd;
	int iommufd;
	__u32 ioas;
	__u32 hwpt;
	__u32 devid;
	__u32 *regs;
	size_t regs_size;
};

struct nic {
	struct vfio_dev dev;
	int memfd;
	unsigned char *mem;
	struct nic_notes *notes;
};

/* Load the drivers, unless they are built in */
void vfio_load_drivers(void);

/* Is vfio-pci kept from being unloaded, or built in? */
bool vfio_is_kept(void);

/* The wrappers return what the call gives, or a negative errno */
int vfio_bind_driver(const char *bdf, const char *driver);
int vfio_open_cdev(const char *bdf);
int vfio_set_bus_master(int fd);
int vfio_read_config(int fd, unsigned int at, void *buf, size_t len);
int vfio_write_config(int fd, unsigned int at, const void *buf, size_t len);
int vfio_bind(struct vfio_dev *dev);
int vfio_bind_to(struct vfio_dev *dev, int iommufd);
int vfio_alloc_ioas(struct vfio_dev *dev);
int vfio_map_file(struct vfio_dev *dev, int memfd, __u64 size, __u64 iova);
int vfio_map_memory(struct vfio_dev *dev, void *mem, __u64 size, __u64 iova);
int vfio_unmap(struct vfio_dev *dev, __u64 iova, __u64 size);
int vfio_alloc_hwpt(struct vfio_dev *dev);
int vfio_attach(struct vfio_dev *dev, __u32 id);
int vfio_detach(struct vfio_dev *dev);
int vfio_reset(struct vfio_dev *dev);
int vfio_set_irqs(struct vfio_dev *dev, unsigned int index, int eventfd);
int vfio_map_regs(struct vfio_dev *dev);
void vfio_unmap_regs(struct vfio_dev *dev);
__u32 vfio_get_reg(struct vfio_dev *dev, unsigned int reg);
void vfio_set_reg(struct vfio_dev *dev, unsigned int reg, __u32 value);

/* A device's configuration space by way of sysfs, without vfio */
int pci_read_config(const char *bdf, unsigned int at, void *buf, size_t len);
int pci_write_config(const char *bdf, unsigned int at, const void *buf,
		     size_t len);
bool pci_is_master(const char *bdf);

/* A new memfd for a card's memory; and one that came over */
int nic_new_memory(struct nic *nic);
int nic_map_memory(struct nic *nic);

/* From a device that nobody uses to one that receives */
bool nic_start(struct nic *nic, const char *bdf);
void nic_start_ring(struct nic *nic);

/*
 * Wait for so many frames, and check each: that it follows the one before, and
 * every byte. Returns the frames that were seen.
 */
unsigned int nic_receive(struct nic *nic, unsigned int frames);

/* Frames that are there and were not received yet */
unsigned int nic_backlog(struct nic *nic);
bool nic_stands_still(struct nic *nic);

/* Have the edu card copy memory, up to 4095 bytes, by two DMAs; false if it hangs */
bool edu_copy(struct vfio_dev *edu, __u64 src, __u64 dst, __u64 size);

#endif /* _LUO_VFIO_UTIL_H */
