#!/usr/bin/python3
"""Runs every libFuzzer program for a while, two at a time, with ASan and UBSan.

    test/fuzz/campaign.py SECONDS [NAME ...]

New inputs go to build-fuzz/found/NAME, crashes to build-fuzz/crash-NAME-*; the corpus in the tree
is read only. Prints executions and edge coverage of each; exit status 1 when one found a defect.
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = f'{ROOT}/build-fuzz'


def build():
    if not os.path.exists(f'{BUILD}/build.ninja'):
        subprocess.run(['meson', 'setup', BUILD, ROOT, '-Dfuzzing=true', '-Db_lundef=false',
                        '-Db_sanitize=address,undefined', '-Dc_args=-fsanitize=fuzzer-no-link'],
                       check=True, env=dict(os.environ, CC='clang'), stdout=subprocess.DEVNULL)
    subprocess.run(['ninja', '-C', BUILD, '--quiet'], check=True)
    programs = [p for p in glob.glob(f'{BUILD}/test/fuzz/fuzz_*') if os.access(p, os.X_OK)
                and os.path.isfile(p)]
    return {os.path.basename(p)[len('fuzz_'):]: p for p in programs}


def fuzz(name, program, seconds):
    found = f'{BUILD}/found/{name}'
    os.makedirs(found, exist_ok=True)
    done = subprocess.run(
        [program, found, f'{ROOT}/test/fuzz/corpus/{name}', f'-max_total_time={seconds}',
         '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1', '-max_len=4096',
         f'-artifact_prefix={BUILD}/crash-{name}-'],
        capture_output=True, text=True, errors='replace', check=False)
    executed = re.search(r'number_of_executed_units: (\d+)', done.stderr)
    edges = re.findall(r'cov: (\d+)', done.stderr)
    return (name, done.returncode, executed.group(1) if executed else '?',
            edges[-1] if edges else '?', done.stderr[-3000:])


def main():
    seconds = int(sys.argv[1])
    programs = build()
    names = sys.argv[2:] or sorted(programs)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        runs = [pool.submit(fuzz, name, programs[name], seconds) for name in names]
        for run in concurrent.futures.as_completed(runs):
            name, status, executed, edges, tail = run.result()
            print(f'{name}: {executed} executions, {edges} edges, '
                  f'{"clean" if status == 0 else "DEFECT"}', flush=True)
            if status:
                failed += 1
                print(tail)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
