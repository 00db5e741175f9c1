# SPDX-License-Identifier: Apache-2.0
"""The few functions of libpq that the reference engine needs, by ctypes; values are text as the server sent it."""
import ctypes
import ctypes.util

_pq = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
_POINTERS = ("PQconnectdb", "PQgetResult")
_TEXTS = ("PQerrorMessage", "PQfname", "PQgetvalue", "PQcmdTuples", "PQcmdStatus", "PQresultErrorField",
          "PQresultErrorMessage")
for _name in _POINTERS:
    getattr(_pq, _name).restype = ctypes.c_void_p
for _name in _TEXTS:
    getattr(_pq, _name).restype = ctypes.c_char_p
EMPTY, COMMAND, TUPLES, COPY_OUT, COPY_IN = 0, 1, 2, 3, 4
FATAL = 7
FIELDS = {"sqlstate": "C", "message": "M", "detail": "D", "hint": "H", "position": "P", "schema": "s",
          "table": "t", "column": "c", "datatype": "d", "constraint": "n"}


class Failed(Exception):
    """`members` is the object of the protocol's `error`."""

    def __init__(self, **members):
        super().__init__(members["message"])
        self.members = members


class Result:
    """Owns a PGresult."""

    def __init__(self, pointer):
        self.pointer = ctypes.c_void_p(pointer)
        self.kind = _pq.PQresultStatus(self.pointer)
        self.size = _pq.PQntuples(self.pointer)
        self.width = _pq.PQnfields(self.pointer)

    def __del__(self):
        _pq.PQclear(self.pointer)

    def columns(self):
        return [{"name": _pq.PQfname(self.pointer, at).decode(),
                 "type": ctypes.c_uint32(_pq.PQftype(self.pointer, at)).value,
                 "modifier": _pq.PQfmod(self.pointer, at)} for at in range(self.width)]

    def row(self, number):
        return [None if _pq.PQgetisnull(self.pointer, number, at) else
                _pq.PQgetvalue(self.pointer, number, at).decode() for at in range(self.width)]

    def status(self):
        return _pq.PQcmdStatus(self.pointer).decode()

    def rowcount(self):
        return int(_pq.PQcmdTuples(self.pointer) or -1)

    def error(self):
        fields = {name: _pq.PQresultErrorField(self.pointer, ord(code)) for name, code in FIELDS.items()}
        members = {name: text.decode() for name, text in fields.items() if text is not None}
        members.setdefault("message", _pq.PQresultErrorMessage(self.pointer).decode().strip())
        if "position" in members:
            members["position"] = int(members["position"])
        return members


class Session:
    """Owns a connection."""

    def __init__(self, url):
        self.pointer = ctypes.c_void_p(_pq.PQconnectdb(url.encode()))
        if _pq.PQstatus(self.pointer) != 0:
            message = _pq.PQerrorMessage(self.pointer).decode().strip()
            _pq.PQfinish(self.pointer)
            raise Failed(kind="connection", message=message)

    def version(self):
        return _pq.PQserverVersion(self.pointer)

    def transaction(self):
        return {0: "idle", 1: "open", 2: "open", 3: "failed"}.get(_pq.PQtransactionStatus(self.pointer), "idle")

    def run(self, sql):
        """The results of all statements in `sql`."""
        if "\0" in sql:
            raise Failed(kind="database", message="a NUL in the text of a statement")
        results, failure = [], None
        if not _pq.PQsendQuery(self.pointer, sql.encode()):
            raise Failed(kind="connection", message=_pq.PQerrorMessage(self.pointer).decode().strip())
        while True:
            pointer = _pq.PQgetResult(self.pointer)
            if pointer is None:
                break
            result = Result(pointer)
            if result.kind == FATAL:
                failure = failure or result.error()
            elif result.kind == COPY_IN:
                _pq.PQputCopyEnd(self.pointer, b"COPY FROM STDIN is not there")
            elif result.kind == COPY_OUT:
                failure = {"message": "COPY TO STDOUT is not there"}
                _pq.PQrequestCancel(self.pointer)
                break
            results.append(result)
        if failure:
            lost = _pq.PQstatus(self.pointer) != 0
            raise Failed(kind="connection" if lost else "database", **failure)
        return results

    def close(self):
        _pq.PQfinish(self.pointer)
