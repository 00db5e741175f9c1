# SPDX-License-Identifier: Apache-2.0
"""Children of an interpreter that has Alembic and SQLAlchemy in memory already: a start costs a fork, not a second.

Zygote is the side of the tests; as a program of the project's interpreter this file is the other one.
"""
import importlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

IMPORTED = ("alembic.config", "alembic.command", "alembic.autogenerate", "sqlalchemy.ext.asyncio", "logging.config",
            "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite", "psycopg2", "asyncpg", "aiosqlite",
            "mako.template")
BOOTSTRAP = pathlib.Path(__file__).resolve().parents[2] / "engine/python/stillhead_host/bootstrap.py"


class Zygote:
    """One interpreter; close() ends it."""

    def __init__(self, python):
        self.python = python
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen([python, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()],
                                             stdin=subprocess.DEVNULL)

    def start(self, argv, folder, environment, channel=None):
        """Runs the program `alembic`, or with `channel` (a socket) the script host. One at a time: then finish()."""
        self._output = [tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")]
        fds = [file.fileno() for file in self._output] + ([channel.fileno()] if channel else [])
        text = json.dumps({"argv": argv, "folder": str(folder), "environment": environment})
        socket.send_fds(self._control, [text.encode()], fds)

    def finish(self):
        """Exit code (negative: the signal), standard output and error of what was started."""
        self._control.settimeout(120)
        code = json.loads(self._control.recv(100))
        texts = []
        for file in self._output:
            with file:
                file.seek(0)
                texts.append(file.read())
        return (code, *texts)

    def close(self):
        self._control.close()
        self._process.wait()


def serve(control):
    """Forks for each request; returns in the child, with the request."""
    while True:
        text, fds, _, _ = socket.recv_fds(control, 200000, 3)
        if not text:
            sys.exit(0)
        pid = os.fork()
        if not pid:
            control.close()
            os.dup2(fds[0], 1)
            os.dup2(fds[1], 2)
            os.close(fds[0])
            os.close(fds[1])
            return {**json.loads(text), "channel": fds[2] if len(fds) > 2 else None}
        for fd in fds:
            os.close(fd)
        status = os.waitpid(pid, 0)[1]
        control.send(json.dumps(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)).encode())


def run(request):
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    del sys.path[0]
    if request["channel"] is None:
        sys.argv[:] = [os.path.join(os.path.dirname(sys.executable), "alembic"), *request["argv"]]
        sys.exit(sys.modules["alembic.config"].main())
    os.set_inheritable(request["channel"], True)
    sys.path.insert(0, "")
    sys.argv[:] = ["-c", str(request["channel"])]
    exec(compile(BOOTSTRAP.read_text(), "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    run(serve(socket.socket(fileno=int(sys.argv[1]))))
