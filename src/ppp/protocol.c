/* The protocol table (see protocol.h). Numbers and names: IANA, "PPP DLL Protocol Numbers", which
 * RFC 1661 §2 divides in four: 0xxx to 3xxx network packets, 4xxx to 7xxx packets without a control
 * protocol, 8xxx to bxxx network control protocols, cxxx to fxxx link control protocols.
 *
 * Those we speak stand first, so that driving them looks at no other row. */
#include "protocol.h"

#include "cbcp.h"
#include "ccp.h"
#include "chap.h"
#include "eap.h"
#include "ecp.h"
#include "ipcp.h"
#include "ipv6cp.h"
#include "lcp.h"
#include "lqr.h"
#include "pap.h"

#define NAMED(number, name)                                                                        \
	{                                                                                          \
		number, 0, name, SIDE_NONE, NULL                                                   \
	}

/* clang-format off */
const struct protocol protocols[] = {
	{LCP,  0,      "LCP",  SIDE_LINK, &lcp_protocol},
	{PAP,  0,      "PAP",  SIDE_LINK, &pap_protocol},
	{CHAP, 0,      "CHAP", SIDE_LINK, &chap_protocol},
	{EAP,  0,      "EAP",  SIDE_LINK, &eap_protocol},
	{LQR,  0,      "LQR",  SIDE_LINK, &lqr_protocol},
	{CBCP, 0,      "CBCP", SIDE_LINK, &cbcp_protocol},
	{CCP,  0x00fd, "CCP",  SIDE_UNIT, &ccp_protocol},
	{ECP,  0x0053, "ECP",  SIDE_UNIT, &ecp_protocol},
	{IPCP, 0x0021, "IPCP", SIDE_UNIT, &ipcp_protocol},
	{IPV6CP, 0x0057, "IPV6CP", SIDE_UNIT, &ipv6cp_protocol},

	NAMED(0x0001, "Padding"),
	NAMED(0x0003, "ROHC-small-CID"),
	NAMED(0x0005, "ROHC-large-CID"),
	NAMED(0x0021, "IP"),
	NAMED(0x0023, "OSI"),
	NAMED(0x0025, "XNS"),
	NAMED(0x0027, "DECnet"),
	NAMED(0x0029, "AppleTalk"),
	NAMED(0x002b, "IPX"),
	NAMED(0x002d, "VJ-compressed"),
	NAMED(0x002f, "VJ-uncompressed"),
	NAMED(0x0031, "Bridging"),
	NAMED(0x0033, "ST-II"),
	NAMED(0x0035, "Vines"),
	NAMED(0x0039, "AppleTalk-EDDP"),
	NAMED(0x003b, "AppleTalk-SmartBuffered"),
	NAMED(0x003d, "MP"),
	NAMED(0x003f, "NetBIOS"),
	NAMED(0x0041, "Cisco"),
	NAMED(0x0043, "Timeplex"),
	NAMED(0x0045, "LBLB"),
	NAMED(0x0047, "DCA-Remote-LAN"),
	NAMED(0x0049, "SDTP"),
	NAMED(0x004b, "SNA-802.2"),
	NAMED(0x004d, "SNA"),
	NAMED(0x004f, "IPv6-header-compression"),
	NAMED(0x0051, "KNX-Bridging"),
	NAMED(0x0053, "encrypted"),
	NAMED(0x0055, "link-encrypted"),
	NAMED(0x0057, "IPv6"),
	NAMED(0x0059, "PPP-Mux"),
	NAMED(0x005b, "VSNP"),
	NAMED(0x005d, "TRILL"),
	NAMED(0x0061, "IPHC-full-header"),
	NAMED(0x0063, "IPHC-compressed-TCP"),
	NAMED(0x0065, "IPHC-compressed-non-TCP"),
	NAMED(0x0067, "IPHC-UDP-8"),
	NAMED(0x0069, "IPHC-RTP-8"),
	NAMED(0x006f, "Stampede-Bridging"),
	NAMED(0x0073, "MP+"),
	NAMED(0x00c1, "NTCITS-IPI"),
	NAMED(0x00fb, "link-compressed"),
	NAMED(0x00fd, "compressed"),
	NAMED(0x0201, "802.1d-Hello"),
	NAMED(0x0203, "IBM-Source-Routing-BPDU"),
	NAMED(0x0205, "DEC-LANBridge-Spanning-Tree"),
	NAMED(0x0207, "CDP"),
	NAMED(0x0209, "Netcs-Twin-Routing"),
	NAMED(0x020b, "STP"),
	NAMED(0x020d, "EDP"),
	NAMED(0x0211, "OSCP"),
	NAMED(0x0213, "OSCP-2"),
	NAMED(0x0231, "Luxcom"),
	NAMED(0x0233, "Sigma"),
	NAMED(0x0235, "Apple-Client-Server"),
	NAMED(0x0281, "MPLS-Unicast"),
	NAMED(0x0283, "MPLS-Multicast"),
	NAMED(0x0285, "IEEE-1284.4"),
	NAMED(0x0287, "TETRA"),
	NAMED(0x0289, "MFTP"),
	NAMED(0x2063, "IPHC-compressed-TCP-no-delta"),
	NAMED(0x2065, "IPHC-context-state"),
	NAMED(0x2067, "IPHC-UDP-16"),
	NAMED(0x2069, "IPHC-RTP-16"),
	NAMED(0x4001, "Cray"),
	NAMED(0x4003, "CDPD"),
	NAMED(0x4005, "Expand-Accelerator"),
	NAMED(0x4007, "ODSICP"),
	NAMED(0x4009, "DOCSIS-DLL"),
	NAMED(0x400b, "Cetacean"),
	NAMED(0x4021, "Stacker-LZS"),
	NAMED(0x4023, "RefTek"),
	NAMED(0x4025, "Fibre-Channel"),
	NAMED(0x4027, "EMIT"),
	NAMED(0x405b, "VSP"),
	NAMED(0x405d, "TRILL-link-state"),

	NAMED(0x8023, "OSINLCP"),
	NAMED(0x8025, "XNSCP"),
	NAMED(0x8027, "DNCP"),
	NAMED(0x8029, "ATCP"),
	NAMED(0x802b, "IPXCP"),
	NAMED(0x8031, "BCP"),
	NAMED(0x8033, "ST-IICP"),
	NAMED(0x8035, "VINESCP"),
	NAMED(0x803d, "MPCP"),
	NAMED(0x803f, "NBFCP"),
	NAMED(0x8041, "CiscoCP"),
	NAMED(0x8043, "TimeplexCP"),
	NAMED(0x8045, "LBLBCP"),
	NAMED(0x8047, "RLNCP"),
	NAMED(0x8049, "SDCP"),
	NAMED(0x804b, "LLCCP"),
	NAMED(0x804d, "SNACP"),
	NAMED(0x804f, "IPV6HCCP"),
	NAMED(0x8051, "KNXCP"),
	NAMED(0x8055, "ILECP"),
	NAMED(0x8059, "PPPMuxCP"),
	NAMED(0x805b, "VSNCP"),
	NAMED(0x805d, "TNCP"),
	NAMED(0x806f, "StampedeCP"),
	NAMED(0x8073, "MP+CP"),
	NAMED(0x80c1, "IPICP"),
	NAMED(0x80fb, "ILCCP"),
	NAMED(0x8207, "CDPCP"),
	NAMED(0x8209, "NetcsCP"),
	NAMED(0x820b, "STPCP"),
	NAMED(0x820d, "EDPCP"),
	NAMED(0x8235, "ACSCP"),
	NAMED(0x8281, "MPLSCP"),
	NAMED(0x8285, "IEEE-1284.4-CP"),
	NAMED(0x8287, "TNP1CP"),
	NAMED(0x8289, "MFTPCP"),
	NAMED(0xc027, "SPAP"),
	NAMED(0xc02b, "BACP"),
	NAMED(0xc02d, "BAP"),
	NAMED(0xc05b, "VSAP"),
	NAMED(0xc081, "ContainerCP"),
	NAMED(0xc225, "RSA"),
	NAMED(0xc229, "SIEP"),
	NAMED(0xc26f, "SBAP"),
	NAMED(0xc281, "Proprietary-Authentication-1"),
	NAMED(0xc283, "Proprietary-Authentication-2"),
	NAMED(0xc481, "Proprietary-Node-ID"),
};
/* clang-format on */

