# SPDX-License-Identifier: Apache-2.0
"""What `stillhead doctor` is told of the interpreter: versions, and where they are."""
import importlib.util
import platform
import sys
from importlib import metadata

from stillhead_host.failure import Missing, import_alembic

DRIVERS = (("psycopg2", ("psycopg2", "psycopg2-binary")), ("psycopg", ("psycopg",)),
           ("asyncpg", ("asyncpg",)), ("pg8000", ("pg8000",)), ("aiosqlite", ("aiosqlite",)))


def lines():
    """Names to texts, in the order in which they are to be read."""
    told = {"python": "{}, {}".format(platform.python_version(), sys.executable)}
    try:
        import_alembic()
    except Missing as error:
        told["missing"] = str(error)
    for name in ("alembic", "sqlalchemy"):
        told[name] = _package(name)
    told["drivers"] = ", ".join(_drivers()) or "none"
    return told


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
