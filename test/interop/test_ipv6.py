"""IPv6 in the tunnel: negotiated, advertised, configured, and passing packets of every size."""
import re

import pytest

from harness.capture import Capture, tshark
from harness.greyline import PASSWORD, USER, Client, Server
from harness.guest import Guest
from harness.process import wait_until
from harness.traffic import echo_server, ping, reachable, transfer

POOL6 = 'fd00:98::/48'
GATEWAY6 = 'fd00:98::1'


def answers(namespace, address, *options):
    return namespace.run('ping', '-n', '-c', '1', '-W', '1', *options, address,
                         check=False).returncode == 0


def dial(lab, client, program, *options):
    dialer = Client(lab, client, program, *options)
    dialer.up()
    own = dialer.wait_for(r'local  IPv6 address (fd00:98:\S+)').group(1)
    reachable(client, GATEWAY6)  # the kernel takes a moment over its new address
    return dialer, own


@pytest.mark.needs('tshark', 'tcpdump')
@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_both_ends_want_it(lab, program, interface):
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, '--pool6', POOL6, '--interface', interface)
    dialer, own = dial(lab, client, program, '--route', POOL6)
    assert own.startswith('fd00:98:0:1:')
    with echo_server(server, '::'):
        ping(client, GATEWAY6)
        ping(server, own)
        ping(client, GATEWAY6, size=1600)  # in fragments
        transfer(client, GATEWAY6, 3_000_000)
    with echo_server(client, '::'):
        transfer(server, own, 3_000_000)
    link, = ours.sessions()
    assert link['ip6'] == 'fd00:98:0:1::'
    assert link['ip'] and not ours.drops().get('inner-source')
    if interface == 'per-session':
        peer = dialer.wait_for(r'remote LL address (fe80::\S+)').group(1)
        ping(client, f'{peer}%{dialer.interface()}')
    path = capture.stop()
    assert not tshark(path, 'gre && (ppp.protocol == 0x57 || ppp.protocol == 0x21)',
                      'frame.number')
    requests = tshark(path, 'ipv6cp.opt.interface_identifier', 'frame.number')
    assert len(requests) >= 4, 'two requests and two acknowledgements'
    assert not tshark(path, 'ipv6cp && _ws.malformed', 'frame.number')
    name = dialer.interface()
    dialer.stop()
    assert name not in client.ip('link')
    assert not re.search(r'fd00:98', client.ip('-6', 'route'))


def test_advertisement_in_clear(lab, program):
    """Without encryption tshark can read what is said on the link."""
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    Server(lab, server, program, '--pool6', POOL6, '--dns6', 'fd00:98::53', '--no-mppe')
    dialer, _ = dial(lab, client, program, '--no-mppe', '--route', POOL6)
    path = capture.stop()
    found = tshark(path, 'icmpv6.type == 134', 'icmpv6.opt.prefix',
                   'icmpv6.opt.prefix.flag.a', 'icmpv6.opt.mtu', 'icmpv6.opt.rdnss',
                   'icmpv6.checksum.status')
    assert found, 'no advertisement'
    prefix, automatic, mtu, dns, sum_ = found[0]
    assert prefix == 'fd00:98:0:1::' and automatic in ('1', 'True')
    assert int(mtu) >= 1280 and dns == 'fd00:98::53' and sum_ in ('1', 'Good')
    assert not tshark(path, 'icmpv6 && _ws.malformed', 'frame.number')
    dialer.stop()


def test_everything_through_the_tunnel(lab, program):
    server, client = lab.pair()
    Server(lab, server, program, '--pool6', POOL6)
    server.ip('addr', 'add', '2001:db8::1/128', 'dev', 'lo')
    dialer, _ = dial(lab, client, program, '--default-route')
    ping(client, '2001:db8::1')
    ping(client, '10.7.0.1')
    dialer.stop()
    assert not answers(client, '2001:db8::1')


@pytest.mark.parametrize('server_options, client_options', [
    ((), ()), (('--pool6', POOL6, '--no-ipv6'), ()), (('--pool6', POOL6), ('--no-ipv6',)),
    (('--pool6', POOL6), ('--mtu', '1200', '--mru', '1200'))])
def test_one_end_without(lab, program, server_options, client_options):
    server, client = lab.pair()
    ours = Server(lab, server, program, *server_options)
    dialer = Client(lab, client, program, *client_options)
    _, gateway = dialer.up()
    ping(client, gateway)
    assert not dialer.process.find('LL address')
    assert not ours.process.find('LL address')
    if '--mtu' in client_options:
        dialer.wait_for('No IPv6: it needs an MTU of 1280')


