// SPDX-License-Identifier: GPL-2.0
/* Helpers shared by the live update tests */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>
#include <linux/reboot.h>

#include "luo_test_util.h"

#define KERNEL_IMAGE	"/boot/bzImage"
#define INITRD_IMAGE	"/boot/initrd"

/* What x86 accepts, with the final NUL */
#define CMDLINE_SIZE	2048

/* Large enough to keep the number of system calls low, in pages of any size */
#define CHUNK_SIZE	(256 * KIB)

/* For files of which it matters only that they keep what is written */
#define MEMORY_SEED	0x3e3021

/* syslog(2): read all that is in the buffer; how large is it */
#define SYSLOG_READ_ALL		3
#define SYSLOG_SIZE_BUFFER	10

int luo_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int luo_open_device(void)
{
	int fd = open(LUO_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int luo_need_device(void)
{
	int dev = luo_open_device();

	if (dev < 0)
		ksft_exit_fail_msg("no %s: %d\n", LUO_DEVICE, dev);

	return dev;
}

int luo_create_session(int dev, const char *name)
{
	struct liveupdate_ioctl_create_session args = {
		.size = sizeof(args),
		.fd = -1,
	};
	int ret;

	memcpy(args.name, name, strnlen(name, sizeof(args.name) - 1));
	ret = luo_ioctl(dev, LIVEUPDATE_IOCTL_CREATE_SESSION, &args);

	return ret < 0 ? ret : args.fd;
}

int luo_retrieve_session(int dev, const char *name)
{
	struct liveupdate_ioctl_retrieve_session args = {
		.size = sizeof(args),
		.fd = -1,
	};
	int ret;

	memcpy(args.name, name, strnlen(name, sizeof(args.name) - 1));
	ret = luo_ioctl(dev, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &args);

	return ret < 0 ? ret : args.fd;
}

int luo_preserve(int session, int fd, __u64 token)
{
	struct liveupdate_session_preserve_fd args = {
		.size = sizeof(args),
		.fd = fd,
		.token = token,
	};

	return luo_ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD, &args);
}

int luo_retrieve(int session, __u64 token)
{
	struct liveupdate_session_retrieve_fd args = {
		.size = sizeof(args),
		.fd = -1,
		.token = token,
	};
	int ret;

	ret = luo_ioctl(session, LIVEUPDATE_SESSION_RETRIEVE_FD, &args);

	return ret < 0 ? ret : args.fd;
}

int luo_finish(int session)
{
	struct liveupdate_session_finish args = {
		.size = sizeof(args),
	};

	return luo_ioctl(session, LIVEUPDATE_SESSION_FINISH, &args);
}

int luo_discard(int session, __u64 token)
{
	struct liveupdate_session_discard_fd args = {
		.size = sizeof(args),
		.token = token,
	};

	return luo_ioctl(session, LIVEUPDATE_SESSION_DISCARD_FD, &args);
}

int luo_discard_session(int dev, const char *name)
{
	struct liveupdate_ioctl_discard_session arg = { .size = sizeof(arg) };

	strncpy((char *)arg.name, name, sizeof(arg.name) - 1);
	return luo_ioctl(dev, LIVEUPDATE_IOCTL_DISCARD_SESSION, &arg);
}

long long luo_discard_damaged(int dev)
{
	struct liveupdate_ioctl_discard_damaged arg = { .size = sizeof(arg) };
	int err = luo_ioctl(dev, LIVEUPDATE_IOCTL_DISCARD_DAMAGED, &arg);

	return err ?: (long long)arg.bytes;
}

int luo_unpreserve(int session, __u64 token)
{
	struct liveupdate_session_unpreserve_fd args = {
		.size = sizeof(args),
		.token = token,
	};

	return luo_ioctl(session, LIVEUPDATE_SESSION_UNPRESERVE_FD, &args);
}

int luo_list_sessions(int dev, __u32 flags, __u64 start,
		      struct liveupdate_session_info *infos, __u32 nr)
{
	struct liveupdate_ioctl_list_sessions args = {
		.size = sizeof(args),
		.flags = flags,
		.info_size = sizeof(*infos),
		.nr = nr,
		.start = start,
		.infos = (uintptr_t)infos,
	};
	int ret = luo_ioctl(dev, LIVEUPDATE_IOCTL_LIST_SESSIONS, &args);

	return ret < 0 ? ret : (int)args.nr;
}

int luo_list_files(int dev, __u32 flags, __u64 id, __u64 start,
		   struct liveupdate_file_info *infos, __u32 nr)
{
	struct liveupdate_ioctl_list_files args = {
		.size = sizeof(args),
		.flags = flags,
		.info_size = sizeof(*infos),
		.nr = nr,
		.session = id,
		.start = start,
		.infos = (uintptr_t)infos,
	};
	int ret = luo_ioctl(dev, LIVEUPDATE_IOCTL_LIST_FILES, &args);

	return ret < 0 ? ret : (int)args.nr;
}

int luo_session_list_files(int session, __u64 start,
			   struct liveupdate_file_info *infos, __u32 nr)
{
	struct liveupdate_session_list_files args = {
		.size = sizeof(args),
		.info_size = sizeof(*infos),
		.nr = nr,
		.start = start,
		.infos = (uintptr_t)infos,
	};
	int ret = luo_ioctl(session, LIVEUPDATE_SESSION_LIST_FILES, &args);

	return ret < 0 ? ret : (int)args.nr;
}

int luo_get_name(int session, char name[LIVEUPDATE_SESSION_NAME_LENGTH])
{
	struct liveupdate_session_get_name args = {
		.size = sizeof(args),
	};
	int ret;

	ret = luo_ioctl(session, LIVEUPDATE_SESSION_GET_NAME, &args);
	if (!ret)
		memcpy(name, args.name, sizeof(args.name));

	return ret;
}

int luo_count_fds(void)
{
	struct dirent *entry;
	DIR *dir;
	int nr = 0;

	dir = opendir("/proc/self/fd");
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	closedir(dir);

	/* Not the one that reading the directory took */
	return nr - 1;
}

int luo_raise_fd_limit(unsigned int nr)
{
	struct rlimit limit = { .rlim_cur = nr, .rlim_max = nr };

	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

int luo_memfd(const char *name, unsigned int flags, off_t size)
{
	int fd;

	/* The kernel complains about memfds that don't choose */
	if (!(flags & (MFD_EXEC | MFD_NOEXEC_SEAL)))
		flags |= MFD_EXEC;

	fd = memfd_create(name, flags | MFD_CLOEXEC);
	if (fd < 0)
		return -errno;

	if (ftruncate(fd, size)) {
		int err = -errno;

		close(fd);
		return err;
	}

	return fd;
}

int luo_reopen(int fd, int flags)
{
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, flags | O_CLOEXEC);

	return ret < 0 ? -errno : ret;
}

static __u64 pattern_word(__u64 seed, __u64 index)
{
	__u64 word;

	if (!seed)
		return 0;

	/* Multiply and fold: neighbours and equal offsets must not look alike */
	word = (index + 1) * 0x9e3779b97f4a7c15ULL + seed;
	word = (word ^ (word >> 29)) * 0xbf58476d1ce4e5b9ULL;

	return word ^ (word >> 32);
}

void luo_pattern(void *buf, size_t len, __u64 seed, off_t offset)
{
	__u64 index = offset / sizeof(__u64);
	size_t skip = offset % sizeof(__u64);
	unsigned char *p = buf;

	while (len) {
		__u64 word = pattern_word(seed, index++);
		size_t nr = sizeof(word) - skip;

		if (nr > len)
			nr = len;
		memcpy(p, (unsigned char *)&word + skip, nr);
		p += nr;
		len -= nr;
		skip = 0;
	}
}

int luo_write_pattern(int fd, off_t offset, size_t len, __u64 seed)
{
	static unsigned char buf[CHUNK_SIZE];

	while (len) {
		size_t nr = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t written;

		luo_pattern(buf, nr, seed, offset);
		written = pwrite(fd, buf, nr, offset);
		if (written < 0)
			return -errno;
		if (!written)
			return -EIO;
		offset += written;
		len -= written;
	}

	return 0;
}

int luo_map_pattern(int fd, off_t offset, size_t len, __u64 seed)
{
	size_t skip = offset % sysconf(_SC_PAGESIZE);
	unsigned char *map;

	map = mmap(NULL, skip + len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   offset - skip);
	if (map == MAP_FAILED)
		return -errno;
	luo_pattern(map + skip, len, seed, offset);

	return munmap(map, skip + len) ? -errno : 0;
}

/* Read, not mapped: a read leaves a hole a hole */
int luo_verify_pattern(int fd, off_t offset, size_t len, __u64 seed)
{
	static unsigned char expected[CHUNK_SIZE], seen[CHUNK_SIZE];

	while (len) {
		size_t nr = len < sizeof(seen) ? len : sizeof(seen);
		ssize_t got = pread(fd, seen, nr, offset);
		ssize_t i;

		if (got < 0)
			return -errno;
		if (!got) {
			ksft_print_msg("file ends at %#llx\n",
				       (unsigned long long)offset);
			return -EIO;
		}
		luo_pattern(expected, got, seed, offset);
		if (memcmp(expected, seen, got)) {
			for (i = 0; expected[i] == seen[i]; i++)
				;
			ksft_print_msg("at %#llx: expected %#x, seen %#x\n",
				       (unsigned long long)offset + i,
				       expected[i], seen[i]);
			return -EIO;
		}
		offset += got;
		len -= got;
	}

	return 0;
}

int luo_read_text(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t nr;

	if (fd < 0)
		return -errno;
	nr = read(fd, buf, len - 1);
	if (nr < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	if (nr && buf[nr - 1] == '\n')
		nr--;
	buf[nr] = '\0';

	return 0;
}

int luo_write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;
	size_t len = strlen(text);
	ssize_t nr;

	if (fd < 0)
		return -errno;
	nr = write(fd, text, len);
	if (nr < 0)
		err = -errno;
	else if ((size_t)nr < len)
		err = -EIO;
	close(fd);

	return err;
}

char *luo_read_all(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!CHECK(file))
		return strdup("");
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

char *luo_read_debugfs(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/debug/liveupdate/%s", name);
	return luo_read_all(path);
}

char *luo_read_log(void)
{
	int size = klogctl(SYSLOG_SIZE_BUFFER, NULL, 0), len;
	char *log;

	if (size <= 0)
		ksft_exit_fail_perror("klogctl");
	log = malloc(size + 1);
	if (!log)
		ksft_exit_fail_perror("malloc");
	len = klogctl(SYSLOG_READ_ALL, log, size);
	if (len < 0)
		ksft_exit_fail_perror("klogctl");
	log[len] = '\0';

	return log;
}

unsigned int luo_count_in_log(const char *text)
{
	char *log = luo_read_log(), *p;
	unsigned int nr = 0;

	for (p = strstr(log, text); p; p = strstr(p + 1, text))
		nr++;
	free(log);

	return nr;
}

long luo_meminfo(const char *key)
{
	size_t len = strlen(key);
	long value = -ENOENT;
	char line[128];
	FILE *file;

	file = fopen("/proc/meminfo", "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, key, len) && line[len] == ':') {
			value = strtol(line + len + 1, NULL, 10);
			break;
		}
	}
	fclose(file);

	return value;
}

