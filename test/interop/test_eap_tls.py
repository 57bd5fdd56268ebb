"""EAP-TLS: a certificate for a password. Our two ends, and pppd on a real kernel."""
import shutil

import pytest

from harness.authority import CLIENT, SERVER, Authority
from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, USER, Server
from harness.guest import Guest
from harness.peers import INNER_SERVER
from harness.process import wait_until
from harness.traffic import echo_server, ping, reachable, transfer

pytestmark = pytest.mark.needs('openssl', 'tshark')
NAME = 'vpn.example.org'


class Ends:
    """A server and a client with certificates of one authority, each with its own options."""

    def __init__(self, lab, program):
        self.lab, self.program = lab, program
        self.server, self.client = lab.pair()
        self.authority = Authority(lab)
        self.certificates = {'server': self.authority.issue(NAME, SERVER),
                             'client': self.authority.issue(USER, CLIENT)}

    def _options(self, side):
        certificate, key = self.certificates[side]
        return ['--ca', self.authority.ca, '--cert', certificate, '--key', key]

    def listen(self, *options):
        process = self.server.start(
            self.program, 'server', '--listen', '10.7.0.1', '--pool', '10.98.0.0/16', '--debug',
            '--no-scripts', *self._options('server'), *options, name='greyline server')
        process.wait_for('Listening on')
        return process

    def dial(self, *options, user=USER):
        who = f'{user}@10.7.0.1' if user else '10.7.0.1'
        return self.client.start(
            self.program, 'client', who, '--debug', '--no-scripts', '--tls-name', NAME,
            *self._options('client'), *options, name='greyline client')

    def dialled(self, *options, **more):
        client = self.dial(*options, **more)
        client.wait_for(r'local  IP address 10\.98\.', 20)
        return client

    def ping(self):
        ping(self.client, GATEWAY, size=1200)


@pytest.fixture
def ends(lab, program):
    return Ends(lab, program)


@pytest.mark.parametrize('version', ['1.2', '1.3'])
def test_a_certificate_is_enough(lab, ends, version):
    capture = Capture(lab, ends.server, 'outer')
    server = ends.listen('--max-tls-version', version)
    client = ends.dialled()
    ends.ping()
    with echo_server(ends.server):
        transfer(ends.client, GATEWAY, 500_000)
    assert client.find(rf'certificate of "?{NAME}"? accepted \(TLS {version}\)')
    assert server.find(rf'certificate of "?{USER}"? accepted \(TLS {version}\)')
    assert server.find(rf'authentication succeeded user="?{USER}"? method=EAP-TLS')
    assert server.find('MPPE 128-bit stateless compression enabled')
    rows = tshark(capture.stop(), 'eap', 'eap.code', 'eap.type', 'tls.record.content_type')
    assert rows[-1][0] == '3' and [row[1] for row in rows[2:-1]] == ['13'] * (len(rows) - 3)
    assert {part for row in rows for part in row[2].split(',') if part} >= {'22'}


def test_a_session_is_resumed(ends):
    """The second dial has a ticket: no certificate travels, and the keys are new."""
    server = ends.listen()
    client = ends.dialled('--persist', '--holdoff', '0')
    mark = client.mark()
    ends.server.run(ends.program, 'terminate', '--all')
    client.wait_for(r'certificate of \S+ accepted \(TLS 1\.3, resumed\)', 20, mark)
    client.wait_for(r'local  IP address', 20, mark)
    ends.ping()
    assert server.find(r'accepted \(TLS 1\.3, resumed\)')


@pytest.mark.parametrize('options', [('server', '--no-tls-resume'), ('client', '--no-tls-resume')])
def test_resumption_can_be_turned_off(ends, options):
    side, option = options
    ends.listen(*([option] if side == 'server' else []))
    client = ends.dialled('--persist', '--holdoff', '0', *([option] if side == 'client' else []))
    mark = client.mark()
    ends.server.run(ends.program, 'terminate', '--all')
    client.wait_for(r'certificate of \S+ accepted \(TLS 1\.3\)', 20, mark)


def test_who_has_no_name_is_who_his_certificate_says(ends):
    server = ends.listen()
    ends.dialled(user=None)
    assert server.find(rf'authentication succeeded user="?{USER}"?')


def refused(client, server, ours, theirs, code=19):
    """Each says why in one line."""
    assert client.wait(20) == code
    assert client.find(ours), client.text
    wait_until(lambda: server.find(theirs), 10, theirs)