def test_two_clients(lab, program):
    """Each has its own network, and neither speaks in the other's name or to it."""
    server, left, right = lab.lan('server', 'left', 'right')
    ours = Server(lab, server, program, '--pool6', POOL6, users={'l': 'x', 'r': 'y'})
    found = []
    for client, user, password in ((left, 'l', 'x'), (right, 'r', 'y')):
        dialer = Client(lab, client, program, '--default-route', user=user, password=password)
        dialer.up()
        own = dialer.wait_for(r'local  IPv6 address (fd00:98:\S+)').group(1)
        found.append((dialer.interface(), own))
    reachable(left, GATEWAY6)
    reachable(right, GATEWAY6)
    assert not answers(left, found[1][1])
    left.ip('addr', 'add', found[1][1] + '/128', 'dev', found[0][0])
    assert not answers(left, GATEWAY6, '-I', found[1][1])
    drops = ours.drops()
    assert drops.get('isolated') and drops.get('inner-source')


UML = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc', files=['/dev/net/tun'])
HOST, GUEST = '10.8.0.2', '10.8.0.1'


def guest_and_host(lab, name):
    host = lab.namespace('host')
    return host, Guest(lab, host, [(f'{HOST}/24', f'{GUEST}/24')], name)


@UML
def test_pppd_dials_our_server(lab, program):
    """Its kernel makes the address of our advertisement."""
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, '--pool6', POOL6, listen=HOST)
    guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD, '+ipv6')
    wait_until(lambda: 'fd00:98:0:1:' in guest.run('ip', '-6', 'addr')[1], 20,
               'the guest has an address of ours')
    guest.shell(f'ip -6 route replace {POOL6} dev ppp0')
    ping(guest, GATEWAY6, size=1200)
    assert not ours.drops().get('inner-source')
    assert ours.sessions()[0]['ip6'] == 'fd00:98:0:1::'


@UML
def test_our_client_dials_pppd(lab, program):
    """pppd advertises nothing; the link-local addresses reach each other."""
    host, guest = guest_and_host(lab, 'server')
    guest.ready().run('/peers/server', USER, PASSWORD, '+ipv6')
    dialer = Client(lab, host, program, server=GUEST)
    dialer.up()
    peer = dialer.wait_for(r'remote LL address (fe80::\S+)').group(1)
    reachable(host, f'{peer}%{dialer.interface()}')
    ping(host, f'{peer}%{dialer.interface()}', size=1200)


SCRIPT = '''#!/bin/sh
echo "${0##*/} $* ll=$LLLOCAL,$LLREMOTE if=$IFNAME peer=$PEERNAME sent=${BYTES_SENT:+yes}" >>/run/said
'''


@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_scripts(lab, program, interface):
    """pppd's ipv6-up and ipv6-down, at both ends, with its arguments."""
    ends = lab.pair()
    for end in ends:
        for name in ('ip-up', 'ip-down', 'ipv6-up', 'ipv6-down'):
            end.write(f'/run/scripts/{name}', SCRIPT, 0o755)
    options = '--scripts', '--scripts-dir', '/run/scripts', '--ipparam', 'word'
    ours = Server(lab, ends[0], program, '--pool6', POOL6, '--interface', interface, *options)
    dialer, _ = dial(lab, ends[1], program, '--route', POOL6, *options)
    local = dialer.wait_for(r'local  LL address (fe80::\S+)').group(1)
    remote = dialer.wait_for(r'remote LL address (fe80::\S+)').group(1)
    names = dialer.interface(), ours.process.find(r'Using interface (\S+)').group(1)
    dialer.stop()
    wait_until(lambda: 'ipv6-down' in ends[0].read('/run/said'), 10, 'the server ran ipv6-down')
    for end, name, pair in ((ends[1], names[0], (local, remote)),
                            (ends[0], names[1], (remote, local))):
        said = [line for line in end.read('/run/said').splitlines() if line.startswith('ipv6')]
        assert [line.split()[0] for line in said] == ['ipv6-up', 'ipv6-down']
        for line, sent in zip(said, ('', 'yes')):
            assert line.split(' ', 1)[1].split(' peer=')[0] == \
                f'{name} pptp 0 {pair[0]} {pair[1]} word ll={pair[0]},{pair[1]} if={name}'
            assert line.endswith(f'sent={sent}')


DELEGATES = ('--pool6', POOL6, '--pool6-pd', 'fd00:99::/40')


