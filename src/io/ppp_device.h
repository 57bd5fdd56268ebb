/* /dev/ppp, the control side of the kernel's PPP (ppp_generic, Documentation/networking of Linux).
 */
#ifndef GREYLINE_PPP_DEVICE_H
#define GREYLINE_PPP_DEVICE_H

/* An instance that is nothing yet: not blocking, closed on exec. Or -errno, with `error`: what
 * failed and what to do next. */
int ppp_device_open(char error[256]);

#endif
