# SPDX-License-Identifier: Apache-2.0
"""Both tools take turns on one database; see tests/differential/turns, which runs this.

The same history lies in two folders, as .sql for Stillhead and as .py for Alembic. Random commands are given
to either tool in turn on one database, and to Alembic alone on a twin. After each command both databases must
have the same version rows and the same tables, and both tools must have agreed whether it can be done. The one
permitted difference: Stillhead refuses an upgrade to what the database has left behind, which Alembic passes
over in silence; nothing changes either way.
"""

import contextlib
import io
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import sqlalchemy
from alembic import command
from alembic.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
STILLHEAD = os.environ.get('STILLHEAD', str(ROOT / 'build/release/stillhead'))
DATABASE_AHEAD = 4

# id, parents, depends_on, label
HISTORY = [('r1', [], [], ''), ('r2', ['r1'], [], ''), ('a3', ['r2'], [], 'left'), ('b3', ['r2'], [], 'right'),
           ('a4', ['a3'], [], ''), ('b4', ['b3'], [], ''), ('m5', ['a4', 'b4'], [], ''), ('n6', ['m5'], [], ''),
           ('s1', [], [], 'side'), ('s2', ['s1'], ['a3'], ''), ('s3', ['s2'], [], '')]
TARGETS = ['heads', 'n6', 'm5', 'a4', 'b4', 'a3', 'b3', 'r2', 'r1', 's1', 's2', 's3', 'left@head', 'side@head', '+1']
DOWN_TARGETS = ['base', 'r1', 'r2', 'a3', 'b4', 'm5', 's1', 'side@base', 'right@-1']
STAMPS = ['heads', 'base', 'r2', 'a4', 's2', 'm5']

ENV_PY = '''from alembic import context
from sqlalchemy import create_engine

engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
'''


def write_scripts(folder):
    ours, theirs = folder / 'ours', folder / 'theirs' / 'versions'
    ours.mkdir()
    theirs.mkdir(parents=True)
    (folder / 'theirs' / 'env.py').write_text(ENV_PY)
    for number, (revision, parents, depends, label) in enumerate(HISTORY):
        up, down = f'CREATE TABLE IF NOT EXISTS t_{revision} (id integer)', f'DROP TABLE IF EXISTS t_{revision}'
        (ours / f'{number:02}_{revision}.sql').write_text(
            f'-- revision: {revision}\n-- down_revision: {", ".join(parents)}\n-- depends_on: {", ".join(depends)}\n'
            f'-- branch_labels: {label}\n-- stillhead:upgrade\n{up};\n-- stillhead:downgrade\n{down};\n')
        (theirs / f'{number:02}_{revision}.py').write_text(
            f'from alembic import op\n\nrevision = {revision!r}\ndown_revision = {tuple(parents) or None!r}\n'
            f'branch_labels = {[label] if label else None!r}\ndepends_on = {depends or None!r}\n\n\n'
            f'def upgrade():\n    op.execute({up!r})\n\n\ndef downgrade():\n    op.execute({down!r})\n')


class Database:
    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.config = Config()
        self.config.set_main_option('script_location', str(folder / 'theirs'))
        self.config.set_main_option('sqlalchemy.url', url.replace('%', '%%'))

    def by_alembic(self, verb, target):
        """True: done."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                getattr(command, verb)(self.config, target)
                return True
            except Exception:  # noqa: BLE001: whatever it is, it could not be done
                return False

    def by_stillhead(self, verb, target):
        done = subprocess.run([STILLHEAD, '-d', self.url, '--script-location', str(self.folder / 'ours'), verb, target],
                              text=True, capture_output=True, cwd=self.folder, timeout=60)
        return done.returncode in (0, DATABASE_AHEAD), done.stderr

    def state(self):
        engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.pool.NullPool)
        with engine.connect() as connection:
            tables = sorted(name for name in sqlalchemy.inspect(connection).get_table_names()
                            if not name.startswith('stillhead') and name != 'alembic_version')
            rows = []
            if sqlalchemy.inspect(connection).has_table('alembic_version'):
                rows = sorted(connection.execute(sqlalchemy.text('SELECT version_num FROM alembic_version')).scalars())
        return tables, rows


def play(shared, twin, rounds, chance):
    """The number of commands on which all agreed, and what went wrong."""
    told = []
    for number in range(rounds):
        verb = chance.choice(['upgrade', 'upgrade', 'upgrade', 'downgrade', 'downgrade', 'stamp'])
        target = chance.choice({'upgrade': TARGETS, 'downgrade': DOWN_TARGETS, 'stamp': STAMPS}[verb])
        tool = chance.choice(['alembic', 'stillhead'])
        output = ''
        if tool == 'alembic':
            done = shared.by_alembic(verb, target)
        else:
            done, output = shared.by_stillhead(verb, target)
        told.append(f'{tool} {verb} {target}')
        expected = twin.by_alembic(verb, target)
        if done != expected or shared.state() != twin.state():
            return number, (f'after {"; ".join(told[-6:])}\n  together: done {done}, {shared.state()}\n'
                            f'  alembic alone: done {expected}, {twin.state()}\n  {output}')
    return rounds, None


def main():
    rounds, seed, urls = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    print(f'seed {seed}', flush=True)
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix='stillhead-turns-') as name:
        folder = pathlib.Path(name)
        write_scripts(folder)
        pairs = [(f'sqlite:///{folder}/shared.db', f'sqlite:///{folder}/twin.db')]
        pairs += [tuple(urls[i:i + 2]) for i in range(0, len(urls), 2)]
        for shared, twin in pairs:
            agreed, problem = play(Database(folder, shared), Database(folder, twin), rounds, random.Random(seed))
            passed += agreed
            if problem:
                failed += 1
                print(f'{shared.split(":")[0]}: {problem}')
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
