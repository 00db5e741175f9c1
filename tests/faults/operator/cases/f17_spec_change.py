# SPDX-License-Identifier: Apache-2.0
"""The spec is changed while a run of the generation before goes on. Policy Wait: that run is finished."""

import migration as m
from place import equal
from registry import case
from scripts import chain


def run_to_gate(place) -> None:
    place.database.make_gate()
    place.start("a1", "b2", "c3", gate="b2", target="b2")
    place.wait_at_gate()


@case(17, "the run is finished, then the new target is reached", fast=True)
def _(place):
    run_to_gate(place)
    equal(place.change(target={"revision": "c3"}), 2, "generation")
    place.wait(m.reconciling("Progressing", 2, ["generation 1"]))
    place.database.open_gate()
    place.judge(m.ready(2), ["a1", "b2", "c3"], {2: "c3"}, jobs=2)


@case(17, "three changes: only the last of them runs")
def _(place):
    run_to_gate(place)
    for target in ("a1", "heads", "c3"):
        generation = place.change(target={"revision": target})
    place.wait(m.reconciling("Progressing", generation))
    place.database.open_gate()
    place.judge(m.ready(generation), ["a1", "b2", "c3"], {generation: "c3"}, jobs=2)


@case(17, "changed while the operator is dead")
def _(place):
    run_to_gate(place)
    place.operator.kill()
    place.change(target={"revision": "c3"})
    place.operator.start()
    place.wait(m.reconciling("Progressing", 2, ["generation 1"]))
    place.database.open_gate()
    place.judge(m.ready(2), ["a1", "b2", "c3"], {2: "c3"}, jobs=2)


@case(17, "a pod that cannot start gives way to the corrected spec")
def _(place):
    place.behaviour.problem = ("ErrImagePull", "not found")
    place.start("a1")
    place.wait(m.reconciling("ImagePullFailed"))
    place.change(source={"inline": {"scripts": chain("a1", "b2")}})
    place.until(lambda: any(job["metadata"]["annotations"]["stillhead.dev/generation"] == "2"
                            for job in place.jobs()), "a Job of the new generation is there")
    place.behaviour.problem = None
    place.judge(m.ready(2), ["a1", "b2"], {2: "b2"}, jobs=2)


@case(17, "suspended in mid-run: the run goes on, and no other one begins")
def _(place):
    run_to_gate(place)
    place.change(suspend=True)
    place.change(target={"revision": "c3"})
    place.database.open_gate()
    place.until(lambda: place.job()["status"].get("succeeded"), "the Job is complete")
    place.settle()
    equal(place.database.versions(), ["b2"], "the database")
    generation = place.change(suspend=False)
    place.judge(m.ready(generation), ["a1", "b2", "c3"], {generation: "c3"}, jobs=2)
