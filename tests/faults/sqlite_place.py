# SPDX-License-Identifier: Apache-2.0
"""One run of stillhead on a database file of SQLite, in a place of its own."""
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import time

import sqlite_histories as histories
import traced

ROOT = pathlib.Path(__file__).resolve().parents[2]
STILLHEAD = pathlib.Path(os.environ.get("STILLHEAD", ROOT / "build/release/stillhead")).resolve()
SMALL = 1 << 20  # bytes of the file system that is filled
LONGEST = 60  # seconds of any run


class Fault(Exception):
    pass


@dataclasses.dataclass
class Run:
    code: int
    errors: str
    report: dict
    told: list[str]  # revisions whose end it has told
    seconds: float

    def text(self) -> str:
        return f"{self.code} after {self.seconds:.1f} s: {self.errors}"

    def reason(self) -> str:
        return self.report.get("reason", "")


class Place:
    """Where one case after the other is tried."""

    def __init__(self, folder: pathlib.Path, scripts: pathlib.Path):
        self.folder, self.scripts = folder, scripts
        self.small = folder / "small"
        self.small.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "none", self.small], check=True)
        self.log, self.report, self.events = folder / "strace", folder / "report", folder / "events"
        self.database = pathlib.Path()
        self.fresh(None)

    def fresh(self, template: pathlib.Path | None, small: bool = False) -> None:
        parent = self.small if small else self.folder / "data"
        if small:
            for file in self.small.iterdir():
                file.unlink()
        else:
            shutil.rmtree(parent, ignore_errors=True)
            parent.mkdir()
        self.database = parent / "m.db"
        if template is not None:
            shutil.copy(template, self.database)

    def files(self) -> list[pathlib.Path]:
        return [pathlib.Path(f"{self.database}{suffix}") for suffix in ("", "-journal", "-wal", "-shm")]

    def command(self, injections: list[str] | None) -> list[str]:
        # Of the folder is known only whether it is synced.
        watched = [*self.files(), self.database.parent]
        return [] if injections is None else traced.command(watched, self.log, injections)

    def start(self, arguments: list[str], injections: list[str] | None = None) -> subprocess.Popen:
        self.report.unlink(missing_ok=True)
        with open(self.events, "wb") as events:
            return subprocess.Popen([*self.command(injections), STILLHEAD, "--script-location", self.scripts,
                                     "--report", self.report, "--events", str(events.fileno()), *arguments],
                                    env={**os.environ, "DATABASE_URL": f"sqlite:///{self.database}",
                                         "SQLITE_TMPDIR": str(self.database.parent)},
                                    cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True, pass_fds=[events.fileno()])

    def finish(self, process: subprocess.Popen, begun: float) -> Run:
        try:
            _, errors = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Fault("the run hangs") from None
        told = [json.loads(line) for line in self.events.read_text().splitlines() if line.endswith("}")]
        return Run(process.returncode, errors,
                   json.loads(self.report.read_text()) if self.report.exists() else {},
                   [event["revision"] for event in told if event["event"] == "step_finished"],
                   time.monotonic() - begun)

    def run(self, arguments: list[str], injections: list[str] | None = None) -> Run:
        begun = time.monotonic()
        return self.finish(self.start(arguments, injections), begun)

    def state(self) -> list[str]:
        return histories.state(self.database)

    def look(self) -> pathlib.Path:
        return histories.copied(self.database, self.folder / "look")

    def bytes(self) -> list[bytes]:
        return [file.read_bytes() if file.exists() else b"" for file in self.files()[:3]]
