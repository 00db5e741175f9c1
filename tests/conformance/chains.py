# SPDX-License-Identifier: Apache-2.0
"""Chains of revisions, as transaction_semantics.json has them in Python, turned to `.sql` scripts; how their faults
are corrected; and what their statements leave in a database."""

import ast
import dataclasses
import re

EFFECTS = (r'CREATE TABLE (\w+)', r'CREATE INDEX CONCURRENTLY (\w+)', r"ALTER TYPE (\w+ ADD VALUE '\w+')")
AUTOCOMMIT_BLOCK = 'op.get_context().autocommit_block()'
ROWS_ONLY = ('INSERT INTO ', 'UPDATE ')


@dataclasses.dataclass(frozen=True)
class Statement:
    sql: str
    alone: bool = False  # in an autocommit block

    def effects(self):
        """Names of what it makes, as a database's objects() calls them."""
        found = [match[1] for match in (re.match(pattern, self.sql) for pattern in EFFECTS) if match]
        if not found and not self.sql.startswith(ROWS_ONLY):
            raise ValueError(f'tests/conformance/chains.py does not know what this leaves: {self.sql}')
        return found


@dataclasses.dataclass
class Revision:
    name: str
    upgrade: list
    downgrade: list


@dataclasses.dataclass(frozen=True)
class Correction:
    """What somebody does about a failure: runs SQL by hand, or has `statement` become something else."""
    by_hand: str = ''
    statement: str = ''
    becomes: str = ''  # empty: the statement goes
    alone: bool = False

    def words(self):
        return f'{self.by_hand!r} by hand' if self.by_hand else f'{self.statement!r} changed to {self.becomes!r}'

    def apply(self, revisions):
        return [Revision(each.name, [new for old in each.upgrade for new in self.changed(old)], each.downgrade)
                for each in revisions]

    def changed(self, statement):
        if self.by_hand or statement.sql != self.statement:
            return [statement]
        return [Statement(self.becomes, statement.alone or self.alone)] if self.becomes else []


MISSING_TABLE = (Correction(by_hand='CREATE TABLE nonexistent (id INTEGER)'),
                 Correction(statement='INSERT INTO nonexistent VALUES (1)', becomes='INSERT INTO t_a VALUES (1)'))


def in_a_block(sql):
    return (Correction(statement=sql, becomes=sql, alone=True),)


SETUPS = {'enum_add_value_used_same_tx': "CREATE TYPE en AS ENUM ('x', 'y')"}
CORRECTIONS = {
    'middle_fails': MISSING_TABLE,
    'last_fails': MISSING_TABLE,
    'autocommit_then_fail_same_rev': MISSING_TABLE,
    'autocommit_then_later_rev_fails': MISSING_TABLE,
    'fails_inside_autocommit_block': MISSING_TABLE,
    'concurrently_without_autocommit': in_a_block('CREATE INDEX CONCURRENTLY ix_pre ON t_pre (id)'),
    'enum_add_value_used_same_tx': in_a_block("ALTER TYPE en ADD VALUE 'z'"),
    'version_update_conflict': (Correction(statement="UPDATE alembic_version SET version_num='hacked'"),),
}


def statements_of(lines):
    """Statements of a Python body; ValueError: it does more than execute SQL, in autocommit blocks or not."""
    return [statement for node in ast.parse('\n'.join(lines)).body for statement in statements_in(node, False)]


def statements_in(node, alone):
    if isinstance(node, ast.Pass):
        return []
    if isinstance(node, ast.With) and ', '.join(map(ast.unparse, node.items)) == AUTOCOMMIT_BLOCK:
        return [statement for inner in node.body for statement in statements_in(inner, True)]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == 'op.execute':
        (sql,) = node.value.args
        return [Statement(ast.literal_eval(sql), alone)]
    raise ValueError(f'cannot be written as SQL: {ast.unparse(node)}')


def revisions_of(chain):
    return [Revision(each['id'], statements_of(each['upgrade']), statements_of(each['downgrade'])) for each in chain]


def section(statements):
    """Text of a section, with a block around statements that stand alone."""
    lines, alone = [], False
    for statement in [*statements, Statement('')]:
        if statement.alone != alone:
            alone = statement.alone
            lines.append('-- stillhead:autocommit' if alone else '-- stillhead:end')
        lines.append(f'{statement.sql};' if statement.sql else '')
    return '\n'.join(lines)


def write_scripts(folder, revisions, transactional):
    folder.mkdir(exist_ok=True)
    below = ''
    for each in revisions:
        (folder / f'{each.name}.sql').write_text(
            f'-- revision: {each.name}\n-- down_revision: {below}\n-- message: rev {each.name}\n'
            f'-- transactional: {str(transactional).lower()}\n'
            f'-- stillhead:upgrade\n{section(each.upgrade)}\n-- stillhead:downgrade\n{section(each.downgrade)}')
        below = each.name