def test_expired_revoked_and_unknown_clients(lab, ends):
    ends.certificates['client'] = ends.authority.issue(USER, CLIENT)
    crl = ends.authority.revoke(ends.certificates['client'][0])
    server = ends.listen('--crl', crl, '--free-failures', '100')
    fail = rf'auth-fail user="?{USER}"? ip=10\.7\.0\.2 reason='
    refused(ends.dial(), server, 'does not go on: Certificate was revoked',
            fail + r'certificate-revoked .*is revoked')
    ends.certificates['client'] = ends.authority.issue(USER, CLIENT, days='-1')
    refused(ends.dial(), server, 'does not go on: Certificate is expired',
            fail + r'certificate-expired .*has expired')
    ends.certificates['client'] = ends.authority.issue('mallory', CLIENT)
    refused(ends.dial(), server, 'does not go on: Access was denied',
            fail + r'wrong-name .*\(mallory\) is not of alice')
    ends.certificates['client'] = ends.authority.issue(USER, SERVER)
    refused(ends.dial(), server, 'does not go on: .*not supported',
            fail + r'wrong-purpose .*another purpose')
    stranger = Authority(lab, 'stranger')
    ends.certificates['client'] = stranger.issue(USER, CLIENT)
    refused(ends.dial(), server, 'does not go on: CA is unknown',
            fail + r'unknown-issuer .*issuer that is not in ca')
    ends.certificates['client'] = ends.authority.issue(USER, CLIENT)
    ends.dialled()


def test_a_crl_counts_from_the_next_login_on(ends):
    server = ends.listen('--crl', ends.authority.revoke())
    ends.dialled().stop()
    ends.authority.revoke(ends.certificates['client'][0])
    refused(ends.dial(), server, 'Certificate was revoked', 'reason=certificate-revoked')
    assert server.find('Read certificates again')


def test_servers_that_are_not_believed(ends):
    def serve(certificate, *client_options):
        ends.certificates['server'] = certificate
        server = ends.listen()
        client = ends.dial(*client_options)
        return server, client

    fail = rf'auth-fail user="?{USER}"? ip=10\.7\.0\.2 reason=peer-alert '
    server, client = serve(ends.authority.issue('other.example.org', SERVER))
    refused(client, server, rf'\(other.example.org\) is not of {NAME} reason=wrong-name',
            fail + '.*Access was denied')
    server.stop()
    server, client = serve(ends.authority.issue(NAME, SERVER, days='-1'))
    refused(client, server, r'has expired reason=certificate-expired', fail + '.*is expired')
    server.stop()
    server, client = serve(ends.authority.issue(NAME, SERVER), '--max-tls-version', '1.2',
                           '--min-tls-version', '1.2')
    client.wait_for('local  IP address', 20)
    server.stop()
    client.wait(20)
    ends.certificates['server'] = ends.authority.issue(NAME, SERVER)
    server = ends.listen('--min-tls-version', '1.3')
    client = ends.dial('--max-tls-version', '1.2')
    refused(client, server, 'version', 'reason=no-common-version')


def test_names_of_every_kind(ends):
    """A DNS name with a wildcard for the server; an e-mail address and a UPN for clients."""
    ends.certificates['server'] = ends.authority.issue('x', SERVER, names='DNS:*.example.org')
    server = ends.listen('--free-failures', '100')
    upn = 'otherName:1.3.6.1.4.1.311.20.2.3;UTF8:bob@corp.example'
    for user, names in (('alice@example.org', 'email:alice@example.org'),
                        ('bob@corp.example', upn), ('host/pc.example.org', 'DNS:pc.example.org')):
        ends.certificates['client'] = ends.authority.issue('y', CLIENT, names=names)
        client = ends.dialled(user=user)
        assert server.find(rf'authentication succeeded user="?{user}"? method=EAP-TLS')
        client.stop()


def test_users_must_be_listed_where_that_is_said(lab, ends):
    path = lab.file('listed')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('alice * - 10.98.7.7\n')
    server = ends.listen('--secrets', path, '--tls-listed', '--require-eap-tls')
    ends.dialled().stop()
    assert server.find(r'remote IP address 10\.98\.7\.7')
    ends.certificates['client'] = ends.authority.issue('bob', CLIENT)
    refused(ends.dial(user='bob'), server, 'Access was denied',
            r'auth-fail user="?bob"? ip=10\.7\.0\.2 reason=unknown-user method=EAP-TLS')


