"""Incoming calls: a PAC whose line rings offers a PNS a call (RFC 2637 §2.9 to §2.11).

Ours against ours, with tshark as the judge; then our server against a PAC and our client against a
PNS that scapy plays, in the right order and in wrong ones.
"""
import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

SERVER, PAC = '10.7.0.1', '10.7.0.2'
REQUEST, REPLY, CONNECTED, CLEAR, DISCONNECT, LINK_INFO = 9, 10, 11, 12, 13, 15


@pytest.mark.needs('tshark', 'tcpdump')
@pytest.mark.parametrize('ended_by', ['client', 'server'])
def test_a_tunnel_over_an_incoming_call(lab, program, ended_by):
    server, client = lab.pair()
    capture = Capture(lab, server, 'outer')
    ours = Server(lab, server, program, '--incoming-calls')
    dialer = Client(lab, client, program, '--as-pac')
    local, _ = dialer.up()
    ours.wait_for(r'Incoming call from="" to="" peer=10\.7\.0\.2')
    ping(client, GATEWAY)
    ping(server, local)
    with echo_server(server):
        transfer(client, GATEWAY, 100_000)
    session, = ours.sessions()
    assert session['role'] == 'PNS' and session['line-errors'] == {}
    if ended_by == 'client':
        dialer.stop()
        wait_until(lambda: not ours.sessions(), 5, 'the session is over')
        ours.stop()
    else:
        ours.stop()
        dialer.wait(10)
    path = capture.stop()
    assert tshark(path, '_ws.malformed', 'frame.number', '_ws.col.Info') == []
    assert tshark(path, 'pptp && _ws.expert.severity == error', 'frame.number') == []
    said = [(row[0], int(kind, 0)) for row in
            tshark(path, 'pptp', 'ip.src', 'pptp.control_message_type')
            for kind in row[1].split(',')]
    calls = [item for item in said if 7 <= item[1] <= 11]
    assert calls == [('10.7.0.2', REQUEST), (SERVER, REPLY), ('10.7.0.2', CONNECTED)]
    assert (SERVER, LINK_INFO) in said and ('10.7.0.2', LINK_INFO) not in said
    # The PAC notifies; the PNS clears.
    assert ('10.7.0.2', DISCONNECT) in said and (SERVER, DISCONNECT) not in said
    assert ('10.7.0.2', CLEAR) not in said
    # Both Call IDs are those of the three messages.
    ids = {int(row[0], 0) for row in tshark(path, 'gre', 'gre.key.call_id') if row[0]}
    asked, = tshark(path, f'pptp.control_message_type == {REQUEST}', 'pptp.call_id')
    answered, = tshark(path, f'pptp.control_message_type == {REPLY}', 'pptp.call_id')
    assert ids == {int(asked[0], 0), int(answered[0], 0)}


def test_both_kinds_in_one_server(lab, program):
    server, ringing, asking = lab.lan('server', 'ringing', 'asking')
    ours = Server(lab, server, program, '--incoming-calls')
    clients = [Client(lab, ringing, program, '--as-pac'), Client(lab, asking, program)]
    for client, host in zip(clients, (ringing, asking)):
        client.up()
        ping(host, GATEWAY)
    assert sorted(session['role'] for session in ours.sessions()) == ['PAC', 'PNS']
    assert 'as PNS' in ours.command('status').stdout


def test_refused_unless_wanted(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program, '--as-pac')
    assert dialer.wait() == 8
    assert dialer.process.find(r'the peer refused the call: result 3 \(do not accept\)')
    assert ours.process.find(r'incoming calls are not accepted')
    # As clients do, all the same.
    Client(lab, client, program).up()


@pytest.mark.needs(modules=['scapy'])
def test_a_foreign_pac(lab, program):
    from harness import wire
    server, host = lab.pair()
    ours = Server(lab, server, program, '--incoming-calls')
    with wire.Talker(host, SERVER) as talker:
        talker.start()
        local_id = talker.ring(0x4711)
        ours.wait_for(r'Incoming call from="777" to="5551"')
        frame = talker.receive_gre()  # the PNS's Configure-Request, for the PAC's Call ID
        assert frame[:2] in (b'\x30\x01', b'\x30\x81') and frame[6:8] == b'\x47\x11'
        talker.gre(wire.gre(local_id, wire.lcp_request(), sequence=0))
        ours.wait_for(r'<- .*LCP Configure-Request|LCP Configure-Request')
        talker.send(wire.line_errors(local_id, 3) + wire.line_errors(local_id, 3))
        ours.wait_for(r"the peer's line reports errors: CRC 3")
        session, = ours.sessions()
        assert session['line-errors']['crc'] == 3
        assert 'line errors: crc 3' in ours.command('status').stdout
        assert len(ours.process.find_all(r"line reports errors")) == 1
        talker.send(wire.disconnect_notify(0x4711))
        wait_until(lambda: not ours.sessions(), 5, 'the session is over')


