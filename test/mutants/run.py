#!/usr/bin/python3
"""Breaks one rule at a time and expects a test to fail.

    run.py                every mutant
    run.py --list         what rules there are
    run.py -k MPPE        only mutants whose rule or file contains the word
    run.py --jobs 1       how many trees at once (default: one a core)

The mutants are in ROOM.txt beside this file. Each is a paragraph: the rule it breaks in one line, the
file, then the text to take out and what comes in its place:

    The magic cookie is checked (RFC 2637 §1.4).
    @ src/pptp/wire.c
    - if (cookie != PPTP_COOKIE)
    + if (0)

The old text must stand in the file exactly once. A mutant that does not apply or does not compile is
an error, as is one that no test notices. Work happens in copies of the files git knows, in a temporary
folder; for each mutant the tests of its own room run first, then the rest, until one fails.
"""
import argparse
import concurrent.futures
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SUITES = ['purity', 'unit', 'fuzz', 'sim']  # in the order in which they run
ENVIRONMENT = {'GREYLINE_SIM_SEEDS': '300'}
# Whose unit tests see a broken room: its own first, then those of the rooms above it.
ABOVE = {
    'base': ['crypto', 'datapath', 'pptp', 'ppp', 'session', 'io', 'app'],
    'crypto': ['datapath', 'ppp', 'session', 'app'],
    'datapath': ['session', 'io', 'app'],
    'pptp': ['session', 'app'],
    'ppp': ['session', 'app'],
    'session': ['app'],
    'io': ['app'],
    'app': [],
}
LEAST_SECONDS = 10  # a test that takes longer than this and ten times its usual hangs


class Broken(Exception):
    """A mutant that says nothing about the tests: it does not apply, or does not compile."""


class Mutant:
    def __init__(self, rule, where):
        self.rule, self.where = rule, where
        self.file, self.old, self.new = None, [], []

    def room(self):
        return self.file.split('/')[1]

    def mutate(self, text):
        old, new = '\n'.join(self.old), '\n'.join(self.new)
        found = text.count(old)
        if found != 1:
            raise Broken(f'the old text stands {found} times in {self.file}')
        return text.replace(old, new)


