# SPDX-License-Identifier: Apache-2.0
"""A PgBouncer between engine and database. What the engine does there: tests/faults/servers."""

import migration as m
from place import require
from pooler import PgBouncer
from registry import case


def through(place, pooler: PgBouncer) -> str:
    place.at_end(pooler.stop)
    return f"postgresql://postgres@/{place.database.name}?host={pooler.host}&port={pooler.port}"


def direct(place) -> str:
    """As the same role, which owns what was made through the pooler."""
    return place.database.real.url(place.database.name)


def refused_for_the_pooler(migration) -> bool:
    """Stalled with a reason of its own, in words that name the cause."""
    stalled = m.condition(migration, "Stalled")
    return bool(stalled and stalled["reason"] != "MigrationFailed" and "pool" in stalled["message"].lower())


for the_mode in ("transaction", "statement"):
    @case(26, f"{the_mode} pooling: Stalled with a reason of its own; a direct URL heals",
          fast=the_mode == "transaction")
    def _(place, mode=the_mode):
        place.secret(url=through(place, PgBouncer(place.database.real, mode, 4)))
        place.migrate("a1")
        place.operator.start()
        place.wait(m.State("Stalled that names the pooler", refused_for_the_pooler))
        place.change_secret(url=direct(place))
        generation = place.change(target={"revision": "a1"})
        place.judge(m.ready(generation), ["a1"], {generation: "a1"})


@case(26, "session pooling: ready")
def _(place):
    place.secret(url=through(place, PgBouncer(place.database.real, "session", 8)))
    place.migrate("a1", "b2")
    place.operator.start()
    place.wait_ready()
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(26, "the pooler goes away in mid-run: rolled back, and done when it is there again")
def _(place):
    pooler = PgBouncer(place.database.real, "session", 8)
    place.database.make_gate()
    place.secret(url=through(place, pooler))
    place.migrate("a1", "b2", gate="b2")
    place.operator.start()
    place.wait_at_gate()
    pooler.process.kill()
    place.wait(m.reconciling("WaitingForDatabase"), 60)
    place.database.open_gate()
    place.change_secret(url=direct(place))
    place.wait_ready(seconds=90)
    require(place.database.versions() == ["b2"], "at b2")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, tries={"b2": 2})
