# SPDX-License-Identifier: Apache-2.0
"""Asks Alembic (in this process) and traversal_replay the same, and compares (started by `run`).

Compared: the steps in order, the rows after each step, the range of a history, the texts of errors.
Alembic takes the dependencies of one revision out of a set; here they are put into load order first, which
is one of the orders it may take. Which row of a merge is updated and which deleted is left open.

May differ (tests/conformance/differences says why, docs/revisions.md for users):
- Alembic crashes (AssertionError, KeyError): an error here. Where its row keeping is what crashes, the plan
  stands and the rows must be the maximal applied revisions.
- Alembic leaves a row that lies below another row: the maximal ones of its rows here.
- an upgrade that does nothing: DatabaseAhead here when something applied is above the target.
- a prefix that several names have: called ambiguous here, before `@` even where Alembic does not look at it.
"""

import collections
import json
import multiprocessing
import os
import pathlib
import random
import subprocess
import sys
import time
import types
import warnings

import alembic
from alembic.runtime import migration
from alembic.script.base import ScriptDirectory
from alembic.script.revision import Revision, RevisionError, RevisionMap
from alembic.util import CommandError

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / 'conformance')]
import answering  # noqa: E402
import graphs  # noqa: E402
import traversal  # noqa: E402

CHUNK = 100
allowed = collections.Counter()  # differences that may be, of this process


class Script(Revision):
    """A revision as ScriptDirectory wants it."""
    module = types.SimpleNamespace(upgrade=lambda: None, downgrade=lambda: None)
    doc = None


class Rows(migration.HeadMaintainer):
    """Alembic's rules for rows, without a database."""

    def __init__(self, heads):
        super().__init__(None, heads)

    def _insert_version(self, version):
        assert version not in self.heads
        self.heads.add(version)

    def _delete_version(self, version):
        self.heads.remove(version)

    def _update_version(self, from_, to_):
        assert to_ not in self.heads
        self.heads.remove(from_)
        self.heads.add(to_)


def directory(revisions):
    """Alembic's ScriptDirectory of a graph, without files."""
    result = ScriptDirectory.__new__(ScriptDirectory)
    result.revision_map = RevisionMap(lambda: [
        Script(each['id'], tuple(each['down_revision']) or None, tuple(each['depends_on']) or None,
               tuple(each['branch_labels']) or None) for each in revisions])
    order = {each['id']: number for number, each in enumerate(revisions)}
    for each in revisions:
        script = result.revision_map._revision_map[each['id']]
        script._normalized_resolved_dependencies = tuple(
            sorted(script._normalized_resolved_dependencies, key=order.__getitem__))
    return result


def rows_before(question):
    return () if question.get('purge') else tuple(question['start'])


def looked_up(revisions):
    """Identifiers as traversal_replay gives them."""
    return [each if each is None or isinstance(each, str) else each.revision for each in revisions]


def planned(scripts, question):
    """(steps, [row changes as functions of Alembic]) of a plan."""
    start, target = rows_before(question), question['target']
    target = tuple(target) if isinstance(target, list) else target
    if question['command'] == 'upgrade':
        steps = scripts._upgrade_revs(target, start)
    elif question['command'] == 'downgrade':
        steps = scripts._downgrade_revs(target, start)
    else:
        steps = scripts._stamp_revs(target, start)
        return [{'stamp_from': list(step.from_), 'stamp_to': list(step.to_), 'dir': 'up' if step.is_upgrade else 'down',
                 'branch_move': step.branch_move} for step in steps], steps
    return [{'rev': step.revision.revision, 'dir': 'up' if step.is_upgrade else 'down'} for step in steps], steps


def rows_of_steps(start, steps):
    """Rows after each step; ends early where Alembic crashes, which is the second value."""
    rows, result = Rows(start), []
    for step in steps:
        try:
            rows.update_to_step(step)
        except (AssertionError, KeyError, IndexError) as crash:
            return result, type(crash).__name__
        result.append(set(rows.heads))
    return result, None


