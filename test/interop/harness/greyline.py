"""The program under test: a server, a client, and its one-shot commands."""
import json
import os
import re
import signal

USER, PASSWORD = 'alice', 'wonder land'
POOL, GATEWAY = '10.98.0.0/16', '10.98.0.1'


def secrets(lab, name, users):
    """A chap-secrets file of USER: PASSWORD or USER: (PASSWORD, ADDRESS)."""
    path = lab.file(name)
    with open(path, 'w', encoding='utf-8') as file:
        for user, value in users.items():
            password, address = value if isinstance(value, tuple) else (value, '*')
            file.write(f'"{user}" * "{password}" {address}\n')
    return _private(path)


def password_file(lab, name, password):
    path = lab.file(name)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(password + '\n')
    return _private(path)


def _private(path):
    os.chmod(path, 0o600)
    return path


class Server:
    """`greyline server` in a namespace, listening when the constructor returns."""

    def __init__(self, lab, namespace, program, *options, listen='10.7.0.1', users=None,
                 pool=POOL, wait=True, before=()):
        self.namespace, self.program = namespace, program
        users = {USER: PASSWORD} if users is None else users
        self.process = namespace.start(
            *before, program, 'server', '--listen', listen, '--pool', pool, '--debug', '--no-scripts',
            '--secrets', secrets(lab, f'secrets-{namespace.name}', users), *options,
            name=f'greyline server in {namespace.name}')
        if wait:
            self.process.wait_for(r'Listening on')

    def command(self, *words, check=True):
        return self.namespace.run(self.program, *words, check=check)

    def sessions(self):
        """The table of sessions, one dictionary each."""
        return json.loads(self.command('sessions', '--json').stdout)

    def status(self):
        """What the program says of itself."""
        status, = json.loads(self.command('status', '--json').stdout)
        return status

    def drops(self):
        """What was dropped, by its name."""
        status, found = self.status(), {}
        for part in (status, *status['sessions']):
            for word, count in part['drops'].items():
                found[word] = found.get(word, 0) + count
        return found

    def wait_for(self, pattern, timeout=10, after=0):
        return self.process.wait_for(pattern, timeout, after)

    def stop(self, number=signal.SIGTERM, timeout=10):
        return self.process.stop(number, timeout)


class Client:
    """`greyline client` in a namespace, dialling."""

    def __init__(self, lab, namespace, program, *options, server='10.7.0.1', user=USER,
                 password=PASSWORD):
        self.namespace, self.program = namespace, program
        self.process = namespace.start(
            program, 'client', f'{user}@{server}', '--debug', '--no-scripts', '--password-file',
            password_file(lab, f'password-{namespace.name}', password), *options,
            name=f'greyline client in {namespace.name}')

    def up(self, timeout=20, after=0):
        """Waits until the tunnel is up; returns (our address, the peer's)."""
        local = self.process.wait_for(r'local  IP address ([0-9.]+)', timeout, after).group(1)
        remote = self.process.wait_for(r'remote IP address ([0-9.]+)', timeout, after).group(1)
        return local, remote

    def interface(self):
        return re.search(r'Using interface (\S+)', self.process.text).group(1)

    def wait_for(self, pattern, timeout=10, after=0):
        return self.process.wait_for(pattern, timeout, after)

    def wait(self, timeout=10):
        return self.process.wait(timeout)

    def stop(self, number=signal.SIGTERM, timeout=10):
        return self.process.stop(number, timeout)
