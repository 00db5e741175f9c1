# SPDX-License-Identifier: Apache-2.0
"""A PgBouncer in front of a throw-away PostgreSQL."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from server import Server, Session, as_server_user

PORT = 6432  # names the socket; nothing listens on TCP


class PgBouncer(Server):
    """Speaks for `server`, which must outlive it. `settings` as in the section [pgbouncer]."""

    def __init__(self, server: Server, mode: str, pool_size: int,  # pylint: disable=super-init-not-called
                 **settings):
        program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        if program is None:
            raise SystemExit("no pgbouncer is installed: run tools/install_dependencies.sh")
        self.server, self.bin, self.port = server, server.bin, str(PORT)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stillhead-pooler-"))
        self.host = str(self.folder)
        self.log = self.folder / "log"
        (self.folder / "users").write_text('"postgres" ""\n')
        lines = ["[databases]", f"* = host={server.host} port={server.port}", "[pgbouncer]", "listen_addr =",
                 f"listen_port = {PORT}", f"unix_socket_dir = {self.folder}", "auth_type = trust",
                 f"auth_file = {self.folder}/users", f"logfile = {self.log}", f"pool_mode = {mode}",
                 f"default_pool_size = {pool_size}", *(f"{key} = {value}" for key, value in settings.items())]
        (self.folder / "ini").write_text("\n".join(lines) + "\n")
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.folder.chmod(0o755)
        self.process = subprocess.Popen([*as_server_user(), program, "--quiet", self.folder / "ini"], cwd="/",
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.await_start()

    def await_start(self) -> None:
        until = time.monotonic() + 10
        while True:
            try:
                self.sql("postgres", "SELECT 1")
                return
            except subprocess.CalledProcessError as error:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise SystemExit(f"PgBouncer did not start: {error.stderr}") from None
                time.sleep(0.05)

    def open_servers(self, database: str, count: int) -> set[str]:
        """Makes the pool open so many connections to the server at least, and tells their processes."""
        sessions = [Session(self, database) for _ in range(count)]
        try:
            for session in sessions:
                session.ask("BEGIN")
            pids = {session.ask("SELECT pg_backend_pid()") for session in sessions}
            for session in sessions:
                session.ask("COMMIT")
            return pids
        finally:
            for session in sessions:
                session.close()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder)

    def __enter__(self) -> "PgBouncer":
        return self

    def __exit__(self, *_) -> None:
        self.stop()
