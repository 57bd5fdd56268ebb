"""Dial on demand, what ends a connection by itself, and an interface that outlives its sessions."""
import json
import signal
import socket

import pytest

from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.guest import HostGuest
from harness.peers import INNER_SERVER, Poptop
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

ADDRESS = '10.98.0.77'
FIXED = {'alice': (PASSWORD, ADDRESS)}
WAITS = r'Waiting for a packet to dial'


def send_udp(namespace, address, port):
    with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b'a packet', (address, port))


def drops(client):
    done = client.namespace.run(client.program, 'status', '--json')
    status, = json.loads(done.stdout)
    return status['drops']


def dials(client):
    return len(client.process.find_all(r' Dialling 10\.7'))


def test_a_packet_dials(lab, program):
    """No connection until a packet matches; the packet that dialled is answered; what the filter does
    not take neither dials nor keeps the connection; with the same address connections live on."""
    server, client = lab.pair()
    ours = Server(lab, server, program, users=FIXED)
    dialer = Client(lab, client, program, '--demand', '--idle', '2', '--holdoff', '1', '--local',
                    ADDRESS, '--remote', GATEWAY, '--active-filter', 'not udp port 9')
    dialer.wait_for(WAITS)
    name = dialer.interface()
    assert f'inet {ADDRESS} peer {GATEWAY}' in client.run('ip', 'address', 'show', name).stdout
    send_udp(client, GATEWAY, 9)
    wait_until(lambda: drops(dialer).get('unit-inactive', 0) == 1, 10, 'the drop is counted')
    assert dials(dialer) == 0
    ping(client, GATEWAY, count=1)
    dialer.wait_for(r'Starting link: IPv4 packet 10\.98\.0\.77 > 10\.98\.0\.1 protocol=1')
    with server.entered():  # nobody answers that nobody listens
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sink.bind((GATEWAY, 9))
    link = client.run('ip', '-o', 'link', 'show', name).stdout.split(':')[0]
    with echo_server(server), client.entered():
        connection = socket.create_connection((GATEWAY, 7), 10)
        connection.settimeout(30)
        connection.sendall(b'before')
        assert connection.recv(100) == b'before'
        mark = dialer.process.mark()
        wait_until(lambda: send_udp(client, GATEWAY, 9) or dialer.process.find(r'reason=idle'), 20,
                   'idle for all the filter sees', every=0.1)
        dialer.wait_for(WAITS, 10, mark)
        assert dialer.process.find('Waiting again in 0 s')
        mark = dialer.process.mark()
        connection.sendall(b'after')
        assert connection.recv(100) == b'after'
        connection.close()
    assert dials(dialer) == 2 and not dialer.process.find(r'address changed')
    assert client.run('ip', '-o', 'link', 'show', name).stdout.split(':')[0] == link
    assert ours.sessions()[0]['ip'] == ADDRESS
    assert sink.recv(100) == b'a packet'
    sink.close()
    assert dialer.stop() in (0, 5)
    assert name not in client.run('ip', 'link').stdout


SCRIPT = '''#!/bin/sh
echo "${0##*/} $4 $5 old=$OLDIPLOCAL,$OLDIPREMOTE" >>/run/said
'''


def said(host, count):
    """The first lines of what the scripts wrote, when there are as many."""
    def lines():
        return host.read('/run/said').splitlines()
    wait_until(lambda: len(lines()) >= count, 10, f'{count} scripts ran')
    return lines()


def test_the_server_gives_another_address(lab, program):
    """Addresses that were made up give way to the server's first ones, and those to its next: routes
    stay, scripts are told, and what waited leaves from the address that is right then."""
    server, client = lab.pair()
    for name in ('ip-up', 'ip-down'):
        client.write(f'/run/scripts/{name}', SCRIPT, 0o755)
    ours = Server(lab, server, program, users={'alice': (PASSWORD, '10.98.0.5')})
    dialer = Client(lab, client, program, '--demand', '--route', '10.98.0.0/16', '--unit', '7',
                    '--scripts', '--scripts-dir', '/run/scripts')
    dialer.wait_for(WAITS)
    assert 'inet 10.64.64.71 peer 10.112.112.119' in client.run('ip', 'address', 'show', 'ppp7').stdout
    ping(client, GATEWAY, count=1)
    dialer.wait_for(r'Local IP address changed to 10\.98\.0\.5 \(was 10\.64\.64\.71\), remote IP '
                    r'address changed to 10\.98\.0\.1 \(was 10\.112\.112\.119\)')
    mark = dialer.process.mark()
    ours.stop()
    Server(lab, server, program, users={'alice': (PASSWORD, '10.98.0.6')})
    dialer.wait_for(r'Waiting again in \d+ s', 10, mark)
    dialer.process.kill(signal.SIGHUP)  # not for the hold-off
    dialer.wait_for(WAITS, 10, mark)
    ping(client, GATEWAY, count=1)
    dialer.wait_for(r'Local IP address changed to 10\.98\.0\.6 \(was 10\.98\.0\.5\) ', 10, mark)
    assert client.run('ip', '-o', '-4', 'address', 'show', 'ppp7').stdout.count('inet') == 1
    assert '10.98.0.0/16 dev ppp7' in client.run('ip', 'route').stdout
    assert said(client, 3) == ['ip-up 10.98.0.5 10.98.0.1 old=10.64.64.71,10.112.112.119',
                               'ip-down 10.98.0.5 10.98.0.1 old=10.64.64.71,10.112.112.119',
                               'ip-up 10.98.0.6 10.98.0.1 old=10.98.0.5,']


