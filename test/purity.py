#!/usr/bin/python3
"""Checks that the pure rooms are pure, on their built libraries.

    purity.py libbase.a libcrypto.a …

No writable variable: every section for one is empty (`.data.rel.ro`, where const tables of pointers
live, is not writable once the program runs). No call to the world: what a room leaves undefined is on
the short list below, or belongs to a room it may know. Meaningful for an ordinary build only: the
sanitizers add variables and calls of their own.
"""
import os
import re
import subprocess
import sys

# Who may know whom; session meets crypto's types in the headers of ppp and datapath. A room that is
# missing from the command line is a failure too.
MAY_KNOW = {
    'base': [],
    'crypto': ['base'],
    'datapath': ['crypto', 'base'],
    'pptp': ['base'],
    'ppp': ['crypto', 'base'],
    'session': ['ppp', 'pptp', 'datapath', 'crypto', 'base'],
}

WRITABLE = re.compile(r'^(\.data|\.bss|\.tdata|\.tbss|\.init_array|\.fini_array|\.ctors|\.dtors)(\.|$)')
READ_ONLY = re.compile(r'^\.data\.rel\.ro(\.|$)')

EVERYWHERE = re.compile(
    r'^(mem(cpy|move|set|cmp|chr|rchr|mem)'  # the compiler calls these by itself
    r'|bcmp'                                 # clang's word for memcmp() == 0
    r'|strlen|strcmp|strncmp'
    r'|__[a-z0-9]+_chk|__stack_chk_fail'     # what hardening makes of them
    r'|__assert_fail'
    r'|_GLOBAL_OFFSET_TABLE_)$')
FROM_NETTLE = re.compile(r'^nettle_[a-z0-9_]+$')
MAY_USE_NETTLE = ['crypto']
# zlib calls malloc only where its caller gives no memory of his own; deflate.c does.
FROM_ZLIB = re.compile(r'^(deflate|inflate)[A-Za-z0-9]*_?$')
MAY_USE_ZLIB = ['deflate.c.o']


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def members(listing):
    """Splits a listing of an archive into its files: (name, lines)."""
    name, lines = None, []
    for line in listing.splitlines():
        head = re.match(r'^(\S+):\s+file format ', line)
        if head:
            if name:
                yield name, lines
            name, lines = os.path.basename(head.group(1)), []
        else:
            lines.append(line)
    if name:
        yield name, lines


def writable_sections(library):
    for name, lines in members(run('objdump', '-h', library)):
        for line in lines:
            fields = line.split()
            if len(fields) < 7 or not fields[0].isdigit():
                continue
            section, size = fields[1], int(fields[2], 16)
            if size and WRITABLE.match(section) and not READ_ONLY.match(section):
                yield name, section, size


def symbols_in(library, member, section):
    for name, lines in members(run('objdump', '-t', library)):
        if name != member:
            continue
        for line in lines:
            fields = line.split()
            if section in fields[1:-1] and fields[-1] != section:
                yield fields[-1]


def symbols(library):
    """The symbols a library defines, those it leaves undefined and common ones, each with its file."""
    defined, undefined, common = set(), set(), set()
    for line in run('nm', '-A', '-P', library).splitlines():
        where, rest = line.split(': ', 1)
        name, kind = rest.split()[:2]
        member = re.sub(r'.*\[(.*)\]$', r'\1', where)
        member = os.path.basename(member)
        if kind in 'Uwv':
            undefined.add((name, member))
        elif kind == 'C':
            common.add((name, member))
        elif kind.isupper():
            defined.add(name)
    return defined, undefined, common


def main():
    libraries = {re.sub(r'^lib|\.a$', '', os.path.basename(path)): path for path in sys.argv[1:]}
    faults = [f'{room}: no library given' for room in MAY_KNOW if room not in libraries]
    faults += [f'{room}: not a pure room' for room in libraries if room not in MAY_KNOW]
    rooms = [room for room in MAY_KNOW if room in libraries]
    table = {room: symbols(libraries[room]) for room in rooms}

    for room in rooms:
        _, undefined, common = table[room]
        known = set().union(*(table[other][0] for other in [room, *MAY_KNOW[room]]
                              if other in table))
        outside = set()
        for name, member in sorted(undefined):
            if name in known:
                continue
            outside.add(name)
            allowed = EVERYWHERE.match(name) or (
                room in MAY_USE_NETTLE and FROM_NETTLE.match(name)) or (
                member.endswith(tuple(MAY_USE_ZLIB)) and FROM_ZLIB.match(name))
            if not allowed:
                faults.append(f'{room}: {member} calls {name}')
        for name, member in sorted(common):
            faults.append(f'{room}: {member} has the writable variable {name}')
        for member, section, size in writable_sections(libraries[room]):
            found = ' '.join(symbols_in(libraries[room], member, section)) or 'no symbol'
            faults.append(f'{room}: {member} has {size} bytes in {section}: {found}')
        print(f'{room}: {len(table[room][0])} symbols of its own; from outside: '
              f'{" ".join(sorted(outside)) or "nothing"}')

    for fault in faults:
        print(f'IMPURE {fault}')
    print(f'{len(rooms)} rooms checked, {len(faults)} faults')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