@pytest.mark.needs(modules=['scapy'])
def test_a_foreign_pac_in_a_bad_order(lab, program):
    from harness import wire
    server, host, good = lab.lan('server', 'bad', 'good')
    ours = Server(lab, server, program, '--incoming-calls', '--control-timeout', '1')
    client = Client(lab, good, program, '--as-pac')
    client.up()

    def kinds(talker, count):
        return [talker.receive().ctrl_msg_type for _ in range(count)]

    with wire.Talker(host, SERVER) as talker:  # before the connection is started
        talker.send(wire.ring(1))
        assert talker.receive().result_code == 2
    with wire.Talker(host, SERVER) as talker:
        talker.start()
        # Replies and Connected for no call, then a call offered twice and withdrawn.
        talker.send(wire.ring_connected(9) + wire.ring_answer(9, 9) + wire.ring(1) + wire.ring(1))
        replies = [talker.receive() for _ in range(2)]
        assert sorted(reply.result_code for reply in replies) == [1, 2]
        talker.send(wire.disconnect_notify(1))
        wait_until(lambda: len(ours.sessions()) == 1, 5, 'the call is withdrawn')
        # Connected twice, an Outgoing-Call-Reply in between; the call stays.
        local_id = talker.ring(2)
        talker.send(wire.ring_connected(local_id) + wire.ring_answer(2, local_id))
        talker.send(wire.echo_request(5))
        while (message := talker.receive()).ctrl_msg_type != 6:
            assert message.ctrl_msg_type != DISCONNECT
        assert len(ours.sessions()) == 2
        assert ours.drops()['control-state'] >= 2 and ours.drops()['control-call'] >= 2
    with wire.Talker(host, SERVER) as talker:  # never connected: cleared in time
        talker.start()
        talker.send(wire.ring(3))
        assert kinds(talker, 2) == [REPLY, CLEAR]
        talker.send(wire.disconnect_notify(3))
        wait_until(lambda: len(ours.sessions()) == 1, 5, 'only the good session is left')
    ping(good, GATEWAY)
    assert client.process.running() and ours.process.running()


@pytest.mark.needs(modules=['scapy'])
@pytest.mark.parametrize('answer', ['accepts', 'refuses', 'says nothing', 'in a bad order'])
def test_a_foreign_pns(lab, program, answer):
    from harness import wire
    server, host = lab.pair()
    with wire.Answerer(server, SERVER) as pns:
        dialer = Client(lab, host, program, '--as-pac', '--control-timeout', '1')
        pns.answer()
        ring = pns.receive()
        assert ring.ctrl_msg_type == REQUEST
        if answer == 'refuses':
            pns.send(wire.ring_answer(0, ring.call_id, result=3))
            assert dialer.wait() == 8
            return
        if answer == 'says nothing':
            notify = pns.receive()
            assert notify.ctrl_msg_type == DISCONNECT and notify.call_id == ring.call_id
            pns.close()
            dialer.wait()
            return
        if answer == 'in a bad order':  # Connected is not the PNS's to say, nor is the call outgoing
            pns.send(wire.ring_connected(ring.call_id) + wire.ring_answer(7, ring.call_id ^ 1)
                     + wire.call_request(5))
            refusal = pns.receive()
            assert refusal.ctrl_msg_type == 8 and refusal.result_code == 7
        pns.send(wire.ring_answer(0x1234, ring.call_id))
        connected = pns.receive()
        assert connected.ctrl_msg_type == CONNECTED and connected.peer_call_id == 0x1234
        frame = pns.receive_gre()
        assert frame[6:8] == b'\x12\x34'
        pns.send(wire.clear_request(0x1234))
        notify = pns.receive()
        assert notify.ctrl_msg_type == DISCONNECT and notify.call_id == ring.call_id
        dialer.wait()


