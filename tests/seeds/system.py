# SPDX-License-Identifier: Apache-2.0
"""One system of the seeds: its project, its databases, and its steps, each compared with what it expects."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import differences
import judge
import placeholders
from place import HOST, PASSWORD, USER, Postgres, Programs, Sqlite
from server import Server
from watch import Starts

PATIENCE = 300  # seconds for one process, on a machine that has much else to do


class System:
    """Steps of the folder `source`, run in `folder`, which it owns. Not for two threads."""

    def __init__(self, source: pathlib.Path, folder: pathlib.Path, server: Server,
                 environment: pathlib.Path, tool: str):
        self.source, self.folder, self.server = source, folder, server
        self.tool, self.venv = tool, environment
        folder.mkdir()
        self.name = source.name
        self.project, self.kept = folder / "project", folder / "kept"
        self.programs = Programs(folder, environment, server, tool == "stillhead")
        self.starts = Starts(self.programs.stillhead) if self.programs.stillhead else None
        self.started_aside = False
        sqlite = folder / "database.sqlite"
        database = "seeds_" + folder.name.replace("-", "_")
        self.databases = {"postgresql": Postgres(server, database), "sqlite": Sqlite(sqlite)}
        self.steps = json.loads((source / "cases.json").read_text(encoding="utf-8"))
        self.values = {"dir": str(self.project), "db": database, "pg_host": HOST, "pg_port": server.port,
                       "pg_user": USER, "pg_password": PASSWORD, "sqlite": str(sqlite)}

    def step(self, name: str) -> dict:
        return next(step for step in self.steps if step["id"] == name)

    @contextlib.contextmanager
    def aside(self):
        """The same system elsewhere, so that the steps' own database and project are left alone."""
        with tempfile.TemporaryDirectory(prefix="aside-", dir=self.folder) as name:
            folder = pathlib.Path(name)
            folder.rmdir()
            other = System(self.source, folder, self.server, self.venv, self.tool)
            other.make_fresh()
            try:
                yield other
            finally:
                self.started_aside = other.has_started() or self.started_aside

    def has_started(self) -> bool:
        """Whether Stillhead was started here, or aside, since the last call."""
        aside, self.started_aside = self.started_aside, False
        return bool(self.starts and self.starts.any()) or aside

    def make_fresh(self) -> None:
        shutil.rmtree(self.project, ignore_errors=True)
        shutil.copytree(self.source / "project", self.project)
        for path in (self.project, *self.project.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        for database in self.databases.values():
            database.make_empty()

    def prepare(self, step: dict) -> None:
        """All that comes before the step's command."""
        if step.get("fresh"):
            self.make_fresh()
        for target, source in step.get("files", {}).items():
            path = self.project / target
            path.parent.mkdir(parents=True, exist_ok=True)
            if source is None:
                path.unlink()
            else:
                shutil.copyfile(self.source / source, path)
        if step.get("sql"):
            self.databases[step["database"]].run(step["sql"])

    def environment(self, step: dict, alembics_own: bool = False) -> dict[str, str]:
        return self.programs.environment(placeholders.filled(step["env"], self.values), alembics_own)

    def run(self, command: list[str], cwd: str, environment: dict[str, str], times: int = 1) -> list[judge.Outcome]:
        """Starts `command` so many times at once, and waits for all."""
        with contextlib.ExitStack() as stack:
            files = [(stack.enter_context(tempfile.TemporaryFile()), stack.enter_context(tempfile.TemporaryFile()))
                     for _ in range(times)]
            processes = []
            for pair in files:
                program = shutil.which(command[0], path=environment["PATH"]) or command[0]
                processes.append(subprocess.Popen(
                    command, executable=program, cwd=self.project / cwd, env=environment,
                    stdin=subprocess.DEVNULL, stdout=pair[0], stderr=pair[1], start_new_session=True))
            return [self.outcome(process, pair) for process, pair in zip(processes, files, strict=True)]

    @staticmethod
    def outcome(process: subprocess.Popen, files: tuple) -> judge.Outcome:
        late = ""
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            late = f"\nnot done in {PATIENCE} s: killed"
        texts = []
        for file in files:
            file.seek(0)
            texts.append(file.read().decode(errors="backslashreplace"))
        return judge.Outcome(process.returncode, texts[0], texts[1] + late)

    def scripts(self) -> dict[str, str]:
        return {str(path.relative_to(self.project)): path.read_text(encoding="utf-8")
                for path in sorted(self.project.glob("**/versions/*.py"))}

    def run_step(self, step: dict, alembics_own: bool = False) -> tuple[list[judge.Outcome], dict[str, str]]:
        """The step's command; what it did, and the new scripts. Learns the values of what it generated."""
        before = self.scripts()
        if "generated" in step["expect"]:
            for name in placeholders.OF_ONE_FILE:
                self.values.pop(name, None)
        command = placeholders.filled(step["command"], self.values)
        outcomes = self.run(command, step["cwd"], self.environment(step, alembics_own), step.get("parallel", 1))
        new = {path: text for path, text in self.scripts().items() if path not in before}
        generated = step["expect"].get("generated")
        if generated and len(new) == 1:
            placeholders.learn(generated["path"], next(iter(new)), self.values)
            placeholders.learn(generated["text"], next(iter(new.values())), self.values)
        return outcomes, new

    def state(self, step: dict) -> judge.State:
        database = self.databases[step["database"]]
        rows = [database.query(query["sql"]) for query in step["expect"].get("rows", [])]
        return judge.State(database.version_rows(), database.schema(), rows)

    def compare(self, step: dict, outcomes: list[judge.Outcome], new: dict[str, str]) -> list[str]:
        state = self.state(step)
        expect = placeholders.filled(step["expect"], self.values)

        def problems(expect: dict) -> list[str]:
            schema = (self.source / expect["schema_after"]).read_text(encoding="utf-8")
            return (judge.output_problems(expect, outcomes) + judge.state_problems(expect, schema, state)
                    + judge.generated_problems(expect.get("generated"), new))

        entry = differences.entry(step["id"]) if self.tool == "stillhead" else None
        if entry is None:
            return problems(expect)
        if not problems(expect):
            return [f"is listed in tests/seeds/differences ({entry.kind}), but does not differ"]
        return problems(entry.changed(expect))

    def judged(self, step: dict) -> list[str]:
        """Runs a step with a command; what is wrong with it."""
        outcomes: list[judge.Outcome] = []
        try:
            outcomes, new = self.run_step(step)
            problems = self.compare(step, outcomes, new)
        except placeholders.Unbound as error:
            problems = [str(error)]
        return problems + [judge.said(outcome) for outcome in outcomes] if problems else []

    def keep(self, step: dict) -> None:
        shutil.rmtree(self.kept, ignore_errors=True)
        shutil.copytree(self.project, self.kept)
        self.databases[step["database"]].keep()

    def repair(self, step: dict) -> None:
        """Does a failed step again by Alembic, from the state before it, so that the next is judged by itself."""
        shutil.rmtree(self.project)
        shutil.copytree(self.kept, self.project)
        self.databases[step["database"]].restore()
        for name in [name for name in self.values if name.startswith("rev")]:
            if f"{{{name}}}" in step["expect"].get("generated", {}).get("path", ""):
                del self.values[name]
        with contextlib.suppress(placeholders.Unbound):
            self.run_step(step, alembics_own=True)
