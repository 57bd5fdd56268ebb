"""Which data plane a session is on, and how it comes to another, where the kernel has both."""
import os

import pytest

from harness import cache
from harness.greyline import GATEWAY, USER, Client, Server
from harness.guest import HostGuest
from harness.process import wait_until
from harness.traffic import ping

pytestmark = pytest.mark.needs('linux.uml', 'modprobe', 'tcpdump', files=['/dev/net/tun'])

KERNEL = ['--data-plane', 'kernel']


@pytest.fixture
def pair(lab):
    """A guest with two hosts on a cable: 10.7.0.1 and 10.7.0.2."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'veth', 'tun')
    left, right = guest.inside('left'), guest.inside('right')
    guest.cable(left, ('outer', '10.7.0.1/24'), right, ('outer', '10.7.0.2/24'))
    return left, right


def ended(dialer):
    assert dialer.stop() in (0, 5)


def test_choice_and_moves(lab, program, pair):
    left, right = pair
    units = os.path.join(cache.BUILD, 'test/unit/io/test_io_ppp_make')
    assert '[  PASSED  ] 6' in left.run(units).stdout
    ours = Server(lab, left, program, '--data-plane', 'auto', '--require-mppe')
    ours.wait_for('Data plane: user: TUN and raw sockets are there')
    assert ours.status()['data-plane'] == 'user'

    dialer = Client(lab, right, program, *KERNEL, '--unit', '5')
    dialer.up()
    assert dialer.interface() == 'ppp5'
    ping(right, GATEWAY, size=1200)
    ended(dialer)

    # 56 bits are agreed on in CCP: LCP, CHAP and CCP went over the kernel's channel.
    dialer = Client(lab, right, program, *KERNEL, '--allow-mppe-56', '--allow-mppe-40',
                    '--nomppe-128', '--ifname', 'vpn')
    dialer.up()
    dialer.wait_for('Moved to the user data plane: .*56 bits')
    ping(right, GATEWAY, size=1200)
    assert 'tun' in right.shell('ip -d link show dev vpn').stdout
    ended(dialer)
