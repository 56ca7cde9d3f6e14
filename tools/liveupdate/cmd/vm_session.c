// SPDX-License-Identifier: GPL-2.0
/* What luo vm preserves, and what came over */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "luo.h"
#include "memfd.h"
#include "vm.h"

static int complain(const struct vm *vm, const char *what, int err)
{
	luo_note("%s: %s: %s", vm->name, what, strerror(-err));

	return err;
}

static int make_ram(const struct vm *vm)
{
	int fd = luo_make_memfd("luo-ram"), err;

	if (fd < 0)
		return complain(vm, "memfd", fd);
	if (!ftruncate(fd, vm->memory))
		return fd;
	err = -errno;
	close(fd);

	return complain(vm, "a memfd of that size", err);
}

static int check_ram(const struct vm *vm)
{
	struct stat st;

	if (fstat(vm->ram, &st))
		return complain(vm, "fstat", -errno);
	if ((unsigned long long)st.st_size == vm->memory)
		return 0;
	luo_note("%s: the guest that came over has %lld bytes of memory, not %llu",
		 vm->name, (long long)st.st_size, vm->memory);

	return -EINVAL;
}

static int retrieve(const struct vm *vm, int session, unsigned long long token)
{
	int fd = lu_file_retrieve(session, token);

	return fd < 0 ? complain(vm, "retrieving the guest", fd) : fd;
}

static int retrieve_all(struct vm *vm, int session)
{
	int times;

	vm->ram = retrieve(vm, session, VM_TOKEN_RAM);
	if (vm->ram < 0)
		return vm->ram;
	vm->state = retrieve(vm, session, VM_TOKEN_STATE);
	if (vm->state < 0)
		return vm->state;
	times = retrieve(vm, session, VM_TOKEN_TIMES);
	if (times < 0)
		return times;

	return vm_times_take(vm, times) ?: check_ram(vm);
}

int vm_find(struct vm *vm, int *incoming)
{
	int dev = luo_open_device(), err;

	*incoming = -1;
	if (dev < 0)
		return dev;
	err = lu_session_retrieve(dev, vm->name);
	close(dev);
	if (err == -ENOENT) {
		vm->ram = make_ram(vm);
		return vm->ram < 0 ? vm->ram : 0;
	}
	if (err == -EIO)
		luo_note("no session of this name came over, unless damaged:\n"
			 "'luo list' tells more");
	if (err < 0)
		return complain(vm, "retrieving the session", err);
	*incoming = err;

	return retrieve_all(vm, *incoming);
}

static int create_session(struct vm *vm)
{
	int dev, err = vm_inject(vm, "session");

	if (err)
		return err;
	dev = luo_open_device();
	if (dev < 0)
		return dev;
	vm->session = lu_session_create(dev, vm->name);
	close(dev);
	if (vm->session >= 0)
		return 0;
	err = vm->session;
	vm->session = -1;

	return complain(vm, "creating the session", err);
}

/* An empty memory takes the place of the real one, for a test that has to fail */
static int preserve_blank(const struct vm *vm)
{
	int fd = make_ram(vm), err;

	if (fd < 0)
		return fd;
	luo_note("%s: as asked for, an empty memory is preserved", vm->name);
	err = lu_file_preserve(vm->session, fd, VM_TOKEN_RAM);
	close(fd);

	return err;
}

static int preserve_ram(const struct vm *vm)
{
	int err = vm_inject(vm, "preserve");

	if (err)
		return err;
	if (vm_injects(vm, "blank"))
		err = preserve_blank(vm);
	else
		err = lu_file_preserve(vm->session, vm->ram, VM_TOKEN_RAM);

	return err ? complain(vm, "preserving the guest's memory", err) : 0;
}

static int preserve_times(struct vm *vm)
{
	int err = vm_times_make(vm);

	if (!err)
		err = lu_file_preserve(vm->session, vm->times_fd,
				       VM_TOKEN_TIMES);

	return err ? complain(vm, "preserving the times", err) : 0;
}

int vm_prepare(struct vm *vm)
{
	int err;

	if (vm->session >= 0)
		return 0;
	err = create_session(vm);
	if (!err)
		err = preserve_ram(vm);
	if (!err)
		err = preserve_times(vm);
	if (err)
		vm_unprepare(vm);

	return err;
}

int vm_preserve_state(struct vm *vm)
{
	int err = vm_inject(vm, "preserve-state");

	if (err)
		return err;
	err = lu_file_preserve(vm->session, vm->state, VM_TOKEN_STATE);

	return err ? complain(vm, "preserving the state", err) : 0;
}

void vm_unprepare(struct vm *vm)
{
	if (vm->session >= 0)
		close(vm->session);
	vm->session = -1;
	vm_times_drop(vm);
}
