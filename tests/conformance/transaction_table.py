# SPDX-License-Identifier: Apache-2.0
"""The table of docs/transactions.md: a row for each recorded case, in words."""

BEGIN, END = '<!-- recorded runs: begin -->', '<!-- recorded runs: end -->'
HEAD = ('chain', 'mode', 'what Alembic leaves', 'what stillhead leaves')

CHAINS = {  # recorded name -> what it is
    'all_ok': 'nothing fails',
    'middle_fails': 'b fails at its second statement',
    'last_fails': 'c fails at its second statement',
    'autocommit_ok': 'b builds an index in an autocommit block',
    'autocommit_then_fail_same_rev': 'b fails behind its autocommit block',
    'autocommit_then_later_rev_fails': 'b has an autocommit block, c fails',
    'fails_inside_autocommit_block': 'b fails in its autocommit block',
    'concurrently_without_autocommit': 'b builds an index concurrently, in no block',
    'enum_add_value_used_same_tx': 'b adds a value to an enum and uses it',
    'version_update_conflict': 'b changes the version row itself',
}
DATABASES = {'postgresql': 'PostgreSQL', 'postgresql_offline': '`--sql`', 'sqlite': 'SQLite'}
MODES = {  # what env.py says -> what it is
    (): 'default',
    (('transaction_per_migration', True),): 'a revision',
    (('transactional_ddl', False),): 'none',
    (('transactional_ddl', True),): 'the run',
}


def code(names):
    return ', '.join(f'`{name}`' for name in names)


def names_of(revisions):
    return [revision.name for revision in revisions]


def left(tables, rows, revisions, journal=()):
    """Where a run ended, and what is there of revisions that neither version row nor journal know."""
    if rows and rows[0] not in names_of(revisions):
        yield f'at {code(rows)}, which no script has'
        return
    yield 'nothing is left' if rows is None and not tables else f'at {code(rows)}' if rows else 'at base'
    for revision in revisions[names_of(revisions).index(rows[0]) + 1 if rows else 0:]:
        made = [effect for statement in revision.upgrade for effect in statement.effects() if effect in tables]
        if made and revision.name not in journal:
            yield f'{code(made)} of {revision.name} is left'


def outcome(exit_code):
    return 'fails' if exit_code else 'succeeds'


def printed(text):
    return f'prints {text.split().count("BEGIN;")} transactions'


def theirs(case, revisions):
    if 'stdout' in case:
        return printed(case['stdout'])
    words = left(case['tables_after'], case['version_rows_after'], revisions)
    return '; '.join([outcome(case['exit']), *words])


def ours(case, revisions, seen):
    if 'stdout' in case:
        return 'prints the same' if seen.stdout.split() == case['stdout'].split() else printed(seen.stdout)
    words = [outcome(seen.exit), *left(seen.left.tables, seen.left.rows, revisions, seen.left.journal)]
    for name, (done, _) in seen.left.journal.items():
        count = len(revisions[names_of(revisions).index(name)].upgrade)
        words.append(f'{done} of {count} statements of {name} are in the journal')
    if seen.exit:
        words.append(f'corrected, the next run ends at {code([revisions[-1].name])}' if seen.finished
                     else 'no next run goes on')
    return '; '.join(words)


def row(case, revisions, seen):
    chain = CHAINS[case['chain']]
    if case['argv'][-1][0] == 'downgrade':
        chain += ', up and down' if len(case['argv']) > 1 else ', down'
    mode = f'{DATABASES[case["database"]]}, {MODES[tuple(case["configure"].items())]}'
    return chain, mode, theirs(case, revisions), ours(case, revisions, seen)


def table(rows):
    lines = ['| ' + ' | '.join(each) + ' |' for each in (HEAD, *rows)]
    return '\n'.join([lines[0], '|' + '---|' * len(HEAD), *lines[1:]])


def outdated(path, rows):
    """What differs between the page and the rows; None: nothing."""
    shown = path.read_text(encoding='utf-8').split(BEGIN)[1].split(END)[0].strip().splitlines()
    seen = table(rows).splitlines()
    if shown == seen:
        return None
    return (f'the table is not what was seen; gone: {[line for line in shown if line not in seen]}, '
            f'new: {[line for line in seen if line not in shown]}')


def write(path, rows):
    before, _, rest = path.read_text(encoding='utf-8').partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f'{before}{BEGIN}\n{table(rows)}\n{END}{after}', encoding='utf-8')
