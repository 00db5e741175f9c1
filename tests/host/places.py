# SPDX-License-Identifier: Apache-2.0
"""A copy of a small project with a database of its own, run by Alembic itself or by the script host."""
import hashlib
import os
import sqlite3
import subprocess

import ini
import reference_run

SPELLINGS = {"sqlite": "sqlite", "aiosqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg2",
             "asyncpg": "postgresql+asyncpg"}


class Place:
    """`kind`: a key of SPELLINGS; `files`: path in the project to text; `zygote`: of the project's environment."""

    def __init__(self, folder, files, kind, zygote, server, driver):
        self.folder, self.kind, self.zygote, self.server = folder, kind, zygote, server
        self.driver = driver
        for name, text in {"alembic.ini": INI, **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (folder / "scripts/versions").mkdir(parents=True, exist_ok=True)
        (folder / "scripts/script.py.mako").write_text(MAKO)
        key = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        self.databases = [f"place_{key}_{number}" for number in (1, 2)
                          if number == 1 or any("SECOND_URL" in text for text in files.values())]
        if self.on_server():
            for name in self.databases:
                server.sql("postgres", f'CREATE DATABASE "{name}" OWNER scram')

    def on_server(self):
        return self.kind in ("postgresql", "asyncpg")

    def url(self, number=0):
        spelling, name = SPELLINGS[self.kind], self.databases[number]
        if self.on_server():
            return f"{spelling}://scram:secret%231@127.0.0.1:{self.server.port}/{name}"
        return f"{spelling}:///{self.folder / name}.db"

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ALEMBIC"))}
        path = f"{self.zygote.python.parent}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "DATABASE_URL": self.url(), "SECOND_URL": self.url(-1),
                "PYTHONDONTWRITEBYTECODE": "1"}

    def alembic(self, *argv):
        """Exit code, standard output and error."""
        self.zygote.start(argv, self.folder, self.environment())
        return self.zygote.finish()

    def host(self, *argv, what="migrate", answer=None, on_request=None, fresh=False, **more):
        """A Run of the command `what`; `more` are members of it. `fresh`: the child is a new process."""
        command = {"command": what, "argv": list(argv), "driver": self.driver, "url": None,
                   "revisions": reference_run.revisions_of(self.folder / "scripts/versions"), **more}
        start = reference_run.start_fresh(self.zygote.python, self.folder, self.environment()) if fresh else self._fork
        return reference_run.Run(start, command, self.heads, answer, on_request)

    def _fork(self, channel):
        self.zygote.start([], self.folder, self.environment(), channel)
        return self.zygote.finish

    def heads(self, request):
        """The rows of the version table that a request names."""
        table = request["version_table"]
        if not self.on_server():
            rows = self.sqlite_rows(request["url"].split(":///")[1], table)
            return [] if rows is None else [row[0] for row in rows]
        name = request["url"].rsplit("/", 1)[1]
        schema = request["version_table_schema"] or "public"
        if self.server.sql(name, f"SELECT to_regclass('{schema}.{table}') IS NULL").strip() == "t":
            return []
        return self.server.sql(name, f"SELECT version_num FROM {schema}.{table}").split()

    @staticmethod
    def sqlite_rows(file, table):
        connection = sqlite3.connect(file)
        try:
            return connection.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall()
        except sqlite3.OperationalError:
            return None
        finally:
            connection.close()

    def sqlite_script(self, text):
        connection = sqlite3.connect(self.folder / f"{self.databases[0]}.db")
        connection.executescript(text)
        connection.close()

    def dump(self):
        """All that is in its databases."""
        return "\n".join(self._dump_of(name) for name in self.databases)

    def _dump_of(self, name):
        if not self.on_server():
            connection = sqlite3.connect(self.folder / f"{name}.db")
            try:
                return in_any_order(connection.iterdump())
            finally:
                connection.close()
        text = subprocess.run([self.server.bin / "pg_dump", "--inserts", self.server.url(name)],
                              check=True, capture_output=True, text=True).stdout
        return in_any_order(line for line in text.splitlines() if not line.startswith(("\\", "--")) and line)

    def table(self, name):
        """Rows as texts, None without such a table."""
        if self.on_server():
            if self.server.sql(self.databases[0], f"SELECT to_regclass('{name}') IS NULL").strip() == "t":
                return None
            return self.server.sql(self.databases[0], f"SELECT * FROM {name} ORDER BY 1").splitlines()
        rows = self.sqlite_rows(self.folder / f"{self.databases[0]}.db", name)
        return None if rows is None else ["|".join(str(value) for value in row) for row in rows]


def in_any_order(lines):
    """The rows: version rows of two branches may be written in either order."""
    lines = list(lines)
    rows = [line for line in lines if line.startswith("INSERT")]
    return "\n".join([line for line in lines if not line.startswith("INSERT")] + sorted(rows))


INI = """[alembic]
script_location = %(here)s/scripts
prepend_sys_path = .

[tenants]
script_location = %(here)s/scripts
tenant = eve

""" + ini.LOGGERS

MAKO = '''"""${message}"""
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
'''
