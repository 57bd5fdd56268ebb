"""Several workers: sessions on each of them, and packets that another worker has read."""
import concurrent.futures
import contextlib

import pytest

from harness.greyline import GATEWAY, POOL, Client, Server
from harness.traffic import echo_server, ping, transfer

CLIENTS = 8
BYTES = 2_000_000


@pytest.mark.needs('setpriv')
@pytest.mark.parametrize('steering, before', [
    ('by inner destination', ()),
    # Without BPF the kernel's own flow steering is left, and handing over.
    ('by flow', ('setpriv', '--bounding-set', '-bpf,-sys_admin')),
])
@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_four_workers(lab, program, interface, steering, before):
    names = [f'client{at}' for at in range(CLIENTS)]
    server, *hosts = lab.lan('server', *names)
    users = {f'user{at}': f'secret {at}' for at in range(CLIENTS)}
    ours = Server(lab, server, program, '--workers', '4', '--client-to-client', '--interface',
                  interface, users=users, before=before)
    if interface == 'per-session':
        server.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
    clients = [Client(lab, host, program, '--route', POOL, user=f'user{at}',
                      password=f'secret {at}') for at, host in enumerate(hosts)]
    addresses = [client.up(60)[0] for client in clients]

    def pass_data(at):
        other = addresses[(at + 1) % CLIENTS]
        ping(hosts[at], GATEWAY)
        ping(hosts[at], other)
        transfer(hosts[at], GATEWAY, BYTES, seed=f'{at}'.encode(), timeout=60)
        transfer(hosts[at], other, BYTES, seed=f'{at} to next'.encode(), timeout=60)

    with contextlib.ExitStack() as servers:
        for host in (server, *hosts):
            servers.enter_context(echo_server(host))
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(pass_data, range(CLIENTS)))
    status = ours.status()
    assert status['workers'] == 4
    if interface == 'shared':
        assert steering in status['steering']
        assert status['handed-over'] > 0 # client to client, at least
    assert ours.stop() == 0
