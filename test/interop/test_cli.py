"""What the command line says: faults in one line each, tables, doctor, terminate, exit statuses."""
import json
import os
import re
import signal

import pytest

from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.process import wait_until
from harness.traffic import ping
from harness.wire import Talker, start_request


def refuse(host, program, *words, status=2):
    """Runs a command that must be refused; returns its one line."""
    done = host.run(program, *words, check=False)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    lines = [line for line in done.stderr.splitlines() if 'warning' not in line]
    assert len(lines) == 1, f'{words}: one line is expected:\n{done.stderr}'
    return lines[0]


def written(lab, name, text, mode=0o600):
    path = lab.file(name)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, mode)
    return path


@pytest.mark.parametrize('words, parts', [
    (['server', '--lisen', '10.0.0.1'], ['--lisen', '--listen']),
    (['client', 'a@b', '--defualt-route'], ['--defualt-route', '--default-route']),
    (['server', '--pool', '10.0.0.0/33'], ['--pool', '10.0.0.0/33']),
    (['server', '--port', '70000'], ['--port', '70000', '65535']),
    (['server', '--interface', 'per-sesion'], ['--interface', 'per-session']),
    (['server', '--listen'], ['--listen', 'value']),
    (['client', 'a@b', '--password', 'x'], ['--password-file']),
    (['client', 'a@b', 'c'], ['c']),
    (['sever'], ['sever', 'server']),
    (['sessions', '--jsn'], ['--jsn', '--json']),
    (['client'], ['USER@HOST']),
], ids=lambda value: ' '.join(value) if isinstance(value, list) else '')
def test_wrong_options(lab, program, words, parts):
    line = refuse(lab.namespace('host'), program, *words)
    for part in parts:
        assert part in line, line


@pytest.mark.parametrize('text, at, parts', [
    ('[server]\nlisten = 10.0.0.1\npol = 10.0.0.0/24\n', '3:1', ['pol', 'pool']),
    ('[sever]\nlisten = 10.0.0.1\n', '1:2', ['sever', 'server']),
    ('[server]\n  pool = 10.0.0.0/99\n', '2:10', ['10.0.0.0/99']),
    ('[server]\nname = "unclosed\n', '2:8', ['quote']),
    ('[server]\nlisten\n', '2:1', ['listen']),
    ('[client]\npool = 10.0.0.0/24\n', '2:1', ['pool', 'server']),
    ('[server\n', '1:8', [']']),
], ids=['key', 'section', 'value', 'quote', 'bare', 'place', 'heading'])
def test_a_wrong_configuration_file(lab, program, text, at, parts):
    host = lab.namespace('host')
    path = written(lab, 'greyline.conf', text)
    for command in (['check-config', path], ['server', '-c', path]):
        line = refuse(host, program, *command, status=2)
        assert f'{path}:{at}:' in line, line
        for part in parts:
            assert part in line.split(path, 1)[1], line


def test_a_configuration_file_is_read_once(lab, program):
    host = lab.namespace('host')
    path = written(lab, 'greyline.conf',
                   '[server]\npool = 10.0.0.0/24\ndns = 192.0.2.1\ndns = 192.0.2.2\n')
    for words in ([path], ['-c', path]):
        done = host.run(program, 'check-config', *words)
        assert 'no faults' in done.stdout and not done.stderr, words


def test_a_right_configuration_file_holds_everything_a_flag_can_say(lab, program):
    server, client = lab.pair()
    secrets = written(lab, 'secrets', 'bob * "two words" 10.55.0.77\n')
    path = written(lab, 'greyline.conf', f'''# comments, sections, quotes
no-scripts
[server]
listen = 10.7.0.1
pool = 10.55.0.0/24
secrets = "{secrets}"
interface = per-session
[ppp]
ms-dns = 10.55.0.53
lcp-echo-interval = 5
''')
    assert server.run(program, 'check-config', path).returncode == 0
    ours = server.start(program, 'server', '-c', path, name='greyline server')
    ours.wait_for(r'Listening on')
    dialer = Client(lab, client, program, user='bob', password='two words')
    assert dialer.up()[0] == '10.55.0.77'
    wait_until(lambda: 'ppp0' in server.state()['names'], 5, 'the session has its interface')


@pytest.mark.parametrize('text, at, part', [
    ('bob * "unclosed\n', '1:7', 'quote'),
    ('\n\nbob *\n', '3:1', 'secret'),
    ('bob * secret 10.0.0.300\n', '1:14', '10.0.0.300'),
], ids=['quote', 'words', 'address'])
def test_wrong_secrets(lab, program, text, at, part):
    """A line that is wrong is named, and costs its user only."""
    host = lab.namespace('host')
    path = written(lab, 'secrets', f'{text}alice * secret *\n')
    server = host.start(program, 'server', '--listen', '127.0.0.1', '--secrets', path,
                        name='greyline server')
    line = server.wait_for(rf'{path}:.*').group(0)
    server.wait_for('Listening on')
    assert line.startswith(f'{path}:{at}: ') and part in line, line
    assert len(server.find_all(path)) == 1


