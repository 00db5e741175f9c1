# SPDX-License-Identifier: Apache-2.0
"""Going back: refused unless the policy allows it."""

import migration as m
from harness import case, expect
from scripts import chain, script


@case("going back is refused, changes nothing, and is done once the policy allows it")
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3")))
    orders.wait_ready()
    tables = database.tables()

    orders.change(target={"revision": "a1"})
    refused = orders.wait(m.stalled("DowngradeForbidden", 2))
    expect(refused["status"]["currentRevisions"], ["c3"], "currentRevisions when refused")
    expect(database.versions(), ["c3"], "version table when refused")
    expect(database.tables(), tables, "tables when refused")

    orders.change(policy={"downgrade": "Allow"})
    status = orders.wait_ready(3)["status"]
    expect(status["currentRevisions"], ["a1"], "currentRevisions")
    expect((status["lastRun"]["from"], status["lastRun"]["to"]), (["c3"], ["a1"]), "lastRun.from and to")
    expect(database.versions(), ["a1"], "version table")
    expect(database.tables(), ["alembic_version", "applied", "t_a1"], "tables")
    expect(database.applied(), ["a1"], "revisions that are applied")


@case("`base` empties the database and forward again fills it")
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2")), policy={"downgrade": "Allow"})
    orders.wait_ready()
    orders.change(target={"revision": "base"})
    status = orders.wait_ready(2)["status"]
    expect(status.get("currentRevisions", []), [], "currentRevisions")
    expect(database.versions(), [], "version table")
    expect(database.tables(), ["alembic_version"], "tables")
    orders.change(target={"revision": "heads"})
    orders.wait_ready(3)
    expect(database.applied(), ["a1", "b2"], "revisions that ran")


@case("a script without a way back stops the downgrade before it begins")
def _(t):
    database = t.database()
    files = chain("a1")
    files["b2.sql"] = script("b2", "a1", "CREATE TABLE kept (id int);")
    files["c3.sql"] = script("c3", "b2", "CREATE TABLE also_kept (id int);", "DROP TABLE also_kept;")
    orders = t.migrate(m.inline(files), policy={"downgrade": "Allow"})
    orders.wait_ready()
    orders.change(target={"revision": "a1"})
    stalled = orders.wait(m.stalled("DowngradeForbidden", 2, words=["b2"]))
    expect(stalled["status"]["lastRun"]["failure"]["reason"], "IrreversibleRevision", "failure.reason")
    expect(database.versions(), ["c3"], "version table")
    expect("also_kept" in database.tables(), True, "also_kept is there")
