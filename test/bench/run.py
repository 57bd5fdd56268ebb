#!/usr/bin/python3
"""Runs every row of the marks table that this machine can run, and writes bench/RESULTS.md.

    test/bench/run.py                    all rows
    test/bench/run.py --only crypto      some of them; `--list` names them
    test/bench/run.py --quick            short and rough, to see that it works

The machine's speed drifts, so whatever is compared takes turns (A B A B ...), and the median of the
ratios is what counts. Everything runs in namespaces that are gone afterwards. A row that cannot
run says why; the exit status is 1 when one broke. RESULTS.md is written by complete runs only.
"""
import argparse
import os
import sys
import time
import traceback

import stage  # finds the interop tests' harness
from crowds import MANY, many, memory_and_logins, overload
from crypto import seal_and_open
from emulated import side_by_side
from flows import flows, pings
from lines import hdlc
from marks import MARKS
from report import Cannot, Result, machine, show, write

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What measures, and the rows of the table it answers for.
PARTS = {
    'crypto': (seal_and_open, ['seal-nettle', 'open-nettle', 'seal-openssl', 'open-openssl']),
    'flow': (flows, ['flow-null', 'flow-openvpn', 'flow-veth']),
    'ping': (pings, ['ping']),
    'memory': (memory_and_logins, ['memory', 'logins-here']),
    'many': (many, ['many']),
    'overload': (overload, ['overload']),
    'hdlc': (hdlc, ['hdlc']),
    'emulated': (side_by_side, ['flow-kernel', 'logins']),
}


def play(name, options):
    """One part; its rows, whatever happens."""
    measure, rows = PARTS[name]
    began = time.monotonic()
    print(f'\n== {name}', flush=True)
    try:
        with stage.Lab() as lab:
            results = measure(lab, options)
    except Cannot as reason:
        results = [Result(row, skipped=str(reason)) for row in rows]
    except Exception as error:  # pylint: disable=broad-exception-caught
        traceback.print_exc()
        results = [Result(row, failed=str(error).splitlines()[0] if str(error) else
                          type(error).__name__) for row in rows]
    for result in results:
        show(result)
    print(f'-- {name}: {time.monotonic() - began:.0f} s', flush=True)
    return results


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', action='append', choices=PARTS, metavar='PART',
                        help='this part; may be given again')
    parser.add_argument('--list', action='store_true', help='names the parts')
    parser.add_argument('--quick', action='store_true', help='one short round of everything')
    parser.add_argument('--rounds', type=int, help='of what takes turns (5)')
    parser.add_argument('--seconds', type=int, help='of one measurement (4)')
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (2 if options.quick else 4)
    options.pings = 100 if options.quick else 500
    options.sessions = 1000 if options.quick else MANY
    options.overload = 10 if options.quick else 60
    return options


def main():
    options = arguments()
    if options.list:
        print('\n'.join(PARTS))
        return 0
    if os.geteuid() != 0:
        print('make bench makes network namespaces and needs root: sudo make bench',
              file=sys.stderr)
        return 1
    print(machine())
    results = [result for name in options.only or PARTS for result in play(name, options)]
    order = list(MARKS)
    results.sort(key=lambda result: order.index(result.row))
    count = {word: sum(result.reached == word for result in results)
             for word in ('beyond', 'mark', 'missed', 'not run', 'FAILED')}
    print('\n' + ', '.join(f'{number} {word}' for word, number in count.items()))
    if not options.only and not options.quick:
        write(f'{ROOT}/bench/RESULTS.md', results, 'sudo make bench', stage.PROGRAM)
        print('bench/RESULTS.md is written')
    return 1 if count['FAILED'] else 0


if __name__ == '__main__':
    sys.exit(main())
