"""What a hostile or broken peer sends, while a good one keeps passing data.

Each case ends with the same three questions: is the bad packet counted under its own name, does
the good session still pass every ping, and does the server still take new ones.
"""
import contextlib
import socket
import struct
import time

import pytest

from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import Steady, ping

pytestmark = pytest.mark.needs(modules=['scapy'])

SERVER, GOOD, BAD = '10.7.0.1', '10.7.0.2', '10.7.0.3'


@contextlib.contextmanager
def under_fire(lab, program, *options):
    """A server with one good session; yields the server, the bad host and wire functions."""
    from harness import wire
    server, good, bad = lab.lan('server', 'good', 'bad')
    ours = Server(lab, server, program, *options)
    client = Client(lab, good, program)
    client.up()
    steady = Steady(good, GATEWAY)
    yield ours, bad, wire
    steady.stop()
    assert client.process.running() and ours.process.running()
    assert not client.process.find('LCP terminated|No response')
    # And a new one is let in.
    client.stop()
    again = Client(lab, good, program)
    again.up()
    ping(good, GATEWAY)


def counted(ours, word, at_least=1):
    wait_until(lambda: ours.drops().get(word, 0) >= at_least, 5,
               f'{word} is counted {at_least} times')


def header(length, kind=1, cookie=0x1a2b3c4d, number=1):
    return struct.pack('!HHIHH', length, kind, cookie, number, 0)


@pytest.mark.parametrize('name, message, word', [
    ('zero', header(0), 'control-length'),
    ('below the header', header(11), 'control-length'),
    ('huge', header(65535), 'control-length'),
    ("not the type's own", header(16) + bytes(4), 'control-length'),
    ('bad cookie', header(156, cookie=0x1a2b3c4e) + bytes(144), 'control-cookie'),
    ('not PPTP at all', b'GET / HTTP/1.1\r\nHost: vpn\r\n\r\n', 'control-'),
], ids=lambda value: value if isinstance(value, str) else '')
def test_a_stream_that_is_lost_is_closed_at_once(lab, program, name, message, word):
    with under_fire(lab, program) as (ours, bad, wire):
        with wire.Talker(bad, SERVER) as talker:
            talker.send(message)
            talker.closed()
        wait_until(lambda: any(key.startswith(word) and count
                               for key, count in ours.drops().items()), 5, f'{word} is counted')


def test_messages_out_of_place(lab, program):
    with under_fire(lab, program) as (ours, bad, wire):
        with wire.Talker(bad, SERVER) as talker:  # a call before the connection is started
            talker.send(wire.call_request() + wire.echo_request())
            counted(ours, 'control-state')
        with wire.Talker(bad, SERVER) as talker:  # a second start, and an unknown type
            talker.start()
            talker.send(wire.start_request())
            talker.send(header(16, number=99) + bytes(4))
            counted(ours, 'control-type')
        with wire.Talker(bad, SERVER) as talker:  # for calls that are not
            talker.start()
            talker.send(wire.clear_request(0x9999) + wire.link_info(0x9999))
            counted(ours, 'control-call')
            talker.send(wire.echo_request(99))
            reply = talker.receive()
            assert reply.ctrl_msg_type == 6 and reply.identifier == 99


def test_several_messages_in_one_segment(lab, program):
    with under_fire(lab, program) as (_, bad, wire):
        with wire.Talker(bad, SERVER) as talker:
            talker.send(wire.start_request() + wire.call_request(1) + wire.call_request(2)
                        + wire.echo_request(3))
            kinds = [talker.receive().ctrl_msg_type for _ in range(4)]
            assert sorted(kinds) == [2, 6, 8, 8]


def test_one_message_in_many_segments(lab, program):
    """A slow client, a byte at a time, holds nobody up."""
    with under_fire(lab, program) as (_, bad, wire):
        with wire.Talker(bad, SERVER) as slow, wire.Talker(bad, SERVER) as quick:
            slow.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = wire.start_request()
            for at in range(100):
                slow.send(request[at:at + 1])
            quick.start()
            quick.call()
            for at in range(100, len(request)):
                slow.send(request[at:at + 1])
            assert slow.receive().ctrl_msg_type == 2


