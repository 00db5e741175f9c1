# SPDX-License-Identifier: Apache-2.0
"""Cases without a database: targets, plans, ranges, row changes. The program traversal_replay answers.

Equal are: the result; for an error Alembic's text to the letter and the exit code that its kind has
here. Faults of a graph are listed with file names: Alembic's text must stand in one of the lines.
"""

import json
import re
import subprocess
import sys

from answering import program

# Kind of Alembic's error -> reasons of ours.
REASONS = {
    'ResolutionError': {'InvalidTarget'},
    'MultipleHeads': {'MultipleHeads'},
    'RangeNotAncestorError': {'InvalidTarget'},
    'RevisionError': {'InvalidTarget'},
    'CycleDetected': {'InvalidScripts'},
    'DependencyCycleDetected': {'InvalidScripts'},
    'LoopDetected': {'InvalidScripts'},
    'DependencyLoopDetected': {'InvalidScripts'},
}
# What is compared without order.
SETS = {'heads', 'effective_heads', 'bases', 'effective_bases', 'normalized_down', 'all_down', 'next', 'all_next',
        'labels'}


def ask(questions):
    """One answer for each question that has a command."""
    done = subprocess.run([program('traversal_replay')], input=''.join(json.dumps(question) + '\n' for question in questions), text=True,
                          capture_output=True)
    if done.returncode:
        sys.exit(f'traversal_replay ended with exit code {done.returncode}: {done.stderr}')
    return [json.loads(line) for line in done.stdout.splitlines()]


def after(rows, changes):
    """The rows after lists of row changes; None when one of them hits no row or a row that is there."""
    rows = set(rows)
    for change in (change for step in changes for change in step):
        gone = change[1:2] if change[0] != 'insert' else []
        new = change[-1:] if change[0] != 'delete' else []
        if not rows.issuperset(gone) or rows.intersection(new):
            return None
        rows = rows.difference(gone).union(new)
    return rows


def normalized(value, key=None):
    if isinstance(value, dict):
        return {name: normalized(each, name) for name, each in value.items()}
    return sorted(value) if key in SETS else value


def wrong_rows(case, answer):
    """The row changes of a plan."""
    if 'version_ops' in case and answer['version_ops'] != case['version_ops']:
        return f'version_ops: expected {case["version_ops"]}, got {answer["version_ops"]}'
    if 'version_ops_any_of' in case and answer['version_ops'] not in case['version_ops_any_of']:
        return f'version_ops: expected one of {case["version_ops_any_of"]}, got {answer["version_ops"]}'
    reached = after(case['start'], answer['version_ops'])
    if reached != set(case['heads']):
        return f'{answer["version_ops"]} lead from {case["start"]} to {reached}, not to {case["heads"]}'
    return None


def wrong_error(case, error):
    expected = case['error']
    if error is None:
        return f'expected {expected}, got no error'
    if error['reason'] == 'InvalidScripts':
        texts = [line.split(': ', 1)[-1] for line in error['message'].splitlines()]
        equal = any(re.fullmatch(re.escape(expected['message']) + r'(;.*)?', text) for text in texts)
    else:
        equal = error['message'] == expected['message']
    if not equal:
        return f'expected "{expected["message"]}", got "{error["message"]}"'
    reasons = set(REASONS[expected['kind']])
    overlap = re.fullmatch(r'Requested revision (\S+) overlaps with other requested revisions (.*)', error['message'])
    if overlap and {overlap[1], *overlap[2].split(', ')} <= set(case.get('start', ())):
        reasons.add('UnknownRevision')  # the rows overlap
    if error['reason'] not in reasons:
        return f'{expected["kind"]} must be one of {sorted(reasons)}, got {error["reason"]}'
    return None


def wrong(case, answer):
    """What differs from the recorded case; None: nothing."""
    if case['error'] is not None or answer['error'] is not None:
        if case['error'] is None:
            return f'got the error {answer["error"]}'
        return wrong_error(case, answer['error'])
    for key in ('steps', 'heads', 'result'):
        if key in case:
            expected, got = normalized(case[key], key), normalized(answer[key], key)
            if case['command'] == 'bases_for':
                expected, got = sorted(expected), sorted(got)
            if expected != got:
                return f'{key}: expected {expected}, got {got}'
    if case.get('warnings', []) != answer.get('warnings', []):
        return f'warnings: expected {case.get("warnings")}, got {answer["warnings"]}'
    return wrong_rows(case, answer) if 'heads' in case and 'steps' in answer else None


