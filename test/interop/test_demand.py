"""Dial on demand, what ends a connection by itself, and an interface that outlives its sessions."""
import json
import re
import signal
import socket

from harness.greyline import GATEWAY, PASSWORD, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping

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
