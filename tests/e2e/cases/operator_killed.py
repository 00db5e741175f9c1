# SPDX-License-Identifier: Apache-2.0
"""The operator dies at bad moments, or there are two of it; every run goes on, no revision runs twice,
and the status ends true."""

import migration as m
from harness import case, expect, wait_at_gate
from scripts import chain


def ends_well(t, orders, database, revisions):
    status = orders.wait_ready(seconds=120)["status"]
    expect(len(orders.jobs()), 1, "Jobs")
    expect(status["lastRun"]["attempt"], 1, "lastRun.attempt")
    expect(status["currentRevisions"], revisions[-1:], "currentRevisions")
    expect(database.versions(), revisions[-1:], "version table")
    expect(database.applied(), revisions, "revisions that ran")
    for revision in revisions:
        expect(database.statements_logged(f"CREATE TABLE t_{revision} "), 1,
               f"CREATE TABLE t_{revision} in the server's log")


def wait_for_job(t, orders, holds, what):
    try:
        return t.record.jobs.wait_any(t.namespace, holds, t.patience(60))
    except TimeoutError:
        raise AssertionError(f"{orders.name}: waited for a Job that {what}") from None


def is_finished(job):
    return any(c["status"] == "True" and c["type"] in ("Complete", "Failed")
               for c in job.get("status", {}).get("conditions", []))


@case("kill -9 of the operator's process in the middle of a run", limit=180, alone=True)
def _(t):
    database = t.database()
    restarts = t.operator.restarts()
    database.make_gate()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", gate="b2")))
    wait_at_gate(t, database)
    t.operator.kill_process()
    t.operator.wait_until_restarted(restarts)
    database.open_gate()
    ends_well(t, orders, database, ["a1", "b2", "c3"])


@case("the operator's pod is removed by force as soon as the Job exists", limit=180, alone=True)
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1", "b2", seconds=2)))
    wait_for_job(t, orders, lambda job: True, "exists")
    t.operator.remove_pod()
    ends_well(t, orders, database, ["a1", "b2"])


@case("the operator's pod is removed by force as soon as the Job has finished", limit=180, alone=True)
def _(t):
    database = t.database()
    orders = t.migrate(m.inline(chain("a1")))
    wait_for_job(t, orders, is_finished, "is finished")
    t.operator.remove_pod()
    ends_well(t, orders, database, ["a1"])


@case("the operator is away while a run begins, fails and is corrected", limit=180, alone=True)
def _(t):
    database = t.database()
    orders = t.migrate(m.inline({**chain("a1", "b2", seconds=2)}))
    wait_for_job(t, orders, lambda job: True, "exists")
    t.operator.scale(0)
    try:
        wait_for_job(t, orders, is_finished, "is finished")
        orders.change(source=m.inline(chain("a1", "b2", "c3", seconds=2)))
    finally:
        t.operator.scale(1)
    orders.wait_ready(2, seconds=90)
    expect(len(orders.jobs()), 2, "Jobs")
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(database.versions(), ["c3"], "version table")


@case("two operators at once do no harm", limit=180, alone=True)
def _(t):
    t.operator.scale(2)
    try:
        databases = [t.database(secret=f"database-{n}") for n in range(4)]
        handles = [t.migrate(m.inline(chain("a1", "b2", seconds=1)), f"orders-{n}", secret=f"database-{n}")
                   for n in range(4)]
        for handle, database in zip(handles, databases):
            ends_well(t, handle, database, ["a1", "b2"])
        for handle in handles:
            handle.change(source=m.inline(chain("a1", "b2", "c3", seconds=1)))
        for handle, database in zip(handles, databases):
            handle.wait_ready(2)
            expect(len(handle.jobs()), 2, "Jobs")
            expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    finally:
        t.operator.scale(1)
