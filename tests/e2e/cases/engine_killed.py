# SPDX-License-Identifier: Apache-2.0
"""The engine's pod dies in the middle of a run: the next attempt completes it."""

import migration as m
from harness import case, expect, wait_until
from scripts import chain


@case("the engine's pod is removed by force in the middle of a run", limit=180)
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", seconds=3)))
    wait_until(t, lambda: database.versions() == ["a1"], "revision a1 is committed")
    t.kubectl("delete", "pod", "-l", "app.kubernetes.io/managed-by=stillhead-operator", "--grace-period=0", "--force")
    orders.wait_ready(seconds=120)
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(database.versions(), ["c3"], "version table")


@case("the engine's Job is deleted in the middle of a run", limit=180)
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", seconds=3)))
    wait_until(t, lambda: database.versions() == ["a1"], "revision a1 is committed")
    t.kubectl("delete", "job", "--all", "--wait=false")
    orders.wait_ready(seconds=120)
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(database.versions(), ["c3"], "version table")
