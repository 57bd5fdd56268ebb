"""Which data plane a session is on, and how it comes to the other, where the kernel has both.

Our program runs in a guest whose files are this machine's; all of a test is in one guest.
"""
import json
import os
import shutil

import pytest

from harness import cache
from harness.greyline import GATEWAY, Client, Server
from harness.guest import HostGuest
from harness.traffic import ping, reachable

pytestmark = pytest.mark.needs('linux.uml', 'modprobe', 'pppd', 'gcc',
                               files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])

KERNEL = ['--data-plane', 'kernel']


@pytest.fixture
def pair(lab):
    """A guest with two hosts on a cable: 10.7.0.1 and 10.7.0.2."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'ipv6', 'veth', 'tun')
    left, right = guest.inside('left'), guest.inside('right')
    guest.cable(left, ('outer', '10.7.0.1/24'), right, ('outer', '10.7.0.2/24'))
    for host, address in ((left, 'fd00::1'), (right, 'fd00::2')):
        host.ip(f'address add {address}/64 dev outer nodad')
    return left, right


def dialled(lab, host, program, *options, server='10.7.0.1'):
    """A client that is up and passes data; the name of its interface."""
    dialer = Client(lab, host, program, *options, server=server)
    dialer.up()
    ping(host, GATEWAY, size=1200)
    return dialer, dialer.interface()


def ended(dialer):
    assert dialer.stop() in (0, 5)


def kind_of(host, interface):
    return host.shell(f'ip -d link show dev {interface}').stdout.split('\n')[2].split()[0]


def test_choice_and_moves(lab, program, pair):
    left, right = pair
    units = os.path.join(cache.BUILD, 'test/unit/io/test_io_ppp_make')
    assert '[  PASSED  ] 6' in left.run(units).stdout
    ours = Server(lab, left, program, '--require-mppe', '--listen', '[fd00::1]')
    ours.wait_for('Data plane: user: TUN and raw sockets are there')
    assert ours.status()['data-plane'] == 'user'

    # It stays on the kernel's, with a number of its own or the next free one.
    first, name = dialled(lab, right, program, *KERNEL, '--unit', '5')
    assert name == 'ppp5' and kind_of(right, 'ppp5') == 'ppp'
    status = right.run(program, 'status').stdout
    assert 'data plane: kernel (as configured; a session that needs more' in status
    second, name = dialled(lab, right, program, *KERNEL, '--unit', '5')
    assert name == 'ppp0'
    second.wait_for('PPP unit 5 is in use already: using ppp0')
    ended(second)
    ended(first)

    # 56 bits are agreed on in CCP: LCP, CHAP and CCP began on the kernel's channel.
    moved, name = dialled(lab, right, program, *KERNEL, '--allow-mppe-56', '--allow-mppe-40',
                          '--nomppe-128', '--ifname', 'vpn')
    moved.wait_for('Moved to the user data plane: .*56 bits')
    assert name == 'vpn' and kind_of(right, 'vpn') == 'tun'
    session, = ours.sessions()
    assert session['comp'] == 'mppe-56' and session['lost'] == 0
    ended(moved)

    # Its call is one the kernel has no sockets for.
    moved, name = dialled(lab, right, program, *KERNEL, server='[fd00::1]')
    moved.wait_for('Moved to the user data plane: .*IPv6 outside')
    assert kind_of(right, name) == 'tun'
    ended(moved)

    # No TUN: auto takes the kernel's, and a session that needs more has nowhere to go.
    right.shell('mkdir /run/net && mount --bind /run/net /dev/net')
    only, name = dialled(lab, right, program)
    only.wait_for('Data plane: kernel: /dev/net/tun: No such file or directory, and the kernel')
    assert kind_of(right, name) == 'ppp'
    ended(only)
    right.shell('umount /dev/net')


def test_kernel_interfaces_in_another_namespace(lab, program, pair):
    left, right = pair
    for host in pair:
        host.ip('netns add inner')
    Server(lab, left, program, *KERNEL, '--netns', 'inner', '--pool6', 'fd01::/48')
    dialer = Client(lab, right, program, *KERNEL, '--netns', 'inner')
    dialer.up()
    inside = right.shell(f'ip netns exec inner ping -c 3 -i 0.1 {GATEWAY}').stdout
    assert '3 received' in inside
    session, = json.loads(right.run(program, 'sessions', '--json').stdout)
    assert 3 <= session['rx-pkts'] < 9 and 3 <= session['tx-pkts'] < 9
    dialer.wait_for('local  IPv6 address fd01:')
    assert 'ppp0' not in right.ip('link') + left.ip('link')
    ended(dialer)



def test_beside_other_users_of_gre(lab, program, pair):
    """gre, ip_gre and pptp are loaded; between the same two addresses pppd has a call of its own."""
    left, right = pair
    shutil.copy(f'{cache.kpptp()}/kpptp.so', lab.file('share/kpptp.so'))
    right.run('modprobe', '-a', 'gre', 'ip_gre', 'pptp', 'ppp_mppe')
    for host, peer in ((left, '10.7.0.2'), (right, '10.7.0.1')):
        host.shell(f'ip link add gre1 type gre remote {peer} && ip link set gre1 up')
    left.ip('address add 10.99.0.1/24 dev gre1')
    right.ip('address add 10.99.0.2/24 dev gre1')
    # No control connections: each of the kernel's ends is told the other's Call ID.
    for host, ours, theirs, peer in ((left, 7, 8, '10.7.0.2'), (right, 8, 7, '10.7.0.1')):
        host.start('pppd', 'plugin', '/share/kpptp.so', 'kpptp-server', peer, 'kpptp-local',
                   '10.7.0.1' if host is left else '10.7.0.2', 'kpptp-call', ours,
                   'kpptp-peer-call', theirs, 'noauth', 'nodetach', 'nodefaultroute', 'noipv6',
                   'unit', '9', *(['192.168.77.1:192.168.77.2'] if host is left else []))
    others = ('10.99.0.1', '192.168.77.1')
    ours = Server(lab, left, program)
    for options in ([], KERNEL):
        dialer, _ = dialled(lab, right, program, *options)
        for address in others:
            reachable(right, address)
            ping(right, address, size=1000)
        ping(right, GATEWAY)
        ended(dialer)
    assert ours.sessions() == [] and 'gre-peer' not in ours.drops()
    for address in others:
        ping(right, address)