def target_of(case):
    return case['target'] if isinstance(case['target'], str) else ' '.join(case['target'])


def is_error(error, reason, pattern):
    """A difference: this reason, and a text that matches."""
    if error is None:
        return 'must be an error'
    if error['reason'] != reason or not re.fullmatch(pattern, error['message']):
        return f'must be {reason} "{pattern}", got {error["reason"]} "{error["message"]}"'
    return None


def too_far(case, error):
    """`Relative revision -2 didn't produce 2 migrations`, with the numbers of the target."""
    sign, number = re.search(r'([+-])(\d+)$', target_of(case)).groups()
    return is_error(error, 'InvalidTarget', re.escape(f"Relative revision {sign}{number} didn't produce {number} migrations"))


def names_row(case, error):
    row = case['error']['message'].strip("'")
    return is_error(error, 'InvalidTarget', rf".*'{row}'.*")


def not_ancestor(case, error):
    base, head = case['options']['base'], case['options']['head']
    return is_error(error, 'InvalidTarget', re.escape(f'Requested range {base}:{head} does not refer to '
                                                      'ancestor/descendant revisions along the same branch'))


def missing_parent(case, error):
    parent = case['error']['message'].strip("'")
    children = [revision['id'] for revision in case['revisions'] if parent in revision['down_revision']]
    problem = is_error(error, 'InvalidScripts', r'(.*\n?)*')
    lines = error['message'].splitlines() if error else []
    for child in children:
        if not any(line.startswith(f'{child}.py: ') and f"'{parent}'" in line for line in lines):
            problem = problem or f'no line names {child} and its parent {parent}: {lines}'
    return problem


def database_ahead(case, error):
    if case['steps'] or sorted(case['heads']) != sorted(case['start']):
        return 'Alembic does something here: it cannot be DatabaseAhead'
    return is_error(error, 'DatabaseAhead', rf"cannot upgrade to '{re.escape(target_of(case))}': .*")


def ambiguous(case, error):
    """All keys that begin so, of ids and labels."""
    prefix = target_of(case)
    keys = [key for revision in case['revisions'] for key in (revision['id'], *revision['branch_labels'])]
    names = sorted(key for key in keys if len(key) > 3 and key.startswith(prefix))
    found = re.fullmatch(r"Multiple revisions start with '(.*?)': (.*); the identifier is ambiguous",
                         error['message']) if error else None
    if len(names) < 2 or not found or found[1] != prefix or error['reason'] != 'InvalidTarget':
        return f'must call {prefix} ambiguous, got {error}'
    if sorted(re.findall(r"'([^']*)'", found[2])) != names:
        return f'must name {names}, got {found[2]}'
    return None


def wrong_end(case, error):
    return is_error(error, 'InvalidTarget', re.escape(f"Can't locate revision identified by '{case['options']['base']}'"))


DIFFERENCES = {function.__name__: function for function in
               (too_far, names_row, not_ancestor, missing_parent, database_ahead, ambiguous, wrong_end)}


def verdict(case, answer, kind):
    if kind is None:
        return wrong(case, answer)
    if kind not in DIFFERENCES:
        return f'tests/conformance/differences calls it {kind}, which tests/conformance/traversal.py does not know'
    if case['error'] is None or case['error']['kind'] != 'INTERNAL_CRASH':
        if wrong(case, answer) is None:
            return f'is listed as {kind}, but is equal to the recorded case'
    return DIFFERENCES[kind](case, answer['error'])


def replay(path, differences):
    data = json.loads(path.read_text(encoding='utf-8'))
    cases = data if isinstance(data, list) else data['cases']
    for case in cases:
        if 'graph' in case:
            case['revisions'] = data['graphs'][case['graph']]
    for case, answer in zip(cases, ask(cases), strict=True):
        yield case['name'], verdict(case, answer, differences.get(case['name']))
