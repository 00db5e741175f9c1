# SPDX-License-Identifier: Apache-2.0
"""The small programs of this folder that answer questions with the engine's own code."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program(target):
    """The path of `target`, made if it is missing or older than its sources. STILLHEAD_<TARGET>: another one."""
    name = f'STILLHEAD_{target.upper()}'
    if name in os.environ:
        return os.environ[name]
    commands = [['cmake', '--build', '--preset', 'release', '--target', target]]
    if not (ROOT / 'build/release/build.ninja').exists():
        commands.insert(0, ['cmake', '--preset', 'release'])
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f'{" ".join(command)} failed:\n{done.stdout[-4000:]}')
    return str(ROOT / 'build/release/tests/conformance' / target)
