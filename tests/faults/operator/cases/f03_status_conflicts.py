# SPDX-License-Identifier: Apache-2.0
"""Somebody writes to the resource all the time, so that the operator's writes meet 409."""

import threading
import time
from contextlib import contextmanager

import migration as m
import verbs
from api import ApiFailure
from place import NAME, require
from registry import case


@contextmanager
def writer(place, pause: float = 0.05):
    """Changes an annotation every `pause` seconds."""
    stop = threading.Event()

    def write():
        count = 0
        while not stop.wait(pause):
            count += 1
            try:
                place.client.patch("databasemigrations", place.namespace, NAME,
                                   {"metadata": {"annotations": {"somebody": str(count)}}})
            except ApiFailure:
                pass  # not made yet
    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@case(3, "an annotation is changed each 50 ms: it becomes ready even while that goes on", fast=True)
def _(place):
    place.secret()
    place.migrate("a1", "b2")
    with writer(place):
        place.operator.start()
        place.wait_ready()
        place.settle()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(3, "the writer stops: the truth stands there within 5 s")
def _(place):
    place.secret()
    place.migrate("a1", files={"a1.sql": "-- revision: a1\n-- stillhead:upgrade\nSELECT 1/0;\n"})
    with writer(place, 0.02):
        place.operator.start()
        place.until(lambda: any(job["status"].get("failed") for job in place.jobs()), "the Job has failed")
    place.wait(m.stalled("MigrationFailed"), 5)
    place.judge(m.stalled("MigrationFailed"), [], jobs=1)


@case(3, "every status write is answered 409 for 5 s")
def _(place):
    rule = place.proxy.add(verbs.refuse(409, "Conflict"), method="PATCH", kind="databasemigrations/status")
    place.start("a1")
    time.sleep(5)
    tries = rule.seen
    place.proxy.clear()
    place.wait_ready()
    require(tries > 0, "nobody tried")
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)
    return f"{tries / 5:.1f} tries a second"


@case(3, "every finalizer write is answered 409 for 5 s")
def _(place):
    rule = place.proxy.add(verbs.refuse(409, "Conflict"), method="PATCH", kind="databasemigrations")
    place.start("a1")
    time.sleep(5)
    tries = rule.seen
    place.proxy.clear()
    place.wait_ready()
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)
    return f"{tries / 5:.1f} tries a second"
