"""The marks table: what is measured, against what, and how much better it has to be.

A mark is a ratio, ours over theirs, so that a slow machine or a busy minute weighs on both sides;
memory is the one absolute figure. `low` rows are better the smaller they are.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Mark:
    what: str
    against: str
    mark: float | None = None
    beyond: float | None = None
    low: bool = False
    unit: str = 'x'  # of the ratio

    def reached(self, ratio):
        """How far a ratio came: 'missed', 'mark' or 'beyond'; '' where there is no mark."""
        if self.mark is None or ratio is None:
            return ''
        for name, limit in (('beyond', self.beyond), ('mark', self.mark)):
            if limit is not None and (ratio <= limit if self.low else ratio >= limit):
                return name
        return 'missed'

    def shown(self, limit):
        if limit is None:
            return ''
        return f'{"at most " if self.low else ""}{limit:g}{self.unit}'


_MPPE = '1400 B, batch of 64'
_FLOW = 'TCP, one flow, MPPE-128, one core an end'

MARKS = {
    'seal-nettle': Mark(f'MPPE-128 stateless, seal, {_MPPE}', 'one packet at a time, nettle',
                        2.6, 3.2),
    'open-nettle': Mark(f'MPPE-128 stateless, open, {_MPPE}', 'one packet at a time, nettle',
                        2.6, 3.2),
    'seal-openssl': Mark(f'MPPE-128 stateless, seal, {_MPPE}', 'the same with OpenSSL\'s RC4',
                         1.6, 2),
    'open-openssl': Mark(f'MPPE-128 stateless, open, {_MPPE}', 'the same with OpenSSL\'s RC4',
                         1.6, 2),
    'flow-null': Mark(f'{_FLOW}, packet rings', 'our own tunnel without encryption', 0.60, 0.70),
    'flow-openvpn': Mark(_FLOW, 'OpenVPN AES-128-GCM in user space', 2.5, 4),
    'flow-veth': Mark(_FLOW, 'no tunnel: the bare cable'),
    'flow-kernel': Mark(f'{_FLOW}, emulated machine', 'Linux\' own PPTP and MPPE beside it',
                        1.5, 3),
    'ping': Mark('ping round trip added by the tunnel, idle', 'OpenVPN', 1.0, 0.7, low=True),
    'logins': Mark('full logins a second, one core each side, emulated machine',
                   'poptop and pppd beside it', 20, 50),
    'logins-here': Mark('full logins a second, one core each side',
                        'no other server runs without kernel PPP'),
    'memory': Mark('resident memory a session, 10,000 of them, reordered traffic on each',
                   'pppd, a process a session', 8, 4, low=True, unit=' KiB'),
    'many': Mark('throughput with 10,000 sessions up, traffic on 100', '100 sessions up',
                 0.95, 0.99),
    'hdlc': Mark('async HDLC over a pty, 1400 B: bits for a second of processor, both ends',
                 'lwIP\'s async HDLC', 2, 3),
    'overload': Mark('100 sessions offered twice what fits: 99 % of LCP echoes answered within',
                     'none lost', 1.0, None, low=True, unit=' s'),
}
