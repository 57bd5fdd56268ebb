"""`greyline bench load`: that its figures are true, whatever becomes of the server."""
import contextlib
import signal
import socket
import threading
import time

import pytest

from harness.greyline import PASSWORD, USER, Server
from harness.load import Load
from harness.peers import Poptop
from harness.process import wait_until


def in_order(times):
    return 0 < times['p50-ms'] <= times['p99-ms'] <= times['max-ms']


def test_fifty_sessions_with_pings(lab, program):
    server, client = lab.pair()
    before = client.state()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 50, '--seconds', 3, '--traffic',
                'ping:200:20', '--echo', 1)
    load.up(50)
    assert len(ours.sessions()) == 50
    code, found = load.end()
    assert code == 0
    logins, hold, traffic, echo = (found[key] for key in ('logins', 'hold', 'traffic', 'lcp-echo'))
    assert (found['sessions'], found['tunnels'], found['interrupted']) == (50, 50, False)
    assert (logins['up'], logins['failed'], logins['unfinished']) == (50, 0, 0)
    assert logins['per-second'] == pytest.approx(50 / logins['seconds'], rel=0.1)
    assert in_order(logins['time-to-up'])
    assert (hold['stayed'], hold['ended']) == (50, 0)
    assert 2.9 < hold['seconds'] < 4
    # 20 a second on each of 50 sessions for three seconds.
    assert 2700 < traffic['sent'] + traffic['behind'] < 3100
    assert (traffic['answered'], traffic['lost'], traffic['refused']) == (traffic['sent'], 0, 0)
    assert traffic['sessions-answered'] == traffic['sessions'] == 50
    assert traffic['bytes-sent'] == 200 * traffic['sent']
    assert traffic['mbit-sent'] == pytest.approx(
        traffic['bytes-sent'] * 8e-6 / hold['seconds'], rel=0.01)
    assert in_order(traffic['round-trip'])
    assert traffic['round-trip']['max-ms'] < 1000
    assert 100 <= echo['sent'] <= 200
    assert (echo['answered'], echo['lost']) == (echo['sent'], 0)
    assert in_order(echo['round-trip'])
    # Politely: nobody is left, and nothing was changed here.
    wait_until(lambda: not ours.sessions(), 5, 'all have left')
    assert 'peer-terminated' in ours.process.text
    assert client.state() == before


@pytest.mark.parametrize('outer', ['raw', 'rings'])
def test_each_outer_link(lab, program, outer):
    server, client = lab.pair()
    Server(lab, server, program)
    code, found = Load(lab, client, program, '--sessions', 20, '--seconds', 1, '--traffic',
                       'ping:1456:50', '--reorder', 10, '--outer', outer).end()
    assert code == 0
    assert found['outer'].startswith(outer)
    assert found['traffic']['sessions-answered'] == 20
    assert (found['traffic']['lost'], found['traffic']['refused']) == (0, 0)
    assert found['drops'] == {}


def test_over_ipv6(lab, program):
    server, client = lab.pair()
    for host, last in ((server, 1), (client, 2)):
        host.ip(f'address add fd99::{last}/64 dev outer nodad')
    Server(lab, server, program, listen='fd99::1')
    code, found = Load(lab, client, program, '--sessions', 10, '--seconds', 1, '--traffic',
                       'ping:1436:20', server='fd99::1').end()
    assert code == 0
    assert found['traffic']['sessions-answered'] == 10
    assert found['drops'] == {}


def test_several_calls_in_each_tunnel(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 44, '--calls-per-tunnel', 8, '--seconds', 1,
                '--traffic', 'ping:64:5')
    load.up(44)
    assert len(ours.sessions()) == 44
    code, found = load.end()
    assert code == 0
    assert (found['tunnels'], found['logins']['up']) == (6, 44)
    assert found['traffic']['sessions-answered'] == 44


def test_many_source_addresses(lab, program):
    server, client = lab.pair()
    for at in range(3, 13):
        client.ip(f'address add 10.7.0.{at}/24 dev outer')
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 20, '--seconds', 2, '--bind',
                '10.7.0.3-10.7.0.12')
    load.up(20)
    assert sorted({row['calling-sid'] for row in ours.sessions()}) == sorted(
        f'10.7.0.{at}' for at in range(3, 13))
    assert load.end()[0] == 0


def test_wrong_password(lab, program):
    server, client = lab.pair()
    Server(lab, server, program, '--free-failures', 1000)
    load = Load(lab, client, program, '--sessions', 12, '--seconds', 1, password='wrong')
    code, found = load.end()
    assert code == 1
    assert found['logins']['up'] == 0
    assert found['logins']['failures'] == {'auth-we-failed': 12}
    load.process.wait_for(r'did not accept our name, password or certificate \(auth-we-failed\)')


