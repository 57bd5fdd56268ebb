"""The tunnel itself over IPv6: TCP and GRE, with tshark as the judge. No other program has it, so
both ends are ours."""
import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server
from harness.load import Load
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

SERVER6, CLIENT6 = 'fd07::1', 'fd07::2'
# 40 of IPv6, 16 of GRE, FF 03 and the protocol, 4 of MPPE
MTU = 1500 - 40 - 16 - 4 - 4


def pair6(lab):
    server, client = lab.pair()
    server.ip(f'address add {SERVER6}/64 dev outer nodad')
    client.ip(f'address add {CLIENT6}/64 dev outer nodad')
    return server, client


def host_names(namespace, *lines):
    namespace.write('/etc/hosts', ''.join(f'{line}\n' for line in lines), 0o644)


@pytest.mark.needs('tcpdump', 'tshark')
@pytest.mark.parametrize('link', ['raw', 'rings', 'xdp'])
def test_tunnel_over_ipv6(lab, program, link):
    server, client = pair6(lab)
    ours = Server(lab, server, program, '--outer', link, listen='::', wait=False)
    ours.wait_for(r'Listening on ::|Couldn.t|cannot|needs')
    if not ours.process.running() or not ours.process.find('Listening on ::'):
        pytest.skip(f'needs {link} here: {ours.process.tail()}')
    capture = Capture(lab, server, 'outer')
    dialer = Client(lab, client, program, server=f'[{SERVER6}]')
    dialer.up()
    ping(client, GATEWAY, size=1200)
    with echo_server(server):
        transfer(client, GATEWAY, 500_000)
    session, = ours.sessions()
    assert session['calling-sid'] == CLIENT6 and session['called-sid'] == SERVER6
    assert session['mtu'] == MTU
    ping(server, session['ip'], size=MTU - 28, options=('-M', 'do'))
    assert dialer.stop() in (0, 5)
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')
    path = capture.stop()

    # The control connection, message by message.
    types = [row[0] for row in tshark(path, 'ipv6 && pptp', 'pptp.control_message_type')]
    assert types[:4] == ['1', '2', '7', '8'] and '12' in types and '13' in types
    # GRE right behind the IPv6 header, its lengths what they should be, and nothing malformed.
    rows = tshark(path, 'ipv6.nxt == 47', 'ipv6.plen', 'gre.proto', 'gre.flags.version',
                  'gre.key.payload_length', 'gre.flags.sequence_number', 'gre.flags.ack')
    assert len(rows) > 300
    for plen, protocol, version, payload, sequence, ack in rows:
        assert (int(protocol, 0), int(version, 0)) == (0x880b, 1)
        header = 8 + 4 * (sequence in ('1', 'True')) + 4 * (ack in ('1', 'True'))
        assert int(plen) == header + int(payload)
    assert not tshark(path, '_ws.malformed || icmpv6.type < 128', 'frame.number')
    protocols = {int(row[0].split(',')[0], 0)
                 for row in tshark(path, 'gre && ppp.protocol', 'ppp.protocol')}
    assert {0xc021, 0xc223, 0x80fd, 0x8021, 0x00fd} <= protocols
    assert not protocols & {0x0021, 0x0057}


def test_both_families_at_once(lab, program):
    """One server, one client of each family, and data between the two."""
    server, first, second = lab.lan('server', 'first', 'second')
    server.ip(f'address add {SERVER6}/64 dev outer nodad')
    second.ip('address add fd07::3/64 dev outer nodad')
    ours = Server(lab, server, program, '--listen', '::', '--client-to-client')
    ours.wait_for(r'Listening on ::')
    four = Client(lab, first, program)
    six = Client(lab, second, program, server=SERVER6)
    addresses = [client.up()[0] for client in (four, six)]
    assert {row['calling-sid'] for row in ours.sessions()} == {'10.7.0.2', 'fd07::3'}
    first.ip(f'route add {addresses[1]} dev {four.interface()}')
    second.ip(f'route add {addresses[0]} dev {six.interface()}')
    ping(first, addresses[1], size=1200)
    ping(second, addresses[0], size=1200)


def test_names(lab, program):
    """A name with an IPv6 address alone, and one whose IPv6 address does not answer."""
    server, client = pair6(lab)
    ours = Server(lab, server, program, '--listen', '::')
    ours.wait_for(r'Listening on ::')
    host_names(client, '127.0.0.1 localhost', f'{SERVER6} six.example', '10.7.0.1 both.example',
               'fd07::99 both.example')
    six = Client(lab, client, program, server='six.example')
    six.up()
    assert ours.sessions()[0]['calling-sid'] == CLIENT6
    assert six.stop() in (0, 5)
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')
    client.ip('neighbour replace fd07::99 lladdr 02:00:00:00:00:99 dev outer')
    client.run('nft', '-f', '-', stdin='''table inet hole {
        chain out { type filter hook output priority 0; ip6 daddr fd07::99 reject; }
    }''')
    both = Client(lab, client, program, server='both.example')
    both.up()
    assert ours.sessions()[0]['calling-sid'] == '10.7.0.2'


def test_many_calls_over_ipv6(lab, program):
    server, client = pair6(lab)
    ours = Server(lab, server, program, listen='::')
    load = Load(lab, client, program, '--sessions', 64, '--calls-per-tunnel', 16, '--traffic',
                'ping:64:5', '--seconds', 2, server=f'[{SERVER6}]')
    load.up(64)
    code, found = load.end()
    assert code == 0
    assert found['traffic']['sessions-answered'] == 64
    assert 'gre-call' not in ours.drops()
