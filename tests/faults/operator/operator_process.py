# SPDX-License-Identifier: Apache-2.0
"""The operator as a process of the bench: started, paused, killed, and what it says of itself."""

import functools
import json
import os
import pathlib
import signal
import subprocess
import time

import processes
from control_plane import REPOSITORY

PROGRAM = pathlib.Path(os.environ.get("STILLHEAD_OPERATOR",
                                      REPOSITORY / "build/release/stillhead-operator")).resolve()
ENGINE_IMAGE = "stillhead.test/engine@sha256:" + "e" * 64

# Of flags that a program of this bench may know; those that it does not know are left out.
LEASE = {"--leader-elect": "true", "--lease-duration": "3s", "--renew-deadline": "2s",
         "--retry-period": "500ms"}


@functools.lru_cache(None)
def known_flags() -> str:
    return subprocess.run([PROGRAM, "--help"], check=True, text=True, capture_output=True).stdout


def flags(namespace: str, extra: dict[str, str]) -> list[str]:
    """All that the operator is started with but the kubeconfig; the one place for flags."""
    chosen = {"--engine-image": ENGINE_IMAGE, "--namespace": namespace, "--log-level": "debug",
              "--sync-period": "10"}
    chosen |= {name: value for name, value in LEASE.items() if name in known_flags()}
    return [f"{name}={value}" for name, value in (chosen | extra).items()]


def write_kubeconfig(file: pathlib.Path, port: int, authority: pathlib.Path, token: pathlib.Path) -> None:
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authority)}
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "operator", "user": {"tokenFile": str(token)}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "operator"}}]}))


class OperatorProcess:
    """Logs of all its lives go to one file."""

    def __init__(self, folder: pathlib.Path, kubeconfig: pathlib.Path, namespace: str, **extra: str):
        self.kubeconfig, self.namespace = kubeconfig, namespace
        self.extra = {f"--{name.replace('_', '-')}": value for name, value in extra.items()}
        self.log = folder / "operator.log"
        self.wrapper: list[str] = []  # put before the program: `unshare`, `faketime`
        self.process: subprocess.Popen | None = None
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        self.process = processes.spawn(
            [*self.wrapper, PROGRAM, f"--kubeconfig={self.kubeconfig}", *flags(self.namespace, self.extra)],
            self.log, env=environment, cwd="/")

    def require_alive(self) -> None:
        """That it did not end by itself. Throws AssertionError."""
        if self.process.poll() is not None:
            told = processes.tail(self.log)
            raise AssertionError(f"the operator ended with {self.process.returncode}:\n{told}")

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and waits for the end."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def terminate(self, patience: float = 20) -> int:
        """SIGTERM; the exit code. Throws subprocess.TimeoutExpired."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def told(self) -> str:
        """The log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def lines(self) -> list[dict]:
        """The log line by line; what is no JSON comes as {"raw": line}."""
        parsed = []
        for line in self.told().splitlines():
            try:
                parsed.append(json.loads(line))
            except ValueError:
                parsed.append({"raw": line})
        return parsed

    def wait_line(self, fragment: str, patience: float = 30, count: int = 1) -> None:
        """Until the log has `fragment` in so many lines. Throws TimeoutError."""
        deadline = time.monotonic() + patience
        while self.told().count(fragment) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the operator does not say {fragment!r}:\n{processes.tail(self.log)}")
            time.sleep(0.1)

    def memory(self) -> dict[str, int]:
        """VmRSS and VmHWM in KiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(line.split()[1]) for line in status.splitlines()
                for name in ("VmRSS", "VmHWM") if line.startswith(name)}

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
