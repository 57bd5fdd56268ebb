"""A server that becomes another user: it works, and root's files stay root's."""
from harness.greyline import GATEWAY, Client, Server
from harness.traffic import ping

NOBODY = 65534


def uid_of(server, pid):
    words = server.run('grep', '^Uid:', f'/proc/{pid}/status').stdout.split()[1:]
    assert len(set(words)) == 1
    return int(words[0])


def test_a_server_that_is_nobody(lab, program):
    server, client = lab.pair()
    # As udev makes it: for everybody.
    server.run('mount', '-t', 'tmpfs', 'none', '/dev/net')
    server.run('mknod', '-m', '666', '/dev/net/tun', 'c', '10', '200')
    for _ in range(2):  # the second finds the folder of the first
        ours = Server(lab, server, program, '--run-as', 'nobody', '--nat')
        assert uid_of(server, ours.status()['pid']) == NOBODY
        assert server.run('stat', '-c', '%u %a', '/run/greyline').stdout.split() == ['0', '1775']
        theirs = Client(lab, client, program)
        theirs.up()
        ping(client, GATEWAY)
        theirs.stop()
        ours.stop()
        assert server.run('ls', '/run/greyline', '/var/lib/greyline').stdout.split() == [
            '/run/greyline:', '/var/lib/greyline:']
        assert 'greyline' not in server.run('nft', 'list', 'tables').stdout