long luo_free_memory(void)
{
	long kib = luo_meminfo("MemFree"), pages = 0, count;
	bool found = false;
	char line[128];
	FILE *file;

	file = fopen("/proc/zoneinfo", "re");
	if (kib < 0 || !file)
		return -ENOENT;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " count: %ld", &count) == 1) {
			pages += count;
			found = true;
		}
	}
	fclose(file);

	return found ? kib + pages * (sysconf(_SC_PAGESIZE) / KIB) : -ENODATA;
}

bool luo_wait_for_free_memory(long kib)
{
	long now = 0;
	int i;

	for (i = 0; i < 100; i++) {
		now = luo_free_memory();
		if (now >= kib)
			return true;
		usleep(50 * 1000);
	}
	ksft_print_msg("%ld KiB free, expected %ld KiB\n", now, kib);

	return false;
}

static int read_cmdline(char buf[CMDLINE_SIZE])
{
	ssize_t len;
	int fd;

	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, buf, CMDLINE_SIZE - 1);
	close(fd);
	if (len <= 0)
		return len ? -errno : -EIO;
	if (buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';

	return 0;
}

/* Find "key=" at the start of a word */
static char *find_param(char *cmdline, const char *key)
{
	char *found = NULL, *p = cmdline;
	size_t len = strlen(key);

	while (*p) {
		if (!strncmp(p, key, len) && p[len] == '=')
			found = p;
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}

	return found;
}

