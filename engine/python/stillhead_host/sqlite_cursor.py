# SPDX-License-Identifier: Apache-2.0
"""The cursor of the PEP 249 module `stillhead_host.sqlite`."""
from stillhead_host import sqlite_values
from stillhead_host.errors import ProgrammingError
from stillhead_host.rows import RowCursor, parts_of

# What executemany() sends in one request.
MOST_ROWS, MOST_VALUES = 1000, 20000


class Cursor(RowCursor):
    """As sqlite3.Cursor."""

    def __init__(self, connection):
        super().__init__(connection)
        self.lastrowid = None
        self.row_factory = connection.row_factory

    def _check(self):
        if self.closed:
            raise ProgrammingError("Cannot operate on a closed cursor.")
        self.connection.check()

    def _fetchable(self):
        self._check()

    def _take(self, answer):
        super()._take(answer)
        if answer.get("lastrowid") is not None:
            self.lastrowid = answer["lastrowid"]
        if self._has_rows:
            changes = answer.get("rowcount", -1) >= 0 and self._remote is None
            self.rowcount = len(self._rows) if changes else -1
            self.description = tuple((column["name"],) + (None,) * 6 for column in answer["columns"])

    def _more(self):
        counted = self.rowcount
        found = super()._more()
        self.rowcount = counted  # sqlite3 does not count what it reads
        return found

    def _convert(self, rows):
        read = sqlite_values.from_json
        made = [tuple([read(value) for value in row]) for row in rows]
        if self.row_factory is not None:
            return [self.row_factory(self, row) for row in made]
        return made

    def execute(self, sql, parameters=()):
        self._begin()
        self._take(self.connection.run(sql, sqlite_values.in_order(sql, parameters)))
        return self

    def executemany(self, sql, sequence_of_parameters):
        self._begin()
        rows = (sqlite_values.in_order(sql, parameters) for parameters in sequence_of_parameters)
        self.rowcount = sum(self.connection.run_many(sql, part)
                            for part in parts_of(rows, MOST_ROWS, MOST_VALUES, len))
        return self

    def executescript(self, script):
        """Commits what is open, and runs each statement by itself, as sqlite3 does."""
        import sqlite3  # pylint: disable=import-outside-toplevel  (not every Python has it)
        self._begin()
        self.connection.commit()
        statement = ""
        for part in script.split(";"):
            statement += part + ";"
            if sqlite3.complete_statement(statement):
                if statement.strip(" \t\r\n;"):
                    self.connection.run(statement, [], begin=False)
                statement = ""
        if statement.strip(" \t\r\n;"):
            self.connection.run(statement[:-1], [], begin=False)
        return self
