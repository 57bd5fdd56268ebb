/* Opening /dev/ppp (ppp_generic). */
#include "ppp_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char device[] = "/dev/ppp";

static const char *open_advice(int error)
{
	switch (error) {
	case ENOENT:
		return "load the driver with: modprobe ppp_generic, or make the device with: mknod "
		       "/dev/ppp c 108 0 (in a container: --device /dev/ppp)";
	case ENODEV:
	case ENXIO:
		return "load the driver with: modprobe ppp_generic";
	case EACCES:
	case EPERM:
		return "run as root with CAP_NET_ADMIN (systemd: DeviceAllow=/dev/ppp rw)";
	default:
		return "see greyline doctor";
	}
}

int ppp_device_open(char error[256])
{
	int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int failed = errno;
	snprintf(error, 256, "Couldn't open %s: %s: %s", device, strerror(failed),
		open_advice(failed));
	return -failed;
}
