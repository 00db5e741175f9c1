# SPDX-License-Identifier: Apache-2.0
"""Throw-away PostgreSQL servers: one by itself, a standby of it, and sessions that stay open."""
import os
import pathlib
import queue
import shutil
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
STILLHEAD = pathlib.Path(os.environ.get("STILLHEAD", ROOT / "build/release/stillhead")).resolve()
PASSWORD = "secret#1"  # of role scram, who may come by TCP: tools/run_postgres


def as_server_user() -> list[str]:
    """PostgreSQL and PgBouncer refuse to run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []


class Server:
    """Owns the server in `folder`, which its user must be able to reach; call stop() at the end. With `owner`, a
    process, it also ends with that one."""

    def __init__(self, folder: pathlib.Path, owner: int | None = None):
        self.folder = folder
        command = [ROOT / "tools/run_postgres", "start", folder] + ([str(owner)] if owner else [])
        text = subprocess.run(command, check=True, text=True, capture_output=True).stdout
        values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.host, self.port = values["PGHOST"], values["PGPORT"]
        self.bin = pathlib.Path(values["BIN"])
        self.data, self.log = folder / "data", folder / "log"
        # What is committed must outlive the server, if not the machine.
        self.sql("postgres", "ALTER SYSTEM SET synchronous_commit = on", "SELECT pg_reload_conf()")

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.host}&port={self.port}"

    def environment(self, database: str, user: str = "postgres") -> dict[str, str]:
        return {**os.environ, "PGHOST": str(self.host), "PGPORT": str(self.port), "PGUSER": user,
                "PGDATABASE": database}

    def psql(self, *arguments: str) -> list:
        return [self.bin / "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *arguments]

    def sql(self, database: str, *commands: str, user: str = "postgres") -> str:
        arguments = [argument for text in commands for argument in ("-c", text)]
        return subprocess.run(self.psql(*arguments), env=self.environment(database, user), check=True,
                              text=True, capture_output=True).stdout

    def fresh(self, database: str, template: str) -> None:
        # Without the checkpoint a copied sequence forgets in a crash what it has given out: its copy takes
        # the values that the original has logged ahead for its own.
        self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)",
                 f"CREATE DATABASE {database} TEMPLATE {template}", "CHECKPOINT")

    def schema(self, database: str, *options: str) -> str:
        """What pg_dump says of it, without what differs from one dump to the next."""
        text = subprocess.run([self.bin / "pg_dump", "--schema-only", *options, Server.url(self, database)],
                              check=True, text=True, capture_output=True).stdout
        return "\n".join(line for line in text.splitlines()
                         if not line.startswith(("\\restrict", "\\unrestrict")))

    def control(self, *arguments: str) -> bool:
        """pg_ctl; whether it succeeded."""
        done = subprocess.run([*as_server_user(), self.bin / "pg_ctl", "--pgdata", self.data, "--log", self.log,
                               "--wait", *arguments], cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def restart(self) -> None:
        if not self.control("--mode=immediate", "restart"):
            tail = self.log.read_text().splitlines()[-20:]
            os.write(2, ("PostgreSQL does not start again:\n" + "\n".join(tail) + "\n").encode())
            os._exit(2)

    def stop(self) -> None:
        subprocess.run([ROOT / "tools/run_postgres", "stop", self.folder], check=False, capture_output=True)


class Standby(Server):
    """A hot standby of `primary`, which must outlive it; call stop() at the end."""

    def __init__(self, primary: Server, name: str):  # pylint: disable=super-init-not-called
        self.folder = primary.folder / name
        self.data, self.log = self.folder, primary.folder / f"{name}.log"
        self.host, self.bin = primary.host, primary.bin
        rules = primary.data / "pg_hba.conf"
        if "replication" not in rules.read_text():
            with rules.open("a") as file:
                file.write("local replication all trust\n")
            primary.sql("postgres", "SELECT pg_reload_conf()")
        subprocess.run([*as_server_user(), self.bin / "pg_basebackup", "--pgdata", self.folder, "--checkpoint=fast",
                        "--wal-method=stream", "--write-recovery-conf", "--no-sync"], cwd="/",
                       env=primary.environment("postgres"), check=True, capture_output=True)
        for port in range(int(primary.port) + 1, int(primary.port) + 9):
            self.port = str(port)
            if self.control(f"--options=-p {port} -k {self.host} -c listen_addresses=", "start"):
                return
        raise SystemExit("the standby did not start:\n" + self.log.read_text())

    def promote(self) -> None:
        self.sql("postgres", "SELECT pg_promote(true, 60)")

    def stop(self) -> None:
        self.control("--mode=immediate", "stop")
        shutil.rmtree(self.folder)


class Session:
    """psql that stays connected. Not for two threads."""

    DONE = "-- done --"

    def __init__(self, server: Server, database: str, user: str = "postgres", name: str = "session",
                 by_tcp: bool = False):
        environment = {**server.environment(database, user), "PGAPPNAME": name, "PGPASSWORD": PASSWORD}
        if by_tcp:
            environment["PGHOST"] = "127.0.0.1"
        self.process = subprocess.Popen(server.psql(), env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def ask(self, *commands: str, patience: float = 30) -> str:
        """The rows. Throws where the session has ended, or does not answer in so many seconds."""
        self.process.stdin.write("".join(f"{text};\n" for text in commands) + f"SELECT '{self.DONE}';\n")
        self.process.stdin.flush()
        rows = []
        while (line := self.lines.get(timeout=patience)) != self.DONE:
            if line is None:
                raise RuntimeError("the session has ended: " + "\n".join(rows))
            rows.append(line)
        return "\n".join(rows)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.close()
