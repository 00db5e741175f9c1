# SPDX-License-Identifier: Apache-2.0
"""The PostgreSQL of the bench: one server for all cases, a database and a role for each."""

import os
import pathlib
import re
import secrets
import threading
from datetime import datetime

import postgres
from oracles import EngineSession
from server import Server

RECORD = re.compile(r"^(\d{4}-\d\d-\d\d [\d:.]+) UTC \[(\d+)\] (?:(\S.*?)@(\S+) )?(\w+):  ", re.MULTILINE)
ENGINE = "stillhead"  # application_name of the connection that migrates; its lock's has one of its own


class BenchServer(Server):
    """One more setting: commit times tell what was in the database when."""

    def __init__(self, folder: pathlib.Path):
        super().__init__(folder, os.getpid())
        self.sql("postgres", "ALTER SYSTEM SET track_commit_timestamp = on",
                 "ALTER SYSTEM SET log_disconnections = on")
        self.restart()
        self._creating = threading.Lock()  # CREATE DATABASE copies template1, which must be in no other use

    def psql_rows(self, sql: str, database: str = "postgres") -> list[list[str]]:
        return [line.split("|") for line in self.sql(database, sql).splitlines()]

    def create(self) -> "BenchDatabase":
        name = "db_" + secrets.token_hex(5)
        password = "canary-" + secrets.token_hex(12)
        with self._creating:
            self.sql("postgres", f"CREATE ROLE {name} LOGIN PASSWORD '{password}'",
                     f"CREATE DATABASE {name} OWNER {name}")
        database = BenchDatabase(Rows(self), name, password)
        database.log_begin = self.log.stat().st_size
        return database


class Rows:
    """What postgres.Database asks of its server."""

    def __init__(self, server: BenchServer):
        self.server = server

    def psql(self, sql: str, database: str = "postgres", *, check=True):  # pylint: disable=unused-argument
        return self.server.psql_rows(sql, database)


class BenchDatabase(postgres.Database):
    log_begin = 0  # where this database begins in the server's log

    @property
    def real(self) -> BenchServer:
        return self.server.server

    def url(self, *, password=None, options="", name=None) -> str:
        """By the server's Unix socket, which asks for no password: it is there to be found in a log."""
        return (f"postgresql://{self.name}:{password or self.password}@/{name or self.name}"
                f"?host={self.real.host}&port={self.real.port}{options}")

    def tcp_url(self, port: int | None = None) -> str:
        """With password and TLS."""
        return (f"postgresql://{self.name}:{self.password}@127.0.0.1:{port or self.real.port}/{self.name}"
                "?sslmode=require")

    def applied(self) -> list[str]:
        """Revisions in the order in which they ran; empty, too, where nothing ever ran."""
        if self.column("SELECT to_regclass('applied') IS NULL") == ["t"]:
            return []
        return super().applied()

    def commits(self) -> dict[str, float]:
        """Revision -> when it was committed, in seconds since the epoch."""
        if not self.applied():
            return {}
        return {revision: float(at) for revision, at in self.query(
            "SELECT revision, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM applied")}

    def terminate_engines(self) -> None:
        """As an administrator, or a restart of the server, ends sessions."""
        self.real.sql("postgres", "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                                  f"WHERE datname = '{self.name}' AND application_name = '{ENGINE}'")

    def statements_logged(self, fragment: str) -> int:
        return sum(re.sub(r"'(?:[^']|'')*'", "''", text).count(fragment)
                   for _, _, text in self.log_records() if not text.startswith("disconnection"))

    def log_records(self, application: str = ENGINE):
        """(at, pid, text) of what that application asked here, without what errors repeat."""
        with self.real.log.open("rb") as file:
            file.seek(self.log_begin)
            log = file.read().decode(errors="replace")
        found = list(RECORD.finditer(log))
        for i, record in enumerate(found):
            at, pid, told, database, level = record.groups()
            if database != self.name or told != application or level != "LOG":
                continue
            end = found[i + 1].start() if i + 1 < len(found) else len(log)
            moment = datetime.fromisoformat(at + "+00:00").timestamp()
            yield moment, int(pid), log[record.end():end].removeprefix("statement: ")

    def sessions(self) -> list[EngineSession]:
        """Of engines that came past the lock: from their first transaction to their last word."""
        begun: dict[int, EngineSession] = {}
        over = []
        for at, pid, text in self.log_records():
            ended = text.startswith("disconnection")
            session = begun.get(pid)
            if session is None and text.startswith("BEGIN"):
                begun[pid] = EngineSession(self.name, pid, at, at, True)
            elif session is not None:
                idle = session.idle if ended else text.lstrip().startswith(("COMMIT", "ROLLBACK", "SELECT"))
                last = at if not ended or not session.idle else session.end
                begun[pid] = EngineSession(self.name, pid, session.begin, last, idle)
            if ended and pid in begun:
                over.append(begun.pop(pid))
        return over + list(begun.values())
