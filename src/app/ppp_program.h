/* ppp-program: somebody else's PPP behind our control connection and GRE, as pptpctrl has pppd.
 *
 *   GRE ─▶ relayed session ─▶ line ─▶ pty ─▶ program, started by the helper */
#ifndef GREYLINE_PPP_PROGRAM_H
#define GREYLINE_PPP_PROGRAM_H

#include "server.h"

/* What is one call's, from the call on until its program has ended. */
struct ppp_program;

/* The call of a relayed session stands: an address, a pty, the program. What fails closes the
 * session, told. */
void ppp_program_start(struct server *server, struct seat *seat);
/* The call is over: the program is asked to end, if it has not. */
void ppp_program_end(struct server *server, struct seat *seat);
/* With the server: what still runs is the helper's to end. */
void ppp_programs_free(struct server *server);

#endif
