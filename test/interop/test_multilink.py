"""Multilink (RFC 1990): bundles of calls and of tunnels, over paths that differ."""
import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

BYTES = 3_000_000


def bundle_of(ours):
    found = [session for session in ours.sessions() if session['type'] == 'mp']
    assert len(found) == 1, found
    return found[0]


def links_of(ours):
    return [session for session in ours.sessions() if session['type'] == 'pptp'
            and session['bundle'] and session['state'] == 'active']


def said(program, words, times, timeout=10):
    wait_until(lambda: program.process.text.count(words) >= times, timeout,
               f'{words} said {times} times')


@pytest.mark.parametrize('per_tunnel', ['1', '3'])
def test_three_links(lab, program, per_tunnel):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--multilink')
    dialer = Client(lab, client, program, '--links', '3', '--links-per-tunnel', per_tunnel)
    dialer.up()
    said(dialer, 'Link attached to ppp0', 3)
    said(ours, 'Link attached to greyline0', 3)
    ping(client, GATEWAY)
    with echo_server(server):
        transfer(client, GATEWAY, BYTES)
    bundle, links = bundle_of(ours), links_of(ours)
    assert bundle['links'] == 3 and len(links) == 3
    for link in links:
        assert link['bundle'] == bundle['sid']
        assert link['rx-bytes'] > BYTES / 5 and link['tx-bytes'] > BYTES / 5
    assert len(ours.status()['tunnels']) == (3 if per_tunnel == '1' else 1)
    assert dialer.stop() == 5
    said(ours, 'Link detached', 3)
    assert ours.stop() == 0


def two_paths(lab):
    """A server and a client with two cables: 10.7.0.0/24 and 10.8.0.0/24. What the client sends from
    its address on the second leaves there, to the server's one address."""
    server, client = lab.namespace('server'), lab.namespace('client')
    lab.cable(server, ('outer', '10.7.0.1/24'), client, ('outer', '10.7.0.2/24'))
    lab.cable(server, ('second', '10.8.0.1/24'), client, ('second', '10.8.0.2/24'))
    client.ip('rule add from 10.8.0.2 table 8')
    client.ip('route add 10.7.0.1/32 via 10.8.0.1 dev second table 8')
    for host in (server, client):
        host.run('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.outer.rp_filter=0',
                 'net.ipv4.conf.second.rp_filter=0')
    return server, client


@pytest.mark.needs('tc')
@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_paths_of_different_speed(lab, program, interface):
    server, client = two_paths(lab)
    for host in (server, client):  # what leaves there waits in a queue, and comes later
        host.run('tc', 'qdisc', 'add', 'dev', 'second', 'root', 'tbf', 'rate', '50mbit', 'burst', '3000',
                 'limit', '300000')
    ours = Server(lab, server, program, '--multilink', '--workers', '4', '--interface', interface)
    dialer = Client(lab, client, program, '--links', '2', '--link-bind', '10.8.0.2')
    dialer.up()
    said(dialer, 'Link attached to', 2)
    said(ours, 'Link attached to', 2)
    ping(client, GATEWAY, 10)
    with echo_server(server):
        transfer(client, GATEWAY, 1_000_000, timeout=60)
    assert ours.status()['handed-over'] > 0  # of the link that moved to its bundle's worker
    links = links_of(ours)
    assert {link['calling-sid'] for link in links} == {'10.7.0.2', '10.8.0.2'}
    for link in links:
        assert link['rx-bytes'] > 200_000 and link['tx-bytes'] > 200_000
    assert dialer.stop() == 5
    assert ours.stop() == 0


def test_links_come_and_go(lab, program):
    """A path dies and comes back; then the first link is ended: the connection stays."""
    server, client = two_paths(lab)
    echo = ['--lcp-echo-interval', '1', '--lcp-echo-failure', '2', '--control-echo-interval', '1',
            '--control-echo-timeout', '2']
    ours = Server(lab, server, program, '--multilink', *echo)
    dialer = Client(lab, client, program, '--links', '2', '--link-bind', '10.8.0.2', '--holdoff', '1',
                    *echo)
    dialer.up()
    said(ours, 'Link attached to', 2)
    client.ip('link set second down')
    said(dialer, 'Link detached from', 1, 20)
    said(ours, 'Link detached from', 1, 20)
    ping(client, GATEWAY)
    client.ip('link set second up')
    client.ip('route add 10.7.0.1/32 via 10.8.0.1 dev second table 8')
    said(ours, 'Link attached to', 3, 30)
    with echo_server(server):
        first, = [link for link in links_of(ours) if link['calling-sid'] == '10.7.0.2']
        ours.command('terminate', '--sid', first['sid'])
        said(dialer, 'Link detached from', 2)
        transfer(client, GATEWAY, 300_000)
        said(ours, 'Link attached to', 4, 30)
        transfer(client, GATEWAY, 300_000)
    assert dialer.process.text.count('local  IP address') == 1  # one connection, all the time
    bundle = bundle_of(ours)
    ours.command('terminate', '--sid', bundle['sid'])
    assert dialer.wait(15) != 0


@pytest.mark.needs('tcpdump', 'tshark')
@pytest.mark.parametrize('form', ['long', 'short'])
def test_tshark_reads_it(lab, program, form):
    server, client = lab.pair()
    options = ['--no-mppe', '--mtu', '1500']
    options += ['--mpshortseq'] if form == 'short' else []
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, '--multilink', *options)
    dialer = Client(lab, client, program, '--links', '2', '--endpoint', 'MAC:00:11:22:33:44:55',
                    *options)
    dialer.up()
    said(ours, 'Link attached to', 2)
    assert '[MAC:00:11:22:33:44:55]' in ours.process.text
    ping(client, GATEWAY, 4, size=1472, options=('-M', 'do'))  # 1500 bytes: two pieces each
    path = capture.stop()
    fragments = tshark(path, 'mp', 'mp.first', 'mp.last')
    assert fragments and not tshark(path, 'mp && _ws.malformed', 'frame.number')
    firsts = [row for row in fragments if row[0] in ('1', 'True') and row[1] in ('0', 'False')]
    assert len(firsts) >= 8
    printed = server.run(program, 'dump', path).stdout
    assert 'mrru 1500' in printed and 'endpoint MAC:00:11:22:33:44:55' in printed
    assert ('ssnhf' in printed) == (form == 'short')


def test_a_server_without(lab, program):
    """It rejects the options: one ordinary link."""
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program, '--links', '2')
    dialer.up()
    dialer.wait_for('The server does not do multilink')
    ping(client, GATEWAY)
    session, = ours.sessions()
    assert session['type'] == 'pptp' and not session['bundle']


def test_limits(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--multilink', '--max-links', '2', '--single-session', 'deny')
    dialer = Client(lab, client, program, '--links', '3', '--holdoff', '60')
    dialer.up()
    ours.wait_for(r'Link not attached: the bundle has as many as it may')
    ping(client, GATEWAY)
    wait_until(lambda: len(links_of(ours)) == 2, 10, 'two links are left')
    assert bundle_of(ours)['links'] == 2
