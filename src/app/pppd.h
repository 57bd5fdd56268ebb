/* The program when it is called pppd: its options, its ways to start and to end. */
#ifndef GREYLINE_PPPD_H
#define GREYLINE_PPPD_H

/* argv[0] is the name, argv[1] and on pppd's options. pppd's exit code. */
int pppd_main(int argc, char **argv);
/* The same for `greyline up`: `pppd call NAME updetach`, or `file PATH` where there is a path, with
 * `name` as the name of the link and of the instance (settings.h). */
int pppd_up(const char *path, const char *name);

#endif