def test_secrets_others_can_read_are_warned_about(lab, program):
    host = lab.namespace('host')
    path = written(lab, 'secrets', 'alice * secret *\n', 0o644)
    server = host.start(program, 'server', '--listen', '127.0.0.1', '--secrets', path,
                        name='greyline server')
    server.wait_for(rf'chmod 600 {path}')
    server.wait_for(r'Listening on')


def test_missing_files(lab, program):
    host = lab.namespace('host')
    assert '/none' in refuse(host, program, 'server', '--secrets', '/none', status=1)
    assert '/none' in refuse(host, program, 'check-config', '/none')
    assert '/none' in refuse(host, program, 'client', 'a@127.0.0.1', '--password-file', '/none')


def test_a_server_without_secrets_makes_a_user(lab, program):
    server, client = lab.pair()
    ours = server.start(program, 'server', '--listen', '10.7.0.1', name='greyline server')
    ours.wait_for(r'Listening on')
    user, password = ours.wait_for(r'User: (\S+)\s+Password: (\S+)').groups()
    Client(lab, client, program, user=user, password=password).up()
    # Once: neither a status nor a later line shows it again.
    assert len(ours.find_all(re.escape(password))) == 1


@pytest.mark.parametrize('listen, powers', [('10.7.0.1', 0x3000), ('10.7.0.1:723', 0x3400)])
def test_only_what_is_needed_is_kept(lab, program, listen, powers):
    server, client = lab.pair()
    ours = [Server(lab, server, program, listen=listen)]
    if powers == 0x3000:
        ours.append(Client(lab, client, program))
        ours[1].up()

    def status_of(pid):
        with open(f'/proc/{pid}/status', encoding='utf-8') as file:
            return dict(line.split(':\t') for line in file.read().splitlines() if ':\t' in line)

    for one in ours:
        pid = one.process.pid
        wait_until(lambda pid=pid: status_of(pid)['Seccomp'] == '2', 5, 'system calls are filtered')
        status = status_of(pid)
        for kind in ('CapPrm', 'CapEff', 'CapBnd'):
            assert int(status[kind], 16) == powers, (one, kind, status[kind])
        assert int(status['CapInh'], 16) == int(status['CapAmb'], 16) == 0
        assert status['NoNewPrivs'] == '1'


def test_nat_rules_come_and_go(lab, program):
    server, _ = lab.pair()
    before = server.state()
    ours = Server(lab, server, program, '--nat', pool='10.98.0.0/24')
    wait_until(lambda: 'masquerade' in server.state()['tables'], 5, 'the rules are there')
    assert server.state()['forwarding'] == '1\n'
    assert ours.stop() == 0
    assert server.state() == before


def test_two_servers_with_nat_on_one_host(lab, program):
    server, _ = lab.pair()
    server.ip('address', 'add', '10.7.0.9/24', 'dev', 'outer')
    folder = lab.file('second')
    first = Server(lab, server, program, '--nat', pool='10.98.0.0/24')
    second = Server(lab, server, program, '--nat', '--ifname', 'second0', '--run-dir', folder,
                    listen='10.7.0.9', pool='10.97.0.0/24')

    def tables():
        return set(re.findall(r'table inet (\w+)',
                              server.run('nft', 'list', 'tables').stdout))

    assert tables() == {'greyline', 'greyline_second0'}
    assert second.stop() == 0
    assert tables() == {'greyline'}
    assert first.stop() == 0
    assert tables() == set()


def test_sessions_status_and_terminate(lab, program):
    server, first, second = lab.lan('server', 'first', 'second')
    ours = Server(lab, server, program, users={'alice': 'a', 'bob': 'b'})
    alice = Client(lab, first, program, user='alice', password='a')
    bob = Client(lab, second, program, user='bob', password='b')
    addresses = {'alice': alice.up()[0], 'bob': bob.up()[0]}
    rows = {row['username']: row for row in ours.sessions()}
    assert {user: row['ip'] for user, row in rows.items()} == addresses
    columns = {'ifname', 'username', 'calling-sid', 'ip', 'type', 'comp', 'state', 'uptime', 'sid',
               'rx-bytes', 'tx-bytes', 'rx-pkts', 'tx-pkts'}
    assert columns <= set(rows['alice'])
    table = ours.command('sessions').stdout
    assert 'username' in table.splitlines()[0] and addresses['bob'] in table
    assert '\033' not in table, 'colour belongs on a terminal only'
    assert 'alice' in ours.command('status').stdout
    assert ours.status()['role'] == 'server' and ours.status()['logins'] == 2
    assert json.loads(first.run(program, 'status', '--json').stdout)

    ours.command('terminate', '--username', 'alice')
    assert alice.wait(10) == 16
    assert alice.process.find('LCP terminated by peer')
    wait_until(lambda: [row['username'] for row in ours.sessions()] == ['bob'], 5, 'bob is left')
    ping(second, GATEWAY)
    ours.command('terminate', '--ip', addresses['bob'], '--hard')
    assert bob.wait(10) == 16
    assert ours.sessions() == []
    assert ours.command('terminate', '--username', 'nobody', check=False).returncode != 0


