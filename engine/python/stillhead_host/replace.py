# SPDX-License-Identifier: Apache-2.0
"""While env.py and scripts run, engines of SQLAlchemy for the run's database are served by Stillhead."""
import functools
import getpass
import importlib
import os
import threading

from stillhead_host import sqlite, wire

# Which drivers block, which are asyncio's, which are both (None: the URL leaves the choice to SQLAlchemy).
POSTGRESQL = {None: "both", "psycopg2": "blocking", "psycopg2cffi": "blocking", "psycopg": "both",
              "psycopg_async": "asyncio", "asyncpg": "asyncio", "pg8000": "blocking"}
SQLITE = {None: "blocking", "pysqlite": "blocking", "aiosqlite": "asyncio"}
CLASSES = {"postgresql": ("stillhead_host.pg_dialect", "PostgresDialect", "AsyncPostgresDialect"),
           "sqlite": ("stillhead_host.sqlite_dialect", "SqliteDialect", "AsyncSqliteDialect")}
DRIVERS = {"postgresql": POSTGRESQL, "sqlite": SQLITE}
SAME_HOST = {"127.0.0.1": "localhost", "::1": "localhost"}

_creating = threading.local()
_creating_told = []


def install(the_wire, url, warn, patches, is_served=None, created=None):
    """From here on, engines for `url` (None: for any PostgreSQL or SQLite database) use our dialects.

    `warn` is called with one line about each engine that is left alone although its database is the run's.
    Engines that are created where is_served() is False are left alone. `created` is called with each engine
    that uses ours, and the arguments of its create_engine().
    """
    from sqlalchemy.engine.url import URL, make_url  # pylint: disable=import-outside-toplevel
    wire.share(the_wire)
    target = None if url is None else _place(make_url(url))
    instantiate_plugins, get_entrypoint = URL._instantiate_plugins, URL._get_entrypoint

    # create_engine() calls both in turn; get_dialect(), which Alembic uses for --sql, only the second.
    def noting_creator(self, kwargs):
        found = instantiate_plugins(self, kwargs)
        _creating.creator = next((name for name in ("creator", "pool") if kwargs.get(name) is not None), "")
        _creating.arguments = dict(kwargs)
        return found

    def choosing_dialect(self):
        creator = getattr(_creating, "creator", None)
        _creating.creator = None
        if creator is None or not _is_served(self, target) or not (is_served is None or is_served()):
            return get_entrypoint(self)
        if creator:
            warn("an engine for %s is created with %s=: what it makes is not Stillhead's connection, and "
                 "stands outside of the run's transaction" % (_shown(self), creator))
            return get_entrypoint(self)
        return _dialect(*_split(self))

    patches.put(URL, "_instantiate_plugins", noting_creator)
    patches.put(URL, "_get_entrypoint", choosing_dialect)
    _creating_told[:] = [] if created is None else [created]


def number_of(connection):
    """The protocol's number of what an SQLAlchemy Connection stands on; None when it is not ours."""
    connection = getattr(connection, "sync_connection", None) or connection
    fairy = getattr(connection, "connection", None)
    driver = getattr(fairy, "dbapi_connection", None)
    return driver.number if type(driver).__module__.startswith("stillhead_host.") else None


def is_shared(url):
    """Whether another process can connect to the same database."""
    return _place(url) is not None


def _split(url):
    backend, _, driver = url.drivername.partition("+")
    return backend, driver or None


def _is_served(url, target):
    backend, driver = _split(url)
    if driver not in DRIVERS.get(backend, {}):
        return False
    place = _place(url)
    return place is not None and (target is None or place == target)


def _place(url):
    """What names the same database in the same way; None where there is none that two sessions can share."""
    backend, _ = _split(url)
    if backend == "sqlite":
        if not url.database:
            return None
        uri = str(url.query.get("uri", "")).lower() in ("true", "1", "yes", "on")
        name = url.database
        if url.query.get("mode") == "memory" or (name.startswith("file:") and not uri):
            return None
        path = sqlite.file_of(name)
        return path and ("sqlite", os.path.realpath(path))
    query = {name: value[-1] if isinstance(value, tuple) else value for name, value in url.query.items()}
    user = url.username or query.get("user") or os.environ.get("PGUSER") or _system_user()
    host, port = url.host or query.get("host"), url.port or query.get("port")
    if isinstance(url.query.get("host"), tuple):
        host = ",".join(url.query["host"])
    elif not port and host and host.count(":") == 1:
        host, _, port = host.partition(":")
    host = host or os.environ.get("PGHOST") or ""
    port = str(port or os.environ.get("PGPORT") or 5432)
    database = url.database or query.get("dbname") or os.environ.get("PGDATABASE") or user
    return ("postgresql", SAME_HOST.get(host, host).lower(), port, user, database)


def _system_user():
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _shown(url):
    # str(url) shows the password in SQLAlchemy 1.4.
    return repr(url).split("?")[0]


def _tell_created(_class, engine):
    for tell in _creating_told:
        tell(engine, _creating.arguments)


@functools.lru_cache(maxsize=None)
def _dialect(backend, driver):
    module, blocking, waiting = CLASSES[backend]
    module = importlib.import_module(module)
    kind = DRIVERS[backend][driver]
    chosen = {"blocking": getattr(module, blocking), "asyncio": getattr(module, waiting)}
    named = {kind: type(found.__name__, (found,), {"driver": driver or found.driver,
                                                   "engine_created": classmethod(_tell_created),
                                                   "supports_statement_cache": True,
                                                   "__module__": found.__module__})
             for kind, found in chosen.items()}
    if kind == "both":
        asyncio = named["asyncio"]
        named["blocking"].get_async_dialect_cls = classmethod(lambda cls, url: asyncio)
        return named["blocking"]
    return named[kind]
