"""PPP on lines: our own two ends, lines that are no good, and pppd with the kernel's PPP."""
import os
import re
import signal

import pytest

from harness.greyline import PASSWORD, USER, password_file, secrets
from harness.guest import HostGuest
from harness.traffic import ping

OURS, THEIRS = '10.66.0.1', '10.66.0.2'
ENDS = f'{OURS}:{THEIRS}'


class Link:
    """`greyline link` in a namespace."""

    def __init__(self, namespace, program, *options):
        self.process = namespace.start(program, 'link', '--debug', '--no-scripts', *options,
                                       name=f'greyline link in {namespace.name}')

    def up(self, after=0):
        return self.process.wait_for(r'local  IP address ([0-9.]+)', 20, after).group(1)

    def wait_for(self, pattern, timeout=20, after=0):
        return self.process.wait_for(pattern, timeout, after)

    def wait(self, timeout=20):
        return self.process.wait(timeout)

    def stop(self, number=signal.SIGTERM):
        self.process.kill(number)
        return self.process.wait(10)


def login(lab):
    return '--user', USER, '--password-file', password_file(lab, 'password', PASSWORD)


def asks(lab):
    return '--peer-auth', 'mschap-v2', '--secrets', secrets(lab, 'users', {USER: PASSWORD})


def no_larger_than_it_is(host, address):
    """Packets of every size, up to the interface's, and of bytes that have to be escaped."""
    for pattern in ('7e7d0011', 'ff'):
        host.run('ping', '-c1', '-W5', '-p', pattern, '-s', '1400', address)
    ping(host, address, size=20)


@pytest.fixture
def cable(lab):
    """Two terminals, mouth to mouth, as of a null-modem cable."""
    ends = lab.file('left'), lab.file('right')
    socat = lab.namespace('cable').start('socat', '-d', '-d', *(
        f'PTY,link={end},raw,echo=0' for end in ends), name='socat')
    socat.wait_for('starting data transfer loop')
    return ends


@pytest.mark.needs('socat', files=['/dev/net/tun'])
def test_two_of_us_on_a_cable(lab, program, cable):
    left, right = lab.namespace('left'), lab.namespace('right')
    answering = Link(left, program, cable[0], '115200', ENDS, *asks(lab), '--silent', '--persist',
                     '--holdoff', '0', '--fcs', '32', '--asyncmap', '200a0000')
    answering.wait_for('Using interface')
    calling = Link(right, program, cable[1], *login(lab), '--asyncmap', '7d', '--escape', '41,ff')
    assert calling.up() == THEIRS
    calling.wait_for(r'rcvd LCP Configure-Request .*asyncmap 200a0000 .*fcs 32')
    calling.wait_for('MPPE 128-bit stateless')
    no_larger_than_it_is(right, OURS)
    status = right.run(program, 'status').stdout
    assert 'line-' not in status  # of what was dropped
    # Whoever hangs up, the one that waits for calls waits for the next.
    mark = answering.process.mark()
    assert calling.stop() == 5
    answering.wait_for('LCP terminated by peer', after=mark)
    answering.wait_for('Using interface', after=mark)
    again = Link(right, program, cable[1], *login(lab))
    assert again.up() == THEIRS
    assert answering.stop() == 5
    assert again.wait() == 16


@pytest.mark.needs(files=['/dev/net/tun'])
def test_lines_that_are_no_good(lab, program):
    host = lab.namespace('host')
    for words, code, said in (
            (('--pty', 'cat'), 17, 'looped back'),
            (('--pty', 'sleep 0.1'), 16, 'hung up'),
            (('/dev/ttyNONE',), 7, 'No such file'),
            (('--pty', 'cat', '--connect-script', 'exit 3'), 8, 'exit status 3'),
            (('--pty', 'cat', '--init', 'exit 1'), 18, 'exit status 1')):
        link = Link(host, program, *words)
        assert link.wait() == code, words
        assert said in link.process.text
        assert 'GRE' not in link.process.text
    # A line that comes back is opened again, and each of its ends is told apart from a failure.
    link = Link(host, program, '--pty', 'sleep 0.1', '--persist', '--holdoff', '0', '--maxfail', '2')
    assert link.wait() == 16
    assert len(re.findall('Opening pty', link.process.text)) == 2


PPPD = ('nodetach', 'debug', 'noipv6', 'nobsdcomp', 'nodeflate', 'lcp-echo-interval', '0')
MPPE = ('require-mppe-128',)


@pytest.mark.needs('linux.uml', 'pppd', 'modprobe', files=['/dev/net/tun'])
def test_pppd_at_the_other_end(lab, program):
    guest = HostGuest(lab, lab.namespace('host'), []).ready()
    guest.run('modprobe', '-a', 'ppp_async', 'ppp_mppe')
    left, right = guest.inside('left'), guest.inside('right')
    within = f'nsenter -t {right.pid} -n -m'

    # It dials us: we are what its `pty` runs, and have its pty as standard input.
    log = lab.file('answering')
    ours = ' '.join((within, program, 'link', '--debug', '--no-scripts', ENDS, *asks(lab),
                     '--fcs', '32', '--asyncmap', 'a0000'))
    pppd = left.start('pppd', *PPPD, *MPPE, 'noauth', 'refuse-eap', 'user', USER, 'password',
                      PASSWORD, 'pty', f'{ours} 2>{log}', name='pppd dials')
    pppd.wait_for(r'local  IP address 10\.66\.0\.2', 20)
    no_larger_than_it_is(left, OURS)
    no_larger_than_it_is(right, THEIRS)
    pppd.kill(signal.SIGTERM)
    pppd.wait()
    right.shell(f'until grep -q "Connection terminated" {log}; do sleep 0.1; done')
    with open(log, encoding='utf-8') as file:
        said = file.read()
    assert 'MPPE 128-bit stateless' in said and 'LCP terminated by peer' in said
    assert re.search(r'rcvd LCP Configure-Reject .*fcs 32', said)

    # We dial it, and it hangs up.
    right.shell(f'printf \'"{USER}" * "{PASSWORD}" *\\n\' >/etc/ppp/chap-secrets')
    theirs = ' '.join((within, 'pppd', 'notty', *PPPD, *MPPE, 'auth', 'require-mschap-v2', ENDS))
    link = Link(left, program, *login(lab), '--pty', theirs)
    assert link.up() == THEIRS
    link.wait_for('MPPE 128-bit stateless')
    no_larger_than_it_is(left, OURS)
    right.run('pkill', '-TERM', '-o', '--ns', right.pid, '--nslist', 'net', '-x', 'pppd')
    assert link.wait() == 16
    link.wait_for('LCP terminated by peer')

    # In clear, with compressed headers, and we hang up.
    theirs = ' '.join((within, 'pppd', 'notty', *PPPD, 'noauth', 'noccp', 'asyncmap', '0', ENDS))
    link = Link(left, program, '--no-mppe', '--vj', '--pty', theirs)
    assert link.up() == THEIRS
    no_larger_than_it_is(left, OURS)
    assert link.stop() == 5
