"""Sizes and marks: super-packets, TCP's MSS, ICMP "too big", DSCP and ECN, over a real network."""
import os
import re

import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

LENGTH = 6_000_000
CHECKED = ('-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE')


def checksum_errors(namespace):
    """What the kernel counts of TCP and IP packets whose checksum is wrong."""
    text = namespace.run('nstat', '-asz', 'TcpInCsumErrors', 'IpInHdrErrors').stdout
    return [int(float(count)) for count in re.findall(r'(?:Csum|Hdr)Errors\s+(\S+)', text)]


def mtu_of(namespace, interface):
    return int(re.search(r'mtu (\d+)', namespace.ip(f'link show {interface}')).group(1))


class Inner:
    """`greyline capture --inner` while something happens."""

    def __init__(self, lab, namespace, program):
        self.path = lab.file(f'inner-{namespace.name}.pcapng')
        self.process = namespace.start(program, 'capture', '--all', '--inner', '--output',
                                       self.path, name='capture')
        wait_until(lambda: os.path.exists(self.path) and os.path.getsize(self.path) > 0, 5,
                   'the capture has begun')

    def stop(self, least=1000):
        """Ends it with at least so many bytes in the file."""
        wait_until(lambda: os.path.getsize(self.path) >= least, 10, 'the packets are there')
        assert self.process.stop() == 0
        return self.path


@pytest.mark.parametrize('interface', ['shared', 'per-session'])
@pytest.mark.parametrize('server_has, client_has', [(True, True), (True, False), (False, True),
                                                    (False, False)])
def test_super_packets_or_none(lab, program, interface, server_has, client_has):
    """Every byte arrives and no kernel sees a wrong checksum, whoever has offloads."""
    server, client = lab.pair()
    ours = Server(lab, server, program, '--interface', interface,
                  '--offload' if server_has else '--no-offload')
    dialer = Client(lab, client, program, '--offload' if client_has else '--no-offload')
    dialer.up()
    before = checksum_errors(server) + checksum_errors(client)
    with echo_server(server):
        transfer(client, GATEWAY, LENGTH)
    assert checksum_errors(server) + checksum_errors(client) == before
    assert not {'inner-offload', 'tun-header', 'inner-size', 'tun-write'} & set(ours.drops())
    if interface == 'shared':
        assert ours.status()['offload'].startswith('TSO' if server_has else 'none')


def test_what_comes_out_of_super_packets(lab, program):
    """Segments as they leave the tunnel: of the right size, all checksums valid."""
    server, client = lab.pair()
    Server(lab, server, program)
    dialer = Client(lab, client, program)
    dialer.up()
    mtu = mtu_of(client, dialer.interface())
    inner = Inner(lab, client, program)
    with echo_server(server):
        transfer(client, GATEWAY, 400_000)
    path = inner.stop(800_000)
    done = server.run('tshark', '-n', '-r', path, *CHECKED, '-Y', f'ip.src == {GATEWAY} && tcp',
                      '-T', 'fields', '-e', 'ip.len', '-e', 'ip.checksum.status', '-e',
                      'tcp.checksum.status', '-e', 'tcp.analysis.flags').stdout
    rows = [line.split('\t') for line in done.splitlines()]
    assert len(rows) > 200
    assert max(int(row[0]) for row in rows) == mtu
    assert {(row[1], row[2]) for row in rows} == {('1', '1')}  # good
    # What the client's kernel gave to the tunnel was larger than any packet.
    given = tshark(path, f'ip.dst == {GATEWAY} && tcp', 'ip.len')
    assert max(int(row[0]) for row in given) > mtu


@pytest.mark.parametrize('clamp', [True, False])
def test_tcp_learns_what_fits(lab, program, clamp):
    """The interface's MTU lies, so only the tunnel knows; the clamp, or else ICMP, says it."""
    server, client = lab.pair()
    option = '--mss-clamp' if clamp else '--no-mss-clamp'
    ours = Server(lab, server, program, option)
    dialer = Client(lab, client, program, option)
    dialer.up()
    mtu = mtu_of(client, dialer.interface())
    client.ip(f'link set {dialer.interface()} mtu 1500')
    server.ip('link set greyline0 mtu 1500')
    inner = Inner(lab, server, program)
    with echo_server(server):
        transfer(client, GATEWAY, LENGTH)
    sizes = {row[0] for row in tshark(inner.stop(), 'tcp.flags.syn == 1 && tcp.flags.ack == 0',
                                      'tcp.options.mss_val')}
    assert sizes == {str(mtu - 40 if clamp else 1460)}
    assert bool(ours.drops().get('inner-size')) != clamp


def marks(path, source):
    """DSCP and ECN of outer packets with data from an address."""
    return {(int(row[0]), int(row[1])) for row in
            tshark(path, f'gre && ip.src == {source} && ppp.protocol == 0xfd', 'ip.dsfield.dscp',
                   'ip.dsfield.ecn')}


@pytest.mark.parametrize('options, marked, wanted', [
    ([], 0xba, (0, 2)),              # ECN alone: the server is a Greyline
    (['--ecn', 'off'], 0xba, (0, 0)),
    (['--ecn', 'off', '--dscp', '10'], 0xba, (10, 0)),
    (['--dscp-copy'], 0xb9, (46, 1)),
    (['--ecn', 'copy', '--dscp', '63'], 0x03, (63, 3)),
], ids=lambda value: '-'.join(value) if isinstance(value, list) else str(value))
def test_outer_marks(lab, program, options, marked, wanted):
    server, client = lab.pair()
    Server(lab, server, program)
    Client(lab, client, program, *options).up()
    capture = Capture(lab, server, 'outer')
    ping(client, GATEWAY, 3, options=('-Q', str(marked)))
    assert marks(capture.stop(), '10.7.0.2') == {wanted}


def test_the_path_becomes_narrow(lab, program):
    """A route with a smaller MTU while the session is up: less fits, and TCP hears of it."""
    server, client = lab.pair()
    Server(lab, server, program)
    dialer = Client(lab, client, program)
    dialer.up()
    with echo_server(server):
        transfer(client, GATEWAY, 200_000)
        client.ip('route add 10.7.0.1/32 dev outer mtu lock 1200')
        capture = Capture(lab, server, 'outer')
        transfer(client, GATEWAY, 1_000_000)
    path = capture.stop()
    sizes = [int(row[0]) for row in tshark(path, 'gre && ip.src == 10.7.0.2', 'ip.len')]
    assert max(sizes[-200:]) <= 1200
    assert tshark(path, 'gre && ip.src == 10.7.0.2 && (ip.flags.mf == 1 || ip.frag_offset > 0)',
                  'frame.number') == []
