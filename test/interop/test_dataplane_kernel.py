"""The kernel's data plane: PPTP, PPP and MPPE of Linux under our control, in a guest."""
import json
import os

import pytest

from harness import cache
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.guest import HostGuest
from harness.peers import INNER_SERVER, LwipClient
from harness.process import wait_until
from harness.traffic import ping

pytestmark = pytest.mark.needs('linux.uml', 'modprobe', 'socat', 'pptp', 'pppd', 'pptpd',
                               files=['/dev/net/tun'])

KERNEL, OURS = ['--data-plane', 'kernel'], ['--data-plane', 'user']

# A Configure-Request of LCP in the peer's name, next in its sequence.
FORGE = '''
import socket, struct, sys
call, sequence = int(sys.argv[1]), int(sys.argv[2])
frame = bytes.fromhex('ff03c02101420004')
gre = struct.pack('!HHHHI', 0x3001, 0x880b, len(frame), call, sequence) + frame
socket.socket(socket.AF_INET, socket.SOCK_RAW, 47).sendto(gre, ('10.7.0.1', 0))
'''


@pytest.fixture
def hosts(lab):
    """A guest with two hosts on a cable: 10.7.0.1 and 10.7.0.2."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'veth', 'tun', 'ipv6', 'pptp', 'ppp_mppe', 'ppp_async', 'sch_netem')
    left, right = guest.inside('left'), guest.inside('right')
    guest.cable(left, ('outer', '10.7.0.1/24'), right, ('outer', '10.7.0.2/24'))
    return left, right


def nothing_left(*hosts):
    """No interface of a tunnel."""
    for host in hosts:
        wait_until(lambda at=host: 'ppp' not in at.shell('ip -o link').stdout, 10,
                   f'{host.name} has no interface any more')


def echoes(host):
    """A TCP echo service."""
    service = host.start('socat', 'TCP-LISTEN:7,reuseaddr,fork', 'EXEC:cat')
    wait_until(lambda: ':7 ' in host.shell('ss -ltn').stdout, 10, 'the echo service listens')
    return service


def transfer(host, address, length):
    host.shell(f'head -c {length} {cache.BUILD}/src/app/greyline >/tmp/data; '
               f'socat -t 10 - TCP:{address}:7 </tmp/data | cmp - /tmp/data')


def lose(percent, *hosts):
    for host in hosts:
        host.shell(f'tc qdisc replace dev outer root netem loss {percent}%')


def ping_through(host, address):
    """A hundred answers, however many are lost."""
    host.shell(f'ping -n -q -c 100 -i 0.01 -w 20 -s 1200 {address}')


def test_our_ends(lab, program, hosts):
    left, right = hosts
    units = os.path.join(cache.BUILD, 'test/unit/io/test_io_dataplane_kernel')
    assert '[  PASSED  ] 5' in left.run(units).stdout

    # The kernel at both ends, VJ in it, IPv6 over it.
    ours = Server(lab, left, program, *KERNEL, '--vj', '--multilink', '--pool6', 'fd00:98::/48')
    dialer = Client(lab, right, program, *KERNEL, '--vj')
    dialer.up()
    ping(right, GATEWAY, count=200, size=1200, interval=0.005)
    dialer.wait_for('local  IPv6 address fd00:98:')
    ping(right, dialer.wait_for(r'remote LL address (\S+)').group(1) + '%ppp0')
    assert 'default' not in right.shell('ip -6 route').stdout
    echoes(left)
    transfer(right, GATEWAY, 200_000)
    session, = ours.sessions()
    assert session['comp'] == 'mppe-128' and not session['drops']
    assert session['rx-pkts'] > 300 and session['rx-bytes'] > 200 * 1228 + 200_000

    # LCP begins again, and with it all that was agreed on.
    theirs, = json.loads(right.run(program, 'sessions', '--json').stdout)
    mark = ours.process.mark()
    with open(lab.file('forge.py'), 'w', encoding='ascii') as file:
        file.write(FORGE)
    right.run('python3', lab.file('forge.py'), session['call'], theirs['gre-tx'] + 1)
    ours.wait_for('MPPE 128-bit stateless', after=mark)
    ping(right, GATEWAY, count=100, size=1200, interval=0.005)
    assert dialer.stop() in (0, 5)
    nothing_left(left, right)

    # Our own data path at the other end, two links; then the other way round.
    Server(lab, right, program, *OURS, '--multilink', listen='10.7.0.2')
    for host, address, plane in ((right, '10.7.0.1', OURS), (left, '10.7.0.2', KERNEL)):
        dialer = Client(lab, host, program, *plane, '--links', '2', server=address)
        dialer.up()
        dialer.wait_for('Link attached')
        ping(host, GATEWAY, count=100, size=1400, interval=0.005)
        assert dialer.stop() in (0, 5)
        nothing_left(left, right)


def test_the_kernel_and_pppd(lab, program, hosts):
    left, right = hosts
    ours = Server(lab, left, program, *KERNEL, '--mppe-stateful', '--allow-mppe-40')
    right.run('/peers/client', 'pptp', '10.7.0.1', USER, PASSWORD, 'nomppe-128',
              'require-mppe-40')
    lose(5, left, right)
    ping_through(right, GATEWAY)
    session, = ours.sessions()
    assert session['comp'] == 'mppe-40'
    lose(0, left, right)
    right.shell('kill $(ps -C pppd -o pid=)')
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')
    nothing_left(left, right)

    # Stateful, from us: what is lost makes lwIP ask for a new state, again and again.
    dialer = LwipClient(lab, right, '10.7.0.1', USER, PASSWORD, mppe='stateful')
    wait_until(lambda: [at for at in ours.sessions() if at['state'] == 'active'], 15, 'lwIP is up')
    session, = ours.sessions()
    assert session['comp'] == 'mppe-128-stateful'
    lose(5, left)
    ping_through(left, session['ip'])
    lose(0, left)
    ping_through(left, session['ip'])
    dialer.process.stop()
    nothing_left(left)

    lose(0, left, right)
    right.run('/peers/server', USER, PASSWORD)
    dialer = Client(lab, left, program, *KERNEL, server='10.7.0.2')
    assert dialer.up() == ('192.168.77.10', INNER_SERVER)
    lose(5, left, right)
    ping_through(left, INNER_SERVER)
    lose(0, left, right)
    ping(left, INNER_SERVER)  # poptop holds back what follows a gap
    assert dialer.stop() in (0, 5)
    assert 'LCP terminated by peer' in right.run('cat', '/run/pppd.log').stdout
    nothing_left(left, right)
