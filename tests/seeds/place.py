# SPDX-License-Identifier: Apache-2.0
"""Where the steps run: a PostgreSQL that trusts, its databases, SQLite files, and the programs on PATH."""
import csv
import io
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/faults"))
from server import STILLHEAD, Server  # noqa: E402

USER, PASSWORD, HOST = "seeds", "secret", "127.0.0.1"
NULL = "\\N"
# What pg_dump says about the session and not about the schema.
NOISE = re.compile(r"--|SET |SELECT pg_catalog\.set_config\(|\\(un)?restrict |\s*$")

VERSION_ROWS = r"""
SELECT to_regclass('public.alembic_version') IS NOT NULL AS there \gset
\if :there
SELECT version_num FROM public.alembic_version;
\else
\echo no such table
\endif
"""


def trusting_server(folder: pathlib.Path) -> Server:
    """By TCP, too: the steps give a host and no password. Call stop() at the end; a killed process need not."""
    server = Server(folder)
    subprocess.Popen([ROOT / "tools/run_postgres", "stop-when-gone", folder, str(os.getpid())],  # pylint: disable=R1732
                     stdin=subprocess.DEVNULL, start_new_session=True)
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"local all all trust\nhost all all {HOST}/32 trust\n")
    server.sql("postgres", "SELECT pg_reload_conf()", f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{PASSWORD}'")
    return server


class Postgres:
    """One database of `server`, owned by an ordinary role."""

    def __init__(self, server: Server, name: str):
        self.server, self.name = server, name

    def make_empty(self) -> None:
        self.copy_of("template0")

    def copy_of(self, template: str) -> None:
        self.server.sql("postgres", f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)",
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        f"WHERE datname = '{template}' AND datname <> 'template0'",
                        f"CREATE DATABASE {self.name} OWNER {USER} TEMPLATE {template}")

    def keep(self) -> None:
        Postgres(self.server, f"{self.name}_kept").copy_of(self.name)

    def restore(self) -> None:
        self.copy_of(f"{self.name}_kept")

    def run(self, statements: list[str]) -> None:
        self.server.sql(self.name, *statements, user=USER)

    def query(self, sql: str) -> list[list[str | None]]:
        command = self.server.psql("--csv", "-t", "-P", f"null={NULL}", "-c", sql)
        text = subprocess.run(command, env=self.server.environment(self.name, USER), check=True, text=True,
                              capture_output=True).stdout
        return [[None if value == NULL else value for value in row] for row in csv.reader(io.StringIO(text))]

    def version_rows(self) -> list[str] | None:
        text = subprocess.run(self.server.psql(), env=self.server.environment(self.name, USER), check=True, text=True,
                              capture_output=True, input=VERSION_ROWS).stdout
        return None if text == "no such table\n" else sorted(text.splitlines())

    def schema(self) -> str:
        """As in expected/; without Stillhead's own schema."""
        text = self.server.schema(self.name, "-O", "-x", "--exclude-schema=stillhead")
        return "".join(f"{line}\n" for line in text.splitlines() if not NOISE.match(line))


class Sqlite:
    """A database in the file `path`."""

    def __init__(self, path: pathlib.Path):
        self.path, self.kept = path, path.with_suffix(".kept")

    def make_empty(self) -> None:
        self.path.unlink(missing_ok=True)

    def keep(self) -> None:
        self.kept.unlink(missing_ok=True)
        if self.path.exists():
            shutil.copyfile(self.path, self.kept)

    def restore(self) -> None:
        self.make_empty()
        if self.kept.exists():
            shutil.copyfile(self.kept, self.path)

    def run(self, statements: list[str]) -> None:
        with sqlite3.connect(self.path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def query(self, sql: str) -> list[list[str | None]]:
        connection = sqlite3.connect(self.path)
        rows = connection.execute(sql).fetchall()
        connection.close()
        return [[None if value is None else str(value) for value in row] for row in rows]

    def version_rows(self) -> list[str] | None:
        if not self.query("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"):
            return None
        return sorted(row[0] for row in self.query("SELECT version_num FROM alembic_version"))

    def schema(self) -> str:
        """As in expected/, where tabs are four blanks; without Stillhead's own tables beside the version table."""
        return "".join(f"{row[0]};\n".expandtabs(4) for row in self.query(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'stillhead\\_%' ESCAPE '\\' "
            "AND name <> 'sqlite_sequence' ORDER BY type = 'index', name"))


class Programs:
    """What PATH holds. With Stillhead a folder is first in it where `alembic` is a link to a copy of it."""

    def __init__(self, folder: pathlib.Path, environment: pathlib.Path, server: Server, stillhead: bool):
        system = [environment / "bin", server.bin, "/usr/bin", "/bin"]
        self.python, self.home = environment / "bin/python", folder / "home"
        self.home.mkdir(parents=True)
        self.alembics_path = os.pathsep.join(map(str, system))
        self.path, self.stillhead = self.alembics_path, None
        if stillhead:
            ours = folder / "bin"
            ours.mkdir()
            self.stillhead = ours / "stillhead"
            shutil.copy(STILLHEAD, self.stillhead)
            (ours / "alembic").symlink_to(self.stillhead)
            self.path = os.pathsep.join(map(str, [ours, *system]))

    def environment(self, additions: dict[str, str], alembics_own: bool = False) -> dict[str, str]:
        return {"PATH": self.alembics_path if alembics_own else self.path, "HOME": str(self.home),
                "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **additions}
