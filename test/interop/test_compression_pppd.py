"""Compressors with pppd and the kernel's ppp_deflate and bsd_comp at the other end, both ways."""
import re
import shutil

import pytest

from harness import cache
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.guest import Guest
from harness.peers import INNER_SERVER
from harness.process import wait_until
from harness.traffic import echo_server, pattern, ping, reachable, transfer

pytestmark = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc',
                               files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])

HOST, GUEST = '10.8.0.2', '10.8.0.1'
WIRE = [(f'{HOST}/24', f'{GUEST}/24')]
TEXT = 300_000

# Our options, pppd's; what we say of it (of sending / of receiving), and pppd (the other way).
# The kernel reads no BSD-Compress where a long has 64 bits: see the last test.
METHODS = {
    'deflate': (['--deflate', '12'], ['deflate', '12,12'], 'Deflate (12)', 'Deflate (12)'),
    'deflate-sizes': (['--deflate', '15,10'], ['deflate', '14,13', 'nodeflatedraft'],
                      'Deflate (10) / Deflate (13)', 'Deflate (10/13)'),
    'deflate-15': (['--deflate', '15'], ['deflate', '15'], 'Deflate (15)', 'Deflate (15)'),
    'bsdcomp-12': (['--bsdcomp', '12'], ['nodeflate', 'bsdcomp', '0,12'],
                   'no / BSD-Compress (12)', 'BSD-Compress (12) transmit'),
    'bsdcomp-sizes': (['--bsdcomp', '15'], ['nodeflate', 'bsdcomp', '0,13'],
                      'no / BSD-Compress (13)', 'BSD-Compress (13) transmit'),
    'each-its-own': (['--deflate', '0,12', '--bsdcomp', '15,0'],
                     ['deflate', '15,0', 'bsdcomp', '0,15'],
                     'Deflate (12) / BSD-Compress (15)', 'Deflate (12) / BSD-Compress (15)'),
}


def host_and_guest(lab):
    host = lab.namespace('host')
    guest = Guest(lab, host, WIRE)
    guest.ready().run('modprobe', '-a', 'ppp_generic', 'ppp_deflate', 'bsd_comp')
    return host, guest


