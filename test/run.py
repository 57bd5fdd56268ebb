#!/usr/bin/python3
"""Runs every suite and ends with one line: N passed, N failed, N skipped.

    test/run.py                  all of them, as CI does
    test/run.py unit sim         only these steps
    test/run.py --list           what steps there are

Builds: `build` (gcc), `build-clang`, `build-asan` (clang, ASan and UBSan), `build-coverage`.
"""
import argparse
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = '/usr/bin/python3'
TALLY = {'passed': 0, 'failed': 0, 'skipped': 0}


def count(result, name, detail=''):
    TALLY[result] += 1
    if result != 'passed':
        print(f'{result.upper()}: {name} {detail}'.rstrip(), flush=True)


def command(arguments, **options):
    return subprocess.run(arguments, cwd=ROOT, **options)


def build(folder, compiler, *options):
    """Configures once, then compiles; a build that fails counts as one failed test."""
    environment = dict(os.environ, CC=compiler)
    if not os.path.exists(f'{ROOT}/{folder}/build.ninja'):
        command(['meson', 'setup', folder, *options], env=environment, check=True,
                stdout=subprocess.DEVNULL)
    done = command(['ninja', '-C', folder, '--quiet'])
    count('passed' if done.returncode == 0 else 'failed', f'build {folder} with {compiler}')
    return done.returncode == 0


def meson_tests(folder, *selection, environment=None):
    """Runs meson's tests and counts each; the output of a failed one is shown."""
    command(['meson', 'test', '-C', folder, '--no-rebuild', '--quiet', '--print-errorlogs',
             '--timeout-multiplier', '4', *selection],
            env=dict(os.environ, **(environment or {})))
    log = f'{ROOT}/{folder}/meson-logs/testlog.json'
    with open(log, encoding='utf-8') as lines:
        tests = [json.loads(line) for line in lines]
    os.unlink(log)
    if not tests:
        count('failed', f'{folder} {" ".join(selection)}', 'ran no test')
    for test in tests:
        result = {'OK': 'passed', 'SKIP': 'skipped'}.get(test['result'], 'failed')
        reason = ''
        if result == 'skipped':
            lines = (test.get('stdout') or '').strip().splitlines()
            reason = lines[-1] if lines else 'no reason given'
        count(result, f'{folder}: {test["name"]}', reason)
        if '--suite=sim' in selection:
            print(test.get('stdout', ''), flush=True)


def step_unit():
    if build('build', 'gcc'):
        meson_tests('build', '--suite=unit', '--suite=fuzz', '--suite=purity')


def step_sim():
    if build('build', 'gcc'):
        meson_tests('build', '--suite=sim')


def step_clang():
    build('build-clang', 'clang')


def step_sanitize():
    if build('build-asan', 'clang', '-Db_sanitize=address,undefined', '-Db_lundef=false'):
        meson_tests('build-asan', '--suite=unit', '--suite=fuzz')
        meson_tests('build-asan', '--suite=sim', environment={'GREYLINE_SIM_SEEDS': '1500'})


def step_coverage():
    done = command([PYTHON, 'test/fuzz/coverage.py', 'build-coverage'])
    count('passed' if done.returncode == 0 else 'failed', 'corpus covers the parsers')


def step_mutants():
    done = command([PYTHON, 'test/mutants/run.py'])
    count('passed' if done.returncode == 0 else 'failed', 'every mutant is caught')


def step_interop():
    report = f'{ROOT}/build/interop.xml'
    if os.path.exists(report):
        os.unlink(report)
    # Most of a test is waiting: three side by side keep two processors busy.
    command([PYTHON, '-m', 'pytest', '-q', '-rs', '-p', 'no:cacheprovider', '-n', '3',
             'test/interop', f'--junitxml={report}'])
    if not os.path.exists(report):
        count('failed', 'interop', 'pytest wrote no report')
        return
    cases = list(xml.parse(report).iter('testcase'))
    if not cases:
        count('failed', 'interop', 'ran no test')
    for case in cases:
        name = f'interop: {case.get("name")}'
        skipped = case.find('skipped')
        if case.find('failure') is not None or case.find('error') is not None:
            count('failed', name)
        elif skipped is not None:
            count('skipped', name, skipped.get('message', ''))
        else:
            count('passed', name)


STEPS = {
    'unit': step_unit,
    'sim': step_sim,
    'clang': step_clang,
    'sanitize': step_sanitize,
    'coverage': step_coverage,
    'interop': step_interop,
}
EXTRA = {'mutants': step_mutants}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('steps', nargs='*')
    parser.add_argument('--list', action='store_true')
    options = parser.parse_args()
    known = {**STEPS, **EXTRA}
    if options.list:
        print('\n'.join(known))
        return 0
    for step in options.steps:
        if step not in known:
            parser.error(f'no step {step!r}; there are: {" ".join(known)}')
    for step in options.steps or STEPS:
        began = time.monotonic()
        print(f'== {step}', flush=True)
        try:
            known[step]()
        except (OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
            count('failed', step, str(error))
        print(f'-- {step}: {time.monotonic() - began:.0f} s', flush=True)
    print(f'{TALLY["passed"]} passed, {TALLY["failed"]} failed, {TALLY["skipped"]} skipped')
    return 1 if TALLY['failed'] or not TALLY['passed'] else 0


if __name__ == '__main__':
    sys.exit(main())
