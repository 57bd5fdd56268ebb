"""Async HDLC over a pty: ours beside lwIP's, one core an end, frames of random bytes.

A sender encodes into the slave, a receiver decodes what the master brings: bench_hdlc is ours,
test/interop/peers/lwippp/hdlc.c is lwIP's; both do nothing else, and read and write in pieces of the
same size. Each also reads the other's, so that what is compared is the same thing.
"""
import os
import re
import shutil
import subprocess
import tty

from harness import cache
from report import Cannot, paired
from stage import LEFT_CORE, RIGHT_CORE

LENGTH = 1400


def carry(sender, receiver, frames):
    """(Mbit/s, Mbit for each second of processor of both ends) of one way through a pty."""
    master, slave = os.openpty()
    tty.setraw(slave)
    processes = [
        subprocess.Popen(['taskset', '-c', core, program, *map(str, words)], text=True,
                         stdin=master if words[0] == 'receive' else subprocess.DEVNULL,
                         stdout=slave if words[0] == 'send' else subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
        for core, program, *words in ((LEFT_CORE, receiver, 'receive', frames),
                                      (RIGHT_CORE, sender, 'send', frames, LENGTH))]
    try:
        said = ''.join(process.communicate(timeout=120)[1] for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()
        os.close(master)
        os.close(slave)
    figures = dict(re.findall(r'(seconds|bytes)=([0-9.]+)', said))
    if int(figures.get('bytes', 0)) != frames * LENGTH:
        raise RuntimeError(f'{sender} to {receiver}: {said.strip() or "nothing came"}')
    used = sum(float(value) for value in re.findall(r'cpu=([0-9.]+)', said))
    mbit = frames * LENGTH * 8 / 1e6
    return mbit / float(figures['seconds']), mbit / used


def hdlc(_lab, options):
    if not shutil.which('taskset'):
        raise Cannot('needs taskset')
    try:
        theirs = cache.lwiphdlc()
    except RuntimeError as error:
        raise Cannot(f'lwIP cannot be built here: {str(error).splitlines()[-1]}') from error
    ours = os.path.join(cache.BUILD, 'test/bench/bench_hdlc')
    carry(ours, theirs, 2000)
    carry(theirs, ours, 2000)
    frames = 20000 * options.seconds
    rounds = [(carry(ours, ours, frames), carry(theirs, theirs, frames))
              for _ in range(options.rounds)]
    result = paired('hdlc', [pair[0][1] for pair in rounds], [pair[1][1] for pair in rounds],
                    'Mbit')
    passed = paired('hdlc', [pair[0][0] for pair in rounds], [pair[1][0] for pair in rounds],
                    'Mbit/s')
    result.notes = [
        f'`bench_hdlc send {frames} {LENGTH}` into a pty, `bench_hdlc receive {frames}` out of it, '
        f'{options.rounds} rounds in turn with lwIP\'s; each reads the other\'s, too',
        'counted is the processor time of both ends with the kernel\'s part in it, which is the '
        'same for both: how fast a pty passes bytes on depends on how soon the kernel wakes who '
        f'waits. Passed on, an end a core: ours {passed.ours}, theirs {passed.theirs}']
    return [result]
