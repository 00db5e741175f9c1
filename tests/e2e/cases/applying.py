# SPDX-License-Identifier: Apache-2.0
"""The resource is applied, and the database follows."""

import time

import migration as m
from harness import case, expect, expect_in
from scripts import chain, digest


@case("an inline source is migrated to its heads, and kubectl wait sees it")
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2")))
    t.kubectl("wait", "--for=condition=Ready", f"{m.PLURAL}/orders", "--timeout=90s", timeout=100)
    status = orders.wait_ready()["status"]

    expect(m.condition({"status": status}, "Ready")["reason"], "UpToDate", "reason")
    expect(status["currentRevisions"], ["b2"], "currentRevisions")
    expect(status["targetRevisions"], ["b2"], "targetRevisions")
    expect(status["pendingCount"], 0, "pendingCount")
    run = status["lastRun"]
    expect(run["result"], "Succeeded", "lastRun.result")
    expect(run["attempt"], 1, "lastRun.attempt")
    expect((run.get("from", []), run["to"]), ([], ["b2"]), "lastRun.from and to")
    expect(list(orders.jobs()), [run["jobName"]], "Jobs")
    expect("failure" in run, False, "lastRun.failure is there")

    expect(database.versions(), ["b2"], "version table")
    expect(database.applied(), ["a1", "b2"], "revisions that ran")
    expect(database.statements_logged("CREATE TABLE t_b2"), 1, "CREATE TABLE t_b2 in the server's log")


@case("kubectl get prints state, reason, revisions and age")
def _(t):
    t.database()
    t.migrate(m.inline(chain("a1", "b2"))).wait_ready()
    header, row = (line.split() for line in t.kubectl("get", "dbmig").splitlines())
    for column in ("NAME", "READY", "REASON", "CURRENT", "TARGET", "AGE"):
        expect_in(column, header, "columns")
    shown = dict(zip(header, row))
    expect([shown[c] for c in ("NAME", "READY", "REASON")], ["orders", "True", "UpToDate"], "row")
    expect_in("b2", shown["CURRENT"], "CURRENT")


@case("a ConfigMap with its sha256 is migrated to its heads")
def _(t):
    database = t.database()
    files = chain("a1", "b2", "c3")
    t.config_map("scripts", files)
    status = t.migrate(m.config_map("scripts", digest(files))).wait_ready()["status"]
    expect(status["currentRevisions"], ["c3"], "currentRevisions")
    expect(database.versions(), ["c3"], "version table")
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")


@case("a changed spec goes on from where the database is, with one Job for each generation")
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2")), target="a1")
    expect(orders.wait_ready()["status"]["currentRevisions"], ["a1"], "currentRevisions at first")
    expect(database.versions(), ["a1"], "version table at first")

    expect(orders.change(target={"revision": "heads"}), 2, "generation")
    status = orders.wait_ready(2)["status"]
    expect((status["lastRun"]["from"], status["lastRun"]["to"]), (["a1"], ["b2"]), "lastRun.from and to")
    orders.change(source=m.inline(chain("a1", "b2", "c3")))
    expect(orders.wait_ready(3)["status"]["currentRevisions"], ["c3"], "currentRevisions")

    expect(database.versions(), ["c3"], "version table")
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(len(orders.jobs()), 3, "Jobs")


@case("a database that Alembic has brought half-way is taken on from there")
def _(t):
    database = t.database()
    database.server.psql(
        f"SET ROLE {database.name};\n"
        "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL,\n"
        "  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));\n"
        "INSERT INTO alembic_version VALUES ('a1');\n"
        "CREATE TABLE applied (revision text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());",
        database.name)
    status = t.migrate(m.inline(chain("a1", "b2"))).wait_ready()["status"]
    expect(status["lastRun"]["from"], ["a1"], "lastRun.from")
    expect(database.applied(), ["b2"], "revisions that ran")
    expect(database.versions(), ["b2"], "version table")


@case("a resource that is suspended starts nothing until it is resumed")
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1")), suspend=True)
    suspended = m.State("Ready=False Suspended, neither Reconciling nor Stalled", lambda migration: (
        migration is not None and (m.condition(migration, "Ready") or {}).get("reason") == "Suspended"
        and m.condition(migration, "Ready")["status"] == "False"
        and not m.condition(migration, "Reconciling") and not m.condition(migration, "Stalled")))
    t.stays(suspended, orders, 4)
    expect(orders.jobs(), {}, "Jobs while suspended")
    expect(database.tables(), [], "tables while suspended")

    orders.change(suspend=False)
    orders.wait_ready(2)
    expect(database.versions(), ["a1"], "version table")

    orders.change(suspend=True)
    orders.wait(m.State("Suspended again", lambda migration: (
        migration["status"]["observedGeneration"] == 3
        and m.condition(migration, "Ready")["reason"] == "Suspended")), 20)
    expect(len(orders.jobs()), 1, "Jobs")


@case("labels and annotations start no run")
def _(t):
    t.database()
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait_ready()
    for n in range(3):
        t.kubectl("annotate", m.PLURAL, "orders", f"example.com/note={n}", "--overwrite")
    t.stays(m.ready(), orders, 3)
    expect(len(orders.jobs()), 1, "Jobs")


@case("two resources on one database take turns, and each revision runs once")
def _(t):
    database = t.database()
    handles = [t.migrate(m.inline(chain("a1", "b2", "c3", seconds=1)), name) for name in ("first", "second")]
    for handle in handles:
        handle.wait_ready(seconds=100)
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(database.statements_logged("CREATE TABLE t_c3"), 1, "CREATE TABLE t_c3 in the server's log")


@case("a quiet resource is not written to")
def _(t):
    t.database()
    orders = t.migrate(m.inline(chain("a1")))
    version = orders.wait_ready()["metadata"]["resourceVersion"]
    time.sleep(1)  # the finalizer and Jobs that are not kept any more may go after the status
    settled = t.record.migrations.latest(t.namespace, "orders")["metadata"]["resourceVersion"]
    time.sleep(15)
    expect(t.record.migrations.latest(t.namespace, "orders")["metadata"]["resourceVersion"], settled,
           f"resourceVersion (it was {version} when it became ready)")
