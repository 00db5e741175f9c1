# SPDX-License-Identifier: Apache-2.0
"""The database, or the way to it, is missing for a while: said at once, never stalled, healed alone."""

import time

import migration as m
import postgres
from harness import case, expect, wait_at_gate
from scripts import chain


def never_stalled(handle):
    for event in handle.history():
        expect(m.condition(event.object, "Stalled"), None, f"Stalled of {handle.name} at {m.summary(event.object)}")


@case("a database that is away for a minute is waited for", limit=240)
def _(t):
    t.apply(*postgres.server_objects(t.images["postgres"], replicas=0))
    host = f"postgres.{t.namespace}.svc.cluster.local"
    t.secret("database", url=f"postgresql://postgres:postgres@{host}:5432/postgres?sslmode=require")
    orders = t.migrate(m.inline(chain("a1", "b2")))
    orders.wait(m.reconciling("WaitingForDatabase"), 60)
    begin = time.monotonic()
    t.stays(m.State("not ready", lambda migration: m.condition(migration, "Ready")["status"] != "True"),
            orders, 60 - (time.monotonic() - begin))

    t.kubectl("scale", "deployment/postgres", "--replicas=1")
    server = postgres.Server(t.namespace)
    server.wait_until_ready()
    status = orders.wait_ready(seconds=90)["status"]
    never_stalled(orders)
    attempt = status["lastRun"]["attempt"]
    if attempt < 2:
        raise AssertionError(f"lastRun.attempt: expected 2 or more, got {attempt}")
    expect(server.psql("SELECT version_num FROM alembic_version"), [["b2"]], "version table")
    expect(server.psql("SELECT revision FROM applied ORDER BY at"), [["a1"], ["b2"]], "revisions that ran")


@case("a connection that breaks in mid-run is made again, and each revision runs once", limit=180)
def _(t):
    database = t.database()
    database.make_gate()
    orders = t.migrate(m.inline(chain("a1", "b2", "c3", gate="b2")))
    wait_at_gate(t, database)
    database.server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}' "
                         "AND usename = datname")
    database.open_gate()
    status = orders.wait_ready(seconds=120)["status"]
    never_stalled(orders)
    expect(status["lastRun"]["attempt"], 2, "lastRun.attempt")
    expect(database.applied(), ["a1", "b2", "c3"], "revisions that ran")
    expect(database.versions(), ["c3"], "version table")


@case("a missing Secret is named within seconds and used when it appears", limit=240)
def _(t):
    database = t.database(secret=None)
    begin = time.monotonic()
    orders = t.migrate(m.inline(chain("a1")), secret="orders-database")
    orders.wait(m.reconciling("SecretNotFound", words=["orders-database"]), 30)
    seconds = time.monotonic() - begin
    if seconds > 10:
        raise AssertionError(f"the missing Secret was named after {seconds:.1f} s, expected within 10 s")
    t.secret("orders-database", url=database.url())
    orders.wait_ready(seconds=150)
    never_stalled(orders)
    expect(database.versions(), ["a1"], "version table")
    expect(len(orders.jobs()), 1, "Jobs")


@case("a missing key of a Secret is named, and used when it appears", limit=240)
def _(t):
    database = t.database(secret=None)
    t.secret("database", other="value")
    orders = t.migrate(m.inline(chain("a1")), key="uri")
    orders.wait(m.reconciling("SecretNotFound", words=["database", "uri"]), 30)
    t.secret("database", uri=database.url())
    orders.wait_ready(seconds=150)
    never_stalled(orders)
    expect(database.versions(), ["a1"], "version table")


@case("a wrong password is waited out until the Secret is corrected", limit=180)
def _(t):
    database = t.database(secret=None)
    t.secret("database", url=database.url(password="wrong-canary-password"))
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait(m.reconciling("AuthenticationFailed", words=[database.name]))
    t.secret("database", url=database.url())
    status = orders.wait_ready(seconds=100)["status"]
    never_stalled(orders)
    if status["lastRun"]["attempt"] < 2:
        raise AssertionError(f"lastRun.attempt: expected 2 or more, got {status['lastRun']['attempt']}")
    expect(database.versions(), ["a1"], "version table")


@case("a database that does not exist yet is waited for", limit=180)
def _(t):
    database = t.database(secret=None)
    name = database.name + "_later"
    t.secret("database", url=database.url(name=name))
    orders = t.migrate(m.inline(chain("a1")))
    orders.wait(m.reconciling("AuthenticationFailed", words=[name]))
    database.server.psql(f"CREATE DATABASE {name} OWNER {database.name}")
    orders.wait_ready(seconds=100)
    never_stalled(orders)
    expect(database.server.psql("SELECT version_num FROM alembic_version", name), [["a1"]], "version table")


@case("a host without a name and an address that does not answer are waited for")
def _(t):
    places = {"nameless": "nowhere.example.invalid", "silent": "192.0.2.1"}  # RFC 2606, RFC 5737
    for name, host in places.items():
        t.secret(name, url=f"postgresql://ada:secret@{host}:5432/orders")
    handles = {name: t.migrate(m.inline(chain("a1")), name, secret=name) for name in places}
    for name, host in places.items():
        handles[name].wait(m.reconciling("WaitingForDatabase", words=[host]))
        never_stalled(handles[name])
