# SPDX-License-Identifier: Apache-2.0
"""Somebody else's object has the name that our child is to have, or our labels."""

import hashlib

import migration as m
from place import equal, require
from registry import case


def child_name(resource: dict, what: str) -> str:
    """As operator/migration/job.cc builds it. `what`: an attempt, or "scripts"."""
    meta = resource["metadata"]
    identity = f"{meta['uid']}/{meta['generation']}/{what}"
    return f"{meta['name']}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"


def foreign_job(name: str, **metadata) -> dict:
    container = {"name": "stillhead", "image": "nothing", "args": ["sleep"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, **metadata},
            "spec": {"suspend": True, "template": {"metadata": {}, "spec": {
                "restartPolicy": "Never", "containers": [container]}}}}


def untouched(place, kind: str, before: dict) -> None:
    now = place.client.get(kind, place.namespace, before["metadata"]["name"])
    require(now is not None, f"the foreign {kind} is gone")
    for item in (before, now):
        item["metadata"].pop("managedFields", None)
    equal(now, before, f"the foreign {kind}")


@case(31, "a ConfigMap has the name of our scripts", fast=True)
def _(place):
    place.secret()
    resource = place.migrate("a1")
    theirs = place.client.create("configmaps", place.namespace, {
        "metadata": {"name": child_name(resource, "scripts")}, "data": {"theirs": "1"}})
    place.operator.start()
    place.wait(m.stalled("Conflict"))
    untouched(place, "configmaps", theirs)
    place.judge(m.stalled("Conflict"), [], jobs=0)


@case(31, "a Job has our name; it goes, and the migration runs")
def _(place):
    place.secret()
    name = child_name(place.migrate("a1"), "1")
    theirs = place.client.create("jobs", place.namespace, foreign_job(name))
    place.operator.start()
    place.wait(m.stalled("Conflict"))
    untouched(place, "jobs", theirs)
    place.client.delete("jobs", place.namespace, name)
    place.wait_ready(seconds=80)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)


def forged_job(place, resource: dict) -> dict:
    """Complete, and with everything that a Job of ours has but the owner."""
    meta = resource["metadata"]
    marks = {"labels": {"app.kubernetes.io/managed-by": "stillhead-operator",
                        "stillhead.dev/migration-uid": meta["uid"]},
             "annotations": {"stillhead.dev/attempt": "7", "stillhead.dev/generation": "1",
                             "stillhead.dev/migration-name": meta["name"]}}
    return place.client.create("jobs", place.namespace, foreign_job("forged", **marks))


@case(31, "a foreign Job with our labels that is complete makes nothing ready")
def _(place):
    place.secret()
    forged_job(place, place.migrate("a1"))
    time = "2026-01-01T00:00:00Z"
    done = [{"type": kind, "status": "True", "reason": "X", "message": "", "lastTransitionTime": time,
             "lastProbeTime": time} for kind in ("SuccessCriteriaMet", "Complete")]
    place.client.patch("jobs", place.namespace, "forged", {"spec": {"suspend": False}})
    place.client.patch("jobs", place.namespace, "forged", {"status": {
        "startTime": time, "completionTime": time, "succeeded": 1, "conditions": done}}, "status")
    theirs = place.client.get("jobs", place.namespace, "forged")
    place.operator.start()
    place.wait_ready()
    untouched(place, "jobs", theirs)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1, strangers=True)


@case(31, "a foreign Job with our labels that is active blocks nothing")
def _(place):
    place.secret()
    forged_job(place, place.migrate("a1"))
    place.operator.start()
    place.wait_ready()
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1, strangers=True)
