# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the thread that starts them, and ports that nobody uses."""

import os
import pathlib
import signal
import socket
import subprocess

_given = set()


def free_port() -> int:
    """A TCP port of the loopback address; never the same twice. Below the range that clients get."""
    for port in range(20000 + os.getpid() * 37 % 11000, 32700):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise OSError("no free port between 20000 and 32700")


def spawn(command, log: pathlib.Path, **options) -> subprocess.Popen:
    """Starts `command` with its output appended to `log`; it is killed when this thread ends."""
    with open(log, "ab") as file:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdout=file,
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)


def end(process: subprocess.Popen, patience: float = 5) -> None:
    """SIGTERM, after `patience` seconds SIGKILL; also of a process that is stopped (SIGSTOP)."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def tail(log: pathlib.Path, lines: int = 20) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])
