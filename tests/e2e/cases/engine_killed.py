# SPDX-License-Identifier: Apache-2.0
"""A run is cut short: the next attempt completes it, or the resource says why there is none."""

import migration as m
from harness import case, expect, wait_at_gate
from scripts import chain


@case("the engine's pod is removed by force in the middle of a run", limit=180)
def _(t):
    database = t.database()
    database.make_gate()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", gate="b2")))
    wait_at_gate(t, database)
    t.kubectl("delete", "pod", "-l", "app.kubernetes.io/managed-by=stillhead-operator", "--grace-period=0", "--force")
    database.open_gate()
    orders.wait_ready(seconds=120)
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(database.versions(), ["c3"], "version table")


@case("the engine's Job is deleted in the middle of a run", limit=180)
def _(t):
    database = t.database()
    database.make_gate()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", gate="b2")))
    wait_at_gate(t, database)
    t.kubectl("delete", "job", "--all", "--wait=false")
    database.open_gate()
    orders.wait_ready(seconds=120)
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(database.versions(), ["c3"], "version table")


@case("the engine's pod is asked to stop in the middle of a run", limit=180)
def _(t):
    database = t.database()
    database.make_gate()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", gate="b2")))
    wait_at_gate(t, database)
    t.kubectl("delete", "pod", "-l", "app.kubernetes.io/managed-by=stillhead-operator", "--wait=false")
    database.open_gate()
    orders.wait_ready(seconds=120)
    for event in orders.history():
        expect(m.condition(event.object, "Stalled"), None, "Stalled")
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")


@case("a run that takes longer than its deadline is stopped, rolled back, and not tried again")
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", seconds=100)), execution={"activeDeadline": "8s"})
    orders.wait(m.stalled("DeadlineExceeded", words=["activeDeadline"]), 90)
    expect(database.tables(), ["alembic_version"] if database.versions() is not None else [], "tables")
    running = database.server.psql(f"SELECT query FROM pg_stat_activity WHERE datname = '{database.name}'")
    expect(running, [], "what still runs in the database")
    # Its pod went with it; another Job may have asked the database what became of it.
    migrating = [job for job in orders.jobs().values() if "stillhead.dev/probe" not in job["metadata"]["annotations"]]
    expect(len(migrating), 1, "Jobs that migrate")


@case("a quota that admits no pod is told, and the resource can be deleted")
def _(t):
    t.database()
    t.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"},
             "spec": {"hard": {"pods": "0"}}})
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait(m.reconciling("Progressing", words=["has no pod"]), 60)
    orders.delete()
    orders.wait_gone(30)
