#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks over all files: licence line, white space, places of one machine, links between documents,
scripts that parse, and (with a build folder as argument) that every *_test.cc is built.

  check_files.py [BUILD]        check this repository
  check_files.py --self-test    prove that the text rules find seeded violations
"""

import json
import pathlib
import re
import subprocess
import sys

import repository

SPDX = 'SPDX-License-Identifier: Apache-2.0'
NEEDS_SPDX = {'.h', '.cc', '.c', '.py', '.sh', '.cmake', '.go'}
FOREIGN = {'go.mod', 'go.sum'}  # written by their own tools

# A home or a workspace of one machine; `$X/home/...` and URLs are something else.
MACHINE_PATH = re.compile(r'(?<![\w.$}/:-])/(?:home|root|work|workspace|builds|Users|mnt)/[\w.]')
REGISTRY_HOST = re.compile(r'(?:\b[\w-]+\.(?:debian\.(?:org|net)|npmjs\.(?:org|com)|pythonhosted\.org|crates\.io)'
                           r'|\b(?:proxy|sum)\.golang\.org|\bpypi\.(?:org|python))', re.IGNORECASE)
LINK = re.compile(r'\[[^\]\n]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)')
FENCE = re.compile(r'^(```|~~~).*?^\1', re.MULTILINE | re.DOTALL)


def is_script(text):
    return text.startswith('#!')


def text_problems(path, text):
    """Problems of one text, as (line, message)."""
    if path.suffix in NEEDS_SPDX or is_script(text):
        if SPDX not in '\n'.join(text.splitlines()[:2]):
            yield 1, f'the first line lacks "{SPDX}"'
    if path.suffix in ('.h', '.cc') and not text.startswith(f'// {SPDX}\n'):
        yield 1, f'does not begin with "// {SPDX}"'
    if path.suffix == '.h' and '#pragma once' not in text:
        yield 1, 'no #pragma once'
    if text and not text.endswith('\n'):
        yield text.count('\n') + 1, 'no line end at the end of the file'
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip() and path.suffix not in ('.md', '.golden'):
            yield number, 'white space at the end of the line'
        if MACHINE_PATH.search(line):
            yield number, f'a path of one machine: {line.strip()}'
        if REGISTRY_HOST.search(line):
            yield number, f"a package registry's host: {line.strip()}"


def anchor(heading):
    """GitHub's anchor of a heading."""
    text = re.sub(r'[`*]|\[([^\]]*)\]\([^)]*\)', r'\1', heading.strip().lower())
    return re.sub(r'[^\w\- ]', '', text).replace(' ', '-')


def anchors(text):
    headings = re.findall(r'^#{1,6}\s+(.+?)\s*#*$', FENCE.sub('', text), re.MULTILINE)
    return {anchor(heading) for heading in headings} | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def link_problems(path, text, root=repository.ROOT):
    """Links of a Markdown file to files or headings that are not there."""
    for target in LINK.findall(re.sub(r'`[^`\n]*`', '', FENCE.sub('', text))):
        if re.match(r'[a-z]+:', target):
            continue
        name, _, fragment = target.partition('#')
        file = (root / path).parent / name if name else root / path
        if not file.exists():
            yield f'{path}: the link {target} leads nowhere'
        elif fragment and file.suffix == '.md' and fragment not in anchors(file.read_text(encoding='utf-8')):
            yield f'{path}: {name or "this file"} has no heading #{fragment}'


def syntax_problems(path, text):
    """Bash and Python files that do not parse."""
    first = text.splitlines()[0] if is_script(text) else ''
    if path.suffix == '.py' or 'python' in first:
        try:
            compile(text, str(path), 'exec')
        except SyntaxError as error:
            yield f'{path}:{error.lineno}: {error.msg}'
    elif path.suffix == '.sh' or 'bash' in first or first.endswith('/sh'):
        done = subprocess.run(['bash', '-n', str(path)], cwd=repository.ROOT, capture_output=True, text=True)
        if done.returncode:
            yield f'{path}: {done.stderr.strip()}'
        if first and not (repository.ROOT / path).stat().st_mode & 0o111:
            yield f'{path}: begins with {first}, but is not executable'


def unbuilt_tests(build):
    """Tests that exist and do not run."""
    entries = json.loads((pathlib.Path(build) / 'compile_commands.json').read_text())
    built = {pathlib.Path(entry['file']) for entry in entries}
    for path in repository.files('.cc'):
        if path.name.endswith('_test.cc') and repository.ROOT / path not in built:
            yield f'{path}: is not built; tests/CMakeLists.txt globs tests/engine, tests/operator and tests/database'


def check(build):
    for path in repository.files():
        if path.name in FOREIGN:
            continue
        try:
            text = repository.read(path)
        except UnicodeDecodeError:
            continue
        yield from (f'{path}:{number}: {message}' for number, message in text_problems(path, text))
        yield from syntax_problems(path, text)
        if path.suffix == '.md':
            yield from link_problems(path, text)
    if build:
        yield from unbuilt_tests(build)


def self_test():
    home, host = '/ho' + 'me/ann/src', 'deb.' + 'debian.org'
    cases = [('a.h', f'// {SPDX}\n#pragma once\n', ''), ('a.h', f'// {SPDX}\n', 'pragma'),
             ('a.cc', 'int a;\n', 'SPDX'), ('a.sh', f'#!/bin/sh\n# {SPDX}\nrm x\n', ''),
             ('a.txt', 'no end', 'line end'), ('a.txt', 'blank \n', 'white space'),
             ('a.txt', f'cd {home}\n', 'one machine'), ('a.txt', f'sqlite:///{home}\n', ''),
             ('a.txt', f'https://{host}/x\n', 'registry'), ('a.txt', 'debian:bookworm-slim\n', '')]
    for name, text, wanted in cases:
        found = ' '.join(message for _, message in text_problems(pathlib.Path(name), text))
        if bool(found) != bool(wanted) or wanted not in found:
            yield f'{name}: {text!r}: wanted {wanted!r}, found {found!r}'
    if not list(link_problems(pathlib.Path('README.md'), '[a](no-such-file.md)')):
        yield 'a broken link was not found'
    if not list(link_problems(pathlib.Path('README.md'), '[a](#no-such-heading)')):
        yield 'a broken anchor was not found'
    if not list(syntax_problems(pathlib.Path('a.py'), 'def (:\n')):
        yield 'a faulty Python file was not found'


def main():
    if sys.argv[1:] == ['--self-test']:
        repository.finish(list(self_test()), 'seeded cases')
    repository.finish(list(check(sys.argv[1] if sys.argv[1:] else None)), 'files')


if __name__ == '__main__':
    main()