def read_mutants(path):
    mutants = []
    with open(path, encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip('\n')
            where = f'{os.path.basename(path)}:{number}'
            sign, rest = line[:1], line[2:]
            if not line:
                continue
            if sign in '@-+' and not mutants:
                sys.exit(f'{where}: a mutant begins with its rule')
            if sign == '@':
                mutants[-1].file = rest
            elif sign == '-':
                mutants[-1].old.append(rest)
            elif sign == '+':
                mutants[-1].new.append(rest)
            else:
                mutants.append(Mutant(line, where))
    for mutant in mutants:
        if not mutant.file or not mutant.old:
            sys.exit(f'{mutant.where}: no file, or no text to take out')
    return mutants


def all_mutants():
    return [mutant for name in sorted(os.listdir(HERE)) if name.endswith('.txt')
            for mutant in read_mutants(os.path.join(HERE, name))]


def copy_tree(to):
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode().split('\0'):
        source = os.path.join(ROOT, name)
        if name and os.path.isfile(source):
            os.makedirs(os.path.join(to, os.path.dirname(name)), exist_ok=True)
            shutil.copy2(source, os.path.join(to, name))


class Test:
    def __init__(self, entry, build):
        self.name = entry['name'].split(':')[-1]
        self.room = self.name.split('/')[0]
        self.suite = next((suite.split(':')[-1] for suite in entry['suite']
                           if suite.split(':')[-1] in SUITES), None)
        self.command = entry['cmd']
        self.environment = entry['env']
        self.folder = entry['workdir'] or build
        self.most = entry['timeout'] or 600
        self.seconds = 0
        # What it needs built: its program, and libraries, which stand relative to the build.
        built = [os.path.normpath(os.path.join(build, word)) for word in self.command
                 if os.path.isabs(word) or word.endswith('.a')]
        self.needs = [os.path.relpath(path, build) for path in built
                      if path.startswith(build + os.sep)]

    def judges(self, rooms):
        """Unit tests of a room without mutants would only cost time."""
        return self.suite and (self.suite != 'unit' or self.room in rooms)

    def passes(self, limit):
        environment = dict(os.environ, **self.environment, **ENVIRONMENT)
        began = time.monotonic()
        try:
            code = subprocess.run(self.command, cwd=self.folder, env=environment, timeout=limit,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
        self.seconds = time.monotonic() - began
        return code in (0, 77)


class Tree:
    """A copy of the sources with one build, used for one mutant after another."""

    def __init__(self, folder, rooms):
        self.folder = folder
        self.build = os.path.join(folder, 'build')
        copy_tree(folder)
        self.run('meson', 'setup', self.build, '-Doptimization=1', '-Ddebug=false',
                 '-Dwerror=false')
        tests = self.run('meson', 'introspect', '--tests', self.build)
        self.tests = [Test(entry, self.build) for entry in json.loads(tests)]
        self.tests = [test for test in self.tests if test.judges(rooms)]
        self.usual = {}

    def run(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Broken(f'{" ".join(command[:2])}: {(done.stdout + done.stderr)[-3000:]}')
        return done.stdout

    def make(self, tests):
        self.run('ninja', '-C', self.build, *sorted({need for test in tests for need in test.needs}))

    def baseline(self):
        """Without a mutant everything passes, or the rest means nothing."""
        self.make(self.tests)
        for test in self.tests:
            if not test.passes(test.most):
                print(f'{test.name} fails without any mutant; once more', flush=True)
                if not test.passes(test.most):
                    raise Broken(f'{test.name} fails twice without any mutant')
            self.usual[test.name] = test.seconds

    def groups(self, room):
        yield [test for test in self.tests if test.suite == 'unit' and test.room == room]
        for suite in SUITES:
            yield sorted((test for test in self.tests if test.suite == suite
                          and (suite != 'unit' or test.room in ABOVE[room])),
                         key=lambda test: self.usual[test.name])

    def first_failure(self, room):
        for group in self.groups(room):
            if group:
                self.make(group)
            for test in group:
                if not test.passes(LEAST_SECONDS + 10 * self.usual[test.name]):
                    return test.name
        return None

    def judge(self, mutant):
        path = os.path.join(self.folder, mutant.file)
        if not os.path.isfile(path):
            raise Broken(f'no file {mutant.file}')
        with open(path, encoding='utf-8') as file:
            text = file.read()
        mutated = mutant.mutate(text)
        try:
            self.write(path, mutated)
            return self.first_failure(mutant.room())
        finally:
            self.write(path, text)

    @staticmethod
    def write(path, text):
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)


def prepare(folder, usual):
    tree = Tree(folder, {mutant.room() for mutant in all_mutants()})
    if usual is None:
        tree.baseline()
    else:
        tree.make(tree.tests)
        tree.usual = usual
    return tree


def judge_all(mutants, trees):
    free = queue.Queue()
    for tree in trees:
        free.put(tree)
    counts = {'caught': 0, 'SURVIVED': 0, 'BROKEN': 0}
    printing = threading.Lock()

    def one(mutant):
        tree = free.get()
        began = time.monotonic()
        try:
            failed = tree.judge(mutant)
            result, detail = ('caught', f'by {failed}') if failed else ('SURVIVED', mutant.where)
        except Broken as why:
            result, detail = 'BROKEN', f'{mutant.where}: {why}'
        finally:
            free.put(tree)
        with printing:
            counts[result] += 1
            print(f'{result:8} {mutant.rule} [{detail}, {time.monotonic() - began:.1f} s]',
                  flush=True)

    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        list(pool.map(one, mutants))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--list', action='store_true')
    parser.add_argument('-k', metavar='WORD', default='')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    mutants = [mutant for mutant in all_mutants()
               if options.k.lower() in f'{mutant.rule} {mutant.file}'.lower()]
    if options.list:
        for mutant in mutants:
            print(f'{mutant.room()}: {mutant.rule}')
        return 0
    if not mutants:
        sys.exit('no such mutant')
    with tempfile.TemporaryDirectory(prefix='greyline-mutants-') as folder:
        try:
            trees = [prepare(os.path.join(folder, '0'), None)]
            with concurrent.futures.ThreadPoolExecutor() as pool:
                jobs = range(1, min(options.jobs, len(mutants)))
                trees += pool.map(
                    lambda n: prepare(os.path.join(folder, str(n)), trees[0].usual), jobs)
        except Broken as why:
            print(f'cannot begin: {why}')
            return 1
        print(f'{len(trees[0].tests)} tests, {len(mutants)} mutants', flush=True)
        counts = judge_all(mutants, trees)
    print(f'{counts["caught"]} caught, {counts["SURVIVED"]} survived, {counts["BROKEN"]} broken')
    return 0 if counts['caught'] == len(mutants) else 1


if __name__ == '__main__':
    sys.exit(main())
