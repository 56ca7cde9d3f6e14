// SPDX-License-Identifier: GPL-2.0
/*
 * What an operator sees of a live update: lists, debugfs, tracepoints and the
 * timeline.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "luo_sample_util.h"
#include "luo_test_util.h"

#define FILE_SIZE	(256 * KIB)
#define SEED		0x0b5e
#define TRACING		"/sys/kernel/tracing"

static bool debugfs_has(const char *name, const char *part)
{
	char *text = luo_read_debugfs(name);
	bool found = strstr(text, part);

	if (!found)
		ksft_print_msg("%s: no '%s' in '%s'\n", name, part, text);
	free(text);
	return found;
}

static bool tracing_available(void)
{
	return !mkdir(TRACING, 0700) || errno == EEXIST;
}

static void start_tracing(void)
{
	if (access(TRACING "/events", F_OK))
		CHECK(!mount("trace", TRACING, "tracefs", 0, NULL));
	CHECK_EQ(0, luo_write_text(TRACING "/trace", ""));
	CHECK_EQ(0, luo_write_text(TRACING "/events/liveupdate/enable", "1"));
}

/* Is there a line with both? */
static bool trace_has(const char *event, const char *part)
{
	char *text = luo_read_all(TRACING "/trace"), *rest = text, *line;
	bool found = false;

	while (!found && (line = strsep(&rest, "\n")))
		found = strstr(line, event) && strstr(line, part);
	if (!found)
		ksft_print_msg("trace: no '%s' with '%s'\n", event, part);
	free(text);
	return found;
}

static int keep_memfd(int session, __u64 token)
{
	int fd = luo_memfd("observe", 0, FILE_SIZE);

	CHECK(fd >= 0);
	CHECK_EQ(0, luo_write_pattern(fd, 0, FILE_SIZE, SEED + token));
	CHECK_EQ(0, luo_preserve(session, fd, token));
	return fd;
}

/* All these events are there, in this order, and time does not go back */
static void check_timeline(const char *const *events, size_t nr)
{
	char *text = luo_read_debugfs("timeline"), *rest = text, *line;
	unsigned long long last = 0, ns;
	char kernel[8], event[32];
	size_t found = 0;

	while ((line = strsep(&rest, "\n"))) {
		if (!*line || *line == '#')
			continue;
		if (sscanf(line, "%llu\t%7s\t%31s", &ns, kernel, event) !=
		    3) {
			ksft_print_msg("what is '%s'?\n", line);
			CHECK(false);
			break;
		}
		CHECK(ns >= last);
		last = ns;
		if (found < nr && !strcmp(event, events[found]))
			found++;
		CHECK(!strcmp(kernel, found > 4 ? "new" : "old"));
	}
	if (!CHECK_EQ(nr, found))
		ksft_print_msg("%s", text);
	/* Emulated or not, a live update takes less than an hour */
	CHECK(last && last < 3600000000000ULL);
	free(text);
}

static void check_module_handlers(void)
{
	if (!modules_available())
		return;
	CHECK(modules_load());
	CHECK(debugfs_has("handlers",
			  "files 0 module luo_sample_counter\n"));
	CHECK(debugfs_has("flbs", " users 0 module luo_sample_pair\n"));
}

/* A file that another one depends on stays as long as that does */
static void check_unpreserve(int dev)
{
	int session = luo_create_session(dev, "depends"), counter, pair;

	CHECK(session >= 0);
	counter = counter_new(3);
	pair = pair_new(counter);
	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(0, luo_preserve(session, pair, 2));
	CHECK_EQ(-EBUSY, luo_unpreserve(session, 1));
	CHECK_EQ(0, luo_unpreserve(session, 2));
	CHECK_EQ(0, luo_unpreserve(session, 1));
	CHECK(debugfs_has("flbs", " users 0 module luo_sample_pair\n"));

	/* A preserve that fails does not depend on anything either */
	CHECK_EQ(0, luo_preserve(session, counter, 1));
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, PAIR_FAIL_PRESERVE));
	CHECK(luo_preserve(session, pair, 2) < 0);
	CHECK_EQ(0, module_set_fail(PAIR_MODULE, 0));
	CHECK_EQ(0, luo_unpreserve(session, 1));
	close(pair);
	close(counter);
	close(session);
}

