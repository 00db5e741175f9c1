# SPDX-License-Identifier: Apache-2.0
"""Our kind is not there yet, or is taken away: the operator waits, and goes on when it comes (again)."""

import migration as m
from api import ApiFailure
from control_plane import REPOSITORY
from place import require
from registry import case

CRD = "databasemigrations.stillhead.dev"


def remove_kind(place) -> None:
    place.client.delete("customresourcedefinitions", "", CRD)

    def is_gone():
        try:
            place.client.items("databasemigrations")
        except ApiFailure as failure:
            return failure.status == 404
        return False
    place.until(is_gone, "the kind is gone", 60)


def bring_kind(place) -> None:
    place.bench.plane.kubectl("apply", "--server-side", "-f", REPOSITORY / "crds/databasemigrations.yaml")
    place.bench.plane.wait_until_served()


@case(28, "missing at start: a clear line in the log, and ready as soon as it is there", alone=True)
def _(place):
    remove_kind(place)
    try:
        place.operator.start()
        place.operator.wait_line("databasemigrations")
        place.operator.require_alive()
    finally:
        bring_kind(place)
    place.secret()
    place.migrate("a1")
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=1)


@case(28, "taken away at rest and brought again: new resources become ready", alone=True, fast=True)
def _(place):
    place.start("a1")
    place.wait_ready()
    place.settle()
    remove_kind(place)
    bring_kind(place)
    place.operator.require_alive()
    place.migrate("a1", "b2")
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=2)


@case(28, "taken away in mid-run: the run is finished first", alone=True)
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.client.delete("customresourcedefinitions", "", CRD)
    try:
        place.wait(m.reconciling("Terminating", 2))
        require(place.bench.simulator.engines(place.namespace), "the engine was stopped")
        place.database.open_gate()
        place.wait_gone()
    finally:
        remove_kind(place)
        bring_kind(place)
    place.judge(None, ["a1", "b2"], jobs=1)