@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_a_prefix_for_our_client(lab, program, interface):
    """Both ends are ours: the network behind the client is reached, renewed, and given back."""
    ends = server, client = lab.pair()
    for end in ends:
        end.write('/run/scripts/ipv6-prefix', '''#!/bin/sh
echo "$1 now=$IPV6_DELEGATED_PREFIX before=$OLD_IPV6_DELEGATED_PREFIX" >>/run/said
''', 0o755)
    scripts = '--scripts', '--scripts-dir', '/run/scripts'
    client.ip('link add lan0 type veth peer name lan1')
    client.ip('link set lan0 up')
    client.ip('link set lan1 up')
    ours = Server(lab, server, program, *DELEGATES, '--interface', interface, *scripts)
    dialer, _ = dial(lab, client, program, '--route', 'fd00::/16', '--request-prefix', '56',
                     '--delegate-to', 'lan0', *scripts)
    prefix = dialer.wait_for(r'delegated IPv6 prefix (fd00:99\S*)::/56').group(1)
    inside = dialer.wait_for(r'lan0 has (fd00:99\S+)/64').group(1)
    assert ours.sessions()[0]['ip6-dp'] == f'{prefix}::/56'
    reachable(server, inside)
    ping(server, inside)
    ping(client, GATEWAY6, options=('-I', inside))
    assert not ours.drops().get('inner-source')
    assert re.search(r'valid_lft [1-9]\d+sec', client.ip('-6 addr show dev lan0'))
    dialer.stop()
    ours.wait_for(r'delegated IPv6 prefix has ended')
    assert inside not in client.ip('-6 addr show dev lan0')
    for end in ends:
        wait_until(lambda end=end: len(end.read('/run/said').splitlines()) == 2, 10, 'two scripts')
        first, second = end.read('/run/said').splitlines()
        assert first.endswith(f'now={prefix}::/56 before=')
        assert second.endswith(f'now= before={prefix}::/56')


def test_no_prefix_is_left(lab, program):
    server, left, right = lab.lan('server', 'left', 'right')
    ours = Server(lab, server, program, '--pool6', POOL6, '--pool6-pd', 'fd00:99::/55',
                  '--pool6-pd-length', '56', users={'l': 'x', 'r': 'y', 'm': 'z'})
    found = set()
    for client, user, password in ((left, 'l', 'x'), (right, 'r', 'y')):
        dialer = Client(lab, client, program, '--request-prefix', '0', user=user,
                        password=password)
        dialer.up()
        found.add(dialer.wait_for(r'delegated IPv6 prefix (\S+)/56').group(1))
    assert found == {'fd00:99::', 'fd00:99:0:100::'}
    last = Client(lab, left, program, '--request-prefix', '0', '--unit', '7', user='m',
                  password='z')
    last.wait_for(r'the server has no prefix for us')
    ours.wait_for('No prefix is left to delegate')
    dialer.stop()  # its prefix is free, and whoever asks next gets it
    assert last.wait_for(r'delegated IPv6 prefix (\S+)/56', 20).group(1) in found


def test_names_over_dhcpv6(lab, program):
    """Where the advertisement's names are not enough: what DHCPv6 and DNSSL say is used."""
    server, client = lab.pair()
    client.write('/etc/resolv.conf', 'nameserver 192.0.2.1\n', 0o644)
    Server(lab, server, program, '--pool6', POOL6, '--dns6', 'fd00:98::53', '--dns', '10.98.0.1',
           '--search-domain', 'corp.example.com', '--search-domain', 'example.net')
    dialer, _ = dial(lab, client, program, '--route', POOL6, '--use-peer-dns')
    wait_until(lambda: 'search corp.example.com example.net' in client.read('/etc/resolv.conf'),
               10, 'the search list is there')
    resolver = client.read('/etc/resolv.conf')
    assert 'nameserver 10.98.0.1\n' in resolver
    assert resolver.count('nameserver fd00:98::53\n') == 1
    dialer.wait_for(r'rcvd IPv6 DHCPv6 Reply', 10)
    dialer.stop()
    assert client.read('/etc/resolv.conf') == 'nameserver 192.0.2.1\n'


def test_named_identifiers(lab, program):
    server, client = lab.pair()
    Server(lab, server, program, '--pool6', POOL6, '--ipv6-id', '::1', '--ipv6cp-accept-local')
    dialer, own = dial(lab, client, program, '--route', POOL6, '--ipv6-id', '::a:b,::1')
    assert own == 'fd00:98:0:1::a:b'
    dialer.wait_for(r'local  LL address fe80::a:b ')
    dialer.wait_for(r'remote LL address fe80::1 ')
    ping(client, f'fe80::1%{dialer.interface()}')  # the session answers on the shared interface
