"""What IPCP agrees on with pppd and a real kernel: compressed headers, and addresses on demand."""
import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.guest import Guest
from harness.peers import INNER_FIRST, INNER_SERVER
from harness.process import wait_until
from harness.traffic import echo_server, pattern, ping, reachable, transfer

pytestmark = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc', 'tshark', 'tcpdump',
                               files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])

HOST, GUEST = '10.8.0.2', '10.8.0.1'
WIRE = [(f'{HOST}/24', f'{GUEST}/24')]
COMPRESSED, WHOLE = '0x002d', '0x002f'


def host_and_guest(lab):
    """Both without TCP timestamps, which change an option with every packet."""
    host = lab.namespace('host')
    guest = Guest(lab, host, WIRE)
    guest.ready().shell('echo 0 >/proc/sys/net/ipv4/tcp_timestamps')
    host.run('sh', '-c', 'echo 0 >/proc/sys/net/ipv4/tcp_timestamps')
    return host, guest


def guest_transfer(lab, guest, address, length=1_000_000):
    with open(lab.file('share/data'), 'wb') as file:
        file.write(pattern(length))
    guest.shell(f'socat -t 20 - TCP:{address}:7 </share/data >/tmp/back && '
                'cmp /share/data /tmp/back', timeout=120)


def numbers(capture, source):
    rows = tshark(capture.stop(), f'gre && ppp.protocol && ip.src == {source}', 'ppp.protocol')
    return [row[0].split(',')[0] for row in rows]


def assert_compressed(capture, *sources):
    for source in sources:
        seen = numbers(capture, source)
        assert WHOLE in seen, source
        assert seen.count(COMPRESSED) > 100, (source, seen.count(COMPRESSED))


@pytest.mark.parametrize('clear, slots', [(False, []), (True, ['vj-max-slots', '4']),
                                          (True, ['novjccomp'])])
def test_pppd_dials_us_with_compressed_headers(lab, program, clear, slots):
    host, guest = host_and_guest(lab)
    options = ['--vj', '--vjccomp'] + (['--no-mppe'] if clear else [])
    ours = Server(lab, host, program, *options, listen=HOST)
    capture = Capture(lab, host, 'guest0')
    words = ['vj'] + (['clear'] if clear else [])
    guest.run('/peers/client', 'pptp', HOST, USER, PASSWORD, *words, *slots)
    with echo_server(host):
        guest_transfer(lab, guest, GATEWAY)
    session, = ours.sessions()
    assert not [name for name in session['drops'] if name.startswith('vj')], session['drops']
    headers = session['compressed-headers']
    assert headers['sent'] > 100 and headers['received'] > 100
    assert headers['sent-saved'] > 30 * headers['sent']
    assert 'compressed headers: sent' in ours.command('status').stdout
    if clear:
        assert_compressed(capture, HOST, GUEST)
    else:
        assert COMPRESSED not in numbers(capture, GUEST)  # it is inside


@pytest.mark.parametrize('clear', [False, True])
def test_we_dial_pppd_with_compressed_headers(lab, program, clear):
    host, guest = host_and_guest(lab)
    words = ['vj'] + (['clear'] if clear else [])
    guest.run('/peers/server', USER, PASSWORD, *words)
    guest.shell('socat TCP-LISTEN:7,reuseaddr,fork EXEC:cat &')
    capture = Capture(lab, host, 'guest0')
    ours = Client(lab, host, program, '--vj', *(['--no-mppe'] if clear else []), server=GUEST)
    assert ours.up() == (INNER_FIRST, INNER_SERVER)
    reachable(host, INNER_SERVER)
    transfer(host, INNER_SERVER, 500_000)
    if clear:
        assert_compressed(capture, HOST, GUEST)
    assert ours.stop() in (0, 5)


