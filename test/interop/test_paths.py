"""What happens to the way between two ends while a tunnel is up: on each back end of the outer link
traffic goes on, and nothing is restarted.

    server 10.7.0.1 ── left ──┬── 10.8.0.2 client       left  10.7.0.254, 10.8.0.254
                    └─ right ─┘                         right 10.7.1.254, 10.8.1.254
"""
import re
import time

import pytest

from harness.capture import Capture, tshark
from harness.greyline import GATEWAY, Client, Server
from harness.process import wait_until
from harness.traffic import echo_server, ping, transfer

BACK_ENDS = ('raw', 'rings', 'xdp')
QUICK = {'base_reachable_time_ms': 1000, 'delay_first_probe_time': 1, 'retrans_time_ms': 100}
RECOVERS = 20  # seconds; a neighbour that fell silent takes the kernel the longest

pytestmark = pytest.mark.needs('nft', 'tcpdump', 'tshark')


class Roads:
    """Two ends, two roads between them, and a tunnel over the left one."""

    def __init__(self, lab, program, outer, *options):
        self.lab, self.program, self.outer = lab, program, outer
        self.server, self.client = lab.namespace('server'), lab.namespace('client')
        self.left, self.right = lab.namespace('left'), lab.namespace('right')
        for number, router in enumerate((self.left, self.right)):
            name = 'outer' if number == 0 else 'other'
            lab.cable(self.server, (name, f'10.7.{number}.1/24'),
                      router, ('north', f'10.7.{number}.254/24'))
            lab.cable(self.client, (name, f'10.8.{number}.2/24'),
                      router, ('south', f'10.8.{number}.254/24'))
            router.run('sysctl', '-q', 'net.ipv4.ip_forward=1')
        self.by('left')
        for end in (self.server, self.client):
            for name, value in QUICK.items():
                for link in ('outer', 'other'):
                    end.run('sysctl', '-q', f'net.ipv4.neigh.{link}.{name}={value}')
        self.left.ip('route add 10.7.1.0/24 via 10.7.0.1')
        self.right.ip('route add 10.7.0.0/24 via 10.7.1.1')
        self.right.ip('route add 10.8.0.0/24 via 10.8.1.2')
        self.ours = Server(lab, self.server, program, '--outer', outer, *options, listen='0.0.0.0')
        self.dialled = Client(lab, self.client, program, '--outer', outer, *options)
        self.dialled.up()
        assert self.ours.status()['outer-link'].startswith(outer)
        ping(self.client, GATEWAY)

    def by(self, side):
        """Both ends send over this road."""
        number = 0 if side == 'left' else 1
        self.server.ip(f'route replace 10.8.0.2/32 via 10.7.{number}.254')
        self.client.ip(f'route replace 10.7.0.1/32 via 10.8.{number}.254')

    def silent(self):
        """Nothing passes any more, a moment after the kernel was told."""
        wait_until(lambda: self.client.run('ping', '-n', '-c', '1', '-W', '1', GATEWAY,
                                           check=False).returncode != 0, 5, 'nothing passes')

    def recovered(self):
        """Data passes again, large and small, on the same session."""
        wait_until(lambda: self.client.run('ping', '-n', '-c', '1', '-W', '1', GATEWAY,
                                           check=False).returncode == 0, RECOVERS,
                   'the tunnel carries data again')
        with echo_server(self.server):
            transfer(self.client, GATEWAY, 500_000, timeout=40)
        session, = self.ours.sessions()
        assert session['username'] == 'alice'
        assert len(self.dialled.process.find_all(r'local  IP address')) == 1
        assert self.dialled.process.running() and self.ours.process.running()


@pytest.fixture(params=BACK_ENDS)
def outer(request, lab, program):
    """A back end; one this kernel has not is skipped in the program's own words."""
    if request.param != 'raw':
        server, _ = lab.pair('asked', 'asking')
        ours = Server(lab, server, program, '--outer', request.param, wait=False)
        said = ours.wait_for(r"Listening on|Couldn't serve the outer link by (.*);")
        ours.stop()
        if said.group(1):
            pytest.skip(said.group(1))
    return request.param


def test_a_route_leads_over_another_interface(lab, program, outer):
    roads = Roads(lab, program, outer)
    roads.by('right')
    roads.left.ip('link set north down')
    roads.left.ip('link set south down')
    roads.recovered()
    roads.left.ip('link set north up')
    roads.left.ip('link set south up')
    roads.by('left')
    roads.recovered()


def test_the_next_hop_is_another_machine(lab, program, outer):
    """A router is replaced by one with other link addresses, which tells nobody."""
    roads = Roads(lab, program, outer)
    roads.left.ip('link set north address 02:00:00:00:00:77')
    roads.left.ip('link set south address 02:00:00:00:00:78')
    roads.recovered()


def test_the_neighbour_is_forgotten(lab, program, outer):
    roads = Roads(lab, program, outer)
    for end in (roads.server, roads.client):
        end.ip('neigh flush dev outer')
    roads.recovered()


def test_a_link_goes_down_and_comes_up(lab, program, outer):
    roads = Roads(lab, program, outer)
    roads.server.ip('link set outer down')
    roads.silent()
    roads.server.ip('link set outer up')
    roads.by('left')
    roads.recovered()
    roads.client.ip('link set outer down')
    roads.client.ip('link set outer up')
    roads.by('left')
    roads.recovered()


def test_the_default_route_goes_and_returns(lab, program, outer):
    roads = Roads(lab, program, outer)
    roads.server.ip('route add default via 10.7.0.254')
    roads.server.ip('route del 10.8.0.2/32')
    roads.recovered()
    roads.server.ip('route del default')
    roads.silent()
    roads.server.ip('route add default via 10.7.0.254')
    roads.recovered()


def test_a_narrower_link_in_the_middle(lab, program, outer):
    """To the server its outer packets come back as too big, the client sees it at its interface;
    the inner senders are told, and TCP arrives."""
    roads = Roads(lab, program, outer)
    capture = Capture(lab, roads.left, 'south')
    roads.left.ip('link set south mtu 1300')
    roads.client.ip('link set outer mtu 1300')
    roads.recovered()
    # Once known, nothing larger leaves: an inner packet that does not fit is answered.
    done = roads.server.run('ping', '-n', '-c', '3', '-i', '0.2', '-W', '1', '-M', 'do', '-s',
                            '1350', roads.ours.sessions()[0]['ip'], check=False)
    assert re.search(r'(Frag needed|too long).*mtu ?= ?12\d\d', done.stdout + done.stderr), \
        done.stdout + done.stderr
    path = capture.stop()
    sizes = [int(row[0]) for row in tshark(path, 'gre && ip.src == 10.7.0.1', 'ip.len')]
    assert max(sizes) <= 1300


def test_a_peer_whose_packets_are_fragmented(lab, program, outer):
    """Without DF the router cuts them; the other end puts them together again."""
    roads = Roads(lab, program, outer, '--no-dont-fragment')
    capture = Capture(lab, roads.left, 'south')
    roads.left.ip('link set south mtu 1300')
    roads.client.ip('link set outer mtu 1300')
    time.sleep(0.2)  # until the client has heard of its interface's new MTU
    ping(roads.server, roads.ours.sessions()[0]['ip'], 20, size=1400)
    roads.recovered()
    path = capture.stop()
    fragments = tshark(path, 'ip.flags.mf == 1 && ip.proto == 47 && ip.src == 10.7.0.1', 'ip.len')
    assert len(fragments) >= 20
    assert not tshark(path, 'ip.flags.df == 1 && ip.proto == 47', 'ip.len')
