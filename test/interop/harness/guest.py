"""A Linux with kernel PPP, used like a remote shell.

The guest's first process runs what the test writes on its console and answers with the exit
status; what was started in the background has its lines marked, so that any number of programs
share the console. `Guest` is User Mode Linux, joined to a namespace by a tap for each of its wires:
slow where it forks (37 ms) and fast in its kernel, so programs in it are never timed. Its root is
made for it, or (`HostGuest`) this machine's own, so that what was built here runs there.
`QemuGuest` is a whole emulated machine: slow, but equally so for kernel and programs, so two of
them that do the same work in it can be compared.

A guest, and a network namespace in it (`guest.inside(name)`), stand in for a namespace of the host
where a test starts our server or client.
"""
import collections
import os
import re
import shlex
import subprocess

from . import cache
from .process import Output, Timeout

Done = collections.namedtuple('Done', 'returncode stdout')
MARK = '\x1e'  # begins a line of a program in the background: MARK, its number, what it says


class GuestProcess(Output):
    """A program in the background of a guest, used like a Process."""

    def __init__(self, name, guest, number):
        super().__init__(name)
        self._guest = guest
        self._number = number
        self.status = None

    def said(self, kind, words):
        if kind == 'exit':
            self.status = int(words)
            self.end()
        elif kind == 'says':
            self.take([words])

    def code(self):
        """Its exit code, or None while it runs."""
        return self.status if self.status is None or self.status <= 128 else 128 - self.status

    def running(self):
        return self._open

    def kill(self, number):
        self._guest.shell(f'kill -{int(number)} $(</run/started/{self._number})', check=False)

    def wait(self, timeout=10):
        """Its exit code; negative: the signal that ended it."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._open, timeout):
                raise Timeout(f'{self.name} has not ended in {timeout} s:\n{self.tail()}')
        return self.code()


class Host:
    """What a guest and a network namespace in it have in common, and with a Namespace."""

    def run(self, *command, check=True, timeout=30):
        """Runs a program; returns its exit status and output."""
        return self.shell(shlex.join(str(word) for word in command), check, timeout)

    def ip(self, *arguments, check=True):
        return self.run('ip', *' '.join(arguments).split(), check=check).stdout

    def transfer(self, address, length=1_000_000, port=7, timeout=60):
        """Sends bytes to an echo service and compares what comes back."""
        self.shell(f'head -c {length} /dev/urandom >/run/sent && socat -t 10 - TCP:{address}:{port} '
                   '</run/sent >/run/back && cmp /run/sent /run/back', timeout=timeout)

    def broadcast(self, interface, content, port):
        self.shell(f'echo -n {content} | socat -u - UDP-DATAGRAM:255.255.255.255:{port},broadcast,'
                   f'so-bindtodevice={interface}')

    def listening(self, port):
        """Waits until a TCP port is listened on."""
        self.shell(f'until ss -Htln sport = :{port} | grep -q .; do sleep 0.1; done')


class Console(Host):
    """What both kinds of guest share: `self.process`, which is the console, and `self.name`."""

    READY_SECONDS = 60

    def __init__(self, lab, name, process):
        lab.guests.append(self)
        self.name = name
        self.process = process
        self.processes = []
        self._begun = ''  # of a line of the shell, when a program in the background cut in
        process.divert = self._divert

    def _divert(self, line):
        if line is None:  # the guest is gone
            for process in self.processes:
                process.end()
            return None
        before, mark, marked = line.partition(MARK)
        self._begun += before
        if mark:
            number, kind, words = (marked.split(' ', 2) + [''])[:3]
            self.processes[int(number)].said(kind, words)
            return None
        line, self._begun = self._begun, ''
        return line

    def ready(self):
        self.process.wait_for(r'GUEST-READY', self.READY_SECONDS)
        return self

    def shell(self, line, check=True, timeout=30):
        """Runs a line of bash; returns its exit status and output."""
        mark = self.process.mark()
        self.process.write(line + '\n')
        status = int(self.process.wait_for(r'GUEST-STATUS=(\d+)$', timeout, mark).group(1))
        output = '\n'.join(self.process.lines[mark:])
        output = output[:re.search(r'GUEST-STATUS=\d+$', output, re.M).start()]
        if check and status != 0:
            raise AssertionError(f'{self.name}: {line}: exit {status}\n{output}')
        return Done(status, output)

    def start(self, *command, name=None, env=None):
        """Starts a program in the background of the guest and returns its GuestProcess."""
        settings = ['env', *(f'{key}={value}' for key, value in env.items())] if env else []
        words = shlex.join(str(word) for word in (*settings, *command))
        process = GuestProcess(name or f'{self.name}: {os.path.basename(str(command[0]))}', self,
                               len(self.processes))
        self.processes.append(process)
        self.shell(f'start {len(self.processes) - 1} {words}')
        return process

    def inside(self, name):
        """A host within the guest: a network of its own, and /run, /var/lib and /etc/ppp."""
        return Inside(self, name, int(self.shell(f'host {name}').stdout))

    def cable(self, left, left_end, right, right_end):
        """A veth pair between two hosts of the guest: each end is (interface, address)."""
        (left_name, left_address), (right_name, right_address) = left_end, right_end
        self.shell(f'ip link add {left_name} netns {left.pid} type veth '
                   f'peer name {right_name} netns {right.pid}')
        for side, name, address in ((left, left_name, left_address),
                                    (right, right_name, right_address)):
            side.shell(f'ip address add {address} dev {name} && ip link set {name} up')


class Inside(Host):
    """A host within a guest; `pid` is its first process."""

    def __init__(self, guest, name, pid):
        self.guest = guest
        self.name = name
        self.pid = pid
        self._enter = ('nsenter', '-t', pid, '-n', '-m')

    def shell(self, line, check=True, timeout=30):
        return self.guest.run(*self._enter, 'bash', '-c', line, check=check, timeout=timeout)

    def start(self, *command, name=None, env=None):
        return self.guest.start(*self._enter, *command, env=env,
                                name=name or f'{self.name}: {os.path.basename(str(command[0]))}')


class Guest(Console):
    """`wires`: (namespace's address, guest's address), one a vecN; the tap ends in `namespace`.
    `serial`: descriptors that are the guest's serial ports ttyS0, ttyS1 and so on."""

    MODULES = '/usr/lib/uml/modules'

    def __init__(self, lab, namespace, wires, name='guest', serial=()):
        arguments = [f'ssl{at}=fd:{fd}' for at, fd in enumerate(serial)]
        for at, (outside, inside) in enumerate(wires):
            tap = f'{name}{at}'
            namespace.ip(f'tuntap add dev {tap} mode tap')
            if outside:
                namespace.ip(f'address add {outside} dev {tap}')
            namespace.ip(f'link set {tap} up')
            arguments += [f'vec{at}:transport=tap,ifname={tap},depth=128,gro=1',
                          f'pv.vec{at}={inside}']
        os.makedirs(lab.file('share'), exist_ok=True)
        super().__init__(lab, name, namespace.start(
            'linux.uml', 'mem=160M', 'root=/dev/root', 'rootfstype=hostfs', *self.root(lab), 'ro',
            'con=null', 'con0=fd:0,fd:1', 'quiet', f'umid={name}', 'uml_dir=/run/uml',
            f'pv.peers={os.path.join(cache.PEERS, "guest")}', f'pv.modules={self.MODULES}',
            f'pv.share={lab.file("share")}', *arguments,
            name=name, stdin=subprocess.PIPE, env={'TMPDIR': '/dev/shm'}, pass_fds=serial))

    def root(self, _):
        return f'rootflags={cache.guest_root()}', 'init=/pv-init'

    def impair(self, *netem, wire='vec0'):
        """Delays, loses or reorders what the guest sends on a wire."""
        self.run('modprobe', 'sch_netem')
        self.shell(f'tc qdisc replace dev {wire} root netem {" ".join(netem)}')


