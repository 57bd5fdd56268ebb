"""The tunnel returns by itself, and one line says what happened: after a kill, a standstill, a NAT
that forgets, another address."""
import os
import signal

from harness.greyline import GATEWAY, PASSWORD, USER, Client, Server, password_file
from harness.process import wait_until
from harness.traffic import ping

IMPATIENT = ('--lcp-echo-interval', '1', '--lcp-echo-failure', '2')
STUBBORN = ('--persist', '--maxfail', '0', '--holdoff', '1')
UNAWARE = ('--lcp-echo-interval', '0', '--control-echo-interval', '3600')


def returns(client, mark, timeout=30):
    """Up once more, and packets pass."""
    addresses = client.up(timeout, after=mark)
    ping(client.namespace, GATEWAY)
    return addresses


def stop(program):
    os.kill(program.process.pid, signal.SIGSTOP)


def go_on(program):
    os.kill(program.process.pid, signal.SIGCONT)
    os.kill(program.process.popen.pid, signal.SIGCONT)  # nsenter stops with what it waits for


def test_a_killed_server(lab, program):
    server, client = lab.pair()
    ours = Server(lab, server, program)
    dialer = Client(lab, client, program, *STUBBORN)
    dialer.up()
    mark = dialer.process.mark()
    ours.process.kill(signal.SIGKILL)
    dialer.wait_for('Control connection closed: the peer closed the control connection', after=mark)
    ours.process.wait(5)
    Server(lab, server, program)
    returns(dialer, mark)


def test_a_killed_client_with_a_supervisor(lab, program):
    server, client = lab.pair()
    Server(lab, server, program)
    password = password_file(lab, 'password', PASSWORD)
    keeper = client.start(
        '/bin/sh', '-c', f'while :; do {program} client {USER}@10.7.0.1 --no-scripts '
        f'--password-file {password}; done', name='supervisor')
    keeper.wait_for('local  IP address')
    for _ in range(2):
        mark = keeper.mark()
        client.run('kill', '-9', *client.run('pidof', 'greyline').stdout.split())
        keeper.wait_for('local  IP address', after=mark)
    ping(client, GATEWAY)
    assert len([name for name in client.state()['names'] if name.startswith('ppp')]) == 1


def test_a_stopped_client(lab, program):
    """Longer than the server has patience: it has hung up when the client goes on."""
    server, client = lab.pair()
    ours = Server(lab, server, program, *IMPATIENT)
    dialer = Client(lab, client, program, *STUBBORN)
    dialer.up()
    mark = dialer.process.mark()
    stop(dialer)
    ours.wait_for('No response to 2 echo-requests')
    ours.wait_for('Connection terminated')
    go_on(dialer)
    returns(dialer, mark)


def test_a_stopped_server(lab, program):
    """Longer than the client has patience; and its own time-outs are no reason to end anything."""
    server, client = lab.pair()
    ours = Server(lab, server, program, *IMPATIENT)
    dialer = Client(lab, client, program, *STUBBORN, *IMPATIENT, '--control-timeout', '1')
    dialer.up()
    mark, theirs = dialer.process.mark(), ours.process.mark()
    stop(ours)
    dialer.wait_for('No response to 2 echo-requests', 20, after=mark)
    dialer.wait_for('Dialling again', 20, after=mark)
    go_on(ours)
    ours.wait_for(r'Stood still for [0-9]+ s \(suspended or stopped\)', after=theirs)
    returns(dialer, mark)


def test_another_address(lab, program):
    """Nobody asks for a sign of life here: the kernel's word is enough, and there is no wait."""
    server, client = lab.pair()
    Server(lab, server, program)
    dialer = Client(lab, client, program, '--persist', '--holdoff', '60', *UNAWARE)
    dialer.up()
    mark = dialer.process.mark()
    client.run('sysctl', '-q', 'net.ipv4.conf.all.promote_secondaries=1')
    client.ip('address add 10.7.0.3/24 dev outer')
    client.ip('address del 10.7.0.2/24 dev outer')
    dialer.wait_for('The way to the server leaves from 10.7.0.3 now, not from 10.7.0.2', after=mark)
    returns(dialer, mark)
    assert len(dialer.process.find_all('The way to the server leaves')) == 1


