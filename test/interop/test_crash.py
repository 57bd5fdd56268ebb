"""What is changed on a host is put back: at the end, and after a crash at the next start."""
import os
import signal
import time

import pytest

from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import ping

DNS = '10.98.0.53'
FAR = '198.51.100.9'  # a host that knows no way back to the pool: only NAT reaches it


def road(lab):
    """client -- gateway -- server -- far host; the client's default route leads to the gateway."""
    client, gateway = lab.namespace('client'), lab.namespace('gateway')
    server, far = lab.namespace('server'), lab.namespace('far')
    lab.cable(client, ('outer', '10.9.2.1/24'), gateway, ('left', '10.9.2.254/24'))
    lab.cable(gateway, ('right', '10.9.1.254/24'), server, ('outer', '10.9.1.1/24'))
    lab.cable(server, ('far', '198.51.100.1/24'), far, ('outer', f'{FAR}/24'))
    gateway.run('sysctl', '-q', 'net.ipv4.ip_forward=1')
    client.ip('route add default via 10.9.2.254')
    server.ip('route add default via 10.9.1.254')
    client.write('/etc/resolv.conf', 'nameserver 192.0.2.53\n', 0o644)
    return server, client, far


def greyline_processes(namespace):
    """Process ids as the namespace counts them: the main process and its helper."""
    return namespace.run('pidof', 'greyline', check=False).stdout.split()


def start_server(lab, server, program, *options):
    return Server(lab, server, program, *options, listen='10.9.1.1')


def start_client(lab, client, program, *options):
    return Client(lab, client, program, *options, server='10.9.1.1')


def test_everything_through_the_tunnel_and_back(lab, program):
    server, client, far = road(lab)
    before = server.state(), client.state()
    ours = start_server(lab, server, program, '--nat', '--dns', DNS)
    dialer = start_client(lab, client, program, '--default-route', '--use-peer-dns')
    dialer.up()
    wait_until(lambda: DNS in client.read('/etc/resolv.conf'), 5, 'the resolver is the server\'s')
    interface = dialer.interface()
    assert f'dev {interface}' in client.ip(f'route get {FAR}')
    assert 'via 10.9.2.254' in client.ip('route get 10.9.1.1')
    assert server.state()['forwarding'].strip() == '1'
    assert 'greyline' in server.state()['tables'] and 'masquerade' in server.state()['tables']
    ping(client, GATEWAY)
    ping(client, FAR)
    assert dialer.stop() in (0, 5)
    assert client.state() == before[1]
    assert ours.stop() == 0
    assert server.state() == before[0]
    assert far.ip('route').count('\n') == 1


def test_a_server_stopped_while_it_starts(lab, program):
    server, _, _ = road(lab)
    before = server.state()
    for milliseconds in (0, 2, 5, 10, 20, 40):
        ours = Server(lab, server, program, '--nat', listen='10.9.1.1', wait=False)
        wait_until(lambda: os.path.exists(server.path('/run/greyline/server.sock')), 10,
                   'the rules are the next thing', every=0.0005)
        time.sleep(milliseconds / 1000)
        assert ours.stop() == 0, milliseconds
        assert server.state() == before


def test_routes_of_a_split_tunnel(lab, program):
    server, client, _ = road(lab)
    before = client.state()
    start_server(lab, server, program, '--nat')
    dialer = start_client(lab, client, program, '--route', '198.51.100.0/24', '--route',
                          '203.0.113.0/24', '--ifname', 'vpn7', '--mtu', '1280')
    dialer.up()
    assert dialer.interface() == 'vpn7'
    assert 'mtu 1280' in client.ip('link show vpn7')
    for inside in (FAR, '203.0.113.77'):
        assert 'dev vpn7' in client.ip(f'route get {inside}')
    assert 'via 10.9.2.254' in client.ip('route get 192.0.2.1')
    ping(client, FAR)
    ping(client, FAR, size=4000)
    assert dialer.stop(signal.SIGINT) in (0, 5)
    assert client.state() == before


def test_somebody_removes_a_clients_interface(lab, program):
    server, client, _ = road(lab)
    start_server(lab, server, program)
    dialer = start_client(lab, client, program)
    dialer.up()
    client.ip(f'link del {dialer.interface()}')
    assert dialer.process.wait(10) == 1
    assert 'reason=interface-gone' in dialer.process.text


def test_somebody_removes_the_shared_interface(lab, program):
    server, client, _ = road(lab)
    before = server.state()
    ours = start_server(lab, server, program, '--nat', '--ifname', 'vpns')
    dialer = start_client(lab, client, program)
    dialer.up()
    server.ip('link del vpns')
    assert ours.process.wait(10) == 1
    assert 'Somebody removed the shared interface' in ours.process.text
    assert server.state() == before
    dialer.process.wait(10)


@pytest.mark.parametrize('who', ['the main process', 'all its processes'])
def test_killed_server(lab, program, who):
    server, client, _ = road(lab)
    before = server.state()
    ours = start_server(lab, server, program, '--nat')
    dialer = start_client(lab, client, program)
    dialer.up()
    assert server.state() != before
    if who == 'all its processes':
        server.run('kill', '-9', *greyline_processes(server))
    else:
        ours.process.kill(signal.SIGKILL)
    ours.process.wait(5)
    again = start_server(lab, server, program)
    assert again.stop() == 0
    wait_until(lambda: server.state() == before, 5, 'the host is as it was')
    assert greyline_processes(server) == []


@pytest.mark.parametrize('who', ['the main process', 'all its processes'])
def test_killed_client(lab, program, who):
    server, client, _ = road(lab)
    before = client.state()
    start_server(lab, server, program, '--nat', '--dns', DNS)
    dialer = start_client(lab, client, program, '--default-route', '--use-peer-dns')
    dialer.up()
    wait_until(lambda: DNS in client.read('/etc/resolv.conf'), 5, 'the resolver is the server\'s')
    if who == 'all its processes':
        client.run('kill', '-9', *greyline_processes(client))
    else:
        dialer.process.kill(signal.SIGKILL)
    dialer.process.wait(5)
    again = start_client(lab, client, program)
    again.up()
    assert again.stop() in (0, 5)
    wait_until(lambda: client.state() == before, 5, 'the host is as it was')
    assert greyline_processes(client) == []
    assert os.listdir(client.path('/run/greyline')) == []
