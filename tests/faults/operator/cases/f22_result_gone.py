# SPDX-License-Identifier: Apache-2.0
"""The Job is gone before anybody has read its result: the database knows."""

import time

import migration as m
from place import equal, require
from registry import case

BROKEN = "-- revision: a1\n-- stillhead:upgrade\nSELECT pg_sleep(2);\nSELECT 1/0;\n"


def end_unseen(place) -> None:
    """The Job ends and goes while the operator is dead."""
    place.operator.kill()
    place.database.open_gate()
    place.until(lambda: any(job["status"].get("succeeded") for job in place.jobs()), "the Job is complete")
    place.client.delete("jobs", place.namespace, place.job()["metadata"]["name"])
    place.until(lambda: not place.jobs() and not place.pods(), "the Job is gone")


@case(22, "it had succeeded: ready, and no second run", fast=True)
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    end_unseen(place)
    place.operator.start()
    place.wait_ready()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(22, "it had failed for good: the end is Stalled, and says why")
def _(place):
    place.secret()
    place.migrate(files={"a1.sql": BROKEN})
    place.operator.start()
    place.until(lambda: place.bench.simulator.engines(place.namespace), "the engine runs")
    place.wait(m.reconciling("Progressing"))
    place.operator.kill()
    place.until(lambda: any(job["status"].get("failed") for job in place.jobs()), "the Job has failed")
    place.client.delete("jobs", place.namespace, place.job()["metadata"]["name"])
    place.until(lambda: not place.jobs(), "the Job is gone")
    place.operator.start()
    place.wait(m.stalled("MigrationFailed"))
    place.judge(m.stalled("MigrationFailed"), [])


@case(22, "the pod is gone and the Job stays: ready, with the revisions that the database has")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    place.operator.kill()
    place.database.open_gate()
    place.until(lambda: any(job["status"].get("succeeded") for job in place.jobs()), "the Job is complete")
    for pod in place.pods():
        place.client.delete("pods", place.namespace, pod["metadata"]["name"], grace=0)
    place.operator.start()
    found = place.wait_ready()
    equal(found["status"].get("currentRevisions"), ["b2"], "currentRevisions")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(22, "no report was left: currentRevisions are those of the database, not of the run before")
def _(place):
    place.start("a1", "b2", target="a1")
    place.wait_ready()
    place.behaviour.endings = ["NoReport"]
    place.change(target={"revision": "b2"})
    found = place.wait_ready(2)
    equal(found["status"].get("currentRevisions"), ["b2"], "currentRevisions with Ready=True")
    place.judge(m.ready(2), ["a1", "b2"], {1: "a1", 2: "b2"}, jobs=2)


@case(22, "the Job is deleted after its result was read: nothing happens")
def _(place):
    place.start("a1")
    place.wait_ready()
    place.settle()
    place.client.delete("jobs", place.namespace, place.job()["metadata"]["name"])
    place.until(lambda: not place.jobs(), "the Job is gone")
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1, lasting=3)
    require(place.live()["status"]["currentRevisions"] == ["a1"], "currentRevisions stay")


@case(22, "the pod's end is told late: nothing is claimed and nothing begun meanwhile")
def _(place):
    place.behaviour.results.clear()
    place.start("a1", "b2")
    place.until(lambda: place.database.versions() == ["b2"], "the database is at b2")
    time.sleep(5)
    require(not m.ready().holds(place.live()), "Ready=True before the result was there")
    place.behaviour.results.set()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
