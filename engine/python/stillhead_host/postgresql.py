# SPDX-License-Identifier: Apache-2.0
"""PEP 249 for PostgreSQL over Stillhead's connection: literals and values as psycopg2 has them."""
from stillhead_host import errors, pg_decode, pg_extras, pg_url, wire
from stillhead_host.errors import (  # noqa: F401  PEP 249 wants them here
    DatabaseError, DataError, Error, IntegrityError, InterfaceError, InternalError, NotSupportedError,
    OperationalError, ProgrammingError, QueryCanceledError, TransactionRollbackError, Warning)
from stillhead_host.pep249 import (  # noqa: F401  PEP 249 wants them here
    BaseConnection, Binary, Date, DateFromTicks, Time, TimeFromTicks, Timestamp, TimestampFromTicks, apilevel)
from stillhead_host.pg_cursor import Cursor
from stillhead_host.pg_info import Info
from stillhead_host.rows import unsupported

threadsafety = 2
paramstyle = "pyformat"
# What programs compare psycopg2's version with: that one is imitated.
__version__ = "2.9.10 (stillhead)"

ISOLATION_LEVELS = {1: "READ COMMITTED", 2: "REPEATABLE READ", 3: "SERIALIZABLE", 4: "READ UNCOMMITTED"}
AUTOCOMMIT = 0


class _Kind(frozenset):
    """A type object of PEP 249: equal to the OIDs that it stands for."""

    def __eq__(self, other):
        return other in self if isinstance(other, int) else frozenset.__eq__(self, other)

    __hash__ = frozenset.__hash__


STRING = _Kind((19, 18, 25, 1042, 1043))
BINARY = _Kind((17,))
NUMBER = _Kind((20, 21, 23, 700, 701, 1700))
DATETIME = _Kind((1082, 1083, 1114, 1184, 1266, 704, 1186))
ROWID = _Kind((26,))


def connect(dsn=None, **options):
    """`options` are those of libpq, and what psycopg2, psycopg, asyncpg and pg8000 add (pg_url)."""
    if dsn:
        raise TypeError("connect() takes the members of a connection by name, not as the text of a dsn")
    autocommit = options.pop("autocommit", False)
    connection = Connection(wire.shared(), pg_url.url_of(options))
    if autocommit:
        connection.autocommit = True
    return connection


