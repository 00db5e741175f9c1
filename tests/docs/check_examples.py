#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples of a document and compares what they print with what the document shows.

    tests/docs/check_examples.py [--update] PROGRAM DOCUMENT...

An example is a fenced block marked `console`: commands after "$ " (continued after "> "), each followed
by its output, standard error included. All examples of a document run in one shell, which starts in an
empty folder that holds `manifests` of this repository and build/release/stillhead (PROGRAM). Durations
may differ. --update writes what was printed into the document instead. The last line is
"N passed, N failed"; an example is a command.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "--- example {} ---"


def parse(block):
    """[(command, output)] of one block."""
    examples = []
    for line in block.splitlines():
        if line.startswith("$ "):
            examples.append(([line[2:]], []))
        elif not examples:
            raise SystemExit(f"a console block begins without a command: {line}")
        elif line.startswith("> ") and not examples[-1][1]:
            examples[-1][0].append(line[2:])
        else:
            examples[-1][1].append(line)
    return [("\n".join(command), "\n".join(output)) for command, output in examples]


def run(commands, program):
    """What each command prints, in one shell."""
    script = "exec 2>&1\n" + "".join(f"echo '{MARK.format(i)}'\n{command}\n" for i, command in enumerate(commands))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "build/release").mkdir(parents=True)
        (root / "build/release/stillhead").symlink_to(Path(program).resolve())
        (root / "manifests").symlink_to(ROOT / "manifests")
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("STILLHEAD_", "PG", "DATABASE_URL"))}
        done = subprocess.run(["bash", "-c", script], cwd=root, env={**environment, "HOME": folder, "LC_ALL": "C.UTF-8"},
                              stdout=subprocess.PIPE, text=True, timeout=120, check=False)
    printed = re.split("^" + re.escape(MARK).replace(r"\{\}", r"\d+") + "\n", done.stdout, flags=re.MULTILINE)[1:]
    if len(printed) != len(commands):
        raise SystemExit(f"the shell ended early; the last it printed:\n{done.stdout[-1000:]}")
    return [text.rstrip("\n") for text in printed]


def comparable(output):
    return re.sub(r"\b\d+(\.\d+)? (ms|s)\b", "N ms", output).rstrip()


def updated(text, printed):
    """The document with what was printed."""
    printed = iter(printed)

    def render(block):
        lines = []
        for command, _ in parse(block.group(1)):
            first, *more = command.split("\n")
            lines += [f"$ {first}", *(f"> {line}" for line in more)]
            lines += next(printed).splitlines()
        return "```console\n" + "\n".join(lines) + "\n```"
    return BLOCK.sub(render, text)


def check(document, program, update):
    """(passed, failed)"""
    text = document.read_text(encoding="utf-8")
    examples = [example for block in BLOCK.findall(text) for example in parse(block)]
    printed = run([command for command, _ in examples], program)
    if update:
        document.write_text(updated(text, printed), encoding="utf-8")
        return len(examples), 0
    failed = 0
    for (command, wanted), got in zip(examples, printed):
        if comparable(wanted) != comparable(got):
            failed += 1
            print(f"{document}: $ {command}\n  the document shows:\n{wanted}\n  it prints:\n{got}\n")
    return len(examples) - failed, failed


def main(arguments):
    update = arguments[:1] == ["--update"]
    program, *documents = arguments[update:]
    if not documents:
        raise SystemExit(__doc__)
    results = [check(Path(document), program, update) for document in documents]
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
