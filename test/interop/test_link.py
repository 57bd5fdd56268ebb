"""What a link says of itself, on the wire and to its user: quality reports."""
import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.guest import Guest
from harness.peers import LwipClient
from harness.traffic import echo_server, ping, transfer

REPORTS = ['--lqr-period', '1', '--lqr-failure', '3', '--lqr-window', '5']
LQR = '0xc025'


def senders(path, protocol):
    return {row[0] for row in tshark(path, f'gre && ppp.protocol == {protocol}', 'ip.src')}


@pytest.mark.needs('tcpdump', 'tshark')
def test_both_ends_report(lab, program):
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, *REPORTS)
    dialer = Client(lab, client, program, *REPORTS)
    dialer.up()
    with echo_server(server):
        transfer(client, GATEWAY, 500_000)
    ping(client, GATEWAY, 25)
    ours.wait_for(r'rcvd LQR magic \S+ last-out [1-9]', 10)  # it has an answer in it
    assert len(ours.sessions()) == 1
    path = capture.stop()
    assert senders(path, LQR) == {'10.7.0.1', '10.7.0.2'}
    assert not tshark(path, f'ppp.protocol == {LQR} && _ws.malformed', 'frame.number')
    printed = server.run(program, 'dump', path).stdout
    assert 'quality LQR 1000 ms' in printed and 'LQR magic' in printed
    assert not ours.process.find('Link quality') and not dialer.process.find('Link quality')


def test_who_asks_reports_too(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program, *REPORTS)
    dialer = Client(lab, client, program)
    dialer.up()
    ours.wait_for(r'rcvd LQR magic \S+ last-out [1-9]', 10)
    assert len(ours.sessions()) == 1


def test_a_bad_link_is_given_up(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program, '--lqr-period', '1', '--lqr-loss', '10', '--lqr-failure', '2',
                    '--lqr-window', '10')
    dialer.up()
    server.run('nft', '-f', '-', stdin='''
        add table inet losses
        add chain inet losses in { type filter hook input priority 0; }
        add rule inet losses in meta l4proto 47 numgen inc mod 3 0 drop
    ''')
    client.run('ping', '-c', '60', '-i', '0.1', '-W', '1', GATEWAY, check=False)
    dialer.wait_for(r'Link quality: lost \d+ of \d+ packets to the peer', 15)
    dialer.wait_for(r'reason=link-quality', 15)
    assert dialer.wait(15) == 15
    assert ours.process.find('too many bad link quality reports')


@pytest.mark.needs('pptp', 'socat')
def test_lwip_need_not_report(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program, *REPORTS)
    dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=2)
    dialer.wait_for(r'^UP local=')
    dialer.wait_for(r'^PING reply seq=2')
    assert ours.process.find(r'Configure-Reject id \d+ quality LQR 1000 ms')


@pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc',
                   files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])
def test_pppd_need_not_report(lab, program):
    host = lab.namespace('host')
    guest = Guest(lab, host, [('10.8.0.2/24', '10.8.0.1/24')], 'client')
    ours = Server(lab, host, program, *REPORTS, listen='10.8.0.2')
    guest.ready().run('/peers/client', 'pptp', '10.8.0.2', USER, PASSWORD)
    ping(guest, GATEWAY)
    assert ours.process.find(r'Configure-Reject id \d+ quality LQR 1000 ms')