def test_a_client_that_says_nothing_is_closed(lab, program):
    with under_fire(lab, program, '--control-timeout', '1') as (_, bad, wire):
        with wire.Talker(bad, SERVER) as silent, wire.Talker(bad, SERVER) as half:
            half.send(wire.start_request()[:30])
            silent.closed(10)
            half.closed(10)


def test_a_client_that_never_reads(lab, program):
    """Replies pile up until the server gives the connection up; others do not notice."""
    with under_fire(lab, program) as (_, bad, wire):
        with wire.Talker(bad, SERVER) as talker:
            talker.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            talker.start()
            talker.tcp.settimeout(0.5)
            flood = wire.echo_request() * 500
            with contextlib.suppress(OSError):
                for _ in range(200):
                    talker.send(flood)


def test_a_call_cleared_before_it_is_up(lab, program):
    """SCCRQ, OCRQ and Call-Clear in one breath, again and again."""
    with under_fire(lab, program) as (ours, bad, wire):
        for at in range(20):
            with wire.Talker(bad, SERVER) as talker:
                talker.start()
                talker.send(wire.call_request(at + 1) + wire.clear_request(at + 1))
                # Whether the call was answered before it was cleared is the server's to choose.
                kinds = [talker.receive().ctrl_msg_type]
                if kinds == [8]:
                    kinds.append(talker.receive().ctrl_msg_type)
                assert kinds[-1] == 13
        wait_until(lambda: len(ours.sessions()) == 1, 5, 'only the good session is left')


def test_stop_with_calls_up(lab, program):
    with under_fire(lab, program) as (ours, bad, wire):
        with wire.Talker(bad, SERVER) as talker:
            talker.start()
            for call_id in range(1, 5):
                talker.call(call_id)
            talker.send(wire.stop_request())
            kinds = []
            while (message := talker.receive()) is not None:
                kinds.append(message.ctrl_msg_type)
            assert 4 in kinds
        wait_until(lambda: len(ours.sessions()) == 1, 5, 'only the good session is left')


def test_half_open_tunnels_are_limited(lab, program):
    """One address opens 200 connections and says nothing: others still get in."""
    with under_fire(lab, program) as (ours, bad, wire):
        with contextlib.ExitStack() as many:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    many.enter_context(wire.Talker(bad, SERVER))
            counted(ours, 'half-open', 100)


def test_calls_before_a_login_are_limited(lab, program):
    """One address asks for calls in several tunnels and proves nothing: sixteen hold a seat."""
    with under_fire(lab, program) as (ours, bad, wire):
        with contextlib.ExitStack() as many:
            talkers = [many.enter_context(wire.Talker(bad, SERVER)) for _ in range(4)]
            for first, talker in zip(range(1, 33, 8), talkers):
                talker.start()
                talker.send(b''.join(wire.call_request(first + at) for at in range(8)))
            counted(ours, 'half-open', 16)
            wait_until(lambda: len(ours.sessions()) <= 1 + 16 + 1, 5, 'few calls hold a seat')


def call_of_the_good_session(ours):
    """The server's call ID, from what it logged."""
    return int(ours.process.find(r'sent PPTP Outgoing-Call-Reply call (\d+)').group(1))


