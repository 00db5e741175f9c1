# SPDX-License-Identifier: Apache-2.0
"""The node says nothing any more: its pod runs, or terminates, for ever as far as the API server knows."""

import time

import migration as m
from place import equal, require
from registry import case


def lose_node(place) -> str:
    """In mid-run; the name of the pod, which the node controller has marked."""
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    place.behaviour.node_is_lost = True
    pod = place.pods()[0]["metadata"]["name"]
    lost = {"type": "Ready", "status": "False", "reason": "NodeLost", "message": "Node is not ready"}
    place.client.patch("pods", place.namespace, pod, {"status": {"conditions": [lost]}}, "status")
    return pod


@case(20, "the pod runs on unseen: PodUnreachable, and no second engine")
def _(place):
    lose_node(place)
    place.wait(m.reconciling("PodUnreachable"))
    equal(len(place.jobs()), 1, "Jobs")
    place.behaviour.node_is_lost = False
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(20, "the pod terminates for ever: no second engine until somebody removes it by force")
def _(place):
    pod = lose_node(place)
    place.client.delete("pods", place.namespace, pod)
    time.sleep(8)
    equal(len(place.bench.simulator.engines(place.namespace)), 1, "engines")
    equal(len(place.jobs()), 1, "Jobs")
    place.client.delete("pods", place.namespace, pod, grace=0)
    place.behaviour.node_is_lost = False
    place.database.open_gate()
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, tries={"b2": 2})


@case(20, "the node comes back: the run goes on as if nothing had been", fast=True)
def _(place):
    lose_node(place)
    time.sleep(5)
    place.behaviour.node_is_lost = False
    place.database.open_gate()
    place.wait_ready()
    require(len(place.jobs()) == 1, "one Job")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