int luo_cmdline_value(const char *key, char *buf, size_t len)
{
	char cmdline[CMDLINE_SIZE], *value;
	size_t nr;
	int ret;

	ret = read_cmdline(cmdline);
	if (ret)
		return ret;
	value = find_param(cmdline, key);
	if (!value)
		return -ENOENT;
	value += strlen(key) + 1;
	nr = strcspn(value, " ");
	if (nr >= len)
		return -ENAMETOOLONG;
	memcpy(buf, value, nr);
	buf[nr] = '\0';

	return 0;
}

/* Where no stage is given, this is the first one */
static int next_cmdline(char *buf, size_t len, const char *append)
{
	char cmdline[CMDLINE_SIZE], *stage, *end;
	const char *rest = "";
	long nr = 1;
	int ret;

	ret = read_cmdline(cmdline);
	if (ret)
		return ret;

	stage = find_param(cmdline, "luo.stage");
	if (stage) {
		nr = strtol(stage + strlen("luo.stage="), &end, 10);
		if (nr < 1 || (*end && *end != ' '))
			return -EINVAL;
		rest = end;
		*stage = '\0';
	}

	ret = snprintf(buf, len, "%s%sluo.stage=%ld%s%s%s", cmdline,
		       stage ? "" : " ", nr + 1, stage ? rest : "",
		       append ? " " : "", append ? append : "");

	return ret < 0 || (size_t)ret >= len ? -ENAMETOOLONG : 0;
}

