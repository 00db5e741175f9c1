# SPDX-License-Identifier: Apache-2.0
"""The database cannot be reached, ends the session in mid-DDL, or is locked by somebody: all that passes."""

import os
import tempfile

import migration as m
from place import require
from registry import case
from server import Session


def socket_folder(place) -> str:
    """A folder where PostgreSQL's socket is not, until connect_socket."""
    folder = tempfile.mkdtemp(prefix="pg-", dir="/tmp")
    os.chmod(folder, 0o755)
    place.at_end(lambda: [os.unlink(os.path.join(folder, name)) for name in os.listdir(folder)] and None)
    place.at_end(lambda: os.rmdir(folder))
    return folder


def connect_socket(place, folder: str) -> None:
    name = f".s.PGSQL.{place.database.real.port}"
    os.symlink(os.path.join(place.database.real.host, name), os.path.join(folder, name))


@case(25, "nobody listens; then somebody does, and nobody has to touch the resource")
def _(place):
    folder = socket_folder(place)
    place.secret(url=place.database.url().replace(place.database.real.host, folder))
    place.migrate("a1")
    place.operator.start()
    place.wait(m.reconciling("WaitingForDatabase"), 40)
    connect_socket(place, folder)
    place.wait_ready(seconds=90)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=2)


@case(25, "the session is ended in mid-DDL: rolled back, and done by the next attempt", fast=True)
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    place.database.terminate_engines()
    place.wait(m.reconciling("WaitingForDatabase"), 40)
    place.database.open_gate()
    place.wait_ready(seconds=90)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=2, tries={"b2": 2})


@case(25, "somebody holds a table: the status names who, and it is done once the table is free")
def _(place):
    place.secret()
    place.database.query(f"SET ROLE {place.database.name}; CREATE TABLE busy (id int);")
    files = {"a1.sql": "-- revision: a1\n-- stillhead:upgrade\nALTER TABLE busy ADD COLUMN n int;\n"}
    with Session(place.database.real, place.database.name, name="somebody") as session:
        session.ask("BEGIN", "LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        place.migrate(files=files)
        place.operator.start()
        place.wait(m.State("names who is in the way",
                           lambda migration: "somebody" in str(migration["status"])))
        session.ask("COMMIT")
    place.wait_ready(seconds=90)
    place.judge(m.ready(), [], {1: "a1"})


@case(25, "another run holds the migration lock: WaitingForLock, with its holder, then ready")
def _(place):
    place.database.make_gate()
    place.secret()
    place.migrate("a1", "b2", name="first", gate="b2")
    place.operator.start()
    place.wait_at_gate()
    place.migrate("a1", "b2", gate="b2", execution={"advisoryLockTimeout": "2s"})
    def waits(migration):
        return (m.condition(migration, "Ready") or {}).get("reason") in ("WaitingForLock", "Conflict")
    ready = m.condition(place.wait(m.State("waiting for somebody", waits), 40), "Ready")
    require("stillhead" in ready["message"] or ready["reason"] == "Conflict", f"no holder is named: {ready}")
    place.database.open_gate()
    place.wait_ready(name="first")
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, name="first", strangers=True)


@case(25, "a wrong password: AuthenticationFailed, and mended by the Secret alone")
def _(place):
    place.secret(url=place.database.tcp_url().replace(place.database.password, "wrong"))
    place.migrate("a1")
    place.operator.start()
    place.wait(m.reconciling("AuthenticationFailed"), 40)
    place.change_secret(url=place.database.tcp_url())
    place.wait_ready(seconds=90)
    place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=2)
