/* lwIP as a PPP endpoint and nothing else: no threads, no Ethernet, memory from malloc. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET          0
#define LWIP_NETCONN         0
#define MEM_LIBC_MALLOC      1
#define MEMP_MEM_MALLOC      1
#define MEM_ALIGNMENT        8

#define LWIP_IPV4     1
#define LWIP_IPV6     0
#define LWIP_ARP      0
#define LWIP_ETHERNET 0
#define LWIP_RAW      1
#define LWIP_TCP      1
#define LWIP_UDP      0
#define LWIP_ICMP     1
#define LWIP_STATS    0

#define TCP_MSS          1360
#define TCP_WND          (32 * TCP_MSS)
#define TCP_SND_BUF      (32 * TCP_MSS)
#define TCP_SND_QUEUELEN 128
#define MEMP_NUM_TCP_SEG 256

#define PPP_SUPPORT         1
#define PPPOS_SUPPORT       1
#define PPP_SERVER          1
#define PAP_SUPPORT         1
#define CHAP_SUPPORT        1
#define MSCHAP_SUPPORT      1
#define EAP_SUPPORT         0
#define CCP_SUPPORT         1
#define MPPE_SUPPORT        1
#define VJ_SUPPORT          0
#define PPP_INPROC_IRQ_SAFE 0

#endif