def alembics_answer(scripts, question):
    try:
        if question['command'] == 'walk':
            return {'result': [script.revision for script in scripts.walk_revisions(**question['options'])]}
        if question['command'] == 'resolve':
            found = scripts.revision_map.get_revision(question['target'])
            return {'result': looked_up([found])[0]}
        if question['command'] == 'resolve_many':
            return {'result': looked_up(scripts.revision_map.get_revisions(question['target']))}
        steps, objects = planned(scripts, question)
        rows, crash = rows_of_steps(rows_before(question), objects)
        return {'steps': steps, 'rows': rows, 'row_crash': crash}
    except (CommandError, RevisionError) as error:
        return {'error': str(error)}
    except Exception as crash:  # whatever a bug of Alembic raises
        return {'crash': f'{type(crash).__name__}: {crash}'}


def our_rows(question, answer):
    """Rows after each of our steps; None: a change that finds no row."""
    rows, result = set(rows_before(question)), []
    for changes in answer['version_ops']:
        rows = traversal.after(rows, [changes])
        if rows is None:
            return None
        result.append(rows)
    return result


def names_beginning(prefix, revisions):
    """What Alembic takes `prefix` for an abbreviation of."""
    names = [name for each in revisions for name in (each['id'], *each['branch_labels'])]
    return [name for name in names if len(name) > 3 and name.startswith(prefix)]


def allow(difference):
    allowed[difference] += 1


def in_any_order(message):
    """Alembic takes the revisions that overlap with one out of a set."""
    begin, overlaps, others = (message or '').partition(' overlaps with other requested revisions ')
    return (begin, sorted(others.split(', '))) if overlaps else message


def is_ahead(scripts, edges, question):
    """Whether something applied lies above a target by down_revision; for base whether anything is applied."""
    revision_map, target = scripts.revision_map, question['target']
    applied = graphs.ancestors(edges, question['start'])
    target = tuple(target) if isinstance(target, list) else target
    wanted = revision_map._parse_upgrade_target(tuple(question['start']), target, True)
    if not wanted:
        branch = target.partition('@')[0] if '@' in target else None
        return bool(revision_map.filter_for_lineage(sorted(applied), branch) if branch else applied)
    return any(above.revision in applied for each in wanted
               for above in revision_map._get_descendant_nodes([each], include_dependencies=False) if above is not each)


def wrong_error(theirs, ours, edges, question, revisions, scripts):
    """Ours is an error."""
    error = ours['error']
    if error['reason'] == 'Bug':
        return 'ours is a bug'
    if 'crash' in theirs:
        return allow('Alembic crashes') if error['reason'] == 'InvalidTarget' else 'an error of the wrong kind for a crash'
    if error['message'].startswith('Multiple revisions start with'):
        prefix = error['message'].split("'")[1]
        known = theirs.get('error', '').startswith(("Can't locate revision identified by", 'Multiple revisions', 'No such branch'))
        if not known:  # Alembic does not always look at the branch
            known = question['command'] in ('upgrade', 'downgrade') and question['target'].startswith(f'{prefix}@')
        return allow('ambiguous') if known and len(names_beginning(prefix, revisions)) > 1 else 'ours calls it ambiguous'
    if error['reason'] == 'DatabaseAhead':
        quiet = question['command'] == 'upgrade' and theirs.get('steps') == []
        return allow('DatabaseAhead') if quiet and is_ahead(scripts, edges, question) else 'ours says that the database is ahead'
    if question['command'] == 'stamp' and theirs.get('row_crash'):
        return allow('a stamp crashes') if error['reason'] == 'InvalidTarget' else 'an error of the wrong kind for a crash'
    if in_any_order(theirs.get('error')) == in_any_order(error['message']):
        return None
    if question['command'] == 'walk' and theirs.get('error', '').startswith("Can't locate revision identified by 'head"):
        named = f"Can't locate revision identified by '{question['options']['base']}'"
        return allow('Alembic names the wrong end') if error['message'] == named else 'the wrong end is named'
    return 'the texts of the errors differ'