class HostGuest(Guest):
    """A guest with this machine's own files, read only: what was built here runs there.

    The build directory, the repository and the lab's directory (which can be written to) have the
    same paths as outside.
    """

    def root(self, lab):
        return ('rootflags=/', f'init={os.path.join(cache.PEERS, "guest", "host-root")}',
                f'pv.see={cache.BUILD}:{cache.REPOSITORY}:{cache.CACHE}', f'pv.write={lab.directory.name}')


class QemuGuest(Console):
    """An emulated machine with two cores; it has no wire, what talks in it talks inside."""

    MEMORY_MIB = 768
    READY_SECONDS = 120

    def __init__(self, lab, namespace, root, name='machine'):
        os.makedirs(lab.file('share'), exist_ok=True)
        kernel = cache.guest_kernel()
        folders = {'root': root, 'peers': os.path.join(cache.PEERS, 'guest'),
                   'modules': os.path.join(kernel, 'modules'), 'share': lab.file('share')}
        shares = []
        for tag, path in folders.items():
            shares += ['-fsdev', f'local,id={tag},path={path},security_model=passthrough,'
                                 f'multidevs=remap{"" if tag == "share" else ",readonly=on"}',
                       '-device', f'virtio-9p-pci,fsdev={tag},mount_tag={tag}']
        super().__init__(lab, name, namespace.start(
            'qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2',
            '-m', str(self.MEMORY_MIB), '-nodefaults', '-no-user-config', '-display', 'none',
            '-no-reboot', '-nic', 'none', '-serial', 'stdio',
            '-kernel', os.path.join(kernel, 'vmlinuz'), '-initrd', os.path.join(kernel, 'initrd'),
            *shares, '-append', 'console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable '
                                'random.trust_cpu=on', name=name, stdin=subprocess.PIPE))
