# SPDX-License-Identifier: Apache-2.0
"""What the PEP 249 modules for PostgreSQL and SQLite have in common: exports, parts of the connection."""
import datetime
import threading
import time as clock

from stillhead_host import errors

apilevel = "2.0"
Date, Time, Timestamp, Binary = datetime.date, datetime.time, datetime.datetime, memoryview


def DateFromTicks(ticks):
    return Date(*clock.localtime(ticks)[:3])


def TimeFromTicks(ticks):
    return Time(*clock.localtime(ticks)[3:6])


def TimestampFromTicks(ticks):
    return Timestamp(*clock.localtime(ticks)[:6])


class BaseConnection:
    """`number` is the protocol's. Threads may share it. Subclasses have request() and check()."""

    def __init__(self, the_wire):
        self.wire = the_wire
        self.number = None
        self.closed = 0
        self.transaction = "idle"  # on the server
        self._mutex = threading.RLock()
        self._abandoned = []

    def _connect(self, url, flavour, name):
        """Stillhead's answer."""
        answer = self.request(do="connect", url=url)
        if answer.get("flavour", flavour) != flavour:
            raise errors.InterfaceError("the connection is one of %s, not of %s" % (answer["flavour"], name))
        self.number = answer["connection"]
        return answer

    def request(self, **members):
        """Asks Stillhead, and makes exceptions of PEP 249 of its errors."""
        raise NotImplementedError

    def check(self):
        """Raises on a closed connection."""
        raise NotImplementedError

    def _ask(self, members):
        if self.number is not None:
            members["connection"] = self.number
        with self._mutex:
            while self._abandoned:
                self.wire.request(do="close", connection=self.number, cursor=self._abandoned.pop())
            return self.wire.request(**members)

    def forget(self, cursor):
        """Called by the garbage collector, perhaps in the middle of a request: told before the next one."""
        self._abandoned.append(cursor)

    def commit(self):
        self._end("commit")

    def rollback(self):
        self._end("rollback")

    def _end(self, do):
        self.check()
        self.request(do=do)
        self.transaction = "idle"

    def close(self):
        if not self.closed:
            self.request(do="disconnect")
            self.closed = 1
            self.transaction = "idle"

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _traceback):
        if kind is None:
            self.commit()
        else:
            self.rollback()


# PEP 249 wants the exceptions there, too.
for _name in ("Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError",
              "IntegrityError", "InternalError", "ProgrammingError", "NotSupportedError"):
    setattr(BaseConnection, _name, getattr(errors, _name))
