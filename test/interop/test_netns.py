"""--netns: the interface is in another network namespace than the tunnel."""
import signal

import pytest

from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until

pytestmark = pytest.mark.needs(files=['/dev/net/tun'])


def inside(host, *command, check=True):
    return host.run('ip', 'netns', 'exec', 'inner', *command, check=check)


def test_both_ends_have_their_interfaces_elsewhere(lab, program):
    """Each end's own network has nothing of the tunnel but its outer packets."""
    server, client = lab.pair()
    for host in (server, client):
        host.ip('netns add inner')
    inside(client, 'ip', 'link', 'add', 'ppp0', 'type', 'veth')  # a name that is taken there
    script = '/etc/ppp/ip-up'
    client.write(script, '#!/bin/sh\necho $NETNS $1 >/run/up\nip link show dev $1 >>/run/up\n', 0o755)
    before = client.state(), server.state()
    ours = Server(lab, server, program, '--netns', 'inner', '--nat', '--dns', '10.98.0.1')
    dialer = Client(lab, client, program, '--netns', 'inner', '--defaultroute', '--usepeerdns',
                    '--scripts')
    assert dialer.up()[1] == GATEWAY
    assert dialer.interface() == 'ppp1'
    assert inside(client, 'ping', '-c', '2', '-i', '0.1', GATEWAY).returncode == 0
    assert 'dev ppp1' in inside(client, 'ip', 'route', 'get', '192.0.2.1').stdout
    assert 'dev greyline0' in inside(server, 'ip', 'route', 'get', '10.98.0.2').stdout
    # Name servers, scripts and the server's NAT follow the interface.
    assert 'nameserver 10.98.0.1' in inside(client, 'cat', '/etc/resolv.conf').stdout
    wait_until(lambda: 'ppp1:' in client.run('cat', '/run/up', check=False).stdout, 5, 'ip-up ran')
    assert client.read('/run/up').startswith('inner ppp1\n')
    assert 'table inet greyline' in inside(server, 'nft', 'list', 'ruleset').stdout
    assert inside(server, 'sysctl', '-n', 'net.ipv4.ip_forward').stdout == '1\n'
    assert (client.state(), server.state()) == before
    # What a killed server leaves in there is undone by its helper, in there.
    ours.process.kill(signal.SIGKILL)
    wait_until(lambda: not inside(server, 'nft', 'list', 'ruleset').stdout, 10, 'NAT is undone')
    assert inside(server, 'sysctl', '-n', 'net.ipv4.ip_forward').stdout == '0\n'
    dialer.stop()
    assert client.run('ls', '/etc/netns/inner').stdout == ''
    assert 'ppp1' not in inside(client, 'ip', 'link').stdout
    assert (client.state(), server.state()) == before


def test_interfaces_of_sessions_and_a_namespace_that_is_not_there(lab, program):
    server, client = lab.pair()
    server.ip('netns add inner')
    refused = Client(lab, client, program, '--netns', 'nowhere')
    assert refused.wait() == 4
    assert refused.process.find(r'namespace nowhere: .*: make it with: ip netns add nowhere')
    Server(lab, server, program, '--netns', 'inner', '--interface', 'per-session')
    dialer = Client(lab, client, program)
    dialer.up()
    assert client.run('ping', '-c', '2', '-i', '0.1', GATEWAY).returncode == 0
    assert 'ppp0' in inside(server, 'ip', 'link').stdout
    assert 'ppp0' not in server.ip('link')
