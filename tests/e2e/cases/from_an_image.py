# SPDX-License-Identifier: Apache-2.0
"""The scripts are in an image of the user's; the engine is brought into it."""

import migration as m
from harness import case, expect, expect_in
from images import USER_SCRIPTS


def migrates(t, image):
    database = t.database()
    orders = t.migrate(m.image(t.images[image], "/migrations"))
    status = orders.wait_ready()["status"]
    revisions = [name.removesuffix(".sql") for name in USER_SCRIPTS]
    expect(status["currentRevisions"], revisions[-1:], "currentRevisions")
    expect(database.versions(), revisions[-1:], "version table")
    expect(database.applied(), revisions, "revisions that ran")
    expect(database.statements_logged("CREATE TABLE t_b2 "), 1, "CREATE TABLE t_b2 in the server's log")
    return orders, database


@case("an image that holds nothing but the scripts")
def _(t):
    orders, database = migrates(t, "user-scratch")
    pod = next(iter(t.record.pods.objects(t.namespace)))
    engine = [c for c in pod["spec"]["containers"] if c["image"] == t.images["user-scratch"]]
    expect(len(engine), 1, "containers that run in the user's image")
    user = engine[0].get("securityContext", {}).get("runAsUser") or pod["spec"]["securityContext"].get("runAsUser")
    if not user:
        raise AssertionError("the pod must run as a user id that its image has no passwd entry for")
    # It came by name, with a password (SCRAM is all that the server's pg_hba.conf allows), and over TLS.
    expect(database.server.psql("SHOW password_encryption"), [["scram-sha-256"]], "password_encryption")
    expect(database.server.psql("SELECT DISTINCT auth_method FROM pg_hba_file_rules "
                                "WHERE type LIKE 'host%' AND address = 'all'"),
           [["scram-sha-256"]], "how pg_hba.conf lets pods in")
    expect_in("sslmode=require", database.url(), "URL")


@case("an image with Debian in it")
def _(t):
    migrates(t, "user-debian")


@case("TLS is asked for and not there: said, not circumvented")
def _(t):
    database = t.database(secret=None)
    t.secret("database", url=database.url(options="sslmode=verify-full"))
    orders = t.migrate(m.image(t.images["user-scratch"]))
    waiting = orders.wait(m.State("Ready=False with a reason other than Progressing", lambda migration: (
        migration is not None and (m.condition(migration, "Ready") or {}).get("status") == "False"
        and m.condition(migration, "Ready")["reason"] != "Progressing")))
    expect(m.condition(waiting, "Ready")["reason"] in ("WaitingForDatabase", "AuthenticationFailed"), True,
           f"reason is one of waiting: {m.summary(waiting)}")
    expect(database.tables(), [], "tables")


@case("a path that the image does not have, or that holds no script, is named")
def _(t):
    database = t.database()
    orders = t.migrate(m.image(t.images["user-scratch"], "/nowhere"))
    empty = t.migrate(m.image(t.images["user-scratch"], "/etc"), "empty")
    orders.wait(m.stalled("InvalidSource", words=["/nowhere"]))
    empty.wait(m.stalled("InvalidSource", words=["/etc"]))
    expect(database.tables(), [], "tables")
    orders.change(source=m.image(t.images["user-scratch"]))
    orders.wait_ready(2)


@case("an image that does not exist is named, and a corrected one heals it")
def _(t):
    t.database()
    missing = t.images["user-scratch"].partition("@")[0] + "@sha256:" + "0" * 64
    orders = t.migrate(m.image(missing))
    orders.wait(m.reconciling("ImagePullFailed", words=[missing]), 60)
    orders.change(source=m.image(t.images["user-scratch"]))
    orders.wait_ready(2, seconds=90)
