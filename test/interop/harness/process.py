"""A child process whose output is watched as it comes.

Nothing here sleeps to let something happen: a test waits for a line, an exit or a condition, each
with a bound, and a bound that passes shows what the process had said.
"""

import os
import re
import signal
import subprocess
import threading
import time


class Timeout(AssertionError):
    """Something that had to happen did not, in time."""


def wait_until(condition, timeout=10, what=None, every=0.02):
    """Polls a condition of the kernel or of a file that cannot be waited for; returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout(f'not within {timeout} s: {what or condition.__name__}')
        time.sleep(every)


class Output:
    """The lines a program has written so far, and waiting for those that are to come."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        self._changed = threading.Condition()
        self._open = True

    def take(self, lines):
        with self._changed:
            self.lines += lines
            self._changed.notify_all()

    def end(self):
        with self._changed:
            self._open = False
            self._changed.notify_all()

    @property
    def text(self):
        with self._changed:
            return '\n'.join(self.lines)

    def mark(self):
        """A place in the output, for `wait_for(..., after=mark)`."""
        with self._changed:
            return len(self.lines)

    def find(self, pattern, after=0):
        """The first match in the output so far, or None."""
        with self._changed:
            for line in self.lines[after:]:
                match = re.search(pattern, line)
                if match:
                    return match
        return None

    def find_all(self, pattern, after=0):
        with self._changed:
            found = (re.search(pattern, line) for line in self.lines[after:])
            return [match for match in found if match]

    def wait_for(self, pattern, timeout=10, after=0):
        """Waits for a line that matches; fails at once when the output ends without one."""
        end = time.monotonic() + timeout
        seen = after
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    match = re.search(pattern, line)
                    if match:
                        return match
                seen = len(self.lines)
                left = end - time.monotonic()
                if not self._open or left <= 0:
                    break
                self._changed.wait(left)
            why = f'within {timeout} s' if self._open else 'before its output ended'
            raise Timeout(f'{self.name}: no line matches {pattern!r} {why}:\n' + self.tail())

    def tail(self, count=40):
        return '\n'.join(f'    {line}' for line in self.lines[-count:])

    def stop(self, number=signal.SIGTERM, timeout=10):
        """Signals it, if it still runs, and waits for its end."""
        if self.running():
            try:
                self.kill(number)
            except ProcessLookupError:
                pass
        return self.wait(timeout)


class Process(Output):
    """Started with output and error in one stream; a thread collects its lines."""

    def __init__(self, name, popen, forks=False):
        super().__init__(name)
        self.popen = popen
        self.forks = forks  # what we started forks the program proper and waits for it
        # A function that is shown each line, which it returns or keeps, and None at the end.
        self.divert = None
        self._reader = threading.Thread(target=self._read, name=f'read {name}', daemon=True)
        self._reader.start()

    def _read(self):
        stream = self.popen.stdout.fileno()
        rest = b''
        while True:
            try:
                chunk = os.read(stream, 65536)
            except OSError:  # a terminal whose other side is gone
                chunk = b''
            *whole, rest = (rest + chunk).split(b'\n')
            if not chunk and rest:
                whole.append(rest)
            lines = [line.decode(errors='replace').rstrip('\r') for line in whole]
            if self.divert:
                lines = [line for line in map(self.divert, lines) if line is not None]
            self.take(lines)
            if not chunk:
                self.end()
                if self.divert:
                    self.divert(None)
                return

    @property
    def pid(self):
        """Of the program proper, as the host sees it."""
        if not self.forks:
            return self.popen.pid
        path = f'/proc/{self.popen.pid}/task/{self.popen.pid}/children'

        def child():
            try:
                with open(path, encoding='ascii') as children:
                    return children.read().split()
            except FileNotFoundError:
                return None

        return int(wait_until(child, 2, f'{self.name} has started')[0])

    def code(self):
        """Its exit code, or None while it runs."""
        return self.popen.poll()

    def running(self):
        return self.code() is None

    def kill(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=10):
        """Its exit code; negative: the signal that ended it."""
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Timeout(f'{self.name} has not ended in {timeout} s:\n{self.tail()}') from None
        self._reader.join(2)
        return code

    def write(self, text):
        self.popen.stdin.write(text.encode())
        self.popen.stdin.flush()
