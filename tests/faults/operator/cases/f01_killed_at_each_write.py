# SPDX-License-Identifier: Apache-2.0
"""kill -9 at each API write of each scenario, before the write is forwarded and after it is committed.

How many writes a scenario has is told by a run without a kill, whose creates and deletes are the reference.
"""

import migration as m
import verbs
from audit import count_made_and_removed
from place import equal
from registry import Case, case_maker

BROKEN = {"a1.sql": "-- revision: a1\n-- stillhead:upgrade\nSELECT 1/0;\n"}


def create(place, arm):
    arm()
    place.start("a1", "b2")
    return m.ready(), ["a1", "b2"], {1: "b2"}


def upgrade(place, arm):
    place.start("a1", "b2", target="a1")
    place.wait_ready()
    place.settle()
    arm()
    place.change(target={"revision": "b2"})
    return m.ready(2), ["a1", "b2"], {1: "a1", 2: "b2"}


def downgrade(place, arm):
    place.start("a1", "b2", policy={"downgrade": "Allow"})
    place.wait_ready()
    place.settle()
    arm()
    place.change(target={"revision": "a1"})
    return m.ready(2), ["a1"], {1: "b2", 2: "a1"}


def fail(place, arm):
    arm()
    place.start(files=BROKEN)
    return m.stalled("MigrationFailed"), [], {}


def delete(place, arm):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    arm()
    place.delete()
    place.wait(m.State("Terminating", lambda migration: (
        m.condition(migration, "Ready") or {}).get("reason") == "Terminating"))
    place.database.open_gate()
    place.wait_gone()
    return None, ["a1", "b2"], {}


def spec_change(place, arm):
    place.database.make_gate()
    place.start("a1", "b2", "c3", gate="b2", target="b2")
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    arm()
    place.change(target={"revision": "c3"})
    place.wait(m.State("generation 2", lambda migration: migration["status"]["observedGeneration"] == 2))
    place.database.open_gate()
    return m.ready(2), ["a1", "b2", "c3"], {2: "c3"}


SCENARIOS = (create, upgrade, downgrade, fail, delete, spec_change)
WAYS = {"before it is forwarded": verbs.kill_before_forward, "after it is committed": verbs.kill_after_commit}


def reference(bench, scenario):
    """(writes to be killed at, creates and deletes of the whole) of a run without a kill."""
    place = bench.place("f01-reference")
    rules = []
    try:
        found = scenario(place, lambda: rules.append(place.proxy.add(verbs.pass_on, write=True)))
        place.judge(*found)
        return rules[0].seen, count_made_and_removed(place.calls())
    finally:
        place.clean_up()


def body_of(scenario, number, kill, wanted):
    def body(place):
        rules = []
        place.keep_operator()

        def arm():
            rules.append(place.proxy.add(kill(place.operator, lambda _: place.revive()), write=True,
                                         skip=number - 1, times=1,
                                         matches=lambda request: request.kind != "leases"))
        found = scenario(place, arm)
        place.judge(*found, reference=wanted)
        if rules[0].done:
            equal(place.operator.starts, 2, "lives of the operator")
        return None if rules[0].done else "there was no such write this time"
    return body


@case_maker(1)
def _(bench, fast):
    for scenario in SCENARIOS[:1] if fast else SCENARIOS:
        writes, wanted = reference(bench, scenario)
        for number in range(1, writes + 1):
            for way, kill in WAYS.items():
                sentence = f"{scenario.__name__}: killed at write {number} of {writes}, {way}"
                yield Case(1, sentence, body_of(scenario, number, kill, wanted), False, True)
