/* What a seed decides: the configuration of both ends, the weather on the wires, and what happens
 * to them in the course of the run. */
#ifndef GREYLINE_SCENARIO_H
#define GREYLINE_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "dice.h"
#include "limits.h"
#include "tunnel.h"
#include "wire.h"

enum weather { WEATHER_FAIR, WEATHER_LOSSY, WEATHER_ROUGH, WEATHER_STORM, WEATHER_CORRUPT };

/* What befalls a tunnel on purpose. */
enum mishap {
	MISHAP_NONE,
	MISHAP_RENEGOTIATE, /* one end's LCP starts again */
	MISHAP_CLOSE,       /* the operator closes a session */
	MISHAP_STOP,        /* one end stops the tunnel */
	MISHAP_CUT,         /* the TCP connection is reset */
	MISHAP_GRE_HOLE,    /* GRE is swallowed, in one direction or both */
	MISHAP_TCP_HOLE,    /* TCP is swallowed */
	MISHAP_BLACK_HOLE,  /* everything is swallowed */
	MISHAP_FREEZE,      /* one host does nothing for a while: suspended, or starved */
	MISHAP_KEYS,        /* the data path's keys go wrong */
	MISHAP_KINDS,
};

enum { CALLS_MAX = 3, MISHAPS_MAX = 3, AIMS_MAX = 3 };

/* Frames of one kind are lost on purpose: the first few, or some later ones. */
struct aim {
	uint16_t protocol;
	uint8_t code;
	uint8_t side;  /* whose frames */
	uint8_t spare; /* so many pass */
	uint8_t take;  /* then so many do not */
};

/* One tunnel's client and server. */
struct scenario {
	struct tunnel_config client, server;
	struct address client_address, server_address;
	struct link_services services; /* the server's */
	struct dhcpv6_wish wish;       /* the client's; nothing wished for: it has no DHCPv6 */
	bool no_prefix;                /* the pool of those is empty */
	char client_name[24], client_password[24];
	char server_password[24]; /* what the server's user table holds for that name */
	bool expired;             /* ... until it is changed */
	int calls;
	bool compatible;    /* must open unless the weather or a mishap is against it */
	bool impossible[2]; /* the client's, the server's end must not open */
	bool no_address, refuse_calls;
	bool ecp_keys_differ; /* what is sent arrives as noise */
	uint32_t agreed4;     /* the client's inner address, when both ends know it; 0: the usual */
	enum weather weather;
	struct wire_rules wire[2]; /* client to server, server to client */
	uint32_t tcp_delay, tcp_jitter;
	bool tcp_whole;
	uint32_t ring_delay;   /* between control thread and worker, at most */
	uint32_t answer_delay; /* of the user table and the pool, at most */
	uint16_t hold_slots;   /* of the server's and the client's pools */
	uint32_t packets;      /* each session sends, each way */
	bool tcp;              /* ... and they are TCP's, of a few connections */
	uint32_t data_delay;   /* from coming up to the first of them, at most */
	uint32_t data_pace;    /* between two bursts, at most */
	bool old_numbers;      /* GRE sequence numbers are about to wrap */
	bool line;             /* frames go over lines instead of GRE: serial.h */
	bool nudges;           /* packets from the TUN come between any two commands */
	bool stateful[2];      /* the client, the server is asked to take stateful MPPE */
	int aims;
	struct aim aim[AIMS_MAX];
	uint64_t heal; /* from here on the wires are clean */
	int mishaps;
	struct {
		enum mishap kind;
		uint64_t at;
		uint8_t side; /* 0 client, 1 server */
		uint8_t which;
	} mishap[MISHAPS_MAX];
	uint16_t tls_size;  /* of what stands for a flight of TLS */
	bool tls_resumed;   /* its last word is the client's */
	bool tls_refuse[2]; /* the client, the server does not believe it */
	bool plain;         /* counts for the share that must open */
	bool hostile;       /* somebody writes into the server's side */
};

void scenario_make(struct scenario *scenario, uint64_t seed);
/* Puts it on lines, once in a while: not for a scenario with somebody who writes into its wires. */
void scenario_line(struct scenario *scenario, uint64_t seed);
/* Compatible, fair weather, no mishap: who must not notice what happens to others. */
void scenario_healthy(struct scenario *scenario, uint64_t seed);

#endif
