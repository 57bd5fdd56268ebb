"""A Linux with kernel PPP: User Mode Linux, joined to a namespace by a tap for each of its wires.

The guest's first process runs what the test writes on its console and answers with the exit
status, so a guest is used like a remote shell. It is slow where it forks (37 ms) and fast in its
kernel; programs in it are never timed.
"""
import os
import re
import shlex
import subprocess

from . import cache


class Guest:
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

    def ready(self):
        self.process.wait_for(r'^GUEST-READY', 60)
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

    def impair(self, *netem, wire='vec0'):
        """Delays, loses or reorders what the guest sends on a wire."""
        self.run('modprobe', 'sch_netem')
        self.shell(f'tc qdisc replace dev {wire} root netem {" ".join(netem)}')
