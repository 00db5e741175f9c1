# SPDX-License-Identifier: Apache-2.0
"""Random revision graphs, rows of version tables, and targets; everything from one random.Random."""

COMMANDS = ('upgrade', 'upgrade', 'upgrade', 'downgrade', 'downgrade', 'downgrade', 'stamp', 'stamp', 'walk', 'resolve',
            'resolve_many')
LABELS = ('alpha', 'beta', 'gamma', 'delta')


def identifier(random, number):
    """Short ids and ids long enough for abbreviations, some of which begin alike."""
    kind = random.randrange(3)
    if kind == 0:
        return f'r{number}'
    if kind == 1:
        return f'{random.getrandbits(48):012x}'
    return f'ab{random.randrange(4)}c{number:03}'


def graph(random):
    """A list of revisions in load order: several bases, branches, merges, dependencies, labels."""
    size = random.choice((1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15))
    revisions, tips = [], []
    labels = [label for label in LABELS if random.randrange(2)]
    for number in range(size):
        earlier = [revision['id'] for revision in revisions]
        choice = random.randrange(20)
        if not earlier or choice < 2:
            parents = []
        elif choice < 5 and len(tips) > 1:
            parents = random.sample(tips, min(len(tips), random.choice((2, 2, 3))))
        elif choice == 5 and len(earlier) > 1:
            parents = random.sample(earlier, 2)
        elif choice < 10:
            parents = [random.choice(earlier)]
        else:
            parents = [random.choice(tips)]
        others = [name for name in earlier if name not in parents]
        used = [label for revision in revisions for label in revision['branch_labels']]
        depends = []
        if others and random.randrange(4) == 0:
            depends = random.sample(others + used, min(len(others), random.choice((1, 1, 2))))
        revision = {'id': identifier(random, number), 'down_revision': parents, 'depends_on': depends,
                    'branch_labels': []}
        if labels and random.randrange(4) == 0:
            revision['branch_labels'].append(labels.pop())
        revisions.append(revision)
        tips = [tip for tip in tips if tip not in parents] + [revision['id']]
    random.shuffle(revisions)
    return revisions


def below(revisions):
    """id -> ids directly below it, dependencies included."""
    owner = {label: revision['id'] for revision in revisions for label in revision['branch_labels']}
    return {revision['id']: [*revision['down_revision'], *(owner.get(name, name) for name in revision['depends_on'])]
            for revision in revisions}


def ancestors(edges, ids):
    """All below `ids`, these included."""
    seen, todo = set(ids), list(ids)
    while todo:
        for name in edges[todo.pop()]:
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen


def maximal(edges, ids):
    """Those that are not below another one: what a version table holds."""
    covered = ancestors(edges, [name for each in ids for name in edges[each]])
    return [name for name in ids if name not in covered]


def rows(random, revisions):
    """What a version table may hold, in any order."""
    share = random.choice((0, 0.2, 0.5, 1))
    chosen = [revision['id'] for revision in revisions if random.random() < share]
    result = maximal(below(revisions), chosen)
    random.shuffle(result)
    return result


def target(random, revisions):
    """One target of any form."""
    def name():
        revision = random.choice(revisions)
        if revision['branch_labels'] and random.randrange(2):
            return revision['branch_labels'][0]
        if len(revision['id']) > 3 and random.randrange(4) == 0:
            return revision['id'][:random.randrange(1, len(revision['id']))]
        return revision['id']

    number = random.choice((1, 1, 1, 2, 2, 3, 5))
    symbol = random.choice(('head', 'heads', 'base', name(), name(), name(), name()))
    form = random.randrange(12)
    if form < 4:
        return symbol
    if form < 6:
        return f'{name()}@{symbol}'
    if form == 6:
        return f'+{number}'
    if form == 7:
        return f'-{number}'
    if form == 8:
        return f'{name()}@{random.choice("+-")}{number}'
    if form == 9:
        return f'{symbol}{random.choice("+-")}{number}'
    if form == 10:
        return f'{name()}@{symbol}{random.choice("+-")}{number}'
    return random.choice(('zzzz', 'heads', 'head', 'base'))


def questions(random, revisions):
    """What is asked about one graph."""
    ids = [revision['id'] for revision in revisions]
    result = []
    for command in COMMANDS:
        start = rows(random, revisions)
        wanted = target(random, revisions)
        if command in ('resolve', 'resolve_many'):
            result.append({'command': command, 'target': wanted})
            continue
        if command == 'walk':
            options = {'base': random.choice(('base', *ids, '-1', wanted)), 'head': random.choice(('heads', 'head', *ids))}
            result.append({'command': 'walk', 'options': options})
            continue
        if command != 'downgrade' and len(ids) > 1 and random.randrange(6) == 0:
            wanted = random.sample(ids, 2)
        result.append({'command': command, 'start': start, 'target': wanted})
        if command == 'stamp' and random.randrange(6) == 0:
            result[-1]['purge'] = True
    return result
