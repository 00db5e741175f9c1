# SPDX-License-Identifier: Apache-2.0
"""The resource goes while its run is on: the run ends first."""

import migration as m
from harness import case, expect, expect_in, wait_at_gate, wait_until
from scripts import chain


@case("a resource that is deleted during its run goes when the run has ended", limit=150)
def _(t):
    database = t.database()
    database.make_gate()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", gate="b2")))
    wait_at_gate(t, database)
    orders.delete()
    draining = orders.wait(m.State("being deleted, with the finalizer", lambda migration: (
        "deletionTimestamp" in migration["metadata"])), 10)
    expect_in("stillhead.dev/running-job", draining["metadata"].get("finalizers", []), "finalizers")
    expect(len(t.record.jobs.objects(t.namespace)), 1, "Jobs while the run goes on")
    orders.wait(m.State("Ready=False Terminating", lambda migration: (
        m.condition(migration, "Ready")["reason"] == "Terminating")), 10)
    database.open_gate()
    orders.wait_gone(60)

    expect(database.versions(), ["c3"], "version table")
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    ended = [event for event in t.record.jobs.history(t.namespace) if any(
        c["type"] == "Complete" and c["status"] == "True" for c in event.object["status"].get("conditions", []))]
    expect(bool(ended), True, "the Job completed before it went")
    wait_until(t, lambda: not t.record.jobs.objects(t.namespace), "the Job is collected")
    wait_until(t, lambda: not t.record.pods.objects(t.namespace), "its pod is collected")


@case("a resource at rest goes at once, and so do its Jobs and ConfigMaps")
def _(t):
    t.database()
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait_ready()
    expect(orders.wait(m.State("no finalizer", lambda migration: not migration["metadata"].get("finalizers")), 10)
           ["metadata"].get("finalizers", []), [], "finalizers at rest")
    orders.delete()
    orders.wait_gone(10)
    wait_until(t, lambda: not t.record.jobs.objects(t.namespace), "the Jobs are collected")
    wait_until(t, lambda: t.kubectl("get", "configmaps", "-l", "app.kubernetes.io/managed-by=stillhead-operator",
                                    "-o", "name") == "", "the ConfigMap with the scripts is collected")


@case("a resource that is made again under its name while the old run goes on waits its turn", limit=150)
def _(t):
    database = t.database()
    database.make_gate()
    orders = t.migrate(m.inline(chain("a1", "b2", gate="b2")))
    wait_at_gate(t, database)
    orders.delete()
    database.open_gate()
    orders.wait_gone(60)
    again = t.migrate(m.inline(chain("a1", "b2", "c3", gate="b2")))
    again.wait_ready()
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")


@case("a resource that waits for a Secret can be deleted", limit=150)
def _(t):
    orders = t.migrate(m.inline(chain("a1")), secret="never-there")
    orders.wait(m.reconciling("SecretNotFound", words=["never-there"]), 30)
    orders.delete()
    orders.wait_gone(60)