static void drop_param(char *cmdline, const char *name)
{
	char *param;

	while ((param = find_param(cmdline, name))) {
		char *next = param + strcspn(param, " ");

		next += strspn(next, " ");
		memmove(param, next, strlen(next) + 1);
	}
}

static int load_image(const char *image, const char *append,
		      unsigned long flags)
{
	char cmdline[CMDLINE_SIZE];
	int kernel, initrd, ret;

	ret = next_cmdline(cmdline, sizeof(cmdline), append);
	if (ret)
		return ret;

	/* A crash kernel has no memory to set aside for another one */
	if (flags & KEXEC_FILE_ON_CRASH)
		drop_param(cmdline, "crashkernel");

	kernel = open(image, O_RDONLY | O_CLOEXEC);
	if (kernel < 0) {
		ret = -errno;
		ksft_print_msg("open %s: %s\n", image, strerror(-ret));
		return ret;
	}
	initrd = open(INITRD_IMAGE, O_RDONLY | O_CLOEXEC);
	if (initrd < 0) {
		ret = -errno;
		ksft_perror("open " INITRD_IMAGE);
		close(kernel);
		return ret;
	}

	/* The length counts the NUL */
	ret = syscall(__NR_kexec_file_load, kernel, initrd, strlen(cmdline) + 1,
		      cmdline, flags);
	if (ret)
		ret = -errno;
	close(initrd);
	close(kernel);

	return ret;
}

int luo_kexec_load(const char *append)
{
	return load_image(KERNEL_IMAGE, append, 0);
}

int luo_kexec_load_image(const char *image, const char *append)
{
	return load_image(image, append, 0);
}

int luo_kexec_load_crash(const char *append)
{
	return load_image(KERNEL_IMAGE, append, KEXEC_FILE_ON_CRASH);
}

#define LOAD_ADDRESS	(64 * MIB)

/*
 * mov $0xfe, %al; out %al, $0x64; hlt; jmp to the hlt: if the kernel does jump,
 * the machine resets, and the host sees that the test came to no end.
 */
static const unsigned char reset_code[] = {
	0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd,
};

int luo_kexec_load_classic(void)
{
	static unsigned char page[4096];
	struct kexec_segment segment = {
		.buf = page,
		.bufsz = sizeof(page),
		.mem = (void *)LOAD_ADDRESS,
		.memsz = sizeof(page),
	};

	memcpy(page, reset_code, sizeof(reset_code));
	if (syscall(__NR_kexec_load, LOAD_ADDRESS, 1UL, &segment,
		    (unsigned long)KEXEC_ARCH_DEFAULT))
		return -errno;

	return 0;
}