def wrong(theirs, ours, edges, question, revisions, scripts):
    """What differs and must not; None: nothing."""
    if ours['error'] is not None:
        return wrong_error(theirs, ours, edges, question, revisions, scripts)
    if 'error' in theirs or 'crash' in theirs:
        return 'Alembic refuses'
    if 'result' in theirs:
        return None if theirs['result'] == ours['result'] else 'the ranges differ'
    if theirs['steps'] != ours['steps']:
        return 'the steps differ'
    if question['command'] == 'upgrade' and not ours['steps'] and is_ahead(scripts, edges, question):
        return 'ours does nothing, but the database is ahead'
    rows = our_rows(question, ours)
    if rows is None or (rows[-1] if rows else set(rows_before(question))) != set(ours['heads']):
        return 'the row changes do not lead to the rows'
    if question['command'] == 'stamp':
        return None if theirs['rows'] == rows else 'the rows differ'
    return wrong_rows(theirs, rows, edges, question)


def wrong_rows(theirs, rows, edges, question):
    """Rows after each step are the maximal applied revisions, and Alembic's where those are sound."""
    applied = graphs.ancestors(edges, question['start'])
    for number, step in enumerate(theirs['steps']):
        if step['dir'] == 'up':
            applied.add(step['rev'])
        else:
            applied.remove(step['rev'])
        if rows[number] != set(graphs.maximal(edges, applied)):
            return f'after step {number + 1} the rows are not the maximal applied revisions'
        if number < len(theirs['rows']):
            if set(graphs.maximal(edges, theirs['rows'][number])) != rows[number]:
                return f'the rows differ after step {number + 1}'
            if theirs['rows'][number] != rows[number]:
                return allow('Alembic keeps rows below others')  # what follows is no measure
    return allow('Alembic crashes in its rows') if theirs['row_crash'] else None


def compare(seed, numbers, verbose=False):
    """Failures of some graphs, how many questions were asked, which differences were allowed."""
    allowed.clear()
    cases = []
    for number in numbers:
        source = random.Random(f'{seed} {number}')
        revisions = graphs.graph(source)
        cases.append((number, revisions, graphs.questions(source, revisions)))
    lines = [json.dumps(line) for _, revisions, questions in cases for line in ({'revisions': revisions}, *questions)]
    done = subprocess.run([os.environ['STILLHEAD_TRAVERSAL_REPLAY']], input='\n'.join(lines) + '\n', text=True,
                          capture_output=True, check=True)
    answers = iter(done.stdout.splitlines())
    failures, asked = {}, 0
    for number, revisions, questions in cases:
        scripts, edges = directory(revisions), graphs.below(revisions)
        for question in questions:
            asked += 1
            ours, theirs = json.loads(next(answers)), alembics_answer(scripts, question)
            problem = wrong(theirs, ours, edges, question, revisions, scripts)
            if verbose:
                print(f'{question}\n  ours:   {ours}\n  theirs: {theirs}\n  {problem or "equal"}')
            if problem:
                failures.setdefault(number, f'{problem}\n  graph: {json.dumps(revisions)}\n  asked: {json.dumps(question)}'
                                            f'\n  ours:   {ours}\n  theirs: {theirs}')
    return failures, asked, collections.Counter(allowed)


def compare_chunk(arguments):
    return compare(*arguments)


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter('ignore')
    os.environ['STILLHEAD_TRAVERSAL_REPLAY'] = answering.program('traversal_replay')
    if len(sys.argv) > 3:
        failures, *_ = compare(seed, [int(sys.argv[3])], verbose=True)
        print(f'{1 - len(failures)} passed, {len(failures)} failed')
        sys.exit(1 if failures else 0)
    begin = time.monotonic()
    chunks = [(seed, range(first, min(first + CHUNK, count))) for first in range(0, count, CHUNK)]
    failures, asked, differences = {}, 0, collections.Counter()
    with multiprocessing.Pool() as pool:
        for found, questions, differing in pool.imap_unordered(compare_chunk, chunks):
            failures.update(found)
            asked += questions
            differences += differing
    for number in sorted(failures)[:10]:
        print(f'graph {number}: {failures[number]}\n  again: tests/differential/run --seed {seed} --only {number}')
    print('differences that may be: ' + ', '.join(f'{kind} {number}' for kind, number in sorted(differences.items())))
    print(f'{count} graphs, {asked} questions, Alembic {alembic.__version__}, seed {seed}, {time.monotonic() - begin:.0f} s')
    print(f'{count - len(failures)} passed, {len(failures)} failed')
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
