/* Least privilege, in two steps: capabilities once nothing but raw sockets, TUN and netlink are
 * needed, system calls once everything that lives as long as the program is open.
 *
 * The filter lists what libuv, the resolver (which loads NSS modules), the allocator, the workers
 * and our own files use. Whatever is not listed fails with EPERM, which a library takes for "not
 * available" and goes another way. What only an intruder would try kills the process and is
 * logged: running a program, tracing one, loading a module, another root or namespace. New
 * processes cannot be made at all: clone() is let through for threads only, and clone3(), whose
 * flags a filter cannot see, says ENOSYS, upon which the C library uses clone(). */
#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <linux/ppp-ioctl.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "privilege.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned thread_count(void)
{
	DIR *directory = opendir("/proc/self/task");
	unsigned count = 0;
	if (!directory)
		return 1; /* no /proc: nothing to be learnt */
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

/* The rings of AF_XDP are memory that counts as locked, by user and against a limit that where it
 * stands is far too small. */
static bool locking_is_limited(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* What we keep of what we have: asking for more would fail as a whole. */
static void choose_capabilities(bool bind)
{
	static const unsigned wanted[] = {
		CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_IPC_LOCK};
	bool locks = locking_is_limited(), have[COUNT(wanted)];
	capng_get_caps_process();
	for (size_t i = 0; i < COUNT(wanted); i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, wanted[i]) &&
			  (wanted[i] != CAP_NET_BIND_SERVICE || bind) &&
			  (wanted[i] != CAP_IPC_LOCK || locks);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < COUNT(wanted); i++)
		if (have[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, wanted[i]);
}

/* The bounding set can only be narrowed with CAP_SETPCAP; without it no_new_privs alone keeps a
 * program from gaining anything by exec. */
static void narrow_bounding_set(bool bind)
{
	for (unsigned cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap != CAP_NET_ADMIN && cap != CAP_NET_RAW &&
			(cap != CAP_NET_BIND_SERVICE || !bind))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int change_user(const char *user, char error[256])
{
	errno = 0;
	const struct passwd *entry = getpwnam(user);
	if (!entry) {
		int failed = errno ? -errno : -ENOENT;
		snprintf(error, 256, "Couldn't find the user %.60s: %s", user, strerror(-failed));
		return failed;
	}
	int result = capng_change_id((int)entry->pw_uid, (int)entry->pw_gid, CAPNG_INIT_SUPP_GRP);
	if (result == 0)
		return 0;
	snprintf(error, 256, "Couldn't become the user %.60s: %s: start as root", user,
		strerror(errno));
	return errno ? -errno : -EPERM;
}

int privilege_drop(const char *user, bool bind, char error[256])
{
	error[0] = '\0';
	if (thread_count() > 1) {
		snprintf(error, 256, "Couldn't drop privileges: threads run already");
		return -EBUSY;
	}
	narrow_bounding_set(bind);
	choose_capabilities(bind);
	if (user) {
		int failed = change_user(user, error);
		if (failed)
			return failed;
	} else if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
		snprintf(error, 256, "Couldn't drop capabilities: %s", strerror(errno));
		return errno ? -errno : -EPERM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		snprintf(error, 256, "Couldn't set no_new_privs: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

void privilege_end_locking(void)
{
	if (capng_get_caps_process() < 0 || !capng_have_capability(CAPNG_PERMITTED, CAP_IPC_LOCK))
		return;
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_IPC_LOCK);
	capng_apply(CAPNG_SELECT_CAPS);
}

static bool have(unsigned capability)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, capability) == 1;
}

bool privilege_have_net_admin(void)
{
	return have(CAP_NET_ADMIN);
}

bool privilege_have_net_raw(void)
{
	return have(CAP_NET_RAW);
}

/* ---- system calls ---- */

static const char *const allowed[] = {
	/* descriptors and files: configuration, secrets, logs, the resolver's files */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"open",
	"openat",
	"close",
	"close_range",
	"stat",
	"lstat",
	"fstat",
	"newfstatat",
	"fstatat64",
	"fstat64",
	"stat64",
	"lstat64",
	"statx",
	"statfs",
	"fstatfs",
	"lseek",
	"_llseek",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"getcwd",
	"dup",
	"dup2",
	"dup3",
	"pipe",
	"pipe2",
	"fcntl",
	"fcntl64",
	"flock",
	"fsync",
	"fdatasync",
	"ftruncate",
	"ftruncate64",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"mkdir",
	"mkdirat",
	"chmod",
	"fchmod",
	"fchmodat",
	"chown",
	"fchown",
	"fchownat",
	"lchown",
	"umask",
	"utimensat",
	"copy_file_range",
	"sendfile",
	"sendfile64",
	/* waiting */
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"_newselect",
	"pselect6",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_settime64",
	"timerfd_gettime",
	"signalfd",
	"signalfd4",
	"inotify_init1",
	"inotify_add_watch",
	"inotify_rm_watch",
	"restart_syscall",
	/* sockets; socket() itself is below */
	"socketpair",
	"connect",
	"accept",
	"accept4",
	"bind",
	"listen",
	"shutdown",
	"getsockname",
	"getpeername",
	"setsockopt",
	"getsockopt",
	"send",
	"recv",
	"sendto",
	"recvfrom",
	"sendmsg",
	"recvmsg",
	"sendmmsg",
	"recvmmsg",
	"recvmmsg_time64",
	/* memory */
	"mmap",
	"mmap2",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"brk",
	"mlock",
	"munlock",
	/* threads; clone() itself is below */
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"futex",
	"futex_time64",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"gettid",
	"set_tid_address",
	"membarrier",
	"arch_prctl",
	"exit",
	"exit_group",
	/* signals to ourselves (abort) and waiting for the helper */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"rt_sigpending",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"sigaltstack",
	"tgkill",
	"wait4",
	"waitpid",
	"waitid",
	/* what the process may know about itself and the time */
	"getpid",
	"getppid",
	"getpgrp",
	"getpgid",
	"getsid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"getgroups",
	"getresuid",
	"getresgid",
	"getrlimit",
	"ugetrlimit",
	"prlimit64",
	"getrusage",
	"sysinfo",
	"uname",
	"capget",
	"prctl",
	"getcpu",
	"getrandom",
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"nanosleep",
	"gettimeofday",
	"time",
	"times",
};

static const char *const deadly[] = {
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"fsopen",
	"setns",
	"unshare",
	"swapon",
	"swapoff",
	"iopl",
	"ioperm",
	"perf_event_open",
	"userfaultfd",
	"open_by_handle_at",
	"add_key",
	"keyctl",
	"request_key",
};

static int add_named(
	scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		if (number == __NR_SCMP_ERROR)
			continue; /* unknown to this library: older than the call */
		int failed = seccomp_rule_add(filter, action, number, 0);
		/* Negative numbers are calls that this architecture does not have. */
		if (failed && number >= 0)
			return failed;
	}
	return 0;
}

/* The last two are the kernel's data plane's. */
static int add_sockets(scmp_filter_ctx filter, bool ppp)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PPPOX, AF_PACKET};
	int failed = 0;
	for (size_t i = 0; i < COUNT(families) - (ppp ? 0 : 2) && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
	return failed;
}

