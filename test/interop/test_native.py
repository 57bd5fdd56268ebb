"""Other people's programs against ours, without kernel PPP anywhere: pptp-linux and poptop carry,
lwIP is the PPP."""
import re

import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.peers import INNER_FIRST, INNER_SERVER, LwipClient, Poptop
from harness.traffic import echo_server, ping, reachable, transfer

NATIVE = pytest.mark.needs('pptp', 'pptpd', 'socat', 'tcpdump', 'tshark')
MARKER = b'g' * 32  # what lwIP's pings are filled with


def data_protocols(path):
    """The PPP protocols below 0x4000 on the outer link: those that carry data."""
    numbers = {int(row[0].split(',')[0], 0)
               for row in tshark(path, 'gre && ppp.protocol', 'ppp.protocol')}
    return {number for number in numbers if number < 0x4000}


def lose_some_gre(*hosts):
    """Every 25th GRE packet does not arrive. (A drop on the way out would be told the sender.)"""
    for host in hosts:
        host.run('nft', '-f', '-', stdin='''
            add table inet losses
            add chain inet losses in { type filter hook input priority 0; }
            add rule inet losses in meta l4proto 47 numgen inc mod 25 13 drop
        ''')


@NATIVE
def test_pptp_linux_and_lwip_dial_our_server(lab, program):
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program)
    with echo_server(server):
        dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=5, echo=500_000)
        local = dialer.wait_for(rf'^UP local=(10\.98\.\d+\.\d+) remote={GATEWAY}$').group(1)
        dialer.wait_for(r'^PING reply seq=5')
        dialer.wait_for(r'^ECHO bytes=500000 result=same', 30)
        ping(server, local)
    session, = ours.sessions()
    assert session['username'] == USER
    assert session['ip'] == local
    assert session['calling-sid'] == '10.7.0.2'
    assert ours.process.find('MPPE 128-bit stateless compression enabled')
    path = capture.stop()
    assert data_protocols(path) == {0xfd}
    assert MARKER not in capture.bytes()


@NATIVE
@pytest.mark.parametrize('kind, length', [(1, 300_000), (2, 300_000), (3, 20_000)])
def test_pptp_linux_sends_out_of_order(lab, program, kind, length):
    """pptp-linux can swap (1), delay (2) or hold back and reverse (3) every Nth packet it sends."""
    server, client = lab.pair()
    ours = Server(lab, server, program)
    with echo_server(server):
        dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=3, echo=length,
                            pptp_options=('--test-type', str(kind), '--test-rate', '20'))
        dialer.wait_for(rf'^ECHO bytes={length} result=same', 60)
    assert len(ours.sessions()) == 1


@NATIVE
def test_stateful_mppe_with_losses(lab, program):
    """What is lost makes lwIP ask for a new state, again and again, and we give it."""
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, '--mppe-stateful')
    lose_some_gre(client)  # a Reset-Request that is lost, lwIP never repeats
    with echo_server(server):
        dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, echo=50_000,
                            mppe='stateful')
        dialer.wait_for(r'^ECHO bytes=50000 result=same', 60)
    assert ours.sessions()[0]['comp'] == 'mppe-128-stateful'
    assert not ours.process.find(r'keys differ')
    path = capture.stop()
    for source, code in (('10.7.0.2', 14), ('10.7.0.1', 15)):  # Reset-Request, Reset-Ack
        resets = tshark(path, f'ip.src == {source} && ppp.protocol == 0x80fd && '
                        f'ppp.code == {code}', 'frame.number')
        assert len(resets) >= 2, f'{len(resets)} of CCP code {code} from {source}'


@NATIVE
def test_stateless_mppe_with_losses(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    lose_some_gre(server, client)
    with echo_server(server):
        dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, echo=50_000)
        dialer.wait_for(r'^ECHO bytes=50000 result=same', 60)
    assert ours.sessions()[0]['comp'] == 'mppe-128'
    assert not ours.process.find(r'CCP Reset')


@NATIVE
def test_our_client_dials_poptop_and_lwip(lab, program):
    server, client = lab.pair()
    capture = Capture(lab, client, 'outer')
    Poptop(lab, server, '10.7.0.1', USER, PASSWORD)
    ours = Client(lab, client, program)
    assert ours.up() == (INNER_FIRST, INNER_SERVER)
    reachable(client, INNER_SERVER)
    ping(client, INNER_SERVER, options=('-p', MARKER[:16].hex()))
    transfer(client, INNER_SERVER, 200_000)
    assert ours.stop() in (0, 5)
    path = capture.stop()
    assert data_protocols(path) == {0xfd}
    assert MARKER not in capture.bytes()


@NATIVE
def test_wrong_password_of_a_foreign_client(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = LwipClient(lab, client, '10.7.0.1', USER, 'wrong')
    dialer.wait_for(r'^(DOWN|EOF)')  # whichever of LCP and the control connection is first
    line = ours.wait_for(r'.*auth-fail .*').group(0)
    assert re.search(r'\bauth-fail user="?alice"? ip=10\.7\.0\.2 reason=\S+', line), line
    assert ours.sessions() == []


@NATIVE
def test_wrong_password_towards_a_foreign_server(lab, program):
    server, client = lab.pair()
    Poptop(lab, server, '10.7.0.1', USER, PASSWORD)
    ours = Client(lab, client, program, password='wrong')
    assert ours.wait(20) == 19
    assert ours.process.find(r'(691|password).*10\.7\.0\.1|10\.7\.0\.1.*(691|password)')


@NATIVE
def test_no_clear_text_by_default(lab, program):
    """A peer that does not encrypt is refused, with the side and the reason named."""
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, mppe='none')
    dialer.wait_for(r'^(DOWN|EOF)', 20)
    ours.wait_for(r'MPPE required but not available')
    assert ours.sessions() == []


@NATIVE
def test_clear_text_by_option(lab, program):
    """The control run of the encryption checks: the same search does find the marker."""
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    Server(lab, server, program, '--no-mppe')
    dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, mppe='none')
    dialer.wait_for(r'^PING reply seq=3')
    path = capture.stop()
    assert data_protocols(path) == {0x21}
    assert MARKER in capture.bytes()
