# SPDX-License-Identifier: Apache-2.0
"""PEP 249 for SQLite over Stillhead's connection: parameters, values and attributes as sqlite3 has them."""
import os
from urllib.parse import parse_qsl, quote, unquote

from stillhead_host import wire
from stillhead_host.errors import (  # noqa: F401  PEP 249 wants them here
    DatabaseError, DataError, Error, IntegrityError, InterfaceError, InternalError, NotSupportedError,
    OperationalError, ProgrammingError, Warning)
from stillhead_host.pep249 import (  # noqa: F401  PEP 249 wants them here
    BaseConnection, Binary, Date, DateFromTicks, Time, TimeFromTicks, Timestamp, TimestampFromTicks, apilevel)
from stillhead_host.rows import unsupported
from stillhead_host.sqlite_cursor import Cursor

threadsafety = 1
paramstyle = "qmark"
version = "2.6.0"
# Of the library in Stillhead; told anew by each connection.
sqlite_version_info = (3, 40, 1)
sqlite_version = "3.40.1"
PARSE_DECLTYPES, PARSE_COLNAMES = 1, 2
LEGACY_TRANSACTION_CONTROL = -1

# The primary result codes of SQLite, as sqlite3 maps them; the others are a DatabaseError.
CODES = {1: OperationalError, 2: InternalError, 3: OperationalError, 4: OperationalError, 5: OperationalError,
         6: OperationalError, 8: OperationalError, 9: OperationalError, 10: OperationalError,
         12: InternalError, 13: OperationalError, 14: OperationalError, 15: OperationalError,
         16: OperationalError, 17: OperationalError, 18: DataError, 19: IntegrityError, 20: IntegrityError,
         21: InterfaceError, 25: InterfaceError}


def file_of(database):
    """The absolute path that a name handed to sqlite3 means; None where it means no file."""
    database = os.fsdecode(database)
    if database.startswith("file:"):
        name, _, query = database[len("file:"):].partition("?")
        if dict(parse_qsl(query)).get("mode") == "memory":
            return None
        database = unquote(name)
        if database.startswith("//"):
            database = "/" + database[2:].partition("/")[2]
    if database in ("", ":memory:"):
        return None
    return os.path.abspath(database)


def connect(database, timeout=5.0, detect_types=0, isolation_level="", check_same_thread=True, factory=None,
            cached_statements=128, uri=False, autocommit=LEGACY_TRANSACTION_CONTROL):
    """As sqlite3.connect(); how long is waited, and threads, are Stillhead's."""
    # pylint: disable=unused-argument,too-many-arguments
    path = file_of(database)
    if path is None:
        raise NotSupportedError("a database in memory is not there over Stillhead's connection: %r"
                                % database)
    if detect_types:
        raise NotSupportedError("detect_types is not there over Stillhead's connection: %r" % detect_types)
    if factory is not None:
        unsupported("a factory")(None)
    connection = Connection(wire.shared(), "sqlite:///" + quote(path))
    if isolation_level is None or autocommit is True:
        connection.isolation_level = None
    return connection


def _failure(error):
    code = str(error.members.get("sqlstate", ""))
    number = int(code) if code.isdigit() else None
    lost = isinstance(error, wire.ConnectionLost)
    kind = OperationalError if lost else CODES.get((number or 0) & 0xff, DatabaseError)
    made = kind(error.message, members=error.members)
    made.sqlite_errorcode = number
    return made


class Connection(BaseConnection):
    """As sqlite3's."""

    def __init__(self, the_wire, url):
        super().__init__(the_wire)
        self.row_factory = None
        self.text_factory = str
        self.total_changes = 0
        self._isolation_level = ""
        number = self._connect(url, "sqlite", "SQLite")["server_version"]
        self.server_version = (number // 1000000, number // 1000 % 1000, number % 1000)
        globals().update(sqlite_version_info=self.server_version,
                         sqlite_version=".".join(map(str, self.server_version)))

    def request(self, **members):
        try:
            return self._ask(members)
        except (wire.DatabaseError, wire.ConnectionLost) as error:
            failure = _failure(error)
        raise failure

    def check(self):
        if self.closed:
            raise ProgrammingError("Cannot operate on a closed database.")

    def run(self, sql, parameters, **options):
        answer = self.request(do="execute", sql=sql, parameters=parameters, **options)
        self.transaction = answer.get("transaction", self.transaction)
        self.total_changes += max(0, answer.get("rowcount", 0))
        return answer

    def run_many(self, sql, rows):
        answer = self.request(do="execute_many", sql=sql, rows=rows)
        self.transaction = "open" if self._isolation_level is not None else self.transaction
        self.total_changes += max(0, answer["rowcount"])
        return answer["rowcount"]

    def cursor(self, factory=None):
        self.check()
        if factory not in (None, Cursor):
            unsupported("a factory of cursors")(self)
        return Cursor(self)

    def execute(self, sql, parameters=()):
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql, parameters):
        return self.cursor().executemany(sql, parameters)

    def executescript(self, script):
        return self.cursor().executescript(script)

    @property
    def in_transaction(self):
        return self.transaction != "idle"

    @property
    def isolation_level(self):
        """None: each statement is a transaction of its own, as far as no BEGIN is sent."""
        return self._isolation_level

    @isolation_level.setter
    def isolation_level(self, level):
        self.check()
        if (level is None) != (self._isolation_level is None):
            if level is None and self.in_transaction:
                self.commit()
            self.request(do="autocommit", value=level is None)
        self._isolation_level = level

    autocommit = property(lambda self: LEGACY_TRANSACTION_CONTROL)

    create_function = unsupported("create_function()")
    create_aggregate = unsupported("create_aggregate()")
    create_window_function = unsupported("create_window_function()")
    create_collation = unsupported("create_collation()")
    set_authorizer = unsupported("set_authorizer()")
    set_progress_handler = unsupported("set_progress_handler()")
    set_trace_callback = unsupported("set_trace_callback()")
    enable_load_extension = load_extension = unsupported("load_extension()")
    interrupt = unsupported("interrupt()")
    backup = unsupported("backup()")
    iterdump = unsupported("iterdump()")
    blobopen = unsupported("blobopen()")
    serialize = deserialize = unsupported("serialize()")
