"""Passwords that expire and are changed on the way in, NT hashes for passwords, and proofs that are
asked for again in the middle of a session."""
import os

import pytest

from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server, password_file
from harness.guest import Guest
from harness.peers import INNER_SERVER
from harness.traffic import ping, reachable

NEW = 'a new one, "quoted"\\'


def nt_hash(password):
    """MD4 of UTF-16LE, in plain Python: OpenSSL hides MD4 nowadays."""
    mask = 0xffffffff
    data = password.encode('utf-16-le')
    bits = 8 * len(data)
    data += b'\x80' + bytes(-(len(data) + 9) % 64) + bits.to_bytes(8, 'little')
    state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]
    rounds = (
        (lambda x, y, z: x & y | ~x & z, 0, list(range(16)), (3, 7, 11, 19)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5a827999,
         [i % 4 * 4 + i // 4 for i in range(16)], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ed9eba1,
         [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], (3, 9, 11, 15)),
    )
    for start in range(0, len(data), 64):
        words = [int.from_bytes(data[at:at + 4], 'little') for at in range(start, start + 64, 4)]
        a, b, c, d = state
        for mix, constant, order, shifts in rounds:
            for i, at in enumerate(order):
                a = (a + (mix(b, c, d) & mask) + words[at] + constant) & mask
                shift = shifts[i % 4]
                a, b, c, d = d, (a << shift | a >> 32 - shift) & mask, b, c
        state = [(x + y) & mask for x, y in zip(state, (a, b, c, d))]
    return 'nt:' + b''.join(word.to_bytes(4, 'little') for word in state).hex()


def users(lab, line):
    path = lab.file('users')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'# who may come in\n{line}\n')
    os.chmod(path, 0o600)
    return path


def start(lab, server, program, line, *options):
    path = users(lab, line)
    return Server(lab, server, program, '--secrets', path, *options), path


@pytest.mark.parametrize('options, method', [
    ([], 'MS-CHAPv2'),
    (['--refuse-mschap-v2'], 'EAP-MS-CHAPv2'),
])
def test_an_expired_password_is_changed(lab, program, options, method):
    server, client = lab.pair()
    ours, path = start(lab, server, program, f'"{USER}" * "{PASSWORD}" * -- expired')
    fresh = password_file(lab, 'new', NEW)
    dialer = Client(lab, client, program, '--new-password-file', fresh, *options)
    dialer.up()
    ping(client, GATEWAY)
    dialer.wait_for(rf'The password of "{USER}" is changed')
    ours.wait_for(rf'Password changed user="{USER}"')
    assert ours.sessions()[0]['auth'] == method
    quoted = NEW.replace('\\', '\\\\').replace('"', '\\"')
    with open(path, encoding='utf-8') as file:
        assert file.read() == f'# who may come in\n"{USER}" * "{quoted}" *\n'
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert NEW not in ours.process.text and NEW not in dialer.process.text
    dialer.stop()
    again = Client(lab, client, program, *options, password=NEW)
    again.up()
    again.stop()
    old = Client(lab, client, program, *options)
    assert old.wait(20) == 19
    assert 'E=691' in old.process.text


def test_a_client_that_stays_knows_the_new_one(lab, program):
    """It dials again with what the server knows by then."""
    server, client = lab.pair()
    ours, _ = start(lab, server, program, f'"{USER}" * "{PASSWORD}" * -- expired')
    fresh = password_file(lab, 'new', 'next')
    dialer = Client(lab, client, program, '--new-password-file', fresh, '--persist', '--holdoff', '0')
    dialer.up()
    mark = dialer.process.mark()
    ours.command('terminate', '--all')
    dialer.up(after=mark)
    ping(client, GATEWAY)


def test_without_a_new_password(lab, program):
    server, client = lab.pair()
    ours, path = start(lab, server, program, f'"{USER}" * "{PASSWORD}" * -- expired')
    dialer = Client(lab, client, program)
    assert dialer.wait(20) == 19
    assert 'E=648 password expired' in dialer.process.text
    assert 'reason=auth-expired' in dialer.process.text
    with open(path, encoding='utf-8') as file:
        assert 'expired' in file.read()
    assert ours.sessions() == []


def test_the_old_one_again_is_no_new_password(lab, program):
    server, client = lab.pair()
    ours, _ = start(lab, server, program, f'"{USER}" * "{PASSWORD}" * -- expired')
    dialer = Client(lab, client, program, '--new-password-file', password_file(lab, 'new', PASSWORD))
    assert dialer.wait(20) == 19
    assert 'E=709 error changing the password' in dialer.process.text
    ours.wait_for(r'auth-fail .*reason=new-password-is-the-old')


