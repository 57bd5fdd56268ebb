#!/usr/bin/python3
"""Prints the measures of `make bench`: paired in one run, ratios first, bare figures beside them.

    test/bench/run.py [--seconds N] [--rounds N]

The machine's speed drifts, so every comparison takes turns (A B A B ...) and the median of the
ratios is what counts. All of it runs in network namespaces made and removed here.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('GREYLINE_BUILD', f'{ROOT}/build')
PROGRAM = f'{BUILD}/greyline'
LOAD = f'{BUILD}/test/interop/load'
LEFT, RIGHT = 'gl-bench-a', 'gl-bench-b'


def sh(*arguments, **options):
    return subprocess.run(arguments, check=True, text=True, capture_output=True, **options).stdout


def inside(namespace, *arguments):
    return ['ip', 'netns', 'exec', namespace, *arguments]


def network(stack):
    for name in (LEFT, RIGHT):
        sh('ip', 'netns', 'add', name)
        stack.callback(sh, 'ip', 'netns', 'del', name)
        sh('ip', '-n', name, 'link', 'set', 'lo', 'up')
    sh('ip', 'link', 'add', 'gl-bench-va', 'netns', LEFT, 'type', 'veth', 'peer', 'name',
       'gl-bench-vb', 'netns', RIGHT)
    for name, device, address in ((LEFT, 'gl-bench-va', '10.99.1.1'),
                                  (RIGHT, 'gl-bench-vb', '10.99.1.2')):
        sh('ip', '-n', name, 'address', 'add', f'{address}/16', 'dev', device)
        sh('ip', '-n', name, 'link', 'set', device, 'up')


class Background:
    """A process with its output in a file; `wait_for` watches that file for a word."""

    def __init__(self, stack, folder, name, arguments):
        self.log = f'{folder}/{name}.log'
        with open(self.log, 'w', encoding='utf-8') as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=log,
                                            stderr=subprocess.STDOUT)
        stack.callback(self.stop)

    def wait_for(self, word, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with open(self.log, encoding='utf-8', errors='replace') as log:
                if word in log.read():
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        with open(self.log, encoding='utf-8', errors='replace') as log:
            raise RuntimeError(f'{self.log}: no {word!r}:\n{log.read()[-2000:]}')

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def secret_file(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w', encoding='ascii') as file:
        file.write(text)
    return path


def greyline(stack, folder, pool='10.97.0.0/16'):
    secrets = secret_file(f'{folder}/secrets', 'load * "bench pass" *\n')
    password = secret_file(f'{folder}/password', 'bench pass\n')
    server = Background(stack, folder, 'server', inside(
        LEFT, PROGRAM, 'server', '--listen', '10.99.1.1', '--secrets', secrets, '--pool', pool,
        '--run-dir', f'{folder}/run-server', '--no-scripts'))
    server.wait_for('Listening on')
    return server, password


def openvpn(stack, folder):
    for side in ('a', 'b'):
        sh('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
           '-nodes', '-keyout', f'{folder}/{side}.key', '-out', f'{folder}/{side}.crt', '-days',
           '2', '-subj', f'/CN={side}')
    fingerprint = {side: sh('openssl', 'x509', '-in', f'{folder}/{side}.crt', '-noout',
                            '-fingerprint', '-sha256').split('=')[1].strip()
                   for side in ('a', 'b')}
    for side, other, namespace, extra in (
            ('a', 'b', LEFT, ['--tls-server', '--ifconfig', '10.96.0.1', '10.96.0.2']),
            ('b', 'a', RIGHT, ['--tls-client', '--remote', '10.99.1.1', '--ifconfig',
                               '10.96.0.2', '10.96.0.1'])):
        process = Background(stack, folder, f'openvpn-{side}', inside(
            namespace, 'openvpn', '--dev', f'gl-ovpn-{side}', '--dev-type', 'tun', '--proto',
            'udp', '--dh', 'none', '--cert', f'{folder}/{side}.crt', '--key',
            f'{folder}/{side}.key', '--peer-fingerprint', fingerprint[other], '--cipher',
            'AES-128-GCM', '--data-ciphers', 'AES-128-GCM', '--disable-dco', *extra))
    process.wait_for('Initialization Sequence Completed')


def throughput(address, seconds):
    """Mbit/s of one TCP flow towards `address` (an iperf3 server runs on the left)."""
    report = json.loads(sh(*inside(RIGHT, 'iperf3', '-c', address, '-t', str(seconds), '-J')))
    if 'error' in report:
        raise RuntimeError(f'iperf3 to {address}: {report["error"]}')
    return report['end']['sum_received']['bits_per_second'] / 1e6


def row(what, figure):
    print(f'{what:<58} {figure}', flush=True)


def bench_datapath():
    print('\nSealing and opening, 1400-byte packets, MPPE-128 stateless, batch of 64')
    print(sh(f'{BUILD}/test/bench/bench_datapath').rstrip())


def bench_throughput(options):
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix='greyline-bench-')
        stack.callback(shutil.rmtree, folder, True)
        network(stack)
        _, password = greyline(stack, folder)
        client = Background(stack, folder, 'client', inside(
            RIGHT, PROGRAM, 'client', 'load@10.99.1.1', '--password-file', password,
            '--run-dir', f'{folder}/run-client', '--no-scripts'))
        client.wait_for('remote IP address')
        openvpn(stack, folder)
        iperf = Background(stack, folder, 'iperf', inside(LEFT, 'iperf3', '-s', '--forceflush'))
        iperf.wait_for('Server listening')
        with open(f'{folder}/client.log', encoding='utf-8') as log:
            remote = re.search(r'remote IP address (\S+)', log.read()).group(1)
        figures = {'veth': [], 'openvpn': [], 'greyline': []}
        for _ in range(options.rounds):
            for name, address in (('greyline', remote), ('openvpn', '10.96.0.1'),
                                  ('veth', '10.99.1.1')):
                figures[name].append(throughput(address, options.seconds))
        print(f'\nTCP, one flow, {options.rounds} rounds of {options.seconds} s, Mbit/s (median)')
        for name, values in figures.items():
            row(f'  {name}', f'{statistics.median(values):.0f}   '
                f'({min(values):.0f} to {max(values):.0f})')
        for other in ('openvpn', 'veth'):
            ratios = [a / b for a, b in zip(figures['greyline'], figures[other])]
            row(f'  greyline / {other}, pair by pair', f'{statistics.median(ratios):.3f}')


def resident(process):
    """KiB of the server's anonymous and file pages, its helper not counted."""
    with open(f'/proc/{process.pid}/status', encoding='ascii') as status:
        return int(re.search(r'VmRSS:\s+(\d+)', status.read()).group(1))


