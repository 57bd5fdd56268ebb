/* A terminal's settings (see tty.h): raw bytes both ways, at any speed.
 *
 * Linux has two sets of calls. Those of termios(3) know some thirty speeds by name; the ones used
 * here (struct termios2, BOTHER) take a number. The two headers cannot be in one file, hence this
 * one. Settings are made at once (TCSETS2): waiting for the output to drain would wait for ever
 * for a modem that holds it back. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asm/termbits.h>
#include <linux/tty.h>
#include <sys/ioctl.h>

#include "tty_inner.h"

enum {
	XON = 0x11,
	XOFF = 0x13,
	SPEED_TOLERANCE = 20, /* one part in so many */
	DRAIN_MS = 2000,
	DRAIN_LOOK_MS = 10,
};

struct tty_terms {
	struct termios2 terms;
	int discipline;
};

struct tty_terms *tty_terms_keep(int fd)
{
	struct tty_terms *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	if (ioctl(fd, TCGETS2, &kept->terms) == 0) {
		if (ioctl(fd, TIOCGETD, &kept->discipline) < 0)
			kept->discipline = N_TTY;
		return kept;
	}
	int failed = errno;
	free(kept);
	errno = failed;
	return NULL;
}

/* What was written last, a Terminate-Ack or the words of a script, has so long to leave; a modem
 * that takes nothing any more keeps it no longer. */
static void let_go_out(int fd)
{
	int waiting = 0;
	for (unsigned ms = 0; ms < DRAIN_MS; ms += DRAIN_LOOK_MS) {
		if (ioctl(fd, TIOCOUTQ, &waiting) < 0 || waiting == 0)
			return;
		poll(NULL, 0, DRAIN_LOOK_MS);
	}
	ioctl(fd, TCFLSH, TCOFLUSH);
}

void tty_terms_restore(int fd, struct tty_terms *kept)
{
	if (!kept)
		return;
	let_go_out(fd);
	ioctl(fd, TCFLSH, TCIFLUSH);
	ioctl(fd, TIOCSETD, &kept->discipline);
	ioctl(fd, TCSETS2, &kept->terms);
	free(kept);
}

static void set_flow(struct termios2 *terms, enum tty_flow flow)
{
	switch (flow) {
	case TTY_FLOW_RTSCTS:
		terms->c_cflag |= CRTSCTS;
		return;
	case TTY_FLOW_XONXOFF:
		terms->c_iflag |= IXON | IXOFF;
		terms->c_cc[VSTART] = XON;
		terms->c_cc[VSTOP] = XOFF;
		terms->c_cflag &= ~(tcflag_t)CRTSCTS;
		return;
	case TTY_FLOW_NONE:
		terms->c_cflag &= ~(tcflag_t)CRTSCTS;
		return;
	case TTY_FLOW_LEAVE:
		return;
	}
}

static void make_raw(struct termios2 *terms, const struct tty_config *config, bool local)
{
	terms->c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | CLOCAL | HUPCL);
	terms->c_cflag |= CS8 | CREAD | (local || !config->modem ? CLOCAL : HUPCL);
	if (config->stop_bits == 2)
		terms->c_cflag |= CSTOPB;
	terms->c_iflag = IGNBRK | IGNPAR;
	terms->c_oflag = 0;
	terms->c_lflag = 0;
	terms->c_cc[VMIN] = 1;
	terms->c_cc[VTIME] = 0;
	set_flow(terms, config->flow);
	if (config->speed) {
		terms->c_cflag &= ~(tcflag_t)(CBAUD | CBAUD << IBSHIFT);
		terms->c_cflag |= BOTHER;
		terms->c_ospeed = terms->c_ispeed = config->speed;
	}
}

/* A driver takes the speed nearest to what was asked, and that of an emulated port none: pppd goes
 * on with it, and so do we, but say so. Speed 0 is a line that is down, but for ptys, which know no
 * speed. */
static int check_speed(const struct tty_config *config, uint32_t had, char words[TTY_WORDS])
{
	uint32_t wanted = config->speed, off = wanted > had ? wanted - had : had - wanted;
	if (had == 0 && config->device) {
		snprintf(words, TTY_WORDS, "its speed is 0: say which one it shall have (speed)");
		return -EINVAL;
	}
	if (wanted && off > wanted / SPEED_TOLERANCE)
		tty_say(config, "%s does not do %u bit/s: its speed is %u",
			config->device ? config->device : "The line", wanted, had);
	return 0;
}

int tty_terms_set(
	int fd, const struct tty_config *config, bool local, uint32_t *speed, char words[TTY_WORDS])
{
	struct termios2 terms;
	int failed = ioctl(fd, TCGETS2, &terms);
	if (!failed) {
		make_raw(&terms, config, local);
		failed = ioctl(fd, TCSETS2, &terms);
	}
	if (!failed)
		failed = ioctl(fd, TCGETS2, &terms);
	if (failed < 0) {
		failed = -errno;
		snprintf(words, TTY_WORDS, "%s", strerror(-failed));
		return failed;
	}
	*speed = terms.c_ospeed;
	return check_speed(config, terms.c_ospeed, words);
}

int tty_terms_sync(int fd, char words[TTY_WORDS])
{
	int discipline = N_HDLC;
	if (ioctl(fd, TIOCSETD, &discipline) == 0)
		return 0;
	int failed = -errno;
	snprintf(words, TTY_WORDS,
		"no line discipline for synchronous frames (N_HDLC): %s. "
		"Is there a module n_hdlc?",
		strerror(-failed));
	return failed;
}

void tty_ready(int fd, bool ready)
{
	int line = TIOCM_DTR;
	ioctl(fd, ready ? TIOCMBIS : TIOCMBIC, &line);
}

bool tty_carrier(int fd)
{
	int lines;
	return ioctl(fd, TIOCMGET, &lines) < 0 || lines & TIOCM_CAR;
}
