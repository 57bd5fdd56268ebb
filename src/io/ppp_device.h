/* /dev/ppp, the control side of the kernel's PPP (ppp_generic, Documentation/networking of Linux),
 * and what of it a machine has. */
#ifndef GREYLINE_PPP_DEVICE_H
#define GREYLINE_PPP_DEVICE_H

#include <stdbool.h>

/* An instance that is nothing yet: not blocking, closed on exec. Or -errno, with `error`: what
 * failed and what to do next. */
int ppp_device_open(char error[256]);

/* Whether units and PPTP channels can be made here; loads the modules for it. With `mppe` whether
 * the kernel encrypts, too. 0, or -errno with `error`. Makes a unit for a moment. */
int ppp_device_probe(bool mppe, char error[256]);

#endif
