# SPDX-License-Identifier: Apache-2.0
"""Reads the table `differences`: where this engine differs from a recorded step on purpose."""
import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable

TABLE = pathlib.Path(__file__).resolve().parent / "differences"
KINDS: dict[str, Callable[[dict], dict]] = {}  # name -> what is expected instead of `expect`


@dataclasses.dataclass
class Entry:
    """One step's deliberate difference."""

    kind: str
    reason: str

    def changed(self, expect: dict) -> dict:
        return KINDS[self.kind](expect)


@functools.cache
def entries() -> dict[str, Entry]:
    """Step id -> entry. Lines are `kind | reason | step...`."""
    result = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3 or not all(fields) or fields[0] not in KINDS:
            sys.exit(f"tests/seeds/differences: not `kind | reason | steps` with a kind of differences.py: {line}")
        for step in fields[2].split():
            if step in result:
                sys.exit(f"tests/seeds/differences: {step} is listed twice")
            result[step] = Entry(fields[0], fields[1])
    return result


def entry(step: str) -> Entry | None:
    return entries().get(step)
