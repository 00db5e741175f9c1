# SPDX-License-Identifier: Apache-2.0
"""Throw-away PostgreSQL servers for the benchmarks: one, and a standby of it behind a narrow line."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from delay import Delay

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAUGHT_UP = 300  # seconds, at most


class Server:
    """A throw-away PostgreSQL with the settings of a fresh installation: durable, nothing logged."""

    def __init__(self, folder: pathlib.Path, *settings: str):
        self.folder = folder
        text = subprocess.run([ROOT / "tools/run_postgres", "start", folder], check=True, text=True,
                              capture_output=True).stdout
        self.values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        # Not the psql on the PATH: Debian's is a Perl script that takes 30 ms to find the real one.
        self.psql = self.program("psql")
        for setting in ("log_statement = 'none'", "fsync = on", "synchronous_commit = on",
                        "full_page_writes = on", *settings):
            self.sql("postgres", f"ALTER SYSTEM SET {setting}")
        self.sql("postgres", "SELECT pg_reload_conf()")

    def program(self, name: str) -> str:
        return str(pathlib.Path(self.values["BIN"]) / name)

    def socket(self) -> pathlib.Path:
        return pathlib.Path(self.values["PGHOST"]) / f".s.PGSQL.{self.values['PGPORT']}"

    def environment(self, database: str, proxy: Delay | None = None) -> dict[str, str]:
        host, port = self.values["PGHOST"], self.values["PGPORT"]
        if proxy:  # which ends at the socket, where there is no TLS
            host, port = "127.0.0.1", str(proxy.port)
        return {"PGHOST": host, "PGPORT": port, "PGUSER": "postgres", "PGDATABASE": database,
                "PGSSLMODE": "disable",
                "DATABASE_URL": f"postgresql://postgres@/{database}?host={host}&port={port}"}

    def sql(self, database: str, *commands: str) -> str:
        arguments = [argument for text in commands for argument in ("-c", text)]
        return subprocess.run([self.psql, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *arguments],
                              env={**os.environ, **self.environment(database)}, check=True,
                              text=True, capture_output=True).stdout

    def fresh(self, database: str, template: str = "") -> None:
        """A template is copied file by file, with a checkpoint behind it, and costs no WAL."""
        copy = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
        self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)",
                 f"CREATE DATABASE {database}{copy}")

    def stop(self) -> None:
        subprocess.run([ROOT / "tools/run_postgres", "stop", self.folder], check=False,
                       capture_output=True)


def as_server_user(*command: str, check: bool = True) -> None:
    """PostgreSQL refuses to run as root."""
    if os.getuid() == 0:
        command = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command)
    subprocess.run(command, check=check, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Standby:
    """A standby that follows `server` over a line of `rate` bytes a second."""

    def __init__(self, server: Server, folder: pathlib.Path, rate: float):
        self.server, self.folder = server, folder
        self.host = pathlib.Path(tempfile.mkdtemp(prefix="pg.", dir="/tmp"))
        folder.mkdir()
        if os.getuid() == 0:
            for path in (folder, self.host):
                shutil.chown(path, "postgres", "postgres")
        self.line = Delay(server.socket(), rate=rate)

    def start(self) -> None:
        """A copy of the primary as it is, then what follows over the line. Returns when it has caught up."""
        rules = self.server.folder / "data/pg_hba.conf"
        rules.write_text("local replication all trust\n" + rules.read_text())
        self.server.sql("postgres", "SELECT pg_reload_conf()")
        values, data = self.server.values, self.folder / "data"
        as_server_user(self.server.program("pg_basebackup"), "-h", values["PGHOST"],
                       "-p", values["PGPORT"], "-U", "postgres", "--checkpoint=fast", "--pgdata", str(data))
        (data / "standby.signal").touch()
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write("primary_conninfo = 'host=127.0.0.1 user=postgres sslmode=disable "
                           f"port={self.line.port}'\nlisten_addresses = ''\n")
        # Its own folder of sockets, so the same port.
        as_server_user(self.server.program("pg_ctl"), "--pgdata", str(data), "--wait", "--silent",
                       "--log", str(self.folder / "log"), "--options",
                       f"-k {self.host} -p {values['PGPORT']}", "start")
        self.catch_up()

    def sql(self, database: str, text: str) -> str:
        environment = {**os.environ, **self.server.environment(database), "PGHOST": str(self.host)}
        return subprocess.run([self.server.psql, "-X", "-q", "-At", "-c", text], env=environment,
                              check=True, text=True, capture_output=True).stdout

    def catch_up(self) -> None:
        """Returns when all that the server has written is replayed."""
        upto = self.server.sql("postgres", "SELECT pg_current_wal_lsn()").strip()
        end = time.monotonic() + CAUGHT_UP
        while self.sql("postgres", f"SELECT pg_last_wal_replay_lsn() >= '{upto}'").strip() != "t":
            if time.monotonic() > end:
                raise SystemExit(f"the standby did not catch up in {CAUGHT_UP} s")
            time.sleep(0.1)

    def stop(self) -> None:
        if (self.folder / "data/postmaster.pid").exists():
            as_server_user(self.server.program("pg_ctl"), "--pgdata", str(self.folder / "data"),
                           "--mode=immediate", "--silent", "stop", check=False)
        self.line.stop()
        shutil.rmtree(self.host, ignore_errors=True)
