# SPDX-License-Identifier: Apache-2.0
"""Two operators at once, without election: 409s, and nothing worse."""

import time

import migration as m
from operator_process import known_flags
from registry import case
from scripts import chain


def without_election(place) -> None:
    extra = {"leader_elect": "false"} if "--leader-elect" in known_flags() else {}
    for operator in (place.operator, place.add_operator()):
        operator.extra |= {f"--{name.replace('_', '-')}": value for name, value in extra.items()}


def start_both(place) -> None:
    for operator in place.operators:
        operator.start()


@case(13, "8 resources are created under two operators", fast=True)
def _(place):
    without_election(place)
    databases = {}
    for number in range(8):
        name = f"orders-{number}"
        databases[name] = place.bench.server.create()
        place.at_end(databases[name].drop)
        place.secret(name, url=databases[name].url())
    start_both(place)
    for name in databases:
        place.create(m.resource(name, m.inline(chain("a1", "b2")), secret=name))
    for name, database in databases.items():
        place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=len(databases), name=name, database=database)


@case(13, "the spec is changed in mid-run under two operators")
def _(place):
    without_election(place)
    place.database.make_gate()
    place.secret()
    place.migrate("a1", "b2", "c3", gate="b2", target="b2")
    start_both(place)
    place.wait_at_gate()
    place.change(target={"revision": "c3"})
    place.database.open_gate()
    place.judge(m.ready(2), ["a1", "b2", "c3"], {2: "c3"}, jobs=2)


@case(13, "the resource is deleted in mid-run under two operators, one of which is killed")
def _(place):
    without_election(place)
    place.database.make_gate()
    place.secret()
    place.migrate("a1", "b2", gate="b2")
    start_both(place)
    place.wait_at_gate()
    place.delete()
    time.sleep(1)
    place.operators[1].kill()
    place.database.open_gate()
    place.wait_gone()
    place.judge(None, ["a1", "b2"], jobs=1)