static int add_requests(scmp_filter_ctx filter, const unsigned long *requests, size_t count)
{
	int failed = 0;
	for (size_t i = 0; i < count && !failed; i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
	return failed;
}

static int add_ioctls(scmp_filter_ctx filter, bool ppp)
{
	static const unsigned long requests[] = {FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, TCGETS,
		TCSETS, TCSETSF, TIOCSPTLCK, TIOCGPTPEER, TIOCGWINSZ, TUNSETIFF, TUNGETIFF,
		TUNGETFEATURES, TUNSETOFFLOAD, TUNSETVNETHDRSZ, TUNSETOWNER, TUNSETGROUP};
	static const unsigned long of_ppp[] = {PPPIOCGCHAN, PPPIOCATTCHAN, PPPIOCNEWUNIT,
		PPPIOCGUNIT, PPPIOCCONNECT, PPPIOCDISCONN, PPPIOCGFLAGS, PPPIOCSFLAGS, PPPIOCSMRU,
		PPPIOCSMRRU, PPPIOCSNPMODE, PPPIOCSCOMPRESS, PPPIOCSMAXCID, PPPIOCGIDLE,
		PPPIOCSPASS, PPPIOCSACTIVE, PPPIOCSASYNCMAP, PPPIOCSRASYNCMAP, PPPIOCSXASYNCMAP,
		TIOCGETD, TIOCSETD};
	int failed = add_requests(filter, requests, COUNT(requests));
	return failed || !ppp ? failed : add_requests(filter, of_ppp, COUNT(of_ppp));
}

static int add_clone(scmp_filter_ctx filter)
{
	int failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	return failed ? failed
		      : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int build_filter(scmp_filter_ctx filter, bool ppp)
{
	/* The threads that are there get it too; kills are logged. */
	int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1); /* kernel 4.14 */
	if (!failed)
		failed = add_named(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (!failed)
		failed = add_named(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
	if (!failed)
		failed = add_sockets(filter, ppp);
	if (!failed)
		failed = add_ioctls(filter, ppp);
	if (!failed)
		failed = add_clone(filter);
	return failed;
}

int privilege_filter(bool ppp, char error[256])
{
	error[0] = '\0';
	privilege_end_locking();
	if (SANITIZED) {
		snprintf(error, 256, "no seccomp filter: this is a sanitizer build");
		return 1;
	}
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
		snprintf(error, 256, "no seccomp filter: the kernel has none");
		return 1;
	}
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int failed = filter ? build_filter(filter, ppp) : -ENOMEM;
	if (!failed)
		failed = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (failed)
		snprintf(error, 256, "Couldn't install the seccomp filter: %s", strerror(-failed));
	return failed;
}
