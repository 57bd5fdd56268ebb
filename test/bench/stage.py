"""Where the rows are played: two hosts on a cable, and what runs on them, one core an end.

Each tunnel has hosts and a cable of its own, so that a program on one of them (a tc or XDP filter,
say) is in nobody's way. On the left, on the first core, are servers; on the right, on the second,
clients and whoever measures.
"""
import contextlib
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                'interop'))

# pylint: disable=wrong-import-position
from harness import cache  # noqa: E402
from harness.greyline import GATEWAY, POOL, password_file, secrets  # noqa: E402
from harness.namespace import Lab  # noqa: E402,F401
from harness.process import wait_until  # noqa: E402

PROGRAM = os.path.join(cache.BUILD, 'greyline')
USER, PASSWORD = 'load', 'bench pass'
LEFT_CORE, RIGHT_CORE = '0', '1'
OUTER = '10.7.0.1'


class Stage:
    """Two hosts, `left` and `right`, 10.7.0.1 and 10.7.0.2."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.left, self.right = lab.namespace(f'{name}-left'), lab.namespace(f'{name}-right')
        lab.cable(self.left, ('outer', f'{OUTER}/24'), self.right, ('outer', '10.7.0.2/24'))
        self.server = None

    def on_left(self, *command):
        return self.left.start('taskset', '-c', LEFT_CORE, *command)

    def on_right(self, *command):
        return self.right.start('taskset', '-c', RIGHT_CORE, *command)

    def run_right(self, *command, timeout=60):
        return self.right.run('taskset', '-c', RIGHT_CORE, *command, timeout=timeout).stdout

    def serve(self, *options):
        """Greyline's server."""
        table = secrets(self.lab, f'secrets-{self.name}', {USER: PASSWORD})
        self.server = self.on_left(PROGRAM, 'server', '--listen', OUTER, '--pool', POOL,
                                   '--secrets', table, '--no-scripts', *options)
        self.server.wait_for(r'Listening on')
        return self.server

    def dial(self, *options):
        """Greyline's client; returns the server's inner address."""
        password = password_file(self.lab, f'password-{self.name}', PASSWORD)
        client = self.on_right(PROGRAM, 'client', f'{USER}@{OUTER}', '--password-file', password,
                               '--no-scripts', *options)
        client.wait_for(r'remote IP address', 20)
        return GATEWAY

    def outer_link(self):
        """The outer link that the server chose, in the words of `status`."""
        status, = json.loads(self.left.run(PROGRAM, 'status', '--json').stdout)
        return status.get('outer-link', '')

    def receiver(self):
        """An iperf3 server on the left."""
        self.on_left('iperf3', '-s', '--forceflush').wait_for('Server listening')

    def flow(self, address, seconds):
        """Mbit/s that one TCP flow delivers to the left."""
        report = json.loads(self.run_right('iperf3', '-c', address, '-t', seconds, '-J',
                                           timeout=seconds + 30))
        if 'error' in report:
            raise RuntimeError(f'iperf3 to {address}: {report["error"]}')
        return report['end']['sum_received']['bits_per_second'] / 1e6

    def pings(self, address, count):
        """Round trips in milliseconds."""
        said = self.run_right('ping', '-n', '-i', '0.01', '-c', count, address,
                              timeout=count * 0.05 + 30)
        return [float(value) for value in re.findall(r'time=([0-9.]+) ms', said)]

    def openvpn(self):
        """OpenVPN in user space on the same two hosts; returns the server's inner address."""
        prints = {}
        for side in ('left', 'right'):
            key, crt = self.lab.file(f'{side}.key'), self.lab.file(f'{side}.crt')
            self.left.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                          'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', crt,
                          '-days', '2', '-subj', f'/CN={side}')
            said = self.left.run('openssl', 'x509', '-in', crt, '-noout', '-fingerprint',
                                 '-sha256').stdout
            prints[side] = said.split('=')[1].strip()

        def arguments(side, other):
            return ['openvpn', '--dev', 'ovpn', '--dev-type', 'tun', '--proto', 'udp', '--dh',
                    'none', '--cert', self.lab.file(f'{side}.crt'), '--key',
                    self.lab.file(f'{side}.key'), '--peer-fingerprint', prints[other],
                    '--cipher', 'AES-128-GCM', '--data-ciphers', 'AES-128-GCM', '--disable-dco']

        self.on_left(*arguments('left', 'right'), '--tls-server', '--ifconfig', '10.96.0.1',
                     '10.96.0.2')
        client = self.on_right(*arguments('right', 'left'), '--tls-client', '--remote', OUTER,
                               '--ifconfig', '10.96.0.2', '10.96.0.1')
        client.wait_for('Initialization Sequence Completed', 30)
        return '10.96.0.1'


def resident(process):
    """KiB of a process that are in memory; a helper of its is another process."""
    with open(f'/proc/{process.pid}/status', encoding='ascii') as status:
        return int(re.search(r'VmRSS:\s+(\d+)', status.read()).group(1))


def cpu_seconds(process):
    """User and system time of a process so far, of all its threads."""
    with open(f'/proc/{process.pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@contextlib.contextmanager
def busy_core(stage, loops):
    """`loops` programs that do nothing, on the server's core: it gets its share of what is left."""
    busy = [stage.on_left('sh', '-c', 'while :; do :; done') for _ in range(loops)]
    time.sleep(0.2)
    try:
        yield
    finally:
        for process in busy:
            process.stop()


__all__ = ['Lab', 'PROGRAM', 'Stage', 'busy_core', 'cpu_seconds', 'resident', 'wait_until']
