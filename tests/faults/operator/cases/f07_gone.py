# SPDX-License-Identifier: Apache-2.0
"""The history that a watch or a list is to go on from has been forgotten."""

import migration as m
import verbs
import watch_stream
from place import equal, require
from registry import case


def lists(place) -> list[str]:
    return [str(request) for request in place.proxy.requests
            if request.method == "GET" and not request.is_watch and not request.name
            and "migration-uid" not in request.path]  # a look at the children of one resource


def run_to_gate(place) -> None:
    place.operator.extra["--sync-period"] = "600"  # no list but for the fault
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()


@case(7, "410 as the answer to a watch: one list more of each kind", fast=True)
def _(place):
    run_to_gate(place)
    rule = place.proxy.add(verbs.refuse(410, "Expired"), watch=True, times=3)
    before = len(lists(place))
    place.proxy.cut_watches()
    place.until(lambda: rule.done == 3, "three watches are refused")
    place.database.open_gate()
    place.wait_ready()
    after = lists(place)[before:]
    require(all(after.count(f"GET {kind}") <= 2 for kind in ("jobs", "pods", "databasemigrations")),
            f"more lists than needed: {after}")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(7, "410 as an ERROR event of each watch, in the place of the news that the Job has ended")
def _(place):
    run_to_gate(place)
    for kind in ("jobs", "pods", "databasemigrations"):
        place.proxy.add_event_rule(watch_stream.replace_by(watch_stream.error_event(410, "Expired")),
                                   kind=kind, times=1)
    place.database.open_gate()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


def with_small_pages(exchange) -> None:
    exchange.request.path = exchange.request.path.replace("limit=500", "limit=2")
    verbs.pass_on(exchange)


@case(7, "410 on the second page of a list")
def _(place):
    place.secret()
    for number in range(5):
        place.migrate("a1", name=f"other-{number}", suspend=True)
    place.migrate("a1", "b2")
    gone = place.proxy.add(verbs.refuse(410, "Expired"), times=1,
                           matches=lambda request: "continue=" in request.path)
    place.proxy.add(with_small_pages, method="GET", kind="databasemigrations", watch=False)
    place.operator.start()
    place.wait_ready()
    for number in range(5):
        place.wait(m.State("seen", lambda migration: migration["status"]["observedGeneration"] == 1),
                   name=f"other-{number}")
    equal(gone.done, 1, "lists that were cut short")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(7, "a Job is deleted and history compacted while no watch is open: the delete is noticed")
def _(place):
    run_to_gate(place)
    place.proxy.add(verbs.refuse(503), watch=True)
    place.proxy.cut_watches()
    place.client.delete("jobs", place.namespace, place.job()["metadata"]["name"])
    place.until(lambda: not place.jobs(), "the Job is gone")
    place.bench.plane.compact()
    place.proxy.clear()
    place.proxy.add(verbs.refuse(410, "Expired"), watch=True, times=3)
    place.database.open_gate()
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=2, tries={"b2": 2})