def test_tools_without_a_server(lab, program):
    host = lab.namespace('host')
    for command in ('status', 'sessions', 'terminate --all', 'capture --output /dev/null'):
        line = refuse(host, program, *command.split(), status=1)
        assert '/run/greyline' in line, line


def test_doctor(lab, program):
    host = lab.namespace('host')
    done = host.run(program, 'doctor', check=False)
    for word in ('TUN', 'CAP_NET_ADMIN', 'CAP_NET_RAW', 'kernel PPP', 'forward', 'conntrack'):
        assert word.lower() in done.stdout.lower(), f'{word}:\n{done.stdout}'
    facts = json.loads(host.run(program, 'doctor', '--json', check=False).stdout)
    assert facts


def test_help_and_version(lab, program):
    host = lab.namespace('host')
    said = host.run(program, '--help').stdout
    for command in ('server', 'client', 'status', 'sessions', 'terminate', 'check-config',
                    'capture', 'dump', 'doctor', 'bench'):
        assert command in said
        assert '--help' in host.run(program, command, '--help').stdout
    assert re.search(r'\d+\.\d+', host.run(program, '--version').stdout)


def test_exit_statuses_of_the_client(lab, program):
    server, client = lab.pair()
    assert Client(lab, client, program, server='no.such.host.invalid').wait(30) == 8
    assert Client(lab, client, program).wait(30) == 8  # nobody listens
    ours = Server(lab, server, program)
    assert Client(lab, client, program, password='wrong').wait(30) == 19
    assert Client(lab, client, program, '--no-mppe', '--refuse-mschap-v2', '--refuse-eap',
                  '--allow-pap').wait(30) == 19
    assert Client(lab, client, program, '--no-mppe').wait(30) == 16  # the server hangs up
    for number, status in ((signal.SIGTERM, 5), (signal.SIGINT, 5)):
        dialer = Client(lab, client, program)
        dialer.up()
        assert dialer.stop(number) in (0, status)
    dialer = Client(lab, client, program, '--maxconnect', '1')
    dialer.up()
    assert dialer.wait(10) == 13
    dialer = Client(lab, client, program, '--idle', '1')
    dialer.up()
    assert dialer.wait(10) == 12
    dialer = Client(lab, client, program)
    dialer.up()
    mark = dialer.process.mark()
    dialer.process.kill(signal.SIGHUP)  # reconnect
    dialer.up(20, mark)
    ours.stop()
    assert dialer.wait(10) == 16


def test_a_client_that_calls_from_a_foreign_address(lab, program):
    client = lab.namespace('client')
    password = written(lab, 'word', PASSWORD)
    words = ['client', f'{USER}@10.7.0.1', '--password-file', password, '--no-scripts']
    assert 'this host has no such address' in \
        refuse(client, program, *words, '--bind', '192.0.2.9', status=4)
    long = lab.file('x' * 120)
    assert '--run-dir' in refuse(client, program, *words, '--run-dir', long, status=7)


def test_a_client_without_tun(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    password = written(lab, 'word', PASSWORD)
    hidden = f'mount -t tmpfs none /dev; exec {program} client {USER}@10.7.0.1 ' \
             f'--password-file {password} --no-scripts'
    done = client.run('unshare', '-m', 'sh', '-c', hidden, check=False)
    assert done.returncode == 4 and '/dev/net/tun' in done.stderr


def test_a_peers_words_are_harmless_on_a_terminal(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    with Talker(client, '10.7.0.1') as talker:
        talker.send(start_request().replace(b'talker'.ljust(20, b'\0'),
                                            b'\x1b[31m\x9b31m\nevil'.ljust(20, b'\0')))
        assert talker.receive().result_code == 1
        text = ours.command('status').stdout
    line = ours.wait_for(r'Control connection established host=.*').group(0)
    for shown in (text, line):
        assert 'evil' in shown and '\x1b' not in shown and '\x9b' not in shown
    assert '\nevil' not in text


def test_not_root(lab, program):
    host = lab.namespace('host')
    done = host.run('setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups',
                    '--inh-caps=-all', '--bounding-set=-all', program, 'server', check=False)
    assert done.returncode == 3, done.stderr
    assert 'root' in done.stderr or 'CAP_' in done.stderr
