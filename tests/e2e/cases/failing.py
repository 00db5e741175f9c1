# SPDX-License-Identifier: Apache-2.0
"""Something in the scripts or in the spec is wrong: it is said where, and nothing else happens."""

import migration as m
from harness import case, expect, expect_in, expect_not_in, text_of
from scripts import chain, digest, script


def five_statements(third):
    return script("b2", "a1", "CREATE TABLE one (id int);\nCREATE TABLE two (id int);\n"
                  f"{third};\nCREATE TABLE four (id int);\nINSERT INTO applied (revision) VALUES ('b2');",
                  "DROP TABLE four;\nDROP TABLE two;\nDROP TABLE one;")


def fails_in_statement_3(t, third, sqlstate, message):
    """Applies a1 and a b2 that fails; returns the handle and its database."""
    database = t.database()
    files = {**chain("a1"), "b2_orders.sql": five_statements(third)}
    orders = t.migrate(m.inline(files))
    stalled = orders.wait(m.stalled("MigrationFailed", words=["b2"]))

    expect(stalled["status"]["lastRun"]["result"], "Failed", "lastRun.result")
    failure = stalled["status"]["lastRun"]["failure"]
    expect(failure["reason"], "MigrationFailed", "failure.reason")
    expect(failure["revision"], "b2", "failure.revision")
    expect(failure["statement"], 3, "failure.statement")
    expect(failure["sqlState"], sqlstate, "failure.sqlState")
    expect_in(message, failure["message"], "failure.message")
    expect(failure["file"], "b2_orders.sql", "failure.file")
    expect(failure["line"], files["b2_orders.sql"].split("\n").index(third + ";") + 1, "failure.line")
    expect(stalled["status"]["currentRevisions"], ["a1"], "currentRevisions")
    expect_in(sqlstate, m.condition(stalled, "Ready")["message"], "message of Ready")

    expect(database.versions(), ["a1"], "version table")
    expect(database.applied(), ["a1"], "revisions that ran")
    expect(database.tables(), ["alembic_version", "applied", "t_a1"], "tables")
    return orders, database


@case("a failure in statement 3 of 5 is told in full, leaves nothing, and a corrected spec heals it")
def _(t):
    orders, database = fails_in_statement_3(t, "ALTER TABLE missing ADD COLUMN x int", "42P01",
                                            'relation "missing" does not exist')
    t.stays(m.stalled("MigrationFailed"), orders, 5)
    expect(len(orders.jobs()), 1, "Jobs: nothing is tried again")

    orders.change(source=m.inline({"b2_orders.sql": five_statements("CREATE TABLE three (id int)")}))
    status = orders.wait_ready(2)["status"]
    expect(status["currentRevisions"], ["b2"], "currentRevisions")
    expect(status["lastRun"]["result"], "Succeeded", "lastRun.result")
    expect(status["lastRun"].get("failure"), None, "lastRun.failure")
    expect(database.versions(), ["b2"], "version table")
    expect(database.applied(), ["a1", "b2"], "revisions that ran")


@case("a syntax error is told with its place")
def _(t):
    fails_in_statement_3(t, "CREATE TABEL three (id int)", "42601", 'syntax error at or near "TABEL"')


@case("the row that broke a constraint stays out of status and events")
def _(t):
    orders, _ = fails_in_statement_3(
        t, "INSERT INTO applied (revision) VALUES ('ada@example.com'), (NULL)", "23502", "null value")
    resource = t.record.migrations.latest(t.namespace, orders.name)
    seen = text_of(resource["status"]) + t.kubectl("get", "events", "-o", "yaml")
    expect_not_in("ada@example.com", seen, "status and events")
    expect_not_in("Failing row", seen, "status and events")


