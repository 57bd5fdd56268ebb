"""A small machine of its own: network, processes, mounts and host name of Linux namespaces.

A namespace lives in its first process, which the kernel kills when the test run ends in whatever
way; every process in it dies with it, and so do its interfaces. Nothing is named on the host, so
nothing can be left behind there. Inside, /run and /var/lib are empty and private, and /etc can be
written to (an overlay), so that two servers or two clients never meet in a file.

A host name of `gl-it-NAME` tells the processes apart; `nsenter -t PID -a` gives a shell in one.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from .process import Process, wait_until

CLONE_NEWNET = 0x40000000
PREFIX = 'gl-it-'  # of a lab's directory; its owner's process id follows

HOLDER = """
set -e
hostname "gl-it-$1"
mount -t sysfs none /sys
mount -t tmpfs none /run
mkdir -p /run/overlay/upper /run/overlay/work /run/lock
mount -t overlay -o lowerdir=/etc,upperdir=/run/overlay/upper,workdir=/run/overlay/work none /etc
mount -t tmpfs none /var/lib
ip link set lo up
echo ready
# Ignored across exec: orphans of the namespace are reaped by the kernel.
trap '' CHLD
exec sleep infinity
"""


class Namespace:
    def __init__(self, name):
        self.name = name
        self.processes = []
        self._holder = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', '--', 'unshare', '--net', '--mount', '--uts',
             '--pid', '--fork', '--kill-child=KILL', '--mount-proc',
             '/bin/sh', '-c', HOLDER, 'holder', name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = self._holder.stdout.readline()
        if said != b'ready\n':
            self._holder.wait(5)
            raise RuntimeError(f'namespace {name}: {(said + self._holder.stdout.read()).decode()}')
        with open(f'/proc/{self._holder.pid}/task/{self._holder.pid}/children',
                  encoding='ascii') as children:
            self.pid = int(children.read().split()[0])
        self._enter = ['nsenter', '-t', str(self.pid), '-n', '-m', '-p', '-u', '-w/', '--']

    def close(self):
        """Ends every process and the namespace itself."""
        if self._holder.poll() is None:
            self._holder.kill()
            self._holder.wait(5)
        for process in self.processes:
            process.wait(5)
        self._holder.stdout.close()

    def start(self, *command, name=None, env=None, stdin=None, pass_fds=()):
        """Starts a program and returns its Process."""
        command = [str(word) for word in command]
        popen = subprocess.Popen(
            self._enter + command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, bufsize=0,
            pass_fds=pass_fds)
        process = Process(name or f'{self.name}: {os.path.basename(command[0])}', popen, True)
        self.processes.append(process)
        return process

    def run(self, *command, check=True, timeout=20, stdin=None, env=None):
        """Runs a program to its end. Returns it with `stdout` and `stderr` as text."""
        command = [str(word) for word in command]
        done = subprocess.run(
            self._enter + command, input=stdin, capture_output=True, text=True, errors='replace',
            timeout=timeout, check=False, env={**os.environ, **(env or {})},
            stdin=None if stdin is not None else subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(command)}: exit {done.returncode}\n"
                                 f'{done.stdout}{done.stderr}')
        return done

    def ip(self, *arguments, check=True):
        return self.run('ip', *' '.join(arguments).split(), check=check).stdout

    @contextlib.contextmanager
    def entered(self):
        """This thread's sockets are made in the namespace's network, and stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open('/proc/thread-self/ns/net', 'rb') as before, \
                open(f'/proc/{self.pid}/ns/net', 'rb') as inside:
            if libc.setns(inside.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), 'setns')
            try:
                yield
            finally:
                if libc.setns(before.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), 'setns back')

    def broadcast(self, interface, content, port):
        """Sends a datagram to everybody on an interface."""
        with self.entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        with sender:
            sender.sendto(content.encode(), ('255.255.255.255', port))

    def path(self, path):
        """A file of the namespace, as seen from outside it."""
        return f'/proc/{self.pid}/root{path}'

    def read(self, path):
        with open(self.path(path), encoding='utf-8') as file:
            return file.read()

    def write(self, path, text, mode=0o600):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    def listening(self, port, process=None, timeout=10):
        """Waits until a TCP port is listened on."""
        def seen():
            if process and not process.running():
                raise AssertionError(f'{process.name} has ended:\n{process.tail()}')
            return self.run('ss', '-Htln', f'sport = :{port}').stdout

        wait_until(seen, timeout, f'{self.name} listens on port {port}')

    def commands(self):
        """The names of the programs that run here, the holder and the asking one apart."""
        lines = self.run('ps', '-e', '-o', 'pid=,comm=').stdout.splitlines()
        names = [line.split(None, 1)[1] for line in lines if line.split()[0] != '1']
        return sorted(name for name in names if name != 'ps')

    def state(self):
        """Everything a program could have changed in the network and must put back."""
        return {
            'names': sorted(os.listdir(self.path('/sys/class/net'))),
            'addresses': sorted(line.split('\\')[0].strip() for line in
                                self.ip('-4 -o address show').splitlines()),
            'routes': self.ip('-4 route show table all'),
            'rules': self.ip('rule show'),
            'tables': self.run('nft', 'list', 'ruleset').stdout,
            'forwarding': self.run('sysctl', '-n', 'net.ipv4.ip_forward').stdout,
            'resolver': self.read('/etc/resolv.conf'),
        }


