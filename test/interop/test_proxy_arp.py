"""Clients with addresses of the server's own network: its neighbours find them (pppd's proxyarp)."""
import signal

from harness.greyline import Client, Server
from harness.process import wait_until
from harness.traffic import ping

POOL = '10.5.0.200-10.5.0.210'


def road(lab):
    """client -- server -- neighbour, who has no route but its own network."""
    client, server, neighbour = (lab.namespace(name) for name in ('client', 'server', 'neighbour'))
    lab.cable(client, ('outer', '10.9.1.2/24'), server, ('outer', '10.9.1.1/24'))
    lab.cable(server, ('lan', '10.5.0.1/24'), neighbour, ('lan', '10.5.0.9/24'))
    server.run('sysctl', '-q', 'net.ipv4.ip_forward=1')
    return client, server, neighbour


def proxies(namespace):
    return namespace.ip('neigh show proxy')


def serve(lab, server, program, *options):
    return Server(lab, server, program, *options, listen='10.9.1.1', pool=POOL)


def test_neighbours_reach_a_client(lab, program):
    client, server, neighbour = road(lab)
    server.ip('neigh add proxy 10.5.0.77 dev lan')  # somebody else's
    before = server.state(), proxies(server)
    ours = serve(lab, server, program, '--proxyarp', '--local', '10.5.0.1')
    dialer = Client(lab, client, program, '--route', '10.5.0.0/24', server='10.9.1.1')
    address, _ = dialer.up()
    wait_until(lambda: address in proxies(server), 5, 'the client is answered for')
    ping(neighbour, address)
    ping(client, '10.5.0.9')
    assert dialer.stop() in (0, 5)
    wait_until(lambda: address not in proxies(server), 5, 'it is no longer answered for')
    assert '10.5.0.77' in proxies(server)
    assert ours.stop() == 0
    assert (server.state(), proxies(server)) == before


def test_after_a_crash_at_the_next_start(lab, program):
    client, server, neighbour = road(lab)
    server.ip('neigh add proxy 10.5.0.77 dev lan')
    ours = serve(lab, server, program, '--proxyarp', '--local', '10.5.0.1')
    dialer = Client(lab, client, program, server='10.9.1.1')
    address, _ = dialer.up()
    wait_until(lambda: address in proxies(server), 5, 'the client is answered for')
    server.run('sh', '-c', 'kill -9 $(pidof greyline | tr " " "\\n" | sort -n)')
    ours.process.wait(10)
    assert address in proxies(server)
    ours = serve(lab, server, program, '--local', '10.5.0.1')
    assert address not in proxies(server) and '10.5.0.77' in proxies(server)
    assert ours.stop() == 0
    dialer.stop()


def test_no_network_has_the_client(lab, program):
    client, server, _ = road(lab)
    ours = Server(lab, server, program, '--proxyarp', listen='10.9.1.1')
    dialer = Client(lab, client, program, server='10.9.1.1')
    dialer.up()
    ours.wait_for(r'--proxyarp: no interface here has a network with 10\.98\.0\.2 in it')
    assert proxies(server) == ''
    assert dialer.stop() in (0, 5)
    assert ours.stop(signal.SIGTERM) == 0
