"""Many sessions at once, from `greyline bench load`: memory, logins, throughput beside ten
thousand sessions, and more packets than the server can take.

The crowd's addresses are on the right's loopback and routed there, as clients of the world are: a
neighbour entry each would fill the kernel's table.
"""
import json
import re

from harness.greyline import password_file
from report import Cannot, Result, paired, spread
from stage import OUTER, PASSWORD, PROGRAM, USER, Stage, busy_core, cpu_seconds, resident

MANY, FEW = 10000, 100
CROWD = '10.32.0.0/14'  # of which the first addresses are used, one a session
MAX_RATE = 16           # logins under way at a time, an address


def crowd_stage(lab, name, sessions, *options):
    stage = Stage(lab, name)
    stage.right.run('ip', '-batch', '-', stdin=''.join(
        f'address add {address(at)}/32 dev lo\n' for at in range(sessions)))
    stage.left.ip(f'route add {CROWD} via 10.7.0.2')
    with open('/proc/sys/fs/nr_open', encoding='ascii') as limit:
        if int(limit.read()) < sessions + 1000:
            raise Cannot(f'{sessions} descriptors are more than fs.nr_open')
    stage.serve('--max-sessions', sessions + 100, '--max-half-open', '1024', *options)
    return stage


def address(at):
    return f'10.{32 + (at >> 16)}.{at >> 8 & 255}.{at & 255}'


def load_command(stage, sessions, *options):
    password = password_file(stage.lab, f'password-{stage.name}', PASSWORD)
    return [PROGRAM, 'bench', 'load', '--server', OUTER, '--user', USER, '--password-file',
            password, '--sessions', str(sessions), '--bind',
            f'{address(0)}-{address(sessions - 1)}', *map(str, options)]


def load(stage, sessions, *options, timeout=240):
    """Runs a crowd to its end; what it measured."""
    done = stage.right.run('taskset', '-c', '1', *load_command(stage, sessions, *options),
                           '--json', timeout=timeout, check=False)
    if not done.stdout.strip():
        raise RuntimeError(f'greyline bench load: exit {done.returncode}\n{done.stderr[-2000:]}')
    return json.loads(done.stdout)


def memory_and_logins(lab, options):
    """Ten thousand sessions, a little reordered traffic on each: what they cost."""
    sessions = options.sessions
    stage = crowd_stage(lab, 'memory', sessions)
    before, busy = resident(stage.server), cpu_seconds(stage.server)
    command = load_command(stage, sessions, '--traffic', 'ping:600:1', '--reorder', 50,
                           '--seconds', 4, '--stay', '--json')
    crowd = stage.on_right(*command)
    crowd.wait_for(rf'\b{sessions} of {sessions} sessions up|sessions? failed', 120)
    busy = cpu_seconds(stage.server) - busy
    up = resident(stage.server)
    crowd.wait_for(r'Measured', 60)
    after = resident(stage.server)
    said = crowd.text
    crowd.stop(timeout=30)
    measured = json.loads(said[said.index('{'):said.rindex('}') + 1]) if '{' in said else \
        json.loads(re.search(r'\{.*\}', crowd.text, re.S).group(0))
    logins = measured['logins']
    if logins['up'] != sessions:
        raise RuntimeError(f'{logins["up"]} of {sessions} came up: {logins["failures"]}')
    each = (after - before) / sessions
    shown = ' '.join(command[1:]).replace(stage.lab.directory.name, 'DIR')
    traffic = measured['traffic']
    memory = Result('memory', f'{each:.2f} KiB', 'about 1000 KiB (pppd)', each, notes=[
        f'VmRSS of `greyline server`: {before} KiB before, {up} with {sessions} sessions up, '
        f'{after} after traffic', f'`greyline {shown}`',
        f'{traffic["answered"]} of {traffic["sent"]} packets answered, '
        f'{traffic["reordered"]} of them sent in the wrong order'])
    here = Result('logins-here', f'{logins["per-second"]:.0f} a second', notes=[
        f'{sessions / busy:.0f} a second of the server\'s processor time; the generator used '
        f'{logins["own-load"]:.2f} of its core'])
    return [memory, here]


def many(lab, options):
    """The same traffic on a hundred sessions, alone and among ten thousand."""
    stages = {FEW: crowd_stage(lab, 'few', FEW), options.sessions:
              crowd_stage(lab, 'many', options.sessions)}
    figures = {sessions: [] for sessions in stages}
    loads, costs = [], {sessions: [] for sessions in stages}
    for _ in range(options.rounds):
        for sessions, stage in stages.items():
            measured = load(stage, sessions, '--traffic', 'ping:1400:max', '--traffic-sessions',
                            FEW, '--seconds', options.seconds)
            figures[sessions].append(measured['traffic']['mbit-answered'])
            loads.append(measured['hold']['own-load'])
            if measured['logins']['up'] != sessions or measured['hold']['ended']:
                raise RuntimeError(f'not all of {sessions} sessions came up and stayed')
    return [paired('many', figures[options.sessions], figures[FEW], 'Mbit/s', notes=[
        f'`greyline bench load --sessions N --traffic ping:1400:max --traffic-sessions {FEW} '
        f'--seconds {options.seconds}`, {options.rounds} rounds in turn; what was answered counts',
        f'the generator used {spread(loads, "of its core")}'])]


def overload(lab, options):
    """Twice what fits, for a minute: nobody is lost, and control frames get through."""
    stage = crowd_stage(lab, 'overload', FEW)
    with busy_core(stage, 2):
        fits = load(stage, FEW, '--traffic', 'ping:1400:max', '--seconds', options.seconds)
        capacity = fits['traffic']['answered-per-second']
        offered = 2 * capacity
        measured = load(stage, FEW, '--traffic', f'ping:1400:{offered / FEW:.2f}', '--echo', 1,
                        '--seconds', options.overload, timeout=options.overload + 90)
    traffic, echo = measured['traffic'], measured['lcp-echo']
    worst = echo['round-trip'].get('p99-ms')
    lost = measured['hold']['ended'] + measured['logins']['failed']
    sent = traffic['sent-per-second']
    notes = [
        f'the server has a third of its core (two programs spin beside it), so that the generator '
        f'can offer more than fits: {capacity:.0f} packets a second were answered at most',
        f'offered {sent:.0f} a second for {options.overload} s, '
        f'{traffic["answered-per-second"]:.0f} answered, {traffic["behind"]} not sent in time; '
        f'the generator used {measured["hold"]["own-load"]:.2f} of its core',
        f'LCP echoes: {echo["sent"]} sent, {echo["answered"]} answered, {echo["lost"]} lost; '
        f'p50 {echo["round-trip"].get("p50-ms")} ms, p99 {worst} ms, '
        f'maximum {echo["round-trip"].get("max-ms")} ms', f'{lost} of {FEW} sessions lost']
    result = Result('overload', f'{worst} ms, {lost} lost', '', worst and worst / 1000,
                    notes=notes)
    if lost:
        result.failed = f'{lost} of {FEW} sessions were lost: {measured["hold"]["endings"]}'
    elif sent < 1.8 * capacity:
        result.skipped = f'the generator offered {sent / capacity:.2f} times what fits, not twice'
    return [result]
