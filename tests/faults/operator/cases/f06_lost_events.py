# SPDX-License-Identifier: Apache-2.0
"""Events are dropped, held, repeated, or come again after newer ones."""

import threading
import time

import migration as m
import watch_stream
from place import require
from registry import case

RESYNC = 20  # seconds (on an idle machine) in which something unfinished must be looked at again


def is_over(event: dict) -> bool:
    status = event["object"].get("status", {})
    return status.get("phase") in ("Succeeded", "Failed") or any(
        c["type"] in ("Complete", "Failed") for c in status.get("conditions", []))


DROPPED = (
    ("the Job's end", {"kind": "jobs", "matches": is_over}),
    ("the pod's end", {"kind": "pods", "matches": is_over}),
    ("the resource's birth", {"kind": "databasemigrations", "type": "ADDED"}),
    ("the Job's birth", {"kind": "jobs", "type": "ADDED"}),
    ("the pod's birth", {"kind": "pods", "type": "ADDED"}),
    ("the first change of the resource", {"kind": "databasemigrations", "type": "MODIFIED"}),
)


def start_watching(place) -> None:
    place.secret()
    place.operator.start()
    place.until(lambda: len(place.proxy.live_streams()) >= 3, "the operator watches")


for the_what, the_match in DROPPED:
    @case(6, f"dropped: {the_what}")
    def _(place, match=the_match):
        start_watching(place)
        rule = place.proxy.add_event_rule(watch_stream.drop, times=1, **match)
        place.migrate("a1", "b2")
        place.wait_ready(seconds=RESYNC)
        require(rule.done == 1, "no event was dropped")
        place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(6, "the Job's events are held back after it was made: there is no second one", fast=True)
def _(place):
    release = threading.Event()
    start_watching(place)
    place.proxy.add_event_rule(watch_stream.hold_until(release), kind="jobs")
    place.migrate("a1", "b2")
    place.until(place.jobs, "there is a Job")
    for number in range(10):
        place.client.patch("databasemigrations", place.namespace, "orders",
                           {"metadata": {"annotations": {"somebody": str(number)}}})
        time.sleep(0.3)
    release.set()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(6, "every event comes twice")
def _(place):
    start_watching(place)
    place.proxy.add_event_rule(watch_stream.duplicate)
    place.migrate("a1", "b2")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(6, "old events come again after newer ones")
def _(place):
    start_watching(place)
    place.migrate("a1", "b2")
    place.wait_ready()
    for stream in place.proxy.live_streams():
        stream.rewind(4)
    time.sleep(2)
    place.operator.require_alive()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
