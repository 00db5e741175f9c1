# SPDX-License-Identifier: Apache-2.0
"""What an operator asked of the API server, as the server's own audit log has it."""

import json
import pathlib
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


def read_call(line: str) -> Call | None:
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


def read_calls(log: pathlib.Path, namespace: str) -> list[Call]:
    """All calls of operators in this namespace so far. A line that is being written now is not among them."""
    calls = []
    if not log.exists():
        return calls
    with log.open() as file:
        for line in file:
            if not line.endswith("\n") or f'"namespace":"{namespace}"' not in line or '"username":"operator-' not in line:
                continue
            if call := read_call(line):
                calls.append(call)
    return calls


def count_made_and_removed(calls: Iterable[Call]) -> Counter:
    """("create", "jobs") -> how often that was done, which is what Sieve compares with a run without faults."""
    return Counter((call.verb, call.resource) for call in calls
                   if call.verb in ("create", "delete") and call.succeeded)
