"""Sealing and opening beside the same work done one packet at a time: bench_datapath measures."""
import os
import re
import subprocess

from harness import cache
from marks import MARKS
from report import Result


def seal_and_open(_lab, _options):
    program = os.path.join(cache.BUILD, 'test/bench/bench_datapath')
    said = subprocess.run([program, '--results'], check=True, capture_output=True, text=True,
                          timeout=300).stdout
    rows, others = [], []
    for name, rest in re.findall(r'^RESULT (\S+) (.*)$', said, re.M):
        figures = dict(part.split('=', 1) for part in rest.split())
        if name not in MARKS:
            others.append(f'{name}: {rest}')
        elif 'skipped' in figures:
            rows.append(Result(name, skipped=figures['skipped'].replace('-', ' ')))
        else:
            rows.append(Result(name, f'{figures["ours"]} ns', f'{figures["theirs"]} ns',
                               float(figures['ratio'])))
    if not rows:
        raise RuntimeError(f'bench_datapath printed no RESULT:\n{said}')
    rows[0].notes = ['`test/bench/bench_datapath --results`', *others]
    return rows
