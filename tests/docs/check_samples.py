#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's resources carry the scripts of the folders beside them: what is migrated in a file is what
is migrated in the cluster."""

import re
import sys
import textwrap
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "manifests" / "samples" / "demo"
FOLDERS = {"migration.yaml": ["scripts"], "migration-failing.yaml": ["scripts", "failing"],
           "migration-corrected.yaml": ["scripts", "corrected"]}
BLOCK = re.compile(r"^ {8}(\S+\.sql): \|\n((?: {10}.*\n|\n)+)", re.MULTILINE)


def main():
    faults = []
    for name, folders in FOLDERS.items():
        text = (DEMO / name).read_text(encoding="utf-8")
        carried = {file: textwrap.dedent(body).rstrip("\n") + "\n" for file, body in BLOCK.findall(text)}
        wanted = {path.name: path.read_text(encoding="utf-8")
                  for folder in folders for path in sorted((DEMO / folder).glob("*.sql"))}
        if not wanted or carried != wanted:
            different = sorted(file for file in carried.keys() | wanted.keys()
                               if carried.get(file) != wanted.get(file))
            faults.append(f"{name}: not the same as in {' and '.join(folders)}: {', '.join(different)}")
    print(*faults, f"{len(FOLDERS) - len(faults)} passed, {len(faults)} failed", sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
