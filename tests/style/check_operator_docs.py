#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/operator.md names every field of the CRD, every reason of a condition and every flag, and no other reason;
the CRD is small; what is generated from it is up to date; every value of the chart is in its README."""

import re
import subprocess
import sys

from repository import ROOT, finish, read

CRD = 'crds/databasemigrations.yaml'
LARGEST_CRD = 40 * 1024
STANDARD = {'type', 'status', 'reason', 'message', 'observedGeneration', 'lastTransitionTime'}


def fields(text):
    """Names of all properties below spec and status, by indentation."""
    found, stack = set(), []
    for line in text.splitlines():
        match = re.match(r'( *)([A-Za-z]\w*):', line)
        if not match:
            continue
        indent, key = len(match[1]), match[2]
        while stack and stack[-1][0] >= indent:
            stack.pop()
        path = [name for _, name in stack]
        if path and path[-1] == 'properties' and ({'spec', 'status'} & set(path[path.index('openAPIV3Schema'):])
                                                  if 'openAPIV3Schema' in path else False):
            found.add((tuple(name for name in path if name not in ('properties', 'items')), key))
        stack.append((indent, key))
    return found


def reasons():
    code = ''.join(read(path) for folder in ('operator', 'operator/migration')
                   for path in sorted((ROOT / folder).glob('*.cc')))
    found = set(re.findall(r'\.reason = "([A-Z]\w+)"', code)) | set(re.findall(r'\? "([A-Z]\w+)" : "[A-Z]\w+"', code))
    found |= set(re.findall(r'\? "[A-Z]\w+" : "([A-Z]\w+)"', code))
    found |= set(re.findall(r'\? "([A-Z]\w+)" : std::string\(info', code))
    constants = dict(re.findall(r'constexpr const char\* (k\w+) = "([A-Z]\w+)";', code))
    found |= {constants[name] for name in re.findall(r'\.reason = (k\w+)', code)}
    table = re.findall(r'ReasonInfo\{Reason::\w+, "\w+", \d+, "(\w+)"\}', read('engine/contract/report.cc'))
    if len(found) < 8 or len(table) < 10:
        sys.exit('reasons are written in another way than this test knows')
    return (found | set(table)) - {'Job', 'Ready', 'True', 'False', 'Succeeded', 'Failed', 'Complete', 'Background', 'Foreground'}


def values(text, prefix=''):
    """Dotted names of the values of values.yaml."""
    found, stack = [], []
    for line in text.splitlines():
        match = re.match(r'( *)([A-Za-z]\w*):', line)
        if not match:
            continue
        while stack and stack[-1][0] >= len(match[1]):
            stack.pop()
        stack.append((len(match[1]), match[2]))
        found.append('.'.join(name for _, name in stack))
    return [name for name in found if not any(other.startswith(name + '.') for other in found)]


def main():
    problems = []
    page, crd = read('docs/operator.md'), read(CRD)
    known = fields(crd)
    if len(known) < 40:
        sys.exit(f'{CRD} is written in another way than this test knows')
    for path, name in sorted(known):
        if 'conditions' in path and name in STANDARD:
            continue
        if not re.search(rf'[`.]{name}\b', page):
            problems.append(f'docs/operator.md does not name {".".join(path[path.index("openAPIV3Schema") + 1:])}.{name}')
    rows = set(re.findall(r'^\| `([A-Z]\w+)` \| (?:True|False)', page, re.MULTILINE))
    problems += [f'docs/operator.md has no row for the reason {name}' for name in sorted(reasons() - rows)]
    problems += [f'docs/operator.md explains the reason {name}, which no code gives' for name in sorted(rows - reasons())]
    flags = re.findall(r'"([a-z-]+)(?:,h)?",\s+po::', read('operator/options.cc'))
    if len(flags) < 8:
        sys.exit('flags are written in another way than this test knows')
    problems += [f'docs/operator.md does not name --{flag}' for flag in flags if f'`--{flag}' not in page]
    if len(crd) >= LARGEST_CRD:
        problems.append(f'{CRD} has {len(crd)} bytes, {LARGEST_CRD} are the limit')
    readme = read('charts/stillhead/README.md')
    problems += [f'charts/stillhead/README.md does not name {name}'
                 for name in values(read('charts/stillhead/values.yaml')) if f'`{name}`' not in readme]
    done = subprocess.run([ROOT / 'tools/sync_chart', '--check'], capture_output=True, text=True)
    problems += (done.stdout + done.stderr).splitlines()
    finish(problems, 'docs of the operator')


if __name__ == '__main__':
    main()
