"""What needs a kernel with PPP: Linux' own PPTP with MPPE, and poptop with pppd, beside ours in one
emulated machine (QEMU without KVM). Everything in it is slow, and equally so: ratios are all that
is read here, and informative.
"""
import json
import os
import re
import shutil
import subprocess

from harness import cache
from harness.guest import QemuGuest
from report import Cannot, paired
from stage import PROGRAM

USER, PASSWORD = 'load', 'bench'
KERNEL, OURS = '192.168.77.1', '10.98.0.1'
LOGINS = {'ours': ('10.9.0.11', 200), 'poptop': ('10.9.0.1', 20)}


def libraries(program):
    """What a program is linked with, but for the C library: the guest has the same release's."""
    said = subprocess.run(['ldd', program], check=True, capture_output=True, text=True).stdout
    return [path for name, path in re.findall(r'(\S+) => (/\S+)', said)
            if not name.startswith(('libc.', 'ld-'))]


def boot(lab):
    for program in ('qemu-system-x86_64', 'mmdebstrap', 'busybox', 'cpio', 'gcc'):
        if not shutil.which(program):
            raise Cannot(f'needs {program}')
    if not os.path.exists('/usr/include/pppd/pppd.h'):
        raise Cannot('needs the headers of pppd (ppp-dev)')
    os.makedirs(lab.file('share'), exist_ok=True)
    for file in (PROGRAM, *libraries(PROGRAM), f'{cache.kpptp()}/kpptp.so'):
        shutil.copy(file, lab.file('share'))
    root = cache.guest_root('bench-root', ['iperf3'])
    guest = QemuGuest(lab, lab.namespace('machine'), root).ready()
    guest.run('/peers/pair', 'make')
    return guest


def flow(guest, address, seconds):
    said = guest.shell(f'ip netns exec right taskset -c 1 iperf3 -c {address} -t {seconds} -J',
                       timeout=seconds + 60)[1]
    report = json.loads(said[said.index('{'):said.rindex('}') + 1])
    return report['end']['sum_received']['bits_per_second'] / 1e6


def logins(guest, whom):
    server, count = LOGINS[whom]
    said = guest.run('/peers/pair', 'logins', server, count, USER, PASSWORD, timeout=150,
                     check=False)[1]
    measured = json.loads(said[said.index('{'):said.rindex('}') + 1])['logins']
    if measured['up'] != count:
        raise RuntimeError(f'{whom}: {measured["up"]} of {count} logins: {measured["failures"]}')
    return measured['per-second']


def side_by_side(lab, options):
    guest = boot(lab)
    guest.run('/peers/pair', 'kernel', USER, PASSWORD, timeout=120)
    guest.run('/peers/pair', 'greyline', USER, PASSWORD, 'client', timeout=120)
    guest.shell('ip netns exec left taskset -c 0 iperf3 -s -D')
    rounds = max(1, options.rounds - 1)
    speeds = {OURS: [], KERNEL: []}
    for _ in range(rounds):
        for address, values in speeds.items():
            values.append(flow(guest, address, options.seconds + 1))
    link = guest.shell('LD_LIBRARY_PATH=/share /share/greyline status --json --run-dir /run/left',
                       check=False)[1]
    link = re.search(r'"outer-link": "([^"]*)"', link)
    guest.run('/peers/pair', 'poptop', USER, PASSWORD, timeout=120)
    rates = {whom: [] for whom in LOGINS}
    for _ in range(rounds):
        for whom, values in rates.items():
            values.append(logins(guest, whom))
    release = guest.run('uname', '-r')[1].strip()
    about = (f'QEMU TCG, two cores, Linux {release}, one core an end: informative, an emulator\'s '
             f'prices are not a processor\'s')
    return [
        paired('flow-kernel', speeds[OURS], speeds[KERNEL], 'Mbit/s', notes=[
            about, 'theirs: pppd at both ends, encapsulation and MPPE in the kernel '
            '(test/interop/peers/kpptp.c); `pair kernel` in test/interop/peers/guest',
            f'ours: default options{", " + link.group(1) if link else ""}; `pair greyline`']),
        paired('logins', rates['ours'], rates['poptop'], 'a second', notes=[
            about, f'`greyline bench load` with {LOGINS["ours"][1]} sessions to our server, '
            f'{LOGINS["poptop"][1]} to poptop; `pair logins`'])]
