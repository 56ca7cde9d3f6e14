/* SPDX-License-Identifier: GPL-2.0 */
/* What luo run is made of */
#ifndef _LUO_RUN_H
#define _LUO_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libliveupdate.h>

/* Of a memfd, with the final NUL; the kernel takes no longer ones */
#define RUN_MEMFD_NAME_SIZE	250

struct run_memfd {
	char name[RUN_MEMFD_NAME_SIZE];

	/* If it has to be made; 0 if it was not asked for, but came over */
	unsigned long long size;

	/* -1 until it is there */
	int fd;

	/* From the previous kernel? */
	bool retrieved;
};

struct run {
	char session_name[LU_NAME_SIZE];

	/* Don't mind if it can't be told what came over */
	bool fresh;
	struct run_memfd *memfds;
	size_t nr_memfds;

	/* The new session, in which all memfds are preserved */
	int session;
};

/* The one of this name, or NULL */
struct run_memfd *run_find_memfd(struct run *run, const char *name);
struct run_memfd *run_add_memfd(struct run *run, const char *name,
				unsigned long long size);

/*
 * Get the memfds that came over, make the others, and preserve all of them.
 * LUO_OK, or LUO_ERROR after a message.
 */
int run_prepare(struct run *run);

/* The full path of the program, or NULL with errno set; for the caller to free */
char *run_find_program(const char *name);

/* Run it with the memfds and the session; its exit status */
int run_program(const struct run *run, const char *path, char *argv[]);

#endif /* _LUO_RUN_H */