@pytest.mark.needs(modules=['scapy'])
def test_a_pac_that_is_called(lab, program):
    """The PNS opens the control connection, the PAC rings; what ends is dialled again."""
    from harness import wire
    server, host = lab.pair()
    with wire.Answerer(host, PAC) as pac:
        ours = Server(lab, server, program, '--connect', PAC)
        pac.answer()
        pac.ring(0x4711)
        assert pac.receive_gre()[6:8] == b'\x47\x11'
        session, = ours.sessions()
        assert session['role'] == 'PNS'
        pac.tcp.close()
        wait_until(lambda: not ours.sessions(), 5, 'the session is over')
        pac.rest = b''
        pac.answer(timeout=15)
        pac.ring(0x4712)
    assert ours.stop() == 0


@pytest.mark.needs(modules=['scapy'])
@pytest.mark.parametrize('higher', [False, True], ids=['we are lower', 'we are higher'])
def test_both_open_at_once(lab, program, higher):
    """The connection that the higher address opened stays (RFC 2637 §3.1.3)."""
    from harness import wire
    left, right = lab.pair()  # 10.7.0.1 and .2
    (server, ours_at), (host, theirs_at) = ((left, SERVER), (right, PAC))[::-1 if higher else 1]
    with wire.Answerer(host, theirs_at) as called:
        ours = Server(lab, server, program, '--connect', theirs_at, listen=ours_at)
        called.take()  # its Start-Control-Connection-Request is not answered
        with wire.Talker(host, ours_at) as caller:
            if higher:
                caller.closed()
                called.reply()
                called.ring(0x4711)
            else:
                caller.start()
                called.closed()
                caller.ring(0x4711)
            assert len(ours.sessions()) == 1
    assert ours.process.find(r'the connection (we|it) opened stays').group(1) == (
        'we' if higher else 'it')


def test_a_pac_that_is_not_there(lab, program):
    server, _ = lab.pair()
    ours = Server(lab, server, program, '--connect', PAC)
    ours.wait_for(r'No connection to PAC 10\.7\.0\.2 port 1723: .* reason=tcp-failed')
    assert ours.process.running()
    assert ours.stop() == 0


def test_the_server_calls_a_client_that_listens(lab, program):
    """Either side may open the connection (3.1): here the PAC does, and the PNS asks for the call."""
    server, client = lab.pair()
    ours = Server(lab, server, program, '--connect', PAC, '--lcp-echo-interval', '5')
    waits = Client(lab, client, program, '--listen', '0.0.0.0', '--persist', '--holdoff', '0',
                   '--no-ipv6')
    waits.wait_for(r'Listening on 0\.0\.0\.0')
    waits.wait_for(rf'Waiting for {SERVER} to connect')
    local, _ = waits.up(30)
    ping(client, GATEWAY)
    ping(server, local)
    session, = ours.sessions()
    assert session['role'] == 'PAC'
    assert waits.process.find(rf'Control connection from {SERVER.replace(".", "[.]")}')
    said = waits.process.text
    assert 'rcvd PPTP Start-Control-Connection-Request' in said
    assert 'sent PPTP Outgoing-Call-Request' in said
    # What ends is waited for again.
    mark = waits.process.mark()
    ours.command('terminate', '--all')
    waits.wait_for(rf'Waiting for {SERVER} to connect', 20, mark)
    assert waits.up(40, mark)[1] == GATEWAY
    ping(client, GATEWAY)
    assert waits.stop() in (0, 5)


def test_a_client_that_listens_expects_one_host(lab, program):
    server, client, stranger = lab.lan('server', 'client', 'stranger')
    waits = Client(lab, client, program, '--listen', '0.0.0.0')
    waits.wait_for(rf'Waiting for {SERVER} to connect')
    stranger.run('bash', '-c', 'exec 3<>/dev/tcp/10.7.0.2/1723; cat <&3', check=False)
    waits.wait_for(r'Control connection from 10\.7\.0\.3 refused: another host is expected')
    assert server.commands() == []
    named = Client(lab, client, program, '--listen', '0.0.0.0:1724', server='localhost')
    assert named.wait() == 2
    assert named.process.find('is to be given by its address')
    assert waits.stop() in (0, 5)
