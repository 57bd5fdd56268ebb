#!/usr/bin/python3
"""`make run`: a real server and a real client in two network namespaces, shown and checked.

Two runs. In the first the tunnel is encrypted, and a capture of the outer link must hold PPP
0x00FD only and no byte of the marker we send through it. In the second encryption is off by
option, and the same search must find the marker: so the first search could have found it too.
Everything made here is taken down again, also when something fails. Exit status 0 only if all of
it happened.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

SERVER, CLIENT = 'gl-run-server', 'gl-run-client'
OUTER_SERVER, OUTER_CLIENT = '10.99.0.1', '10.99.0.2'
INNER_SERVER = '10.98.0.1'
MARKER = b'GREYLINE-MARKER-in-the-clear-0123456789'
USER, PASSWORD = 'alice', 'wonder land'


class Failure(Exception):
    """Something the demonstration promises did not happen."""


def say(text):
    print(f'\n\033[1m{text}\033[0m' if sys.stdout.isatty() else f'\n{text}', flush=True)


def run(*arguments, namespace=None, **options):
    prefix = ['ip', 'netns', 'exec', namespace] if namespace else []
    return subprocess.run([*prefix, *arguments], check=True, text=True, **options)


def host_facts():
    """What must be the same afterwards: addresses, routes, rules, forwarding."""
    facts = [subprocess.run(command, capture_output=True, text=True, check=False).stdout
             for command in (['ip', '-o', 'address'], ['ip', 'route', 'show', 'table', 'all'],
                             ['ip', 'rule'], ['nft', 'list', 'ruleset'])]
    with open('/proc/sys/net/ipv4/ip_forward', encoding='ascii') as forward:
        return facts + [forward.read()]


class Program:
    """A program in a namespace whose lines are shown as they come and can be waited for."""

    def __init__(self, stack, label, namespace, *arguments):
        self.label, self.lines = label, []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            ['ip', 'netns', 'exec', namespace, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        stack.callback(self.stop)

    def read(self):
        for line in self.process.stdout:
            if self.label:
                print(f'  {self.label} | {line}', end='', flush=True)
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, word, seconds=20):
        def seen():
            return any(word in line for line in self.lines) or self.process.poll() is not None
        with self.changed:
            self.changed.wait_for(seen, seconds)
            if not any(word in line for line in self.lines):
                raise Failure(f'{self.label or "a program"} never said {word!r}:\n'
                              + ''.join(self.lines[-20:]))

    def stop(self, seconds=10):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f'{self.label} did not stop within {seconds} s') from None
        self.reader.join(5)
        return status


def network(stack):
    """Two hosts and a cable, in namespaces of their own."""
    for name in (SERVER, CLIENT):
        if os.path.exists(f'/run/netns/{name}'):
            raise Failure(f'network namespace {name} exists: is another `make run` going on? '
                          f'If not: ip netns del {name}')
    for name in (SERVER, CLIENT):
        run('ip', 'netns', 'add', name)
        stack.callback(run, 'ip', 'netns', 'del', name)
        run('ip', '-n', name, 'link', 'set', 'lo', 'up')
    run('ip', 'link', 'add', 'gl-run-vs', 'netns', SERVER, 'type', 'veth', 'peer', 'name',
        'gl-run-vc', 'netns', CLIENT)
    for name, device, address in ((SERVER, 'gl-run-vs', OUTER_SERVER),
                                  (CLIENT, 'gl-run-vc', OUTER_CLIENT)):
        run('ip', '-n', name, 'address', 'add', f'{address}/24', 'dev', device)
        run('ip', '-n', name, 'link', 'set', device, 'up')


def tcp_both_ways(address):
    """Sends the marker there and back over TCP, in each direction of opening."""
    for where, to, host in ((CLIENT, SERVER, INNER_SERVER), (SERVER, CLIENT, address)):
        listener = ('import socket,sys\n'
                    's=socket.create_server((sys.argv[1],5001)); print("ready",flush=True)\n'
                    's.settimeout(20); c=s.accept()[0]; c.settimeout(20)\n'
                    'data=b""\n'
                    'while len(data)<200000:\n'
                    '    more=c.recv(65536)\n'
                    '    if not more: break\n'
                    '    data+=more\n'
                    'c.sendall(data[::-1]); c.close()\n')
        sender = ('import socket,sys\n'
                  'data=(sys.argv[2].encode()*10000)[:200000]\n'
                  'c=socket.create_connection((sys.argv[1],5001),10); c.settimeout(20)\n'
                  'c.sendall(data); back=b""\n'
                  'while len(back)<len(data):\n'
                  '    more=c.recv(65536)\n'
                  '    if not more: break\n'
                  '    back+=more\n'
                  'sys.exit(0 if back==data[::-1] else 1)\n')
        with contextlib.ExitStack() as stack:
            there = Program(stack, '', to, '/usr/bin/python3', '-c', listener, host)
            there.wait_for('ready')
            began = time.monotonic()
            run('/usr/bin/python3', '-c', sender, host, MARKER.decode(), namespace=where)
            there.process.wait(20)
        print(f'  TCP to {host} and back: 400,000 bytes, all right, '
              f'{time.monotonic() - began:.2f} s')


def outer_protocols(capture):
    """The PPP protocols of the data packets tshark sees outside, with how often each came."""
    fields = subprocess.run(
        ['tshark', '-r', capture, '-Y', 'gre && ppp.protocol', '-T', 'fields', '-e',
         'ppp.protocol'], capture_output=True, text=True, check=True).stdout.split()
    seen = {}
    for field in fields:
        number = int(field.split(',')[0], 0)
        seen[number] = seen.get(number, 0) + 1
    return seen


def tunnel(program, encrypted, folder):
    with contextlib.ExitStack() as stack:
        network(stack)
        capture = f'{folder}/{"encrypted" if encrypted else "clear"}.pcapng'
        dump = Program(stack, '', SERVER, 'tcpdump', '-i', 'gl-run-vs', '-U', '-w', capture,
                       '--immediate-mode', '-B', '16384')
        dump.wait_for('listening on')
        secrets, password = f'{folder}/chap-secrets', f'{folder}/password'
        for path, text in ((secrets, f'{USER} * "{PASSWORD}" *\n'), (password, PASSWORD + '\n')):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w',
                      encoding='ascii') as file:
                file.write(text)
        weaker = [] if encrypted else ['--no-mppe']
        server = Program(stack, 'server', SERVER, program, 'server', '--listen', OUTER_SERVER,
                         '--secrets', secrets, '--pool', '10.98.0.0/24', '--run-dir',
                         f'{folder}/server', '--no-scripts', '--debug', *weaker)
        server.wait_for('Listening on')
        client = Program(stack, 'client', CLIENT, program, 'client', f'{USER}@{OUTER_SERVER}',
                         '--password-file', password, '--run-dir', f'{folder}/client',
                         '--no-scripts', '--debug', *weaker)
        client.wait_for('remote IP address')
        address = next(line for line in client.lines if 'local  IP address' in line)
        address = address.split('local  IP address')[1].split()[0]

        say('Ping through the tunnel')
        run('ping', '-c', '3', '-i', '0.2', '-W', '2', '-p', MARKER[:16].hex(), INNER_SERVER,
            namespace=CLIENT)
        say('TCP through the tunnel, both ways')
        tcp_both_ways(address)
        say('The server’s table of sessions')
        table = run(program, 'sessions', '--run-dir', f'{folder}/server', capture_output=True)
        print(table.stdout)
        if USER not in table.stdout or address not in table.stdout:
            raise Failure('the session is not in the table')
        say('Down')
        if client.stop() not in (0, 5):
            raise Failure(f'the client ended with status {client.process.returncode}')
        if server.stop() != 0:
            raise Failure(f'the server ended with status {server.process.returncode}')
        dump.stop()
        with open(capture, 'rb') as file:
            found = file.read().count(MARKER)
        return outer_protocols(capture), found


def check(program, folder):
    say('1. An encrypted tunnel')
    protocols, found = tunnel(program, True, folder)
    data = {number: times for number, times in protocols.items() if number < 0x4000}
    say('What left on the outer link')
    for number, times in sorted(protocols.items()):
        print(f'  PPP {number:#06x}: {times} packets')
    print(f'  marker in clear text: {found} times')
    if set(data) != {0x00fd} or found:
        raise Failure('payload left the host unencrypted')

    say('2. The control run: the same without encryption (--no-mppe, never a default)')
    protocols, found = tunnel(program, False, folder)
    say('What left on the outer link')
    print(f'  marker in clear text: {found} times')
    if not found or 0x00fd in protocols:
        raise Failure('the control run did not see the marker: the search proves nothing')


def main():
    program = os.path.abspath(sys.argv[1])
    if os.geteuid() != 0:
        print('make run makes network namespaces and needs root: sudo make run', file=sys.stderr)
        return 1
    before = host_facts()
    folder = tempfile.mkdtemp(prefix='greyline-run-')
    try:
        check(program, folder)
        if host_facts() != before:
            raise Failure('the host’s own network is not as it was')
        say('All of it happened: encrypted tunnel, ping, TCP both ways, clean end, host untouched.')
        return 0
    except (Failure, subprocess.SubprocessError, OSError) as failure:
        print(f'\nFAILED: {failure}', file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
