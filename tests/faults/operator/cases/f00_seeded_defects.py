# SPDX-License-Identifier: Apache-2.0
"""Each oracle finds the defect that it is there for, on the real servers: somebody lies on purpose."""

import threading
import time

import migration as m
from place import NAME, Failure, require
from registry import case
from server import Session


def must_be_found(place, oracle: str, *arguments, **options) -> None:
    try:
        place.judge(*arguments, **options)
    except Failure as found:
        require(f"{oracle}:" in str(found), f"{oracle} is silent; found was: {found}")
    else:
        raise Failure(f"{oracle} has found nothing")


def at_rest(place) -> None:
    place.start("a1")
    place.wait_ready()
    place.settle()


def as_operator(place):
    return place.bench.plane.client(place.token.read_text())


@case(0, "I1: a second engine past the lock", fast=True)
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    with Session(place.database.real, place.database.name, name="stillhead") as liar:
        liar.ask("BEGIN", "SELECT 1", "COMMIT")
    place.database.open_gate()
    place.wait_ready()
    must_be_found(place, "I1", m.ready(), ["a1", "b2"], {1: "b2"})


@case(0, "I2: a revision that ran twice")
def _(place):
    at_rest(place)
    place.database.query("INSERT INTO applied VALUES ('a1')")
    must_be_found(place, "I2", m.ready(), ["a1"], {1: "a1"})


@case(0, "I3: a status that says what the database does not")
def _(place):
    at_rest(place)
    place.operator.kill()
    place.patch_status({"currentRevisions": ["zzz"]})
    must_be_found(place, "I3", m.ready(), ["a1"], {1: "a1"})


@case(0, "I4: a finalizer that stays")
def _(place):
    at_rest(place)
    place.operator.kill()
    place.client.patch("databasemigrations", place.namespace, NAME,
                       {"metadata": {"finalizers": ["stillhead.dev/running-job"]}})
    must_be_found(place, "I4", m.ready(), ["a1"], {1: "a1"})


@case(0, "I5: one Job too many")
def _(place):
    at_rest(place)
    place.operator.kill()
    extra = place.job()
    extra["metadata"] = {"name": "extra", "ownerReferences": extra["metadata"]["ownerReferences"]}
    extra["spec"].pop("selector")
    extra["spec"]["template"]["metadata"].pop("labels")
    extra["status"] = {}
    as_operator(place).create("jobs", place.namespace, extra)
    must_be_found(place, "I5", m.ready(), ["a1"], {1: "a1"}, jobs=1)


@case(0, "I6: Ready=True before the commit")
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    place.operator.kill()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    lie = {"type": "Ready", "status": "True", "reason": "UpToDate", "message": "", "observedGeneration": 1,
           "lastTransitionTime": now}
    place.patch_status({"conditions": [lie]})
    place.operator.start()
    place.database.open_gate()
    place.wait_ready()
    must_be_found(place, "I6", m.ready(), ["a1", "b2"], {1: "b2"})


@case(0, "I7: a write at rest")
def _(place):
    at_rest(place)
    place.operator.kill()

    over = threading.Event()

    def lie():
        number = 0
        while not over.wait(2.5):
            number += 1
            as_operator(place).patch("databasemigrations", place.namespace, NAME,
                                     {"metadata": {"annotations": {"lie": str(number)}}})
    liar = threading.Thread(target=lie)
    liar.start()
    try:
        must_be_found(place, "I7", m.ready(), ["a1"], {1: "a1"}, lasting=8)
    finally:
        over.set()
        liar.join()
