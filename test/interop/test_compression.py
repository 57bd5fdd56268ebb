"""Our client and our server with a compressor between them: which one, and that data pass."""
import pytest

from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, transfer

METHODS = [
    ('mppe-128+mppc', ['--mppc']),
    ('mppc', ['--no-mppe', '--mppc']),
    ('deflate', ['--no-mppe', '--deflate', '15']),
    ('bsdcomp', ['--no-mppe', '--bsdcomp', '12,15']),
    ('predictor1', ['--no-mppe', '--predictor1']),
]


@pytest.mark.parametrize('method, options', METHODS, ids=[row[0] for row in METHODS])
def test_a_compressor_each_way(lab, program, method, options):
    server, client = lab.pair()
    ours = Server(lab, server, program, *options)
    Client(lab, client, program, *options).up()
    with echo_server(server):
        transfer(client, GATEWAY, 300_000)
    session, = ours.sessions()
    assert session['comp'] == method
    assert not [word for word in session['drops'] if word.startswith('codec')]

    def counted():
        both = ours.sessions()[0]['compression']
        return all(both[way]['plain-bytes'] > 300_000 for way in ('rx', 'tx'))
    wait_until(counted, what='what the compressors did')
