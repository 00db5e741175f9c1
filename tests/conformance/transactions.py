#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""transaction_semantics.json: what a database is left with when a revision of a chain fails, or none does.

  tests/conformance/replay DIR transaction_semantics                  compares
  tests/conformance/transactions.py DIR --write docs/transactions.md  writes the table of that page

DIR holds recorded runs of Alembic. The chains are turned to `.sql` scripts, and the recorded commands run with the
real `stillhead` on an empty database. Compared are exit code, the lines about steps, the error's text and
SQLSTATE, version rows and tables; of `--sql` the printed text. Then the recorded Python scripts themselves run.

Whatever happens, the database must be clean: version rows, history, journal and what the statements have made say
the same. After a failure the fault is corrected in each way that chains.CORRECTIONS has, and the next run must end
where a run of the corrected chain on an empty database ends. No statement of the chains can run twice without an
error or another row, so that equal means once. The table of docs/transactions.md must be what was seen.
"""
import argparse
import collections
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import alembic_project  # noqa: E402
import chains  # noqa: E402
import databases  # noqa: E402
import python_transactions  # noqa: E402
import transaction_table  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = str(pathlib.Path(os.environ.get('STILLHEAD', ROOT / 'build/release/stillhead')).resolve())
PAGE = 'docs/transactions.md'
EXIT_CODES = {0: 0, 1: 1, 255: 1}  # 255: Alembic found the version row changed
SQLSTATES = {'UndefinedTable': '42P01', 'ActiveSqlTransaction': '25001', 'UnsafeNewEnumValueUsage': '55P04'}
NOTHING = databases.Contents(rows=None, tables=[], objects=set(), history=[], journal={})


@dataclasses.dataclass(frozen=True)
class Mode:
    database: str  # postgresql, sqlite, postgresql_offline
    single: bool
    transactional: bool

    def options(self):
        return ['--transaction', 'single' if self.single else 'per_revision']


def mode_of(case):
    """What env.py configures, in our terms. Alembic takes SQLite for a database that cannot roll back DDL: there a
    single transaction is only what is asked for."""
    configure = dict(case['configure'])
    per_revision = configure.pop('transaction_per_migration', False)
    transactional_ddl = configure.pop('transactional_ddl', None)
    if configure:
        raise ValueError(f'unknown options {configure}')
    if case['database'] == 'sqlite':
        return Mode('sqlite', single=bool(transactional_ddl) and not per_revision, transactional=True)
    return Mode(case['database'], single=not per_revision and transactional_ddl is not False,
                transactional=transactional_ddl is not False)


@dataclasses.dataclass
class Seen:
    """What one case came to here."""
    exit: int
    stdout: str
    stderr: str
    report: dict
    left: databases.Contents = NOTHING
    finished: bool = False  # after each correction the next run has reached the head


class Project:
    """Scripts in a folder, and runs of the program on them."""

    def __init__(self, folder, mode):
        self.folder, self.mode = pathlib.Path(folder), mode

    def offline(self):
        return self.mode.database == 'postgresql_offline'

    def run(self, url, command):
        """(finished process, report)"""
        report = self.folder / 'report.json'
        report.unlink(missing_ok=True)
        environment = {'PATH': os.environ['PATH'], 'HOME': str(self.folder), 'LC_ALL': 'C.UTF-8', 'DATABASE_URL': url}
        if self.offline() and not self.mode.transactional:
            environment['STILLHEAD_TRANSACTIONAL_DDL'] = 'false'
        done = subprocess.run([PROGRAM, *self.mode.options(), '--report', report, *command], cwd=self.folder, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, env=environment)
        return done, json.loads(report.read_text()) if report.exists() else {}

    def run_all(self, url, commands, revisions):
        """Stops at the first failure."""
        chains.write_scripts(self.folder / 'migrations', revisions, self.mode.transactional or self.offline())
        stdout = stderr = ''
        for command in commands:
            done, report = self.run(url, command)
            stdout, stderr = stdout + done.stdout, stderr + done.stderr
            if done.returncode:
                break
        return Seen(done.returncode, stdout, stderr, report)


def applied(revisions, rows):
    """Names of the revisions up to the row, in order; the chains have no branches."""
    names = [revision.name for revision in revisions]
    return names[:names.index(rows[0]) + 1] if rows else []


def unclean(revisions, left, by_hand=frozenset()):
    """What of the database does not fit together."""
    known = {revision.name: revision for revision in revisions}
    if left.rows and (len(left.rows) > 1 or left.rows[0] not in known):
        yield f'the version rows are {left.rows}: no next run can go on from there'
        return
    done = applied(revisions, left.rows)
    if len(set(left.history)) < len(left.history):
        yield f'the history has a step twice: {left.history}'
    if [name for name in known if dict(left.history).get(name) == 'upgrade'] != done:
        yield f'the history says {left.history}, the version row {left.rows}'
    wanted = {effect for name in done for statement in known[name].upgrade for effect in statement.effects()} | by_hand
    for name, (count, in_doubt) in left.journal.items():
        wanted |= {effect for statement in known[name].upgrade[:count] for effect in statement.effects()}
        if in_doubt or list(known)[len(done):][:1] != [name]:
            yield f'the journal says {left.journal}, the version row {left.rows}'
    if left.objects != wanted:
        yield f'{sorted(left.objects)} are there; version row and journal say {sorted(wanted)}'


def by_hand(database, correction):
    """Runs what a correction does by hand; names of what it has made."""
    if not correction.by_hand:
        return set()
    before = database.look().objects
    database.run(correction.by_hand)
    return database.look().objects - before


def after_correction(case, project, revisions, correction, database):
    """What is wrong with the run that follows on a correction, the failure being brought about once more."""
    setup, corrected = chains.SETUPS.get(case['chain']), correction.apply(revisions)
    database.reset(setup)
    by_hand(database, correction)
    undisturbed = project.run_all(database.url, case['argv'], corrected)
    wanted_dump = database.dump()
    database.reset(setup)
    failed = project.run_all(database.url, case['argv'], revisions)
    made = by_hand(database, correction)
    seen = project.run_all(database.url, case['argv'], corrected)
    if not failed.exit or seen.exit or undisturbed.exit:
        yield (f'exit codes {failed.exit}, corrected {seen.exit}, and on a new database {undisturbed.exit}: '
               f'{seen.stderr or undisturbed.stderr}')
        return
    left, dump = database.look(), database.dump()
    yield from unclean(corrected, left, made)
    if left.rows != [revisions[-1].name] or left.journal:
        yield f'it ends at {left.rows} with the journal {left.journal}'
    found, expected = collections.Counter(dump), collections.Counter(wanted_dump)
    if found != expected:
        yield f'of an undisturbed run {[*(expected - found)]} is missing, and {[*(found - expected)]} is too much'


def steps_of(lines):
    return re.findall(r'Running (?:upgrade|downgrade) .*', lines)


def recorded_error(case):
    """(text, SQLSTATE or None) of the recorded failure; the driver's prefix is left out."""
    found = re.fullmatch(r'\w+: \((?:psycopg2\.errors|sqlite3)\.(\w+)\) (.*)', case['error'] or '')
    if found:
        return found[2], SQLSTATES[found[1]] if case['database'] == 'postgresql' else None
    told = [line.partition('] Online migration ')[2] for line in case['log'] if line.startswith('ERROR ')]
    return (told[0], None) if told else (None, None)


