"""Multilink (RFC 1990): bundles of calls and of tunnels, over paths that differ."""
import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

BYTES = 3_000_000


def bundle_of(ours):
    found = [session for session in ours.sessions() if session['type'] == 'mp']
    assert len(found) == 1, found
    return found[0]


def links_of(ours):
    return [session for session in ours.sessions() if session['type'] == 'pptp'
            and session['bundle'] and session['state'] == 'active']


def said(program, words, times, timeout=10):
    wait_until(lambda: program.process.text.count(words) >= times, timeout,
               f'{words} said {times} times')


@pytest.mark.parametrize('per_tunnel', ['1', '3'])
def test_three_links(lab, program, per_tunnel):
    server, client = lab.pair()
    ours = Server(lab, server, program, '--multilink')
    dialer = Client(lab, client, program, '--links', '3', '--links-per-tunnel', per_tunnel)
    dialer.up()
    said(dialer, 'Link attached to ppp0', 3)
    said(ours, 'Link attached to greyline0', 3)
    ping(client, GATEWAY)
    with echo_server(server):
        transfer(client, GATEWAY, BYTES)
    bundle, links = bundle_of(ours), links_of(ours)
    assert bundle['links'] == 3 and len(links) == 3
    for link in links:
        assert link['bundle'] == bundle['sid']
        assert link['rx-bytes'] > BYTES / 5 and link['tx-bytes'] > BYTES / 5
    assert len(ours.status()['tunnels']) == (3 if per_tunnel == '1' else 1)
    assert dialer.stop() == 5
    said(ours, 'Link detached', 3)
    assert ours.stop() == 0
