"""pppd on a real kernel, in User Mode Linux: what most people have at the other end."""
import shutil
import signal

import pytest

from harness import cache
from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.guest import Guest, HostGuest
from harness.peers import INNER_SERVER
from harness.process import wait_until
from harness.traffic import echo_server, pattern, ping, reachable, transfer

pytestmark = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc', 'tshark', 'tcpdump',
                               files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])

HOST, GUEST = '10.8.0.2', '10.8.0.1'
WIRE = [(f'{HOST}/24', f'{GUEST}/24')]


class Stage:
    """Where our program runs, where pppd does, and what ours is told besides."""

    def __init__(self, lab, program, ours, peer, wire, options=()):
        self.lab, self.program = lab, program
        self.ours, self.peer = ours, peer
        self.wire = wire  # our interface towards pppd
        self.options = options
        self.length = 300_000 if options else 2_000_000  # of a transfer

    def server(self, *options):
        return Server(self.lab, self.ours, self.program, *self.options, *options, listen=HOST)

    def client(self, *options, **more):
        return Client(self.lab, self.ours, self.program, *self.options, *options, server=GUEST,
                      **more)

    def clear(self):
        """Ends what runs at the peer."""
        self.peer.shell('while pkill -x "pptpd|pptpctrl|pppd|pptp|socat"; do sleep 0.05; done')


def apart(lab, program, name):
    """Our program on this machine's kernel, pppd in a guest."""
    host = lab.namespace('host')
    guest = Guest(lab, host, WIRE, name).ready()
    return Stage(lab, program, host, guest, f'{name}0')


def together(lab, program):
    """Both in a guest, our program on the kernel's data plane."""
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'veth', 'tun', 'pptp', 'ppp_mppe')
    ours, peer = guest.inside('ours'), guest.inside('peer')
    guest.cable(ours, ('outer', f'{HOST}/24'), peer, ('outer', f'{GUEST}/24'))
    return Stage(lab, program, ours, peer, 'outer', ['--data-plane', 'kernel'])


def guest_and_host(lab, name):
    host = lab.namespace('host')
    return host, Guest(lab, host, WIRE, name)


def share(lab, name, source):
    """A file of the host in the guest's /share."""
    shutil.copy(source, lab.file(f'share/{name}'))


def guest_transfer(lab, guest, address, length=2_000_000):
    """The guest sends a file to the echo service and compares what comes back."""
    with open(lab.file('share/data'), 'wb') as file:
        file.write(pattern(length))
    guest.shell(f'socat -t 10 - TCP:{address}:7 </share/data >/tmp/back && '
                'cmp /share/data /tmp/back', timeout=60)


def check_pppd_dials(stage, kind):
    if kind == 'kernel':
        share(stage.lab, 'kpptp.so', f'{cache.kpptp()}/kpptp.so')
    ours = stage.server()
    capture = Capture(stage.lab, stage.ours, stage.wire)
    stage.peer.run('/peers/client', kind, HOST, USER, PASSWORD)
    ping(stage.peer, GATEWAY, size=1200)
    with echo_server(stage.ours):
        guest_transfer(stage.lab, stage.peer, GATEWAY, stage.length)
    session, = ours.sessions()
    ping(stage.ours, session['ip'])
    stage.peer.run('/peers/hangup')
    wait_until(lambda: not ours.sessions(), 10, 'the session has gone')
    numbers = {row[0] for row in tshark(capture.stop(), 'gre && ppp.protocol', 'ppp.protocol')}
    assert '0x00fd' in numbers and '0x0021' not in numbers
    ours.stop()


@pytest.mark.parametrize('kind', ['pptp', 'kernel'])
def test_pppd_dials_our_server(lab, program, kind):
    check_pppd_dials(apart(lab, program, 'client'), kind)


DIALS = [('require-mppe-128', []),
         ('mppe-stateful', ['--mppe-stateful']),
         ('nomppe-128', ['--require-mppe-40'])]