class Connection(BaseConnection):
    """As psycopg2's."""

    def __init__(self, the_wire, url):
        super().__init__(the_wire)
        self.url = url
        self._begun = False  # from the first statement to commit() or rollback()
        self.notices = []
        self.notifies = []
        self.encoding = "UTF8"
        self.cursor_factory = None
        self._casts = pg_decode.Casts()
        self._autocommit = False
        self._characteristics = {"isolation": None, "readonly": None, "deferrable": None}
        self.server_version = self._connect(url, "postgresql", "PostgreSQL")["server_version"]
        self.info = Info(self)

    def request(self, sql=None, cursor_object=None, **members):
        if sql is not None:
            members["sql"] = sql
        try:
            return self._ask(members)
        except (wire.DatabaseError, wire.ConnectionLost) as error:
            if isinstance(error, wire.ConnectionLost):
                self.closed = 2
            elif self.transaction == "open":
                self.transaction = "failed"
            failure = errors.from_answer(error, sql, cursor_object)
        raise failure

    def check(self):
        if self.closed:
            raise InterfaceError("connection already closed")

    def execute(self, sql, cursor=None):
        answer = self.request(sql=sql, cursor_object=cursor, do="execute", **self._begin())
        self.transaction = answer.get("transaction", self.transaction)
        return answer

    def execute_many(self, statements, cursor=None):
        answer = self.request(cursor_object=cursor, do="execute_many", statements=statements,
                              **self._begin())
        return answer["rowcount"]

    def _begin(self):
        """Stillhead begins the transaction; what differs from the server's defaults is the first thing in it.

        A COMMIT in a script's own text leaves psycopg2 without a transaction until commit() or rollback(): a
        way to CREATE INDEX CONCURRENTLY that is in use.
        """
        if self._autocommit:
            return {}
        if self._begun:
            return {} if self.transaction != "idle" else {"begin": False}
        self._begun, self.transaction = True, "open"
        words = self._words()
        if words:
            self.request(sql="SET TRANSACTION " + words, do="execute")
        return {}

    def _words(self):
        wanted = self._characteristics
        words = ["ISOLATION LEVEL " + wanted["isolation"]] if wanted["isolation"] else []
        if wanted["readonly"] is not None:
            words.append("READ ONLY" if wanted["readonly"] else "READ WRITE")
        if wanted["deferrable"] is not None:
            words.append("DEFERRABLE" if wanted["deferrable"] else "NOT DEFERRABLE")
        return ", ".join(words)

    def casts_of(self, oids):
        """What reads values of these types; asks the catalog when it meets a type of an extension."""
        if self.transaction != "failed" and not all(map(self._casts.knows, oids)):
            for oid in oids:
                if not self._casts.knows(oid):
                    self._casts.register(oid, (), None)
            found = self.request(sql="SELECT oid, typarray FROM pg_catalog.pg_type WHERE typname = 'hstore'",
                                 do="execute", begin=False)
            for oid, array in found["rows"]:
                self._casts.register(int(oid), (int(array),), pg_decode.hstore)
        return [self._casts.of(oid) for oid in oids]

    def cursor(self, name=None, cursor_factory=None, **options):
        self.check()
        if cursor_factory not in (None, Cursor):
            unsupported("a cursor_factory")(self)
        return Cursor(self, name, **options)

    def _end(self, do):
        super()._end(do)
        self._begun = False

    @property
    def autocommit(self):
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value):
        self.set_session(autocommit=value)

    def set_session(self, isolation_level=None, readonly=None, deferrable=None, autocommit=None):
        """None leaves a setting; isolation_level is one of psycopg2's numbers or SQL's words."""
        self.check()
        if self._begun:
            raise ProgrammingError("set_session cannot be used inside a transaction")
        if isolation_level is not None:
            self.isolation_level = isolation_level
        for name, value in (("readonly", readonly), ("deferrable", deferrable)):
            if value is not None:
                self._characteristics[name] = None if value == "DEFAULT" else bool(value)
        if autocommit is not None and bool(autocommit) != self._autocommit:
            self.request(do="autocommit", value=bool(autocommit))
            self._autocommit = bool(autocommit)

    @property
    def isolation_level(self):
        return next((number for number, words in ISOLATION_LEVELS.items()
                     if words == self._characteristics["isolation"]), None)

    @isolation_level.setter
    def isolation_level(self, level):
        words = ISOLATION_LEVELS.get(level, level)
        if words is not None:
            words = words.upper().replace("_", " ")
            if words != "DEFAULT" and words not in ISOLATION_LEVELS.values():
                raise ValueError("bad value for isolation_level: '%s'" % level)
        self._characteristics["isolation"] = None if words == "DEFAULT" else words

    def set_isolation_level(self, level):
        """AUTOCOMMIT (0), or a level; rolls back what is open."""
        if self._begun:
            self.rollback()
        if level == AUTOCOMMIT:
            self.autocommit = True
        else:
            self.autocommit = False
            self.isolation_level = level

    @property
    def readonly(self):
        return self._characteristics["readonly"]

    @readonly.setter
    def readonly(self, value):
        self.set_session(readonly="DEFAULT" if value is None else value)

    @property
    def deferrable(self):
        return self._characteristics["deferrable"]

    @deferrable.setter
    def deferrable(self, value):
        self.set_session(deferrable="DEFAULT" if value is None else value)

    @property
    def status(self):
        return pg_extras.STATUS_BEGIN if self._begun else pg_extras.STATUS_READY

    def get_transaction_status(self):
        if self.closed:
            return pg_extras.TRANSACTION_STATUS_UNKNOWN
        return {"idle": 0, "open": 2, "failed": 3}[self.transaction]

    def get_dsn_parameters(self):
        return dict(self.info.dsn_parameters)

    @property
    def dsn(self):
        return " ".join("%s=%s" % item for item in self.info.dsn_parameters.items())

    def get_backend_pid(self):
        return int(self.execute("SELECT pg_backend_pid()")["rows"][0][0])

    def get_parameter_status(self, name):
        known = {"server_encoding": None, "client_encoding": "UTF8", "standard_conforming_strings": "on"}
        return known.get(name)

    def set_client_encoding(self, _encoding):
        """Text has been decoded already: no script can see a difference."""

    def register_uuid(self):
        self._casts.register_uuid()

    def register_json(self, loads):
        self._casts.register_json(loads)

    def __enter__(self):
        self.check()
        return self

    cancel = unsupported("cancel()")
    lobject = unsupported("lobject()")
    poll = unsupported("poll()")
    xid = unsupported("xid()")
    tpc_begin = tpc_prepare = tpc_commit = tpc_rollback = tpc_recover = unsupported("a two-phase transaction")