def test_who_does_not_want_it_is_left_alone(lab, program):
    """pppd asks for it by default; we do not."""
    host, guest = host_and_guest(lab)
    ours = Server(lab, host, program, '--no-mppe', listen=HOST)
    capture = Capture(lab, host, 'guest0')
    guest.run('/peers/client', 'pptp', HOST, USER, PASSWORD, 'vj', 'clear')
    with echo_server(host):
        guest_transfer(lab, guest, GATEWAY, 100_000)
    ours.wait_for(r'Configure-Reject id \S+ compress VJ 0f01')
    assert not {COMPRESSED, WHOLE} & set(numbers(capture, GUEST) + numbers(capture, HOST))


def test_compressed_headers_over_a_bad_road(lab, program):
    """The kernel's decompressor is told of no loss, ours is; TCP heals both."""
    host, guest = host_and_guest(lab)
    ours = Server(lab, host, program, '--vj', listen=HOST)
    guest.run('/peers/client', 'pptp', HOST, USER, PASSWORD, 'vj')
    guest.impair('delay', '3ms', 'loss', '0.5%')  # not while pppd negotiates CCP: see test_uml.py
    with echo_server(host):
        guest_transfer(lab, guest, GATEWAY, 150_000)
    assert len(ours.sessions()) == 1


def test_addresses_that_pppd_gives(lab, program):
    """It lets us have our own where it is told to; else it insists, and so may we."""
    host, guest = host_and_guest(lab)
    wanted = '192.168.77.99'
    guest.run('/peers/server', USER, PASSWORD)
    ours = Client(lab, host, program, '--local', wanted, '--no-ipv6', server=GUEST)
    assert ours.wait(60) == 10
    assert ours.process.find(rf'the peer gives us {INNER_FIRST[:-1]}.*, we want {wanted}')
    ours = Client(lab, host, program, f'{wanted}:', '--ipcp-accept-local', server=GUEST)
    local, remote = ours.up()
    assert local.startswith('192.168.77.1') and remote == INNER_SERVER
    assert ours.stop() in (0, 5)
    ours = Client(lab, host, program, ':192.168.77.200', '--ipcp-accept-remote', server=GUEST)
    assert ours.up()[1] == INNER_SERVER
    assert ours.stop() in (0, 5)


def test_pppd_accepts_our_address(lab, program):
    host, guest = host_and_guest(lab)
    wanted = '192.168.77.99'
    guest.run('/peers/server', USER, PASSWORD, 'ipcp-accept-remote')
    ours = Client(lab, host, program, f'{wanted}:{INNER_SERVER}', server=GUEST)
    assert ours.up() == (wanted, INNER_SERVER)
    reachable(host, INNER_SERVER)
    ping(host, INNER_SERVER)
    assert ours.stop() in (0, 5)


def test_addresses_nobody_speaks_of(lab, program):
    host, guest = host_and_guest(lab)
    guest.run('/peers/server', USER, PASSWORD, 'ipcp-no-address', 'ipcp-no-addresses')
    ours = Client(lab, host, program, f'{INNER_FIRST}:{INNER_SERVER}', '--ipcp-no-address',
                  server=GUEST)
    assert ours.up() == (INNER_FIRST, INNER_SERVER)
    reachable(host, INNER_SERVER)
    assert not ours.process.find(r'IPCP Configure-Request.* addr')
    assert ours.stop() in (0, 5)


def test_pppd_asks_us_for_addresses(lab, program):
    """With addresses of its own it gives in, or is refused."""
    host, guest = host_and_guest(lab)
    ours = Server(lab, host, program, listen=HOST)
    guest.run('/peers/client', 'pptp', HOST, USER, PASSWORD, '10.98.7.7:10.98.7.8',
              'ipcp-accept-local', 'ipcp-accept-remote')
    session, = ours.sessions()
    assert session['local-ip'] == GATEWAY and session['ip'] != '10.98.7.7'
    ping(guest, GATEWAY)
    guest.run('/peers/hangup')
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')
    status, log = guest.run('/peers/client', 'pptp', HOST, USER, PASSWORD, '10.98.7.7:',
                            check=False)
    assert status != 0 and 'IPCP' in log
    ours.wait_for(r'the peer insists on 10\.98\.7\.7', 20)
