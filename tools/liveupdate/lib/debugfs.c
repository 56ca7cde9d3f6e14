// SPDX-License-Identifier: LGPL-2.1
/*
 * What root can see without the device. The text is made for people, and may
 * change: a line that can't be read is an error, not left out.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* Read a line, without its newline */
typedef int (*line_fn)(const char *line, void *arg);

/**
 * lu_debugfs_open - open a file of live update in debugfs
 * @name: one without a slash, "handlers" for example
 *
 * Thread-safety: MT-safe.
 *
 * Return: a descriptor to read; -ENOENT if debugfs is not mounted or there is no
 * such file, -EACCES or -EPERM for who is not root, -EINVAL for a bad @name.
 */
LU_API int lu_debugfs_open(const char *name)
{
	char path[256];
	int fd, len;

	len = snprintf(path, sizeof(path), "%s/%s", LU_DEBUGFS, name);
	if (!*name || *name == '.' || strchr(name, '/') ||
	    len >= (int)sizeof(path))
		return -EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int read_stream(FILE *file, line_fn fn, void *arg)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int ret = 0;

	for (;;) {
		errno = 0;
		len = getline(&line, &size, file);
		if (len < 0)
			break;
		if (len && line[len - 1] == '\n')
			line[len - 1] = '\0';
		ret = fn(line, arg);
		if (ret)
			break;
	}
	if (!ret && !feof(file))
		ret = errno ? -errno : -EIO;
	free(line);

	return ret;
}

static int read_lines(const char *name, line_fn fn, void *arg)
{
	int fd = lu_debugfs_open(name), ret;
	FILE *file;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	ret = read_stream(file, fn, arg);
	fclose(file);

	return ret;
}

/* If @text begins with @word, what comes behind it; else NULL */
static const char *skip_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) ? NULL : text + len;
}

static int read_status_updates(const char *line, void *arg)
{
	struct lu_status *status = arg;

	char *end;

	status->updates = strtoull(line, &end, 10);

	return end > line && !*end ? 0 : -EPROTO;
}

static int read_previous(const char *line, void *arg)
{
	struct lu_status *status = arg;

	snprintf(status->previous, sizeof(status->previous), "%s", line);

	return 0;
}

static int read_quarantine(const char *line, void *arg)
{
	struct lu_status *status = arg;
	unsigned long long token, bytes;

	if (sscanf(line, "token %llu bytes %llu", &token,
		   &bytes) != 2)
		return -EPROTO;
	status->quarantine_files++;
	status->quarantine_bytes += bytes;

	return 0;
}

/**
 * lu_get_status - what led to this kernel, and what was damaged on the way
 * @status: out
 * @size: sizeof(*status); what this library does not know of it is set to zero
 *
 * Thread-safety: MT-safe.
 *
 * Return: 0; -ENOENT if debugfs is not mounted or live update is off, -EACCES or
 * -EPERM for who is not root, -EPROTO if the kernel writes it in another way.
 */
LU_API int lu_get_status(struct lu_status *status, size_t size)
{
	struct lu_status known = { 0 };
	int err;

	err = read_lines("updates", read_status_updates, &known);
	if (!err)
		err = read_lines("previous", read_previous, &known);
	if (!err)
		err = read_lines("quarantine", read_quarantine, &known);
	if (err)
		return err;

	memset(status, 0, size);
	memcpy(status, &known, size < sizeof(known) ? size : sizeof(known));

	return 0;
}

struct session_list {
	unsigned int flags;
	lu_session_fn fn;
	void *arg;
};

static const char *skip_direction(const char *line, unsigned int *flags)
{
	const char *rest = skip_word(line, "incoming ");

	*flags = rest ? LU_LIST_INCOMING : LU_LIST_NEW;

	return rest ?: skip_word(line, "outgoing ");
}

