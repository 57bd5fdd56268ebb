"""Fixtures of the interop tests, what a machine lacks, and what a failure shows.

The tests need root (namespaces, raw sockets) and the packages of `tools/install-packages test`.
What is lacking skips a test with its reason. With CI=true a skip is a failure unless its reason
is in ALLOWED_SKIPS, so that a peer does not drop out of CI unnoticed.

GREYLINE_BUILD: the build directory (default: build); GREYLINE_CACHE: see harness/cache.py. What
the programs of a failed test said is kept in interop-logs in the build directory.
"""
import importlib.util
import os
import re
import shutil
import signal

import pytest

from harness import cache
from harness.namespace import Lab, clear_dead

ALLOWED_SKIPS = ()
TEST_SECONDS = 180  # of one test, whatever it waits for
CRASHES = {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE,
           -signal.SIGSYS}


def need(*programs, modules=(), files=()):
    """Skips the test that lacks one of these, and says what."""
    if os.geteuid() != 0:
        pytest.skip('needs root')
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f'needs the program {program}')
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f'needs the Python module {module}')
    for file in files:
        if not os.path.exists(file):
            pytest.skip(f'needs {file}')


def pytest_collection_modifyitems(items):
    """`@pytest.mark.needs('program', modules=, files=)` is looked at before anything is made."""
    for item in items:
        item.fixturenames.insert(0, '_needs')


def pytest_sessionstart():
    clear_dead()


def pytest_configure(config):
    config.addinivalue_line('markers', 'needs(*programs, modules=(), files=()): skip without')


@pytest.fixture
def _needs(request):
    need('unshare', 'nsenter', 'ip')
    for mark in request.node.iter_markers('needs'):
        need(*mark.args, **mark.kwargs)


@pytest.fixture(autouse=True)
def _bounded():
    """A test that hangs fails with the stack it hangs in, and its namespaces are taken down."""
    def expired(*_):
        raise TimeoutError(f'the test has not ended in {TEST_SECONDS} s')

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def lab(_needs, request):
    """Namespaces and what runs in them, gone when the test is over."""
    with Lab() as made:
        request.node.lab = made
        yield made
        for process in made.processes():
            # An assertion of ours, a sanitizer's report, or the signals of a crash.
            report = process.find(r'Assertion .* failed|runtime error:|: \w+Sanitizer: ')
            assert not report, f'{process.name}: {report.string}'
            assert process.code() not in CRASHES, f'{process.name} crashed'


@pytest.fixture(scope='session')
def program():
    """The program under test."""
    path = os.path.join(cache.BUILD, 'greyline')
    if not os.path.exists(path):
        pytest.fail(f'{path} does not exist: build it first', pytrace=False)
    return path


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.skipped and os.environ.get('CI') == 'true':
        reason = str(report.longrepr[2]).removeprefix('Skipped: ')
        if reason not in ALLOWED_SKIPS:
            report.outcome = 'failed'
            report.longrepr = f'skipped, which is not allowed in CI: {reason}'
    if report.failed and hasattr(item, 'lab'):
        folder = os.path.join(cache.BUILD, 'interop-logs', re.sub(r'[^\w.-]+', '-', item.name))
        os.makedirs(folder, exist_ok=True)
        for at, process in enumerate(item.lab.processes()):
            report.sections.append((f'the last lines of {process.name}', process.tail(60)))
            name = re.sub(r'[^\w.-]+', '-', f'{at:03} {process.name}')
            with open(os.path.join(folder, f'{name}.log'), 'w', encoding='utf-8') as log:
                log.write(process.text + '\n')
        report.sections.append(('everything they said', folder))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    count = {kind: len(terminalreporter.stats.get(kind, ()))
             for kind in ('passed', 'failed', 'error', 'skipped')}
    terminalreporter.write_line(f'{count["passed"]} passed, {count["failed"] + count["error"]} '
                                f'failed, {count["skipped"]} skipped')
