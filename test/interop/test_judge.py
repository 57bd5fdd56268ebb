"""tshark as the judge of what we put on the wire, and of the capture files we write."""
import json
import os

import pytest

from harness.capture import Capture, decode, tshark
from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

pytestmark = pytest.mark.needs('tshark', 'tcpdump')
MARKER = b'marker-in-clear!'  # 16 bytes: what `ping -p` takes


def a_tunnel_with_everything(lab, program, *options, ended_by='client'):
    """One life of a tunnel with every kind of message we send; returns its capture."""
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, '--control-echo-interval', '1', '--lcp-echo-interval',
                  '1', *options)
    dialer = Client(lab, client, program, '--control-echo-interval', '1', '--lcp-echo-interval',
                    '1', *options)
    local, _ = dialer.up()
    ping(client, GATEWAY, options=('-p', MARKER.hex()))
    ping(server, local, options=('-p', MARKER.hex()))
    with echo_server(server):
        transfer(client, GATEWAY, 100_000, seed=MARKER)
    for process in (ours.process, dialer.process):
        process.wait_for(r'Echo-Reply')
    if ended_by == 'client':
        dialer.stop()
        ours.stop()
    else:
        ours.stop()
        dialer.wait(10)
    capture.stop()
    return capture


@pytest.mark.parametrize('ended_by', ['client', 'server'])
def test_every_message_decodes(lab, program, ended_by):
    path = a_tunnel_with_everything(lab, program, ended_by=ended_by).path
    assert tshark(path, '_ws.malformed', 'frame.number', '_ws.col.Info') == []
    errors = tshark(path, 'pptp && _ws.expert.severity == error', 'frame.number', '_ws.col.Info')
    assert errors == []
    kinds = {int(kind, 0) for row in tshark(path, 'pptp', 'pptp.control_message_type') for kind in
             row[0].split(',')}
    # SCCRQ, SCCRP, StopCCRQ, StopCCRP, Echo, OCRQ, OCRP, Call-Disconnect-Notify; Call-Clear
    assert {1, 2, 3, 4, 5, 6, 7, 8, 13, 15} <= kinds, kinds
    assert ended_by == 'server' or 12 in kinds, kinds
    for layers in decode(path, 'pptp.control_message_type <= 2'):
        fields = json.dumps(layers['pptp'])
        assert 'greyline' in fields.lower()
    for row in tshark(path, 'ppp', 'ppp.protocol', 'ip.proto'):
        assert int(row[0].split(',')[0], 0) in \
            (0xc021, 0xc223, 0x80fd, 0x8021, 0x8057, 0xfd), row


def test_what_leaves_is_encrypted(lab, program):
    capture = a_tunnel_with_everything(lab, program)
    protocols = {int(row[0].split(',')[0], 0)
                 for row in tshark(capture.path, 'gre && ppp.protocol', 'ppp.protocol')}
    assert {number for number in protocols if number < 0x4000} == {0xfd}
    assert MARKER not in capture.bytes()


def test_the_search_would_find_what_is_not(lab, program):
    capture = a_tunnel_with_everything(lab, program, '--no-mppe')
    protocols = {int(row[0].split(',')[0], 0)
                 for row in tshark(capture.path, 'gre && ppp.protocol', 'ppp.protocol')}
    assert {number for number in protocols if number < 0x4000} == {0x21}
    assert MARKER in capture.bytes()
    assert tshark(capture.path, '_ws.malformed', 'frame.number', '_ws.col.Info') == []


def captured(lab, host, program, client, *options, name):
    """A pcapng that `greyline capture` wrote while three pings passed."""
    path = lab.file(f'{name}.pcapng')
    capture = host.start(program, 'capture', *options, '--output', path, name=f'capture {name}')
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 5,
               'the capture has begun')
    ping(client, GATEWAY, 3, options=('-p', MARKER.hex()))
    shown = 'icmp.type == 0' if '--inner' in options else 'gre && ip.src == 10.7.0.1'

    def answers():
        done = host.run('tshark', '-n', '-r', path, '-Y', shown, check=False)
        return done.stdout.count('\n') >= 3

    wait_until(answers, 10, 'three answers are in the capture')
    assert capture.stop() == 0
    assert tshark(path, '_ws.malformed', 'frame.number') == []
    return path


@pytest.mark.parametrize('side', ['server', 'client'])
def test_greyline_capture_is_read_by_tshark(lab, program, side):
    server, client = lab.pair()
    Server(lab, server, program)
    dialer = Client(lab, client, program)
    local, _ = dialer.up()
    host = server if side == 'server' else client

    outer = captured(lab, host, program, client, '--all', name='outer')
    rows = tshark(outer, 'gre', 'ip.src', 'ip.dst', 'ppp.protocol')
    assert any(row[2].startswith('0x00fd') for row in rows), rows
    assert {row[0] for row in rows} == {'10.7.0.1', '10.7.0.2'}
    with open(outer, 'rb') as file:
        assert MARKER not in file.read()

    chosen = ['--username', USER] if side == 'server' else ['--all']
    inner = captured(lab, host, program, client, '--inner', *chosen, name='inner')
    seen = tshark(inner, 'icmp', 'ip.src', 'ip.dst', 'icmp.type')
    assert [local, GATEWAY, '8'] in seen and [GATEWAY, local, '0'] in seen
    with open(inner, 'rb') as file:
        assert MARKER in file.read()


def test_greyline_dump_reads_a_foreign_capture(lab, program):
    capture = a_tunnel_with_everything(lab, program)
    lines = capture.namespace.run(program, 'dump', capture.path).stdout.splitlines()
    for name, kind in (('Start-Control-Connection-Request', 1),
                       ('Start-Control-Connection-Reply', 2),
                       ('Stop-Control-Connection-Request', 3), ('Echo-Request', 5),
                       ('Outgoing-Call-Request', 7), ('Outgoing-Call-Reply', 8),
                       ('Call-Disconnect-Notify', 13)):
        sent = sum(row[0].split(',').count(str(kind))
                   for row in tshark(capture.path, 'pptp', 'pptp.control_message_type'))
        said = sum(name in line and 'LCP' not in line for line in lines)
        assert said == sent, f'{name}: {sent} in the capture, {said} in the dump'
    frames = len(tshark(capture.path, 'ppp.protocol == 0xc021', 'frame.number'))
    assert sum('LCP' in line for line in lines) == frames
    text = '\n'.join(lines)
    assert USER in text and PASSWORD not in text
    assert '10.7.0.1' in text and '10.7.0.2' in text


@pytest.mark.needs('nmap')
def test_nmap_knows_us_as_a_pptp_server(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    said = client.run('nmap', '-n', '-Pn', '-p', '1723', '-sV', '--script', 'pptp-version',
                      '10.7.0.1', timeout=90).stdout
    assert '1723/tcp open  pptp' in said
    assert 'greyline' in said.lower(), said