def tables_of(statements):
    return {effect for statement in statements if statement.sql.startswith('CREATE TABLE')
            for effect in statement.effects()}


def failing(case, revisions):
    """Place of the revision that the recorded run ended in."""
    return [revision.name for revision in revisions].index(steps_of('\n'.join(case['log']))[-1].rpartition(' ')[2])


def rolled_back(want, case, revisions):
    """SQLite rolls back what its transaction has made."""
    count = 0 if mode_of(case).single else failing(case, revisions)
    stay = revisions[:count]
    made = tables_of(statement for revision in stay for statement in revision.upgrade)
    want.update(rows=[stay[-1].name] if stay else None, tables=sorted({databases.VERSION_TABLE, *made}) if stay else [])


def one_by_one(want, case, revisions):
    """Where each statement commits by itself, those before the one that failed stay; the journal knows them."""
    want['tables'] = sorted({*want['tables'], *tables_of(revisions[failing(case, revisions)].upgrade)})


def succeeds(want, _, revisions):
    made = tables_of(statement for revision in revisions for statement in revision.upgrade)
    want.update(exit=0, error=None, rows=[revisions[-1].name], tables=sorted({databases.VERSION_TABLE, *made}))


def no_empty_transaction(want, case, _):
    """Nothing is printed of a transaction without a statement but its comment."""
    want['stdout'] = re.sub(r'BEGIN;\s+(-- .*\n)\s+COMMIT;', r'\1', case['stdout']).split()


