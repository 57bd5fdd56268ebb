"""Other people's programs that run natively: pptp-linux, poptop, and lwIP's PPP behind both."""
import shlex

from . import cache

INNER_SERVER, INNER_FIRST = '192.168.77.1', '192.168.77.10'


def _follow(namespace, log, name):
    """Shows a log file's lines as they come."""
    with open(log, 'a', encoding='ascii'):
        pass
    return namespace.start('tail', '-n', '+1', '-f', log, name=name)


class LwipClient:
    """pptp-linux dials, or who takes its place; lwIP is the PPP at its end of the pty."""

    def __init__(self, lab, namespace, server, user, password, pings=3, echo=0, mppe='128',
                 pptp_options=(), pptp='pptp'):
        self.log = lab.file(f'lwip-{namespace.name}.log')
        pptp = shlex.join([pptp, server, '--nolaunchpppd', '--nohostroute', '--loglevel', '0',
                           *pptp_options])
        self.process = namespace.start(
            'socat', f'EXEC:{cache.lwippp()} client', f'EXEC:{pptp}', name='pptp and lwIP',
            env={'LWIPPP_LOG': self.log, 'LWIPPP_USER': user, 'LWIPPP_PASSWORD': password,
                 'LWIPPP_PINGS': str(pings), 'LWIPPP_ECHO': str(echo),
                 'LWIPPP_MPPE': mppe})
        self.tail = _follow(namespace, self.log, 'lwIP client')

    def wait_for(self, pattern, timeout=15):
        return self.tail.wait_for(pattern, timeout)


class Poptop:
    """pptpd whose `ppp` program is lwIP."""

    def __init__(self, lab, namespace, listen, user, password, mppe='128'):
        self.log = lab.file(f'poptop-{namespace.name}.log')
        options, config = lab.file('poptop-options'), lab.file('poptop.conf')
        with open(options, 'w', encoding='ascii'):
            pass
        with open(config, 'w', encoding='ascii') as file:
            file.write(f'ppp {cache.lwippp()}\noption {options}\nlisten {listen}\n'
                       f'localip {INNER_SERVER}\nremoteip {INNER_FIRST}-20\n'
                       f'pidfile /run/pptpd.pid\n')
        self.process = namespace.start(
            'pptpd', '--fg', '--conf', config, name='poptop',
            env={'LWIPPP_LOG': self.log, 'LWIPPP_USER': user, 'LWIPPP_PASSWORD': password,
                 'LWIPPP_MPPE': mppe})
        namespace.listening(1723, self.process)
        self.tail = _follow(namespace, self.log, 'lwIP server')

    def wait_for(self, pattern, timeout=15):
        return self.tail.wait_for(pattern, timeout)