static int parse_session(const char *line, struct lu_session *session)
{
	const char *more;
	int len = 0;

	*session = (struct lu_session) { 0 };
	line = skip_direction(line, &session->flags);
	if (!line)
		return -EPROTO;
	if (sscanf(line, "id %llu age %llu files %llu bytes %llu%n",
		   &session->id, &session->age, &session->nr_files,
		   &session->bytes, &len) != 4 || !len)
		return -EPROTO;
	line += len;
	more = skip_word(line, " retrieved");
	if (more)
		session->flags |= LU_SESSION_RETRIEVED;
	line = more ?: line;
	more = skip_word(line, " damaged");
	if (more)
		session->flags |= LU_SESSION_DAMAGED;
	line = skip_word(more ?: line, " name ");
	if (!line || lu_unescape_name(line, session->name,
				      sizeof(session->name)) <= 0)
		return -EPROTO;

	return 0;
}

static int session_line(const char *line, void *arg)
{
	const struct session_list *list = arg;
	struct lu_session session;
	int err = parse_session(line, &session);

	if (err)
		return err;
	if ((session.flags & LU_SESSION_INCOMING) != list->flags)
		return 0;

	return list->fn(&session, list->arg);
}

/**
 * lu_debugfs_list_sessions - say what sessions there are, in any order
 * @flags: LU_LIST_NEW or LU_LIST_INCOMING
 * @fn: called for each session; it must not wait for the kernel to do something
 *	about live update
 * @arg: for @fn
 *
 * Thread-safety: MT-safe, if @fn is.
 *
 * Return: 0, or what @fn returned; -ENOENT if debugfs is not mounted or live
 * update is off, -EACCES or -EPERM for who is not root, -EINVAL for unknown
 * @flags, -EPROTO if the kernel writes it in another way.
 */
LU_API int lu_debugfs_list_sessions(unsigned int flags, lu_session_fn fn,
				    void *arg)
{
	struct session_list list = { .flags = flags, .fn = fn, .arg = arg };

	if (flags & ~LU_LIST_INCOMING)
		return -EINVAL;

	return read_lines("sessions", session_line, &list);
}

struct file_list {
	unsigned int flags;
	unsigned long long id;
	lu_file_fn fn;
	void *arg;
};

static int parse_state(const char *word, uint32_t *state)
{
	uint32_t i;

	for (i = LU_FILE_PRESERVED; i <= LU_FILE_NO_HANDLER; i++) {
		if (!strcmp(word, lu_file_state_name(i))) {
			*state = i;
			return 0;
		}
	}

	return -EPROTO;
}

#define FILE_FORMAT \
	"session %llu token %llu bytes %llu state %15s error %d handler %n"

static int file_line(const char *line, void *arg)
{
	const struct file_list *list = arg;
	struct lu_file file = { 0 };
	unsigned int flags;
	char state[16];
	unsigned long long id;
	int len = 0;

	line = skip_direction(line, &flags);
	if (!line)
		return -EPROTO;
	if (sscanf(line, FILE_FORMAT, &id, &file.token, &file.bytes, state,
		   &file.error, &len) != 5 || !len)
		return -EPROTO;
	if (parse_state(state, &file.state))
		return -EPROTO;
	snprintf(file.handler, sizeof(file.handler), "%s", line + len);
	if (flags != list->flags || id != list->id)
		return 0;

	return list->fn(&file, list->arg);
}

/**
 * lu_debugfs_list_files - say what files a session has, in any order
 * @flags: LU_LIST_NEW or LU_LIST_INCOMING: what @id is the id of
 * @id: the session's, from lu_debugfs_list_sessions()
 * @fn: called for each file; it must not wait for the kernel to do something
 *	about live update
 * @arg: for @fn
 *
 * Thread-safety: MT-safe, if @fn is.
 *
 * Return: 0, if there is no such session, too, or what @fn returned; -ENOENT if
 * debugfs is not mounted or live update is off, -EACCES or -EPERM for who is not
 * root, -EINVAL for unknown @flags, -EPROTO if the kernel writes it in another
 * way.
 */
LU_API int lu_debugfs_list_files(unsigned int flags, unsigned long long id, lu_file_fn fn,
				 void *arg)
{
	struct file_list list = {
		.flags = flags,
		.id = id,
		.fn = fn,
		.arg = arg,
	};

	if (flags & ~LU_LIST_INCOMING)
		return -EINVAL;

	return read_lines("files", file_line, &list);
}
