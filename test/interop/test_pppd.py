"""The program when it is called pppd: poptop's `ppp` program, and over pptp-linux's pty. No PPP of the
kernel's anywhere: this is what a container has."""
import os
import re
import signal

import pytest

from harness.capture import Capture, tshark
from harness.greyline import PASSWORD, USER
from harness.guest import HostGuest
from harness.process import wait_until
from harness.traffic import echo_server, ping, reachable, transfer

INNER_SERVER, INNER_CLIENT = '192.168.77.1', '192.168.77.10'
# What a script was called with, and what it found in its environment.
SCRIPT = '''#!/bin/sh
{ echo "arguments $*"; env; } > /run/new.$$
mv /run/new.$$ /run/said.${0##*/}
'''
SERVER_OPTIONS = f'''
name pptpd
require-mschap-v2
require-mppe-128
ms-dns 10.98.0.53
nobsdcomp novj lock nodefaultroute proxyarp
lcp-echo-interval 10 lcp-echo-failure 3
logfile /run/pppd.log debug
set GREETING='hello there'
'''
PEER = f'''
# a peers file as pptpsetup writes it, and some more
pty "pptp 10.7.0.1 --nolaunchpppd --nohostroute --loglevel 0"
lock noauth nobsdcomp nodeflate
name {USER}
remotename PPTP
linkname vpn
ipparam vpn
usepeerdns
require-mppe-128
file /etc/ppp/more\\
 debug
'''


@pytest.fixture
def pppd(program, lab):
    """The program by another name."""
    path = lab.file('pppd')
    os.symlink(program, path)
    return path


def scripts(host):
    for name in ('ip-up', 'ip-down', 'auth-up', 'auth-down'):
        host.write(f'/etc/ppp/{name}', SCRIPT, 0o755)


def said(host, script):
    """(arguments, environment) of a script that has run."""
    path = host.path(f'/run/said.{script}')
    wait_until(lambda: os.path.exists(path), 10, f'{script} has run')
    first, *rest = host.read(f'/run/said.{script}').splitlines()
    return first.split(' ')[1:], dict(line.split('=', 1) for line in rest)


def pptpd_conf(ppp):
    return (f'ppp {ppp}\noption /etc/ppp/options.pptpd\nlisten 10.7.0.1\nlocalip {INNER_SERVER}\n'
            f'remoteip {INNER_CLIENT}-20\npidfile /run/pptpd.pid\n')


def poptop(host, pppd):
    host.write('/etc/ppp/options', '')
    host.write('/etc/ppp/chap-secrets', f'{USER} pptpd "{PASSWORD}" *\n')
    host.write('/etc/ppp/options.pptpd', SERVER_OPTIONS)
    host.write('/etc/pptpd.conf', pptpd_conf(pppd))
    scripts(host)
    process = host.start('pptpd', '--fg', name='poptop')
    host.listening(1723, process)
    return process


def peer(host):
    host.write('/etc/ppp/options', '')
    host.write('/etc/ppp/chap-secrets', f'{USER} PPTP "{PASSWORD}"\n')
    host.write('/etc/ppp/peers/vpn', PEER)
    host.write('/etc/ppp/more', 'mtu 1400 mru 1400')
    scripts(host)