const size_t protocol_count = sizeof protocols / sizeof protocols[0];

const struct protocol *protocol_find(uint16_t number)
{
	for (size_t i = 0; i < protocol_count; i++)
		if (protocols[i].number == number)
			return &protocols[i];
	return NULL;
}

const struct protocol *protocol_spoken(uint16_t number)
{
	for (size_t i = 0; i < protocol_count && protocols[i].ops; i++)
		if (protocols[i].number == number ||
			(protocols[i].data && protocols[i].data == number))
			return &protocols[i];
	return NULL;
}

const struct protocol *protocol_next(const struct protocol *last, enum protocol_side side)
{
	const struct protocol *row = last ? last + 1 : protocols;
	while (row->ops && row->side != side)
		row++;
	return row->ops ? row : NULL;
}

void protocol_event(
	const struct protocol_ops *ops, enum fsm_event event, void *side, const struct turn *turn)
{
	if (event == FSM_DOWN && ops->lower_down) {
		ops->lower_down(side, turn);
	} else if (ops->run) {
		struct fsm_run run = ops->run(side, turn);
		fsm_event(&run, event);
	}
}

void protocol_input(const struct protocol_ops *ops, void *side, const struct turn *turn,
	const uint8_t *packet, size_t length)
{
	if (ops->input) {
		ops->input(side, turn, packet, length);
	} else if (ops->packet) {
		struct packet_view p;
		if (!packet_read(&p, packet, length))
			turn_drop(turn, DROP_FRAME_SHORT);
		else if (!ops->packet(side, turn, &p))
			turn_drop(turn, DROP_FRAME_CODE);
	} else {
		struct fsm_run run = ops->run(side, turn);
		fsm_input(&run, packet, length);
	}
}

void protocol_tick(const struct protocol_ops *ops, void *side, const struct turn *turn)
{
	if (ops->tick) {
		ops->tick(side, turn);
	} else {
		struct fsm_run run = ops->run(side, turn);
		fsm_tick(&run);
	}
}
