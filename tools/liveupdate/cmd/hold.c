// SPDX-License-Identifier: GPL-2.0
/* luo hold: keep sessions alive until the kexec */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hold_client.h"
#include "hold_server.h"
#include "json.h"
#include "luo.h"

static const char help[] =
"usage: luo hold [OPTION]...\n"
"\n"
"Keep sessions open until the kexec, for luo put and luo get. If this process\n"
"ends before, new sessions are undone and those that came over are finished.\n"
"\n"
"  --background   return as soon as it can be reached\n"
"  --socket PATH  where it can be reached (default: $LUO_SOCKET, else\n"
"                 " HOLD_SOCKET ")\n"
"  --list         instead, list what the luo hold that runs has\n"
"  --json         list it as JSON\n"
"  --stop         instead, end the one that runs; its sessions go\n"
"  --help         this\n"
"\n"
"Exit status: 0 done, 1 something is wrong, 2 wrong call.\n";

/* The directories that @path is in */
static int make_dirs(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *p;

	snprintf(dir, sizeof(dir), "%s", path);
	for (p = strchr(dir + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}

	return 0;
}

/* Who has the lock may take the socket away that one that was killed has left */
static int take_lock(const char *path)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	int fd, err;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = -errno;
	close(fd);

	return err;
}

static int listen_at(const struct sockaddr_un *address)
{
	int sock, err;

	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
	if (sock < 0)
		return -errno;
	unlink(address->sun_path);
	umask(0177);
	if (!bind(sock, (const struct sockaddr *)address, sizeof(*address)) &&
	    !listen(sock, 16))
		return sock;
	err = -errno;
	close(sock);

	return err;
}

/* The parent does not come back from it */
static int go_to_background(void)
{
	int null;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid)
		_exit(LUO_OK);
	setsid();
	null = open("/dev/null", O_RDWR);
	if (null < 0 || chdir("/"))
		return -errno;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);

	return 0;
}

/* Readable when somebody wants us to end */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);

	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* One for each session */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int start(const struct sockaddr_un *address, bool background)
{
	int lock_fd, listener, stop, err;
	unsigned int nr;

	err = make_dirs(address->sun_path);
	if (err)
		return luo_error("making the directory of %s: %s",
				 address->sun_path, strerror(-err));
	lock_fd = take_lock(address->sun_path);
	if (lock_fd == -EWOULDBLOCK)
		return luo_error("one is there already at %s ('luo hold --stop' ends it)",
				 address->sun_path);
	if (lock_fd < 0)
		return luo_error("%s.lock: %s", address->sun_path,
				 strerror(-lock_fd));
	stop = catch_signals();
	listener = listen_at(address);
	if (stop < 0 || listener < 0)
		return luo_error("%s: %s", address->sun_path,
				 strerror(listener < 0 ? -listener : errno));
	raise_fd_limit();
	err = background ? go_to_background() : 0;
	if (err)
		return luo_error("going to the background: %s", strerror(-err));

	nr = hold_serve(listener, stop);
	unlink(address->sun_path);
	if (nr)
		luo_note("ended with %u sessions: new ones are undone,\n"
			 "those that came over are finished",
			 nr);

	return LUO_OK;
}

static int print_held(const struct hold_reply *held, void *arg)
{
	struct json_object *sessions = arg, *object;
	const char *word = held->incoming ? "retrieved" : "new";
	char text[LU_ESCAPED_SIZE];

	if (!sessions) {
		printf("%-10s%s\n", word, luo_show_name(held->name, text));
		return 0;
	}
	object = luo_json_new();
	luo_json_add_name(object, held->name);
	luo_json_add_string(object, "state", word);
	luo_json_append(sessions, object);

	return 0;
}

static int list(bool json)
{
	struct json_object *object = NULL, *sessions = NULL;
	int sock = luo_need_hold(), err;

	if (sock < 0)
		return LUO_ERROR;
	close(sock);
	if (json) {
		object = luo_json_new();
		sessions = luo_json_new_array();
		luo_json_add(object, "sessions", sessions);
	}
	err = luo_hold_list(print_held, sessions);
	if (err)
		return luo_error("luo hold: %s", strerror(-err));

	return json ? luo_json_print(object) : luo_flush();
}

/* When it returns, the sessions are gone */
static int stop_it(void)
{
	int sock = luo_need_hold(), err;
	char end;

	if (sock < 0)
		return LUO_ERROR;
	err = luo_hold_stop(sock);
	if (err)
		return luo_error("luo hold: %s", strerror(-err));
	while (recv(sock, &end, sizeof(end), 0) < 0 && errno == EINTR)
		;
	close(sock);

	return LUO_OK;
}

int luo_hold(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "background", no_argument, NULL, 'b' },
		{ "socket", required_argument, NULL, 's' },
		{ "list", no_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ "stop", no_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool background = false, lists = false, json = false, stops = false;
	struct sockaddr_un address;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'b':
			background = true;
			break;
		case 's':
			setenv("LUO_SOCKET", optarg, 1);
			break;
		case 'l':
			lists = true;
			break;
		case 'j':
			json = true;
			break;
		case 'x':
			stops = true;
			break;
		case 'h':
			return luo_help(help);
		default:
			return luo_bad_option();
		}
	}
	if (optind < argc)
		return luo_usage_error("what is '%s'?", argv[optind]);
	if (background + lists + stops > 1 || (json && !lists))
		return luo_usage_error("these options don't go together");
	if (hold_address(NULL, &address))
		return luo_usage_error("the path of the socket is too long");
	if (*address.sun_path != '/')
		return luo_usage_error("the path of the socket has to start with a slash");
	if (lists)
		return list(json);
	if (stops)
		return stop_it();

	return start(&address, background);
}
