/* Network namespaces for tests: anonymous ones, which vanish with the process, so there is nothing
 * to remove and nothing another run could trip over. */
#ifndef GREYLINE_TEST_NETNS_H
#define GREYLINE_TEST_NETNS_H

#include "address.h"

/* Leaves the process in a fresh network namespace with its loopback up. Without the rights for it
 * prints the reason and ends the process with 77 (skipped). */
void netns_enter_or_skip(void);

/* A further namespace: its descriptor. The process stays where it is. */
int netns_new(void);
/* The namespace the process is in now. */
int netns_current(void);
void netns_enter(int ns);

/* Runs a shell command in the current namespace and fails the test when it fails. */
__attribute__((format(printf, 1, 2))) void run(const char *format, ...);

/* An IPv4 or IPv6 address; the index of a link of the current namespace. */
struct address ip(const char *words);
unsigned link_index(const char *name);

/* A TUN as the program opens it. */
int open_tun(const char *wanted, char name[16], char error[256]);

#endif
