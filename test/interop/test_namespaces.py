"""Many clients of our own: 64 real ones from 64 hosts, and a thousand sessions of one load."""
import concurrent.futures
import signal
import time

import pytest

from harness.greyline import GATEWAY, Client, Server
from harness.load import Load
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

CLIENTS = 64
STOP_SECONDS = 5


def test_sixty_four_clients_at_once(lab, program):
    names = [f'client{at}' for at in range(CLIENTS)]
    server, *hosts = lab.lan('server', *names)
    users = {f'user{at}': f'secret {at}' for at in range(CLIENTS)}
    before = server.state()
    sample = [(host, host.state()) for host in hosts[:4]]
    ours = Server(lab, server, program, users=users)
    clients = [Client(lab, host, program, user=f'user{at}', password=f'secret {at}')
               for at, host in enumerate(hosts)]
    addresses = {client.up(60)[0] for client in clients}
    assert len(addresses) == CLIENTS
    table = ours.sessions()
    assert {row['username'] for row in table} == set(users)
    assert len({row['calling-sid'] for row in table}) == CLIENTS

    def pass_data(at):
        ping(hosts[at], GATEWAY, 3)
        transfer(hosts[at], GATEWAY, 50_000, seed=f'{at}'.encode(), timeout=60)

    with echo_server(server), concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(pass_data, range(CLIENTS)))
    assert len(ours.sessions()) == CLIENTS
    # The counters are what the workers last published.
    wait_until(lambda: all(row['rx-bytes'] > 50_000 and row['tx-bytes'] > 50_000
                           for row in ours.sessions()), 5, 'every session has counted its bytes')

    for client in clients[:CLIENTS // 2]:
        client.process.kill(signal.SIGTERM)
    for client in clients[:CLIENTS // 2]:
        assert client.wait(10) in (0, 5)
    wait_until(lambda: len(ours.sessions()) == CLIENTS // 2, 5, 'half of them have left')
    assert ours.stop() == 0
    for client in clients[CLIENTS // 2:]:
        assert client.wait(10) == 16
    assert server.state() == before
    for host, state in sample:
        assert host.state() == state


@pytest.mark.parametrize('interface, tunnels, calls', [
    ('shared', 500, 2),
    ('per-session', 250, 4),
])
def test_a_thousand_sessions_and_half_of_them_black_holed(lab, program, interface, tunnels, calls):
    # One neighbour on the cable, whose addresses lie behind it: the neighbour tables of a host
    # are small, and shared by all its namespaces.
    server, client = lab.pair()
    server.ip('route add 10.8.0.0/16 via 10.7.0.2')
    # Counted so that the second half of the tunnels begins at 10.8.2.0.
    half = tunnels // 2
    addresses = [f'10.8.{(512 - half + at) >> 8}.{(512 - half + at) & 255}'
                 for at in range(tunnels)]
    client.run('ip', '-batch', '-', stdin=''.join(
        f'address add {address}/32 dev lo\n' for address in addresses))
    before = server.state()
    total = tunnels * calls

    ours = Server(lab, server, program, '--nat', '--interface', interface, '--lcp-echo-interval',
                  '20')
    load = Load(lab, client, program, '--sessions', total, '--calls-per-tunnel', calls, '--bind',
                f'{addresses[0]}-{addresses[-1]}', '--traffic', 'ping:64:2', '--seconds', 2,
                '--stay')
    load.up(total, 90)
    assert len(ours.sessions()) == total
    # No first frame of a call came before the data path knew the call.
    assert 'gre-call' not in ours.drops()
    load.measured()

    client.run('nft', '-f', '-', stdin='''table inet hole {
        chain in { type filter hook input priority 0; ip daddr 10.8.2.0/24 drop; }
        chain out { type filter hook output priority 0; ip saddr 10.8.2.0/24 drop; }
    }''')
    began = time.monotonic()
    ours.process.kill(signal.SIGTERM)
    assert ours.process.wait(STOP_SECONDS + 5) == 0
    took = time.monotonic() - began
    print(f'{total} sessions gone in {took:.2f} s')
    assert took < STOP_SECONDS, f'{took:.1f} s'
    assert server.commands() == []
    assert server.state() == before
    # Every session passed its pings, and the half that can still hear was told of the end.
    _, found = load.stop()
    assert found['traffic']['sessions-answered'] == total
    assert found['hold']['stayed'] == total
    assert found['hold']['ended'] == half * calls
