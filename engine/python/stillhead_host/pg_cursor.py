# SPDX-License-Identifier: Apache-2.0
"""The cursor of the PEP 249 module `stillhead_host.postgresql`."""
import collections
import re

from stillhead_host import pg_format
from stillhead_host.errors import ProgrammingError
from stillhead_host.rows import RowCursor, parts_of, unsupported

Column = collections.namedtuple(
    "Column", "name type_code display_size internal_size precision scale null_ok")
NUMERIC = 1700
# What executemany() sends in one request.
MOST_STATEMENTS, MOST_CHARACTERS = 1000, 262144
_CHANGES = re.compile(r"\s*(insert|update|delete|merge)\b", re.IGNORECASE)


def _column(column):
    modifier = column.get("modifier", -1)
    precision = scale = None
    if column["type"] == NUMERIC:
        precision = scale = 65535
        if modifier >= 4:
            precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0xffff
    return Column(column["name"], column["type"], None, None, precision, scale, None)


class Cursor(RowCursor):
    """`name` makes no difference: rows of every large result arrive part by part."""

    def __init__(self, connection, name=None, **_options):
        super().__init__(connection)
        self.name = name
        self.itersize = 2000
        self.scrollable = None
        self.withhold = False
        self.lastrowid = 0
        self.query = None
        self.statusmessage = None
        self._casts = []

    def _take(self, answer):
        super()._take(answer)
        self.statusmessage = answer.get("status")
        columns = answer.get("columns")
        if columns is not None:
            self.description = tuple(_column(column) for column in columns)
            self._casts = self.connection.casts_of([column["type"] for column in columns])
            if self._remote is not None and _CHANGES.match(self.query):
                # How many rows it changed is told at once.
                while self._remote is not None:
                    rows = self._rows
                    self._more()
                    self._rows, self._fetched = rows + self._rows, 0

    def _convert(self, rows):
        casts = self._casts
        if not any(casts):
            return [tuple(row) for row in rows]
        return [tuple([value if value is None or cast is None else cast(value)
                       for value, cast in zip(row, casts)]) for row in rows]

    def execute(self, operation, parameters=None):
        self._begin()
        sql = pg_format.merge(pg_format.text_of(operation), parameters)
        if not sql.strip():
            raise ProgrammingError("can't execute an empty query")
        self.query = sql
        answer = self.connection.execute(sql, self)
        if not answer.get("status", "x"):
            raise ProgrammingError("can't execute an empty query")
        self._take(answer)

    def executemany(self, operation, sequence_of_parameters):
        self._begin()
        text = pg_format.text_of(operation)

        def statements():
            for parameters in sequence_of_parameters:
                self.query = pg_format.merge(text, parameters)
                yield self.query

        self.rowcount = sum(self.connection.execute_many(part, self)
                            for part in parts_of(statements(), MOST_STATEMENTS, MOST_CHARACTERS, len))

    def mogrify(self, operation, parameters=None):
        self._check()
        return pg_format.merge(pg_format.text_of(operation), parameters).encode("utf-8")

    def callproc(self, name, parameters=()):
        places = ", ".join(["%s"] * len(parameters))
        self.execute("SELECT * FROM %s(%s)" % (name, places), tuple(parameters))
        return parameters

    copy_expert = unsupported("copy_expert()")
    copy_from = unsupported("copy_from()")
    copy_to = unsupported("copy_to()")
    copy = unsupported("copy()")
    nextset = unsupported("nextset()")
    scroll = unsupported("scroll()")
