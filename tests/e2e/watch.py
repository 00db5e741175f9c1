# SPDX-License-Identifier: Apache-2.0
"""Everything that happened to objects of one kind, in the order in which the server told it.

Waiting looks at the record and never asks the server: it costs nothing, and no state is missed.
"""

import json
import subprocess
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote

from kubectl import ENVIRONMENT

MANAGED = "app.kubernetes.io/managed-by=stillhead-operator"


@dataclass(frozen=True)
class Event:
    at: float  # seconds since the epoch, when it was read
    type: str  # ADDED, MODIFIED, DELETED
    object: dict


class Watch(threading.Thread):
    """Records a collection until stop(). A watch that ends is begun again from the present state."""

    def __init__(self, collection, selector=""):
        super().__init__(daemon=True)
        self.path = f"{collection}?watch=1&timeoutSeconds=3000"
        if selector:
            self.path += f"&labelSelector={quote(selector)}"
        self._changed = threading.Condition()
        self._events = {}
        self._stopping = False
        self._process = None

    def run(self):
        while not self._stopping:
            with subprocess.Popen(["kubectl", "get", "--raw", self.path], env=ENVIRONMENT, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                self._process = process
                for line in process.stdout:
                    self._record(json.loads(line))
            time.sleep(0.2)

    def stop(self):
        self._stopping = True
        if self._process:
            self._process.terminate()

    def _record(self, event):
        if event["type"] == "ERROR":
            return
        meta = event["object"]["metadata"]
        with self._changed:
            self._events.setdefault((meta["namespace"], meta["name"]), []).append(
                Event(time.time(), event["type"], event["object"]))
            self._changed.notify_all()

    def history(self, namespace, name=None):
        """The events of one object, or of all objects of a namespace, oldest first."""
        with self._changed:
            found = [event for (ns, n), events in self._events.items()
                     if ns == namespace and name in (None, n) for event in events]
        return sorted(found, key=lambda event: event.at)

    def objects(self, namespace):
        """What exists now."""
        latest = {}
        for event in self.history(namespace):
            latest[event.object["metadata"]["name"]] = event
        return [event.object for event in latest.values() if event.type != "DELETED"]

    def latest(self, namespace, name):
        """None: it does not exist, or not yet."""
        events = self.history(namespace, name)
        return events[-1].object if events and events[-1].type != "DELETED" else None

    def wait(self, namespace, name, wanted, seconds):
        """Returns the first state from now on for which wanted(object or None) holds; else raises
        TimeoutError."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                events = self._events.get((namespace, name), [])
                state = events[-1].object if events and events[-1].type != "DELETED" else None
                if wanted(state):
                    return state
                rest = deadline - time.monotonic()
                if rest <= 0:
                    raise TimeoutError
                self._changed.wait(rest)

    def wait_any(self, namespace, wanted, seconds):
        """Returns the first object of the namespace for which wanted(object) holds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for (ns, _), events in self._events.items():
                    if ns == namespace and events[-1].type != "DELETED" and wanted(events[-1].object):
                        return events[-1].object
                rest = deadline - time.monotonic()
                if rest <= 0:
                    raise TimeoutError
                self._changed.wait(rest)


class Record:
    """The three kinds that a migration is seen through."""

    def __init__(self):
        self.migrations = Watch("/apis/stillhead.dev/v1alpha1/databasemigrations")
        self.jobs = Watch("/apis/batch/v1/jobs", MANAGED)
        self.pods = Watch("/api/v1/pods", MANAGED)

    def __enter__(self):
        for watch in (self.migrations, self.jobs, self.pods):
            watch.start()
        return self

    def __exit__(self, *_):
        for watch in (self.migrations, self.jobs, self.pods):
            watch.stop()