@case("a script that was changed in its meaning after it ran stalls, with the way out; put back, it heals")
def _(t):
    database = t.database()
    files = chain("a1", "b2")
    orders = t.migrate(m.inline(files))
    orders.wait_ready()
    changed = files["b2.sql"].replace("id bigint", "id integer")
    orders.change(source=m.inline({**chain("a1", "b2", "c3"), "b2.sql": changed}))
    orders.wait(m.stalled("ChecksumMismatch", 2, words=["b2.sql", "stillhead repair b2"]))
    expect(database.versions(), ["b2"], "version table")
    orders.change(source=m.inline(chain("a1", "b2", "c3")))
    orders.wait_ready(3)
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")


FAULTY_SOURCES = {
    "twice": ({"one.sql": script("a1"), "two.sql": script("a1")}, ["one.sql", "two.sql", "a1"]),
    "cycle": ({"one.sql": script("a1", "b2"), "two.sql": script("b2", "a1")}, ["one.sql", "Cycle", "a1, b2"]),
    "headless": ({"one.sql": "CREATE TABLE one (id int);\n"}, ["one.sql"]),
    "orphan": ({"one.sql": script("b2", "a1")}, ["one.sql", "a1"]),
}


@case("faulty scripts stall with the names of the files, and nothing reaches the database")
def _(t):
    databases = {name: t.database(secret=name) for name in FAULTY_SOURCES}
    handles = {name: t.migrate(m.inline(files), name, secret=name) for name, (files, _) in FAULTY_SOURCES.items()}
    for name, (_, words) in FAULTY_SOURCES.items():
        stalled = handles[name].wait(m.stalled("InvalidSource", words=words), 90)
        expect(stalled["status"]["lastRun"]["failure"]["reason"], "InvalidScripts", f"failure.reason of {name}")
        expect(databases[name].tables(), [], f"tables of {name}")
        expect(len(handles[name].jobs()), 1, f"Jobs of {name}")


@case("a target that no script has stalls, and heals when it is corrected")
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2")), target="b3")
    orders.wait(m.stalled("UnknownRevision", words=["b3"]))
    expect(database.tables(), [], "tables")
    orders.change(target={"revision": "b2"})
    orders.wait_ready(2)
    expect(database.versions(), ["b2"], "version table")


@case("a revision in the database that no script has stalls, and is not touched")
def _(t):
    database = t.database()
    t.migrate(m.inline(chain("a1", "b2")), "before").wait_ready()
    after = t.migrate(m.inline({"z9.sql": script("z9", None, "CREATE TABLE z9 (id int);")}), "after")
    after.wait(m.stalled("UnknownRevision", words=["b2"]))
    expect(database.versions(), ["b2"], "version table")
    expect("z9" in database.tables(), False, "z9 was created")


@case("two heads are both reached by `heads`")
def _(t):
    database = t.database()
    files = {**chain("a1"), "b2.sql": script("b2", "a1", "SELECT 1;"), "c3.sql": script("c3", "a1", "SELECT 1;")}
    status = t.migrate(m.inline(files)).wait_ready()["status"]
    expect(status["currentRevisions"], ["b2", "c3"], "currentRevisions")
    expect(database.versions(), ["b2", "c3"], "version table")


@case("a ConfigMap that is missing is waited for")
def _(t):
    database = t.database()
    files = chain("a1")
    orders = t.migrate(m.config_map("scripts", digest(files)))
    orders.wait(m.reconciling("SourceNotFound", words=["scripts"]), 20)
    expect(database.tables(), [], "tables")
    t.config_map("scripts", files)
    orders.wait_ready(seconds=100)
    expect(database.versions(), ["a1"], "version table")


@case("a ConfigMap with another content than its sha256 says is refused")
def _(t):
    database = t.database()
    files = chain("a1")
    t.config_map("scripts", {**files, "b2.sql": script("b2", "a1")})
    orders = t.migrate(m.config_map("scripts", digest(files)))
    orders.wait(m.stalled("InvalidSource", words=[digest(files)]))
    expect(database.tables(), [], "tables")

    t.config_map("right", files)
    orders.change(source=m.config_map("right", digest(files)))
    orders.wait_ready(2)
    expect(database.versions(), ["a1"], "version table")
