#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""transaction_semantics.json: what a database is left with when a revision of a chain fails, or none does.

  tests/conformance/replay DIR transaction_semantics                  compares
  tests/conformance/transactions.py DIR --write docs/transactions.md  writes the table of that page

DIR holds recorded runs of Alembic. The chains are turned to `.sql` scripts, and the recorded commands run with the
real `stillhead` on a database of their own. Compared are exit code, the lines about steps, the error's text and
SQLSTATE, version rows and tables; of `--sql` the printed text.

Whatever happens, the database must be clean: version rows, history, journal and what the statements have made say
the same. After a failure the fault is corrected in each way that chains.CORRECTIONS has, each on a copy, and the
next run must end where a run of the corrected chain on a new database ends. No statement of the chains can run twice
without an error or another row, so that equal means once. The table of docs/transactions.md must be what was seen.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import chains  # noqa: E402
import databases  # noqa: E402
import transaction_table  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get('STILLHEAD', ROOT / 'build/release/stillhead')
PAGE = 'docs/transactions.md'
VERSION_TABLE = 'alembic_version'
EXIT_CODES = {0: 0, 1: 1, 255: 1}  # 255: Alembic found the version row changed
SQLSTATES = {'UndefinedTable': '42P01', 'ActiveSqlTransaction': '25001', 'UnsafeNewEnumValueUsage': '55P04'}


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
    stdout: str = ''
    stderr: str = ''
    report: dict = dataclasses.field(default_factory=dict)
    rows: list | None = None  # version rows; None: no table
    tables: list = dataclasses.field(default_factory=list)
    objects: set = dataclasses.field(default_factory=set)
    history: list = dataclasses.field(default_factory=list)
    journal: dict = dataclasses.field(default_factory=dict)
    finished: bool = False  # after each correction the next run has reached the head


class Project:
    """Scripts in a folder, and runs of the program on them."""

    def __init__(self, folder, revisions, mode):
        self.folder, self.mode = pathlib.Path(folder), mode
        self.write(revisions)

    def write(self, revisions):
        chains.write_scripts(self.folder / 'migrations', revisions, self.mode.transactional or self.offline())

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

    def run_all(self, url, commands):
        """Stops at the first failure."""
        stdout = stderr = ''
        for command in commands:
            done, report = self.run(url, command)
            stdout, stderr = stdout + done.stdout, stderr + done.stderr
            if done.returncode:
                break
        return Seen(done.returncode, stdout, stderr, report)


def look(database, seen, by_hand=frozenset()):
    rows = database.rows(VERSION_TABLE)
    seen.rows = None if rows is None else [row.strip('()') for row in rows]
    seen.tables, seen.objects = database.tables(), database.objects() - by_hand - {VERSION_TABLE}
    seen.history, seen.journal = database.history(), database.journal()


def applied(revisions, rows):
    """Names of the revisions up to the row, in order; the chains have no branches."""
    names = [revision.name for revision in revisions]
    return names[:names.index(rows[0]) + 1] if rows else []


def unclean(revisions, seen):
    """What of the database does not fit together."""
    known = {revision.name: revision for revision in revisions}
    if seen.rows and (len(seen.rows) > 1 or seen.rows[0] not in known):
        yield f'the version rows are {seen.rows}: no next run can go on from there'
        return
    done = applied(revisions, seen.rows)
    if len(set(seen.history)) < len(seen.history):
        yield f'the history has a step twice: {seen.history}'
    if [name for name in known if dict(seen.history).get(name) == 'upgrade'] != done:
        yield f'the history says {seen.history}, the version row {seen.rows}'
    wanted = {effect for name in done for statement in known[name].upgrade for effect in statement.effects()}
    for name, (count, in_doubt) in seen.journal.items():
        wanted |= {effect for statement in known[name].upgrade[:count] for effect in statement.effects()}
        if in_doubt or list(known)[len(done):][:1] != [name]:
            yield f'the journal says {seen.journal}, the version row {seen.rows}'
    if seen.objects != wanted:
        yield f'{sorted(seen.objects)} are there; version row and journal say {sorted(wanted)}'


def after_correction(commands, project, revisions, correction, failed, fresh):
    """What is wrong with the run that follows on a correction; `failed` and `fresh` are databases."""
    corrected = correction.apply(revisions)
    project.write(corrected)
    by_hand = set()
    if correction.by_hand:
        before = failed.objects()
        failed.run(correction.by_hand)
        by_hand = failed.objects() - before
        fresh.run(correction.by_hand)
    seen, undisturbed = (project.run_all(database.url, commands) for database in (failed, fresh))
    if seen.exit or undisturbed.exit:
        yield f'exit codes {seen.exit} and, on a new database, {undisturbed.exit}: {seen.stderr or undisturbed.stderr}'
        return
    look(failed, seen, by_hand)
    yield from unclean(corrected, seen)
    if seen.rows != [revisions[-1].name] or seen.journal:
        yield f'it ends at {seen.rows} with the journal {seen.journal}'
    if failed.dump() != fresh.dump():
        yield f'the database is {failed.dump()}; undisturbed it is {fresh.dump()}'


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
    want.update(rows=[stay[-1].name] if stay else None, tables=sorted({VERSION_TABLE, *made}) if stay else [])


