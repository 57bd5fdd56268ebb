/* Each check gives up its privileges in a child of its own and reports by its exit status. */
#include <cap-ng.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane.h"
#include "netns.h"
#include "privilege.h"
#include "tun.h"

static bool sanitized;

/* Runs `check` in a child: its wait status. */
static int in_child(int (*check)(void))
{
	fflush(NULL);
	pid_t child = fork();
	int status;
	if (child == 0)
		_exit(check());
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* A failed condition's line is the child's exit status. */
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno);  \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int capabilities_are_few(void)
{
	char error[256], name[TUN_NAME_SIZE];
	REQUIRE(privilege_drop(NULL, false, error) == 0);
	REQUIRE(privilege_have_net_admin() && privilege_have_net_raw());
	privilege_end_locking();
	capng_get_caps_process();
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bool kept = cap == CAP_NET_ADMIN || cap == CAP_NET_RAW;
		REQUIRE(!!capng_have_capability(CAPNG_PERMITTED, cap) == kept);
		REQUIRE(!capng_have_capability(CAPNG_INHERITABLE, cap));
		REQUIRE(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) <= kept);
	}
	REQUIRE(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	/* What is left is enough. */
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_GRE);
	REQUIRE(raw >= 0);
	REQUIRE(open_tun("gl-io-p%d", name, error) >= 0);
	return 0;
}

/* Where locked memory has a limit, rings may still be made, until we say that they are. */
static int locking_is_given_up(void)
{
	char error[256];
	struct rlimit limit = {.rlim_cur = 65536};
	getrlimit(RLIMIT_MEMLOCK, &limit);
	limit.rlim_cur = 65536;
	REQUIRE(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	REQUIRE(privilege_drop(NULL, false, error) == 0);
	capng_get_caps_process();
	REQUIRE(capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK));
	void *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* Not mlock(): the address sanitizer answers that one itself. */
	REQUIRE(syscall(SYS_mlock, memory, 1 << 20) == 0);
	REQUIRE(syscall(SYS_munlock, memory, 1 << 20) == 0);
	privilege_end_locking();
	REQUIRE(syscall(SYS_mlock, memory, 1 << 20) < 0);
	REQUIRE(privilege_have_net_admin() && privilege_have_net_raw());
	return 0;
}

static int binding_may_be_kept(void)
{
	char error[256];
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(700)};
	REQUIRE(privilege_drop(NULL, true, error) == 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	/* A second step gives that up as well. */
	REQUIRE(privilege_drop(NULL, false, error) == 0);
	in.sin_port = htons(701);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 && errno == EACCES);
	return 0;
}

static int user_is_changed(void)
{
	char error[256];
	REQUIRE(privilege_drop("no-such-user", false, error) == -ENOENT);
	REQUIRE(strstr(error, "no-such-user"));
	REQUIRE(privilege_drop("nobody", false, error) == 0);
	REQUIRE(getuid() != 0 && geteuid() != 0 && getgid() != 0);
	REQUIRE(privilege_have_net_admin() && privilege_have_net_raw());
	REQUIRE(setuid(0) < 0);
	return 0;
}

static void *idle(void *context)
{
	pause();
	return NULL;
}

static int threads_are_refused(void)
{
	pthread_t thread;
	char error[256];
	REQUIRE(pthread_create(&thread, NULL, idle, NULL) == 0);
	REQUIRE(privilege_drop(NULL, false, error) == -EBUSY);
	return 0;
}

static int filtered(void)
{
	char error[256];
	if (privilege_drop(NULL, false, error) != 0 || privilege_filter(false, error) != 0) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	return 0;
}

static void *resolve(void *context)
{
	struct addrinfo *list = NULL;
	*(int *)context = getaddrinfo("localhost", "1723", NULL, &list);
	if (list)
		freeaddrinfo(list);
	return NULL;
}

static int filter_lets_work(void)
{
	pthread_t thread;
	int resolved = -1;
	char name[TUN_NAME_SIZE], error[256];
	REQUIRE(filtered() == 0);
	REQUIRE(pthread_create(&thread, NULL, resolve, &resolved) == 0);
	REQUIRE(pthread_join(thread, NULL) == 0);
	REQUIRE(resolved == 0);
	REQUIRE(open_tun("gl-io-p%d", name, error) >= 0);
	REQUIRE(socket(AF_INET, SOCK_RAW, IPPROTO_GRE) >= 0);
	void *memory = malloc(10 << 20);
	REQUIRE(memory != NULL);
	free(memory);
	return 0;
}