def test_it_gives_up_when_nothing_comes_up(lab, program):
    """Nobody listens; not all of them are tried."""
    _, client = lab.pair()
    load = Load(lab, client, program, '--sessions', 5000)
    code, found = load.end()
    assert code == 1
    load.process.wait_for(r'10\.7\.0\.1 port 1723: connection refused \(tcp-failed\)')
    load.process.wait_for(r'^Giving up: the first \d+ logins all failed')
    failed = found['logins']['failed']
    assert 256 <= failed < 300
    assert found['logins']['failures'] == {'tcp-failed': failed}
    assert found['logins']['unfinished'] == 5000 - failed


def test_a_server_that_takes_some_only(lab, program):
    server, client = lab.pair()
    Server(lab, server, program, '--max-sessions', 30)
    code, found = Load(lab, client, program, '--sessions', 50, '--seconds', 1).end()
    logins = found['logins']
    assert code == 1
    assert (logins['up'], logins['failed']) == (30, 20)
    assert sum(logins['failures'].values()) == 20
    assert set(logins['failures']) <= {'call-refused', 'tcp-closed', 'control-refused'}
    assert (found['hold']['stayed'], found['hold']['ended']) == (30, 0)


def test_the_server_is_killed(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 30, '--seconds', 60, '--traffic', 'ping')
    load.up(30)
    ours.process.kill(signal.SIGKILL)
    code, found = load.end(10)
    assert code == 1
    assert found['logins']['up'] == 30
    assert (found['hold']['stayed'], found['hold']['ended']) == (0, 30)
    assert found['hold']['endings'] == {'tcp-closed': 30}


def test_sessions_are_terminated(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 10, '--seconds', 3)
    load.up(10)
    for row in ours.sessions()[:4]:
        ours.command('terminate', '--sid', row['sid'])
    code, found = load.end()
    assert code == 1
    assert (found['hold']['stayed'], found['hold']['ended']) == (6, 4)
    assert found['hold']['endings'] == {'peer-terminated': 4}


def test_interrupted(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 40, '--seconds', 60)
    load.up(40)
    began = time.monotonic()
    code, found = load.stop(signal.SIGINT)
    assert time.monotonic() - began < 4
    assert code == 5
    assert found['interrupted']
    assert (found['hold']['stayed'], found['hold']['ended']) == (40, 0)
    wait_until(lambda: not ours.sessions(), 5, 'all have left')


def test_a_second_signal_ends_it_at_once(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 10, '--seconds', 60)
    load.up(10)
    # Nobody answers a Terminate-Request any more, so the first one would take its time.
    client.run('nft', '-f', '-', stdin='''
        add table inet hole
        add chain inet hole out { type filter hook output priority 0; policy drop; }
    ''')
    began = time.monotonic()
    load.process.kill(signal.SIGTERM)
    time.sleep(0.3)
    code, _ = load.stop()
    assert code == 5
    assert time.monotonic() - began < 1.5


def test_stay(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 10, '--seconds', 1, '--stay')
    load.measured()
    assert len(ours.sessions()) == 10
    assert load.stop()[0] == 0


def test_nobody_stays(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 10, '--seconds', 1, '--stay')
    load.measured()
    ours.stop()
    code, found = load.end(10)
    assert code == 1
    assert (found['hold']['stayed'], found['hold']['ended']) == (10, 10)


