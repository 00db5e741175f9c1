# SPDX-License-Identifier: Apache-2.0
"""Somebody wipes or forges the status: it is rebuilt from what is so, within seconds."""

import time

import migration as m
from place import require
from registry import case
from scripts import chain

BROKEN = {"a1.sql": "-- revision: a1\n-- stillhead:upgrade\nSELECT 1/0;\n"}
FORGED = {"jobName": "forged", "generation": 1, "attempt": 99, "result": "Succeeded", "to": ["a1"],
          "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z"}


def at_rest(place, *revisions) -> None:
    place.start(*revisions)
    place.wait_ready()
    place.settle()


def attempts(place) -> list[str]:
    """Of the Jobs that are there."""
    return [job["metadata"]["annotations"]["stillhead.dev/attempt"] for job in place.jobs()]


@case(32, "wiped: rebuilt within 5 s", fast=True)
def _(place):
    at_rest(place, "a1", "b2")
    place.patch_status(None)
    place.wait_ready(seconds=5)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(32, "wrong revisions and counts: put right within 5 s")
def _(place):
    at_rest(place, "a1", "b2")
    place.patch_status({"currentRevisions": ["zzz"], "pendingCount": 7})
    place.wait(m.State("at b2", lambda migration: migration["status"].get("currentRevisions") == ["b2"]), 5)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(32, "a forged success of a later attempt does not make a failed migration ready")
def _(place):
    place.secret()
    place.migrate(files=BROKEN)
    place.operator.start()
    place.wait(m.stalled("MigrationFailed"))
    place.settle()
    place.patch_status({"lastRun": FORGED})
    time.sleep(3)
    place.judge(m.stalled("MigrationFailed"), [])


@case(32, "a forged success while the run is on")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.patch_status({"lastRun": FORGED})
    time.sleep(3)
    require(not m.ready().holds(place.live()), "Ready=True while the run waits at its gate")
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(32, "the largest attempt that fits: the operator lives, and the next generation runs")
def _(place):
    at_rest(place, "a1")
    place.patch_status({"lastRun": {"attempt": 2147483647, "result": "Unknown"}})
    time.sleep(3)
    place.operator.require_alive()
    place.change(source={"inline": {"scripts": chain("a1", "b2")}})
    place.judge(m.ready(2), ["a1", "b2"], {1: "a1", 2: "b2"})


@case(32, "status and Jobs are wiped: ready again, not stuck as a stale attempt")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    place.client.delete("jobs", place.namespace, place.job()["metadata"]["name"])
    place.until(lambda: "2" in attempts(place), "there is a second attempt", 60)
    place.database.open_gate()
    place.wait_ready()
    place.settle()
    place.operator.kill()
    for job in place.jobs():
        place.client.delete("jobs", place.namespace, job["metadata"]["name"])
    place.until(lambda: not place.jobs(), "no Job is left")
    place.patch_status(None)
    place.operator.start()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, tries={"b2": 2})


@case(32, "status and Jobs are wiped before the target is reached: attempts are counted on, not from 1")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    for attempt in (1, 2):
        place.until(lambda: attempts(place) == [str(attempt)], f"attempt {attempt} is there", 60)
        place.wait_at_gate()
        place.wait(m.reconciling("Progressing"))
        job = place.job()["metadata"]["name"]
        if attempt == 2:
            place.operator.kill()
        place.client.delete("jobs", place.namespace, job)
        place.until(lambda: not any(pod["metadata"]["labels"]["job-name"] == job for pod in place.pods()),
                    "its pod is gone")
    place.patch_status(None)
    place.operator.start()
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, tries={"b2": 3})
