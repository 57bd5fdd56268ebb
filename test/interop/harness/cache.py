"""Things that take long to make and are made once: other people's programs, a guest's root.

They live outside the repository, under GREYLINE_CACHE (default: interop-cache in the build
directory), each in a directory named after the content of the files it was made from, so that a
changed recipe makes a new one. A half-made one is never seen: it gets its name when it is done.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.path.join(HERE, 'peers')
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get('GREYLINE_BUILD', os.path.join(REPOSITORY, 'build')))
CACHE = os.path.abspath(os.environ.get('GREYLINE_CACHE', os.path.join(BUILD, 'interop-cache')))


def _files_below(path):
    if os.path.isfile(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path)
                  for name in names)


def cached(name, inputs, command):
    """The directory `command` (a list, run in an empty directory) makes from `inputs`."""
    digest = hashlib.sha256('\0'.join(command).encode())
    for path in inputs:
        for file in _files_below(path):
            with open(file, 'rb') as content:
                digest.update(content.read())
    made = os.path.join(CACHE, f'{name}-{digest.hexdigest()[:12]}')
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, f'{name}.lock'), 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(made):
            return made
        for old in os.listdir(CACHE):
            if old.startswith(f'{name}-'):
                shutil.rmtree(os.path.join(CACHE, old))
        part = f'{made}.part'
        os.mkdir(part)
        done = subprocess.run(command, cwd=part, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600,
                              check=False)
        if done.returncode != 0:
            shutil.rmtree(part)
            raise RuntimeError(f'{name} could not be built:\n{done.stdout[-4000:]}')
        os.rename(part, made)
    return made


def lwippp(program='lwippp'):
    """The PPP endpoint of peers/lwippp: a program."""
    source = os.path.join(PEERS, 'lwippp')
    return os.path.join(cached('lwippp', [source], [os.path.join(source, 'build')]), program)


def lwiphdlc():
    """lwIP's async HDLC by itself: a program."""
    return lwippp('lwiphdlc')


def kpptp():
    """pppd's PPTP plugin of peers/kpptp.c: a directory with kpptp.so."""
    source = os.path.join(PEERS, 'kpptp.c')
    return cached('kpptp', [source], ['gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-shared',
                                      '-fPIC', '-o', 'kpptp.so', source])


def guest_root(name='guest', packages=()):
    """The root file system of guests, with more packages where one needs them."""
    recipe = os.path.join(PEERS, 'guest', 'mkroot')
    return os.path.join(cached(name, [recipe], [recipe, *packages]), 'root')


def guest_kernel():
    """The kernel of QEMU guests: a directory with vmlinuz, initrd and modules."""
    recipe = os.path.join(PEERS, 'guest', 'mkkernel')
    return cached('kernel', [recipe], [recipe])
