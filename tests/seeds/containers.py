# SPDX-License-Identifier: Apache-2.0
"""Plays the part of `docker` and `docker-compose` where there are no containers: a service is its command, run on
this machine as the compose file and the Dockerfile say.

Services start in the order of `depends_on`, and wait for the conditions named there. A service that is built runs
in the folder that its Dockerfile copies, with the environment of the compose file, but for the variables in
`environment` of the settings: they name the database of the test, as the host names of containers lead nowhere.
A service with an image only (databases, nginx) counts as started; its healthcheck is run. `up` never stays.
Knows: up, exec, run, logs, down, and of `docker` itself exec. Run by the environment's interpreter (PyYAML).

$SEEDS_CONTAINERS is the folder of settings.json, state.json, events (a line for each start and end), logs/.
"""
import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

import yaml

FOLDER = pathlib.Path(os.environ["SEEDS_CONTAINERS"])
PATIENCE = 200  # seconds until a service that goes on has to say that it serves
SERVES = ("Application startup complete", "[queues]")  # uvicorn, Celery


class Stopped(Exception):
    """What docker-compose would say, and end with 1."""


class Project:
    """The services of one compose file, and what has become of them."""

    def __init__(self, file: pathlib.Path):
        self.file = file.resolve()
        self.services = yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
        self.settings = json.loads((FOLDER / "settings.json").read_text())
        self.state_file = FOLDER / "state.json"
        self.state = json.loads(self.state_file.read_text()) if self.state_file.exists() else {}
        self.begun: set[str] = set()  # by this command: a service that has ended is not begun twice

    def note(self, event: str, service: str, **facts) -> None:
        self.state.setdefault(service, {}).update(facts)
        self.state_file.write_text(json.dumps(self.state))
        with (FOLDER / "events").open("a") as file:
            file.write(" ".join([event, service, *(str(facts[key]) for key in ("exit",) if key in facts)]) + "\n")

    def stage(self, service: str) -> tuple[pathlib.Path, list[str], dict[str, str]]:
        """Folder, default command and variables that the Dockerfile gives."""
        build = self.services[service]["build"]
        build = {"context": build} if isinstance(build, str) else build
        context = self.file.parent / build["context"]
        stages: dict[str, dict] = {}
        stage: dict = {}
        for line in (context / "Dockerfile").read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word == "FROM":
                base, _, name = rest.partition(" as ")
                stage = stages[name] = {**stages.get(base, {"folder": context, "command": [], "variables": {}})}
            elif word == "COPY" and (context / rest.split()[0]).is_dir():
                stage["folder"] = context / rest.split()[0]
            elif word == "CMD":
                stage["command"] = json.loads(rest)
            elif word == "ENV":
                # A copied folder's parent is what / is to /app.
                stage["variables"] = {**stage["variables"], **{key: ".." if value == "/" else value for key, value in
                                                              [rest.split("=", 1)]}}
        stage = stages[build.get("target", list(stages)[-1])]
        return stage["folder"].resolve(), stage["command"], stage["variables"]

    def environment(self, service: str) -> dict[str, str]:
        what, variables = self.services[service], dict(self.stage(service)[2])
        for name in what.get("env_file", []):
            lines = (self.file.parent / name).read_text().splitlines()
            variables.update(line.split("=", 1) for line in lines if "=" in line)
        variables.update(what.get("environment", {}))
        own = {key: value for key, value in os.environ.items()
               if key in ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE", "SEEDS_CONTAINERS")}
        return {**own, "PYTHONUNBUFFERED": "1", **variables, **self.settings["environment"]}

    def command(self, service: str) -> list[str]:
        command = self.services[service].get("command") or self.stage(service)[1]
        return shlex.split(command) if isinstance(command, str) else command

    def depends(self, service: str) -> dict[str, str]:
        wanted = self.services[service].get("depends_on", {})
        if isinstance(wanted, list):
            return dict.fromkeys(wanted, "service_started")
        return {name: what["condition"] for name, what in wanted.items()}

    def healthy(self, service: str) -> bool:
        check = self.services[service].get("healthcheck")
        environment = {**os.environ, **self.settings["server"]}
        for _ in range(check["retries"] if check else 1):
            if not check or subprocess.run(["sh", "-c", check["test"][1]], env=environment,
                                           stdout=subprocess.DEVNULL, check=False).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def wait_for(self, service: str, condition: str) -> None:
        if condition == "service_healthy" and not self.healthy(service):
            raise Stopped(f"dependency failed to start: container {service} is unhealthy")
        if condition == "service_completed_successfully" and (code := self.state[service].get("exit")) != 0:
            raise Stopped(f'service "{service}" didn\'t complete successfully: exit {code}')

    def up(self, service: str) -> None:
        for name, condition in self.depends(service).items():
            if not self.up_already(name):
                self.up(name)
            self.wait_for(name, condition)
        if self.up_already(service):
            return
        self.begun.add(service)
        if "build" not in self.services[service]:
            self.note("start", service)
            return
        self.launch(service)

    def up_already(self, service: str) -> bool:
        """Runs, or has an image only. A service that has ended is started again by the next `up`."""
        known = self.state.get(service)
        return service in self.begun or known is not None and "exit" not in known

    def launch(self, service: str) -> None:
        """Starts a service that is built; returns when it has ended, or serves."""
        log = FOLDER / "logs" / service
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as file:
            begin = file.tell()
            process = subprocess.Popen(self.command(service), cwd=self.stage(service)[0],  # pylint: disable=R1732
                                       env=self.environment(service), stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        self.state.pop(service, None)
        self.note("start", service, pid=process.pid)
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            if any(text in log.read_bytes()[begin:].decode(errors="replace") for text in SERVES):
                self.note("serve", service)
                return
            time.sleep(0.05)
        if process.poll() is None:
            raise Stopped(f"{service} neither serves nor ends")
        self.note("end", service, exit=process.returncode)

    def execute(self, service: str, command: list[str]) -> int:
        if not self.up_already(service):
            raise Stopped(f'service "{service}" is not running')
        return subprocess.run(command, cwd=self.stage(service)[0], env=self.environment(service),
                              check=False).returncode

    def run_once(self, service: str) -> int:
        for name, condition in self.depends(service).items():
            if not self.up_already(name):
                self.up(name)
            self.wait_for(name, condition)
        return subprocess.run(self.command(service), cwd=self.stage(service)[0], env=self.environment(service),
                              check=False).returncode

    def down(self, volumes: bool) -> None:
        for known in self.state.values():
            if "pid" in known and "exit" not in known:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(known["pid"], signal.SIGKILL)
        self.state_file.unlink(missing_ok=True)
        if volumes:
            subprocess.run(["sh", "-c", self.settings["remove_volumes"]], check=True, stdout=subprocess.DEVNULL)


def compose(arguments: list[str]) -> int:
    file = pathlib.Path("docker-compose.yml")
    if arguments[0] == "-f":
        file, arguments = pathlib.Path(arguments[1]), arguments[2:]
    project, word = Project(file), arguments[0]
    rest = [argument for argument in arguments[1:] if argument not in ("-d", "-T", "--wait", "--build", "--rm")]
    if word == "up":
        for service in rest or project.services:
            project.up(service)
        # `up -d` ends well although a service has failed that nobody waits for.
        return 0
    if word == "exec":
        return project.execute(rest[0], rest[1:])
    if word == "run":
        return project.run_once(rest[0])
    if word == "logs":
        print((FOLDER / "logs" / rest[0]).read_text(), end="")
        return 0
    if word == "down":
        project.down("-v" in rest)
        return 0
    raise Stopped(f"unknown command {word}")


def docker(arguments: list[str]) -> int:
    if arguments[0] == "compose":
        return compose(arguments[1:])
    if arguments[0] != "exec":
        raise Stopped(f"unknown command {arguments[0]}")
    arguments = [argument for argument in arguments[1:] if not re.fullmatch("-it?", argument)]
    if arguments[0] == "-w":
        arguments = arguments[2:]  # /app: where the project is copied
    project = Project(pathlib.Path("docker-compose.yml"))
    service = next(name for name, what in project.services.items() if what.get("container_name") == arguments[0])
    return project.execute(service, arguments[1:])


def main() -> None:
    name, *arguments = sys.argv[1:]
    try:
        sys.exit(docker(arguments) if name == "docker" else compose(arguments))
    except Stopped as reason:
        print(reason, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