def refused_at_once(want, *_):
    """A statement outside of the revision's transaction that changes the version row is refused itself."""
    want['error'] = 'the statement changes the version table'


DIFFERENCES = {function.__name__: function
               for function in (rolled_back, one_by_one, succeeds, no_empty_transaction, refused_at_once)}


def wanted(case, revisions, kind):
    want = {'exit': EXIT_CODES[case['exit']], 'error': recorded_error(case)[0], 'rows': case.get('version_rows_after'),
            'tables': sorted(case.get('tables_after', [])), 'steps': steps_of('\n'.join(case['log'])),
            'stdout': case.get('stdout', '').split()}  # white space does not count
    if kind:
        DIFFERENCES[kind](want, case, revisions)
    return want


def one_clear_error(seen, text, sqlstate):
    """What is wrong with how a failure is told."""
    told = re.findall(r'^stillhead: (.*)', seen.stderr, re.MULTILINE)
    failure = seen.report.get('failure', {})
    if len(told) != 1 or text not in told[0]:
        yield f'the error is {told} instead of one with "{text}"'
    if seen.report.get('message') not in told or seen.report.get('exitCode') != seen.exit:
        yield f'the report says {seen.report}'
    elif sqlstate and failure.get('sqlState') != sqlstate:
        yield f'SQLSTATE {failure.get("sqlState")} instead of {sqlstate}'
    place = f'{failure.get("file")}:{failure.get("line")}'
    if failure.get('statement') and (not failure.get('line') or place not in told[0]):
        yield f'the error does not name {place}: {told}'


def different(case, seen, want):
    found = {'exit': seen.exit, 'rows': seen.left.rows, 'tables': seen.left.tables, 'steps': steps_of(seen.stderr),
             'stdout': seen.stdout.split()}
    for key, value in found.items():
        if value != want[key]:
            yield f'{key}: {value} instead of {want[key]}' + (f' ({seen.stderr.strip()})' if key == 'exit' else '')
    if seen.exit and want['error']:
        yield from one_clear_error(seen, want['error'], recorded_error(case)[1])


def corrected_runs(case, project, revisions, database):
    """What goes wrong after each correction of the fault."""
    corrections = chains.CORRECTIONS.get(case['chain'], ())
    if not corrections:
        yield 'tests/conformance/chains.py has no correction'
    for correction in corrections:
        for problem in after_correction(case, project, revisions, correction, database):
            yield f'after the correction ({correction.words()}): {problem}'


def run_once(case, project, revisions, database):
    database.reset(chains.SETUPS.get(case['chain']))
    seen = project.run_all(database.url, case['argv'], revisions)
    seen.left = database.look()
    return seen


def in_transactions(case, folder, revisions, database):
    """What of a recorded run without transactional DDL differs from ours with a transaction a revision: SQLAlchemy
    begins transactions nevertheless, and the run leaves the same."""
    mode = Mode(case['database'], single=False, transactional=True)
    seen = run_once(case, Project(folder, mode), revisions, database)
    for problem in [*unclean(revisions, seen.left), *different(case, seen, wanted(case, revisions, None))]:
        yield f'with a transaction a revision: {problem}'