def test_connections_live_through_a_redial(lab, program):
    """With --persist the interface, and so what it carries, is there until the next session, whose
    server is found outside the tunnel; without --keep-interface it goes."""
    server, client = lab.pair()
    ours = Server(lab, server, program, users=FIXED)
    dialer = Client(lab, client, program, '--persist', '--holdoff', '1', '--default-route')
    dialer.up()
    link = client.run('ip', '-o', 'link', 'show', dialer.interface()).stdout.split(':')[0]
    with echo_server(server, '10.7.0.1'), client.entered():
        with socket.create_connection(('10.7.0.1', 7), 10) as outside:
            assert outside.getsockname()[0] == '10.7.0.2'
    with echo_server(server), client.entered():
        with socket.create_connection((GATEWAY, 7), 10) as connection:
            connection.settimeout(30)
            for number in (signal.SIGKILL, signal.SIGTERM):
                mark = dialer.process.mark()
                ours.process.kill(number)
                ours.process.wait(10)
                dialer.wait_for(r'Dialling again', 15, mark)
                ours = Server(lab, server, program, users=FIXED)
                dialer.up(30, mark)
                connection.sendall(b'still here')
                assert connection.recv(100) == b'still here'
    assert not dialer.process.find(r'address changed')
    assert client.run('ip', '-o', 'link', 'show', dialer.interface()).stdout.split(':')[0] == link
    assert dialer.stop() in (0, 5)
    assert client.run('ip', 'route').stdout.strip().startswith('10.7.0.0/24')
    assert '/1' not in client.run('ip', 'route').stdout
    dialer = Client(lab, client, program, '--persist', '--holdoff', '60', '--no-keep-interface')
    dialer.up()
    ours.command('terminate', '--all')
    dialer.wait_for(r'Dialling again')
    assert dialer.interface() not in client.run('ip', 'link').stdout


def test_a_session_carries_no_more_than_it_may(lab, program):
    server, client = lab.pair()
    Server(lab, server, program, '--maxoctets', '100K', '--mo-direction', 'in')
    dialer = Client(lab, client, program, '--maxoctets', '4K', '--mo-direction', 'max')
    dialer.up()
    client.run('ping', '-n', '-c', '3', '-i', '0.05', '-s', '1400', GATEWAY, check=False)
    dialer.wait_for(r'Traffic limit reached\. Limit: 4096 Used: \d+')
    assert dialer.wait(10) == 20
    dialer = Client(lab, client, program)
    dialer.up()
    with echo_server(server):
        transfer(client, GATEWAY, 120_000)
    dialer.wait_for(r'terminated by peer \("traffic limit reached"\)')
    assert dialer.wait(10) == 16


@pytest.mark.needs('pptpd', 'socat')
def test_on_demand_with_poptop_and_lwip(lab, program):
    """A peer whose data path opens when its PPP gets round to it: nothing that waited is lost."""
    server, client = lab.pair()
    Poptop(lab, server, '10.7.0.1', USER, PASSWORD)
    dialer = Client(lab, client, program, '--demand', '--idle', '1', '--route',
                    f'{INNER_SERVER}/32', '--active-filter', 'outbound and icmp')
    for count in (1, 2):
        wait_until(lambda: len(dialer.process.find_all(WAITS)) == count, 15, 'it waits')
        mark = dialer.process.mark()
        ping(client, INNER_SERVER, count=1)
        dialer.wait_for(r'reason=idle', 15, mark)
    assert dials(dialer) == 2


@pytest.mark.needs('linux.uml', 'modprobe')
def test_on_demand_with_the_kernels_ppp(lab, program):
    """A unit of ppp_generic loops back what dials, and serves session after session."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'ipv6', 'veth', 'tun')
    left, right = guest.inside('left'), guest.inside('right')
    guest.cable(left, ('outer', '10.7.0.1/24'), right, ('outer', '10.7.0.2/24'))
    Server(lab, left, program, users=FIXED)
    dialer = Client(lab, right, program, '--data-plane', 'kernel', '--demand', '--idle', '1',
                    '--local', ADDRESS, '--remote', GATEWAY)
    dialer.wait_for(WAITS, 20)
    for count in (1, 2):
        wait_until(lambda: len(dialer.process.find_all(WAITS)) == count, 20, 'it waits')
        mark = dialer.process.mark()
        ping(right, GATEWAY, count=1, interval=3)
        dialer.wait_for(r'reason=idle', 20, mark)
    assert right.shell(f'ip -d link show dev {dialer.interface()} | grep -c " ppp "').stdout.strip()
    assert dials(dialer) == 2
    assert dialer.stop() in (0, 5)
