# SPDX-License-Identifier: Apache-2.0
"""The Job is deleted while its engine works: no second engine beside a pod that may still be alive."""

import time

import migration as m
from place import equal, require
from registry import case


def run_to_gate(place) -> str:
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    return place.job()["metadata"]["name"]


def no_second_job(place, seconds: float) -> None:
    """As long as the old pod is alive."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        jobs = [job["metadata"]["name"] for job in place.jobs() if "deletionTimestamp" not in job["metadata"]]
        require(not jobs, f"Job {jobs} was made while the old pod is alive")
        equal(len(place.bench.simulator.engines(place.namespace)), 1, "engines")
        time.sleep(0.5)


@case(23, "orphaned: its pod goes on, and the operator waits for it", fast=True)
def _(place):
    job = run_to_gate(place)
    place.client.delete("jobs", place.namespace, job, "Orphan")
    place.until(lambda: not place.jobs() or place.job()["metadata"]["name"] != job, "the Job is gone")
    no_second_job(place, 8)
    place.database.open_gate()
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, strangers=True)


@case(23, "its node is lost: the pod terminates for ever, and the operator waits")
def _(place):
    job = run_to_gate(place)
    place.behaviour.node_is_lost = True
    place.client.delete("jobs", place.namespace, job)
    place.until(lambda: not place.jobs() or place.job()["metadata"]["name"] != job, "the Job is gone")
    no_second_job(place, 8)
    place.behaviour.node_is_lost = False  # the kubelet ends the pod, whose statement is rolled back
    place.until(lambda: not any(pod["metadata"]["labels"]["job-name"] == job for pod in place.pods()),
                "the old pod is gone")
    place.database.open_gate()
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=2, tries={"b2": 2})


@case(23, "in the background: the engine is stopped, rolls back, and the next attempt does it")
def _(place):
    job = run_to_gate(place)
    place.client.delete("jobs", place.namespace, job)
    place.until(lambda: not any(pod["metadata"]["labels"]["job-name"] == job for pod in place.pods()),
                "the old pod is gone")
    place.database.open_gate()
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=2, tries={"b2": 2})


@case(23, "the resource is deleted while an orphan migrates: it does not go before the orphan")
def _(place):
    job = run_to_gate(place)
    place.client.delete("jobs", place.namespace, job, "Orphan")
    place.delete()
    time.sleep(5)
    require(place.live() is not None, "the resource went while an engine of it works")
    place.database.open_gate()
    place.wait_gone()
    place.judge(None, ["a1", "b2"], jobs=1, strangers=True)
