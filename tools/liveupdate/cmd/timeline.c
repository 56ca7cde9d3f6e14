// SPDX-License-Identifier: GPL-2.0
/* luo timeline: what the last live update spent its time on */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "luo.h"

static const char help[] =
"usage: luo timeline [--json]\n"
"\n"
"Tell what the live update that led to this kernel spent its time on, from\n"
"debugfs, as root. Times are from the first event, and between two events.\n"
"\n"
"  --json  as JSON: nanoseconds\n"
"  --help  this\n"
"\n"
"Exit status: 0 done, 1 there is none or something is wrong, 2 wrong call.\n";

struct event {
	unsigned long long ns;
	char *kernel, *what;

	/* NULL if it is not about one */
	char *session;
};

/* Cuts @line into pieces; 0 or -EPROTO */
static int parse(char *line, struct event *event)
{
	char *end, *p = line;

	*event = (struct event) { 0 };
	if (*p < '0' || *p > '9')
		return -EPROTO;
	event->ns = strtoull(p, &end, 10);
	if (*end != '\t')
		return -EPROTO;
	p = end + 1;
	event->kernel = strsep(&p, "\t");
	event->what = strsep(&p, "\t");
	event->session = strsep(&p, "\t");
	if (!event->what || !*event->what ||
	    (strcmp(event->kernel, "old") && strcmp(event->kernel, "new")))
		return -EPROTO;

	return 0;
}

/* As the kernel writes it to be read back, and so that a terminal takes it */
static const char *session_text(const struct event *event,
				char text[LU_ESCAPED_SIZE])
{
	char name[LU_NAME_SIZE];

	if (!event->session || !*event->session)
		return "";
	if (lu_unescape_name(event->session, name, sizeof(name)) <= 0)
		return "?";

	return luo_show_name(name, text);
}

static struct json_object *json_event(const struct event *event)
{
	struct json_object *object = luo_json_new();
	char text[LU_ESCAPED_SIZE];

	luo_json_add_number(object, "ns", event->ns);
	luo_json_add_string(object, "kernel", event->kernel);
	luo_json_add_string(object, "event", event->what);
	luo_json_add_string(object, "session", event->session ?
			    session_text(event, text) : NULL);

	return object;
}

static void print_event(const struct event *event, unsigned long long last)
{
	char text[LU_ESCAPED_SIZE];

	printf("%12.3f ms %+12.3f ms  %s  %s%s%s\n", event->ns / 1e6,
	       (event->ns - last) / 1e6, event->kernel, event->what,
	       event->session ? " " : "", session_text(event, text));
}

/* Into the arrays, if these are not NULL, else as text */
static int print_lines(FILE *file, struct json_object *events,
		       struct json_object *notes)
{
	struct event event = { 0 };
	unsigned long long last = 0;
	bool any = false;
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	while (!ret && getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '#' && notes)
			luo_json_append(notes, json_object_new_string(line));
		else if (*line == '#')
			puts(line);
		else if (parse(line, &event))
			ret = luo_error("this kernel writes the timeline in a way that this\n"
					"luo does not know: %s",
					line);
		else if (events)
			luo_json_append(events, json_event(&event));
		else
			print_event(&event, last);
		any = any || *line != '#';
		last = event.ns;
	}
	if (ferror(file))
		ret = luo_error("reading the timeline: %s", strerror(errno));
	else if (!ret && !any)
		ret = luo_error("no live update led to this kernel");
	free(line);

	return ret;
}

static int print_timeline(FILE *file, bool json)
{
	struct json_object *object, *events, *notes;
	int ret;

	if (!json)
		return print_lines(file, NULL, NULL) ?: luo_flush();

	object = luo_json_new();
	events = luo_json_new_array();
	notes = luo_json_new_array();
	luo_json_add(object, "notes", notes);
	luo_json_add(object, "events", events);
	ret = print_lines(file, events, notes);
	if (ret)
		json_object_put(object);

	return ret ?: luo_json_print(object);
}

static int open_timeline(FILE **file)
{
	int fd = lu_debugfs_open("timeline");

	if (fd == -ENOENT)
		return luo_error("there is no timeline, or debugfs is not mounted:\n"
				 "mount -t debugfs none /sys/kernel/debug");
	if (fd < 0)
		return luo_error("the timeline in debugfs: %s%s", strerror(-fd),
				 fd == -EACCES || fd == -EPERM ?
				 ": try it as root" : "");
	*file = fdopen(fd, "r");
	if (*file)
		return LUO_OK;
	close(fd);

	return luo_error("no memory");
}

int luo_timeline(int argc, char *argv[])
{
	FILE *file;
	bool json;
	int ret;

	ret = luo_only_json(argc, argv, help, &json);
	if (ret >= 0)
		return ret;

	ret = open_timeline(&file);
	if (ret)
		return ret;
	ret = print_timeline(file, json);
	fclose(file);

	return ret;
}
