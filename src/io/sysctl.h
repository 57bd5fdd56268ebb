/* The kernel settings this program may change: no others can be named. */
#ifndef GREYLINE_SYSCTL_H
#define GREYLINE_SYSCTL_H

#include <stddef.h>

struct sysctl {
	const char *key;  /* "net.ipv4.ip_forward" */
	const char *path; /* under /proc/sys */
};

/* By enum helper_sysctl; NULL when out of range. */
const struct sysctl *sysctl_by_number(unsigned which);
const struct sysctl *sysctl_by_key(const char *key);

/* The value without its newline. 0 or -errno. */
int sysctl_read(const struct sysctl *sysctl, char *value, size_t size);
int sysctl_write(const struct sysctl *sysctl, const char *value);

#endif
