// SPDX-License-Identifier: GPL-2.0
/* The command of luo run: its descriptors, its environment, its end */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "luo.h"
#include "run.h"

/* SD_LISTEN_FDS_START */
#define FIRST_FD	3

static bool is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return false;
	}

	return !access(path, X_OK);
}

/* What execvp() would find; EACCES for what is there but is none */
char *run_find_program(const char *name)
{
	const char *dirs = getenv("PATH") ?: "/bin:/usr/bin", *end;
	int err = ENOENT;
	char *path;

	if (strchr(name, '/'))
		return is_program(name) ? strdup(name) : NULL;

	for (; *dirs; dirs = *end ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		if (asprintf(&path, "%.*s/%s", (int)(end - dirs), dirs,
			     name) < 0)
			return NULL;
		if (is_program(path))
			return path;
		if (errno == EACCES)
			err = EACCES;
		free(path);
	}
	errno = err;

	return NULL;
}

static void set_number(const char *key, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	if (setenv(key, text, 1))
		_exit(125);
}

static void set_environment(const struct run *run)
{
	char *names = NULL, escaped[LU_ESCAPED_SIZE];
	size_t i, len = 0, retrieved = 0;
	FILE *stream = open_memstream(&names, &len);

	for (i = 0; i < run->nr_memfds && stream; i++) {
		fprintf(stream, "%s%s", i ? ":" : "", run->memfds[i].name);
		retrieved += run->memfds[i].retrieved;
	}
	if (!stream || fclose(stream) || setenv("LISTEN_FDNAMES", names, 1))
		_exit(125);
	free(names);

	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", run->nr_memfds);
	set_number("LUO_SESSION_FD", FIRST_FD + run->nr_memfds);
	set_number("LUO_RETRIEVED", retrieved);
	luo_show_name(run->session_name, escaped);
	if (setenv("LUO_SESSION", escaped, 1))
		_exit(125);
}

/* Out of the way of the numbers that are to be filled */
static int move_up(int fd, int above)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, above);

	if (moved >= 0)
		return moved;
	luo_note("descriptors: %s", strerror(errno));
	_exit(125);
}

static void place_descriptors(const struct run *run)
{
	int end = FIRST_FD + run->nr_memfds, *moved, session;
	size_t i;

	moved = luo_realloc_array(NULL, run->nr_memfds, sizeof(*moved));
	for (i = 0; i < run->nr_memfds; i++)
		moved[i] = move_up(run->memfds[i].fd, end + 1);
	session = move_up(run->session, end + 1);

	/* These are not closed by the exec */
	for (i = 0; i < run->nr_memfds; i++)
		if (dup2(moved[i], FIRST_FD + i) < 0)
			_exit(125);
	if (dup2(session, end) < 0)
		_exit(125);
	free(moved);
}

static void __noreturn be_program(const struct run *run, const char *path,
				  char *argv[])
{
	place_descriptors(run);
	set_environment(run);
	execv(path, argv);
	luo_note("%s: %s", path, strerror(errno));
	_exit(126);
}

/* Those that somebody may send us and mean the command */
static const int forwarded[] = {
	SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH,
};

static void make_signals(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(set, forwarded[i]);
}

/* What the terminal sends, it sends to all of the process group itself */
static void forward(pid_t child, const siginfo_t *info)
{
	if (info->si_signo != SIGCHLD && info->si_code != SI_KERNEL)
		kill(child, info->si_signo);
}

static int wait_for(pid_t child, const sigset_t *signals)
{
	siginfo_t info;
	int status;

	while (waitpid(child, &status, WNOHANG) != child) {
		if (sigwaitinfo(signals, &info) > 0)
			forward(child, &info);
	}

	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int run_program(const struct run *run, const char *path, char *argv[])
{
	sigset_t signals, old;
	pid_t child;

	make_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, &old);
	fflush(NULL);
	child = fork();
	if (child < 0) {
		luo_note("fork: %s", strerror(errno));
		return 125;
	}
	if (!child) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		be_program(run, path, argv);
	}

	/* The session stays open here, whatever the command closes */
	return wait_for(child, &signals);
}