int luo_kexec_unload_classic(void)
{
	return syscall(__NR_kexec_load, 0UL, 0UL, NULL,
		       (unsigned long)KEXEC_ARCH_DEFAULT) ? -errno : 0;
}

int luo_kexec_jump(void)
{
	/* What is printed so far must not be lost with this kernel */
	fflush(NULL);
	sync();
	reboot(LINUX_REBOOT_CMD_KEXEC);

	return -errno;
}

static int expect_error(int fd, unsigned long cmd, void *arg, int expected,
			const char *what, size_t detail)
{
	int seen = luo_ioctl(fd, cmd, arg);

	if (seen == expected)
		return 0;
	ksft_print_msg("ioctl %#lx, %s %zu: expected %d, seen %d\n", cmd, what,
		       detail, expected, seen);

	return 1;
}

int luo_try_bad_args(int fd, unsigned long cmd, const void *good, size_t min)
{
	size_t page = sysconf(_SC_PAGESIZE), size;
	int fds = luo_count_fds(), bad = 0;
	unsigned char *mem, *end, *arg;
	__u32 value;

	/* Two pages, and a third that is not there */
	mem = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || munmap(mem + 2 * page, page)) {
		ksft_perror("mmap");
		return 1;
	}
	end = mem + 2 * page;

	/* Too short, with all the bytes of a good one behind it */
	for (size = 0; size < min; size++) {
		memcpy(mem, good, min);
		value = size;
		memcpy(mem, &value, sizeof(value));
		bad += expect_error(fd, cmd, mem, -EINVAL, "short size", size);
	}

	/* Too long, with one byte of the tail set: the first and the last one */
	for (size = min + 1; size <= 2 * page; size = size * 2 - min / 2) {
		memset(mem, 0, 2 * page);
		memcpy(mem, good, min);
		value = size;
		memcpy(mem, &value, sizeof(value));
		mem[min] = 1;
		bad += expect_error(fd, cmd, mem, -E2BIG, "tail begins in",
				    size);
		mem[min] = 0;
		mem[size - 1] = 0x80;
		bad += expect_error(fd, cmd, mem, -E2BIG, "tail ends in", size);
		mem[size - 1] = 0;
	}

	/* A tail that leads out of what is mapped, up to the largest size */
	memset(mem, 0, 2 * page);
	memcpy(mem, good, min);
	value = 2 * page + 1;
	memcpy(mem, &value, sizeof(value));
	bad += expect_error(fd, cmd, mem, -EFAULT, "tail unmapped at", value);
	value = UINT32_MAX;
	memcpy(mem, &value, sizeof(value));
	bad += expect_error(fd, cmd, mem, -EFAULT, "tail unmapped at", value);

	/* The struct crosses into the page that is not there, at every byte */
	for (size = 1; size < min; size++) {
		arg = end - size;
		memcpy(arg, good, size);
		bad += expect_error(fd, cmd, arg, -EFAULT, "mapped bytes",
				    size);
	}

	bad += expect_error(fd, cmd, NULL, -EFAULT, "no struct", 0);
	bad += expect_error(fd, cmd, end, -EFAULT, "unmapped struct", 0);
	bad += expect_error(fd, cmd, (void *)(UINTPTR_MAX - page), -EFAULT,
			    "kernel memory", 0);

	if (mprotect(mem, page, PROT_NONE)) {
		ksft_perror("mprotect");
		bad++;
	}
	bad += expect_error(fd, cmd, mem, -EFAULT, "forbidden memory", 0);
	munmap(mem, 2 * page);

	if (luo_count_fds() != fds) {
		ksft_print_msg("ioctl %#lx: %d fds before, %d after\n", cmd,
			       fds, luo_count_fds());
		bad++;
	}

	return bad;
}

int luo_try_readonly_reply(int fd, unsigned long cmd, const void *good,
			   size_t min)
{
	int fds = luo_count_fds(), bad = 0;
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned char *mem;

	mem = mmap(NULL, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		ksft_perror("mmap");
		return 1;
	}
	memcpy(mem, good, min);
	if (mprotect(mem, page, PROT_READ)) {
		ksft_perror("mprotect");
		bad++;
	}

	bad += expect_error(fd, cmd, mem, -EFAULT, "read-only reply of", min);
	if (memcmp(mem, good, min)) {
		ksft_print_msg("ioctl %#lx: read-only memory changed\n", cmd);
		bad++;
	}
	munmap(mem, page);

	if (luo_count_fds() != fds) {
		ksft_print_msg("ioctl %#lx: %d fds before, %d after\n", cmd,
			       fds, luo_count_fds());
		bad++;
	}

	return bad;
}

