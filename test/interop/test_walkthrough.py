"""One DNS query and one HTTP request through the tunnel: the capture behind docs/how-it-works.md.

`pytest -s test/interop/test_walkthrough.py` prints what that page shows.
"""
import contextlib
import socket
import struct
import threading

import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server

pytestmark = pytest.mark.needs('tshark', 'tcpdump')

QUESTION = b'\x03www\x07example\x00' + struct.pack('!HH', 1, 1)  # www.example A IN
REQUEST = b'GET / HTTP/1.0\r\nHost: www.example\r\n\r\n'
ANSWER = b'HTTP/1.0 200 OK\r\nContent-Length: 3000\r\n\r\n' + b'x' * 3000

IP_HEADER, PPP, MPPE, HIDDEN = 20, 1, 2, 1  # both sides agreed to one-byte protocol fields


@contextlib.contextmanager
def services(host):
    """A name server that knows one name, and a web server with one page."""
    with host.entered():
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind((GATEWAY, 53))
        web = socket.create_server((GATEWAY, 80))

    def answer_names():
        query, peer = names.recvfrom(512)
        record = b'\xc0\x0c' + struct.pack('!HHIH', 1, 1, 60, 4) + socket.inet_aton(GATEWAY)
        names.sendto(query[:2] + struct.pack('!HHHHH', 0x8180, 1, 1, 0, 0) + query[12:] + record,
                     peer)

    def answer_web():
        with web.accept()[0] as connection:
            assert connection.recv(512) == REQUEST
            connection.sendall(ANSWER)

    threads = [threading.Thread(target=serve, daemon=True)
               for serve in (answer_names, answer_web)]
    for thread in threads:
        thread.start()
    with names, web:
        yield
        for thread in threads:
            thread.join(10)


def ask(host):
    """What an application does: a name, then a page."""
    with host.entered():
        query = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        page = socket.socket()
    with query, page:
        query.settimeout(10)
        query.sendto(struct.pack('!HHHHHH', 0x1234, 0x0100, 1, 0, 0, 0) + QUESTION, (GATEWAY, 53))
        address = socket.inet_ntoa(query.recv(512)[-4:])
        page.settimeout(10)
        page.connect((address, 80))
        page.sendall(REQUEST)
        got = b''
        while more := page.recv(65536):
            got += more
        assert got == ANSWER


def lengths(path, display, field):
    return [int(row[0]) for row in tshark(path, display, field)]


def shown(title, text):
    print(f'\n--- {title}\n{text}'.rstrip())


def test_every_packet_has_the_size_the_page_says(lab, program):
    server, client = lab.pair()
    outer = Capture(lab, server, 'outer', 'outer')
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program)
    dialer.up()
    inner = Capture(lab, client, dialer.interface(), 'inner')
    with services(server):
        ask(client)
    inner.stop()
    dialer.stop()
    ours.stop()
    outer.stop()

    shown('outer link, by our own decoders', client.run(program, 'dump', outer.path).stdout)
    shown('inside the tunnel, by tshark', '\n'.join(
        ' '.join(row) for row in tshark(inner.path, 'ip.dst != 255.255.255.255', 'frame.number',
                                        'ip.src', 'ip.dst', 'ip.len', '_ws.col.Info')))

    # From the client outwards every inner packet became one outer packet, in order, and what
    # came in front is what the page counts.
    sent = lengths(inner.path, f'ip.dst == {GATEWAY}', 'ip.len')
    wrapped = tshark(outer.path, 'ip.src == 10.7.0.2 && ppp.protocol == 0xfd', 'ip.len',
                     'gre.flags.ack')
    for length, (total, acked) in zip(sent, wrapped):
        gre = 16 if acked in ('1', 'True') else 12
        assert int(total) == length + HIDDEN + MPPE + PPP + gre + IP_HEADER
    # The query; SYN, ack, request, acks, FIN; and the datagram that ended the inner capture.
    assert len(wrapped) == len(sent) + 1 >= 7
    assert max(lengths(outer.path, 'gre', 'ip.len')) <= 1500