def test_the_helper_writes_for_a_server_that_is_nobody(lab, program):
    server, client = lab.pair()
    server.run('mount', '-t', 'tmpfs', 'none', '/dev/net')
    server.run('mknod', '-m', '666', '/dev/net/tun', 'c', '10', '200')
    ours, path = start(lab, server, program, f'"{USER}" * {nt_hash(PASSWORD)} * -- expired',
                       '--run-as', 'nobody')
    dialer = Client(lab, client, program, '--new-password-file', password_file(lab, 'new', NEW))
    dialer.up()
    with open(path, encoding='utf-8') as file:
        assert file.read() == f'# who may come in\n"{USER}" * {nt_hash(NEW)} *\n'
    dialer.stop()
    # The server cannot read the file again, and knows it all the same.
    again = Client(lab, client, program, password=NEW)
    again.up()
    ping(client, GATEWAY)
    assert ours.process.find('Password changed')


@pytest.mark.parametrize('options, word', [
    ([], None),
    (['--refuse-mschap-v2'], None),
    (['--require-mschap'], None),
    (['--require-pap', '--allow-clear-text'], None),
    (['--require-chap', '--allow-clear-text'], 'nt-hash-only'),
])
def test_the_server_has_an_nt_hash(lab, program, options, word):
    server, client = lab.pair()
    ours, _ = start(lab, server, program, f'"{USER}" * {nt_hash(PASSWORD)} *', *options)
    dialer = Client(lab, client, program, *options)
    if word:
        assert dialer.wait(20) == 19
        ours.wait_for(rf'auth-fail .*reason={word}')
    else:
        dialer.up()
        ping(client, GATEWAY)


@pytest.mark.parametrize('options, works', [
    ([], True),
    (['--refuse-mschap-v2'], True),
    (['--require-mschap'], True),
    (['--require-chap', '--allow-clear-text'], False),
])
def test_the_client_has_an_nt_hash(lab, program, options, works):
    server, client = lab.pair()
    Server(lab, server, program, *options)
    path = users(lab, f'"{USER}" * {nt_hash(PASSWORD)}')
    process = client.start(program, 'client', f'{USER}@10.7.0.1', '--no-scripts', '--secrets', path,
                           *options, name='client with a hash')
    if works:
        process.wait_for(r'remote IP address', 20)
        ping(client, GATEWAY)
    else:
        assert process.wait(20) == 2
        assert 'an NT hash is good for MS-CHAPv2' in process.text


@pytest.mark.parametrize('options, word', [
    ([], 'CHAP Response'),
    (['--refuse-mschap-v2'], 'EAP Response id \\d+ MS-CHAPv2 Response'),
    (['--require-chap', '--allow-clear-text'], 'CHAP Response'),
])
def test_asked_again_and_again(lab, program, options, word):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--chap-interval', '1', *options)
    dialer = Client(lab, client, program, *options)
    dialer.up()
    mark = 0
    for _ in range(4):
        ours.wait_for(f'rcvd {word}', 10, mark)
        mark = ours.process.mark()
        ping(client, GATEWAY)
    assert len(ours.sessions()) == 1
    assert not dialer.process.find('Dropped')


def test_a_user_who_is_taken_out_is_put_out(lab, program):
    server, client = lab.pair()
    ours, path = start(lab, server, program, f'"{USER}" * "{PASSWORD}" *', '--chap-interval', '1')
    dialer = Client(lab, client, program)
    dialer.up()
    with open(path, 'w', encoding='utf-8') as file:
        file.write('"bob" * "x" *\n')
    ours.wait_for(r'auth-fail .*reason=unknown-user', 10)
    assert dialer.wait(20) == 19
    assert ours.sessions() == []


needs_pppd = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc',
                               files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])
HOST, GUEST = '10.8.0.2', '10.8.0.1'


def guest_and_host(lab, name):
    host = lab.namespace('host')
    return host, Guest(lab, host, [(f'{HOST}/24', f'{GUEST}/24')], name)


@needs_pppd
@pytest.mark.parametrize('method, word', [('', 'CHAP Response'), ('eap', 'EAP Response')])
def test_pppd_is_asked_again_and_again(lab, program, method, word):
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, '--chap-interval', '2', listen=HOST)
    guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD, *method.split())
    mark = 0
    for _ in range(3):
        ours.wait_for(f'rcvd {word}', 20, mark)
        mark = ours.process.mark()
        if not method:  # with EAP pppd 2.4.9 spoils its own MPPE then: ccp_open() tries the options out
            ping(guest, GATEWAY)
    assert len(ours.sessions()) == 1