def one_by_one(want, case, revisions):
    """Where each statement commits by itself, those before the one that failed stay; the journal knows them."""
    want['tables'] = sorted({*want['tables'], *tables_of(revisions[failing(case, revisions)].upgrade)})


def succeeds(want, _, revisions):
    every = [statement for revision in revisions for statement in revision.upgrade]
    want.update(exit=0, error=None, rows=[revisions[-1].name], tables=sorted({VERSION_TABLE, *tables_of(every)}))


def no_empty_transaction(want, case, _):
    """Nothing is printed of a transaction without a statement but its comment."""
    want['stdout'] = re.sub(r'BEGIN;\s+(-- .*\n)\s+COMMIT;', r'\1', case['stdout']).split()


DIFFERENCES = {function.__name__: function for function in (rolled_back, one_by_one, succeeds, no_empty_transaction)}


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
    found = {'exit': seen.exit, 'rows': seen.rows, 'tables': seen.tables, 'steps': steps_of(seen.stderr),
             'stdout': seen.stdout.split()}
    for key, value in found.items():
        if value != want[key]:
            yield f'{key}: {value} instead of {want[key]}' + (f' ({seen.stderr.strip()})' if key == 'exit' else '')
    if seen.exit and want['error']:
        yield from one_clear_error(seen, want['error'], recorded_error(case)[1])


def corrected_runs(case, number, project, revisions, failed, server):
    """What goes wrong after each correction of the fault, on copies of the database that the run has left."""
    corrections = chains.CORRECTIONS.get(case['chain'], ())
    if not corrections:
        yield 'tests/conformance/chains.py has no correction'
    for turn, correction in enumerate(corrections):
        fresh = server.fresh(chains.SETUPS.get(case['chain']), f'{number}_new_{turn}')
        for problem in after_correction(case['argv'], project, revisions, correction, failed.copy(), fresh):
            yield f'after the correction ({correction.words()}): {problem}'


def run_case(case, number, revisions, server):
    """(what was seen, what is wrong whatever was recorded)"""
    with tempfile.TemporaryDirectory(prefix='stillhead-replay-') as folder:
        project = Project(folder, revisions, mode_of(case))
        if project.offline():
            return project.run_all('postgresql://', case['argv']), []
        database = server.fresh(chains.SETUPS.get(case['chain']), str(number))
        seen = project.run_all(database.url, case['argv'])
        look(database, seen)
        problems = list(unclean(revisions, seen))
        if seen.exit and not problems:
            problems = list(corrected_runs(case, number, project, revisions, database, server))
            seen.finished = not problems
    if not project.mode.transactional:
        problems += [f'with a transaction a revision: {problem}'
                     for problem in in_transactions(case, number, revisions, server)]
    return seen, problems


def in_transactions(case, number, revisions, server):
    """What of a recorded run without transactional DDL differs from ours with a transaction a revision: SQLAlchemy
    begins transactions nevertheless, and the run leaves the same."""
    with tempfile.TemporaryDirectory(prefix='stillhead-replay-') as folder:
        database = server.fresh(chains.SETUPS.get(case['chain']), f'{number}_in_transactions')
        seen = Project(folder, revisions, Mode(case['database'], single=False, transactional=True)).run_all(
            database.url, case['argv'])
        look(database, seen)
        yield from unclean(revisions, seen)
        yield from different(case, seen, wanted(case, revisions, None))


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

    def run(number, case):
        revisions = all_revisions[case['chain']]
        seen, problems = run_case(case, number, revisions, servers.get(case['database']))
        problem = verdict(case, revisions, differences.get(str(number)), seen, problems)
        return str(number), problem, transaction_table.row(case, revisions, seen)

    with databases.Postgres() as postgres, databases.Sqlite() as sqlite, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        servers = {'postgresql': postgres, 'sqlite': sqlite}
        yield from pool.map(run, *zip(*enumerate(recorded['cases'])))


def replay(path, differences):
    """Yields (index, None or what is wrong), and last the page."""
    rows = []
    for name, problem, row in run_all(path, differences):
        rows.append(row)
        yield name, problem
    yield PAGE, transaction_table.outdated(ROOT / PAGE, rows)


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
