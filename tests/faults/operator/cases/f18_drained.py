# SPDX-License-Identifier: Apache-2.0
"""The cluster takes the pod away: drained, preempted, evicted. The Job makes another one; nothing is counted.

With a real kubelet and a real eviction: tests/e2e.
"""

import migration as m
from kubelet import now
from place import equal
from registry import case


def drain(place) -> None:
    """What the eviction API does to the pod that runs."""
    pods = [pod["metadata"]["name"] for pod in place.pods() if pod["status"]["phase"] == "Running"]
    equal(len(pods), 1, "pods that run")
    told = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "lastTransitionTime": now()}
    place.client.patch("pods", place.namespace, pods[0], {"status": {"conditions": [told]}}, "status")
    place.client.delete("pods", place.namespace, pods[0])
    place.until(lambda: place.client.get("pods", place.namespace, pods[0]) is None, "the old pod is gone")


def run_to_gate(place) -> None:
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()


@case(18, "drained in mid-run: rolled back, and the next pod of the same Job does it", fast=True)
def _(place):
    run_to_gate(place)
    drain(place)
    place.wait_at_gate()
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1, tries={"b2": 2})


@case(18, "drained twice")
def _(place):
    run_to_gate(place)
    for _number in range(2):
        drain(place)
        place.wait_at_gate()
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1, tries={"b2": 3})


@case(18, "drained while the operator is dead")
def _(place):
    run_to_gate(place)
    place.operator.kill()
    drain(place)
    place.wait_at_gate()
    place.operator.start()
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1, tries={"b2": 2})


@case(18, "evicted before the engine began: the Job makes another pod, and nothing is counted")
def _(place):
    place.behaviour.endings = ["Evicted"]
    place.start("a1", "b2")
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
