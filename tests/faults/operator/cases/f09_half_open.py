# SPDX-License-Identifier: Apache-2.0
"""A watch that nobody closes and that tells nothing; an API server that is paused."""

import time

import migration as m
from place import equal, require
from registry import case

IDLE_BOUND = 300  # seconds: the longest timeoutSeconds that is asked for, and 10 more


def freeze(place, kind: str = "") -> None:
    for stream in place.until(lambda: place.proxy.live_streams(kind), "a watch is open"):
        stream.freeze()


@case(9, "the pods' watch is half-open: a change of the spec does not stop the run")
def _(place):
    place.database.make_gate()
    place.secret()
    place.operator.start()
    place.until(lambda: len(place.proxy.live_streams()) >= 3, "the operator watches")
    freeze(place, "pods")
    place.migrate("a1", "b2", "c3", gate="b2", target="b2")
    place.wait_at_gate()
    job = place.job()["metadata"]["name"]
    time.sleep(12)  # the pod has been unseen for longer than the operator's patience
    place.change(target={"revision": "c3"})
    time.sleep(4)
    live = place.client.get("jobs", place.namespace, job)
    require(live and not live["metadata"].get("deletionTimestamp"), f"Job {job} was deleted in mid-run")
    equal(len(place.bench.simulator.engines(place.namespace)), 1, "engines")
    place.database.open_gate()
    for stream in place.proxy.live_streams("pods"):
        stream.thaw()
    place.judge(m.ready(2), ["a1", "b2", "c3"], {2: "c3"}, jobs=2)


@case(9, "all watches are half-open while the run ends: it is noticed within the idle bound")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    freeze(place)
    begin = time.monotonic()
    place.database.open_gate()
    found = place.record.databasemigrations.wait(place.namespace, "orders", m.ready().holds, IDLE_BOUND + 30)
    require(m.ready().holds(found), "ready")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
    return f"after {time.monotonic() - begin:.0f} s"


@case(9, "the API server is paused for 15 s in mid-run", alone=True, fast=True)
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.bench.plane.servers[0].pause()
    place.database.open_gate()
    time.sleep(15)
    place.operator.require_alive()
    place.bench.plane.servers[0].resume()
    place.wait_ready(seconds=40)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
