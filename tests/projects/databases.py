# SPDX-License-Identifier: Apache-2.0
"""Empty databases on PostgreSQL and SQLite, and what migrations have made of them."""
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "faults"))
from server import Server  # noqa: E402

# What pg_dump says about the session and not about the schema. \restrict: pg_dump since 15.14.
NOISE = re.compile(r"--|SET |SELECT pg_catalog\.set_config\(|\\(un)?restrict |\s*$")
CONSTRAINTS = ("CONSTRAINT ", "UNIQUE (", "FOREIGN KEY", "CHECK (", "PRIMARY KEY (")


class PostgreSql:
    flavour = "postgresql"

    def __init__(self, server: Server):
        self.server = server

    def fresh(self, name: str, template: str = "template0") -> None:
        self.server.fresh(name, template)

    def url(self, scheme: str, name: str) -> str:
        return f"{scheme}://postgres@/{name}?host={self.server.host}&port={self.server.port}"

    def schema(self, name: str) -> list[str]:
        text = self.server.schema(name, "--no-owner", "--no-privileges", "--exclude-schema=stillhead")
        return [line for line in text.splitlines() if not NOISE.match(line)]

    def tables(self, name: str) -> list[str]:
        return self.server.sql(name, "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname"
                                     " NOT IN ('pg_catalog', 'information_schema', 'stillhead') ORDER BY 1"
                               ).splitlines()

    def rows(self, name: str, query: str) -> list[str]:
        return self.server.sql(name, query).splitlines()


def in_one_order(lines: list[str]) -> list[str]:
    """Alembic copies a table with its constraints in the order of a set, which differs from run to run."""
    constraints = sorted(line.strip().rstrip(",") for line in lines if line.strip().startswith(CONSTRAINTS))
    return [line for line in lines if not line.strip().startswith(CONSTRAINTS)] + constraints


class Sqlite:
    flavour = "sqlite"

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        folder.mkdir()

    def file(self, name: str) -> pathlib.Path:
        return self.folder / f"{name}.db"

    def fresh(self, name: str, template: str = "") -> None:
        for file in self.folder.glob(f"{name}.db*"):
            file.unlink()
        if template:
            shutil.copyfile(self.file(template), self.file(name))

    def url(self, scheme: str, name: str) -> str:
        return f"{scheme}:///{self.file(name)}"

    def schema(self, name: str) -> list[str]:
        texts = self.rows(name, "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema WHERE"
                                " tbl_name NOT LIKE 'stillhead_%' ORDER BY 1")
        return [line for text in texts for line in in_one_order(text.splitlines())]

    def tables(self, name: str) -> list[str]:
        return self.rows(name, "SELECT '\"' || name || '\"' FROM sqlite_schema WHERE type = 'table'"
                               " AND name NOT LIKE 'stillhead_%' AND name NOT LIKE 'sqlite_%' ORDER BY 1")

    def rows(self, name: str, query: str) -> list[str]:
        connection = sqlite3.connect(self.file(name))
        try:
            return [str(row[0]) for row in connection.execute(query)]
        finally:
            connection.close()


def state(database: PostgreSql | Sqlite, name: str, version_table: str) -> list[str]:
    """The schema, the rows of the version table, and how many rows each other table has."""
    lines = database.schema(name)
    for table in database.tables(name):
        if table.split(".")[-1].strip('"') == version_table:
            found = sorted(database.rows(name, f"SELECT version_num FROM {table}"))
            lines.append(f"{table}: {' '.join(found)}")
        else:
            lines.append(f"{table}: {database.rows(name, f'SELECT count(*) FROM {table}')[0]} rows")
    return lines
