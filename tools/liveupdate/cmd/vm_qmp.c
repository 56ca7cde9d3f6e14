// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's machine protocol: JSON objects, one in each line. Commands are answered
 * in their order; events come in between.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hold_proto.h"
#include "json.h"
#include "luo.h"
#include "vm_qmp.h"

/* No line of those that we ask for is near that */
#define MAX_LINE	(1024 * 1024)
#define READ_SIZE	4096

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int wait_readable(const struct qmp *qmp, long long deadline)
{
	struct pollfd pollfd = { .fd = qmp->sock, .events = POLLIN };
	long long left;
	int ret;

	do {
		left = deadline - now_ms();
		ret = poll(&pollfd, 1, left > 0 ? left : 0);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;

	return ret ? 0 : -ETIMEDOUT;
}

/* Some more bytes, behind those that are there */
static int read_more(struct qmp *qmp)
{
	char *more;
	ssize_t got;

	memmove(qmp->buf, qmp->buf + qmp->done, qmp->len - qmp->done);
	qmp->len -= qmp->done;
	qmp->done = 0;
	if (qmp->len > MAX_LINE)
		return -EPROTO;
	more = realloc(qmp->buf, qmp->len + READ_SIZE);
	if (!more)
		return -ENOMEM;
	qmp->buf = more;
	do {
		got = read(qmp->sock, qmp->buf + qmp->len, READ_SIZE);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	qmp->len += got;

	return got ? 0 : -EPIPE;
}

/* The next line that is there in full, or NULL */
static char *next_line(struct qmp *qmp)
{
	char *line = qmp->buf + qmp->done, *end;

	if (qmp->len == qmp->done)
		return NULL;
	end = memchr(line, '\n', qmp->len - qmp->done);
	if (!end)
		return NULL;
	*end = '\0';
	qmp->done = end + 1 - qmp->buf;

	return line;
}

static const char *get_string(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return "";

	return json_object_get_string(value) ?: "";
}

static void take_event(struct qmp *qmp, struct json_object *message)
{
	struct json_object *data;

	if (strcmp(get_string(message, "event"), "MIGRATION") ||
	    !json_object_object_get_ex(message, "data", &data))
		return;
	strncpy(qmp->migration, get_string(data, "status"),
		sizeof(qmp->migration) - 1);
}

/*
 * The next message that is no event, into @message for the caller to put; NULL
 * there for an event, which is taken note of.
 */
static int next_message(struct qmp *qmp, long long deadline,
			struct json_object **message)
{
	char *line;
	int err;

	*message = NULL;
	while (!(line = next_line(qmp))) {
		err = wait_readable(qmp, deadline);
		if (!err)
			err = read_more(qmp);
		if (err)
			return err;
	}
	*message = json_tokener_parse(line);
	if (!*message || !json_object_is_type(*message, json_type_object)) {
		json_object_put(*message);
		*message = NULL;
		return -EPROTO;
	}
	if (json_object_object_get_ex(*message, "event", NULL)) {
		take_event(qmp, *message);
		json_object_put(*message);
		*message = NULL;
	}

	return 0;
}

/* One that was given up on may be answered late */
static bool answers(const struct qmp *qmp, struct json_object *message)
{
	struct json_object *id;

	return !json_object_object_get_ex(message, "id", &id) ||
	       json_object_get_int64(id) == qmp->nr_commands;
}

/* The answer to the last command, for the caller to put */
static int read_answer(struct qmp *qmp, struct json_object **answer)
{
	long long deadline = now_ms() + qmp->timeout_ms;
	int err;

	for (;;) {
		err = next_message(qmp, deadline, answer);
		if (err)
			return err;
		if (*answer && answers(qmp, *answer))
			return 0;
		json_object_put(*answer);
	}
}

static int complain(const char *name, int err)
{
	luo_note("QEMU, %s: %s", name, err == -EPIPE ? "it has ended" :
		 strerror(-err));

	return err;
}

static int check_answer(const char *name, struct json_object *answer)
{
	struct json_object *error;

	if (json_object_object_get_ex(answer, "return", NULL))
		return 0;
	if (!json_object_object_get_ex(answer, "error", &error))
		return complain(name, -EPROTO);
	luo_note("QEMU refuses %s: %s", name, get_string(error, "desc"));

	return -EREMOTEIO;
}

/* With a descriptor that goes along, or -1 */
static int command(struct qmp *qmp, const char *name, struct json_object *args,
		   int fd)
{
	struct json_object *object = luo_json_new(), *answer;
	const char *text;
	int err;

	luo_json_add_string(object, "execute", name);
	luo_json_add_number(object, "id", ++qmp->nr_commands);
	if (args)
		luo_json_add(object, "arguments", args);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	err = text ? hold_send(qmp->sock, text, strlen(text), fd, 0) : -ENOMEM;
	json_object_put(object);
	if (!err)
		err = read_answer(qmp, &answer);
	if (err)
		return complain(name, err);
	err = check_answer(name, answer);
	json_object_put(answer);

	return err;
}

int qmp_command(struct qmp *qmp, const char *name, struct json_object *args)
{
	return command(qmp, name, args, -1);
}

int qmp_give_fd(struct qmp *qmp, int fd, const char *name)
{
	struct json_object *args = luo_json_new();

	luo_json_add_string(args, "fdname", name);

	return command(qmp, "getfd", args, fd);
}

int qmp_watch_migrations(struct qmp *qmp)
{
	static const char * const names[] = { "events", "x-ignore-shared" };
	struct json_object *args = luo_json_new();
	struct json_object *list = luo_json_new_array(), *capability;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		capability = luo_json_new();
		luo_json_add_string(capability, "capability", names[i]);
		luo_json_add_bool(capability, "state", true);
		luo_json_append(list, capability);
	}
	luo_json_add(args, "capabilities", list);

	return qmp_command(qmp, "migrate-set-capabilities", args);
}

int qmp_wait_for_migration(struct qmp *qmp)
{
	long long deadline = now_ms() + qmp->timeout_ms;
	struct json_object *message;
	int err;

	while (strcmp(qmp->migration, "completed")) {
		if (!strcmp(qmp->migration, "failed") ||
		    !strcmp(qmp->migration, "cancelled")) {
			luo_note("QEMU: the migration was %s", qmp->migration);
			return -EREMOTEIO;
		}
		err = next_message(qmp, deadline, &message);
		json_object_put(message);
		if (err)
			return complain("migration", err);
	}

	return 0;
}

int qmp_listen(struct qmp *qmp)
{
	struct json_object *message;
	int err = read_more(qmp);

	while (!err && memchr(qmp->buf + qmp->done, '\n', qmp->len - qmp->done)) {
		err = next_message(qmp, 0, &message);
		json_object_put(message);
	}

	return err;
}

int qmp_open(struct qmp *qmp, int sock, int timeout_ms)
{
	struct json_object *greeting;
	int err;

	*qmp = (struct qmp) { .sock = sock, .timeout_ms = timeout_ms };
	err = read_answer(qmp, &greeting);
	if (err)
		return complain("start", err);
	if (!json_object_object_get_ex(greeting, "QMP", NULL))
		err = complain("start", -EPROTO);
	json_object_put(greeting);

	return err ?: qmp_command(qmp, "qmp_capabilities", NULL);
}

void qmp_close(struct qmp *qmp)
{
	if (qmp->sock >= 0)
		close(qmp->sock);
	free(qmp->buf);
	*qmp = (struct qmp) { .sock = -1 };
}
