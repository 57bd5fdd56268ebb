"""Our client and our server over a real network: what they agree on, and what passes."""
import re
import signal

import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server, secrets
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

WEAK = [
    ('MS-CHAPv2', 'mppe-128', [], []),
    ('MS-CHAPv2', 'mppe-128', ['--mppe-stateful'], ['--mppe-stateful']),
    ('MS-CHAPv2', 'mppe-56', ['--require-mppe-56'], ['--require-mppe-56']),
    ('MS-CHAPv2', 'mppe-40', ['--require-mppe-40'], ['--allow-mppe-40', '--nomppe-128']),
    ('MS-CHAPv2', '', ['--no-mppe'], ['--no-mppe']),
    ('MS-CHAP', 'mppe-128', ['--require-mschap'], ['--allow-mschap']),
    ('CHAP-MD5', '', ['--require-chap', '--no-mppe'], ['--allow-chap', '--no-mppe']),
    ('PAP', '', ['--require-pap', '--no-mppe'], ['--allow-pap', '--no-mppe']),
]


@pytest.mark.parametrize('auth, encryption, server_options, client_options', WEAK,
                         ids=[' '.join([*row[:2], *row[2]]) for row in WEAK])
def test_what_is_agreed_on(lab, program, auth, encryption, server_options, client_options):
    server, client = lab.pair()
    ours = Server(lab, server, program, *server_options)
    dialer = Client(lab, client, program, *client_options)
    dialer.up()
    session, = ours.sessions()
    assert (session['auth'], session['comp']) == (auth, encryption)
    with echo_server(server):
        transfer(client, GATEWAY, 300_000)
    if server_options:
        # Every weakening is said, on the side that allows it.
        weaker = r'clear|broken|searched|256 packets|cannot be encrypted|off:|version 1'
        assert ours.process.find(weaker) and dialer.process.find(weaker)


def test_over_ipv6(lab, program):
    server, client = lab.pair()
    server.ip('address add fd00:7::1/64 dev outer nodad')
    client.ip('address add fd00:7::2/64 dev outer nodad')
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, listen='fd00:7::1')
    Client(lab, client, program, server='fd00:7::1').up()
    with echo_server(server):
        transfer(client, GATEWAY, 300_000)
    assert ours.sessions()[0]['calling-sid'] == 'fd00:7::2'
    path = capture.stop()
    assert tshark(path, 'ipv6 && gre && ppp.protocol == 0xfd', 'frame.number')
    assert tshark(path, 'ipv6.fraghdr || frame.len > 1514', 'frame.number') == []


def test_packets_of_every_size(lab, program):
    """Up to the MTU whole, beyond it in fragments or refused, and never in outer fragments."""
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    Server(lab, server, program)
    dialer = Client(lab, client, program)
    local, _ = dialer.up()
    mtu = int(re.search(r'mtu (\d+)', client.ip(f'link show {dialer.interface()}')).group(1))
    whole = mtu - 28
    for size in (0, 1, 511, 1200, *range(whole - 8, whole + 1)):
        ping(client, GATEWAY, 1, size=size, options=('-M', 'do'))
        ping(server, local, 1, size=size, options=('-M', 'do'))
    refused = client.run('ping', '-c', '1', '-M', 'do', '-s', whole + 1, GATEWAY, check=False)
    assert 'too long' in refused.stdout + refused.stderr
    for size in (whole + 1, 3000, 20_000):
        ping(client, GATEWAY, 1, size=size, options=('-M', 'dont'))
        ping(server, local, 1, size=size, options=('-M', 'dont'))
    with echo_server(server):
        transfer(client, GATEWAY, 500_000)
    path = capture.stop()
    assert tshark(path, 'gre && (ip.flags.mf == 1 || ip.frag_offset > 0)', 'frame.number') == []
    # A full inner packet fills the outer one to the byte.
    assert max(int(row[0]) for row in tshark(path, 'gre', 'ip.len')) <= 1500


def test_inner_source_is_checked(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program)
    dialer.up()
    client.ip(f'address add 10.98.77.77/32 dev {dialer.interface()}')
    client.run('ping', '-c', '3', '-i', '0.05', '-W', '1', '-I', '10.98.77.77', GATEWAY,
               check=False)
    wait_until(lambda: ours.drops().get('inner-source', 0) == 3, 5, 'three packets are counted')
    ping(client, GATEWAY)


@pytest.mark.parametrize('allowed', [False, True])
def test_clients_among_themselves(lab, program, allowed):
    server, first, second = lab.lan('server', 'first', 'second')
    ours = Server(lab, server, program, '--client-to-client' if allowed else
                  '--no-client-to-client')
    one, two = (Client(lab, host, program, '--route', '10.98.0.0/16')
                for host in (first, second))
    one.up()
    other = two.up()[0]
    if allowed:
        ping(first, other)
    else:
        first.run('ping', '-c', '2', '-i', '0.05', '-W', '1', other, check=False)
        wait_until(lambda: ours.drops().get('isolated', 0) == 2, 5, 'two packets are counted')
    ping(first, GATEWAY)
    ping(second, GATEWAY)