def test_an_address_that_goes_and_comes(lab, program):
    """No way at all for a while: the same address again is the same connection, another is not."""
    server, client = lab.pair()
    Server(lab, server, program)
    dialer = Client(lab, client, program, '--persist', '--holdoff', '60', *UNAWARE)
    dialer.up()
    mark = dialer.process.mark()
    client.ip('link set outer down')
    client.ip('link set outer up')
    wait_until(lambda: client.run('ping', '-c1', '-W1', '10.7.0.1', check=False).returncode == 0, 10)
    ping(client, GATEWAY)
    assert not dialer.process.find('The way to the server', after=mark)
    client.ip('address flush dev outer')
    client.ip('address add 10.7.0.9/24 dev outer')
    dialer.wait_for('The way to the server leaves from 10.7.0.9', after=mark)
    returns(dialer, mark)


def test_another_road(lab, program):
    """The default route moves to another line; the old one and its address are still there."""
    server, client = lab.namespace('server'), lab.namespace('client')
    lab.cable(client, ('one', '10.9.1.2/24'), server, ('left', '10.9.1.1/24'))
    lab.cable(client, ('two', '10.9.2.2/24'), server, ('right', '10.9.2.1/24'))
    server.ip('address add 192.0.2.1/32 dev lo')
    client.ip('route add 192.0.2.1/32 via 10.9.1.1')
    Server(lab, server, program, listen='192.0.2.1')
    dialer = Client(lab, client, program, '--persist', '--holdoff', '60', *UNAWARE, '--default-route',
                    server='192.0.2.1')
    dialer.up()
    mark = dialer.process.mark()
    client.ip('link set one down')  # takes our route to the server with it
    client.ip('route add 192.0.2.1/32 via 10.9.2.1')
    dialer.wait_for('The way to the server leaves from 10.9.2.2 now, not from 10.9.1.2', after=mark)
    returns(dialer, mark)


def router(lab, switch, outside):
    """A NAT between the switch's two sides, with GRE for the one host behind it; every one has the
    same address and MAC inside."""
    made = lab.namespace(f'router-{outside}')
    made.run('nft', '-f', '-', stdin="""
        table ip nat {
            chain post { type nat hook postrouting priority srcnat; oifname "out" masquerade; }
            chain pre {
                type nat hook prerouting priority dstnat;
                iifname "out" meta l4proto gre dnat to 192.168.7.2
            }
        }""")
    for port, address in (('in', '192.168.7.1'), ('out', outside)):
        lab.cable(switch, (f'{port}-{outside}', None), made, (port, f'{address}/24'))
        switch.ip(f'link set {port}-{outside} master {port}')
    made.ip('link set in address 02:00:00:00:07:01')
    made.run('sysctl', '-q', 'net.ipv4.ip_forward=1')  # no packet passes before the rule is there
    return made


def test_a_nat_that_forgets(lab, program):
    """The router is another one, with another address outside: nobody knows the tunnel any more."""
    server, switch, client = (lab.namespace(name) for name in ('server', 'switch', 'client'))
    for side, host, address in (('in', client, '192.168.7.2'), ('out', server, '10.7.0.1')):
        switch.ip(f'link add {side} type bridge')
        switch.ip(f'link set {side} up')
        lab.cable(switch, (f'port-{side}', None), host, ('outer', f'{address}/24'))
        switch.ip(f'link set port-{side} master {side}')
    client.ip('route add default via 192.168.7.1')
    before = router(lab, switch, '10.7.0.2')
    Server(lab, server, program)
    dialer = Client(lab, client, program, *STUBBORN, *IMPATIENT)
    dialer.up()
    mark = dialer.process.mark()
    before.ip('link del in')
    before.ip('link del out')
    router(lab, switch, '10.7.0.4')
    dialer.wait_for(r'Session ends: .* reason=(tcp-closed|echo-dead)', 20, after=mark)
    returns(dialer, mark)
