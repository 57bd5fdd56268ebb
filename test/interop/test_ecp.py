"""ECP between two of ours, with tshark as the judge of the frames and Python's idea of DES (OpenSSL) as
the judge of what is in them: no other program at hand speaks it."""
import re
import subprocess

import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server
from harness.traffic import echo_server, ping, transfer

KEYS = {'DESE-bis': '0123456789abcdef', '3DESE': '0123456789abcdef fedcba9876543210 89abcdef01234567'}
NAMES = {'DESE-bis': 'ecp-dese-bis', '3DESE': 'ecp-3dese'}
ECP, HIDDEN = '0x8053', '0x0053'


def key_file(lab, name, key):
    path = lab.file(name)
    with open(path, 'w', encoding='ascii') as out:
        out.write(key + '\n')
    subprocess.run(['chmod', '600', path], check=True)
    return path


def openssl(cipher, key, iv, data, *more):
    command = ['openssl', 'enc', '-' + cipher, '-nopad', '-provider', 'legacy', '-provider', 'default',
               '-K', key, *more]
    return subprocess.run(command + (['-iv', iv.hex()] if iv else []), input=data, check=True,
                          capture_output=True).stdout


def hidden_packets(path, source, method, nonce):
    """What the packets of one end hide, read with the key and the other end's nonce."""
    key = KEYS[method].replace(' ', '')
    mode = 'des-cbc' if method == 'DESE-bis' else 'des-ede3-cbc'
    chain = openssl(mode.replace('-cbc', '-ecb' if method == 'DESE-bis' else ''), key, None, nonce)
    for row in tshark(path, f'gre && ppp.protocol == {HIDDEN} && ip.src == {source}',
                      'gre.sequence_number', 'data.data'):
        packet = bytes.fromhex(row[1].split(',')[0].replace(':', ''))
        cipher = packet[2:]
        clear = openssl(mode, key, chain, cipher, '-d')
        chain = cipher[-8:]
        if 1 <= clear[-1] <= 8:
            clear = clear[:-clear[-1]]
        yield int.from_bytes(packet[:2], 'big'), clear


@pytest.mark.needs('tcpdump', 'tshark', 'openssl')
@pytest.mark.parametrize('method', KEYS)
def test_all_is_hidden(lab, program, method):
    server, client = lab.pair()
    option = ['--ecp-key-file', key_file(lab, 'key', KEYS[method])]
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, *option)
    dialer = Client(lab, client, program, *option)
    local, _ = dialer.up()
    ping(client, GATEWAY, options=('-p', b'marker-in-clear!'.hex()))
    with echo_server(server):
        transfer(client, GATEWAY, 300_000)
    [session] = ours.sessions()
    assert session['comp'] == NAMES[method]
    assert dialer.process.find(f'{method} encryption enabled')
    path = capture.stop()
    assert not tshark(path, '_ws.malformed', 'frame.number', '_ws.col.Info')
    data = {int(row[0].split(',')[0], 0) for row in tshark(path, 'gre && ppp.protocol', 'ppp.protocol')}
    assert {number for number in data if number < 0x4000} == {0x53}
    assert tshark(path, f'ppp.protocol == {ECP}', 'frame.number')
    printed = server.run(program, 'dump', path).stdout
    requests = re.findall(r'ECP Configure-Ack id \d+ \S+ ([0-9a-f]{16})', printed)
    assert len(requests) >= 2 and b'marker-in-clear!' not in capture.bytes()
    # The server acknowledged what the client said it wants to receive by, and the server sends so.
    for nonce in requests:
        hidden = list(hidden_packets(path, '10.7.0.1', method, bytes.fromhex(nonce)))
        if all(clear[:3] in (b'\x00\x21\x45', b'\x00\x57\x60') for _, clear in hidden):
            break
    else:
        pytest.fail('OpenSSL reads nothing of what the server sent')
    assert [number for number, _ in hidden] == list(range(len(hidden)))
    assert any(b'marker-in-clear!' in clear for _, clear in hidden)


def test_another_key_is_said_so(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--ecp-key-file', key_file(lab, 'one', KEYS['DESE-bis']))
    dialer = Client(lab, client, program, '--ecp-key-file', key_file(lab, 'two', '1122334455667788'))
    dialer.up()
    client.run('ping', '-c', '40', '-i', '0.1', '-W', '1', GATEWAY, check=False)
    dialer.wait_for(r'Connection terminated', 20)
    assert ours.process.find('reason=ecp-keys') or dialer.process.find('reason=ecp-keys')


def test_no_key_at_one_end(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    dialer = Client(lab, client, program, '--ecp-key-file', key_file(lab, 'key', KEYS['3DESE']))
    dialer.wait_for(r'ECP required but not available: the peer does not know ECP', 20)
    dialer.wait_for(r'reason=ecp-refused', 20)