def check_we_dial(stage, weaker, options):
    extra = [] if weaker == 'require-mppe-128' else [weaker]
    if weaker == 'nomppe-128':
        extra = ['nomppe-128', 'require-mppe-40']
    stage.peer.run('/peers/server', USER, PASSWORD, *extra)
    stage.peer.shell('socat TCP-LISTEN:7,reuseaddr,fork EXEC:cat &')
    ours = stage.client(*options)
    assert ours.up() == ('192.168.77.10', INNER_SERVER)
    reachable(stage.ours, INNER_SERVER)
    ping(stage.ours, INNER_SERVER, size=1200)
    transfer(stage.ours, INNER_SERVER, stage.length)
    assert ours.stop() in (0, 5)
    log = stage.peer.run('cat', '/run/pppd.log')[1]
    assert 'LCP terminated by peer' in log


@pytest.mark.parametrize('weaker, options', DIALS)
def test_our_client_dials_pptpd_and_pppd(lab, program, weaker, options):
    check_we_dial(apart(lab, program, 'server'), weaker, options)


def test_wrong_password_of_pppd(lab, program):
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, listen=HOST)
    status, log = guest.ready().run('/peers/client', 'pptp', HOST, USER, 'wrong', check=False)
    assert 'E=691' in log
    assert status in (16, 19), log  # 16 when pptp-linux is gone before pppd has read its line
    ours.wait_for(rf'auth-fail user="?{USER}"? ip={GUEST} reason=\S+')
    assert ours.sessions() == []


def check_wrong_password_of_ours(stage):
    stage.peer.run('/peers/server', USER, PASSWORD)
    ours = stage.client(password='wrong')
    assert ours.wait(20) == 19
    assert ours.process.find(rf'(691|password).*{GUEST}|{GUEST}.*(691|password)')


def test_wrong_password_of_our_client(lab, program):
    check_wrong_password_of_ours(apart(lab, program, 'server'))


def test_pppd_dials_our_server_with_eap(lab, program):
    """pppd refuses MS-CHAPv2 in CHAP and Naks towards EAP; the keys are the same."""
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, listen=HOST)
    capture = Capture(lab, host, 'client0')
    guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD, 'eap')
    ping(guest, GATEWAY, size=1200)
    ours.wait_for(rf'EAP authentication succeeded user="?{USER}"? method=EAP-MS-CHAPv2')
    session, = ours.sessions()
    assert session['auth'] == 'EAP-MS-CHAPv2'
    rows = tshark(capture.stop(), 'eap', 'eap.code', 'eap.type', 'eap.ms_chap_v2.opcode')
    assert [row[0] for row in rows] == ['1', '2', '1', '2', '1', '2', '3']
    assert [row[1] for row in rows] == ['1', '1', '26', '26', '26', '26', '']
    assert [row[2] for row in rows] == ['', '', '1', '2', '3', '3', '']


def check_we_dial_with_eap(stage):
    """pppd offers MD5 first, which gives no keys, and never sends the Success at the end."""
    stage.peer.run('/peers/server', USER, PASSWORD, 'eap')
    stage.peer.shell('socat TCP-LISTEN:7,reuseaddr,fork EXEC:cat &')
    ours = stage.client()
    assert ours.up() == ('192.168.77.10', INNER_SERVER)
    ours.wait_for('EAP authentication succeeded')
    reachable(stage.ours, INNER_SERVER)
    ping(stage.ours, INNER_SERVER, size=1200)
    transfer(stage.ours, INNER_SERVER, stage.length)
    assert ours.stop() in (0, 5)


def test_our_client_dials_pppd_with_eap(lab, program):
    check_we_dial_with_eap(apart(lab, program, 'server'))


def test_wrong_password_in_eap(lab, program):
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, listen=HOST)
    status, log = guest.ready().run('/peers/client', 'pptp', HOST, USER, 'wrong', 'eap',
                                    check=False)
    assert 'E=691' in log or status in (16, 19), log
    ours.wait_for(rf'auth-fail user="?{USER}"? ip={GUEST} reason=\S+ method=EAP-MS-CHAPv2')
    assert ours.sessions() == []


