"""PPTP on the wire, as scapy writes it: an encoder that is not ours, for good and for bad packets.

`Talker` is a peer of a few lines: it opens a control connection, asks for calls, and sends and
receives raw GRE from an address of its namespace.
"""
import socket
import struct
import time

from scapy.layers.pptp import (PPTPCallClearRequest, PPTPCallDisconnectNotify, PPTPEchoReply,
                               PPTPEchoRequest, PPTPIncomingCallConnected, PPTPIncomingCallReply,
                               PPTPIncomingCallRequest, PPTPOutgoingCallReply,
                               PPTPOutgoingCallRequest, PPTPWANErrorNotify,
                               PPTPSetLinkInfo, PPTPStartControlConnectionReply,
                               PPTPStartControlConnectionRequest, PPTPStopControlConnectionReply,
                               PPTPStopControlConnectionRequest)
from scapy.layers.ppp import PPP, PPP_LCP_Configure
from scapy.packet import Raw

PORT = 1723
HEADER = struct.Struct('!HHIHH')
COOKIE = 0x1a2b3c4d
REPLIES = {1: PPTPStartControlConnectionRequest, 2: PPTPStartControlConnectionReply,
           3: PPTPStopControlConnectionRequest, 4: PPTPStopControlConnectionReply,
           5: PPTPEchoRequest, 6: PPTPEchoReply, 8: PPTPOutgoingCallReply,
           9: PPTPIncomingCallRequest, 10: PPTPIncomingCallReply, 11: PPTPIncomingCallConnected,
           12: PPTPCallClearRequest, 13: PPTPCallDisconnectNotify}


def start_request():
    return bytes(PPTPStartControlConnectionRequest(host_name=b'talker', vendor_string=b'scapy'))


def call_request(call_id=0x4711):
    return bytes(PPTPOutgoingCallRequest(call_id=call_id, call_serial_number=1,
                                         pkt_window_size=64))


def ring(call_id=0x4711):
    """A PAC's line rings."""
    return bytes(PPTPIncomingCallRequest(call_id=call_id, dialed_number_len=4, dialing_number_len=3,
                                         dialed_number=b'5551', dialing_number=b'777'))


def ring_answer(call_id, peer_call_id, result=1):
    return bytes(PPTPIncomingCallReply(len=24,  # scapy says 148
                                       call_id=call_id, peer_call_id=peer_call_id,
                                       result_code=result, pkt_window_size=64))


def ring_connected(peer_call_id):
    return bytes(PPTPIncomingCallConnected(peer_call_id=peer_call_id, pkt_window_size=64))


def disconnect_notify(call_id):
    return bytes(PPTPCallDisconnectNotify(call_id=call_id))


def line_errors(peer_call_id, crc):
    return bytes(PPTPWANErrorNotify(peer_call_id=peer_call_id, crc_errors=crc))


def echo_request(identifier=7):
    return bytes(PPTPEchoRequest(identifier=identifier))


def clear_request(call_id):
    return bytes(PPTPCallClearRequest(call_id=call_id))


def stop_request():
    return bytes(PPTPStopControlConnectionRequest())


def link_info(call_id):
    return bytes(PPTPSetLinkInfo(peer_call_id=call_id))


def lcp_request(identifier=1):
    """A Configure-Request with a magic number, address and control field before it."""
    frame = PPP(proto=0xc021) / PPP_LCP_Configure(id=identifier) / Raw(b'\x05\x06\x01\x02\x03\x04')
    frame[PPP_LCP_Configure].len = 10
    return b'\xff\x03' + bytes(frame)


def gre(call_id, payload=b'', sequence=None, ack=None, flags=None, version=1, protocol=0x880b,
        length=None):
    """A GRE packet; every field can be made wrong."""
    word = 0x2000 | version
    word |= 0x1000 if sequence is not None else 0
    word |= 0x0080 if ack is not None else 0
    packet = struct.pack('!HHHH', word if flags is None else flags, protocol,
                         len(payload) if length is None else length, call_id)
    if sequence is not None:
        packet += struct.pack('!I', sequence)
    if ack is not None:
        packet += struct.pack('!I', ack)
    return packet + payload


