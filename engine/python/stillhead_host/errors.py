# SPDX-License-Identifier: Apache-2.0
"""The exceptions of PEP 249, with what PostgreSQL's drivers put on them, made from answers of Stillhead."""
from stillhead_host import wire
from stillhead_host.sqlstates import NAMES


class Warning(Exception):  # pylint: disable=redefined-builtin
    """PEP 249 asks for it; never raised."""


class Diagnostics:
    """What the server said, in the members that PostgreSQL's drivers have."""

    FIELDS = {"sqlstate": "sqlstate", "message_primary": "message", "message_detail": "detail",
              "message_hint": "hint", "constraint_name": "constraint", "table_name": "table",
              "column_name": "column", "schema_name": "schema", "datatype_name": "datatype",
              "statement_position": "position"}

    def __init__(self, members):
        self.severity = self.severity_nonlocalized = "ERROR" if members else None
        self.context = self.internal_position = self.internal_query = None
        self.source_file = self.source_function = self.source_line = None
        for name, member in self.FIELDS.items():
            value = members.get(member)
            setattr(self, name, None if value is None else str(value))


class Error(Exception):
    """`pgcode` and `sqlstate` are None where no server was asked; `pgerror` is the server's whole text."""

    def __init__(self, *args, members=None, pgerror=None, cursor=None):
        super().__init__(*args)
        self.members = members or {}
        self.diag = Diagnostics(self.members)
        self.pgcode = self.sqlstate = self.members.get("sqlstate")
        self.pgerror = pgerror
        self.cursor = cursor


class InterfaceError(Error):
    """The driver was used in a way that it cannot serve."""


class DatabaseError(Error):
    """The database refused."""


class DataError(DatabaseError):
    """A value does not fit."""


class OperationalError(DatabaseError):
    """Not necessarily the statement's fault."""


class IntegrityError(DatabaseError):
    """A constraint was violated."""


class InternalError(DatabaseError):
    """The database is in a state in which the statement cannot run."""


class ProgrammingError(DatabaseError):
    """The statement is wrong."""


class NotSupportedError(DatabaseError):
    """What was asked for does not exist here."""


class TransactionRollbackError(OperationalError):
    """Deadlock, serialization failure."""


class QueryCanceledError(OperationalError):
    """Cancelled, or a timeout."""


_PREFIXES = {
    "08": OperationalError, "0A": NotSupportedError, "20": ProgrammingError, "21": ProgrammingError,
    "22": DataError, "23": IntegrityError, "24": InternalError, "25": InternalError, "26": OperationalError,
    "27": OperationalError, "28": OperationalError, "2B": InternalError, "2D": InternalError,
    "2F": InternalError, "34": OperationalError, "38": InternalError, "39": InternalError,
    "3B": InternalError, "3D": ProgrammingError, "3F": ProgrammingError, "40": TransactionRollbackError,
    "42": ProgrammingError, "44": ProgrammingError}
_LETTERS = {"5": OperationalError, "F": InternalError, "H": OperationalError, "P": InternalError,
            "X": InternalError}
_classes = {}


def base_of(sqlstate):
    """The exception of PEP 249 for `sqlstate`."""
    if sqlstate == "57014":
        return QueryCanceledError
    return _PREFIXES.get(sqlstate[:2]) or _LETTERS.get(sqlstate[:1], DatabaseError)


def lookup(sqlstate):
    """The class that is raised for `sqlstate`: named for the condition where PostgreSQL names it."""
    if sqlstate not in NAMES:
        return base_of(sqlstate)
    if sqlstate not in _classes:
        name = NAMES[sqlstate]
        _classes[sqlstate] = type(name, (base_of(sqlstate),), {"__module__": __name__})
    return _classes[sqlstate]


def _excerpt(sql, position):
    """The line of the error and a mark below its place, as psql shows them; long lines are cut."""
    before, after = sql[:position - 1], sql[position - 1:]
    start = before.rfind("\n") + 1
    line = (before[start:] + after.split("\n", 1)[0]).replace("\t", " ")
    column = len(before) - start
    head = "LINE %d: " % (before.count("\n") + 1)
    if len(line) > 60:
        end = min(len(line), max(column + 10, 60))
        cut = max(0, end - 60)
        shown = ("..." if cut else "") + line[cut:end] + ("..." if end < len(line) else "")
        column += (3 if cut else 0) - cut
    else:
        shown = line
    return "%s%s\n%s^\n" % (head, shown, " " * (len(head) + column))


def from_answer(error, sql=None, cursor=None):
    """The exception of PEP 249 for a wire.DatabaseError or wire.ConnectionLost of PostgreSQL."""
    members = error.members
    text = error.message + "\n"
    position = members.get("position")
    if position and sql and 0 < int(position) <= len(sql) + 1:
        text += _excerpt(sql, int(position))
    for name in ("detail", "hint"):
        if members.get(name):
            text += "%s:  %s\n" % (name.upper(), members[name])
    sqlstate = members.get("sqlstate")
    lost = isinstance(error, wire.ConnectionLost)
    kind = lookup(sqlstate) if sqlstate else OperationalError if lost else DatabaseError
    return kind(text, members=members, pgerror="ERROR:  " + text, cursor=cursor)
