/* Pseudo terminals (see pty_pair.h; pty(7), ioctl_tty(2)): by ioctl alone, since the slave's name
 * need not be known where /dev/pts is somebody else's. */
#include "pty_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Not echoed, nothing translated: what comes before the program has set its side up would come
 * back, or in another form. */
static int make_raw(int slave)
{
	struct termios plain;
	if (tcgetattr(slave, &plain) < 0)
		return -errno;
	cfmakeraw(&plain);
	return tcsetattr(slave, TCSANOW, &plain) < 0 ? -errno : 0;
}

int pty_open(int *master, int *slave)
{
	int unlocked = 0;
	*slave = -1;
	*master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0)
		return -errno;
	if (ioctl(*master, TIOCSPTLCK, &unlocked) == 0)
		*slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int failed = *slave < 0 ? -errno : make_raw(*slave);
	if (!failed)
		return 0;
	if (*slave >= 0)
		close(*slave);
	close(*master);
	return failed;
}
