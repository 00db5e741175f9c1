# SPDX-License-Identifier: Apache-2.0
"""The Job controller of one Job: makes its pods, counts how they end, and writes its conditions."""

import queue
import random
import string
import threading
import time
from datetime import datetime

from api import ApiFailure, Client
from behaviour import Behaviour
from kubelet import now

JOB, POD, GONE = "job", "pod", "gone"
FAILED_POD = "Job has reached the specified backoff limit"


def pod_of(job: dict, name: str) -> dict:
    template, meta = job["spec"]["template"], job["metadata"]
    labels = {**template["metadata"].get("labels", {}), "batch.kubernetes.io/controller-uid": meta["uid"],
              "batch.kubernetes.io/job-name": meta["name"], "job-name": meta["name"]}
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"],
             "controller": True, "blockOwnerDeletion": True}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": labels, "ownerReferences": [owner],
                         "annotations": template["metadata"].get("annotations", {})},
            "spec": {**template["spec"], "nodeName": "node1"}}


def is_over(pod: dict) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_disrupted(pod: dict) -> bool:
    return any(c["type"] == "DisruptionTarget" and c["status"] == "True"
               for c in pod.get("status", {}).get("conditions", []))


def exit_code(pod: dict) -> int | None:
    for status in pod.get("status", {}).get("containerStatuses", []):
        if end := status.get("state", {}).get("terminated"):
            return end["exitCode"]
    return None


def failure_of(job: dict, pod: dict) -> tuple[str, str]:
    """(reason, message) of the Job's end."""
    code = exit_code(pod)
    for rule in job["spec"].get("podFailurePolicy", {}).get("rules", []):
        if rule["action"] == "FailJob" and code in rule.get("onExitCodes", {}).get("values", []):
            return "PodFailurePolicy", f"Container stillhead for pod {pod['metadata']['name']} failed with " \
                                       f"exit code {code} matching FailJob rule at index 0"
    return "BackoffLimitExceeded", FAILED_POD


class SimulatedJob(threading.Thread):
    """Told of each change through `tell`; ends when the Job is over and nothing of it is left to do."""

    def __init__(self, client: Client, job: dict, behaviour: Behaviour):
        super().__init__(daemon=True)
        self.client, self.job, self.behaviour = client, job, behaviour
        self.namespace, self.name = job["metadata"]["namespace"], job["metadata"]["name"]
        self.told: queue.Queue[tuple[str, dict]] = queue.Queue()
        self.pods: dict[str, dict] = {}
        self.made = 0
        self.expelled = False  # its deadline is over
        self.status = {}

    def tell(self, what: str, item: dict) -> None:
        self.told.put((what, item))

    def run(self) -> None:
        try:
            self._live()
        except ApiFailure as failure:
            if failure.status != 404:
                raise

    def _live(self) -> None:
        if self.job["spec"].get("suspend"):
            return
        self._write({"startTime": now(), "active": 0, "ready": 0})
        while not self.is_finished():
            self._make_pods()
            try:
                what, item = self.told.get(timeout=0.5)
            except queue.Empty:
                self._enforce_deadline()
                continue
            if what == GONE:
                return
            if what == JOB:
                self.job = item
                continue
            self.pods[item["metadata"]["name"]] = item
            self._count()

    def is_finished(self) -> bool:
        return any(c["type"] in ("Complete", "Failed") for c in self.status.get("conditions", []))

    def _make_pods(self) -> None:
        """As many as are to work, minus those that do; a disrupted one is made again."""
        if self.job["metadata"].get("deletionTimestamp") or not self.behaviour.makes_pods or self.expelled:
            return
        wanted = self.behaviour.pods + sum(is_over(pod) and is_disrupted(pod) for pod in self.pods.values())
        while self.made < wanted:
            suffix = "".join(random.choices(string.ascii_lowercase, k=5))
            try:
                pod = self.client.create("pods", self.namespace, pod_of(self.job, f"{self.name}-{suffix}"))
            except ApiFailure as failure:
                if 400 <= failure.status < 500:
                    raise
                return  # the API server is away: asked again
            self.made += 1
            self.pods.setdefault(pod["metadata"]["name"], pod)
        self._count()

    def _enforce_deadline(self) -> None:
        seconds = self.job["spec"].get("activeDeadlineSeconds")
        if not seconds or self.expelled or self.job["metadata"].get("deletionTimestamp"):
            return
        begin = datetime.fromisoformat(self.status["startTime"].replace("Z", "+00:00")).timestamp()
        if time.time() - begin < seconds:
            return
        self.expelled = True
        for pod in self.pods.values():
            self.client.delete("pods", self.namespace, pod["metadata"]["name"])

    def _count(self) -> None:
        living = [pod for pod in self.pods.values() if not is_over(pod) and not pod.get("gone")]
        ready = sum(pod.get("status", {}).get("phase") == "Running"
                    and "deletionTimestamp" not in pod["metadata"] for pod in living)
        ended = [pod for pod in self.pods.values() if is_over(pod) and not is_disrupted(pod)]
        good = [pod for pod in ended if pod["status"]["phase"] == "Succeeded"]
        bad = [pod for pod in ended if pod["status"]["phase"] == "Failed"]
        bad += [pod for pod in self.pods.values() if pod.get("gone") and not is_over(pod)]  # removed by force
        terminating = sum("deletionTimestamp" in pod["metadata"] for pod in living)
        status = {"startTime": self.status["startTime"], "active": len(living) - terminating, "ready": ready,
                  "terminating": terminating}
        if not living and (good or bad or self.expelled):
            status |= self._end(good, bad)
        self._write(status)

    def _end(self, good: list, bad: list) -> dict:
        def conditions(*kinds, reason, message):
            return [{"type": kind, "status": "True", "reason": reason, "message": message,
                     "lastTransitionTime": now(), "lastProbeTime": now()} for kind in kinds]
        if good and not self.expelled:
            return {"succeeded": len(good), "failed": len(bad), "completionTime": now(),
                    "conditions": conditions("SuccessCriteriaMet", "Complete", reason="CompletionsReached",
                                             message="Reached expected number of succeeded pods")}
        late = "DeadlineExceeded", "Job was active longer than specified deadline"
        reason, message = late if self.expelled else failure_of(self.job, bad[-1])
        return {"failed": len(bad), "conditions": conditions("FailureTarget", "Failed", reason=reason,
                                                             message=message)}

    def _write(self, status: dict) -> None:
        if status == self.status:
            return
        while True:
            try:
                self.client.patch("jobs", self.namespace, self.name, {"status": status}, "status")
                self.status = status
                return
            except ApiFailure as failure:
                if 400 <= failure.status < 500 and failure.status not in (409, 429):
                    raise
                time.sleep(0.5)
