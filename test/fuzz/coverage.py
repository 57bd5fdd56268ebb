#!/usr/bin/python3
"""The corpus must cover its parsers: at least 85 % of the lines of every parser's files.

    coverage.py BUILD            builds there with clang, replays each corpus, prints the table
    coverage.py BUILD --missing  and the lines that no input reaches

Only what the corpus itself reaches counts, entry by entry, so that a parser keeps its share whatever
other tests do. An entry without a row below, and a row without an entry, are failures.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LEAST = 85.0
FLAGS = '-fprofile-instr-generate -fcoverage-mapping'

# Fuzz entry: the files it is there to cover.
PARSERS = {
    'gre': ['src/datapath/gre.c', 'src/datapath/frame.c'],
    'inner': ['src/datapath/inner.c'],
    'segment': ['src/datapath/segment.c', 'src/datapath/mss.c'],
    'datapath_open': ['src/datapath/open.c', 'src/datapath/resync.c', 'src/datapath/mppe.c',
                      'src/datapath/reorder.c', 'src/datapath/hold.c'],
    'multilink': ['src/datapath/multilink.c'],
    'hdlc': ['src/datapath/hdlc.c', 'src/datapath/fcs.c'],
    'vj': ['src/datapath/vj.c'],
    'coalesce': ['src/datapath/coalesce.c', 'src/datapath/checksum.c'],
    'predictor': ['src/datapath/predictor.c'],
    'bsd': ['src/datapath/bsd.c'],
    'deflate': ['src/datapath/deflate.c'],
    'mppc': ['src/datapath/mppc.c'],
    'dese': ['src/datapath/dese.c'],
    'pppd_options': ['src/app/pppd_read.c', 'src/app/pppd_words.c'],
    'option': ['src/ppp/option.c', 'src/ppp/lcp_option.c', 'src/ppp/lcp_multilink.c'],
    'link': ['src/ppp/link.c', 'src/ppp/lcp.c', 'src/ppp/fsm.c', 'src/ppp/pap.c', 'src/ppp/chap.c',
             'src/ppp/chap_message.c', 'src/ppp/mschap_claim.c', 'src/ppp/eap.c',
             'src/ppp/eap_authenticator.c', 'src/ppp/eap_peer.c', 'src/ppp/cbcp.c', 'src/ppp/lqr.c'],
    'eap_tls': ['src/ppp/eap_tls.c'],
    'unit': ['src/ppp/unit.c', 'src/ppp/ccp.c', 'src/ppp/ccp_option.c', 'src/ppp/ecp.c',
             'src/ppp/ccp_compress.c', 'src/ppp/ipcp.c', 'src/ppp/ipv6cp.c'],
    'ppp_print': ['src/ppp/print.c'],
    'pptp_wire': ['src/pptp/pptp_wire.c', 'src/pptp/pptp_print.c'],
    'control': ['src/pptp/control.c', 'src/pptp/call.c', 'src/pptp/incoming.c'],
    'helper_wire': ['src/io/helper_wire.c'],
    'advert': ['src/session/advert.c', 'src/session/domains.c'],
    'dhcp_inform': ['src/session/dhcp_inform.c', 'src/session/ip_packet.c'],
    'dhcpv6': ['src/session/dhcpv6_wire.c', 'src/session/dhcpv6_server.c',
               'src/session/dhcpv6_client.c'],
    'tunnel': ['src/session/tunnel.c', 'src/session/session.c', 'src/session/translate.c'],
    'config': ['src/app/config.c', 'src/app/values.c'],
    'arguments': ['src/app/options.c'],
    'secrets': ['src/app/words.c', 'src/app/secrets.c'],
    'pcap': ['src/app/capture_file.c', 'src/app/dump.c'],
    'import': ['src/app/import.c', 'src/app/import_pptpd.c', 'src/app/import_accel.c',
               'src/app/import_accel_table.c', 'src/app/import_peer.c', 'src/app/import_pppd.c'],
}


def tool(name):
    """Debian has both llvm-cov and llvm-cov-14; other versions write profiles it cannot read."""
    for candidate in (name, f'{name}-14'):
        if shutil.which(candidate):
            return candidate
    sys.exit(f'{name} is not installed (Debian: llvm)')


def run(*command, **options):
    return subprocess.run(command, cwd=ROOT, check=True, **options)


def build(folder):
    if not os.path.exists(os.path.join(folder, 'build.ninja')):
        run('meson', 'setup', folder, '--buildtype=debug', f'-Dc_args={FLAGS}',
            '-Dc_link_args=-fprofile-instr-generate', stdout=subprocess.DEVNULL,
            env=dict(os.environ, CC='clang', LLVM_PROFILE_FILE='/dev/null'))
    listed = run('meson', 'introspect', '--targets', folder, stdout=subprocess.PIPE).stdout
    programs = {target['name'][len('replay_'):]: target['filename'][0]
                for target in json.loads(listed) if target['name'].startswith('replay_')}
    run('ninja', '-C', folder, '--quiet',
        *(os.path.relpath(path, folder) for path in programs.values()))
    return programs


def replay(name, program, folder):
    """Runs one corpus; gives the profile in the form llvm-cov reads."""
    raw, profile = (os.path.join(folder, f'{name}.{kind}') for kind in ('profraw', 'profdata'))
    run(program, os.path.join(ROOT, 'test/fuzz/corpus', name), stdout=subprocess.DEVNULL,
        env=dict(os.environ, LLVM_PROFILE_FILE=raw))
    run(tool('llvm-profdata'), 'merge', raw, '-o', profile)
    return profile


def relative(path):
    return os.path.relpath(os.path.realpath(os.path.join(ROOT, path)), ROOT)


def lines_of(program, profile):
    """For each source file: (lines covered, lines there are)."""
    done = run(tool('llvm-cov'), 'export', '--summary-only', f'--instr-profile={profile}', program,
               stdout=subprocess.PIPE)
    found = {}
    for file in json.loads(done.stdout)['data'][0]['files']:
        lines = file['summary']['lines']
        found[relative(file['filename'])] = (lines['covered'], lines['count'])
    return found


def show_missing(program, profile, wanted):
    done = run(tool('llvm-cov'), 'show', f'--instr-profile={profile}', program,
               stdout=subprocess.PIPE, text=True)
    file = None
    for line in done.stdout.splitlines():
        fields = line.split('|', 2)
        if len(fields) < 3:
            file = relative(line[:-1]) if line.endswith(':') else file
        elif file == wanted and fields[1].strip() == '0':
            print(f'    {fields[0].strip()}: {fields[2]}')


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--missing', action='store_true')
    options = parser.parse_args()
    folder = os.path.abspath(options.build)
    try:
        programs = build(folder)
    except subprocess.CalledProcessError as error:
        print(f'cannot build: {error}')
        return 1
    faults = [f'{name}: an entry without a row in coverage.py'
              for name in sorted(programs.keys() - PARSERS.keys())]
    faults += [f'{name}: a row without an entry in test/fuzz/meson.build'
               for name in sorted(PARSERS.keys() - programs.keys())]
    if not programs:
        faults.append('no fuzz entry at all')
    print(f'{"entry":16} {"file":36} {"lines":>6} {"covered":>8}')
    for name in sorted(programs.keys() & PARSERS.keys()):
        profile = replay(name, programs[name], folder)
        found = lines_of(programs[name], profile)
        for file in PARSERS[name]:
            covered, count = found.get(file, (0, 0))
            share = 100.0 * covered / count if count else 0.0
            print(f'{name:16} {file:36} {count:6} {share:7.1f} %')
            if share < LEAST:
                faults.append(f'{name}: {file} is covered to {share:.1f} %, not {LEAST:.0f} %')
                if options.missing:
                    show_missing(programs[name], profile, file)
    for fault in faults:
        print(f'FAULT {fault}')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
