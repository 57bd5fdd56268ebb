"""pppd over our pptp, and pppd under our server, on a kernel with PPP."""
import os

import pytest

from harness.greyline import GATEWAY, PASSWORD, USER, Server
from harness.guest import HostGuest
from harness.peers import INNER_SERVER
from harness.process import wait_until
from harness.traffic import ping

pytestmark = pytest.mark.needs('linux.uml', 'modprobe', 'pppd', 'pptpd', 'pptp',
                               files=['/dev/net/tun'])

OPTIONS = '''name greyline
require-mschap-v2
refuse-pap
refuse-chap
refuse-mschap
refuse-eap
require-mppe-128
nobsdcomp
nodeflate
novj
nodefaultroute
lock
nologfd
debug
logfile /run/program.log
'''


@pytest.fixture
def hosts(lab):
    """In a guest: a host on a cable to each of two servers, 10.7.0.1 and 10.9.0.1."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'veth', 'ppp_generic', 'ppp_async', 'ppp_mppe', 'arc4')
    ours, other, client = (guest.inside(name) for name in ('ours', 'other', 'client'))
    guest.cable(ours, ('outer', '10.7.0.1/24'), client, ('outer', '10.7.0.2/24'))
    guest.cable(other, ('outer', '10.9.0.1/24'), client, ('second', '10.9.0.2/24'))
    return ours, other, client


def hang_up(host):
    """The client's pppd ends, and with it whatever it ran."""
    host.run('/peers/hangup')
    host.shell('while pidof pppd >/dev/null; do sleep 0.1; done')


def test_pppd_on_either_side(lab, program, hosts):
    """Over our pptp, as NetworkManager runs it and by itself; under our server, as under poptop."""
    left, other, right = hosts
    pptp, options = lab.file('pptp'), lab.file('pptpd-options')
    os.symlink(program, pptp)
    with open(options, 'w', encoding='ascii') as file:
        file.write(OPTIONS)

    ours = Server(lab, left, program, '--data-plane', 'user')
    right.run('env', f'PPTP={pptp}', '/peers/client', 'pptp', '10.7.0.1', USER, PASSWORD)
    ping(right, GATEWAY, size=1200)
    session, = ours.sessions()
    assert session['username'] == USER and session['comp'] == 'mppe-128'
    hang_up(right)
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')

    other.run('/peers/server', USER, PASSWORD)
    right.shell(f'{pptp} 10.9.0.1 name {USER} remotename peer noauth require-mppe-128 refuse-eap '
                'nodefaultroute updetach -- logfile /run/launched.log')
    ping(right, INNER_SERVER, size=1200)
    hang_up(right)
    other.shell('kill $(pidof pptpd)')

    ours = Server(lab, other, program, '--ppp-program', '/usr/sbin/pppd', '--ppp-options', options,
                  listen='10.9.0.1')
    right.run('/peers/client', 'pptp', '10.9.0.1', USER, PASSWORD)
    ping(right, GATEWAY, size=1200)
    session, = ours.sessions()
    assert (session['ip'], session['state'], session['calling-sid']) == (
        '10.98.0.2', 'active', '10.9.0.2')
    assert f'{GATEWAY} peer 10.98.0.2' in other.ip('address show ppp0')
    log = other.run('cat', '/run/program.log').stdout
    assert 'calling number 10.9.0.2' in log and 'MPPE 128-bit stateless' in log
    ours.command('terminate', '--all')
    ours.wait_for(r'/usr/sbin/pppd has ended status=')
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')
