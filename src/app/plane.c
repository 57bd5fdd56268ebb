/* The choice of the data plane (see plane.h).
 *
 * Ours is the faster one, puts packets in order and knows why it drops one, so `auto` takes it
 * wherever it can work, which takes a TUN device. Where there is none (containers, small kernels)
 * the kernel's own PPTP and PPP carry the same sessions. `kernel` is taken at its word: what it
 * cannot be had with is an error, and what only some sessions need moves these to ours. */
#include "plane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_fit.h"
#include "planes.h"
#include "ppp_device.h"
#include "spawn.h"

/* 0, or why there is no TUN. */
static int find_tun(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Most systems load them when they are first used; some have no device until then. */
static void load_modules(void)
{
	char words[][12] = {"modprobe", "-q", "-a", "ppp_generic", "pptp", "ppp_mppe"};
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const arguments[] = {
		words[0], words[1], words[2], words[3], words[4], words[5], NULL};
	char *const environment[] = {path, NULL};
	pid_t pid = spawn_start("/sbin/modprobe", arguments, environment, -1, -1);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int find_kernel(const struct settings *settings, char words[256])
{
	bool mppe = settings_mppe_required(settings);
	int failed = ppp_device_probe(mppe, words);
	if (!failed || failed == -EPERM || failed == -EACCES)
		return failed;
	load_modules();
	return ppp_device_probe(mppe, words);
}

static int take_kernel(
	struct plane_choice *choice, const struct settings *settings, int no_tun, char error[256])
{
	int failed = find_kernel(settings, error);
	if (failed)
		return failed;
	choice->ops = &dataplane_planes;
	if (no_tun)
		snprintf(choice->why, sizeof choice->why,
			"as configured; without /dev/net/tun (%s) a session that needs more than "
			"the kernel has cannot move",
			strerror(-no_tun));
	else
		snprintf(choice->why, sizeof choice->why,
			"as configured; a session that needs more than the kernel has moves to the "
			"user's");
	return 0;
}

static int take_either(
	struct plane_choice *choice, const struct settings *settings, int no_tun, char error[256])
{
	char words[256];
	const char *beyond = kernel_fit(settings, false);
	if (!no_tun) {
		choice->ops = &dataplane_user;
		snprintf(choice->why, sizeof choice->why,
			"TUN and raw sockets are there, and it is the better one");
		return 0;
	}
	int failed = beyond ? -EOPNOTSUPP : find_kernel(settings, words);
	if (failed) {
		snprintf(error, 256,
			"No data plane: /dev/net/tun: %s (modprobe tun; in a container: --device "
			"/dev/net/tun), and the kernel's PPP is no way out: %.120s",
			strerror(-no_tun), beyond ? beyond : words);
		return failed;
	}
	choice->ops = &dataplane_planes;
	snprintf(choice->why, sizeof choice->why,
		"/dev/net/tun: %s, and the kernel has PPP and PPTP of its own", strerror(-no_tun));
	return 0;
}

int plane_choose(struct plane_choice *choice, const struct settings *settings, char error[256])
{
	switch ((enum data_plane_choice)settings->data_plane) {
	case DATA_PLANE_AUTO:
		return take_either(choice, settings, find_tun(), error);
	case DATA_PLANE_KERNEL:
		return take_kernel(choice, settings, find_tun(), error);
	case DATA_PLANE_USER:
		break;
	}
	choice->ops = &dataplane_user;
	snprintf(choice->why, sizeof choice->why, "as configured");
	return 0;
}
