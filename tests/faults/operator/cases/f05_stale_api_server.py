# SPDX-License-Identifier: Apache-2.0
"""After a restart the operator meets an API server that is behind: its caches are of a time before.

Two API servers on one etcd; the second is paused while things happen, and wakes up with the operator.
"""

import time

import migration as m
from place import equal
from registry import case
from scripts import chain


def stale_server(place):
    """One for all cases; it is never anybody else's."""
    plane = place.bench.plane
    server = plane.servers[1] if len(plane.servers) > 1 else plane.add_server()
    place.at_end(server.resume)
    return server


def wake_up_with(place, server) -> None:
    """The operator comes back, and meets that server while it still has to hear what happened."""
    place.proxy.route_to(server.port)
    place.operator.start()
    time.sleep(1)
    server.resume()


def run_to_gate(place, **options):
    server = stale_server(place)
    place.proxy.route_to(server.port)
    place.database.make_gate()
    place.start("a1", "b2", gate="b2", **options)
    place.wait_at_gate()
    place.wait(m.reconciling("Progressing"))
    place.operator.kill()
    server.pause()
    return server


@case(5, "behind the Job's end: no second Job, and the status does not go back", alone=True, fast=True)
def _(place):
    server = run_to_gate(place)
    place.database.open_gate()
    place.until(lambda: place.job()["status"].get("succeeded"), "the Job is complete")
    wake_up_with(place, server)
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)


@case(5, "behind a change of the spec: the new target is reached", alone=True)
def _(place):
    server = run_to_gate(place)
    place.change(source=m.inline(chain("a1", "b2", "c3", gate="b2")))
    place.database.open_gate()
    wake_up_with(place, server)
    place.wait_ready(2, seconds=60)
    place.judge(m.ready(2), ["a1", "b2", "c3"], {1: "b2", 2: "c3"}, jobs=2)


@case(5, "behind the deletion and rebirth of the resource: the new one is migrated", alone=True)
def _(place):
    server = run_to_gate(place)
    place.database.open_gate()
    place.until(lambda: place.job()["status"].get("succeeded"), "the Job is complete")
    place.delete()
    place.client.patch("databasemigrations", place.namespace, "orders", {"metadata": {"finalizers": None}})
    place.wait_gone()
    uid = place.migrate("a1", "b2", "c3", gate="b2")["metadata"]["uid"]
    wake_up_with(place, server)
    found = place.wait_ready(seconds=60)
    equal(found["metadata"]["uid"], uid, "uid")
    place.judge(m.ready(), ["a1", "b2", "c3"], {1: "b2"}, jobs=2)
