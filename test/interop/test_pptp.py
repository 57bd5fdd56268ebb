"""In the place of pptp-linux, and of poptop: our control connection and GRE under somebody else's PPP."""
import os
import signal
import subprocess

import pytest

from harness import cache
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.peers import INNER_SERVER, LwipClient, Poptop
from harness.process import wait_until
from harness.traffic import echo_server, ping

NATIVE = pytest.mark.needs('pptp', 'pptpd', 'socat')


@pytest.fixture(name='pptp')
def pptp_link(lab, program):
    """The program, by the name it is called by."""
    path = lab.file('pptp')
    os.symlink(program, path)
    return path


@NATIVE
def test_lwip_dials_our_server(lab, program, pptp):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    with echo_server(server):
        dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=5, echo=500_000,
                            pptp=pptp, pptp_options=('--timeout', '0.05', '--phone', '5550100'))
        local = dialer.wait_for(rf'^UP local=(10\.98\.\d+\.\d+) remote={GATEWAY}$').group(1)
        dialer.wait_for(r'^PING reply seq=5')
        dialer.wait_for(r'^ECHO bytes=500000 result=same', 30)
        ping(server, local)
    assert ours.sessions()[0]['username'] == USER
    ours.wait_for(r'Outgoing-Call-Request .*5550100')
    status = client.run(program, 'status').stdout
    assert 'pptp' in status, status


@NATIVE
def test_lwip_dials_poptop(lab, pptp):
    server, client = lab.pair()
    Poptop(lab, server, '10.7.0.1', USER, PASSWORD)
    dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=5, pptp=pptp)
    dialer.wait_for(rf'^UP local=\S+ remote={INNER_SERVER}$')
    dialer.wait_for(r'^PING reply seq=5')


def carry(namespace, *command):
    """With a pipe as standard input; what we say is a word of LCP now and then."""
    return namespace.start(*command, stdin=subprocess.PIPE)


def connected(ours, count=1):
    return wait_until(lambda: len(ours.sessions()) == count, 10, f'{count} calls')


def test_how_it_ends(lab, program, pptp):
    """End of file, TERM and a cleared call: status 0, and nothing left behind."""
    server, client = lab.pair()
    refused = client.run(pptp, '10.7.0.1', '--nolaunchpppd', check=False)
    assert refused.returncode == 1
    assert 'Could not open control connection to 10.7.0.1' in refused.stderr
    assert client.run(pptp, '10.7.0.1', '--timeout', '99', check=False).returncode == 2
    ours = Server(lab, server, program)
    routes = client.ip('route')
    dialer = carry(client, pptp, '10.7.0.1', '--nolaunchpppd', '--loglevel', '2')
    connected(ours)
    assert '10.7.0.1 dev' in client.ip('route')
    dialer.popen.stdin.close()
    assert dialer.wait() == 0
    ours.wait_for(r'Session ends: .*reason=peer-cleared')
    connected(ours, 0)
    assert client.ip('route') == routes
    dialer = carry(client, pptp, '10.7.0.1', '--nolaunchpppd', '--nohostroute')
    connected(ours)
    assert client.ip('route') == routes
    assert dialer.stop(signal.SIGTERM) == 0
    connected(ours, 0)
    dialer = carry(client, pptp, '10.7.0.1', '--nolaunchpppd', '--debug')
    connected(ours)
    dialer.wait_for(r'Outgoing call established \(call ID \d+, peer.s call ID \d+\)')
    ours.command('terminate', '--all', '--hard')  # else LCP would have to answer first
    assert dialer.wait() == 0
    assert dialer.find(r'Closing connection: .* reason=tcp-closed')


@pytest.mark.skipif(os.path.exists('/dev/ppp'), reason='there is a /dev/ppp')
def test_pppd_without_its_device(lab, pptp):
    """Who asks for pppd where there is none for it hears what needs none."""
    _, client = lab.pair()
    done = client.run(pptp, '10.7.0.1', 'noauth', check=False)
    assert done.returncode == 1
    assert '/dev/ppp' in done.stderr and 'greyline client USER@10.7.0.1 needs none' in done.stderr


def lwip_program(lab):
    """lwIP, with what it has to know in its environment."""
    path, log = lab.file('ppp-program'), lab.file('ppp-program.log')
    with open(path, 'w', encoding='ascii') as file:
        file.write(f'#!/bin/sh\necho "$@" >>{lab.file("arguments")}\n'
                   f'export LWIPPP_LOG={log} LWIPPP_USER={USER} LWIPPP_MPPE=128\n'
                   f"export LWIPPP_PASSWORD='{PASSWORD}'\nexec {cache.lwippp()} \"$@\"\n")
    os.chmod(path, 0o755)
    return path


def test_lwip_behind_our_server(lab, program):
    server, client = lab.pair()
    options = lab.file('options')
    with open(options, 'w', encoding='ascii'):
        pass
    ours = Server(lab, server, program, '--ppp-program', lwip_program(lab), '--ppp-options', options,
                  '--run-as', 'nobody')
    dialer = Client(lab, client, program)
    assert dialer.up() == ('10.98.0.2', GATEWAY)
    ping(client, GATEWAY)
    with open(lab.file('arguments'), encoding='ascii') as file:
        assert file.read() == (f'local file {options} 115200 {GATEWAY}:10.98.0.2 ipparam 10.7.0.2 '
                               'remotenumber 10.7.0.2\n')
    session, = ours.sessions()
    assert (session['ip'], session['state'], session['relay']) == ('10.98.0.2', 'active', True)
    assert session['rx-pkts'] > 0 and session['tx-pkts'] > 0
    dialer.stop()
    ours.wait_for(r'ppp-program has ended status=')
    connected(ours, 0)
    again = Client(lab, client, program)
    again.up()
    ours.command('terminate', '--all')
    again.wait_for(r'the peer cleared the call|LCP terminated by peer')
    ours.wait_for(r'ppp-program has ended status=', after=ours.process.mark() - 5)


def test_a_program_that_is_not_there(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--ppp-program', '/no/such/program')
    dialer = Client(lab, client, program)
    assert dialer.wait(20) != 0
    ours.wait_for(r"Couldn't run /no/such/program: No such file")
    connected(ours, 0)