def test_wrong_password_of_our_client_in_eap(lab, program):
    host, guest = guest_and_host(lab, 'server')
    guest.ready().run('/peers/server', USER, PASSWORD, 'eap')
    ours = Client(lab, host, program, server=GUEST, password='wrong')
    assert ours.wait(20) == 19
    assert ours.process.find('EAP authentication failed: E=691')


def test_server_that_falls_silent_is_noticed(lab, program):
    """The whole guest stops: no packet says so, only the keepalive can."""
    host, guest = guest_and_host(lab, 'server')
    guest.ready().run('/peers/server', USER, PASSWORD)
    ours = Client(lab, host, program, '--lcp-echo-interval', '1', '--lcp-echo-failure', '3',
                  server=GUEST)
    ours.up()
    before = ours.interface()
    guest.process.kill(signal.SIGKILL)
    ours.wait_for(r'No response to 3 echo-requests', 15)
    assert ours.wait(15) == 15
    assert before not in host.state()['names']


def test_server_killed_and_back_is_dialled_again(lab, program):
    host, guest = guest_and_host(lab, 'server')
    guest.ready().run('/peers/server', USER, PASSWORD)
    ours = Client(lab, host, program, '--persist', '--holdoff', '1', server=GUEST)
    ours.up()
    mark = ours.process.mark()
    guest.shell('kill -9 $(pidof pptpctrl pptpd pppd) || kill -9 $(pidof pptpd pppd)')
    ours.wait_for(r'Connection terminated', 15, mark)
    guest.run('/peers/server', USER, PASSWORD)
    ours.up(30, mark)
    reachable(host, INNER_SERVER)
    assert ours.stop() in (0, 5)


def test_server_killed_ends_a_client_that_does_not_persist(lab, program):
    host, guest = guest_and_host(lab, 'server')
    guest.ready().run('/peers/server', USER, PASSWORD)
    ours = Client(lab, host, program, server=GUEST)
    ours.up()
    guest.shell('kill -9 $(pidof pptpd pptpctrl pppd)')
    assert ours.wait(15) == 16


def test_client_that_falls_silent_gives_its_address_back(lab, program):
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, '--lcp-echo-interval', '1', '--lcp-echo-failure', '3',
                  listen=HOST)
    guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD)
    assert len(ours.sessions()) == 1
    guest.process.kill(signal.SIGKILL)
    wait_until(lambda: not ours.sessions(), 15, 'the session has gone')
    ours.wait_for(r'No response to 3 echo-requests')


def test_loss_and_reordering_between_pppd_and_our_server(lab, program):
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, listen=HOST)
    guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD)
    # Not before: pppd hangs up ("MPPE disabled") over one lost Configure-Ack of CCP.
    guest.impair('delay', '10ms', '8ms', 'loss', '1%', 'duplicate', '1%')
    with echo_server(host):
        guest_transfer(lab, guest, GATEWAY, 500_000)
    assert len(ours.sessions()) == 1


