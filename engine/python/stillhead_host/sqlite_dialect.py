# SPDX-License-Identifier: Apache-2.0
"""SQLAlchemy's dialect for SQLite over `stillhead_host.sqlite`, for SQLAlchemy 1.4, 2.0 and 2.1."""
from sqlalchemy import pool
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from stillhead_host import sqlite
from stillhead_host.waiting import Waiting


class SqliteDialect(SQLiteDialect_pysqlite):
    """`driver` is what the URL of the engine says."""

    supports_statement_cache = True

    if hasattr(SQLiteDialect_pysqlite, "dbapi"):
        @classmethod
        def dbapi(cls):
            return sqlite
    else:
        @classmethod
        def import_dbapi(cls):
            return sqlite

    def on_connect(self):
        """SQLAlchemy adds functions of Python here; those of SQLite are what is there."""
        if getattr(self, "isolation_level", None) is None:
            return None
        return lambda connection: self.set_isolation_level(connection, self.isolation_level)

    def is_disconnect(self, e, connection, cursor):
        text = str(e)
        return isinstance(e, self.dbapi.ProgrammingError) and "Cannot operate on a closed database." in text \
            or isinstance(e, self.dbapi.OperationalError) and e.members.get("kind") == "connection"


class _AsyncContext(SQLiteDialect_pysqlite.execution_ctx_cls):
    def create_server_side_cursor(self):
        return self._dbapi_connection.cursor()


class AsyncSqliteDialect(Waiting, SqliteDialect):
    """For create_async_engine()."""

    supports_statement_cache = True
    supports_server_side_cursors = True
    execution_ctx_cls = _AsyncContext

    @classmethod
    def get_pool_class(cls, url):
        found = super().get_pool_class(url)
        return found if found is pool.NullPool else pool.AsyncAdaptedQueuePool
