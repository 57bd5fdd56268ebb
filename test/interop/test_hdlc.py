"""Async HDLC: what we encode lwIP decodes, and what lwIP encodes we do."""
import os
import subprocess

import pytest

from harness import cache

FRAMES = 3000


@pytest.mark.parametrize('length', [64, 1500])
def test_each_reads_the_other(length):
    ours, theirs = os.path.join(cache.BUILD, 'test/bench/bench_hdlc'), cache.lwiphdlc()
    for sender, receiver in ((ours, theirs), (theirs, ours)):
        with subprocess.Popen([sender, 'send', str(FRAMES), str(length)], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as sending:
            said = subprocess.run([receiver, 'receive', str(FRAMES)], stdin=sending.stdout,
                                  check=True, timeout=30, stderr=subprocess.PIPE, text=True).stderr
        assert f'bytes={FRAMES * length}' in said
