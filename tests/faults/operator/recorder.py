# SPDX-License-Identifier: Apache-2.0
"""Everything that happened to objects of some kinds, read straight from the API server.

A watch that is cut goes on where it was, by resourceVersion: no event is missed. Where the server has
forgotten that place (410, also after its restart), everything is listed: what has changed meanwhile was not
seen in between, so its history is lost, and whoever judges by it must fail: see `lost`.
"""

import time

from api import ApiFailure, Client, path_of
from watch import Event, Watch

KINDS = ("databasemigrations", "jobs", "pods", "configmaps", "events", "leases")


class KindRecorder(Watch):
    """One kind, in all namespaces, until stop()."""

    def __init__(self, client: Client, kind: str, selector: str = ""):
        super().__init__(kind)
        self.client, self.kind, self.selector = client, kind, selector
        self.lost: list[tuple[str, str]] = []  # (namespace, object whose history has a gap)
        self.listeners = []  # called with each Event, in the thread of the watch
        self._version = ""

    def begin(self) -> None:
        """From now on. Throws ApiFailure."""
        self._version = self._present()
        self.start()

    def _present(self) -> str:
        return self.client.call("GET", f"{path_of(self.kind)}?limit=1")["metadata"]["resourceVersion"]

    def run(self):
        while not self._stopping:
            try:
                for kind, item in self.client.events(self.kind, self._version, 300, self.selector):
                    self._take(kind, item)
                    if self._stopping:
                        return
            except ApiFailure as failure:
                if failure.status == 410:
                    self._start_over()
                time.sleep(0.3)

    def _start_over(self) -> None:
        try:
            listed = self.client.call("GET", path_of(self.kind))
        except ApiFailure:
            return  # tried again with the next watch
        now = {(item["metadata"].get("namespace", ""), item["metadata"]["name"]): item
               for item in listed.get("items") or []}
        for place, known in self._living().items():
            item = now.pop(place, None)
            if item is None or item["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"]:
                self.lost.append((place[0], f"{self.kind} {place[1]}"))
                self._take("MODIFIED" if item else "DELETED", item or known)
        for place, item in now.items():
            if item.get("status") not in (None, {}, {"observedGeneration": -1}):
                self.lost.append((place[0], f"{self.kind} {place[1]}"))
            self._take("ADDED", item)
        self._version = listed["metadata"]["resourceVersion"]

    def _living(self) -> dict[tuple[str, str], dict]:
        with self._changed:
            return {place: events[-1].object for place, events in self._events.items()
                    if events[-1].type != "DELETED"}

    def _take(self, kind: str, item: dict) -> None:
        self._version = item["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return
        item["metadata"].pop("managedFields", None)
        self._record({"type": kind, "object": item})
        for listener in self.listeners:
            listener(Event(time.time(), kind, item))

    def stop(self):
        self._stopping = True


class Recorder:
    """A KindRecorder for each of KINDS, as attributes of these names."""

    def __init__(self, client: Client):
        self.kinds = {kind: KindRecorder(client, kind) for kind in KINDS}

    def __getattr__(self, kind: str) -> KindRecorder:
        try:
            return self.__dict__["kinds"][kind]
        except KeyError:
            raise AttributeError(kind) from None

    def begin(self) -> None:
        for recorder in self.kinds.values():
            recorder.begin()

    def lost(self, namespace: str) -> list[str]:
        return [what for recorder in self.kinds.values()
                for where, what in recorder.lost if where == namespace]

    def stop(self) -> None:
        for recorder in self.kinds.values():
            recorder.stop()
