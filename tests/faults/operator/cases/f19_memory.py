# SPDX-License-Identifier: Apache-2.0
"""The pod's container needs more memory than it may have, or is killed without a word."""

import migration as m
from place import require
from registry import case


def told(reason: str, *words: str) -> m.State:
    return m.State(f"Ready!=True that tells {words}", lambda migration: all(
        word in (m.condition(migration, "Ready") or {}).get("message", "") for word in words))


@case(19, "OOMKilled once: told with the limit, counted, and tried again", fast=True)
def _(place):
    place.behaviour.endings = ["OOMKilled"]
    place.start("a1")
    found = place.wait(told("BackingOff", "OOMKilled", "256Mi"))
    require(found["status"]["lastRun"]["attempt"] == 1, "attempt 1")
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=2)


@case(19, "killed without a word: told, and tried again")
def _(place):
    place.behaviour.endings = ["Killed"]
    place.start("a1", "b2")
    place.wait(told("BackingOff", "137"))
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=2)


@case(19, "OOMKilled with a limit of the resource's own: that one is told")
def _(place):
    place.behaviour.endings = ["OOMKilled"]
    place.start("a1", execution={"resources": {"limits": {"memory": "64Mi"}}})
    place.wait(told("BackingOff", "OOMKilled", "64Mi"))
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=2)