def test_two_clients_behind_one_address(lab, program):
    """Two control connections of one pair, as through a NAT: both work, and do not mix."""
    server, client = lab.pair()
    ours = Server(lab, server, program, users={'alice': 'a', 'bob': 'b'})
    first = Client(lab, client, program, user='alice', password='a')
    one = first.up()[0]
    second = Client(lab, client, program, user='bob', password='b')
    two = second.up()[0]
    assert one != two and first.interface() != second.interface()
    for dialer in (first, second):
        ping(client, GATEWAY, options=('-I', dialer.interface()))
    first.stop()
    ping(client, GATEWAY, options=('-I', second.interface()))
    assert [row['username'] for row in ours.sessions()] == ['bob']


@pytest.mark.parametrize('policy, first_ends, second_ends', [
    ('several', None, None), ('replace', 16, None), ('deny', None, 19)])
def test_a_user_who_comes_again(lab, program, policy, first_ends, second_ends):
    server, here, there = lab.lan('server', 'here', 'there')
    ours = Server(lab, server, program, '--single-session', policy)
    first = Client(lab, here, program)
    first.up()
    second = Client(lab, there, program)
    for dialer, host, status in ((second, there, second_ends), (first, here, first_ends)):
        if status is None:
            dialer.up()
            ping(host, GATEWAY)
        else:
            assert dialer.wait(10) == status
    wait_until(lambda: len(ours.sessions()) == 2 - bool(first_ends) - bool(second_ends), 5,
               'the table is right')


def test_a_fixed_address_follows_its_user(lab, program):
    """The old session is ended before the new one gets the address."""
    server, here, there = lab.lan('server', 'here', 'there')
    Server(lab, server, program, users={'alice': ('a', '10.98.3.3')})
    first = Client(lab, here, program, user='alice', password='a')
    assert first.up()[0] == '10.98.3.3'
    second = Client(lab, there, program, user='alice', password='a')
    assert second.up()[0] == '10.98.3.3'
    assert first.wait(10) == 16
    ping(there, GATEWAY)


def test_users_are_read_again(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    assert Client(lab, client, program, user='carol', password='c').wait(20) == 19
    secrets(lab, 'secrets-server', {USER: PASSWORD, 'carol': 'c'})
    ours.process.kill(signal.SIGHUP)
    ours.wait_for(r'Read .*secrets-server again')
    Client(lab, client, program, user='carol', password='c').up()


def test_failed_logins_are_throttled(lab, program):
    """Behind a few free failures even the right password has to wait; others do not."""
    server, bad, good = lab.lan('server', 'bad', 'good')
    ours = Server(lab, server, program, '--free-failures', '2', users={'alice': 'a', 'bob': 'b'})
    statuses = [Client(lab, bad, program, user='mallory', password='guess').wait(20)
                for _ in range(5)]
    assert statuses[0] == 19 and set(statuses) <= {16, 19}, statuses
    assert 'peer=10.7.0.2' in ours.wait_for(r'.*reason=throttled.*').group(0)
    Client(lab, good, program, user='bob', password='b').up()


def test_dialled_again_after_the_server_came_back(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program, '--persist', '--holdoff', '1')
    dialer.up()
    for number in (signal.SIGKILL, signal.SIGTERM):
        mark = dialer.process.mark()
        ours.process.kill(number)
        ours.process.wait(10)
        dialer.wait_for(r'Dialling again', 15, mark)
        dialer.wait_for(r'Connection terminated', 15, mark)
        said = ''.join(dialer.process.text.splitlines()[mark:])
        assert said.index('Connection terminated') < said.index('Dialling again')
        ours = Server(lab, server, program)
        dialer.up(30, mark)
        ping(client, GATEWAY)
    assert dialer.stop() in (0, 5)


def test_hung_up_while_it_waits_to_dial_again(lab, program):
    _, client = lab.pair()
    dialer = Client(lab, client, program, '--persist', '--holdoff', '60')
    for _ in range(2):
        mark = dialer.process.mark()
        dialer.wait_for(r'Dialling again in \d+ s', after=mark and mark - 1)
        dialer.process.kill(signal.SIGHUP)
        dialer.wait_for(r'Dialling again in \d+ s', after=dialer.process.mark())
    assert len(dialer.process.find_all(r' Dialling 10\.7')) == 3
    assert not dialer.process.find(r'Dialling again in 0 s')
    assert dialer.stop() in (0, 5)


def test_blocked_gre_is_named(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    client.run('nft', 'add table ip wall; add chain ip wall in { type filter hook input priority '
               '0; }; add rule ip wall in meta l4proto gre drop')
    dialer = Client(lab, client, program, '--lcp-max-configure', '3')  # gives up before the server
    line = dialer.wait_for(r'.*TCP 1723 works, \d+ GRE sent, 0 received.*', 15).group(0)
    assert 'modprobe nf_conntrack_pptp' in line and 'peer=10.7.0.1' in line
    assert dialer.wait(60) == 10
    assert dialer.process.find(r'reason=lcp-no-gre')


def test_given_up_after_maxfail(lab, program):
    _, client = lab.pair()
    dialer = Client(lab, client, program, '--persist', '--holdoff', '0', '--maxfail', '3')
    assert dialer.wait(20) == 8
    assert len(dialer.process.find_all(r'^\S+ Dialling 10\.7\.0\.1')) == 3
