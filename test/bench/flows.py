"""One TCP flow and idle pings: ours with and without encryption, on every outer back end that is
here, OpenVPN, and the bare cable, taking turns.
"""
import shutil
import statistics
import subprocess

from report import Cannot, Result, paired, spread
from stage import OUTER, PROGRAM, Stage

BACK_ENDS = ('rings', 'xdp', 'raw')


def back_ends():
    """Of this build; an empty name stands for the only one there is."""
    words = subprocess.run([PROGRAM, 'server', '--help'], capture_output=True, text=True,
                           check=False).stdout
    return BACK_ENDS if '--outer' in words else ('',)


def tunnel(lab, back_end, null):
    """A stage with our tunnel on it and the inner address of its server; None where the machine
    has not got the back end, and the reason."""
    stage = Stage(lab, f'{back_end or "ours"}{"-null" if null else ""}')
    options = (['--outer', back_end] if back_end else []) + (['--no-mppe'] if null else [])
    stage.serve('--workers', '1', *options) if back_end else stage.serve(*options)
    address = stage.dial(*options)
    got = stage.outer_link()
    if back_end and not got.startswith(back_end):
        return None, f'{back_end}: the server runs on {got}'
    stage.receiver()
    return stage, address


def tunnels(lab, notes):
    """{(back end, encrypted or null): (stage, address)} of what is here."""
    found = {}
    for back_end in back_ends():
        for null in (False, True):
            try:
                stage, address = tunnel(lab, back_end, null)
            except AssertionError as error:
                stage, address = None, f'{back_end}: {str(error).splitlines()[-1].strip()}'
            if stage is None:
                notes.append(address)
                break
            found[back_end, null] = stage, address
    return found


def flows(lab, options):
    """The rows of one TCP flow."""
    for program in ('iperf3', 'taskset'):
        if not shutil.which(program):
            raise Cannot(f'needs {program}')
    notes = [f'each: `taskset -c 0` server and `iperf3 -s`, `taskset -c 1` client and '
             f'`iperf3 -c ADDRESS -t {options.seconds} -J`, {options.rounds} rounds in turn']
    players = dict(tunnels(lab, notes))
    plain = Stage(lab, 'openvpn')
    plain.receiver()
    players['veth'] = plain, OUTER
    if shutil.which('openvpn'):
        players['openvpn'] = plain, plain.openvpn()
    else:
        notes.append('there is no openvpn here')
    figures = {key: [] for key in players}
    for _ in range(options.rounds):
        for key, (stage, address) in players.items():
            figures[key].append(stage.flow(address, options.seconds))
    ours = {key[0]: values for key, values in figures.items()
            if isinstance(key, tuple) and not key[1]}
    notes += [f'{name}: {spread(values, "Mbit/s")}' for name, values in
              (((f'{key[0]}, {"null" if key[1] else "MPPE-128"}' if isinstance(key, tuple)
                 else key), values) for key, values in figures.items())]
    best = max(ours, key=lambda name: statistics.median(ours[name]))
    ring = 'rings' if 'rings' in ours else best
    rows = [paired('flow-null', ours[ring], figures[ring, True], 'Mbit/s',
                   notes=[*notes, 'null: `server --no-mppe`, `client --no-mppe`'])]
    if 'openvpn' in figures:
        rows.append(paired('flow-openvpn', ours[best], figures['openvpn'], 'Mbit/s',
                           notes=[f'ours: the fastest outer link here, {best}']))
    else:
        rows.append(Result('flow-openvpn', skipped='there is no openvpn here'))
    rows.append(paired('flow-veth', ours[best], figures['veth'], 'Mbit/s',
                       notes=[f'ours: {best}']))
    return rows


def pings(lab, options):
    """What a tunnel adds to a round trip while nothing else happens."""
    if not shutil.which('openvpn'):
        raise Cannot('there is no openvpn here')
    ours = Stage(lab, 'ping')
    ours.serve()
    inner = ours.dial()
    link = ours.outer_link()
    plain = Stage(lab, 'ping-openvpn')
    players = {'ours': (ours, inner), 'openvpn': (plain, plain.openvpn()),
               'veth': (plain, OUTER)}
    medians = {name: [] for name in players}
    for _ in range(options.rounds):
        for name, (stage, address) in players.items():
            medians[name].append(statistics.median(stage.pings(address, options.pings)) * 1000)

    def added(name):
        return [round_trip - bare for round_trip, bare in zip(medians[name], medians['veth'])]

    notes = [f'`ping -i 0.01 -c {options.pings}` through each in turn, {options.rounds} rounds; '
             f'the median, less that of the bare cable ({spread(medians["veth"], "us")})',
             f'ours with default options: {link}']
    return [paired('ping', added('ours'), added('openvpn'), 'us', notes=notes)]