class Talker:
    def __init__(self, namespace, server, source=None):
        self.namespace, self.server = namespace, server
        with namespace.entered():
            self.tcp = socket.create_connection((server, PORT), 5,
                                                (source, 0) if source else None)
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
            if source:
                self.raw.bind((source, 0))
        self.raw.settimeout(5)
        self.rest = b''

    def close(self):
        self.tcp.close()
        self.raw.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.tcp.sendall(data)

    def receive(self, timeout=5):
        """The next control message, or None when the server closed the connection."""
        self.tcp.settimeout(timeout)
        while True:
            if len(self.rest) >= HEADER.size:
                length, kind, cookie, number, _ = HEADER.unpack_from(self.rest)
                assert kind == 1 and cookie == COOKIE and length >= HEADER.size
                if len(self.rest) >= length:
                    message, self.rest = self.rest[:length], self.rest[length:]
                    return REPLIES[number](message)
            try:
                more = self.tcp.recv(4096)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.rest += more

    def closed(self, timeout=5):
        """Waits until the server has closed the connection; True if it said nothing more."""
        silent = True
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.receive(max(0.01, end - time.monotonic())) is None:
                return silent
            silent = False
        raise AssertionError('the server keeps the connection open')

    def start(self):
        self.send(start_request())
        reply = self.receive()
        assert isinstance(reply, PPTPStartControlConnectionReply), reply
        assert reply.result_code == 1
        return reply

    def call(self, call_id=0x4711):
        """Asks for a call; returns the server's call ID."""
        self.send(call_request(call_id))
        reply = self.receive()
        assert isinstance(reply, PPTPOutgoingCallReply), reply
        assert reply.result_code == 1 and reply.peer_call_id == call_id
        return reply.call_id

    def ring(self, call_id=0x4711):
        """As a PAC: offers a call and connects it; returns the server's call ID."""
        self.send(ring(call_id))
        reply = self.receive()
        assert isinstance(reply, PPTPIncomingCallReply), reply
        assert reply.result_code == 1 and reply.peer_call_id == call_id
        self.send(ring_connected(reply.call_id))
        return reply.call_id

    def gre(self, packet, to=None):
        self.raw.sendto(packet, (to or self.server, 0))

    def receive_gre(self, timeout=5):
        """The next GRE packet from the server, without its IP header."""
        self.raw.settimeout(timeout)
        while True:
            packet, (source, _) = self.raw.recvfrom(65536)
            if source == self.server:
                return packet[(packet[0] & 15) * 4:]


class Answerer(Talker):
    """The same, called: a PNS that listens, and answers what the test says."""

    def __init__(self, namespace, address):
        self.namespace, self.server, self.rest, self.tcp = namespace, None, b'', None
        with namespace.entered():
            self.listener = socket.create_server((address, PORT))
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
            self.raw.bind((address, 0))

    def close(self):
        if self.tcp:
            self.tcp.close()
        self.raw.close()
        self.listener.close()

    def answer(self, timeout=5):
        """Takes a connection and starts it."""
        self.take(timeout)
        self.reply()

    def take(self, timeout=5):
        self.listener.settimeout(timeout)
        self.tcp, (self.server, _) = self.listener.accept()

    def reply(self):
        request = self.receive()
        assert isinstance(request, PPTPStartControlConnectionRequest), request
        self.send(bytes(PPTPStartControlConnectionReply(result_code=1, vendor_string=b'scapy')))


class Forger:
    """Sends IP packets with any source address."""

    def __init__(self, namespace):
        with namespace.entered():
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(self, source, destination, payload, protocol=socket.IPPROTO_GRE):
        header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                             socket.inet_aton(source), socket.inet_aton(destination))
        self.raw.sendto(header + payload, (destination, 0))

    def close(self):
        self.raw.close()
