# SPDX-License-Identifier: Apache-2.0
"""What an operator asked of the API server, as the server's own audit log has it."""

import json
import pathlib
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class Call:
    at: float  # seconds since the epoch, when the server had it
    verb: str
    resource: str  # "jobs", "databasemigrations/status"
    namespace: str
    name: str
    code: int
    user: str
    body: dict = field(default_factory=dict, hash=False)

    def __str__(self):
        return f"{self.verb} {self.resource} {self.namespace}/{self.name} -> {self.code}"

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES

    @property
    def succeeded(self) -> bool:
        return self.code < 300


def read_call(line: str | bytes) -> Call | None:
    """None: not about a resource."""
    event = json.loads(line)
    what = event.get("objectRef")
    if not what or "resource" not in what:
        return None
    body = event.get("requestObject") or {}
    resource = "/".join(filter(None, (what["resource"], what.get("subresource"))))
    name = what.get("name") or body.get("metadata", {}).get("name", "")
    at = datetime.fromisoformat(event["requestReceivedTimestamp"].replace("Z", "+00:00")).timestamp()
    return Call(at, event["verb"], resource, what.get("namespace", ""), name,
                event.get("responseStatus", {}).get("code", 0), event["user"]["username"], body)


def starts_engine(call: Call) -> bool:
    """A Job was created that may change the database; one that only asks has another command."""
    if (call.verb, call.resource) != ("create", "jobs") or not call.succeeded:
        return False
    containers = call.body.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    return any(container.get("args", [])[:1] == ["apply"] for container in containers)


class AuditLog:
    """One server's log, of which only what is new is read."""

    def __init__(self, file: pathlib.Path):
        self.file = file
        self._at = 0
        self._calls: dict[str, list[Call]] = {}
        self._lock = threading.Lock()

    def calls(self, namespace: str) -> list[Call]:
        """Of operators in this namespace so far."""
        with self._lock:
            self._read_on()
            return list(self._calls.get(namespace, []))

    def _read_on(self) -> None:
        if not self.file.exists():
            return
        with self.file.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # being written now
                self._at += len(line)
                call = read_call(line) if b'"username":"operator-' in line else None
                if call:
                    self._calls.setdefault(call.namespace, []).append(call)


def count_made_and_removed(calls: Iterable[Call]) -> Counter:
    """("create", "jobs") -> how often that was done: what is compared with a run without faults."""
    return Counter((call.verb, call.resource) for call in calls
                   if call.verb in ("create", "delete") and call.succeeded)
