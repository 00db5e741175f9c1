# SPDX-License-Identifier: Apache-2.0
"""What `stillhead doctor` is told: versions and where they are, and what can be seen of scripts and env.py."""
import importlib.util
import platform
import sys
import time
from importlib import metadata

from stillhead_host.failure import Missing, import_alembic
from stillhead_host.script_checks import findings_in

DRIVERS = (("psycopg2", ("psycopg2", "psycopg2-binary")), ("psycopg", ("psycopg",)),
           ("asyncpg", ("asyncpg",)), ("pg8000", ("pg8000",)), ("aiosqlite", ("aiosqlite",)))
OF_SCRIPTS = {"autocommit", "commits", "does_not_compile", "empty_downgrade", "no_downgrade", "no_upgrade",
              "own_connection", "own_driver"}
OF_ENV_PY = {"does_not_compile", "own_lock"}


def told(command):
    """The members of the request `told`. Nothing of the project is run."""
    begin = time.monotonic()
    shown = lines()
    files = [(entry["file"], entry["id"], OF_SCRIPTS) for entry in command.get("revisions") or ()
             if entry.get("host", True)]
    if command.get("env_py"):
        files.append((command["env_py"], "", OF_ENV_PY))
    return {"lines": shown, "import_ms": round((time.monotonic() - begin) * 1000),
            "findings": [{"check": check, "file": file, "line": line, "revision": revision}
                         for file, revision, checks in files for check, line in findings_in(file, checks)]}


def lines():
    """Names to texts, in the order in which they are to be read."""
    shown = {"python": "{}, {}".format(platform.python_version(), sys.executable)}
    try:
        import_alembic()
    except Missing as error:
        shown["missing"] = str(error)
    for name in ("alembic", "sqlalchemy"):
        shown[name] = _package(name)
    shown["drivers"] = ", ".join(_drivers()) or "none"
    return shown


def _package(name):
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    return "not found" if file is None else "{}, {}".format(getattr(module, "__version__", "?"), file)


def _drivers():
    for name, distributions in DRIVERS:
        if importlib.util.find_spec(name) is not None:
            yield " ".join(filter(None, (name, _version(distributions))))
    try:
        import sqlite3
        yield "sqlite3 {}".format(sqlite3.sqlite_version)
    except ImportError:
        pass


def _version(distributions):
    for distribution in distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None
