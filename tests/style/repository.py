# SPDX-License-Identifier: Apache-2.0
"""What the style checks share: the repository's files, its includes, and a cache of good results."""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)


def files(*suffixes):
    """Files of the repository, relative and sorted; the build folder and what git ignores left out."""
    found = []
    for folder, names, leaves in os.walk(ROOT):
        here = pathlib.Path(folder).relative_to(ROOT)
        names[:] = [n for n in names if n not in ('.git', '__pycache__') and str(here / n) != 'build']
        found += [here / leaf for leaf in leaves if not leaf.endswith('.pyc')]
    return sorted(path for path in found
                  if (not suffixes or path.suffix in suffixes) and not (ROOT / path).is_symlink())


def sources(*suffixes):
    """C++ files."""
    wanted = suffixes or ('.h', '.cc')
    return [path for path in files(*wanted) if path.parts[0] in ('engine', 'operator', 'tests')]


def read(path):
    return (ROOT / path).read_text(encoding='utf-8')


def with_headers(path, seen=None):
    """`path` and every header of the repository that it reaches."""
    seen = set() if seen is None else seen
    if path in seen or not (ROOT / path).is_file():
        return seen
    seen.add(path)
    for bracket, name in INCLUDE.findall(read(path)):
        if bracket == '"':
            with_headers(pathlib.Path(name), seen)
            with_headers(path.parent / name, seen)
    return seen


def installed_versions():
    """The versions of all packages a build or a test uses: other versions, other results."""
    names = []
    for name in ('build', 'test'):
        lines = read(f'tools/packages/{name}.txt').splitlines()
        names += [line for line in lines if line and not line.startswith('#')]
    return subprocess.run(['dpkg-query', '-W', *names], capture_output=True, text=True).stdout


class Cache:
    """Remembers what was found to be in order, by content."""

    def __init__(self, name, *salt):
        base = os.environ.get('STILLHEAD_CACHE') or os.path.expanduser('~/.cache/stillhead')
        self.folder = pathlib.Path(base) / name
        self.salt = '\0'.join((installed_versions(),) + salt).encode()

    def entry(self, path, key):
        digest = hashlib.sha256(self.salt)
        for part in sorted(with_headers(path)):
            digest.update(f'\0{part}\0'.encode() + (ROOT / part).read_bytes())
        digest.update(key.encode())
        return self.folder / digest.hexdigest()[:32]


def check_all(paths, cache, command_for, key_for=lambda path: ''):
    """Runs command_for(path) for each path that is not known to be good by its content and
    key_for(path); returns the number of failures. Output of failing commands goes to stdout."""
    entries = {path: cache.entry(path, key_for(path)) for path in paths}
    new = [path for path in paths if not entries[path].exists()]
    cache.folder.mkdir(parents=True, exist_ok=True)

    def run(path):
        done = subprocess.run(command_for(path), cwd=ROOT, capture_output=True, text=True)
        if done.returncode == 0:
            entries[path].touch()
        return path, done

    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, done in pool.map(run, new):
            if done.returncode != 0:
                failures += 1
                print(f'{path}: not in order\n{done.stdout}{done.stderr}', flush=True)
    print(f'{len(paths)} files, {len(new)} of them checked now, {failures} not in order')
    return failures


def finish(problems, what):
    """Prints the problems, one a line, and ends the program."""
    for problem in problems:
        print(problem)
    print(f'{what}: {len(problems)} problems' if problems else f'{what}: in order')
    sys.exit(1 if problems else 0)
