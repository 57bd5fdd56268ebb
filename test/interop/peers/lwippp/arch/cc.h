/* What lwIP asks of its platform. */
#ifndef LWIPPP_ARCH_CC_H
#define LWIPPP_ARCH_CC_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void lwippp_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define LWIP_ERRNO_STDINCLUDE 1
#define LWIP_PLATFORM_DIAG(x)                                                                      \
	do {                                                                                       \
		lwippp_diag x;                                                                     \
	} while (0)
#define LWIP_PLATFORM_ASSERT(x)                                                                    \
	do {                                                                                       \
		lwippp_diag("ASSERT %s at %s:%d\n", (x), __FILE__, __LINE__);                      \
		abort();                                                                           \
	} while (0)
#define LWIP_RAND() ((unsigned)random())

#endif
