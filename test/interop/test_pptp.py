"""In the place of pptp-linux: our control connection and GRE under somebody else's PPP."""
import os

import pytest

from harness.greyline import GATEWAY, PASSWORD, USER, Server
from harness.peers import LwipClient
from harness.process import wait_until
from harness.traffic import echo_server, ping

NATIVE = pytest.mark.needs('pptp', 'pptpd', 'socat')


@pytest.fixture(name='pptp')
def pptp_link(lab, program):
    """The program, by the name it is called by."""
    path = lab.file('pptp')
    os.symlink(program, path)
    return path


@NATIVE
def test_lwip_dials_our_server(lab, program, pptp):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    with echo_server(server):
        dialer = LwipClient(lab, client, '10.7.0.1', USER, PASSWORD, pings=5, echo=500_000,
                            pptp=pptp, pptp_options=('--idle-wait', '20'))
        local = dialer.wait_for(rf'^UP local=(10\.98\.\d+\.\d+) remote={GATEWAY}$').group(1)
        dialer.wait_for(r'^PING reply seq=5')
        dialer.wait_for(r'^ECHO bytes=500000 result=same', 30)
        ping(server, local)
    assert ours.sessions()[0]['username'] == USER
