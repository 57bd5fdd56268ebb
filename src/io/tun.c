/* Opening a TUN interface: /dev/net/tun and a few ioctls. IFF_NO_PI leaves out the four bytes of
 * protocol information: the IP version is in the packet itself. IFF_VNET_HDR puts virtio's header
 * in their place, which tells super-packets and missing checksums apart from ordinary packets. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
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
		return "an interface of this name is there, and no TUN like ours: choose another "
		       "name";
	case EOPNOTSUPP:
		return "several queues need Linux 3.8";
	default:
		return "see greyline doctor";
	}
}

/* What to ask for: IFF_VNET_HDR is left out where the kernel does not know it. */
static int interface_flags(int fd, const struct tun_config *config, short *flags)
{
	unsigned known = 0;
	*flags = IFF_TUN | IFF_NO_PI;
	if (ioctl(fd, TUNGETFEATURES, &known) < 0)
		known = 0;
	if (config->queues && !(known & IFF_MULTI_QUEUE))
		return -EOPNOTSUPP;
	if (config->queues)
		*flags |= IFF_MULTI_QUEUE;
	if (config->offload && known & IFF_VNET_HDR)
		*flags |= IFF_VNET_HDR;
	return 0;
}

static int attach(int fd, const struct tun_config *config, struct ifreq *request)
{
	int header = sizeof(struct virtio_net_hdr);
	int failed = interface_flags(fd, config, &request->ifr_flags);
	if (failed)
		return failed;
	memcpy(request->ifr_name, config->name, strlen(config->name));
	if (ioctl(fd, TUNSETIFF, request) < 0)
		return -errno;
	/* It is the kernel's default, unless somebody left the interface behind with another. */
	if (request->ifr_flags & IFF_VNET_HDR && ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
		return -errno;
	return 0;
}

int tun_open(const struct tun_config *config, char name[TUN_NAME_SIZE], char error[256])
{
	struct ifreq request;
	memset(&request, 0, sizeof(request));
	if (config->name[0] == '\0' || strlen(config->name) >= sizeof(request.ifr_name)) {
		snprintf(error, 256,
			"Couldn't use \"%.40s\" as an interface name: 1 to %zu letters",
			config->name, sizeof(request.ifr_name) - 1);
		return -EINVAL;
	}
	int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		int failed = errno;
		snprintf(error, 256, "Couldn't open %s: %s: %s", device, strerror(failed),
			open_advice(failed));
		return -failed;
	}
	int failed = attach(fd, config, &request);
	if (failed) {
		snprintf(error, 256, "Couldn't make the interface %s: %s: %s", config->name,
			strerror(-failed), attach_advice(-failed));
		close(fd);
		return failed;
	}
	memcpy(name, request.ifr_name, TUN_NAME_SIZE);
	name[TUN_NAME_SIZE - 1] = '\0';
	error[0] = '\0';
	return fd;
}

bool tun_is_one(int fd)
{
	struct ifreq request;
	memset(&request, 0, sizeof(request));
	return ioctl(fd, TUNGETIFF, &request) == 0;
}
