# SPDX-License-Identifier: Apache-2.0
"""The other side of the script host's socket, its part *Database* (docs/script-host.md), by simple means.

A double of Stillhead for tests of the driver. Engine() starts a thread that answers at one end of a socket
pair; `fd` is the other end. It keeps whole results in memory, and looks only at what the driver may ask.
"""
import base64
import json
import math
import pathlib
import socket
import sqlite3
import sys
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import libpq  # noqa: E402
from libpq import Failed  # noqa: E402

MOST_ROWS, MOST_CHARACTERS = 1000, 262144
BEGINS = ("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "CREATE", "DROP", "ALTER", "REINDEX", "ANALYZE",
          "SAVEPOINT")


class Postgres:
    flavour = "postgresql"

    def __init__(self, url):
        self.session = libpq.Session(url)
        self.session.run("SET datestyle TO ISO; SET client_encoding TO 'UTF8'; SET intervalstyle TO postgres")
        self.server_version = self.session.version()
        self.autocommit = False

    def begin(self, wanted=True):
        if wanted and not self.autocommit and self.session.transaction() == "idle":
            self.session.run("BEGIN")

    def execute(self, request):
        self.begin(request.get("begin", True))
        sql = request["sql"]
        results = self.session.run(sql)
        last = results[-1]
        answer = {"rowcount": last.rowcount(), "status": last.status()}
        if last.kind != libpq.TUPLES:
            return answer, None
        answer["columns"] = last.columns()
        return answer, (last.row(number) for number in range(last.size))

    def execute_many(self, request):
        self.begin(request.get("begin", True))
        results = self.session.run(";\n".join(request["statements"]))
        return sum(max(result.rowcount(), 0) for result in results)

    def transaction(self):
        return self.session.transaction()

    def end(self, word):
        if self.session.transaction() != "idle":
            self.session.run(word)

    def set_autocommit(self, value):
        if self.session.transaction() != "idle":
            raise Failed(kind="refused", message="autocommit cannot be changed inside a transaction")
        self.autocommit = value

    def close(self):
        self.session.close()


def to_json(value):
    if isinstance(value, bytes):
        return {"blob": base64.b64encode(value).decode()}
    if isinstance(value, float) and math.isinf(value):
        return {"real": "inf" if value > 0 else "-inf"}
    return value


def from_json(value):
    if isinstance(value, dict):
        return base64.b64decode(value["blob"]) if "blob" in value else float(value["real"])
    return value


class Sqlite:
    flavour = "sqlite"

    def __init__(self, url):
        split = urllib.parse.urlsplit(url)
        try:
            self.session = sqlite3.connect(urllib.parse.unquote(split.path[1:]), isolation_level=None,
                                           check_same_thread=False)
        except sqlite3.Error as error:
            raise self.failure(error) from None
        self.server_version = sqlite3.sqlite_version_info[0] * 1000000 + sqlite3.sqlite_version_info[1] * 1000 \
            + sqlite3.sqlite_version_info[2]
        self.autocommit = False

    @staticmethod
    def failure(error):
        code = getattr(error, "sqlite_errorcode", None)
        members = {} if code is None else {"sqlstate": str(code)}
        return Failed(kind="database", message=str(error), **members)

    def run(self, sql, parameters=(), many=False, begin=True):
        try:
            if begin and not self.autocommit and not self.session.in_transaction and \
                    sql.lstrip(" \t\n(").upper().startswith(BEGINS):
                self.session.execute("BEGIN")
            cursor = self.session.cursor()
            return cursor.executemany(sql, parameters) if many else cursor.execute(sql, parameters)
        except sqlite3.Error as error:
            raise self.failure(error) from None

    def execute(self, request):
        cursor = self.run(request["sql"], [from_json(value) for value in request.get("parameters", ())],
                          begin=request.get("begin", True))
        answer = {"rowcount": cursor.rowcount, "lastrowid": cursor.lastrowid, "status": ""}
        if cursor.description is None:
            return answer, None
        answer["columns"] = [{"name": column[0]} for column in cursor.description]
        try:
            return answer, iter([[to_json(value) for value in row] for row in cursor])
        except sqlite3.Error as error:
            raise self.failure(error) from None

    def execute_many(self, request):
        rows = [[from_json(value) for value in row] for row in request["rows"]]
        return self.run(request["sql"], rows, many=True).rowcount

    def transaction(self):
        return "open" if self.session.in_transaction else "idle"

    def end(self, word):
        if self.session.in_transaction:
            self.run(word)

    def set_autocommit(self, value):
        if self.session.in_transaction:
            raise Failed(kind="refused", message="autocommit cannot be changed inside a transaction")
        self.autocommit = value

    def close(self):
        self.session.close()


class Engine:
    """Answers until the socket is closed. `requests` holds all that was asked."""

    def __init__(self):
        self.socket, child = socket.socketpair()
        self.fd = child.detach()
        self.connections, self.cursors, self.requests = {}, {}, []
        self.last_cursor = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with self.socket, self.socket.makefile("rwb") as stream:
            for line in stream:
                request = json.loads(line)
                self.requests.append(request)
                try:
                    answer = self.answer(request)
                except Failed as failure:
                    answer = {"error": failure.members}
                except Exception as failure:  # pylint: disable=broad-except
                    answer = {"error": {"kind": "database", "message": "reference engine: %r" % failure}}
                stream.write(json.dumps(answer).encode() + b"\n")
                stream.flush()

    def answer(self, request):
        return getattr(self, "do_" + request["do"])(request)

    def of(self, request):
        return self.connections[request["connection"]]

    def do_connect(self, request):
        made = (Sqlite if request["url"].startswith("sqlite") else Postgres)(request["url"])
        number = max(self.connections, default=0) + 1
        self.connections[number] = made
        return {"connection": number, "flavour": made.flavour, "server_version": made.server_version}

    def do_execute(self, request):
        connection = self.of(request)
        answer, rows = connection.execute(request)
        if rows is not None:
            answer.update(self.part(rows))
        answer["transaction"] = connection.transaction()
        if "cursor" in answer:
            answer["rowcount"] = -1
        return answer

    def part(self, rows, cursor=None):
        taken, length, more = [], 0, False
        for row in rows:
            taken.append(row)
            length += sum(len(str(value)) for value in row)
            if len(taken) >= MOST_ROWS or length >= MOST_CHARACTERS:
                more = True
                break
        if not more:
            self.cursors.pop(cursor, None)
            return {"rows": taken, "more": False} if cursor else {"rows": taken}
        if cursor is None:
            self.last_cursor += 1
            cursor = self.last_cursor
        self.cursors[cursor] = rows
        return {"rows": taken, "more": True, "cursor": cursor}

    def do_fetch(self, request):
        return self.part(self.cursors[request["cursor"]], request["cursor"])

    def do_close(self, request):
        self.cursors.pop(request["cursor"], None)
        return {}

    def do_execute_many(self, request):
        return {"rowcount": self.of(request).execute_many(request)}

    def do_commit(self, request):
        self.of(request).end("COMMIT")
        return {}

    def do_rollback(self, request):
        self.of(request).end("ROLLBACK")
        return {}

    def do_autocommit(self, request):
        self.of(request).set_autocommit(request["value"])
        return {}

    def do_disconnect(self, request):
        self.connections.pop(request["connection"]).close()
        return {}

    def do_warn(self, _request):
        return {}
