# SPDX-License-Identifier: Apache-2.0
"""The Job controller makes two pods where one was asked for: the engine's lock decides."""

import migration as m
from place import equal
from registry import case


@case(21, "two pods at once, and each revision is applied once", fast=True)
def _(place):
    place.behaviour.pods = 2
    place.start("a1", "b2")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
    equal(len(place.pods()), 2, "pods")


@case(21, "the second pod waits for the lock while the first one works")
def _(place):
    place.behaviour.pods = 2
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.until(lambda: len(place.bench.simulator.engines(place.namespace)) == 2, "two engines run")
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(21, "one of the two is killed, the other one does the work")
def _(place):
    place.behaviour.pods = 2
    place.behaviour.endings = ["Killed"]
    place.start("a1", "b2")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
