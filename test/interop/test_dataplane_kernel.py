"""The kernel's data plane: PPTP, PPP and MPPE of Linux under our control, in a guest."""
import pytest

from harness.greyline import GATEWAY, Client, Server
from harness.guest import HostGuest
from harness.traffic import ping

pytestmark = pytest.mark.needs('linux.uml', 'modprobe', files=['/dev/net/tun'])

KERNEL = ['--data-plane', 'kernel']


@pytest.fixture
def hosts(lab):
    """A guest with two hosts on a cable: 10.7.0.1 and 10.7.0.2."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'veth', 'tun', 'pptp', 'ppp_mppe')
    left, right = guest.inside('left'), guest.inside('right')
    guest.cable(left, ('outer', '10.7.0.1/24'), right, ('outer', '10.7.0.2/24'))
    return left, right


def nothing_left(host):
    """No interface of a tunnel, no socket of the kernel's PPTP."""
    assert 'ppp' not in host.shell('ip -o link')[1]
    assert host.shell('grep -c . /proc/net/pptp 2>/dev/null || true')[1].strip() in ('', '0', '1')


def test_both_ends_on_the_kernel(lab, program, hosts):
    left, right = hosts
    ours = Server(lab, left, program, *KERNEL)
    dialer = Client(lab, right, program, *KERNEL)
    dialer.up()
    ping(right, GATEWAY, count=100, size=1200, interval=0.005)
    session, = ours.sessions()
    assert session['comp'] == 'mppe-128' and session['tx-pkts'] == session['rx-pkts'] == 100
    assert dialer.stop() in (0, 5)
    ours.wait_for('Connection terminated')
    for host in hosts:
        nothing_left(host)