@pytest.mark.parametrize('options', [[], ['--mppe-stateful']])
def test_loss_and_reordering_between_our_two_ends(lab, program, options):
    """The guest is a bad road between our client and our server, in both directions."""
    server, client = lab.namespace('server'), lab.namespace('client')
    # A tap needs one namespace: the road begins in one of its own, and cables lead to the ends.
    road = lab.namespace('road')
    lab.cable(server, ('outer', '10.9.1.1/24'), road, ('left', None))
    lab.cable(client, ('outer', '10.9.2.1/24'), road, ('right', None))
    guest = Guest(lab, road, [(None, '10.9.1.254/24'), (None, '10.9.2.254/24')], 'road')
    for at, side in enumerate(('left', 'right')):
        road.ip(f'link add bridge{at} type bridge')
        road.ip(f'link set road{at} master bridge{at}')
        road.ip(f'link set {side} master bridge{at}')
        road.ip(f'link set bridge{at} up')
    guest.ready().shell('echo 1 >/proc/sys/net/ipv4/ip_forward')
    for wire in ('vec0', 'vec1'):
        guest.impair('delay', '5ms', '4ms', 'loss', '0.5%', 'reorder', '10%', 'duplicate', '1%',
                     wire=wire)
    server.ip('route add 10.9.2.0/24 via 10.9.1.254')
    client.ip('route add 10.9.1.0/24 via 10.9.2.254')
    ours = Server(lab, server, program, *options, listen='10.9.1.1')
    dialer = Client(lab, client, program, *options, server='10.9.1.1')
    dialer.up(60)
    with echo_server(server):
        transfer(client, GATEWAY, 500_000, timeout=60)
    session, = ours.sessions()
    assert session['username'] == USER
    assert dialer.stop() in (0, 5)


@pytest.mark.parametrize('form', [[], ['mpshortseq', 'mrru', '1400'], ['clear']])
def test_pppd_bundles_two_calls(lab, program, form):
    host, guest = guest_and_host(lab, 'client')
    clear = ['--no-mppe'] if 'clear' in form else []
    ours = Server(lab, host, program, '--multilink', *clear, listen=HOST)
    capture = Capture(lab, host, 'client0')
    guest.ready()
    for _ in range(2):
        guest.run('/peers/client', 'pptp', HOST, USER, PASSWORD, *form, 'multilink')
    wait_until(lambda: ours.process.text.count('Link attached to greyline0') == 2, 10,
               'two links are attached')
    ping(guest, GATEWAY, size=1200)
    with echo_server(host):
        guest_transfer(lab, guest, GATEWAY, 500_000)
    bundle, = [session for session in ours.sessions() if session['type'] == 'mp']
    links = [session for session in ours.sessions() if session['bundle'] == bundle['sid']]
    assert len(links) == 2 and all(link['rx-bytes'] > 100_000 for link in links)
    reachable(host, bundle['ip'])
    # One of its links is ended: what is left carries on, once pppd has noticed.
    ours.command('terminate', '--sid', links[0]['sid'])
    wait_until(lambda: 'Link detached' in ours.process.text, 10, 'a link has left')
    wait_until(lambda: not [left for left in ours.sessions() if left['sid'] == links[0]['sid']], 15,
               'its call is over')
    wait_until(lambda: guest.run('ping', '-c', '1', '-W', '1', GATEWAY, check=False)[0] == 0, 15,
               'the guest reaches us again')
    assert tshark(capture.stop(), 'mp', 'mp.first')


def check_links_are_bundled(stage):
    stage.peer.run('/peers/server', USER, PASSWORD, 'multilink')
    stage.peer.shell('socat TCP-LISTEN:7,reuseaddr,fork EXEC:cat &')
    ours = stage.client('--links', '2')
    ours.up()
    wait_until(lambda: ours.process.text.count('Link attached to') == 2, 15, 'two links are there')
    stage.peer.shell('grep -q "Link attached" /run/pppd.log')
    ping(stage.ours, INNER_SERVER, size=1300)
    transfer(stage.ours, INNER_SERVER, 300_000)
    assert ours.stop() in (0, 5)


def test_our_links_to_pptpd_are_bundled_by_pppd(lab, program):
    check_links_are_bundled(apart(lab, program, 'server'))


def test_the_same_with_our_program_on_the_kernels_data_plane(lab, program):
    """One guest after the other would take minutes: all of it is in one."""
    stage = together(lab, program)
    for check, *arguments in (
            (check_pppd_dials, 'pptp'), (check_pppd_dials, 'kernel'),
            (check_we_dial, *DIALS[1]), (check_wrong_password_of_ours,),
            (check_links_are_bundled,)):
        check(stage, *arguments)
        stage.clear()
