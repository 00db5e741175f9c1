# SPDX-License-Identifier: Apache-2.0
"""What the rows share: the server, the contenders, and the tables of figures."""
import dataclasses
import os
import pathlib

import histories
from delay import Delay
from measure import Contender
from server import ROOT, Server

STILLHEAD = pathlib.Path(os.environ.get("STILLHEAD", ROOT / "build/release/stillhead")).resolve()
RUNS = ("row", "what", "program", "median ms", "best ms", "CPU ms", "peak MiB", "stillhead / it", "bound")


def verdict(bound: str, met: bool) -> str:
    return f"{bound}: {'met' if met else '**missed**'}"


@dataclasses.dataclass
class Table:
    head: tuple[str, ...]
    rows: list[tuple[str, ...]] = dataclasses.field(default_factory=list)

    def add(self, *row: str) -> None:
        self.rows.append(row)
        print("  ".join(row), flush=True)

    def text(self) -> str:
        lines = ["| " + " | ".join(self.head) + " |", "|" + " --- |" * len(self.head)]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in self.rows])


class Bench:
    def __init__(self, server: Server, folder: pathlib.Path, alembic: pathlib.Path, rounds: int):
        self.server, self.folder, self.alembic, self.rounds = server, folder, alembic, rounds
        self.runs = Table(RUNS)
        self.tables = [self.runs]

    def new_table(self, *head: str) -> Table:
        self.tables.append(Table(head))
        return self.tables[-1]

    def stillhead(self, scripts: pathlib.Path, database: str, proxy: Delay | None = None,
                  **options) -> Contender:
        return Contender("stillhead", [str(STILLHEAD), "--script-location", str(scripts), "upgrade",
                                       "heads"],
                         self.server.environment(database, proxy), self.folder, **options)

    def alembic_upgrade(self, project: pathlib.Path, database: str, proxy: Delay | None = None,
                        **options) -> Contender:
        return Contender("alembic", [str(self.alembic), "upgrade", "heads"],
                         self.server.environment(database, proxy), project, **options)

    def psql(self, arguments: list[str], database: str, proxy: Delay | None = None,
             **options) -> Contender:
        return Contender("psql", [self.server.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments],
                         self.server.environment(database, proxy), self.folder, **options)

    def history(self, kind: str, count: int) -> tuple[pathlib.Path, pathlib.Path]:
        ours, theirs = self.folder / f"{kind}{count}", self.folder / f"{kind}{count}-alembic"
        if not ours.exists():
            histories.write_sql(ours, histories.synthetic(kind, count))
            histories.write_alembic(theirs, histories.synthetic(kind, count))
        return ours, theirs

    def report(self, row: str, what: str, contenders: list[Contender], bound: str = "") -> None:
        """The first one is ours; `bound`: of it, and whether it is met."""
        ours = contenders[0]
        for contender in contenders:
            is_ours = contender is ours
            self.runs.add(row, what, contender.name, f"{contender.wall() * 1000:.1f}",
                          f"{contender.best() * 1000:.1f}", f"{contender.cpu() * 1000:.1f}",
                          contender.rss(), "" if is_ours else f"{ours.wall() / contender.wall():.2f}",
                          bound if is_ours else "")

    def text(self) -> str:
        return "\n\n".join(table.text() for table in self.tables if table.rows)
