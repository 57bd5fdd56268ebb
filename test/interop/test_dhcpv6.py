"""DHCPv6 on the link: other people's clients behind pppd ask our server for DNS and for a prefix."""
import os
import re

import pytest

from harness.capture import Capture, tshark
from harness.greyline import PASSWORD, USER, Server
from harness.guest import Guest
from harness.process import wait_until
from harness.traffic import ping

POOL6, GATEWAY6, POOL_PD = 'fd00:98::/48', 'fd00:98::1', 'fd00:99::/40'
HOST, GUEST = '10.8.0.2', '10.8.0.1'
SERVES = ('--pool6', POOL6, '--pool6-pd', POOL_PD, '--dns6', 'fd00:98::53', '--search-domain',
          'corp.example.com', '--search-domain', 'example.net', '--ntp6', 'fd00:98::123')
UML = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc', 'tshark', 'tcpdump',
                        files=['/dev/net/tun'])

# A /64 of the prefix on the loopback stands for the network behind the router.
DHCP6C = '''
interface ppp0 {
    send ia-pd 7;
    request domain-name-servers;
    request domain-name;
    script "/share/told";
};
id-assoc pd 7 {
    prefix-interface lo { sla-len 8; sla-id 1; ifid 5; };
};
'''
DHCP6C_STATELESS = '''
interface ppp0 {
    information-only;
    request domain-name-servers;
    request domain-name;
    script "/share/told";
};
'''
TOLD = '''#!/bin/sh
echo "reason=$REASON dns=$new_domain_name_servers search=$new_domain_name" >>/tmp/told
'''

def share(lab, name, text, mode=0o644):
    with open(lab.file(f'share/{name}'), 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(lab.file(f'share/{name}'), mode)


def dial(lab, program, *options):
    """A guest with a tunnel to a server of ours, in clear so that tshark can read it."""
    host = lab.namespace('host')
    guest = Guest(lab, host, [(f'{HOST}/24', f'{GUEST}/24')], 'client')
    ours = Server(lab, host, program, '--no-mppe', *options, listen=HOST)
    capture = Capture(lab, host, 'client0')
    share(lab, 'told', TOLD, 0o755)
    guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD, '+ipv6', 'nomppe')
    wait_until(lambda: 'fd00:98:0:1:' in guest.run('ip', '-6', 'addr')[1], 20,
               'the guest has an address of ours')
    return host, guest, ours, capture


def judged(capture):
    """The messages tshark saw, by type; none of ours is malformed."""
    path = capture.stop()
    assert not tshark(path, 'dhcpv6 && _ws.malformed', 'frame.number')
    assert not tshark(path, 'icmpv6 && _ws.malformed', 'frame.number')
    return [int(row[0]) for row in tshark(path, 'dhcpv6', 'dhcpv6.msgtype')]


def start_dhcp6c(lab, guest, text):
    share(lab, 'dhcp6c.conf', text)
    guest.shell('mkdir -p /tmp/dhcp6 && mount --bind /tmp/dhcp6 /var/lib/dhcpv6 && '
                'dhcp6c -D -f -c /share/dhcp6c.conf -p /run/dhcp6c.pid ppp0 '
                '>/run/dhcp6c.out 2>&1 &')


@UML
@pytest.mark.parametrize('interface', ['shared', 'per-session'])
def test_wide_dhcpv6_client(lab, program, interface):
    """It gets a prefix, which leads to it and back, and gives it up at its end."""
    host, guest, ours, capture = dial(lab, program, *SERVES, '--interface', interface)
    guest.shell(f'ip -6 route replace {POOL6} dev ppp0')
    start_dhcp6c(lab, guest, DHCP6C)
    ours.wait_for(r'delegated IPv6 prefix fd00:99\S*/56', 20)
    prefix, = {session['ip6-dp'] for session in ours.sessions()}
    assert re.fullmatch(r'fd00:99\S*::/56', prefix)
    wait_until(lambda: 'fd00:99' in guest.run('ip', '-6', 'addr', 'show', 'dev', 'lo')[1], 20,
               'the network behind the router has its address')
    inside = re.search(r'inet6 (fd00:99\S*)/64',
                       guest.run('ip', '-6', 'addr', 'show', 'dev', 'lo')[1]).group(1)
    ping(host, inside)
    ping(guest, GATEWAY6, options=('-I', inside))
    assert not ours.drops().get('inner-source')
    wait_until(lambda: 'corp.example.com' in guest.run('cat', '/tmp/told', check=False)[1], 10,
               'the client handed on what it was told')
    assert 'dns=fd00:98::53' in guest.run('cat', '/tmp/told')[1]
    guest.shell('kill -TERM $(cat /run/dhcp6c.pid)')
    ours.wait_for(r'delegated IPv6 prefix has ended: fd00:99', 10)
    assert ours.sessions()[0]['ip6-dp'] == ''
    types = judged(capture)
    assert {1, 2, 3, 7, 8} <= set(types), types  # Solicit, Advertise, Request, Reply, Release


@UML
def test_wide_dhcpv6_client_stateless(lab, program):
    _, guest, ours, capture = dial(lab, program, *SERVES)
    start_dhcp6c(lab, guest, DHCP6C_STATELESS)
    wait_until(lambda: 'corp.example.com' in guest.run('cat', '/tmp/told', check=False)[1], 20,
               'the client handed on what it was told')
    assert ours.sessions()[0]['ip6-dp'] == ''
    path = capture.path
    assert {7, 11} == set(judged(capture))
    reply, = tshark(path, 'dhcpv6.msgtype == 7', 'dhcpv6.dns_server', 'dhcpv6.search_list_entry')
    assert reply == ['fd00:98::53', 'corp.example.com.,example.net.']
    found = tshark(path, 'icmpv6.type == 134', 'icmpv6.nd.ra.flag.o', 'icmpv6.nd.ra.flag.m',
                   'icmpv6.opt.dnssl')
    other, managed, search = found[0]
    assert other in ('1', 'True') and managed in ('0', 'False')
    assert [name.rstrip('.') for name in search.split(',')] == ['corp.example.com', 'example.net']