def cpu_seconds(process):
    """User and system time of the server so far; its helper's is not in it."""
    with open(f'/proc/{process.pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def bench_sessions(options):
    """One process of light clients, each tunnel from an address of its own, one call in each."""
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix='greyline-bench-')
        stack.callback(shutil.rmtree, folder, True)
        network(stack)
        addresses = ''.join(f'address add 10.99.{16 + (at >> 8)}.{at & 255}/16 dev gl-bench-vb\n'
                            for at in range(options.sessions))
        sh(*inside(RIGHT, 'ip', '-batch', '-'), input=addresses)
        server, _ = greyline(stack, folder)
        before, busy = resident(server.process), cpu_seconds(server.process)
        began = time.monotonic()
        load = Background(stack, folder, 'load', inside(
            RIGHT, 'env', 'LOAD_PASSWORD=bench pass', LOAD, '10.99.1.1', '10.99.16.0',
            str(options.sessions), '1', 'load'))
        load.wait_for(f'STATE up={options.sessions} ', 120)
        took = time.monotonic() - began
        busy = cpu_seconds(server.process) - busy
        after = resident(server.process)
        print(f'\n{options.sessions} tunnels of one call, from one process of light clients')
        row('  logins a second (control, LCP, MS-CHAPv2, CCP, IPCP)',
            f'{options.sessions / took:.0f}')
        row('  logins a second of the server\'s processor time', f'{options.sessions / busy:.0f}')
        row('  resident memory a session',
            f'{(after - before) / options.sessions:.1f} KiB   ({before} to {after} KiB in all)')


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--sessions', type=int, default=1000)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print('make bench makes network namespaces and needs root: sudo make bench',
              file=sys.stderr)
        return 1
    print(f'{os.uname().release}, {os.cpu_count()} cores, '
          f'{sh("openvpn", "--version").split(" [")[0]}')
    bench_datapath()
    bench_throughput(options)
    bench_sessions(options)
    return 0


if __name__ == '__main__':
    sys.exit(main())
