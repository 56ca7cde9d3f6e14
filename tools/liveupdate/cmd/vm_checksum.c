// SPDX-License-Identifier: GPL-2.0
/* A checksum of a memfd, in which holes count as zeroes and stay holes */

#include <errno.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "luo.h"
#include "vm.h"

static int add_range(int fd, off_t from, off_t to, uint64_t *sum)
{
	const uint64_t *words;
	size_t nr = (to - from) / sizeof(*words), i;
	uint64_t weight = from / sizeof(*words) * 2 + 1;

	words = mmap(NULL, to - from, PROT_READ, MAP_SHARED, fd, from);
	if (words == MAP_FAILED)
		return -errno;
	for (i = 0; i < nr; i++, weight += 2)
		*sum += words[i] * weight;
	munmap((void *)words, to - from);

	return 0;
}

int vm_checksum(int fd, uint64_t *sum)
{
	off_t from, to = 0;
	int err;

	*sum = 0;
	for (;;) {
		from = lseek(fd, to, SEEK_DATA);
		if (from < 0)
			return errno == ENXIO ? 0 : -errno;
		to = lseek(fd, from, SEEK_HOLE);
		if (to < 0)
			return -errno;
		err = add_range(fd, from, to, sum);
		if (err)
			return err;
	}
}
