"""`greyline up NAME`, `down NAME` and `import`: what a host has, taken over as it is."""
import json
import signal

from harness.greyline import GATEWAY, PASSWORD, USER, Server
from harness.process import wait_until
from harness.traffic import ping

PEER = f'''# as pptpsetup writes it
pty "pptp 10.7.0.1 --nolaunchpppd"
name {USER}
remotename PPTP
require-mppe-128
refuse-pap
refuse-chap
refuse-mschap
noauth
'''


def test_up_and_down_by_name(lab, program):
    """Ours and a peers file at the same time; the exit codes are the client's."""
    server, client = lab.pair()
    Server(lab, server, program)
    client.write('/etc/greyline/office.conf',
                 f'no-scripts\n[client]\nserver = 10.7.0.1\nuser = {USER}\npassword = "{PASSWORD}"\n')
    client.write('/etc/ppp/peers/branch', PEER)
    client.write('/etc/ppp/options', 'lock\nmtu 1300\n')
    client.write('/etc/ppp/chap-secrets', f'{USER} PPTP "{PASSWORD}"\n')
    before = client.state()
    up = client.run(program, 'up', 'office', '--state-dir', '/run/s')
    assert 'local  IP address 10.98.' in up.stderr
    ping(client, GATEWAY)
    status, = json.loads(client.run(program, 'status', '--json').stdout)
    assert (status['name'], status['role']) == ('office', 'client')
    assert client.run(program, 'status').stdout.startswith('greyline client office (')
    again = client.run(program, 'up', 'office', check=False)
    assert again.returncode == 6 and 'Another greyline answers' in again.stderr
    client.run(program, 'up', 'branch')
    sessions = json.loads(client.run(program, 'sessions', '--json').stdout)
    assert sorted(s['mtu'] for s in sessions)[0] == 1300
    assert len(server.run(program, 'sessions').stdout.splitlines()) == 4

    down = client.run(program, 'down', 'office')
    assert down.stdout == 'office is down\n'
    assert client.run(program, 'down', 'office', check=False).returncode == 1
    assert client.run(program, 'down', '--all').stdout == 'branch is down\n'
    assert client.state()['names'] == before['names']
    assert client.run(program, 'down', '--all', check=False).returncode == 1


def test_up_that_fails(lab, program):
    """What went wrong is told on the terminal that waits, and is the exit code."""
    server, client = lab.pair()
    Server(lab, server, program)
    client.write('/run/wrong.conf',
                 f'no-scripts\n[client]\nserver = 10.7.0.1\nuser = {USER}\npassword = wrong\n')
    failed = client.run(program, 'up', '/run/wrong.conf', check=False)
    assert failed.returncode == 19 and '691' in failed.stderr
    assert client.run(program, 'up', 'nothing', check=False).returncode == 2
    assert client.run(program, 'up', '../x', check=False).returncode == 2
    client.write('/run/later.conf', f'no-scripts\n[client]\nserver = 10.7.0.9\nuser = {USER}\n'
                 'password = x\npersist\nmaxfail = 0\n')
    waiting = client.start(program, 'up', '/run/later.conf')
    waiting.wait_for('Dialling 10.7.0.9')
    wait_until(lambda: client.run(program, 'down', 'later', check=False).returncode == 0, 10,
               'it can be ended before it is up')
    assert waiting.wait() == 5
    waiting = client.start(program, 'up', '/run/later.conf')
    waiting.wait_for('Dialling 10.7.0.9')
    waiting.kill(signal.SIGINT)
    assert waiting.wait() == 5


def test_a_server_taken_over(lab, program):
    """A pptpd.conf with its options file becomes a configuration that a client logs in with."""
    server, client = lab.pair()
    server.write('/etc/pptpd.conf', 'option /etc/ppp/pptpd-options\nlocalip 10.44.0.1\n'
                 'remoteip 10.44.0.10-20\nlisten 10.7.0.1\nlogwtmp\nbcrelay eth0\n')
    server.write('/etc/ppp/options', '')
    server.write('/etc/ppp/pptpd-options', 'name pptpd\nrefuse-pap\nrefuse-chap\nrefuse-mschap\n'
                 'require-mschap-v2\nrequire-mppe-128\nms-dns 10.44.0.53\nproxyarp\nlock\n'
                 'nobsdcomp\nnovj\nnovjccomp\nnologfd\n')
    server.write('/etc/ppp/chap-secrets', f'{USER} pptpd "{PASSWORD}" *\n')
    done = server.run(program, 'import', 'pptpd', '/etc/pptpd.conf')
    assert 'logwtmp' in done.stderr and 'bcrelay' in done.stderr
    server.write('/etc/greyline/greyline.conf', done.stdout)
    assert 'no faults' in server.run(program, 'check-config').stdout
    ours = server.start(program, 'server', '--no-scripts')
    ours.wait_for('Listening on')
    client.write('/etc/ppp/options', '')
    client.write('/etc/ppp/peers/office', PEER)
    client.write('/etc/ppp/chap-secrets', f'{USER} PPTP "{PASSWORD}"\n')
    converted = client.run(program, 'import', 'peer', '/etc/ppp/peers/office').stdout
    client.write('/etc/greyline/office.conf', converted)
    client.run(program, 'up', 'office')
    session, = json.loads(server.run(program, 'sessions', '--json').stdout)
    assert session['ip'].startswith('10.44.0.1') and session['ifname'] == 'ppp0'
    ping(client, '10.44.0.1')
    client.run(program, 'down', 'office')


def test_a_peer_that_is_no_pptp(lab, program):
    """A peers file for a line, two Greylines over a pty: pppd's options, and down by the same name."""
    here = lab.namespace('here')
    here.write('/etc/ppp/options', '')
    here.write('/etc/ppp/peers/line', f'pty "{program} pppd notty nodetach noauth local noipdefault '
               '10.66.0.2:10.66.0.1"\nnoauth\nlocal\nnodefaultroute\n10.66.0.1:10.66.0.2\n')
    here.run(program, 'up', 'line')
    status = json.loads(here.run(program, 'status', '--json').stdout)
    assert 'line' in [each.get('name') for each in status]
    assert here.run(program, 'down', 'line').stdout == 'line is down\n'
