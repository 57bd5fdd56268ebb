"""The peers against each other, without us: what fails here is the harness or the machine."""
import shutil

import pytest

from harness import cache
from harness.capture import Capture, tshark
from harness.greyline import PASSWORD, USER
from harness.guest import Guest
from harness.peers import INNER_SERVER, LwipClient, Poptop

@pytest.mark.needs('pptp', 'pptpd', 'socat', 'tcpdump', 'tshark')
def test_poptop_and_pptp_linux_with_lwip_at_both_ends(lab):
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    Poptop(lab, server, '10.7.0.1', USER, PASSWORD)
    dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=3, echo=200_000)
    dialer.wait_for(rf'^UP local=192\.168\.77\.10 remote={INNER_SERVER}')
    dialer.wait_for(r'^PING reply seq=3')
    dialer.wait_for(r'^ECHO bytes=200000 result=same')
    data = tshark(capture.stop(), 'gre && ppp.protocol', 'ppp.protocol')
    assert ['0x00fd'] in data and ['0x0021'] not in data


@pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc',
                   files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])
def test_guests_dial_each_other(lab):
    middle = lab.namespace('middle')
    server = Guest(lab, middle, [('10.8.1.2/24', '10.8.1.1/24')], 'server')
    client = Guest(lab, middle, [('10.8.2.2/24', '10.8.2.1/24')], 'client')
    middle.run('sysctl', '-q', 'net.ipv4.ip_forward=1')
    shutil.copy(f'{cache.kpptp()}/kpptp.so', lab.file('share/kpptp.so'))
    server.ready().run('/peers/server', USER, PASSWORD)
    client.ready()
    for guest, gateway in ((server, '10.8.1.2'), (client, '10.8.2.2')):
        guest.run('ip', 'route', 'add', 'default', 'via', gateway)
    status, log = client.run('/peers/client', 'pptp', '10.8.1.1', USER, 'wrong', check=False)
    assert status in (16, 19) and 'E=691' in log  # poptop may hang up first
    client.impair('delay', '5ms', '2ms', 'duplicate', '1%')  # a loss could end pppd's CCP
    for kind in ('pptp', 'kernel'):
        client.run('/peers/client', kind, '10.8.1.1', USER, PASSWORD, 'noipv6')
        assert 'ttl=' in client.run('ping', '-c', '3', '-i', '0.2', INNER_SERVER)[1]
        client.run('/peers/hangup')
