/* Where a line comes from: a serial port or modem, a command that is the other end of a pty, or the
 * terminal, pipes or sockets somebody started us on. pppd's tty options, by its names.
 *
 * Everything here may block (a modem dials for a minute) and starts programs: it is called in a
 * process of its own that keeps the privileges for it (line_keeper.h), never on a thread that
 * has other things to do. Whoever is to stop it makes `cancel` readable.
 *
 * In the order pppd has: lock file, open without waiting for carrier, modem lines and termios
 * (CLOCAL on), `init`, `connect`, termios as it is to stay (CLOCAL off with `modem`), wait for
 * carrier where no script dialled, `welcome`. At the end: `disconnect`, termios and line discipline
 * as they were, DTR dropped, lock file gone. */
#ifndef GREYLINE_TTY_H
#define GREYLINE_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tty;

enum tty_flow {
	TTY_FLOW_LEAVE,   /* as the port has it */
	TTY_FLOW_NONE,    /* nocrtscts */
	TTY_FLOW_RTSCTS,  /* crtscts */
	TTY_FLOW_XONXOFF, /* xonxoff: the receive map must then hold 0x000a0000 */
};

struct tty_config {
	const char *device;  /* "/dev/ttyS0" or "ttyS0"; NULL: see the next two */
	const char *command; /* pty: shell command to be started at the other end of a pty, or with
			      * `sync` of a pair of packet sockets */
	bool notty;          /* neither: descriptors 0 and 1 are the line, whatever they are;
			      * else 0 must be a terminal */
	bool sync;           /* a device gets the line discipline N_HDLC: a read is a frame */
	uint32_t speed;      /* bit/s, any number; 0: as the port has it */
	enum tty_flow flow;
	uint8_t stop_bits;    /* 1, 2; 0: 1 */
	bool modem;           /* heed carrier and hang up with DTR; else CLOCAL (pppd: local) */
	bool lock;            /* a UUCP lock file for the device */
	const char *lock_dir; /* NULL: /run/lock */
	/* Shell commands with the terminal as standard input and output; NULL: none. `init` and
	 * `connect` must end with status 0. */
	const char *init, *connect, *welcome, *disconnect;
	uint32_t script_seconds; /* how long each may take; 0: no limit, chat has its own */
	/* "NAME=value", ended by NULL, beside PATH, DEVICE and SPEED; may be NULL. */
	const char *const *environment;
	/* The keeper's (line_keeper.h): a file to write down in what passes; NULL: none. */
	const char *record;
	int messages; /* where scripts' standard error goes; -1: nowhere */
	int cancel;   /* readable: give up; -1: nothing does */
	/* A line for the log, as pppd words it ("Serial connection established."); may be NULL. */
	void (*log)(void *context, const char *line);
	void *context;
};

enum { TTY_WORDS = 256 };

/* Why there is no line: what failed, on what, what to do next; and pppd's exit code for it (2
 * options, 3 privilege, 5 cancelled, 6 lock, 7 open, 8 connect, 9 pty, 18 init). */
struct tty_fault {
	int exit_code;
	char words[TTY_WORDS];
};

/* The strings of `config`, and `context`, stay until tty_close(). 0 or -errno with `fault`; then
 * everything is as it was before. */
int tty_open(struct tty **tty, const struct tty_config *config, struct tty_fault *fault);

/* Descriptors of the line, the same but for pipes. They stay the tty's: pass copies on. */
int tty_input(const struct tty *tty);
int tty_output(const struct tty *tty);
/* "/dev/ttyS0"; "" for pipes and sockets. What pppd hands to scripts as DEVICE. */
const char *tty_name(const struct tty *tty);
uint32_t tty_speed(const struct tty *tty); /* 0: unknown */

/* `hung_up`: the line is gone already, so there is nobody to say goodbye to (no `disconnect`). All
 * copies of the descriptors should be closed by then: a modem hears of it by the last one. */
void tty_close(struct tty *tty, bool hung_up);

/* Bytes that may wait in front of a line of that speed: a fifth of a second's worth, and two full
 * frames at least (line_config.queue). 0 where the speed says nothing: ptys, pipes, sockets. */
size_t tty_queue(const struct tty *tty);

/* Whether carrier is there; true where there is no such thing. */
bool tty_carrier(int fd);

#endif