def test_rate(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    code, found = Load(lab, client, program, '--sessions', 40, '--rate', 20, '--seconds', 1).end()
    assert code == 0
    assert 15 < found['logins']['per-second'] < 25


def test_out_of_order(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    load = Load(lab, client, program, '--sessions', 10, '--seconds', 2, '--traffic',
                'ping:100:50', '--reorder', 30, '--stay')
    load.measured()
    # Every exchanged pair is in order again at the other end: nothing is late or lost.
    assert not set(ours.drops()) & {'gre-late', 'gre-duplicate', 'mppe-coherency'}
    code, found = load.stop()
    traffic = found['traffic']
    assert code == 0
    assert 0.2 < traffic['reordered'] / traffic['sent'] < 0.4
    assert (traffic['answered'], traffic['lost']) == (traffic['sent'], 0)


@contextlib.contextmanager
def datagram_echo(namespace, port):
    with namespace.entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(('0.0.0.0', port))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                data, sender = listener.recvfrom(65536)
                if not data:
                    return
                listener.sendto(data, sender)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            stop.sendto(b'', ('127.0.0.1', port))
        thread.join(2)
        listener.close()


def test_datagrams(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    with datagram_echo(server, 7):
        code, found = Load(lab, client, program, '--sessions', 10, '--seconds', 2, '--traffic',
                           'udp:1000:20:7', '--traffic-sessions', 4).end()
    traffic = found['traffic']
    assert code == 0
    assert (traffic['kind'], traffic['sessions'], traffic['sessions-answered']) == ('udp', 4, 4)
    assert 140 < traffic['sent'] < 170
    assert (traffic['answered'], traffic['lost']) == (traffic['sent'], 0)


def test_as_fast_as_answers_come(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    code, found = Load(lab, client, program, '--sessions', 5, '--seconds', 1, '--traffic',
                       'ping:1400:max').end()
    assert code == 0
    assert found['traffic']['answered-per-second'] > 1000
    assert found['traffic']['lost'] <= 5 * 16


@pytest.mark.needs('pptpd')
def test_poptop(lab, program):
    """Another server: ten addresses, one of them each."""
    server, client = lab.pair()
    Poptop(lab, server, '10.7.0.1', USER, PASSWORD)
    code, found = Load(lab, client, program, '--sessions', 6, '--seconds', 2, '--traffic',
                       'ping:300:5', '--echo', 1).end()
    assert code == 0
    assert found['logins']['up'] == 6
    assert found['traffic']['sessions-answered'] == 6
    assert found['lcp-echo']['lost'] == 0


WRONG = [
    (('--sessions', '5'), 'a server is needed: --server HOST'),
    (('--server', '10.7.0.1', '--sessions', '5'), 'a user is needed: --user NAME'),
    (('--server', '10.7.0.1', '--user', 'a'), r'how many? --sessions N'),
    (('--server', '10.7.0.1', '--user', 'a', '--sessions', '5', '--traffic', 'pong'),
     'none, ping[:SIZE[:RATE]] or udp:SIZE:RATE[:PORT] is expected, not \'pong\''),
    (('--server', '10.7.0.1', '--user', 'a', '--sessions', '5', '--traffic', 'ping:1500'),
     '1500 bytes do not fit a session\'s MTU of 1456'),
    (('--server', '10.7.0.1', '--user', 'a', '--sessions', '5', '--reorder', '5'),
     '--reorder, --target and --traffic-sessions need --traffic'),
    (('--server', '10.7.0.1', '--user', 'a', '--sessions', '5', '--traffic', 'ping',
      '--traffic-sessions', '6'), '--traffic-sessions: there are fewer sessions than that'),
    (('--server', 'no-such-host.invalid', '--user', 'a', '--sessions', '5'),
     'no-such-host.invalid: '),
    (('--server', '10.7.0.1', '--user', 'a', '--sessions', '5', '--bind', 'fe80::1'),
     '10.7.0.1 has no address of the family of --bind'),
    (('--server', '10.7.0.1', '--user', 'a', '--sessions', '5', '--bind', '10.0.0.0/8x'),
     '--bind: '),
    (('--session', '5'), "--session: unknown option (did you mean --sessions?)"),
]


@pytest.mark.parametrize('options, expected', WRONG)
def test_wrong_options(lab, program, options, expected):
    host = lab.namespace('host')
    done = host.run(program, 'bench', 'load', *options, check=False)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize('words, expected', [
    ((), 'greyline bench: what?'),
    (('laod',), "'laod': unknown (did you mean 'load'?)"),
    (('stress',), "'stress': unknown (there is 'load')"),
])
def test_wrong_subcommand(lab, program, words, expected):
    done = lab.namespace('host').run(program, 'bench', *words, check=False)
    assert done.returncode == 2
    assert expected in done.stderr


@pytest.mark.needs('setpriv')
def test_without_power(lab, program):
    _, client = lab.pair()
    load = Load(lab, client, program, '--sessions', 5,
                before=('setpriv', '--bounding-set', '-net_raw'))
    assert load.process.wait(5) == 3
    load.process.wait_for('CAP_NET_RAW is needed')


@pytest.mark.needs('setpriv', 'prlimit')
def test_without_descriptors(lab, program):
    _, client = lab.pair()
    load = Load(lab, client, program, '--sessions', 100,
                before=('prlimit', '--nofile=80:80', 'setpriv', '--bounding-set',
                        '-sys_resource'))
    assert load.process.wait(5) == 4
    load.process.wait_for(r'100 control connections need 164 file descriptors, and the limit is 80')
