#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy 14 (checks: .clang-tidy) over every source file of the preset `tidy`.

A file is checked again only when it, a header it reaches, its command or a package changed. With
arguments: only the files whose path contains one of them, or begins with one that begins with `^`."""

import json
import pathlib
import subprocess
import sys

import repository


def compile_database():
    """File -> its compile command; configures the preset, which takes a few seconds."""
    done = subprocess.run(['cmake', '--preset', 'tidy'], cwd=repository.ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f'cmake --preset tidy failed:\n{done.stdout}{done.stderr}')
    entries = json.loads((repository.ROOT / 'build/tidy/compile_commands.json').read_text())
    return {pathlib.Path(entry['file']).relative_to(repository.ROOT): entry['command'] for entry in entries}


def main():
    commands = compile_database()
    paths = [path for path in sorted(commands)
             if not sys.argv[1:] or any(part in f'^{path}' for part in sys.argv[1:])]
    cache = repository.Cache('tidy', repository.read('.clang-tidy'))
    failures = repository.check_all(
        paths, cache, lambda path: ['clang-tidy-14', '--quiet', '-p', 'build/tidy', str(path)],
        lambda path: commands[path].replace(str(repository.ROOT), ''))
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
