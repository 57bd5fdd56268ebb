"""Our program on a kernel with PPP, in a guest whose files are this machine's."""
import os

import pytest

from harness import cache
from harness.greyline import GATEWAY, USER, Client, Server
from harness.guest import HostGuest
from harness.traffic import ping

pytestmark = pytest.mark.needs('linux.uml', 'modprobe', files=['/dev/net/tun'])


@pytest.fixture
def pair(lab):
    """A guest with two hosts on a cable: 10.7.0.1 and 10.7.0.2."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'veth', 'pptp')
    left, right = guest.inside('left'), guest.inside('right')
    guest.cable(left, ('outer', '10.7.0.1/24'), right, ('outer', '10.7.0.2/24'))
    return left, right


def test_we_run_where_the_kernel_has_ppp(lab, program, pair):
    left, right = pair
    units = os.path.join(cache.BUILD, 'test/unit/io/test_io_ppp_make')
    assert '[  PASSED  ] 6' in left.run(units).stdout
    ours = Server(lab, left, program)
    dialer = Client(lab, right, program)
    dialer.up()
    ping(right, GATEWAY, size=1200)
    session, = ours.sessions()
    assert session['username'] == USER
    assert dialer.stop() in (0, 5)
