# SPDX-License-Identifier: Apache-2.0
"""The kubelet of one pod: prepares its folders, runs the real engine for it, and writes its status."""

import base64
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

from api import ApiFailure, Client
from behaviour import Behaviour
from server import STILLHEAD

REPORT_LIMIT = 4096  # bytes that a kubelet keeps of a termination message
LOOK = 0.1  # seconds between two looks at what no event tells


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Missing(Exception):
    """(reason, message) of a container that waits for something."""


class PodRun(threading.Thread):
    """From a scheduled pod to its end. The simulator tells it when the pod is being deleted, or gone."""

    def __init__(self, client: Client, pod: dict, behaviour: Behaviour, place: pathlib.Path):
        super().__init__(daemon=True)
        self.client, self.pod, self.behaviour = client, pod, behaviour
        self.namespace, self.name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self.container = pod["spec"]["containers"][0]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=place))
        self.stop_within: float | None = None  # seconds of grace, as soon as the pod is to end
        self.gone = False
        self.process: subprocess.Popen | None = None
        self.started = ""
        self._said = None

    def run(self) -> None:
        if self._wait_for_what_it_needs():
            self._run_engine()
        if self.stop_within is not None and not self.gone and not self.behaviour.node_is_lost:
            self.client.delete("pods", self.namespace, self.name, grace=0)

    # --- before the start ----------------------------------------------------------------------------

    def _wait_for_what_it_needs(self) -> bool:
        """False: the pod was deleted before it could start."""
        while self.stop_within is None and not self.gone:
            if self.behaviour.unschedulable:
                self._say_unschedulable()
            else:
                try:
                    self._prepare()
                    return True
                except Missing as missing:
                    self._say_waiting(*missing.args)
                except ApiFailure:
                    pass  # the API server is away: asked again
            time.sleep(LOOK)
        return False

    def _prepare(self) -> None:
        """Scripts in place and environment complete. Throws Missing."""
        if self.behaviour.problem:
            raise Missing(*self.behaviour.problem)
        self.environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": str(self.folder)}
        for variable in self.container.get("env", []):
            source = variable.get("valueFrom", {}).get("secretKeyRef")
            self.environment[variable["name"]] = self._secret(source) if source else variable.get("value", "")
        self.scripts = self._scripts()

    def _secret(self, source: dict) -> str:
        secret = self.client.get("secrets", self.namespace, source["name"])
        if secret is None:
            raise Missing("CreateContainerConfigError", f'secret "{source["name"]}" not found')
        if source["key"] not in secret.get("data", {}):
            raise Missing("CreateContainerConfigError",
                          f"couldn't find key {source['key']} in Secret {self.namespace}/{source['name']}")
        return base64.b64decode(secret["data"][source["key"]]).decode()

    def _scripts(self) -> pathlib.Path:
        for volume in self.pod["spec"].get("volumes", []):
            if "configMap" not in volume:
                continue
            found = self.client.get("configmaps", self.namespace, volume["configMap"]["name"])
            if found is None:
                raise Missing("ContainerCreating", "")
            folder = self.folder / "migrations"
            folder.mkdir(exist_ok=True)
            for name, text in found.get("data", {}).items():
                (folder / name).write_text(text)
            return folder
        image = self.container["image"]
        if image not in self.behaviour.images:
            raise Missing("ErrImagePull", f'failed to pull and unpack image "{image}": not found')
        return self.behaviour.images[image]

    # --- the engine ----------------------------------------------------------------------------------

    def command(self) -> list[str]:
        """The container's arguments, its paths replaced by ours."""
        arguments = [str(part) for part in self.container["args"]]
        where = {"--script-location": self.scripts, "--report": self.folder / "report"}
        for flag, path in where.items():
            if flag in arguments:
                arguments[arguments.index(flag) + 1] = str(path)
        return ["setpriv", "--pdeathsig", "KILL", str(STILLHEAD), *arguments]

    def _run_engine(self) -> None:
        ending = self.behaviour.next_ending()
        self.started = now()
        if not self.behaviour.runs_engine or ending in ("OOMKilled", "Evicted"):
            self._say_running()
            self._finish(0 if not ending else 137, ending)
            return
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), env=self.environment, cwd=self.folder, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        if ending == "Killed":
            self.process.kill()
        self._say_running()
        code = self._wait_for_the_end()
        if not self.gone:
            self._finish(128 - code if code < 0 else code, ending)

    def _wait_for_the_end(self) -> int:
        asked_at = None
        while True:
            try:
                return self.process.wait(LOOK)
            except subprocess.TimeoutExpired:
                pass
            if self.behaviour.node_is_lost:
                continue
            if self.stop_within is not None and asked_at is None:
                asked_at = time.monotonic()
                self.process.send_signal(signal.SIGTERM)
            if self.gone or (asked_at and time.monotonic() - asked_at > self.stop_within):
                self.process.kill()

    def _finish(self, code: int, ending: str) -> None:
        self.behaviour.results.wait()
        while self.behaviour.node_is_lost:
            time.sleep(LOOK)
        report = self.folder / "report"
        text = report.read_text()[:REPORT_LIMIT] if report.exists() and ending != "NoReport" else ""
        reason = "OOMKilled" if ending == "OOMKilled" else "Completed" if code == 0 else "Error"
        end = {"exitCode": code, "reason": reason, "startedAt": self.started, "finishedAt": now()}
        status = {"phase": "Succeeded" if code == 0 else "Failed"}
        if ending == "Evicted":
            disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet",
                         "lastTransitionTime": now()}
            status |= {"reason": "Evicted", "message": "The node was low on resource: memory.",
                       "conditions": [disrupted]}
        else:
            end |= {"message": text} if text else {}
            status["containerStatuses"] = [self._container({"terminated": end})]
        self._write(status)

    # --- the status ----------------------------------------------------------------------------------

    def _container(self, state: dict) -> dict:
        return {"name": self.container["name"], "image": self.container["image"], "imageID": "",
                "restartCount": 0, "ready": "running" in state, "started": "running" in state, "state": state}

    def _say_unschedulable(self) -> None:
        self._write({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
             "message": self.behaviour.unschedulable}]})

    def _say_waiting(self, reason: str, message: str) -> None:
        waiting = {"reason": reason} | ({"message": message} if message else {})
        self._write({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}],
                     "containerStatuses": [self._container({"waiting": waiting})]})

    def _say_running(self) -> None:
        self._write({"phase": "Running", "startTime": self.started,
                     "containerStatuses": [self._container({"running": {"startedAt": self.started}})]})

    def _write(self, status: dict) -> None:
        text = json.dumps(status)
        if text == self._said or self.gone:
            return
        while not self.gone:
            try:
                self.client.patch("pods", self.namespace, self.name, {"status": status}, "status")
                self._said = text
                return
            except ApiFailure as failure:
                if failure.status == 404:
                    return
                if 400 <= failure.status < 500 and failure.status not in (409, 429):
                    raise
                time.sleep(0.5)  # the API server is away: a kubelet goes on trying
