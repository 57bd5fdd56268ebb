/* Opening a TUN interface: /dev/net/tun and one ioctl. IFF_NO_PI leaves out the four bytes of
 * protocol information: the IP version is in the packet itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tun.h"

static const char *device = "/dev/net/tun";

static const char *open_advice(int error)
{
	switch (error) {
	case ENOENT:
		return "make it with: mkdir -p /dev/net && mknod /dev/net/tun c 10 200 "
		       "(in a container: --device /dev/net/tun)";
	case ENODEV:
	case ENXIO:
		return "load the driver with: modprobe tun";
	case EACCES:
	case EPERM:
		return "run as root, or allow the device (systemd: DeviceAllow=/dev/net/tun rw)";
	default:
		return "see greyline doctor";
	}
}

static const char *attach_advice(int error)
{
	switch (error) {
	case EPERM:
		return "CAP_NET_ADMIN is missing: run as root (container: --cap-add NET_ADMIN)";
	case EBUSY:
		return "another program has this interface open: choose another name";
	case EINVAL:
		return "an interface of this name is there and no TUN: choose another name";
	default:
		return "see greyline doctor";
	}
}

int tun_open(const char *wanted, char name[TUN_NAME_SIZE], char error[256])
{
	struct ifreq request;
	memset(&request, 0, sizeof(request));
	if (wanted[0] == '\0' || strlen(wanted) >= sizeof(request.ifr_name)) {
		snprintf(error, 256,
			"Couldn't use \"%.40s\" as an interface name: 1 to %zu letters", wanted,
			sizeof(request.ifr_name) - 1);
		return -EINVAL;
	}
	int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		int failed = errno;
		snprintf(error, 256, "Couldn't open %s: %s: %s", device, strerror(failed),
			open_advice(failed));
		return -failed;
	}
	memcpy(request.ifr_name, wanted, strlen(wanted));
	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		int failed = errno;
		snprintf(error, 256, "Couldn't make the interface %s: %s: %s", wanted,
			strerror(failed), attach_advice(failed));
		close(fd);
		return -failed;
	}
	memcpy(name, request.ifr_name, TUN_NAME_SIZE);
	name[TUN_NAME_SIZE - 1] = '\0';
	error[0] = '\0';
	return fd;
}