def test_keys_that_only_root_can_read(ends):
    """They are read before privileges are dropped."""
    for host in (ends.server, ends.client):  # as udev makes it: for everybody
        host.run('mount', '-t', 'tmpfs', 'none', '/dev/net')
        host.run('mknod', '-m', '666', '/dev/net/tun', 'c', '10', '200')
    ends.listen('--run-as', 'nobody')
    ends.dialled('--run-as', 'nobody')
    ends.ping()


def test_a_server_with_both_takes_a_password_too(lab, ends):
    path = lab.file('both')
    with open(path, 'w', encoding='utf-8') as file:
        file.write('alice * "wonder land" *\n')
    password = lab.file('password')
    with open(password, 'w', encoding='utf-8') as file:
        file.write('wonder land\n')
    server = ends.listen('--secrets', path)
    client = ends.client.start(ends.program, 'client', f'{USER}@10.7.0.1', '--debug',
                               '--no-scripts', '--password-file', password,
                               name='greyline client without a certificate')
    client.wait_for(r'local  IP address', 20)
    assert server.find(r'authentication succeeded user="?alice"? method=EAP-MS-CHAPv2')


# pppd.

UML = pytest.mark.needs('linux.uml', 'mmdebstrap', 'gcc', 'tcpdump', 'openssl',
                        files=['/dev/net/tun', '/usr/include/pppd/pppd.h'])
HOST, GUEST = '10.8.0.2', '10.8.0.1'


def guest_with_certificates(lab, name):
    """A guest, and certificates for both ends; the guest's lie in its /share."""
    host = lab.namespace('host')
    guest = Guest(lab, host, [(f'{HOST}/24', f'{GUEST}/24')], name)
    authority = Authority(lab)
    pairs = {'server': authority.issue(NAME, SERVER), 'client': authority.issue(USER, CLIENT)}
    shutil.copy(authority.ca, lab.file('share/ca.pem'))
    shutil.copy(pairs[name][0], lab.file('share/cert.pem'))
    shutil.copy(pairs[name][1], lab.file('share/key.pem'))
    certificate, key = pairs['client' if name == 'server' else 'server']
    return host, guest, ['--ca', authority.ca, '--cert', certificate, '--key', key]


@UML
def test_pppd_dials_our_server(lab, program):
    host, guest, options = guest_with_certificates(lab, 'client')
    server = Server(lab, host, program, *options, '--require-eap-tls', listen=HOST)
    guest.ready().run('/peers/client', 'pptp', HOST, USER, '-', 'eap', 'ca', '/share/ca.pem',
                      'cert', '/share/cert.pem', 'key', '/share/key.pem', 'remotename', NAME)
    ping(guest, GATEWAY, size=1200)
    server.wait_for(rf'certificate of "?{USER}"? accepted \(TLS 1\.2\)')
    session, = server.sessions()
    assert session['auth'] == 'EAP-TLS'
    assert session['comp'] == 'mppe-128'
    ping(host, session['ip'])


def dial_pppd(lab, program, version, *more):
    """Our client, and a poptop whose pppd wants a certificate."""
    host, guest, options = guest_with_certificates(lab, 'server')
    guest.ready().shell(f'echo "{USER} pptpd - /share/cert.pem /share/ca.pem /share/key.pem *" '
                        '>/etc/ppp/eaptls-server; chmod 600 /etc/ppp/eaptls-server')
    guest.run('/peers/server', USER, '-', 'eap', f'max-tls-version {version}')
    return host, host.start(program, 'client', f'{USER}@{GUEST}', '--debug', '--no-scripts',
                            '--tls-name', NAME, *options, *more, name='greyline client')


@UML
def test_our_client_dials_pppd(lab, program):
    host, client = dial_pppd(lab, program, '1.2')
    client.wait_for(r'local  IP address 192\.168\.77\.10', 20)
    assert client.find(rf'certificate of "?{NAME}"? accepted \(TLS 1\.2\)')
    reachable(host, INNER_SERVER)
    ping(host, INNER_SERVER, size=1200)


@UML
def test_pppd_has_no_protected_success(lab, program):
    """With TLS 1.3 pppd 2.4.9 says Success and nothing that TLS protects: it is not believed."""
    _, client = dial_pppd(lab, program, '1.3', '--auth-timeout', '5')
    client.wait_for(r'EAP Success before TLS has ended', 20)
    assert client.wait(20) == 11