static void observe_1(void)
{
	int dev, session;

	luo_plan(4);
	dev = luo_need_device();
	CHECK(debugfs_has("handlers", "memfd-"));
	CHECK(debugfs_has("handlers", " files 0 module -\n"));
	check_module_handlers();
	luo_report("handlers and what they share");

	if (modules_available()) {
		check_unpreserve(dev);
		luo_report("a file that another one depends on");
	} else {
		luo_report_skip("a file that another one depends on: no modules");
	}

	if (tracing_available())
		start_tracing();
	session = luo_create_session(dev, "seen");
	CHECK(session >= 0);
	close(keep_memfd(session, 1));
	close(keep_memfd(session, 2));
	close(keep_memfd(session, 3));
	CHECK_EQ(0, luo_unpreserve(session, 3));
	CHECK_EQ(-EBADF, luo_preserve(session, -1, 4));
	if (modules_available()) {
		int counter = counter_new(7);

		CHECK_EQ(0, luo_preserve(session, counter, 5));
		close(counter);
	}
	CHECK(luo_create_session(dev, "left") >= 0);
	CHECK(debugfs_has("files", "outgoing session "));
	CHECK(debugfs_has("files", " token 2 bytes "));
	CHECK(!strcmp(luo_read_debugfs("previous"), ""));
	CHECK(!strcmp(luo_read_debugfs("timeline"), ""));
	luo_report("what is preserved");

	CHECK(trace_has("liveupdate_session_create:", "session=seen"));
	CHECK(trace_has("liveupdate_file_preserve:", "token=2 handler=memfd"));
	CHECK(trace_has("liveupdate_file_unpreserve:", "token=3"));

	/* A jump that is refused is seen, too */
	CHECK_EQ(0, luo_kexec_load_classic());
	CHECK_EQ(-EOPNOTSUPP, luo_kexec_jump());
	CHECK_EQ(0, luo_kexec_unload_classic());
	CHECK(trace_has("liveupdate_file_freeze:", "session=seen token=1"));
	CHECK(trace_has("liveupdate_file_unfreeze:", "session=seen token=1"));
	CHECK(trace_has("liveupdate_serialize:", "err=-95"));
	luo_report("what happens");

	CHECK_EQ(0, luo_kexec_load(NULL));
	luo_leave_kernel();
}

static void check_incoming(int dev, struct liveupdate_session_info *seen)
{
	struct liveupdate_session_info infos[3];
	struct liveupdate_file_info files[4];
	int nr = modules_available() ? 3 : 2;

	CHECK_EQ(2, luo_list_sessions(dev, LIVEUPDATE_LIST_INCOMING, 0, infos,
				      3));
	CHECK_EQ(0, luo_list_sessions(dev, 0, 0, infos + 2, 1));
	CHECK(!strcmp((char *)infos[0].name, "seen"));
	CHECK(!strcmp((char *)infos[1].name, "left"));
	CHECK_EQ(LIVEUPDATE_SESSION_INCOMING, infos[0].flags);
	CHECK_EQ(nr, infos[0].nr_files);
	CHECK(infos[0].bytes >= 2 * FILE_SIZE);
	CHECK_EQ(nr, luo_list_files(dev, LIVEUPDATE_LIST_INCOMING, infos[0].id,
				    0, files, 4));
	CHECK_EQ(1, files[0].token);
	CHECK_EQ(LIVEUPDATE_FILE_WAITING, files[0].state);
	CHECK(files[0].bytes >= FILE_SIZE);
	CHECK_EQ(2, files[1].token);
	if (nr == 3)
		CHECK_EQ(LIVEUPDATE_FILE_NO_HANDLER, files[2].state);
	*seen = infos[0];
}

