# SPDX-License-Identifier: Apache-2.0
"""SQLAlchemy's dialect for PostgreSQL over `stillhead_host.postgresql`, for SQLAlchemy 1.4, 2.0 and 2.1.

SQLAlchemy's dialect for psycopg2 loads psycopg2 only when it is asked for its module; ours is asked instead.
"""
import re

from sqlalchemy import util
from sqlalchemy.dialects.postgresql import HSTORE
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.pool import QueuePool

from stillhead_host import pg_decode, pg_extras, pg_temporal, postgresql
from stillhead_host.errors import NotSupportedError
from stillhead_host.pg_literal import Hstore
from stillhead_host.waiting import Waiting

NEW = not hasattr(PGDialect_psycopg2, "dbapi")  # SQLAlchemy 2


class _Hstore(HSTORE):
    """Values are dictionaries on both sides of the driver."""

    def bind_processor(self, dialect):
        return lambda value: Hstore(value) if isinstance(value, dict) else value

    def result_processor(self, dialect, coltype):
        return None


COLSPECS = {HSTORE: _Hstore}

if NEW:
    from sqlalchemy.dialects.postgresql import ranges

    _MEMBER = re.compile(r'empty|[\[(](?:"(?:[^"\\]|\\.|"")*"|[^"\])])*[\])]')

    class _MultiRange(ranges.AbstractMultiRangeImpl):
        """The driver gives the text, as psycopg2 does."""

        @staticmethod
        def _text(value):
            if value is None or isinstance(value, str):
                return value
            return "{%s}" % ",".join(
                pg_decode.pg_range.Range(member.lower, member.upper, member.bounds, member.empty).text()
                for member in value)

        def bind_processor(self, dialect):
            return self._text

        def result_processor(self, dialect, coltype):
            cast = {4451: int, 4536: int, 4532: pg_decode.decimal.Decimal, 4533: pg_temporal.timestamp,
                    4534: pg_temporal.timestamptz, 4535: pg_temporal.date}[coltype]
            kind = getattr(ranges, "MultiRange", list)
            read = pg_decode.range_of(
                lambda lower=None, upper=None, bounds="[)", empty=False:
                ranges.Range(lower, upper, bounds=bounds, empty=empty), cast)
            return lambda value: value if value is None else kind(map(read, _MEMBER.findall(value)))

    COLSPECS[ranges.AbstractMultiRange] = _MultiRange


class PostgresDialect(PGDialect_psycopg2):
    """`driver` is what the URL of the engine says."""

    supports_statement_cache = True
    _has_native_hstore = False
    colspecs = util.update_copy(PGDialect_psycopg2.colspecs, COLSPECS)

    def __init__(self, native_inet_types=None, **options):
        super().__init__(**options)
        self.native_inet_types = native_inet_types

    if NEW:
        @classmethod
        def import_dbapi(cls):
            return postgresql

        _psycopg2_extensions = pg_extras
        _psycopg2_extras = pg_extras
    else:
        @classmethod
        def dbapi(cls):
            return postgresql

        @classmethod
        def _psycopg2_extensions(cls):
            return pg_extras

        @classmethod
        def _psycopg2_extras(cls):
            return pg_extras

    @classmethod
    def get_pool_class(cls, url):
        return QueuePool

    def _hstore_oids(self, *_):
        return None  # the driver finds them itself

    def _get_server_version_info(self, connection):
        version = connection.connection.server_version
        return (version // 10000, version % 10000)

    def do_begin_twophase(self, connection, xid):
        raise NotSupportedError("a two-phase transaction cannot run inside the transaction of Stillhead")

    def do_recover_twophase(self, connection):
        return self.do_begin_twophase(connection, None)


class AsyncPostgresDialect(Waiting, PostgresDialect):
    """For create_async_engine()."""

    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url):
        from sqlalchemy.pool import AsyncAdaptedQueuePool  # pylint: disable=import-outside-toplevel
        return AsyncAdaptedQueuePool