@pytest.mark.needs('pptp', 'pptpd', 'tcpdump', 'tshark')
def test_poptop_and_pptp_linux_with_our_ppp(lab, pppd):
    server, client = lab.pair()
    capture = Capture(lab, client, 'outer')
    poptop(server, pppd)
    peer(client)
    parent = client.start(pppd, 'call', 'vpn', 'updetach', 'logfile', '/run/pppd.log')
    assert parent.wait(20) == 0, parent.text + client.read('/run/pppd.log')

    arguments, environment = said(client, 'ip-up')
    interface = arguments[0]
    pid = int(client.read('/run/ppp-vpn.pid').split()[0])
    assert client.read('/run/ppp-vpn.pid') == f'{pid}\n{interface}\n'
    assert client.read(f'/run/{interface}.pid') == f'{pid}\n'
    assert arguments[3:] == [INNER_CLIENT, INNER_SERVER, 'vpn']
    assert environment.items() >= {
        'IFNAME': interface, 'UNIT': interface[3:], 'IPLOCAL': INNER_CLIENT,
        'IPREMOTE': INNER_SERVER, 'LINKNAME': 'vpn', 'CALL_FILE': 'vpn', 'PPPD_PID': str(pid),
        'ORIG_UID': '0', 'DNS1': '10.98.0.53', 'USEPEERDNS': '1'}.items()

    arguments, environment = said(server, 'ip-up')
    assert arguments[1].startswith('/dev/pts/') and arguments[3:] == [
        INNER_SERVER, INNER_CLIENT, '10.7.0.2']
    assert environment['PEERNAME'] == USER and environment['REMOTENUMBER'] == '10.7.0.2'
    assert environment['GREETING'] == 'hello there'
    assert said(server, 'auth-up')[0][1] == USER

    with echo_server(server):
        reachable(client, INNER_SERVER)
        ping(client, INNER_SERVER)
        transfer(client, INNER_SERVER, 200_000)
    client.run('kill', '-TERM', pid)
    assert 'CONNECT_TIME' in said(client, 'ip-down')[1]
    assert 'BYTES_RCVD' in said(server, 'ip-down')[1]
    wait_until(lambda: not os.path.exists(client.path('/run/ppp-vpn.pid')), 10, 'it has ended')
    path = capture.stop()
    protocols = {row[0] for row in tshark(path, 'gre && ppp.protocol == 0x00fd', 'ppp.protocol')}
    assert protocols, 'nothing was encrypted'


@pytest.mark.needs('pptp', 'pptpd')
def test_ways_to_start_and_to_end(lab, pppd):
    """One machine after the other, so to speak: poptop stays, pppd comes again and again."""
    server, client = lab.pair()
    poptop(server, pppd)
    peer(client)

    # At once, in the background; found by its pid file, and ended by HUP, as poff does.
    started = client.run(pppd, 'call', 'vpn', 'logfile', '/run/first.log')
    assert started.returncode == 0 and started.stdout == ''
    said(client, 'ip-up')
    client.run('kill', '-HUP', client.read('/run/ppp-vpn.pid').split()[0])
    said(client, 'ip-down')
    wait_until(lambda: not os.path.exists(client.path('/run/ppp-vpn.pid')), 10, 'it has ended')

    # In the foreground: what pppd says, on standard output, with USR1 less of it; a record for
    # pppdump; and with USR2 keys anew.
    process = client.start(pppd, 'call', 'vpn', 'nodetach', 'dump', 'record', '/run/record')
    process.wait_for(r'pppd 2\.4\.9 started by \S+, uid 0')
    process.wait_for(r'^linkname vpn\t\t# \(from /etc/ppp/peers/vpn\)')
    process.wait_for(r'remote IP address')
    reachable(client, INNER_SERVER)
    mark = process.mark()
    process.kill(signal.SIGUSR2)
    process.wait_for(r'MPPE 128-bit stateless compression enabled', after=mark)
    process.wait_for(r'local  IP address', after=mark)
    ping(client, INNER_SERVER)
    process.kill(signal.SIGUSR1)
    assert process.stop(signal.SIGTERM) == 5
    process.wait_for(r'Terminating on signal 15')
    assert not process.find('Terminate-Request')
    dumped = client.run('pppdump', '-p', '/run/record').stdout
    assert re.search(r'^sent .*\n? *.*c0 21 01 01', dumped, re.M), dumped
    assert 'rcvd' in dumped and 'BAD FCS' not in dumped.upper()

    # It does not come up: the status is that of the link that was waited for.
    client.write('/etc/ppp/chap-secrets', f'{USER} PPTP "wrong"\n')
    refused = client.run(pppd, 'call', 'vpn', 'updetach', check=False)
    assert refused.returncode == 19, refused.stdout + refused.stderr
    assert 'CHAP authentication failed' in refused.stdout

    # Nobody is there at all; and what cannot even begin.
    assert client.run(pppd, 'pty', 'exit 1', 'nodetach', 'noauth', 'lcp-max-configure', '1',
                      check=False).returncode == 16
    client.write('/etc/ppp/peers/bad', 'noauth\nmtuu 1400\n')
    bad = client.run(pppd, 'call', 'bad', check=False)
    assert bad.returncode == 2
    assert "/etc/ppp/peers/bad:2:1: unrecognized option 'mtuu' (did you mean 'mtu'?)" in bad.stderr
    nobody = client.run('setpriv', '--reuid=65534', '--clear-groups', pppd, 'call', 'vpn',
                        check=False)
    assert nobody.returncode in (2, 3), nobody.stderr


