# SPDX-License-Identifier: Apache-2.0
"""Other people's test suites inside env.py, run by the project's `alembic`, or by `stillhead` where that stood.

In the second case SQLAlchemy's engines have our dialects, our driver, and the engine's own process behind it.
"""
import json
import os
import re
import subprocess
import xml.etree.ElementTree

from server import STILLHEAD

FLAVOURS = {"postgresql": "psycopg2", "sqlite": "sqlite3"}  # and the driver that ours stands in for
PREPARED = ("CREATE SCHEMA test_schema", "CREATE SCHEMA test_schema_2", "CREATE EXTENSION hstore",
            "CREATE EXTENSION citext")
PATIENCE = 1800  # seconds for one run
SUMMARY = re.compile(r"^=* ?(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s", re.MULTILINE)
# What of a class's name says where it has run.
PLACE = re.compile(r"_(sqlite|postgresql)\+\w+?_[\d_]+")

INI = """[alembic]
script_location = %(here)s/scripts
"""
ENV_PY = '''"""Runs pytest; Alembic's `context` is not there meanwhile, as outside of a run."""
import json
import os
import sys

import pytest
from alembic import context


class Driver:
    """Says which driver the tests have got."""

    @staticmethod
    def pytest_collection_finish():
        from sqlalchemy.testing import config
        with open(os.environ["SUITE_DRIVER"], "w") as file:
            file.write(config.db.dialect.dbapi.__name__)


alembic = context._proxy
alembic._remove_proxy()
try:
    code = pytest.main(json.loads(os.environ["SUITE_ARGUMENTS"]), plugins=[Driver()])
finally:
    alembic._install_proxy()
sys.exit(code)
'''


class Run:
    """One run of a suite in `place`, a folder of its own. `text`: all that it has printed."""

    def __init__(self, environment, place, url, is_ours, arguments, **variables):
        files = place.with_name(place.name + "-run")
        (files / "scripts/versions").mkdir(parents=True)
        (files / "alembic.ini").write_text(INI)
        (files / "scripts/env.py").write_text(ENV_PY)
        self.report, driver = files / "report.xml", files / "driver"
        words = ["--dburi", url, "-o", "junit_family=xunit1", "--junit-xml", str(self.report), "-p", "no:cacheprovider",
                 *arguments]
        # Of the commands whose env.py Alembic itself runs, 1.8 has this one.
        command = [STILLHEAD if is_ours else environment / "bin/alembic", "-c", files / "alembic.ini", "revision",
                   "--autogenerate", "-m", "suite"]
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("PG", "PYTHON", "STILLHEAD_", "ALEMBIC")) and name != "DATABASE_URL"}
        done = subprocess.run(command, cwd=place, check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=PATIENCE, env={
                                  **kept, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
                                  "PYTHONDONTWRITEBYTECODE": "1", "SUITE_ARGUMENTS": json.dumps(words),
                                  "SUITE_DRIVER": str(driver), **variables})
        self.text = done.stdout
        self.driver = driver.read_text() if driver.exists() else "none"
        if self.driver.startswith("stillhead_host.") != is_ours:
            raise RuntimeError(f"the suite ran over the driver {self.driver}:\n{self.text[-20000:]}")

    def counts(self):
        """Of pytest's last line: number by word, `errors` and `error` being one."""
        found = SUMMARY.findall(self.text)
        parts = [part.split() for part in found[-1].split(", ")] if found else []
        return {word.replace("errors", "error"): int(number) for number, word in parts}

    def outcomes(self):
        """`passed`, `failed` or `skipped` by the test's name, which does not tell of driver and versions."""
        found = {}
        for case in xml.etree.ElementTree.parse(self.report).iter("testcase"):
            inside = {part.tag for part in case}
            name = PLACE.sub("", case.get("classname")).removeprefix("tests.") + "." + case.get("name")
            found[name] = "failed" if inside & {"failure", "error"} else "skipped" if "skipped" in inside else "passed"
        return found


def urls(server, name):
    """Of an empty database of each flavour; SQLite's is in the folder of the run.

    Up to the first `_` SQLAlchemy takes what stands there as the name of its file: no folder may be in it.
    """
    server.sql("postgres", "CREATE DATABASE " + name)
    server.sql(name, *PREPARED)
    return {"postgresql": server.url(name).replace(":", "+psycopg2:", 1), "sqlite": "sqlite:///suite.db"}
