# SPDX-License-Identifier: Apache-2.0
"""What the resource says is so at the moment at which it says so."""

import migration as m
from harness import case, expect
from scripts import chain

SOME_SECONDS = 1.5


@case("Ready=True for a generation only after the database has reached its target", limit=180)
def _(t):
    database = t.database()
    files = chain("a1", "b2", "c3", "d4", seconds=SOME_SECONDS)
    orders = t.migrate(m.inline(files), target="a1")
    targets = {1: "a1"}
    orders.wait_ready()
    # Each change but the last is overtaken by the next while its own run goes on.
    for target in ("b2", "c3", "d4"):
        targets[orders.change(target={"revision": target})] = target
        orders.wait(m.State("being worked on", lambda migration: m.condition(migration, "Reconciling")), 20)
    orders.wait_ready(4)

    committed = {revision: float(at) for revision, at in database.query(
        "SELECT revision, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM applied")}
    expect(sorted(committed), ["a1", "b2", "c3", "d4"], "revisions that ran")
    claims = 0
    for event in orders.history():
        found = m.condition(event.object, "Ready")
        if not found or found["status"] != "True":
            continue
        claims += 1
        target = targets[found["observedGeneration"]]
        # The event was read after it was written: a claim before the commit shows beyond doubt.
        if event.at < committed[target]:
            raise AssertionError(f"Ready=True for {target} was read {committed[target] - event.at:.3f} s before "
                                 f"{target} was committed: {m.summary(event.object)}")
        expect(event.object["status"]["currentRevisions"][0] >= target, True, "currentRevisions reach the target")
    if claims < 2:
        raise AssertionError(f"Ready=True was seen {claims} times, expected at least twice")


@case("a new resource is not ready before the operator has seen it")
def _(t):
    t.database()
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait_ready()
    first = orders.history()[0].object
    expect(first["status"]["observedGeneration"], -1, "observedGeneration of the new object")
    expect(first["status"].get("conditions", []), [], "conditions of the new object")
    states = [m.condition(event.object, "Reconciling") is not None for event in orders.history()]
    expect(any(states), True, "Reconciling was seen while the run went on")


@case("a status that somebody wipes or forges is put right")
def _(t):
    t.database()
    orders = t.migrate(m.inline(chain("a1", "b2")))
    orders.wait_ready()
    for change in ('{"status": null}', '{"status": {"currentRevisions": ["zzz"], "pendingCount": 7}}'):
        t.kubectl("patch", m.PLURAL, "orders", "--subresource=status", "--type=merge", "-p", change)
        orders.wait(m.State("Ready=True at b2 again", lambda migration: (
            m.ready().holds(migration) and migration["status"].get("currentRevisions") == ["b2"])), 40)
