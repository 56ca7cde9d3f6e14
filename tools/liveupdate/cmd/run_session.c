// SPDX-License-Identifier: GPL-2.0
/*
 * The memfds of luo run: those that came over, and new ones.
 *
 * A session that was retrieved can't be given back, and what is in it is lost if
 * this process ends. So whatever can fail is tried before the retrieve, and if
 * something fails after it, luo hold gets the session.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hold_client.h"
#include "luo.h"
#include "memfd.h"
#include "run.h"

struct search {
	const char *name;
	bool found, damaged;
	unsigned long long id, age;
};

/* Of several with one name, the one that lu_session_retrieve() takes */
static int match_session(const struct lu_session *session, void *arg)
{
	struct search *search = arg;

	if (strcmp(session->name, search->name) ||
	    (session->flags & LU_SESSION_RETRIEVED) ||
	    (search->found && search->age <= session->age))
		return 0;
	search->found = true;
	search->damaged = session->flags & LU_SESSION_DAMAGED;
	search->id = session->id;
	search->age = session->age;

	return 0;
}

static int check_file(const struct lu_file *file, void *arg)
{
	(void)arg;
	if (file->state == LU_FILE_NO_HANDLER)
		return luo_error("no driver is there for file %llu of the session, %s:\n"
				 "load it first",
				 file->token, file->handler);

	return LUO_OK;
}

/* Can all of what came over be retrieved? */
static int check_incoming(int dev, const struct run *run)
{
	struct search search = { .name = run->session_name };
	int ret;

	ret = lu_list_sessions(dev, LU_LIST_INCOMING, match_session, &search);
	if (!ret && search.damaged && !run->fresh)
		return luo_error("files of the session came over damaged.\n"
				 "--fresh goes on with those that are there");
	if (!ret && search.found)
		ret = lu_list_files(dev, LU_LIST_INCOMING, search.id,
				    check_file, NULL);
	if (ret < 0)
		return luo_error("listing what came over: %s", strerror(-ret));

	return ret;
}

/* Into @session, or -1 if nothing came over */
static int retrieve_session(int dev, const struct run *run, int *session)
{
	*session = lu_session_retrieve(dev, run->session_name);
	if (*session >= 0 || *session == -ENOENT)
		return LUO_OK;
	if (*session == -EIO && run->fresh)
		return LUO_OK;
	if (*session == -EIO)
		return luo_error("no session of this name came over, unless damaged.\n"
				 "--fresh starts anew");
	if (*session == -EINVAL)
		return luo_error("somebody else has retrieved this session;\n"
				 "if that is luo hold, 'luo finish' ends it");

	return luo_error("retrieving the session: %s", strerror(-*session));
}

/* The name is where the kernel shows it: there is none for other files */
static int read_memfd_name(int fd, char name[RUN_MEMFD_NAME_SIZE])
{
	static const char before[] = "/memfd:", behind[] = " (deleted)";
	char path[32], target[RUN_MEMFD_NAME_SIZE + 32];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	len -= strlen(behind);
	if (strncmp(target, before, strlen(before)) ||
	    len < (ssize_t)strlen(before) || strcmp(target + len, behind))
		return -EINVAL;
	target[len] = '\0';
	if (len - strlen(before) >= RUN_MEMFD_NAME_SIZE)
		return -EINVAL;
	memcpy(name, target + strlen(before), len - strlen(before) + 1);

	return 0;
}

struct retrieve {
	struct run *run;
	int session;
};

static int place_memfd(struct run *run, unsigned long long token, int fd)
{
	char name[RUN_MEMFD_NAME_SIZE];
	struct run_memfd *memfd;

	if (read_memfd_name(fd, name))
		return luo_error("file %llu of the session is no memfd, so luo run has not made it",
				 token);
	memfd = run_find_memfd(run, name);
	if (memfd && memfd->fd >= 0)
		return luo_error("the session has two memfds '%s', so luo run has not made it",
				 name);
	if (!memfd) {
		luo_note("memfd '%s' came over, and is handed on behind those that are asked for",
			 name);
		memfd = run_add_memfd(run, name, 0);
	}
	memfd->fd = fd;
	memfd->retrieved = true;

	return LUO_OK;
}

static int retrieve_file(const struct lu_file *file, void *arg)
{
	struct retrieve *retrieve = arg;
	int fd = lu_file_retrieve(retrieve->session, file->token);

	if (fd < 0)
		return luo_error("retrieving file %llu: %s", file->token,
				 strerror(-fd));

	return place_memfd(retrieve->run, file->token, fd);
}

/* From here on they are ordinary files, and can be preserved again */
static int retrieve_all(struct run *run, int session)
{
	struct retrieve retrieve = { .run = run, .session = session };
	int ret;

	ret = lu_session_list_files(session, retrieve_file, &retrieve);
	if (ret < 0)
		luo_note("listing the files: %s", strerror(-ret));
	if (!ret) {
		ret = lu_session_finish(session);
		if (ret)
			luo_note("finishing the session: %s", strerror(-ret));
	}
	if (ret)
		luo_hold_rescue(run->session_name, session);

	return ret ? LUO_ERROR : LUO_OK;
}

static int make_missing(struct run *run)
{
	struct run_memfd *memfd;
	size_t i;

	for (i = 0; i < run->nr_memfds; i++) {
		memfd = &run->memfds[i];
		if (memfd->fd >= 0)
			continue;
		memfd->fd = luo_make_memfd(memfd->name);
		if (memfd->fd < 0)
			return luo_error("making memfd '%s': %s", memfd->name,
					 strerror(-memfd->fd));
		if (ftruncate(memfd->fd, memfd->size))
			return luo_error("making memfd '%s' that large: %s",
					 memfd->name, strerror(errno));
	}

	return LUO_OK;
}

/*
 * What came over is not thrown away because the next live update would lose it:
 * the command can still use it.
 */
static int preserve_all(const struct run *run)
{
	const struct run_memfd *memfd;
	bool any_retrieved = false;
	int ret = LUO_OK, err;
	size_t i;

	for (i = 0; i < run->nr_memfds; i++) {
		memfd = &run->memfds[i];
		any_retrieved = any_retrieved || memfd->retrieved;
		err = lu_file_preserve(run->session, memfd->fd, i + 1);
		if (err)
			ret = luo_error("preserving memfd '%s': %s:\n"
					"it will not survive the next live update",
					memfd->name, strerror(-err));
	}

	return any_retrieved ? LUO_OK : ret;
}

static int create_session(int dev, struct run *run)
{
	run->session = lu_session_create(dev, run->session_name);
	if (run->session >= 0)
		return LUO_OK;
	if (run->session == -EEXIST)
		return luo_error("there is a new session of this name:\n"
				 "does this command run already?");

	return luo_error("creating the session: %s", strerror(-run->session));
}

int run_prepare(struct run *run)
{
	int dev = luo_open_device(), session = -1, ret;

	if (dev < 0)
		return LUO_ERROR;
	ret = create_session(dev, run);
	if (!ret)
		ret = check_incoming(dev, run);
	if (!ret)
		ret = retrieve_session(dev, run, &session);
	close(dev);
	if (!ret && session >= 0) {
		ret = retrieve_all(run, session);
		close(session);
	}
	if (!ret)
		ret = make_missing(run);

	return ret ?: preserve_all(run);
}