def run_case(case, revisions, database):
    """(what was seen, what is wrong whatever was recorded)"""
    with tempfile.TemporaryDirectory(prefix='stillhead-replay-') as folder:
        project = Project(folder, mode_of(case))
        if project.offline():
            return project.run_all('postgresql://', case['argv'], revisions), []
        seen = run_once(case, project, revisions, database)
        problems = list(unclean(revisions, seen.left))
        if seen.exit and not problems:
            problems = list(corrected_runs(case, project, revisions, database))
            seen.finished = not problems
        if not project.mode.transactional:
            problems += in_transactions(case, folder, revisions, database)
        return seen, problems


def verdict(case, revisions, kind, seen, problems):
    if kind and kind not in DIFFERENCES:
        return f'tests/conformance/differences calls it {kind}, which tests/conformance/transactions.py does not know'
    if kind and not list(different(case, seen, wanted(case, revisions, None))):
        return f'is listed as {kind}, but is equal to the recorded case'
    return '; '.join([*problems, *different(case, seen, wanted(case, revisions, kind))]) or None


def run_all(path, differences):
    """Yields (index, None or what is wrong, row of the page's table)."""
    if not pathlib.Path(PROGRAM).exists():
        sys.exit(f'{PROGRAM} is missing: run `make build` first')
    recorded = json.loads(path.read_text(encoding='utf-8'))
    all_revisions = {name: chains.revisions_of(chain) for name, chain in recorded['chains'].items()}
    with databases.Postgres() as postgres, databases.Sqlite() as sqlite:
        places = {'postgresql': postgres, 'sqlite': sqlite, 'postgresql_offline': None}
        for number, case in enumerate(recorded['cases']):
            revisions = all_revisions[case['chain']]
            seen, problems = run_case(case, revisions, places[case['database']])
            problem = verdict(case, revisions, differences.get(str(number)), seen, problems)
            yield str(number), problem, transaction_table.row(case, revisions, seen)


def replay(path, differences):
    """Yields (index, None or what is wrong), and last the page."""
    rows = []
    for name, problem, row in run_all(path, differences):
        rows.append(row)
        yield name, problem
    yield PAGE, transaction_table.outdated(ROOT / PAGE, rows)
    yield from replay_in_python(path, differences)


def replay_in_python(path, differences):
    """Yields ("7.py", None or what is wrong)."""
    alembic_project.prepare()
    recorded = json.loads(path.read_text(encoding='utf-8'))
    with databases.Postgres() as postgres, databases.Sqlite() as sqlite:
        places = {'postgresql': postgres, 'sqlite': sqlite, 'postgresql_offline': None}
        for number, case in enumerate(recorded['cases']):
            kind = differences.get(f'{number}.py')
            chain, revisions = recorded['chains'][case['chain']], chains.revisions_of(recorded['chains'][case['chain']])

            def run(kind, case=case, chain=chain, revisions=revisions):
                want = {**wanted(case, revisions, kind), 'exit': case['exit']}
                return python_transactions.replay_case(case, chain, places[case['database']], PROGRAM, want,
                                                       want['error'])

            problem = run(kind)
            if kind and not problem and not run(None):
                problem = f'is listed as {kind}, but is equal to the recorded case'
            yield f'{number}.py', problem


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', metavar='DIR', type=pathlib.Path)
    parser.add_argument('--write', metavar='FILE', type=pathlib.Path, required=True)
    options = parser.parse_args()
    rows = [row for _, _, row in run_all(options.folder / 'transaction_semantics.json', {})]
    transaction_table.write(options.write, rows)
    print(f'{options.write}: {len(rows)} rows; tests/conformance/replay says whether they are as they should be')


if __name__ == '__main__':
    main()
