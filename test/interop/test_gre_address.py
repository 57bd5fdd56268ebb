"""A peer with two addresses: TCP leaves by one of them and GRE by the other."""
import re

import pytest

from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

SERVER, CLIENT, OTHER = '10.7.0.1', '10.7.0.2', '10.7.0.3'

pytestmark = pytest.mark.needs('nft')


def gre_by_the_other(host, own):
    """GRE of `host` leaves from, and comes to, its other address; no connection is tracked."""
    host.ip(f'address add {OTHER}/24 dev outer')
    host.run('nft', '-f', '-', stdin=f'''
        table ip other {{
            chain leaves {{
                type filter hook postrouting priority raw;
                ip protocol gre ip saddr {own} ip saddr set {OTHER}
            }}
            chain comes {{
                type filter hook prerouting priority raw;
                ip protocol gre ip daddr {OTHER} ip daddr set {own}
            }}
        }}''')


def count_raw(host):
    """Counts GRE to the other address that netfilter sees leave: by the raw socket, that is."""
    host.run('nft', '-f', '-', stdin=f'''
        table ip count {{
            counter gre {{ }}
            chain leaves {{
                type filter hook output priority 0;
                ip protocol gre ip daddr {OTHER} counter name gre
            }}
        }}''')


def counted(host):
    return int(re.search(r'packets (\d+)', host.run('nft', 'list', 'counter', 'ip', 'count',
                                                    'gre').stdout).group(1))


def carries(server, client):
    ping(client, GATEWAY, size=1200)
    with echo_server(server):
        transfer(client, GATEWAY, 300_000)


def routes_outside(host):
    return [to for to in (SERVER, OTHER)
            if any(line.split()[0] == to for line in
                   host.run('ip', 'route').stdout.splitlines())]


def test_the_server_names_it(lab, program):
    server, client = lab.pair()
    gre_by_the_other(client, CLIENT)
    ours = Server(lab, server, program)
    dialled = Client(lab, client, program, '--nat-fallback', 'off', '--lcp-restart', '1',
                     '--lcp-max-configure', '3')
    ours.wait_for(rf'Dropped: GRE of this session comes from {OTHER}, but its control connection '
                  rf'from {CLIENT}: only --gre-from-anywhere takes that reason=gre-peer '
                  rf'peer={CLIENT} sid=')
    assert dialled.wait(20) == 10
    assert ours.process.text.count('GRE of this session comes from') == 1


def test_the_client_names_it(lab, program):
    server, client = lab.pair()
    gre_by_the_other(server, SERVER)
    Server(lab, server, program)
    dialled = Client(lab, client, program, '--nat-fallback', 'off', '--lcp-restart', '1',
                     '--lcp-max-configure', '3')
    dialled.wait_for(rf'Dropped: GRE of this session comes from {OTHER}, but its control '
                     rf'connection from {SERVER}: only --gre-from-anywhere takes that')
    assert dialled.wait(20) == 10


@pytest.mark.parametrize('outer', ['raw', 'rings', 'xdp'])
def test_the_server_takes_it(lab, program, outer):
    server, client = lab.pair()
    gre_by_the_other(client, CLIENT)
    count_raw(server)
    ours = Server(lab, server, program, '--gre-from-anywhere', '--outer', outer)
    dialled = Client(lab, client, program, '--outer', 'raw')
    dialled.up()
    ours.wait_for(rf'GRE of this session comes from {OTHER}, its control connection from {CLIENT}')
    assert ours.status()['outer-link'].startswith(outer)
    carries(server, client)
    assert (counted(server) > 100) == (outer == 'raw')  # each back end serves such a session
    session, = ours.sessions()
    ping(server, session['ip'])
    # Now as ever: the peer's own address is a stranger's.
    client.run('nft', 'delete', 'table', 'ip', 'other')
    client.run('ping', '-n', '-c', '1', '-W', '1', GATEWAY, check=False)
    ours.wait_for(rf'Dropped: GRE of this session comes from {CLIENT}, as well as from {OTHER} '
                  r'reason=gre-peer')


@pytest.mark.parametrize('outer', ['raw', 'rings'])
def test_a_peer_with_one_address(lab, program, outer):
    """The option changes nothing for those who need it not."""
    server, client = lab.pair()
    ours = Server(lab, server, program, '--gre-from-anywhere', '--outer', outer)
    dialled = Client(lab, client, program, '--gre-from-anywhere', '--outer', outer)
    dialled.up()
    carries(server, client)
    for one in (ours, dialled):
        assert 'GRE of this session comes from' not in one.process.text
    assert not ours.drops().get('gre-peer')


def test_the_client_takes_it_and_keeps_it_outside(lab, program):
    """With a default route through the tunnel, both addresses of the server stay outside."""
    server, client = lab.pair()
    gre_by_the_other(server, SERVER)
    Server(lab, server, program, '--outer', 'raw')
    dialled = Client(lab, client, program, '--gre-from-anywhere', '--default-route')
    dialled.up()
    dialled.wait_for(rf'GRE of this session comes from {OTHER}, its control connection from '
                     rf'{SERVER}')
    carries(server, client)
    assert routes_outside(client) == [SERVER, OTHER]
    dialled.stop()
    wait_until(lambda: routes_outside(client) == [], 5, 'the routes are taken back')