def clear_dead():
    """Removes the directories of runs that were killed before they could."""
    for name in os.listdir(tempfile.gettempdir()):
        owner = name.removeprefix(PREFIX).split('-')[0]
        if name.startswith(PREFIX) and owner.isdigit() and not os.path.exists(f'/proc/{owner}'):
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


class Lab:
    """The namespaces of one test, their cables and what was started in them."""

    def __init__(self):
        self.namespaces = []
        self.extras = []  # processes outside any namespace
        self.guests = []  # with processes in them, which end when they do
        self.directory = tempfile.TemporaryDirectory(prefix=f'{PREFIX}{os.getpid()}-')

    def namespace(self, name):
        namespace = Namespace(name)
        self.namespaces.append(namespace)
        return namespace

    def cable(self, left, left_end, right, right_end):
        """A veth pair: each end is (interface, address/length or None)."""
        (left_name, left_address), (right_name, right_address) = left_end, right_end
        # From the host's process namespace, where the other side's pid means something.
        subprocess.run(['nsenter', '-t', str(left.pid), '-n', '--', 'ip', 'link', 'add', left_name,
                        'type', 'veth', 'peer', 'name', right_name, 'netns', str(right.pid)],
                       check=True)
        for side, name, address in ((left, left_name, left_address),
                                    (right, right_name, right_address)):
            if address:
                side.ip(f'address add {address} dev {name}')
            side.ip(f'link set {name} up')

    def pair(self, left='server', right='client'):
        """Two hosts and a cable: 10.7.0.1 and 10.7.0.2, on an interface named `outer`."""
        first, second = self.namespace(left), self.namespace(right)
        self.cable(first, ('outer', '10.7.0.1/24'), second, ('outer', '10.7.0.2/24'))
        return first, second

    def lan(self, *names):
        """Hosts on one switch: 10.7.0.1/16 and on, each on an interface named `outer`."""
        switch = self.namespace('switch')
        switch.ip('link add bridge type bridge')
        switch.ip('link set bridge up')
        hosts = []
        for at, name in enumerate(names):
            host = self.namespace(name)
            address = f'10.7.{(at + 1) >> 8}.{(at + 1) & 255}/16'
            self.cable(switch, (f'port{at}', None), host, ('outer', address))
            switch.ip(f'link set port{at} master bridge')
            hosts.append(host)
        return hosts

    def file(self, name):
        """A path in the test's own directory, which goes with the test."""
        return os.path.join(self.directory.name, name)

    def processes(self):
        return [p for host in self.namespaces + self.guests for p in host.processes] + self.extras

    def close(self):
        for namespace in reversed(self.namespaces):
            namespace.close()
        for process in self.extras:
            process.stop(signal.SIGKILL)
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
