# SPDX-License-Identifier: Apache-2.0
"""The cursor of PEP 249 over answers of Stillhead, without what differs between databases.

Rows of a large result arrive part by part, when they are fetched.
"""
from stillhead_host.errors import InterfaceError, NotSupportedError, ProgrammingError

PROJECT_DRIVER = "set `driver: project` for this project, so that scripts get the objects of its own driver"


def unsupported(what):
    """A method that tells what it cannot do."""
    def refuse(self, *_args, **_kwargs):
        raise NotSupportedError("%s is not there on the connection that Stillhead gives to scripts: %s"
                                % (what, PROJECT_DRIVER))
    return refuse


def parts_of(sequence, most, most_size, size):
    """Lists of its members, `most` at most, cut behind the one with which `size` reaches `most_size`."""
    part, whole = [], 0
    for member in sequence:
        part.append(member)
        whole += size(member)
        if len(part) >= most or whole >= most_size:
            yield part
            part, whole = [], 0
    if part:
        yield part


class RowCursor:
    """`connection` has request(); subclasses have execute() and `_convert`, for an answer's rows."""

    def __init__(self, connection):
        self.connection = connection
        self.arraysize = 1
        self.closed = False
        self._forget()

    def _forget(self):
        """No result."""
        self.description = None
        self.rowcount = -1
        self._rows = []
        self._next = 0
        self._fetched = 0
        self._remote = None
        self._has_rows = False

    def _begin(self):
        """Before a statement: throws away what is left of the last one."""
        self._check()
        remote = self._remote
        self._forget()
        if remote is not None:
            self.connection.request(do="close", cursor=remote)

    def _check(self):
        if self.closed or self.connection.closed:
            raise InterfaceError("cursor already closed")

    def _take(self, answer):
        """Keeps the rows of a result."""
        self._has_rows = "columns" in answer
        self._rows = answer.get("rows", [])
        self._remote = answer.get("cursor") if answer.get("more") else None
        whole = self._has_rows and self._remote is None
        self.rowcount = len(self._rows) if whole else answer.get("rowcount", -1)

    def _more(self):
        """Fetches the next part; whether there is one."""
        if self._remote is None:
            return False
        answer = self.connection.request(do="fetch", cursor=self._remote)
        self._fetched += len(self._rows)
        self._rows, self._next = answer["rows"], 0
        if not answer.get("more"):
            self._remote = None
            self.rowcount = self._fetched + len(self._rows)
        return bool(self._rows) or self._more()

    def _fetchable(self):
        self._check()
        if not self._has_rows:
            raise ProgrammingError("no results to fetch")

    def _convert(self, rows):
        raise NotImplementedError

    def fetchone(self):
        self._fetchable()
        if self._next >= len(self._rows) and not self._more():
            return None
        self._next += 1
        return self._convert(self._rows[self._next - 1:self._next])[0]

    def fetchmany(self, size=None):
        self._fetchable()
        wanted = self.arraysize if size is None else size
        rows = []
        while len(rows) < wanted and (self._next < len(self._rows) or self._more()):
            part = self._rows[self._next:self._next + wanted - len(rows)]
            self._next += len(part)
            rows.extend(self._convert(part))
        return rows

    def fetchall(self):
        self._fetchable()
        rows = self._convert(self._rows[self._next:])
        self._next = len(self._rows)
        while self._more():
            rows.extend(self._convert(self._rows))
            self._next = len(self._rows)
        return rows

    @property
    def rownumber(self):
        return self._fetched + self._next

    def __iter__(self):
        return self

    def __next__(self):
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def close(self):
        if self.closed:
            return
        self.closed = True
        # rowcount stays: SQLAlchemy reads it from closed cursors.
        remote, self._remote, self._rows = self._remote, None, []
        if remote is not None and not self.connection.closed:
            self.connection.request(do="close", cursor=remote)

    def __del__(self):
        # A result that nobody will fetch is not kept on the other side.
        if getattr(self, "_remote", None) is not None and not self.connection.closed:
            self.connection.forget(self._remote)

    async def _async_soft_close(self):
        """SQLAlchemy's asyncio part asks for it; rows stay fetchable."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def setinputsizes(self, _sizes):
        pass

    def setoutputsize(self, _size, _column=None):
        pass
