"""DHCPINFORM, as Windows sends it when IPCP has given it an address; tshark reads the answer."""
import socket
import struct

import pytest

from harness.capture import Capture, tshark
from harness.greyline import Client, Server

WANTED = bytes((1, 15, 3, 6, 44, 46, 47, 31, 33, 121, 249, 43, 252))


def ask(client, interface, own, patience=10):
    """The answer's bytes, from DHCP's header on."""
    with client.entered():
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        asking.bind((own, 68))
        asking.settimeout(patience)
        head = struct.pack('!BBBBIHH4s4s4s4s', 1, 8, 6, 0, 0xdecade01, 0, 0,
                           socket.inet_aton(own), *[bytes(4)] * 3)
        options = bytes((0x63, 0x82, 0x53, 0x63, 53, 1, 8, 55, len(WANTED))) + WANTED + bytes((255,))
        asking.sendto(head + bytes(16 + 192) + options, ('255.255.255.255', 67))
        return asking.recv(2048)


@pytest.mark.needs('tshark', 'tcpdump')
@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_routes_and_names(lab, program, interface):
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, '--no-mppe', '--interface', interface, '--dns',
                  '10.98.0.53', '--push-route', '192.168.0.0/16,10.1.2.0/23',
                  '--search-domain', 'corp.example')
    dialer = Client(lab, client, program, '--no-mppe')
    own, gateway = dialer.up()
    answer = ask(client, dialer.interface(), own)
    assert answer[0] == 2 and answer[4:8] == bytes.fromhex('decade01')
    path = capture.stop()
    row, = tshark(path, 'dhcp.option.dhcp == 5', 'dhcp.option.dhcp_server_id',
                  'dhcp.option.domain_name_server', 'dhcp.option.domain_name',
                  'dhcp.option.subnet_mask', 'dhcp.ip.your')
    assert row == [gateway, '10.98.0.53', 'corp.example', '255.255.255.255', '0.0.0.0']
    assert not tshark(path, 'dhcp && _ws.malformed', 'frame.number')
    routes = bytes((16, 192, 168, 10, 98, 0, 1, 23, 10, 1, 2, 10, 98, 0, 1))
    for code in (121, 249):
        assert bytes((code, len(routes))) + routes in answer
    assert not ours.drops().get('inner-source')


def test_nothing_to_tell(lab, program):
    """Without routes and names the packets are the interface's."""
    server, client = lab.pair()
    Server(lab, server, program, '--dns', '10.98.0.53')
    dialer = Client(lab, client, program)
    own, _ = dialer.up()
    with pytest.raises(TimeoutError):
        ask(client, dialer.interface(), own, 1)
