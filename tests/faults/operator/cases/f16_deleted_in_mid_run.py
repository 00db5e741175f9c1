# SPDX-License-Identifier: Apache-2.0
"""The resource is deleted while its migration runs. Policy Wait: the run is finished first."""

import time

import migration as m
from place import NAME, equal, require
from registry import case


def run_to_gate(place) -> None:
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))


@case(16, "the run is finished, then the resource goes", fast=True)
def _(place):
    run_to_gate(place)
    place.delete()
    place.wait(m.reconciling("Terminating", 2))
    time.sleep(2)
    require(place.live() is not None, "the resource went while its run went on")
    equal(len(place.bench.simulator.engines(place.namespace)), 1, "engines")
    place.database.open_gate()
    place.wait_gone()
    place.judge(None, ["a1", "b2"], jobs=1)


@case(16, "deleted while the operator is dead")
def _(place):
    run_to_gate(place)
    place.operator.kill()
    place.delete()
    place.database.open_gate()
    place.until(lambda: place.job()["status"].get("succeeded"), "the Job is complete")
    require(place.live() is not None, "the finalizer must hold the resource")
    place.operator.start()
    place.wait_gone()
    place.judge(None, ["a1", "b2"], jobs=1)


@case(16, "a run that cannot start keeps nobody waiting")
def _(place):
    place.migrate("a1")
    place.operator.start()
    place.wait(m.reconciling("SecretNotFound"))
    place.delete()
    place.wait_gone()
    place.judge(None, [], jobs=1)


@case(16, "in the foreground: the run is stopped and its transaction rolled back")
def _(place):
    run_to_gate(place)
    place.delete(propagation="Foreground")
    place.wait_gone()
    place.judge(None, ["a1"], jobs=1)


@case(16, "made again under the same name while the old run drains")
def _(place):
    run_to_gate(place)
    place.behaviour.node_is_lost = True  # the old engine goes on, whatever is deleted
    place.delete()
    place.client.patch("databasemigrations", place.namespace, NAME, {"metadata": {"finalizers": None}})
    place.wait_gone()
    place.migrate("a1", "b2", gate="b2")
    time.sleep(3)
    place.database.open_gate()
    place.until(lambda: place.database.versions() == ["b2"], "the old run is done")
    place.behaviour.node_is_lost = False
    place.wait_ready()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"})
