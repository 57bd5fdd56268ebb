/* The files other programs find us by (pppd(8), FILES): IFNAME.pid, and with a link name
 * ppp-LINKNAME.pid, whose second line is the interface. */
#ifndef GREYLINE_PID_FILES_H
#define GREYLINE_PID_FILES_H

struct pid_files {
	const char *folder;    /* /run when NULL */
	const char *link_name; /* NULL: none */
	char interface[16];    /* the file that was written; "": none */
};

/* Writes what is known by now; `interface` may be NULL. What cannot be written is not: 0, or the
 * -errno of the last that failed. */
int pid_files_write(struct pid_files *files, const char *interface);
void pid_files_remove(struct pid_files *files);

#endif
