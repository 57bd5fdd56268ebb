"""Serial ports: a guest has two, with a cable between them; pppd dials on one with chat, we on the
other."""
import re
import socket

import pytest

from harness.greyline import PASSWORD, USER, password_file
from harness.guest import HostGuest
from harness.traffic import ping

THEIRS, OURS = '10.66.0.1', '10.66.0.2'
PPPD = ('ttyS0', '115200', 'nodetach', 'debug', 'crtscts', 'noipv6', 'nobsdcomp', 'nodeflate',
        'auth', 'require-mschap-v2', 'require-mppe-128', f'{THEIRS}:{OURS}')
MODEM = 'chat ATZ OK ATDT5551 CONNECT'  # what pppd's side plays
DIALS = "chat ABORT BUSY '' ATZ OK ATDT5551 CONNECT ''"


@pytest.mark.needs('linux.uml', 'pppd', 'chat', 'modprobe', 'stty', files=['/dev/net/tun'])
def test_a_modem_on_a_serial_port(lab, program):
    ends = socket.socketpair()
    guest = HostGuest(lab, lab.namespace('host'), [],
                      serial=[end.fileno() for end in ends]).ready()
    guest.run('modprobe', '-a', 'ppp_async', 'ppp_mppe')
    left, right = guest.inside('left'), guest.inside('right')
    left.shell(f'printf \'"{USER}" * "{PASSWORD}" *\\n\' >/etc/ppp/chap-secrets')
    right.shell('mkdir -p /run/lock')
    link_words = (program, 'link', 'ttyS1', '--lock', '--no-scripts')

    pppd = left.start('pppd', *PPPD, 'connect', MODEM, name='pppd')
    link = right.start(
        *link_words, '115200', '--crtscts', '--connect-script', DIALS, '--debug', '--user', USER,
        '--password-file', password_file(lab, 'password', PASSWORD), name='link')
    link.wait_for('Serial connection established', 20)
    link.wait_for(rf'local  IP address {re.escape(OURS)}', 20)
    pppd.wait_for(rf'local  IP address {re.escape(THEIRS)}', 20)
    link.wait_for('MPPE 128-bit stateless')
    link.wait_for('ttyS1 does not do 115200 bit/s')  # an emulated port has no speed to set
    assert '-icanon' in right.shell('stty -F /dev/ttyS1 -a').stdout
    right.run('ping', '-c1', '-W5', '-p', '7e7d0011', '-s', '1400', THEIRS)
    ping(left, OURS, size=20)

    # The lock is one that others know.
    keeper = right.shell('cat /run/lock/LCK..ttyS1').stdout.strip()
    second = right.run(*link_words, check=False)
    assert second.returncode == 6 and f'process {keeper} has it' in second.stdout

    # The carrier is lost.
    ends[0].shutdown(socket.SHUT_RDWR)
    assert link.wait() == 16
    assert pppd.wait() == 16
    assert 'hung up' in link.text
    assert right.run('ls', '/run/lock').stdout.strip() == ''
    for end in ends:
        end.close()
