# SPDX-License-Identifier: Apache-2.0
"""Job controller, garbage collector and kubelet for the namespaces that are given to it.

One deliberate difference: pods have no finalizer `batch.kubernetes.io/job-tracking`, since Jobs are counted
from what was seen, not from what is left.
"""

import pathlib
import queue
import threading

from api import ApiFailure, Client
from behaviour import Behaviour
from kubelet import PodRun
from recorder import Recorder
from simulated_job import GONE, JOB, POD, SimulatedJob

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
COLLECTED = ("jobs", "configmaps", "pods")  # dependents that the garbage collector knows


def owners(item: dict) -> list[str]:
    return [owner["uid"] for owner in item["metadata"].get("ownerReferences", [])]


class JobSimulator:
    """Hears of everything through the recorder. Events are worked on in the order in which they came."""

    def __init__(self, client: Client, recorder: Recorder, folder: pathlib.Path):
        self.client, self.recorder, self.folder = client, recorder, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.behaviours: dict[str, Behaviour] = {}
        self.jobs: dict[str, SimulatedJob] = {}  # by the Job's uid
        self.runs: dict[str, PodRun] = {}  # by the pod's uid
        self._events: queue.Queue = queue.Queue()
        for kind in ("jobs", "pods", "databasemigrations"):
            getattr(recorder, kind).listeners.append(lambda event, kind=kind: self._events.put((kind, event)))
        threading.Thread(target=self._work, daemon=True).start()

    def take(self, namespace: str, behaviour: Behaviour) -> None:
        """From now on this namespace is simulated."""
        self.behaviours[namespace] = behaviour

    def release(self, namespace: str) -> None:
        """Nothing happens there any more; engines that still run are killed."""
        self.behaviours.pop(namespace, None)
        for run in list(self.runs.values()):
            if run.namespace == namespace:
                run.behaviour.node_is_lost = False
                run.behaviour.results.set()
                run.gone = True

    def engines(self, namespace: str) -> list[PodRun]:
        """Pods whose engine is running, whatever the API server knows of them."""
        return [run for run in self.runs.values()
                if run.namespace == namespace and run.process and run.process.poll() is None]

    def _work(self) -> None:
        while True:
            kind, event = self._events.get()
            if event.object["metadata"]["namespace"] not in self.behaviours:
                continue
            try:
                self._take(kind, event.type, event.object)
            except ApiFailure:
                # The API server is away, as some cases want it: nothing was promised to anybody yet.
                threading.Timer(1, self._events.put, [(kind, event)]).start()

    def _take(self, kind: str, change: str, item: dict) -> None:
        if kind == "pods":
            self._take_pod(change, item)
            return
        if kind == "jobs":
            self._take_job(change, item)
        if change == "DELETED":
            self._collect(item)
            self._finalize_owners(item)
        elif item["metadata"].get("deletionTimestamp"):
            self._finalize(kind, item)

    def _take_job(self, change: str, job: dict) -> None:
        uid = job["metadata"]["uid"]
        if change == "ADDED" and uid not in self.jobs:
            self.jobs[uid] = SimulatedJob(self.client, job, self.behaviours[job["metadata"]["namespace"]])
            self.jobs[uid].start()
        elif uid in self.jobs:
            self.jobs[uid].tell(GONE if change == "DELETED" else JOB, job)

    def _take_pod(self, change: str, pod: dict) -> None:
        uid, namespace = pod["metadata"]["uid"], pod["metadata"]["namespace"]
        if change == "ADDED" and uid not in self.runs:
            self.runs[uid] = PodRun(self.client, pod, self.behaviours[namespace], self.folder)
            self.runs[uid].start()
        run = self.runs.get(uid)
        if run and change == "DELETED":
            run.gone = True
        elif run and pod["metadata"].get("deletionTimestamp"):
            run.stop_within = pod["metadata"].get("deletionGracePeriodSeconds", 30)
        for owner in owners(pod):
            if owner in self.jobs:
                self.jobs[owner].tell(POD, pod | {"gone": change == "DELETED"})
        if change == "DELETED":
            self._finalize_owners(pod)

    def _finalize_owners(self, item: dict) -> None:
        """Who is being deleted in the foreground may have waited for this one."""
        for kind in ("jobs", "databasemigrations"):
            for owner in getattr(self.recorder, kind).objects(item["metadata"]["namespace"]):
                if owner["metadata"]["uid"] in owners(item) and owner["metadata"].get("deletionTimestamp"):
                    self._finalize(kind, owner)

    # --- garbage collection ---------------------------------------------------------------------------

    def _dependents(self, owner: dict) -> list[tuple[str, dict]]:
        meta = owner["metadata"]
        return [(kind, item) for kind in COLLECTED for item in self.client.items(kind, meta["namespace"])
                if meta["uid"] in owners(item)]

    def _collect(self, owner: dict) -> None:
        for kind, item in self._dependents(owner):
            if not item["metadata"].get("deletionTimestamp"):
                self.client.delete(kind, owner["metadata"]["namespace"], item["metadata"]["name"],
                                   uid=item["metadata"]["uid"])

    def _finalize(self, kind: str, owner: dict) -> None:
        """Foreground: the owner goes after its dependents. Orphan: they are set free."""
        meta = owner["metadata"]
        finalizers = meta.get("finalizers", [])
        if FOREGROUND in finalizers:
            dependents = self._dependents(owner)
            for kind_of_one, item in dependents:
                if not item["metadata"].get("deletionTimestamp"):
                    propagation = "Foreground" if kind_of_one == "jobs" else "Background"
                    self.client.delete(kind_of_one, meta["namespace"], item["metadata"]["name"], propagation)
            if not dependents or not self._dependents(owner):
                self._strip(kind, owner, FOREGROUND)
        elif ORPHAN in finalizers:
            for kind_of_one, item in self._dependents(owner):
                left = [each for each in item["metadata"]["ownerReferences"] if each["uid"] != meta["uid"]]
                self.client.patch(kind_of_one, meta["namespace"], item["metadata"]["name"],
                                  {"metadata": {"ownerReferences": left}})
            self._strip(kind, owner, ORPHAN)

    def _strip(self, kind: str, owner: dict, finalizer: str) -> None:
        meta = owner["metadata"]
        live = self.client.get(kind, meta["namespace"], meta["name"])
        if live is None or live["metadata"]["uid"] != meta["uid"]:
            return
        left = [each for each in live["metadata"].get("finalizers", []) if each != finalizer]
        try:
            self.client.patch(kind, meta["namespace"], meta["name"], {"metadata": {
                "finalizers": left or None, "resourceVersion": live["metadata"]["resourceVersion"]}})
        except ApiFailure as failure:
            if failure.status not in (404, 409):  # 409: the event of that change brings us here again
                raise