static void check_retrieved(int dev, int session, __u64 id)
{
	struct liveupdate_session_info info;
	struct liveupdate_file_info files[2];

	CHECK_EQ(1, luo_list_sessions(dev, LIVEUPDATE_LIST_INCOMING, id, &info,
				      1));
	CHECK_EQ(LIVEUPDATE_SESSION_INCOMING | LIVEUPDATE_SESSION_RETRIEVED,
		 info.flags);
	CHECK_EQ(2, luo_session_list_files(session, 0, files, 2));
	CHECK_EQ(LIVEUPDATE_FILE_RETRIEVED, files[0].state);
	CHECK_EQ(0, files[0].error);
	/* Its memory is its own again */
	CHECK(files[0].bytes < FILE_SIZE);
	CHECK_EQ(LIVEUPDATE_FILE_WAITING, files[1].state);
	CHECK_EQ(-EINVAL, luo_unpreserve(session, 2));
	CHECK(debugfs_has("files", " token 1 bytes "));
	CHECK(debugfs_has("files", " state retrieved error 0 handler memfd"));
}

/* A handler that fails: the errno is in the lists */
static void check_failed(int session)
{
	struct liveupdate_file_info file;
	int counter;

	if (!modules_available())
		return;
	CHECK(modules_load());
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, COUNTER_FAIL_RETRIEVE));
	counter = luo_retrieve(session, 5);
	CHECK_EQ(-EIO, counter);
	CHECK_EQ(0, module_set_fail(COUNTER_MODULE, 0));
	CHECK_EQ(1, luo_session_list_files(session, 3, &file, 1));
	CHECK_EQ(LIVEUPDATE_FILE_FAILED, file.state);
	CHECK_EQ(EIO, file.error);
	CHECK(debugfs_has("files", " state failed error 5 handler "));
}

static void observe_2(void)
{
	static const char *const events[] = {
		"freeze-begin", "freeze-end", "serialize-end", "jump", "start",
		"memory", "ready", "open", "deserialize-end", "retrieve",
		"finish",
	};
	struct liveupdate_session_info info;
	struct utsname uts;
	int dev, session, fd;
	char line[128];

	luo_plan(4);
	CHECK(!uname(&uts));
	snprintf(line, sizeof(line), "%s\n", uts.release);
	CHECK(debugfs_has("previous", line));
	check_timeline(events, 7);
	dev = luo_need_device();
	if (tracing_available())
		start_tracing();
	check_incoming(dev, &info);
	luo_report("what came over");

	session = luo_retrieve_session(dev, "seen");
	CHECK(session >= 0);
	fd = luo_retrieve(session, 1);
	CHECK(fd >= 0);
	CHECK_EQ(0, luo_verify_pattern(fd, 0, FILE_SIZE, SEED + 1));
	check_retrieved(dev, session, info.id);
	check_failed(session);
	luo_report("what was retrieved");

	CHECK_EQ(0, luo_finish(session));
	CHECK_EQ(0, luo_finish(session));
	close(session);
	CHECK(trace_has("liveupdate_session_retrieve:", "session=seen"));
	CHECK(trace_has("liveupdate_file_retrieve:", "token=1"));
	CHECK(trace_has("liveupdate_file_finish:", "token=2"));
	CHECK(trace_has("liveupdate_session_finish:", "session=seen"));
	CHECK(trace_has("liveupdate_timeline:", "event=finish session=seen"));
	CHECK_EQ(0, luo_discard_session(dev, "left"));
	CHECK(trace_has("liveupdate_session_discard:", "session=left"));
	luo_report("what happens");

	check_timeline(events, ARRAY_SIZE(events));
	CHECK(debugfs_has("timeline", "\tnew\tretrieve\tseen\n"));
	CHECK(debugfs_has("timeline", "\tnew\tfinish\tseen\n"));
	luo_report("the timeline");
	luo_finish_stage();
}

int main(int argc, char *argv[])
{
	static const struct luo_case cases[] = {
		{ NULL, { observe_1, observe_2 } },
	};

	return luo_run_case(cases, ARRAY_SIZE(cases), argc, argv);
}
