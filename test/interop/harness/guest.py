"""A Linux with kernel PPP, used like a remote shell.

The guest's first process runs what the test writes on its console and answers with the exit
status. `Guest` is User Mode Linux, joined to a namespace by a tap for each of its wires: slow where
it forks (37 ms) and fast in its kernel, so programs in it are never timed. `QemuGuest` is a whole
emulated machine: slow, but equally so for kernel and programs, so two of them that do the same work
in it can be compared.
"""
import os
import re
import shlex
import subprocess

from . import cache


class Console:
    """What both kinds of guest share: `self.process`, which is the console, and `self.name`."""

    READY_SECONDS = 60

    def ready(self):
        self.process.wait_for(r'GUEST-READY', self.READY_SECONDS)
        return self

    def run(self, *command, check=True, timeout=30):
        """Runs a program in the guest; returns (status, output)."""
        return self.shell(shlex.join(str(word) for word in command), check, timeout)

    def shell(self, line, check=True, timeout=30):
        """Runs a line of bash in the guest; returns (status, output)."""
        mark = self.process.mark()
        self.process.write(line + '\n')
        status = int(self.process.wait_for(r'GUEST-STATUS=(\d+)$', timeout, mark).group(1))
        output = '\n'.join(self.process.lines[mark:])
        output = output[:re.search(r'GUEST-STATUS=\d+$', output, re.M).start()]
        if check and status != 0:
            raise AssertionError(f'{self.name}: {line}: exit {status}\n{output}')
        return status, output


class Guest(Console):
    """`wires`: (namespace's address, guest's address), one a vecN; the tap ends in `namespace`."""

    MODULES = '/usr/lib/uml/modules'

    def __init__(self, lab, namespace, wires, name='guest'):
        self.name = name
        arguments = []
        for at, (outside, inside) in enumerate(wires):
            tap = f'{name}{at}'
            namespace.ip(f'tuntap add dev {tap} mode tap')
            if outside:
                namespace.ip(f'address add {outside} dev {tap}')
            namespace.ip(f'link set {tap} up')
            arguments += [f'vec{at}:transport=tap,ifname={tap},depth=128,gro=1',
                          f'pv.vec{at}={inside}']
        os.makedirs(lab.file('share'), exist_ok=True)
        self.process = namespace.start(
            'linux.uml', 'mem=160M', 'root=/dev/root', 'rootfstype=hostfs',
            f'rootflags={cache.guest_root()}', 'ro', 'init=/pv-init', 'con=null',
            'con0=fd:0,fd:1', 'quiet', f'umid={name}', 'uml_dir=/run/uml',
            f'pv.peers={os.path.join(cache.PEERS, "guest")}', f'pv.modules={self.MODULES}',
            f'pv.share={lab.file("share")}', *arguments,
            name=name, stdin=subprocess.PIPE, env={'TMPDIR': '/dev/shm'})

    def impair(self, *netem, wire='vec0'):
        """Delays, loses or reorders what the guest sends on a wire."""
        self.run('modprobe', 'sch_netem')
        self.shell(f'tc qdisc replace dev {wire} root netem {" ".join(netem)}')


class QemuGuest(Console):
    """An emulated machine with two cores; it has no wire, what talks in it talks inside."""

    MEMORY_MIB = 768
    READY_SECONDS = 120

    def __init__(self, lab, namespace, root, name='machine'):
        self.name = name
        os.makedirs(lab.file('share'), exist_ok=True)
        kernel = cache.guest_kernel()
        folders = {'root': root, 'peers': os.path.join(cache.PEERS, 'guest'),
                   'modules': os.path.join(kernel, 'modules'), 'share': lab.file('share')}
        shares = []
        for tag, path in folders.items():
            shares += ['-fsdev', f'local,id={tag},path={path},security_model=passthrough,'
                                 f'multidevs=remap{"" if tag == "share" else ",readonly=on"}',
                       '-device', f'virtio-9p-pci,fsdev={tag},mount_tag={tag}']
        self.process = namespace.start(
            'qemu-system-x86_64', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2',
            '-m', str(self.MEMORY_MIB), '-nodefaults', '-no-user-config', '-display', 'none',
            '-no-reboot', '-nic', 'none', '-serial', 'stdio',
            '-kernel', os.path.join(kernel, 'vmlinuz'), '-initrd', os.path.join(kernel, 'initrd'),
            *shares, '-append', 'console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable '
                                'random.trust_cpu=on', name=name, stdin=subprocess.PIPE)
