"""A real NAT between client and server: Linux masquerading, with and without its PPTP helper."""
import os

import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.peers import INNER_FIRST, INNER_SERVER, LwipClient, Poptop
from harness.process import wait_until
from harness.traffic import Steady, echo_server, ping, reachable, transfer

SERVER, OUTSIDE = '10.7.0.1', '10.7.0.2'  # the NAT's address, which is all the server sees

HELPER = '''
    table ip pptp {
        ct helper pptp { type "pptp" protocol tcp; }
        chain track {
            type filter hook prerouting priority filter;
            tcp dport 1723 ct helper set "pptp";
        }
    }'''


def behind_a_nat(lab, *names):
    """A server, a NAT, and hosts behind it on 10.6.N.2; the server has no way back to those."""
    server, nat = lab.pair('server', 'nat')
    hosts = []
    for at, name in enumerate(names):
        host = lab.namespace(name)
        lab.cable(nat, (f'inside{at}', f'10.6.{at}.1/24'), host, ('outer', f'10.6.{at}.2/24'))
        host.ip(f'route add default via 10.6.{at}.1')
        hosts.append(host)
    nat.run('sysctl', '-qw', 'net.ipv4.ip_forward=1')
    nat.run('nft', '-f', '-', stdin='''
        table ip nat {
            chain out { type nat hook postrouting priority srcnat; oifname "outer" masquerade; }
        }''')
    return server, nat, *hosts


def help_pptp(nat):
    done = nat.run('nft', '-f', '-', stdin=HELPER, check=False)
    if done.returncode != 0:
        pytest.skip(f'needs nf_conntrack_pptp: {done.stderr.splitlines()[0]}')


@pytest.mark.needs('tcpdump', 'tshark')
def test_a_nat_without_the_helper(lab, program):
    server, nat, client = behind_a_nat(lab, 'client')
    ours = Server(lab, server, program)
    capture = Capture(lab, nat, 'outer')
    dialer = Client(lab, client, program)
    dialer.wait_for(r'TCP works but no GRE came back: trying Call ID 0', 20)
    dialer.up()
    ping(client, GATEWAY, size=1200)
    with echo_server(server):
        transfer(client, GATEWAY, 300_000)
    wait_until(lambda: len(ours.sessions()) == 1, 10, 'the first attempt has gone')
    session, = ours.sessions()
    assert session['calling-sid'] == OUTSIDE
    ping(server, session['ip'])
    # Version 0 goes first: before the request for the call.
    rows = tshark(capture.stop(), 'gre or pptp.control_message_type == 7', 'gre.flags.version',
                  'pptp.control_message_type', 'pptp.call_id')
    calls = [at for at, row in enumerate(rows) if row[1] == '7']
    assert [rows[at][2] for at in calls][1] == '0'
    versions = [int(row[0], 0) for row in rows[calls[0]:] if row[0]]
    first = next(at for at, row in enumerate(rows) if row[0] and int(row[0], 0) == 0)
    assert calls[0] < first and 0 in versions
    assert first < next(at for at, row in enumerate(rows)
                        if at > calls[1] and row[0] and int(row[0], 0) == 1)

    # Dialled again, it begins with what worked.
    mark = dialer.process.mark()
    ours.command('terminate', '--all')
    assert dialer.wait() == 16
    assert not dialer.process.find('Call ID 0 did not help')
    assert mark


def test_what_worked_is_kept(lab, program):
    server, _nat, client = behind_a_nat(lab, 'client')
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program, '--persist', '--holdoff', '1')
    dialer.wait_for(r'trying Call ID 0', 20)
    dialer.up()
    wait_until(lambda: len(ours.sessions()) == 1, 10, 'the first attempt has gone')
    mark = dialer.process.mark()
    ours.command('terminate', '--all')
    dialer.up(after=mark)
    again = '\n'.join(dialer.process.lines[mark:])
    assert 'Outgoing-Call-Request call 0 ' in again
    assert 'no GRE came back' not in again


def test_two_clients_behind_it(lab, program):
    """Both would need Call ID 0. The second is told so, and the first is not disturbed."""
    server, _nat, first, second = behind_a_nat(lab, 'first', 'second')
    ours = Server(lab, server, program)
    one = Client(lab, first, program, '--nat-fallback', 'on')
    one.up()
    steady = Steady(first, GATEWAY)
    two = Client(lab, second, program, '--nat-fallback', 'on')
    two.wait_for(r'the peer refused the call: .*bad call ID', 10)
    ours.wait_for(rf'Call refused: another client behind {OUTSIDE} has a call with the same '
                  r'Call ID 0')
    assert two.wait() == 8
    steady.stop()
    assert len(ours.sessions()) == 1


@pytest.mark.parametrize('fallback', ['auto', 'on'])
def test_a_nat_with_the_helper(lab, program, fallback):
    server, nat, first, second = behind_a_nat(lab, 'first', 'second')
    help_pptp(nat)
    ours = Server(lab, server, program)
    clients = [Client(lab, host, program, '--nat-fallback', fallback)
               for host in (first, second)]
    for client in clients:
        client.up()
    for host in (first, second):
        ping(host, GATEWAY, size=1200)
    assert not any(client.process.find('no GRE came back') for client in clients)
    assert len(ours.sessions()) == 2


@pytest.mark.needs('pptpd')
def test_poptop_behind_a_nat(lab, program):
    server, _nat, client = behind_a_nat(lab, 'client')
    Poptop(lab, server, SERVER, USER, PASSWORD)
    ours = Client(lab, client, program)
    ours.wait_for(r'trying Call ID 0', 20)
    assert ours.up() == (INNER_FIRST, INNER_SERVER)
    reachable(client, INNER_SERVER)
    ping(client, INNER_SERVER, size=1200)


@pytest.mark.needs('socat')
def test_another_ppp_behind_a_nat(lab, program):
    """In pptp-linux's place: Call ID 0 and what opens the way back are below the PPP."""
    server, _, client = behind_a_nat(lab, 'client')
    ours = Server(lab, server, program)
    pptp = lab.file('pptp')
    os.symlink(program, pptp)
    dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pptp=pptp,
                        pptp_options=('--nat-fallback', 'on'))
    dialer.wait_for(rf'^UP local=\S+ remote={GATEWAY}$')
    dialer.wait_for(r'^PING reply seq=3')
    assert ours.sessions()[0]['calling-sid'] == OUTSIDE


def test_off_means_off(lab, program):
    server, _nat, client = behind_a_nat(lab, 'client')
    Server(lab, server, program)
    dialer = Client(lab, client, program, '--nat-fallback', 'off', '--lcp-restart', '1',
                    '--lcp-max-configure', '3')
    assert dialer.wait(20) == 10
    assert not dialer.process.find('Call ID 0')
