/* Opening /dev/ppp, and finding out what is behind it (see ppp_device.h).
 *
 * Nothing is asked of the list of modules: most are loaded by the kernel itself the moment they are
 * needed (the device by its number, the socket by its family, the cipher by its CCP option), and
 * may as well be built in. So what is needed is tried: a socket of PX_PROTO_PPTP, a unit, and on it
 * an MPPE compressor with a key of zeros. The unit is gone with its descriptor, and was never up.
 */
#include "ppp_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_pppox.h>
#include <linux/ppp-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel_mppe.h"

#define DEVICE "/dev/ppp"

static const char *remedy(int failed)
{
	switch (failed) {
	case -ENOENT:
		return "modprobe ppp_generic, or make the device with: mknod " DEVICE
		       " c 108 0 (in a container: --device " DEVICE ")";
	case -ENODEV:
	case -ENXIO:
		return "modprobe ppp_generic";
	case -EACCES:
		return "start as root without --run-as, or give that user the device";
	case -EPERM:
		return "CAP_NET_ADMIN is needed: start it as root (systemd: DeviceAllow=" DEVICE
		       " rw)";
	}
	return "--data-plane user needs none of it";
}

int ppp_device_open(char error[256])
{
	int fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int failed = -errno;
	snprintf(error, 256, "Couldn't open " DEVICE ": %s: %s", strerror(-failed), remedy(failed));
	return failed;
}

static int probe_socket(char error[256])
{
	int fd = socket(AF_PPPOX, SOCK_STREAM | SOCK_CLOEXEC, PX_PROTO_PPTP);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	int failed = -errno;
	snprintf(error, 256, "The kernel has no PPTP: %s: modprobe pptp, or --data-plane user",
		strerror(-failed));
	return failed;
}

static int probe_mppe(int unit, char error[256])
{
	static const struct mppe_start_keys zeros;
	struct kernel_mppe mppe = {.transmit = true};
	kernel_mppe_option(&mppe, 128, true, &zeros);
	struct ppp_option_data data = {
		.ptr = mppe.option, .length = sizeof(mppe.option), .transmit = mppe.transmit};
	if (ioctl(unit, PPPIOCSCOMPRESS, &data) == 0)
		return 0;
	int failed = -errno;
	snprintf(error, 256,
		"The kernel's PPP has no MPPE: %s: modprobe ppp_mppe, or --data-plane user",
		strerror(-failed));
	return failed;
}

int ppp_device_probe(bool mppe, char error[256])
{
	int number = -1;
	int failed = probe_socket(error);
	int fd = failed ? failed : ppp_device_open(error);
	if (fd < 0)
		return fd;
	if (ioctl(fd, PPPIOCNEWUNIT, &number) < 0) {
		failed = -errno;
		snprintf(error, 256, "Couldn't make a PPP unit: %s: --data-plane user needs none",
			strerror(-failed));
	}
	if (!failed && mppe)
		failed = probe_mppe(fd, error);
	close(fd);
	return failed;
}