static unsigned int failed_checks;

bool luo_check(bool ok, const char *file, int line, const char *what)
{
	if (!ok) {
		failed_checks++;
		ksft_print_msg("%s:%d: not true: %s (errno %d)\n", file, line,
			       what, errno);
	}

	return ok;
}

bool luo_check_eq(long long expected, long long seen, const char *file,
		  int line, const char *what)
{
	if (expected != seen) {
		failed_checks++;
		ksft_print_msg("%s:%d: %s: expected %lld, seen %lld\n", file,
			       line, what, expected, seen);
	}

	return expected == seen;
}

void luo_report(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ksft_test_result(!failed_checks, "%s\n", text);
	failed_checks = 0;
}

/* A failed check is never hidden behind a skip */
void luo_report_skip(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (failed_checks)
		ksft_test_result_fail("%s\n", text);
	else
		ksft_test_result_skip("%s\n", text);
	failed_checks = 0;
}

void luo_plan(unsigned int plan)
{
	ksft_print_header();
	ksft_set_plan(plan);
}

void luo_finish_stage(void)
{
	if (failed_checks)
		luo_report("checks after the last report");
	ksft_finished();
}

/*
 * The end of a stage that goes on in the next kernel. Does not jump if
 * something failed here: the log then ends at the failure.
 */
void luo_leave_kernel(void)
{
	int err;

	if (failed_checks)
		luo_report("checks after the last report");
	if (ksft_get_fail_cnt() || ksft_test_num() != ksft_plan)
		ksft_exit_fail();

	ksft_print_cnts();
	err = luo_kexec_jump();
	ksft_exit_fail_msg("reboot into the next kernel failed: %d\n", err);
}

void luo_check_memory(void)
{
	long kib = luo_meminfo("MemAvailable");
	size_t size;
	void *mem;
	int fd;

	if (!CHECK(kib > 0))
		return;
	size = kib / 2 * KIB;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (CHECK(mem != MAP_FAILED)) {
		unsigned char *p = mem;
		size_t i;

		memset(mem, 0x5a, size);
		for (i = 0; i < size; i += 64)
			if (p[i] != 0x5a)
				break;
		CHECK(i >= size);
		munmap(mem, size);
	}
	fd = luo_memfd("memory", 0, 16 * MIB);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, 16 * MIB, MEMORY_SEED));
	CHECK_EQ(0, luo_verify_pattern(fd, 0, 16 * MIB, MEMORY_SEED));
	close(fd);
	luo_report("memory works");
}

void luo_check_log(void)
{
	char *log = luo_read_log(), *next = log, *line, *at;

	while ((line = strsep(&next, "\n"))) {
		if (strcasestr(line, "command line") ||
		    !(strstr(line, "KHO: ") || strstr(line, "liveupdate: ")))
			continue;
		at = strstr(line, "0x");
		if (!CHECK(!at || strspn(at + 2, "0123456789abcdef") < 4))
			ksft_print_msg("log: %s\n", line);
	}
	free(log);
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int luo_run_case(const struct luo_case *cases, size_t nr, int argc,
		 char *argv[])
{
	const char *name = argc == 3 ? argv[1] : NULL;
	size_t stage = 0, i;

	if ((argc == 2 || argc == 3) && !strncmp(argv[argc - 1], "stage", 5))
		stage = strtoul(argv[argc - 1] + 5, NULL, 10);
	if (stage >= 1 && stage <= LUO_MAX_STAGES)
		for (i = 0; i < nr; i++)
			if (same_name(name, cases[i].name) &&
			    cases[i].stages[stage - 1])
				cases[i].stages[stage - 1]();

	/* A stage does not come back */
	if (cases[0].name)
		fprintf(stderr, "usage: %s CASE stageN\n", argv[0]);
	else
		fprintf(stderr, "usage: %s stageN\n", argv[0]);

	return KSFT_FAIL;
}
