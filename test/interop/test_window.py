"""The send window (RFC 2637 4.2): kept towards peers that acknowledge, never in the way of others."""
import shutil
import socket

import pytest

from harness import cache
from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.guest import Guest
from harness.peers import INNER_FIRST, INNER_SERVER, LwipClient, Poptop
from harness.process import wait_until
from harness.traffic import echo_server, ping, reachable, transfer

STREAM, WINDOW = 400, 64  # packets that are sent, and that the kernel's PPTP names

NATIVE = pytest.mark.needs('pptp', 'pptpd', 'socat')
UML = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc',
                        files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])


def window_of(server):
    session, = server.sessions()
    return session['send-window']


def client_window(namespace, program):
    session, = Server.sessions(type('asked', (), {
        'command': lambda self, *words: namespace.run(program, *words)})())
    return session['send-window']


def most_in_flight(path, source, data):
    """The most packets that one end had in flight, by what passed its own interface: those it sent
    and had no acknowledgement for. Control frames do not wait, so only those behind the first
    `data` packets count."""
    sent, acked, most = 0, 0, 0
    for address, number, ack in tshark(path, 'gre.proto == 0x880b', 'ip.src',
                                       'gre.sequence_number', 'gre.ack_number'):
        if address == source and number:
            sent = int(number) + 1
            if sent > data:
                most = max(most, sent - acked)
        elif address != source and ack:
            acked = max(acked, int(ack) + 1)
    return most


@pytest.mark.needs('tcpdump', 'tshark')
def test_our_own_ends_keep_a_small_window(lab, program):
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, '--send-window', 'on')
    dialer = Client(lab, client, program, '--window', '6', '--no-ipv6')
    dialer.up()
    # Who is only spoken to acknowledges without data: that is the proof.
    ping(client, GATEWAY)
    wait_until(lambda: window_of(ours)['state'] == 'on', 10, 'the client has acknowledged alone')
    with echo_server(server):
        transfer(client, GATEWAY, 200_000, timeout=60)
    wait_until(lambda: window_of(ours)['size'] == 6, 10, 'the window is as large as was asked for')
    found = window_of(ours)
    assert found['peer'] == found['maximum'] == 6
    assert found['timeout-ms'] >= 600
    assert client_window(client, program)['state'] == 'off'
    ours.stop()
    # Of what is beyond six only control frames may be: they do not wait.
    assert most_in_flight(capture.stop(), '10.7.0.1', 100) <= 6 + 2


def test_a_slow_line_alone_has_a_window_by_default(lab, program):
    """A Greyline says 100 Mbit/s of its line, so nothing waits for it unless that is asked for."""
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program)
    dialer.up()
    found = client_window(client, program)
    assert (found['state'], found['peer'], found['maximum']) == ('off', 64, 0)
    assert window_of(ours)['state'] == 'off'


@NATIVE
def test_pptp_linux_keeps_its_window_of_three(lab, program):
    """It names 3, and keeps the acknowledgement of a single packet back for half a second."""
    server, client = lab.pair()
    ours = Server(lab, server, program, '--send-window', 'on')
    with echo_server(server):
        dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=3, echo=100_000)
        local = dialer.wait_for(r'^UP local=(10\.98\.\d+\.\d+) ').group(1)
        ping(server, local)
        wait_until(lambda: window_of(ours)['state'] == 'on', 10,
                   'pptp-linux has acknowledged alone')
        dialer.wait_for(r'^ECHO bytes=100000 result=same', 90)
        ping(server, local)
    found = wait_until(lambda: window_of(ours)['rtt-ms'] > 0 and window_of(ours), 10,
                       'a round trip has been measured')
    assert found['peer'] == found['maximum'] == 3


@NATIVE
def test_poptop_is_not_stalled_by_its_window(lab, program):
    """It answers with the window it was asked with, whatever it can take."""
    server, client = lab.pair()
    Poptop(lab, server, '10.7.0.1', USER, PASSWORD)
    ours = Client(lab, client, program, '--send-window', 'on', '--window', '4')
    assert ours.up() == (INNER_FIRST, INNER_SERVER)
    reachable(client, INNER_SERVER)
    ping(client, INNER_SERVER, 20, 1200)
    found = client_window(client, program)
    assert found['maximum'] == 4
    assert found['state'] in ('on', 'unproved')


@UML
def test_the_kernels_pptp_has_no_window(lab, program):
    """It acknowledges with data only. Waiting for it would stall what goes one way."""
    host = lab.namespace('host')
    guest = Guest(lab, host, [('10.8.0.2/24', '10.8.0.1/24')], 'client')
    shutil.copy(f'{cache.kpptp()}/kpptp.so', lab.file('share/kpptp.so'))
    ours = Server(lab, host, program, '--send-window', 'on', listen='10.8.0.2')
    guest.ready().run('/peers/client', 'kernel', '10.8.0.2', USER, PASSWORD)
    ping(guest, GATEWAY, size=1200)
    session, = ours.sessions()
    with host.entered():
        stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with stream:
        for number in range(STREAM):
            stream.sendto(b'%1000d' % number, (session['ip'], 9))
    # The interface's queue may have dropped some; what left is more than a window all the same.
    wait_until(lambda: ours.sessions()[0]['tx-pkts'] >= session['tx-pkts'] + 2 * WINDOW, 20,
               'more than a window of a one-way stream has been sent')
    found = window_of(ours)
    assert (found['state'], found['waiting'], found['timeouts']) == ('unproved', 0, 0)
    assert 'window-full' not in ours.drops()