def test_gre_of_others_and_broken_gre(lab, program):
    with under_fire(lab, program) as (ours, bad, wire):
        local_id = call_of_the_good_session(ours)
        other_id = local_id ^ 0x5a5a or 1
        data = b'\xff\x03\x00\x21' + bytes(40)
        with contextlib.closing(wire.Forger(bad)) as forger:
            def count(word, packet, source=GOOD, times=5):
                before = ours.drops().get(word, 0)
                for _ in range(times):
                    forger.send(source, SERVER, packet)
                counted(ours, word, before + times)

            count('gre-peer', wire.gre(local_id, data, sequence=1), source=BAD)
            count('gre-call', wire.gre(other_id, data, sequence=1))
            count('gre-length', wire.gre(local_id, data, sequence=1, length=1000))
            count('gre-short', wire.gre(local_id, b'', sequence=1)[:8])
            count('gre-flags', wire.gre(local_id, data, sequence=1, flags=0xf001))
            # Version 0, other protocols and what is no GRE header are other programs' business.
            before = ours.drops()
            for packet in (wire.gre(local_id, data, sequence=1, version=0),
                           wire.gre(local_id, data, sequence=1, protocol=0x0800),
                           wire.gre(local_id, data, sequence=1)[:7], b'\x30', b''):
                forger.send(GOOD, SERVER, packet)
            count('gre-call', wire.gre(other_id, data, sequence=1))
            assert {**ours.drops(), 'gre-call': 0} == {**before, 'gre-call': 0}


def test_a_forged_stream_does_not_unseat_a_session(lab, program):
    """Somebody who knows the call ID and the address, but not the key, tries to end it."""
    with under_fire(lab, program) as (ours, bad, wire):
        local_id = call_of_the_good_session(ours)
        with contextlib.closing(wire.Forger(bad)) as forger:
            for far in (0x7fffffff, 0x80000000, 0xffffffff, 1, 0x00010000):
                forger.send(GOOD, SERVER, wire.gre(local_id, b'\xff\x03\x00\x21' + bytes(40),
                                                   sequence=far))
                forger.send(GOOD, SERVER, wire.gre(local_id, b'\xff\x03\x00\xfd\x9f\xff' +
                                                   bytes(40), sequence=far))
            forger.send(GOOD, SERVER, wire.gre(local_id, ack=0x7fffffff))
        wait_until(lambda: sum(ours.drops().get(word, 0) for word in (
            'mppe-clear', 'mppe-coherency', 'mppe-far', 'mppe-inner', 'gre-late')), 5,
            'forged packets are counted')


def test_ppp_before_its_phase_and_broken_ppp(lab, program):
    """Network packets, CHAP answers and options of impossible length from a call without LCP."""
    with under_fire(lab, program) as (ours, bad, wire):
        with wire.Talker(bad, SERVER) as talker:
            talker.start()
            call = talker.call(0x77)
            frames = [
                b'\xff\x03\x00\x21' + bytes(40),                          # IP
                b'\xff\x03\x00\xfd\x90\x00' + bytes(40),                  # MPPE
                b'\xff\x03\x80\x21\x01\x01\x00\x04',                      # IPCP
                b'\xff\x03\xc2\x23\x02\x01\x00\x36\x31' + bytes(49),      # CHAP Response
                b'\xff\x03\xc2\x23\x02\x01\x00\x05\xff',                  # a value beyond the frame
                b'\xff\x03\xc0\x21\x01\x01\x00\x06\x01\x00',              # option of length 0
                b'\xff\x03\xc0\x21\x01\x02\xff\xff\x01\x04',              # longer than it is
                b'\xff\x03\xc0\x21\x01\x03\x00\x03',                      # shorter than a header
                b'\xff\x03\xc0\x21\x63\x04\x00\x04',                      # unknown code
                b'\xff\x03\xc0',                                          # half a protocol
                b'\xff', b'',
            ]
            for at, frame in enumerate(frames):
                talker.gre(wire.gre(call, frame, sequence=at))
            talker.gre(wire.gre(call, wire.lcp_request(9), sequence=len(frames)))
            # Behind all that, LCP still answers.
            end = time.monotonic() + 5
            while time.monotonic() < end:
                packet = talker.receive_gre()
                if b'\xc0\x21\x02\x09' in packet:
                    break
            else:
                raise AssertionError('no Configure-Ack for a good Configure-Request')
        assert len(ours.sessions()) <= 2