static int filter_says_no(void)
{
	REQUIRE(filtered() == 0);
	REQUIRE(fork() < 0 && errno == EPERM);
	REQUIRE(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	REQUIRE(kill(getppid(), 0) < 0 && errno == EPERM);
	REQUIRE(link("/etc/hostname", "/tmp/gl-io-link") < 0 && errno == EPERM);
	return 0;
}

static int filter_kills_exec(void)
{
	char *const arguments[] = {(char[]){"true"}, NULL};
	REQUIRE(filtered() == 0);
	execv("/bin/true", arguments);
	return 1;
}

static int filter_kills_ptrace(void)
{
	REQUIRE(filtered() == 0);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	return 1;
}

static void *go_on(void *context)
{
	char byte;
	(void)!read(*(int *)context, &byte, 1);
	errno = 0;
	return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM ? context : NULL;
}

/* Threads that were there before the filter have it too. */
static int filter_covers_threads(void)
{
	int ends[2];
	pthread_t thread;
	void *result = NULL;
	REQUIRE(pipe(ends) == 0);
	char error[256];
	REQUIRE(privilege_drop(NULL, false, error) == 0);
	REQUIRE(pthread_create(&thread, NULL, go_on, &ends[0]) == 0);
	REQUIRE(privilege_filter(false, error) == 0);
	REQUIRE(write(ends[1], "x", 1) == 1);
	REQUIRE(pthread_join(thread, &result) == 0);
	REQUIRE(result != NULL);
	return 0;
}

static void on_event(void *context, const struct dataplane_event *event)
{
	++*(unsigned *)context;
}

/* A whole data plane, started and stopped behind the filter. */
static int filter_lets_the_data_plane_work(void)
{
	uv_loop_t loop;
	struct dataplane *dataplane;
	unsigned events = 0;
	char error[256];
	struct dataplane_config config = {
		.loop = &loop,
		.interface_name = "gl-io-p0",
		.mtu = 1400,
		.server = true,
		.sessions_max = 10,
		.event = on_event,
		.context = &events,
	};
	struct datapath_command command = {.kind = DATAPATH_ATTACH, .subject = 1 << 16};
	command.attach.peer = address_ipv4(0x7f000001);
	REQUIRE(filtered() == 0);
	REQUIRE(uv_loop_init(&loop) == 0);
	int failed = dataplane_user.start(&dataplane, &config, error);
	if (failed)
		fprintf(stderr, "%s\n", error);
	REQUIRE(failed == 0);
	dataplane_user.command(dataplane, &command, NULL);
	command.kind = DATAPATH_DETACH;
	dataplane_user.command(dataplane, &command, NULL);
	while (events == 0)
		uv_run(&loop, UV_RUN_ONCE);
	dataplane_user.stop(dataplane);
	uv_run(&loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&loop) == 0);
	return 0;
}

static void test_capabilities(void **state)
{
	assert_int_equal(in_child(capabilities_are_few), 0);
	assert_int_equal(in_child(locking_is_given_up), 0);
	assert_int_equal(in_child(binding_may_be_kept), 0);
	assert_int_equal(in_child(user_is_changed), 0);
	assert_int_equal(in_child(threads_are_refused), 0);
}

static void test_filter(void **state)
{
	if (sanitized) {
		print_message("skipped: no filter in a sanitizer build\n");
		return;
	}
	assert_int_equal(in_child(filter_lets_work), 0);
	assert_int_equal(in_child(filter_says_no), 0);
	assert_int_equal(in_child(filter_covers_threads), 0);
	assert_int_equal(in_child(filter_lets_the_data_plane_work), 0);
}

static void test_deadly_calls(void **state)
{
	if (sanitized) {
		print_message("skipped: no filter in a sanitizer build\n");
		return;
	}
	int status = in_child(filter_kills_exec);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = in_child(filter_kills_ptrace);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static int filter_reason(void)
{
	char error[256];
	return privilege_filter(false, error) == 1 ? 3 : 0;
}

int main(void)
{
	netns_enter_or_skip();
	sanitized = WEXITSTATUS(in_child(filter_reason)) == 3;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_deadly_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
