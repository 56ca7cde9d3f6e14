// SPDX-License-Identifier: GPL-2.0
/* A network card that user space drives through vfio, see luo_vfio_util.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"
#include "luo_vfio_util.h"

#define RCTL_EN		0x00000002U
#define RCTL_UPE	0x00000008U
#define RCTL_MPE	0x00000010U
#define RCTL_BAM	0x00008000U
#define RCTL_BSIZE_256	0x00030000U
#define RCTL_SECRC	0x04000000U
#define CTRL_SLU	0x00000040U
#define RXD_DD		1

/* A frame as the host sends it, see workshop/frames */
#define FRAME_HEADER	14
#define FRAME_LEN	128
#define FRAME_TYPE	0x88b5

/* What is in a buffer before the card writes to it */
#define UNUSED		0xa5

void vfio_load_drivers(void)
{
	static const char *const modules[] = {
		"iommufd", "vfio", "vfio-pci-core", "vfio-pci",
	};

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		int err = module_load(modules[i], "");

		/* There is no file of what is built in */
		if (err && err != -ENOENT)
			ksft_exit_fail_msg("module %s: %s\n", modules[i],
					   strerror(-err));
	}
}

bool vfio_is_kept(void)
{
	int err = module_unload("vfio_pci");

	return err == -EAGAIN || err == -ENOENT;
}

struct rx_desc {
	__u64 addr;
	__u16 length;
	__u16 csum;
	__u8 status;
	__u8 errors;
	__u16 special;
};

static int call(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static int write_text(const char *bdf, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, name);
	return luo_write_text(path, text);
}

int vfio_bind_driver(const char *bdf, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf);
	if (!access(path, F_OK))
		write_text(bdf, "driver/unbind", bdf);
	write_text(bdf, "driver_override", driver);
	return luo_write_text("/sys/bus/pci/drivers_probe", bdf);
}

int vfio_open_cdev(const char *bdf)
{
	char path[300];
	struct dirent *entry;
	int fd = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
			 entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	closedir(dir);
	return fd;
}

static int region_offset(int fd, unsigned int index, off_t *offset,
			 size_t *size)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = index,
	};
	int err = call(fd, VFIO_DEVICE_GET_REGION_INFO, &info);

	*offset = info.offset;
	*size = info.size;
	return err;
}

int vfio_read_config(int fd, unsigned int at, void *buf, size_t len)
{
	size_t size;
	off_t offset;
	int err = region_offset(fd, VFIO_PCI_CONFIG_REGION_INDEX, &offset,
				&size);

	if (err)
		return err;
	return pread(fd, buf, len, offset + at) == (ssize_t)len ? 0 : -errno;
}

int vfio_write_config(int fd, unsigned int at, const void *buf, size_t len)
{
	size_t size;
	off_t offset;
	int err = region_offset(fd, VFIO_PCI_CONFIG_REGION_INDEX, &offset,
				&size);

	if (err)
		return err;
	return pwrite(fd, buf, len, offset + at) == (ssize_t)len ? 0 : -errno;
}

int vfio_set_bus_master(int fd)
{
	__u16 command;
	int err = vfio_read_config(fd, PCI_COMMAND, &command, sizeof(command));

	if (err)
		return err;
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	return vfio_write_config(fd, PCI_COMMAND, &command, sizeof(command));
}

int vfio_bind_to(struct vfio_dev *dev, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	int err;

	dev->iommufd = iommufd;
	err = call(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	dev->devid = bind.out_devid;
	return err;
}

int vfio_bind(struct vfio_dev *dev)
{
	int iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	return iommufd < 0 ? -errno : vfio_bind_to(dev, iommufd);
}

int vfio_alloc_ioas(struct vfio_dev *dev)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int err = call(dev->iommufd, IOMMU_IOAS_ALLOC, &alloc);

	dev->ioas = alloc.out_ioas_id;
	return err;
}

