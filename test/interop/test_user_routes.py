"""Users with networks behind them: route:CIDR in their line of the secrets file."""
import pytest

from harness.greyline import GATEWAY, POOL, USER, Client, Server
from harness.process import wait_until
from harness.traffic import ping

BEHIND, FAR = '10.77.0.0/16', '10.77.0.1'


def road(lab):
    """client -- server -- other client; a network behind the first."""
    first, server, second = (lab.namespace(name) for name in ('first', 'server', 'second'))
    lab.cable(first, ('outer', '10.9.1.2/24'), server, ('one', '10.9.1.1/24'))
    lab.cable(second, ('outer', '10.9.2.2/24'), server, ('two', '10.9.2.1/24'))
    first.ip(f'address add {FAR}/16 dev lo')
    second.ip('route add 10.9.1.0/24 via 10.9.2.1')
    return first, server, second


def routes(namespace):
    return namespace.ip(f'route show {BEHIND}')


@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_a_network_behind_a_user(lab, program, interface):
    first, server, second = road(lab)
    before = server.state()
    users = {USER: ('right', f'route:{BEHIND}'), 'bob': ('left', '*')}
    ours = Server(lab, server, program, '--interface', interface, '--client-to-client',
                  listen='10.9.1.1', users=users)
    dialer = Client(lab, first, program, '--route', POOL, server='10.9.1.1', password='right')
    dialer.up()
    wait_until(lambda: routes(server), 5, 'the network is routed')
    ping(server, FAR)
    ping(first, GATEWAY, options=('-I', FAR))  # its source is let in
    other = Client(lab, second, program, '--route', BEHIND, server='10.9.1.1', user='bob',
                   password='left')
    other.up()
    if interface == 'shared':
        ping(second, FAR)
    assert dialer.stop() in (0, 5)
    wait_until(lambda: not routes(server), 5, 'the route is gone')
    other.stop()
    assert ours.stop() == 0
    assert server.state() == before


def test_others_may_not_use_it(lab, program):
    """The same addresses behind somebody else are dropped."""
    first, server, _ = road(lab)
    ours = Server(lab, server, program, listen='10.9.1.1')
    dialer = Client(lab, first, program, server='10.9.1.1')
    dialer.up()
    first.run('ping', '-n', '-c', '1', '-W', '1', '-I', FAR, GATEWAY, check=False)
    wait_until(lambda: ours.drops().get('inner-source'), 5, 'the packet is dropped')
    assert dialer.stop() in (0, 5)