# What is another each time; whether IPv6 has come before IPv4 was up; and the shell's own.
VARYING = {'PPPD_PID', 'LLLOCAL', 'LLREMOTE', 'CONNECT_TIME', 'BYTES_SENT', 'BYTES_RCVD', 'PWD',
           'SHLVL', '_'}


def told_by(left, right, files, program, number):
    """What the scripts of both ends were told when `program` was the PPP of both."""
    poptop = left.start('pptpd', '--fg', '--conf', f'{files}/pptpd.conf.{number}')
    left.listening(1723)
    right.run(program, 'call', 'vpn', 'updetach', 'logfile', '/run/pppd.log')
    right.shell('until [ -e /run/said.ip-up ]; do sleep 0.1; done; '
                'kill $(head -1 /run/ppp-vpn.pid)')
    found = {}
    for name, side, scripts_run in (('server', left, 'auth-up ip-up ip-down'),
                                    ('client', right, 'ip-up ip-down')):
        text = side.shell(f'cd /run; for s in {scripts_run}; do until [ -e said.$s ]; do sleep 0.1; '
                          'done; echo "script $s"; cat said.$s; rm said.$s; done').stdout
        for part in text.split('script ')[1:]:
            script, first, *rest = part.splitlines()
            found[name, script] = (first.split(' ')[1:],
                                   dict(line.split('=', 1) for line in rest if '=' in line))
    poptop.stop()
    return found


@pytest.mark.needs('linux.uml', 'pptp', 'pptpd', 'pppd')
def test_scripts_are_told_what_pppd_tells_them(lab, pppd):
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    left, right = guest.inside('left'), guest.inside('right')
    guest.cable(left, ('outer', '10.7.0.1/24'), right, ('outer', '10.7.0.2/24'))
    files, programs = lab.file('ppp'), ('/usr/sbin/pppd', pppd)
    os.mkdir(files)
    texts = {'options': '', 'options.pptpd': SERVER_OPTIONS, 'vpn': PEER, 'more': 'mtu 1400 mru 1400',
             'chap-secrets': f'{USER} pptpd "{PASSWORD}" *\n{USER} PPTP "{PASSWORD}"\n'}
    texts |= {script: SCRIPT for script in ('ip-up', 'ip-down', 'auth-up')}
    texts |= {f'pptpd.conf.{number}': pptpd_conf(ppp) for number, ppp in enumerate(programs)}
    for name, text in texts.items():
        with open(f'{files}/{name}', 'w', encoding='ascii') as file:
            file.write(text)
        os.chmod(f'{files}/{name}', 0o755)
    for side in (left, right):
        side.shell(f'cp {files}/* /etc/ppp; mkdir -p /etc/ppp/peers; cp {files}/vpn /etc/ppp/peers; '
                   'ln -s /run /var/run')
    theirs, mine = (told_by(left, right, files, ppp, number)
                    for number, ppp in enumerate(programs))
    for call, (arguments, environment) in theirs.items():
        our_arguments, our_environment = mine[call]
        print(call, arguments, our_arguments, environment, our_environment, sep='\n  ')
        assert our_arguments == arguments, call
        assert {name: our_environment.get(name) for name in environment.keys() - VARYING} == {
            name: environment[name] for name in environment.keys() - VARYING}, call