int vfio_map_file(struct vfio_dev *dev, int memfd, __u64 size, __u64 iova)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = dev->ioas,
		.fd = memfd,
		.length = size,
		.iova = iova,
	};

	return call(dev->iommufd, IOMMU_IOAS_MAP_FILE, &map);
}

int vfio_map_memory(struct vfio_dev *dev, void *mem, __u64 size, __u64 iova)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = dev->ioas,
		.user_va = (unsigned long)mem,
		.length = size,
		.iova = iova,
	};

	return call(dev->iommufd, IOMMU_IOAS_MAP, &map);
}

int vfio_unmap(struct vfio_dev *dev, __u64 iova, __u64 size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = dev->ioas,
		.iova = iova,
		.length = size,
	};

	return call(dev->iommufd, IOMMU_IOAS_UNMAP, &unmap);
}

int vfio_alloc_hwpt(struct vfio_dev *dev)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.dev_id = dev->devid,
		.pt_id = dev->ioas,
	};
	int err = call(dev->iommufd, IOMMU_HWPT_ALLOC, &alloc);

	dev->hwpt = alloc.out_hwpt_id;
	return err;
}

int vfio_attach(struct vfio_dev *dev, __u32 id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = id,
	};

	return call(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

int vfio_detach(struct vfio_dev *dev)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	return call(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

int vfio_reset(struct vfio_dev *dev)
{
	return call(dev->fd, VFIO_DEVICE_RESET, NULL);
}

int vfio_set_irqs(struct vfio_dev *dev, unsigned int index, int eventfd)
{
	struct {
		struct vfio_irq_set set;
		__s32 fd;
	} irqs = {
		.set = {
			.argsz = sizeof(irqs.set) + sizeof(irqs.fd),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = index,
			.count = 1,
		},
		.fd = eventfd,
	};

	return call(dev->fd, VFIO_DEVICE_SET_IRQS, &irqs);
}

int vfio_map_regs(struct vfio_dev *dev)
{
	size_t size;
	off_t offset;
	void *regs;
	int err = region_offset(dev->fd, VFIO_PCI_BAR0_REGION_INDEX, &offset,
				&size);

	if (err)
		return err;
	regs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		    offset);
	if (regs == MAP_FAILED)
		return -errno;
	dev->regs = regs;
	dev->regs_size = size;
	return 0;
}

void vfio_unmap_regs(struct vfio_dev *dev)
{
	munmap(dev->regs, dev->regs_size);
	dev->regs = NULL;
}

__u32 vfio_get_reg(struct vfio_dev *dev, unsigned int reg)
{
	return __atomic_load_n(&dev->regs[reg / 4], __ATOMIC_RELAXED);
}

void vfio_set_reg(struct vfio_dev *dev, unsigned int reg, __u32 value)
{
	__atomic_store_n(&dev->regs[reg / 4], value, __ATOMIC_RELEASE);
}

static int open_config(const char *bdf, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int pci_read_config(const char *bdf, unsigned int at, void *buf, size_t len)
{
	int fd = open_config(bdf, O_RDONLY);
	ssize_t nr;

	if (fd < 0)
		return fd;
	nr = pread(fd, buf, len, at);
	close(fd);
	return nr == (ssize_t)len ? 0 : -EIO;
}

int pci_write_config(const char *bdf, unsigned int at, const void *buf,
		     size_t len)
{
	int fd = open_config(bdf, O_WRONLY);
	ssize_t nr;

	if (fd < 0)
		return fd;
	nr = pwrite(fd, buf, len, at);
	close(fd);
	return nr == (ssize_t)len ? 0 : -EIO;
}

bool pci_is_master(const char *bdf)
{
	__u16 command = 0;

	pci_read_config(bdf, PCI_COMMAND, &command, sizeof(command));
	return command & PCI_COMMAND_MASTER;
}

static struct rx_desc *ring_of(struct nic *nic)
{
	return (struct rx_desc *)nic->mem;
}

static unsigned char *buf_of(struct nic *nic, unsigned int i)
{
	return nic->mem + NIC_RING_SIZE + (unsigned long)i * NIC_BUF;
}

int nic_map_memory(struct nic *nic)
{
	void *mem = mmap(NULL, NIC_MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 nic->memfd, 0);

	if (mem == MAP_FAILED)
		return -errno;
	nic->mem = mem;
	nic->notes = (struct nic_notes *)(nic->mem + NIC_NOTES);
	return 0;
}

int nic_new_memory(struct nic *nic)
{
	int err;

	nic->memfd = luo_memfd("nic", MFD_CLOEXEC, NIC_MEM_SIZE);
	if (nic->memfd < 0)
		return nic->memfd;
	err = nic_map_memory(nic);
	if (err)
		return err;

	memset(nic->mem, UNUSED, NIC_MEM_SIZE);
	*nic->notes = (struct nic_notes){};
	for (unsigned int i = 0; i < NIC_DESCS; i++)
		ring_of(nic)[i] = (struct rx_desc){
			.addr = NIC_IOVA + NIC_RING_SIZE +
				(unsigned long)i * NIC_BUF,
		};
	return 0;
}

void nic_start_ring(struct nic *nic)
{
	vfio_set_reg(&nic->dev, E1000_IMC, ~0U);
	vfio_set_reg(&nic->dev, E1000_CTRL,
		     vfio_get_reg(&nic->dev, E1000_CTRL) | CTRL_SLU);
	vfio_set_reg(&nic->dev, E1000_RDBAL, (__u32)NIC_IOVA);
	vfio_set_reg(&nic->dev, E1000_RDBAH, 0);
	vfio_set_reg(&nic->dev, E1000_RDLEN, NIC_RING_SIZE);
	vfio_set_reg(&nic->dev, E1000_RDH, 0);
	vfio_set_reg(&nic->dev, E1000_RDT, NIC_DESCS - 1);
	vfio_set_reg(&nic->dev, E1000_RCTL,
		     RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM |
		     RCTL_BSIZE_256 | RCTL_SECRC);
}

static __u64 get_be64(const unsigned char *p)
{
	__u64 value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | p[i];
	return value;
}

/* Its number is in front, and every other byte follows from that */
static bool frame_is_right(const unsigned char *frame, __u64 seq)
{
	for (unsigned int i = FRAME_HEADER + 16; i < FRAME_LEN; i++)
		if (frame[i] != (unsigned char)(seq * 7 + i))
			return false;
	for (unsigned int i = FRAME_LEN; i < NIC_BUF; i++)
		if (frame[i] != UNUSED)
			return false;
	return true;
}

static bool is_ours(const unsigned char *frame)
{
	return frame[12] == FRAME_TYPE >> 8 && frame[13] == (FRAME_TYPE & 0xff);
}

static void sleep_ms(unsigned int ms)
{
	const struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L,
	};

	nanosleep(&ts, NULL);
}

static void give_back(struct nic *nic, struct rx_desc *desc)
{
	struct nic_notes *notes = nic->notes;

	memset(buf_of(nic, notes->next_desc), UNUSED, NIC_BUF);
	desc->status = 0;
	desc->length = 0;
	vfio_set_reg(&nic->dev, E1000_RDT, notes->next_desc);
	notes->next_desc = (notes->next_desc + 1) % NIC_DESCS;
}

/* Returns false if what came is wrong; the descriptor can be used again */
static bool take_frame(struct nic *nic, struct rx_desc *desc)
{
	struct nic_notes *notes = nic->notes;
	unsigned char *frame = buf_of(nic, notes->next_desc);
	__u64 seq = get_be64(frame + FRAME_HEADER);
	bool ok;

	if (!notes->frames)
		notes->next_seq = seq;
	ok = CHECK_EQ(notes->next_seq, seq) && CHECK(is_ours(frame)) &&
	     CHECK_EQ(FRAME_LEN, desc->length) &&
	     CHECK(frame_is_right(frame, seq));
	notes->next_seq = seq + 1;
	notes->frames++;
	give_back(nic, desc);
	return ok;
}

static bool is_done(const struct rx_desc *desc)
{
	return __atomic_load_n(&desc->status, __ATOMIC_ACQUIRE) & RXD_DD;
}

/*
 * What was sent while the card did not listen was kept on the way, as far as there
 * was room: frames are without a hole when all that has arrived.
 */
static void skip_backlog(struct nic *nic)
{
	struct rx_desc *desc;

	sleep_ms(1000);
	while (is_done(desc = &ring_of(nic)[nic->notes->next_desc]))
		give_back(nic, desc);
}

bool nic_start(struct nic *nic, const char *bdf)
{
	bool ok = CHECK_EQ(0, vfio_bind_driver(bdf, "vfio-pci"));

	nic->dev.fd = vfio_open_cdev(bdf);
	ok = ok && CHECK(nic->dev.fd >= 0) &&
	     CHECK_EQ(0, nic_new_memory(nic)) &&
	     CHECK_EQ(0, vfio_bind(&nic->dev)) &&
	     CHECK_EQ(0, vfio_alloc_ioas(&nic->dev)) &&
	     CHECK_EQ(0, vfio_map_file(&nic->dev, nic->memfd, NIC_MEM_SIZE,
				       NIC_IOVA)) &&
	     CHECK_EQ(0, vfio_alloc_hwpt(&nic->dev)) &&
	     CHECK_EQ(0, vfio_attach(&nic->dev, nic->dev.hwpt)) &&
	     CHECK_EQ(0, vfio_set_bus_master(nic->dev.fd)) &&
	     CHECK_EQ(0, vfio_map_regs(&nic->dev));
	if (ok) {
		nic_start_ring(nic);
		skip_backlog(nic);
	}
	return ok;
}

unsigned int nic_receive(struct nic *nic, unsigned int frames)
{
	unsigned int seen = 0, waited = 0;

	/* No frame for so long is none at all, however slow the machine */
	while (seen < frames && waited < 10000) {
		struct rx_desc *desc = &ring_of(nic)[nic->notes->next_desc];

		if (!is_done(desc)) {
			sleep_ms(5);
			waited += 5;
			continue;
		}
		waited = 0;
		seen++;
		if (!take_frame(nic, desc))
			break;
	}
	return seen;
}

unsigned int nic_backlog(struct nic *nic)
{
	return (vfio_get_reg(&nic->dev, E1000_RDH) - nic->notes->next_desc) %
	       NIC_DESCS;
}

bool nic_stands_still(struct nic *nic)
{
	__u32 before = vfio_get_reg(&nic->dev, E1000_RDH);

	sleep_ms(500);
	return vfio_get_reg(&nic->dev, E1000_RDH) == before;
}

#define EDU_SRC		0x80
#define EDU_DST		0x88
#define EDU_COUNT	0x90
#define EDU_COMMAND	0x98
#define EDU_START	0x01
#define EDU_TO_MEMORY	0x02
#define EDU_BUFFER	0x40000UL

static void set_reg64(struct vfio_dev *dev, unsigned int reg, __u64 value)
{
	__atomic_store_n((__u64 *)dev->regs + reg / 8, value,
			 __ATOMIC_RELEASE);
}

static bool edu_run(struct vfio_dev *edu, __u64 src, __u64 dst, __u64 size,
		    __u64 command)
{
	set_reg64(edu, EDU_SRC, src);
	set_reg64(edu, EDU_DST, dst);
	set_reg64(edu, EDU_COUNT, size);
	set_reg64(edu, EDU_COMMAND, command | EDU_START);
	for (int i = 0; i < 1000; i++) {
		if (!(vfio_get_reg(edu, EDU_COMMAND) & EDU_START))
			return true;
		sleep_ms(10);
	}
	return false;
}

bool edu_copy(struct vfio_dev *edu, __u64 src, __u64 dst, __u64 size)
{
	return edu_run(edu, src, EDU_BUFFER, size, 0) &&
	       edu_run(edu, EDU_BUFFER, dst, size, EDU_TO_MEMORY);
}
