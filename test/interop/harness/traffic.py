"""Data through a tunnel, compared byte by byte with what was sent."""
import contextlib
import hashlib
import re
import signal
import socket
import threading

from .process import wait_until

ECHO_PORT = 7


def ping(host, address, count=3, size=56, interval=0.05, options=()):
    """From a namespace or a guest; each of the first `count` must be answered, however late: with
    -w a reply may take all of that time, without it one interval after the last request."""
    done = host.run('ping', '-n', '-c', count, '-w', '10', '-i', interval, '-s', size,
                    *options, address, check=False, timeout=30)
    said = done[1] if isinstance(done, tuple) else done.stdout + done.stderr
    answered = {int(seq) for seq in re.findall(r'icmp_seq=(\d+) ttl=', said)}
    assert answered >= set(range(1, count + 1)), f'{host.name} pings {address}:\n{said}'


def reachable(namespace, address):
    """Waits for a first answer: another program's end may be up a moment after ours."""
    wait_until(lambda: namespace.run('ping', '-n', '-c', '1', '-W', '1', address,
                                     check=False).returncode == 0, 10,
               f'{namespace.name} reaches {address}')


def pattern(length, seed=b'greyline'):
    """Bytes without a period, the same for the same seed."""
    out = bytearray()
    block = hashlib.sha256(seed).digest()
    while len(out) < length:
        out += hashlib.shake_128(block).digest(min(65536, length - len(out)))
        block = hashlib.sha256(block).digest()
    return bytes(out)


@contextlib.contextmanager
def echo_server(namespace, address='0.0.0.0', port=ECHO_PORT):
    """A TCP echo service in a namespace or a guest."""
    if not hasattr(namespace, 'entered'):
        process = namespace.start('socat', f'TCP-LISTEN:{port},reuseaddr,fork', 'EXEC:cat')
        namespace.listening(port)
        yield
        process.stop()
        return
    with namespace.entered():
        listener = socket.create_server(
            (address, port), backlog=128,
            family=socket.AF_INET6 if ':' in address else socket.AF_INET)

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            while True:
                data = connection.recv(65536)
                if not data:
                    return
                connection.sendall(data)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def transfer(namespace, address, length=1_000_000, port=ECHO_PORT, seed=b'greyline', timeout=30,
             data=None):
    """Sends a pattern, or `data`, to an echo service and compares what comes back. A guest sends
    something of its own."""
    if not hasattr(namespace, 'entered'):
        namespace.transfer(address, length, port, timeout)
        return
    with namespace.entered():
        connection = socket.create_connection((address, port), timeout)
    data = pattern(length, seed) if data is None else data
    length = len(data)
    with connection:
        connection.settimeout(timeout)
        sender = threading.Thread(target=_send, args=(connection, data), daemon=True)
        sender.start()
        back = bytearray()
        while len(back) < length:
            more = connection.recv(65536)
            if not more:
                break
            back += more
        sender.join(timeout)
    assert len(back) == length, f'{len(back)} of {length} bytes came back'
    assert bytes(back) == data, 'what came back is not what was sent'


def _send(connection, data):
    with contextlib.suppress(OSError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)


class Steady:
    """A ping that goes on while something else happens; `stop` fails if one was lost."""

    def __init__(self, namespace, address, interval=0.05):
        self.process = namespace.start('ping', '-n', '-i', str(interval), '-W', '3', address)
        self.process.wait_for(r'bytes from')

    def stop(self):
        """Stops behind at least one more answer, so that what happened before is covered."""
        mark = self.process.mark()
        self.process.wait_for(r'bytes from', 5, mark)
        self.process.stop(signal.SIGINT)
        sent, received = map(int, self.process.find(
            r'(\d+) packets transmitted, (\d+) received').groups())
        assert sent - received <= 1, f'{sent - received} of {sent} pings lost:\n' + \
            self.process.tail()  # one may be on its way when the ping is stopped
