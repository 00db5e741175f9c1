# SPDX-License-Identifier: Apache-2.0
"""What the cases of `servers` share: a database, a folder of scripts, runs of stillhead, and checks."""
import json
import os
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from server import STILLHEAD, Server

DATABASE = "m"
RUN_PATIENCE = 120  # seconds; whatever takes longer hangs


class Failure(Exception):
    pass


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Failure(what)


def until(holds: Callable[[], bool], what: str, patience: float = 30) -> None:
    """Looks until it holds."""
    end = time.monotonic() + patience
    while not holds():
        require(time.monotonic() < end, f"{what}: not seen within {patience} s")
        time.sleep(0.02)


@dataclass
class Run:
    """A run that has ended."""
    code: int
    output: str
    said: str
    report: dict = field(default_factory=dict)

    def errors(self) -> list[str]:
        return [line for line in self.said.splitlines() if line.startswith("stillhead: ")]

    def require_code(self, code: int) -> "Run":
        require(self.code == code, f"exit code {self.code} instead of {code}: {self.said}")
        return self

    def require_refusal(self, code: int, reason: str, text: str) -> None:
        """One error, and it says so."""
        self.require_code(code)
        require(self.report.get("reason") == reason, f"reason {self.report.get('reason')}: {self.said}")
        require(len(self.errors()) == 1 and text in self.errors()[0], f"not one error with '{text}': {self.said}")


class Started:
    """A run that goes on."""

    def __init__(self, arguments: list, environment: dict[str, str], folder: pathlib.Path):
        handle, name = tempfile.mkstemp(dir=folder, suffix=".report")
        os.close(handle)
        self.report = pathlib.Path(name)
        self.process = subprocess.Popen([STILLHEAD, "--report", self.report, *map(str, arguments)],
                                        env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, patience: float = RUN_PATIENCE) -> Run:
        try:
            output, said = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, said = self.process.communicate()
            raise Failure(f"the run hangs for more than {patience} s: {said}") from None
        text = self.report.read_text()
        return Run(self.process.returncode, output, said, json.loads(text) if text else {})

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Stage:
    """Of one case: a fresh database and a folder with migrations."""

    def __init__(self, server: Server, folder: pathlib.Path, database: str = DATABASE):
        self.server, self.database = server, database
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        (self.folder / "migrations").mkdir()
        self.last = ""
        server.fresh(database, "template1")

    def script(self, name: str, body: str) -> None:
        """Each is built on the one before it."""
        (self.folder / "migrations" / f"{name}.sql").write_text(
            f"-- revision: {name}\n-- down_revision: {self.last}\n{body}\n")
        self.last = name

    def start(self, *arguments, url: str = "", **environment) -> Started:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("STILLHEAD_", "PG"))}
        own["DATABASE_URL"] = url or self.server.url(self.database)
        return Started(list(arguments), {**own, **environment}, self.folder)

    def run(self, *arguments, url: str = "", **environment) -> Run:
        return self.start(*arguments, url=url, **environment).end()

    def sql(self, *commands: str) -> str:
        return self.server.sql(self.database, *commands).rstrip("\n")

    def schema(self) -> str:
        return self.server.schema(self.database)

    def await_answer(self, question: str, what: str) -> None:
        """Until the server answers `t`."""
        until(lambda: self.sql(question) == "t", what)


Case = tuple[str, Callable[["Bench"], str | None]]
CASES: list[Case] = []


def case(sentence: str):
    """A function that throws Failure; what it returns is printed beside the sentence."""
    def add(function):
        CASES.append((sentence, function))
        return function
    return add


class Bench:
    """The one server of all cases, and where their files go."""

    def __init__(self, server: Server, folder: pathlib.Path):
        self.server, self.folder = server, folder

    def stage(self, database: str = DATABASE) -> Stage:
        return Stage(self.server, self.folder, database)
