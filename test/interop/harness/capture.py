"""A capture of one interface, and tshark's reading of it."""
import json
import os
import signal
import subprocess

from .process import wait_until

# A datagram of this content marks the end: what was sent before it is in the file once it is.
END = b'gl-it-end-of-capture'
DISCARD = 9


class Capture:
    """tcpdump on an interface of a namespace. `packets` are not filtered."""

    def __init__(self, lab, namespace, interface, name='capture'):
        self.namespace, self.interface = namespace, interface
        self.path = lab.file(f'{name}.pcap')
        self.process = namespace.start(
            'tcpdump', '-i', interface, '-U', '-s', '4096', '-B', '16384', '--immediate-mode',
            '-Z', 'root', '-w', self.path, name=f'tcpdump {name}')
        self.process.wait_for(r'listening on ')

    def stop(self):
        """Ends the capture behind everything seen so far; returns its file's path."""
        if self.process.running():
            self.namespace.broadcast(self.interface, END.decode(), DISCARD)
            wait_until(lambda: END in self.bytes(), 10, 'the capture has come to its end')
            self.process.stop(signal.SIGINT)
        return self.path

    def bytes(self):
        if not os.path.exists(self.path):
            return b''
        with open(self.path, 'rb') as file:
            return file.read()


def tshark(path, display='', *fields):
    """One list of values for each packet that `display` selects."""
    command = ['tshark', '-n', '-r', path, '-Y', display, '-T', 'fields']
    for field in fields:
        command += ['-e', field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f'tshark cannot read {path}: {done.stderr}')
    return [line.split('\t') for line in done.stdout.splitlines()]


def decode(path, display=''):
    """Each selected packet's layers, as tshark's JSON has them."""
    done = subprocess.run(['tshark', '-n', '-r', path, '-Y', display, '-T', 'json'],
                          capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f'tshark cannot read {path}: {done.stderr}')
    return [packet['_source']['layers'] for packet in json.loads(done.stdout or '[]')]