def text_and_noise(length=TEXT):
    """What gets smaller, what does not, and the first again: one history for all of it."""
    words = pattern(8192).hex().encode()
    text = b''.join(b'line %d of a text, %s\n' % (at, words[at % 997:at % 997 + 20])
                    for at in range(length // 40))[:length]
    return text + pattern(length) + text


def guest_transfer(lab, guest, data):
    with open(lab.file('share/data'), 'wb') as file:
        file.write(data)
    guest.shell(f'socat -t 40 - TCP:{GATEWAY}:7 </share/data >/tmp/back && '
                'cmp /share/data /tmp/back', timeout=100)


def echo_in(guest):
    guest.shell('socat TCP-LISTEN:7,reuseaddr,fork EXEC:cat &')


def assert_kernel_packed(guest, said):
    """What the kernel's own counters say of the directions in use: packets, and the ratio."""
    row = guest.run('pppstats', '-z', '-c', '1', 'ppp0')[1].strip().splitlines()[-1]
    numbers = [float(word) for word in row.replace('|', ' ').split()]
    assert len(numbers) == 10, row
    for at in (5,) if said.startswith('no /') else (0, 5):
        _, packed, _, whole, ratio = numbers[at:at + 5]
        assert packed > 300 and whole > 100 and ratio > 1.1, row


def assert_we_packed(ours, said, length):
    def counted():
        session, = ours.sessions()
        ways = session['compression']
        return len(ways) == (1 if said.startswith('no /') else 2) and all(
            way['plain-bytes'] > length and way['ratio'] > 1.1 for way in ways.values())
    wait_until(counted, what='our compressors have counted it')


def assert_read(ours):
    """All could be read. The kernel may compress and then lose the first packet, as long as its
    pppd has not heard that CCP is up ("compressor dropped pkt"), which costs a reset."""
    drops = ours.sessions()[0]['drops']
    assert not {'codec-data', 'codec-size'} & set(drops), drops


@pytest.mark.parametrize('kind', ['pptp', 'kernel'])
@pytest.mark.parametrize('name', METHODS)
def test_pppd_dials_us(lab, program, name, kind):
    options, words, we_say, pppd_says = METHODS[name]
    host, guest = host_and_guest(lab)
    if kind == 'kernel':
        shutil.copy(f'{cache.kpptp()}/kpptp.so', lab.file('share/kpptp.so'))
    ours = Server(lab, host, program, '--no-mppe', *options, listen=HOST)
    guest.run('/peers/client', kind, HOST, USER, PASSWORD, 'clear', *words)
    ours.wait_for(f' {re.escape(we_say)} compression enabled')
    data = text_and_noise()
    with echo_server(host):
        guest_transfer(lab, guest, data)
    ping(guest, GATEWAY, size=1200, options=('-p', 'ff00'))
    assert f'{pppd_says} compression enabled' in guest.run('cat', '/run/pppd.log')[1]
    assert_kernel_packed(guest, we_say)
    assert_we_packed(ours, we_say, len(data))
    assert_read(ours)
    guest.run('/peers/hangup')
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')


@pytest.mark.parametrize('name', METHODS)
def test_we_dial_pptpd_and_pppd(lab, program, name):
    options, words, we_say, pppd_says = METHODS[name]
    host, guest = host_and_guest(lab)
    guest.run('/peers/server', USER, PASSWORD, 'clear', *words)
    echo_in(guest)
    ours = Client(lab, host, program, '--no-mppe', *options, server=GUEST)
    ours.up()
    ours.wait_for(f' {re.escape(we_say)} compression enabled')
    answers(host)
    transfer(host, INNER_SERVER, data=text_and_noise(), timeout=60)
    reachable(host, INNER_SERVER)
    ping(host, INNER_SERVER, size=1200, options=('-p', 'ff00'))
    assert f'{pppd_says} compression enabled' in guest.run('cat', '/run/pppd.log')[1]
    assert_kernel_packed(guest, we_say)
    assert ours.stop() in (0, 5)


def answers(host):
    """Twice running: what the kernel lost at first has been asked for by then."""
    reachable(host, INNER_SERVER)
    reachable(host, INNER_SERVER)


def lose_some(guest):
    """Of the GRE packets that come to the guest, and of those that leave it."""
    guest.run('modprobe', '-a', 'sch_ingress', 'cls_u32', 'act_gact')
    guest.shell('tc qdisc add dev vec0 clsact')
    for way, every in ('ingress', 37), ('egress', 41):
        guest.shell(f'tc filter add dev vec0 {way} protocol ip u32 match ip protocol 47 0xff '
                    f'action gact ok random determ drop {every}')


def lose_no_more(guest):
    guest.run('tc', 'qdisc', 'del', 'dev', 'vec0', 'clsact')


def reset(guest, both):
    """Whether pppd was asked and answered, and the other way round too."""
    log = guest.run('cat', '/run/pppd.log')[1]
    assert 'Lost compression sync' not in log
    theirs = 'rcvd [CCP ResetReq' in log and 'sent [CCP ResetAck' in log
    ours = 'sent [CCP ResetReq' in log and 'rcvd [CCP ResetAck' in log
    return theirs and (ours or not both)


def ping_until_reset(sender, address, guest, both):
    """Losses go on, packets that get smaller too, until both ends have lost track and found it."""
    def pinged():
        sender.run('ping', '-n', '-c', '60', '-i', '0.02', '-W', '1', '-s', '1000', '-p', 'ff00',
                   address, check=False)
        return reset(guest, both)
    wait_until(pinged, 90, 'both ends have asked for a reset')


@pytest.mark.parametrize('name', ['deflate', 'bsdcomp-12', 'each-its-own'])
@pytest.mark.parametrize('kind', ['pptp', 'kernel'])
def test_losses_on_the_way_of_pppd(lab, program, name, kind):
    options, words, we_say, _ = METHODS[name]
    host, guest = host_and_guest(lab)
    if kind == 'kernel':
        shutil.copy(f'{cache.kpptp()}/kpptp.so', lab.file('share/kpptp.so'))
    ours = Server(lab, host, program, '--no-mppe', *options, listen=HOST)
    guest.run('/peers/client', kind, HOST, USER, PASSWORD, 'clear', *words)
    lose_some(guest)
    ping_until_reset(guest, GATEWAY, guest, not we_say.startswith('no /'))
    lose_no_more(guest)
    with echo_server(host):
        guest_transfer(lab, guest, text_and_noise(20_000))
    assert_read(ours)
    session, = ours.sessions()
    assert session['compression']['rx']['ratio'] > 1.2


def test_losses_on_our_way_to_pppd(lab, program):
    options, words, _, _ = METHODS['deflate']
    host, guest = host_and_guest(lab)
    guest.run('/peers/server', USER, PASSWORD, 'clear', *words)
    echo_in(guest)
    ours = Client(lab, host, program, '--no-mppe', *options, server=GUEST)
    ours.up()
    answers(host)
    lose_some(guest)
    ping_until_reset(host, INNER_SERVER, guest, True)
    lose_no_more(guest)
    answers(host)
    transfer(host, INNER_SERVER, data=text_and_noise(20_000), timeout=60)
    assert ours.stop() in (0, 5)


def test_a_kernel_that_cannot_read_what_it_asked_for(lab, program):
    """bsd_comp wants a long of 32 bits (as of Linux 6.1): the first packet that begins with a
    string ends CCP on pppd's side. What follows goes as it is."""
    host, guest = host_and_guest(lab)
    ours = Server(lab, host, program, '--no-mppe', '--bsdcomp', '12', listen=HOST)
    guest.run('/peers/client', 'pptp', HOST, USER, PASSWORD, 'clear', 'nodeflate',
              'bsdcomp', '12,12')
    ours.wait_for(r' BSD-Compress \(12\) compression enabled')
    with echo_server(host):
        guest_transfer(lab, guest, text_and_noise(60_000))
    ours.wait_for('rcvd CCP Terminate-Request .*Lost compression sync')
    session, = ours.sessions()
    assert not session['comp'] and not session['compression']
