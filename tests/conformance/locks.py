# SPDX-License-Identifier: Apache-2.0
"""pg15_locks.json: the table locks that PostgreSQL 15 was seen to take. The program locks_replay says them
beforehand, asking a server of our own on which the file's set-up was run; nothing else is executed there.

The recorder kept an eye on the storage of some relations only (no index of a key, no unique index):
`rewritten` is compared for those that the file names anywhere.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

from answering import ROOT, program


class Server:
    """A throw-away PostgreSQL with the set-up, owned by role bench, who ran the recording."""

    def __init__(self, setup):
        self.folder = tempfile.mkdtemp(prefix='stillhead-locks-', dir='/tmp')
        os.chmod(self.folder, 0o755)
        done = subprocess.run([ROOT / 'tools/run_postgres', 'start', self.folder + '/server', str(os.getpid())],
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f'tools/run_postgres failed: {done.stderr}')
        self.settings = dict(line.split('=', 1) for line in done.stdout.splitlines())
        self.run('postgres', 'CREATE ROLE bench SUPERUSER LOGIN')
        self.run('bench', setup)
        self.url = (f'postgresql://bench@/postgres?host={self.settings["PGHOST"]}'
                    f'&port={self.settings["PGPORT"]}')

    def run(self, user, sql):
        subprocess.run([self.settings['BIN'] + '/psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-h', self.settings['PGHOST'],
                        '-p', self.settings['PGPORT'], '-U', user, 'postgres'], input=sql, text=True, check=True,
                       stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        subprocess.run([ROOT / 'tools/run_postgres', 'stop', self.folder + '/server'], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)


def ask(url, statements):
    questions = ''.join(json.dumps({'url': url, 'sql': each['sql']}) + '\n' for each in statements)
    done = subprocess.run([program('locks_replay')], input=questions, text=True, capture_output=True)
    if done.returncode:
        sys.exit(f'locks_replay ended with exit code {done.returncode}: {done.stderr}')
    return [json.loads(line) for line in done.stdout.splitlines()]


def replay(path, differences):
    """Yields (index, None or what is wrong)."""
    del differences  # there are none: what a server does is not a matter of taste
    recorded = json.loads(path.read_text(encoding='utf-8'))
    statements = recorded['statements']
    watched = {name for each in statements for name in each['rewritten']}
    with Server(recorded['setup'].replace(';;', ';\n')) as server:
        answers = ask(server.url, statements)
    for index, (expected, answer) in enumerate(zip(statements, answers, strict=True)):
        found = {'locks': sorted(answer['locks']), 'rewritten': sorted(watched & set(answer['rewritten']))}
        wanted = {key: sorted(expected[key]) for key in found}
        problem = answer['unknown'] or (None if found == wanted else f'{found}, recorded {wanted}')
        yield str(index), f'{expected["sql"]}: {problem}' if problem else None
