// SPDX-License-Identifier: GPL-2.0
/* What there is to know of a kernel's image */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kexec.h"

/* More than the headers of all kinds of images */
#define HEAD_SIZE	1024

/* Documentation/arch/x86/boot.rst */
#define X86_BOOT_FLAG		0x1fe
#define X86_MAGIC		0x202
#define X86_PROTOCOL		0x206
#define X86_KERNEL_VERSION	0x20e
#define X86_XLOADFLAGS		0x236
#define X86_CMDLINE_SIZE	0x238
#define X86_XLF_KERNEL_64	0x1

/* Documentation/arch/arm64/booting.rst */
#define ARM64_MAGIC		0x38

static unsigned int read16(const unsigned char *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t read32(const unsigned char *p)
{
	return read16(p) | (uint32_t)read16(p + 2) << 16;
}

static bool is_x86(const unsigned char head[HEAD_SIZE])
{
	return read16(head + X86_BOOT_FLAG) == 0xaa55 &&
	       !memcmp(head + X86_MAGIC, "HdrS", 4);
}

static void read_release(int fd, off_t offset, struct kexec_image *image)
{
	char *p = image->release;
	ssize_t got = pread(fd, p, sizeof(image->release) - 1, offset);

	p[got < 0 ? 0 : got] = '\0';

	/* The release, then who has built it and when */
	p[strcspn(p, "\n ")] = '\0';
	for (; *p; p++)
		if (*p < '!' || *p > '~')
			*p = '?';
}

static void read_x86(int fd, const unsigned char head[HEAD_SIZE],
		     struct kexec_image *image)
{
	unsigned int protocol = read16(head + X86_PROTOCOL);
	unsigned int version = read16(head + X86_KERNEL_VERSION);

	image->kind = "x86 bzImage";
	if (version)
		read_release(fd, 0x200 + version, image);
	if (protocol >= 0x206)
		image->cmdline_size = read32(head + X86_CMDLINE_SIZE) + 1;
	if (protocol < 0x20c ||
	    !(read16(head + X86_XLOADFLAGS) & X86_XLF_KERNEL_64))
		image->wrong = "it is no 64-bit kernel";
}

static bool runs_on(const char *machine)
{
	struct utsname uts;

	return !uname(&uts) && !strcmp(uts.machine, machine);
}

static void recognize(int fd, const unsigned char head[HEAD_SIZE],
		      struct kexec_image *image)
{
	if (is_x86(head)) {
		read_x86(fd, head, image);
		if (!runs_on("x86_64"))
			image->wrong = "it is for x86";
	} else if (!memcmp(head + ARM64_MAGIC, "ARM\x64", 4)) {
		image->kind = "arm64 Image";
		if (!runs_on("aarch64"))
			image->wrong = "it is for arm64";
	} else if (!memcmp(head, "\x1f\x8b", 2)) {
		image->kind = "gzip";
		image->wrong = "it is compressed as a whole: unpack it first";
	} else if (!memcmp(head, "\177ELF", 4)) {
		image->kind = "ELF";
		if (runs_on("x86_64") || runs_on("aarch64"))
			image->wrong = "it is an ELF file, not a bzImage or Image";
	} else {
		image->kind = "unknown";
		if (runs_on("x86_64") || runs_on("aarch64"))
			image->wrong = "it is no kernel";
	}
}

int kexec_read_image(const char *path, struct kexec_image *image)
{
	unsigned char head[HEAD_SIZE] = { 0 };
	int fd, err = 0;
	struct stat st;

	*image = (struct kexec_image) { 0 };
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || pread(fd, head, sizeof(head), 0) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else
		recognize(fd, head, image);
	close(fd);

	return err;
}
