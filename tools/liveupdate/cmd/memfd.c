// SPDX-License-Identifier: GPL-2.0

#include <errno.h>
#include <sys/mman.h>

#include "memfd.h"

/* Not yet in the headers of every C library */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#endif

int luo_make_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	return fd < 0 ? -errno : fd;
}