@needs_pppd
@pytest.mark.parametrize('method', ['', 'eap'])
def test_pppd_asks_us_again_and_again(lab, program, method):
    host, guest = guest_and_host(lab, 'server')
    options = ['eap', 'eap-interval', '2'] if method else ['chap-interval', '2']
    guest.ready().run('/peers/server', USER, PASSWORD, *options)
    ours = Client(lab, host, program, server=GUEST)
    ours.up()
    mark = 0
    for _ in range(3):
        ours.wait_for(r'sent EAP Response id \d+ MS-CHAPv2' if method else r'sent CHAP Response', 20,
                      mark)
        mark = ours.process.mark()
        if not method:  # as above
            reachable(host, INNER_SERVER)
            ping(host, INNER_SERVER)


@needs_pppd
def test_the_password_of_pppd_has_expired(lab, program):
    """It has no way to change it, and says why it was refused."""
    host, guest = guest_and_host(lab, 'client')
    path = users(lab, f'"{USER}" * "{PASSWORD}" * -- expired')
    ours = Server(lab, host, program, '--secrets', path, listen=HOST)
    status, log = guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD, check=False)
    assert 'E=648' in log and 'expired' in log.lower()
    assert status in (16, 19), log
    assert ours.sessions() == []


BOTH_WAYS = ['--peer-auth', 'chap']


def mutual(lab, name, *lines):
    path = lab.file(name)
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')
    os.chmod(path, 0o600)
    return path


@pytest.mark.parametrize('theirs, ours_', [('chap', 'chap'), ('eap-mschap-v2,mschap-v2', 'mschap-v2,pap'),
                                           ('mschap', 'chap,mschap'), ('pap', 'pap')])
def test_each_proves_itself(lab, program, theirs, ours_):
    """The client asks for `theirs`, the server is ready for `ours_`; the client's own is MS-CHAPv2."""
    server, client = lab.pair()
    ours = Server(lab, server, program, '--name', 'vpn', '--own-auth', ours_, '--password-file',
                  password_file(lab, 'own', 'of the server'))
    trust = mutual(lab, 'trust', f'vpn {USER} "of the server"')
    dialer = Client(lab, client, program, '--peer-auth', theirs, '--secrets', trust)
    dialer.up()
    ping(client, GATEWAY)
    dialer.wait_for(r'authentication succeeded user="vpn" method=')
    ours.wait_for(rf'authentication succeeded user="{USER}" method=MS-CHAPv2')


@pytest.mark.parametrize('line, options, reason', [
    (f'vpn {USER} "of another"', ['--own-auth', 'chap'], 'wrong-password'),
    (f'other {USER} "of the server"', ['--own-auth', 'chap'], 'unknown-server'),
    (f'vpn bob "of the server"', ['--own-auth', 'chap'], 'unknown-server'),
    (f'vpn {USER} "of the server"', [], 'auth-refused'),
    (f'vpn {USER} "of the server"', ['--own-auth', 'mschap-v2'], 'auth-refused'),
])
def test_a_server_that_does_not_prove_itself(lab, program, line, options, reason):
    server, client = lab.pair()
    own = ['--password-file', password_file(lab, 'own', 'of the server')] if options else []
    ours = Server(lab, server, program, '--name', 'vpn', *options, *own)
    dialer = Client(lab, client, program, *BOTH_WAYS, '--secrets', mutual(lab, 'trust', line))
    assert dialer.wait(20) == 11
    dialer.wait_for(f'reason={reason}')
    assert ours.sessions() == []


def test_methods_in_a_stated_order(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--auth-order', 'eap-mschap-v2')
    dialer = Client(lab, client, program)
    dialer.up()
    assert ours.sessions()[0]['auth'] == 'EAP-MS-CHAPv2'
    dialer.stop()
    dialer = Client(lab, client, program, '--refuse-eap')
    dialer.up()
    assert ours.sessions()[0]['auth'] == 'MS-CHAPv2'


def test_nobody_calls_back(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--cbcp')
    dialer = Client(lab, client, program, '--cbcp')
    dialer.up()
    ping(client, GATEWAY)
    assert ours.process.find(r'rcvd CBCP Callback-Response id 1 none')
    dialer.stop()
    without = Client(lab, client, program)
    without.up()


@needs_pppd
def test_pppd_may_want_a_callback(lab, program):
    """It asks for one to a number of its own, takes what is offered, which is none, and goes on."""
    host, guest = guest_and_host(lab, 'client')
    ours = Server(lab, host, program, '--cbcp', listen=HOST)
    guest.ready().run('/peers/client', 'pptp', HOST, USER, PASSWORD, 'callback', '5551234')
    ping(guest, GATEWAY)
    assert ours.process.find(r'rcvd LCP Configure-Request .* callback CBCP')
    assert ours.process.find(r'rcvd CBCP Callback-Response id \d+ none')
