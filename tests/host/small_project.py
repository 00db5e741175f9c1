# SPDX-License-Identifier: Apache-2.0
"""A small Alembic project with two revisions and a database of its own, for tests that run programs in it."""
import argparse
import concurrent.futures
import copy
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile
import traceback

import environments
from server import STILLHEAD, Server

HEADER = "from alembic import op\nimport sqlalchemy as sa\nrevision = {id!r}\ndown_revision = {down!r}\n"
SCRIPTS = {
    "a1": """
def upgrade():
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
    op.bulk_insert(sa.table("item", sa.column("name", sa.String)), [{"name": "x"}, {"name": "y'%"}])

def downgrade():
    op.drop_table("item")
""",
    "b2": """
def upgrade():
    count = op.get_bind().execute(sa.text("SELECT count(*) FROM item WHERE name = :n"), {"n": "y'%"}).scalar()
    with op.batch_alter_table("item") as batch:
        batch.add_column(sa.Column("found", sa.Integer, server_default=str(count)))

def downgrade():
    with op.batch_alter_table("item") as batch:
        batch.drop_column("found")
""",
}


class Project:
    """A copy of what `alembic init` makes, with two revisions, and an empty database."""

    def __init__(self, folder, pair, python, server, flavour):
        self.folder, self.pair, self.server, self.flavour = folder, pair, server, flavour
        self.bin = python.parent
        folder.mkdir()
        subprocess.run([self.bin / "alembic", "init", "alembic"], cwd=folder, check=True, capture_output=True)
        self.database = re.sub(r"\W", "_", folder.name)
        if flavour == "sqlite":
            self.url = f"sqlite:///{folder}/data.db"
        else:
            server.sql("postgres", f'CREATE DATABASE "{self.database}"')
            self.url = server.url(self.database).replace("postgresql:", "postgresql+psycopg2:")
        self.write_url(self.url)
        for index, (name, text) in enumerate(SCRIPTS.items()):
            self.script(name, list(SCRIPTS)[index - 1] if index else None, text)

    def write_url(self, url):
        ini = self.folder / "alembic.ini"
        text = re.sub(r"(?m)^sqlalchemy\.url.*$", lambda _: "sqlalchemy.url = " + url, ini.read_text())
        ini.write_text(text)

    def in_folder(self, name):
        """The same environment and database in a new folder."""
        other = copy.copy(self)
        other.folder = self.folder / name
        other.folder.mkdir()
        return other

    def script(self, name, down, text):
        path = self.folder / "alembic/versions" / f"{name}_script.py"
        path.write_text(HEADER.format(id=name, down=down) + text)

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "ASAN_OPTIONS")}
        return {**kept, "PATH": f"{self.bin}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *words, program=STILLHEAD, **variables):
        return subprocess.run([str(program), *words], cwd=self.folder, env={**self.environment(), **variables},
                              text=True, capture_output=True, timeout=120)

    def rows(self, query):
        if self.flavour == "postgresql":
            return self.server.sql(self.database, query).splitlines()
        return ["|".join(map(str, row)) for row in sqlite3.connect(self.folder / "data.db").execute(query)]

    def history(self, **variables):
        shown = self.run("history", "--applied", "--json", **variables)
        return [(row["direction"], row["revision"], row["result"]) for row in json.loads(shown.stdout)["history"]]


def check(condition, end):
    if not condition:
        raise AssertionError(f"exit code {end.returncode}\n{end.stdout}\n{end.stderr}")


def succeeds(project, *words, **variables):
    end = project.run(*words, **variables)
    check(end.returncode == 0, end)
    return end


def run_case(function, folder, pair, python, server, flavour):
    """True: passed."""
    name = f"{function.__name__} with Alembic {pair}, {flavour}"
    try:
        function(Project(folder / f"{function.__name__}_{pair}_{flavour}", pair, python, server, flavour))
    except Exception:
        print(f"FAILED {name}:\n{traceback.format_exc()}", flush=True)
        return False
    print("passed", name, flush=True)
    return True


def run_cases(cases, description):
    """The main program: each case (a function) with each pair of packages, on PostgreSQL and SQLite."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    pairs = (*environments.PAIRS, environments.DEBIAN)
    parser.add_argument("--pair", choices=pairs, action="append")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stillhead-host-"))
    folder.chmod(0o755)
    results = []
    server = Server(folder / "pg")
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for pair in options.pair or pairs:
                found = environments.of_pair(pair)
                if found is None:
                    results.append(False)
                    print("FAILED pair debian: python3-alembic is not installed (tools/install_dependencies.sh)")
                    continue
                chosen = [function for function in cases if options.only in function.__name__]
                results += pool.map(lambda place: run_case(*place), [
                    (function, folder, pair, found / "bin/python", server, flavour)
                    for function in chosen for flavour in ("postgresql", "sqlite")])
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    failed = results.count(False)
    passed = len(results) - failed
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0
