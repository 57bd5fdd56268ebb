"""What a row came to, shown as it comes and written down at the end."""
import dataclasses
import os
import platform
import re
import shutil
import statistics
import subprocess

from marks import MARKS


class Cannot(Exception):
    """This machine cannot run the row; the reason is the message."""


@dataclasses.dataclass
class Result:
    row: str                     # of MARKS
    ours: str = ''
    theirs: str = ''
    ratio: float | None = None
    skipped: str = ''            # why it could not run
    failed: str = ''             # what broke while it ran, or what it may not do
    notes: list = dataclasses.field(default_factory=list)

    @property
    def reached(self):
        if self.skipped:
            return 'not run'
        return 'FAILED' if self.failed else MARKS[self.row].reached(self.ratio)


def paired(row, ours, theirs, unit, low=False, notes=()):
    """The median of the ratios of each pair, beside the medians themselves."""
    ratios = [a / b for a, b in zip(ours, theirs)]
    return Result(row, spread(ours, unit), spread(theirs, unit), statistics.median(ratios),
                  notes=list(notes))


def spread(values, unit):
    """A median, and from where to where."""
    low, middle, high = min(values), statistics.median(values), max(values)
    digits = 0 if middle >= 100 else 1 if middle >= 10 else 2
    return f'{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})'


def cells(result):
    mark = MARKS[result.row]
    unit = mark.unit
    ratio = '' if result.ratio is None else \
        f'{result.ratio:.3g}{unit}' if abs(result.ratio) < 1000 else f'{result.ratio:.0f}{unit}'
    return [mark.what, mark.against, result.ours, result.theirs, ratio, mark.shown(mark.mark),
            mark.shown(mark.beyond), result.reached]


HEAD = ['what', 'against', 'ours', 'theirs', 'ratio', 'mark', 'beyond', 'reached']


def show(result):
    """One row on the terminal."""
    what, against, ours, theirs, ratio, mark, beyond, reached = cells(result)
    print(f'\n{what}\n    against {against}')
    if result.skipped or result.failed:
        print(f'    {reached}: {result.skipped or result.failed}')
    if ours or theirs:
        print(f'    ours {ours}' + (f', theirs {theirs}' if theirs else ''))
    if ratio:
        print(f'    {ratio}' + (f'   mark {mark}' if mark else '') +
              (f', beyond it {beyond}' if beyond else '') + (f': {reached}' if reached else ''))
    for note in result.notes:
        print(f'    {note}')


def _said(*command):
    """The first line a program says, or nothing."""
    if not shutil.which(command[0]):
        return ''
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].strip() if lines else ''


def machine():
    with open('/proc/cpuinfo', encoding='ascii') as file:
        model = re.search(r'model name\s*:\s*(.*)', file.read())
    with open('/proc/meminfo', encoding='ascii') as file:
        memory = int(re.search(r'MemTotal:\s+(\d+)', file.read()).group(1))
    return (f'{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores, '
            f'{memory / 1048576:.1f} GiB, Linux {platform.release()}')


def versions(program):
    """Of us and of everything that is measured against."""
    packages = ['openvpn', 'iperf3', 'libnettle8', 'libssl3', 'pptpd', 'ppp', 'qemu-system-x86',
                'linux-image-amd64']
    found = []
    for package in packages:
        done = subprocess.run(['apt-cache', 'policy', package], capture_output=True, text=True,
                              check=False) if shutil.which('apt-cache') else None
        known = re.search(r'Candidate: (\S+)', done.stdout) if done else None
        here = re.search(r'Installed: (\S+)', done.stdout) if done else None
        version = here if here and here.group(1) != '(none)' else known
        if version:
            found.append(f'{package} {version.group(1)}')
    return [_said(program, '--version'), _said('gcc', '--version'), *found]


def write(path, results, how, program):
    """RESULTS.md; `how` is the command line that made it."""
    lines = ['# Measured', '',
             f'Written by `{how}`; do not edit. Every row compares two things that took turns on '
             'one machine in one run; medians, and the range in parentheses.', '',
             f'- {machine()}']
    lines += [f'- {version}' for version in versions(program) if version]
    lines += ['', '| ' + ' | '.join(HEAD) + ' |', '|' + '---|' * len(HEAD)]
    lines += ['| ' + ' | '.join(cells(result)) + ' |' for result in results]
    lines += ['', '## How', '']
    for result in results:
        lines.append(f'- **{MARKS[result.row].what}** against {MARKS[result.row].against}')
        for note in ([f'not run: {result.skipped}'] if result.skipped else []) + \
                ([f'FAILED: {result.failed}'] if result.failed else []) + result.notes:
            lines.append(f'  - {note}')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')
