# SPDX-License-Identifier: Apache-2.0
"""What the tests of behaviours share: containers played by containers.py, manifests, comparisons."""
import contextlib
import json
import pathlib
import shutil
import subprocess

import judge
import placeholders
from place import HOST, USER, Postgres
from system import System

HERE = pathlib.Path(__file__).resolve().parent
# A server that goes on takes a free port of this machine and needs no file watcher.
UVICORN = 'set -- "$@" --host 127.0.0.1 --port 0\nfor word; do shift\n' \
          '  [ "$word" = --reload ] || set -- "$@" "$word"\ndone\n'


class Failed(Exception):
    """What a behaviour does not do."""


def need(condition: bool, text: str, outcome: judge.Outcome | None = None) -> None:
    if not condition:
        said = f"; exit {outcome.exit}, said:\n{(outcome.stdout + outcome.stderr)[-1500:]}" if outcome else ""
        raise Failed((text + said).replace("\n", "\n      "))


class Containers:
    """`docker` and `docker-compose` for the project of `system`; a context, which ends what has been started."""

    def __init__(self, system: System, reachable: bool = True):
        self.system, self.folder = system, system.folder / "containers"
        shutil.rmtree(self.folder, ignore_errors=True)
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        python = system.programs.python
        for name in ("docker", "docker-compose"):
            self.program(name, f'exec {python} {HERE}/containers.py {name} "$@"\n')
        self.program("uv", 'shift\nexec "$@"\n')
        self.program("uvicorn", f'{UVICORN}exec {python.parent}/uvicorn "$@"\n')
        self.settings(reachable)

    def program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)

    def settings(self, reachable: bool) -> None:
        server = self.system.server
        database = self.system.databases["postgresql"]
        port = server.port if reachable else "1"
        admin = f"psql -X -q -h {server.host} -p {server.port} -U postgres -d postgres"
        (self.folder / "settings.json").write_text(json.dumps({
            "environment": {**database_variables(self.system, port), "REDIS_URL": "memory://"},
            "server": {"PGHOST": HOST, "PGPORT": port},
            "remove_volumes": f"{admin} -c 'DROP DATABASE {database.name} WITH (FORCE)' "
                              f"-c 'CREATE DATABASE {database.name} OWNER {USER} TEMPLATE template0'"}))

    def shell(self, script: str, **variables: str) -> judge.Outcome:
        """Runs a piece of shell as a CI step would."""
        environment = self.system.programs.environment({"SEEDS_CONTAINERS": str(self.folder), **variables})
        environment["PATH"] = f"{self.folder / 'bin'}:{environment['PATH']}"
        return self.system.run(["bash", "-eo", "pipefail", "-c", script], ".", environment)[0]

    def well(self, script: str) -> judge.Outcome:
        outcome = self.shell(script)
        need(outcome.exit == 0, f"`{script}` failed", outcome)
        return outcome

    def events(self) -> list[str]:
        file = self.folder / "events"
        return file.read_text().splitlines() if file.exists() else []

    def forget_events(self) -> None:
        (self.folder / "events").unlink(missing_ok=True)

    def __enter__(self) -> "Containers":
        return self

    def __exit__(self, *_) -> None:
        files = sorted(self.system.project.glob("docker-compose*.yml"))
        self.shell(f"docker-compose -f {files[0]} down")


def database_variables(system: System, port: str | None = None) -> dict[str, str]:
    """DATABASE_URL or POSTGRES_*, as the steps have them."""
    values = {**system.values, "pg_port": port or system.values["pg_port"]}
    step = next(step for step in system.steps if step.get("database") == "postgresql")
    return {key: placeholders.filled(value, values) for key, value in step["env"].items()
            if key.startswith(("DATABASE_URL", "POSTGRES_"))}


def in_order(events: list[str], *wanted: str) -> None:
    """All of `wanted` happened, and in this order."""
    rest = iter(events)
    need(all(event in rest for event in wanted), f"expected in this order: {', '.join(wanted)}; "
                                                 f"happened: {', '.join(events) or 'nothing'}")


def at(system: System, step_id: str) -> None:
    """The database is as after that step."""
    step = system.step(step_id)
    schema = (system.source / step["expect"]["schema_after"]).read_text(encoding="utf-8")
    found = judge.state_problems({**step["expect"], "rows": []}, schema,
                                 judge.State(system.databases["postgresql"].version_rows(),
                                             system.databases["postgresql"].schema()))
    need(not found, f"the database is not as after {step_id}: " + "; ".join(found))


def empty(system: System) -> None:
    database = system.databases["postgresql"]
    need(database.version_rows() is None and "CREATE TABLE" not in database.schema(), "the database is not empty")


def put(system: System, target: str, source: str | None) -> None:
    system.prepare({"files": {target: source}})


def done_by_alembic(system: System, *steps: str) -> None:
    """Does recorded steps, which are judged elsewhere."""
    for step_id in steps:
        step = {**system.step(step_id), "fresh": False}
        system.prepare(step)
        system.run_step(step, alembics_own=True)


def parsed(system: System, path: pathlib.Path):
    """A YAML file; the interpreter of this program need not have a parser."""
    done = subprocess.run([system.programs.python, "-c", "import json, sys, yaml; "
                           "print(json.dumps(yaml.safe_load(open(sys.argv[1])), default=str))", path],
                          check=True, text=True, capture_output=True)
    return json.loads(done.stdout)


def pod_environment(system: System, container: dict) -> dict[str, str]:
    """A container's variables; secretKeyRef is looked up, its URL names the test's database."""
    secret = parsed(system, system.project / "k8s/db-credentials.yaml")
    variables = {}
    for variable in container["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        need(reference["name"] == secret["metadata"]["name"] and reference["key"] in secret["stringData"],
             f"{reference} is not in the Secret")
        variables[variable["name"]] = database_variables(system)[variable["name"]]
    return system.programs.environment(variables)


def restored(system: System, file: str) -> None:
    """The backup makes the same database, version table included."""
    database = system.databases["postgresql"]
    other = Postgres(system.server, f"{database.name}_restored")
    other.make_empty()
    command = system.server.psql("-o", "/dev/null", "-f", str(system.project / file))
    done = subprocess.run(command, env=system.server.environment(other.name, USER), check=False, text=True,
                          capture_output=True)
    need(done.returncode == 0, f"the backup {file} cannot be restored: {done.stderr}")
    need(other.version_rows() == database.version_rows() is not None,
         f"restored version rows {other.version_rows()}, before {database.version_rows()}")
    need(other.schema() == database.schema(),
         "the restored schema differs:" + judge.difference(database.schema(), other.schema()))
    system.server.sql("postgres", f"DROP DATABASE {other.name}")


@contextlib.contextmanager
def played(system: System, reachable: bool = True):
    """A fresh copy of the system with containers."""
    with system.aside() as other, Containers(other, reachable) as containers:
        yield other, containers
