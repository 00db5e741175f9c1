# SPDX-License-Identifier: Apache-2.0
"""The API server goes away and comes back, while migrations run."""

import time

import migration as m
import verbs
from place import require
from registry import case
from scripts import chain

MIGRATIONS = 4


def start_several(place) -> dict:
    """Name -> database: migrations of one would wait for each other."""
    names, databases = [], {}
    for number in range(MIGRATIONS):
        names.append(f"orders-{number}")
        databases[names[-1]] = place.bench.server.create()
        place.secret(names[-1], url=databases[names[-1]].url())
        place.create(m.resource(names[-1], m.inline(chain("a1", seconds=1)), secret=names[-1]))
        place.at_end(databases[names[-1]].drop)
    place.operator.start()
    return databases


def requests_by_kind(place, begin: int) -> dict[str, int]:
    found = {}
    for request in place.proxy.requests[begin:]:
        if request.method == "GET" and not request.name:
            found[request.kind] = found.get(request.kind, 0) + 1
    return found


@case(10, "20 short outages while migrations run: every one of them becomes ready", fast=True)
def _(place):
    databases = start_several(place)
    for _number in range(20):
        place.proxy.cut_all()
        time.sleep(0.3)
    for name in databases:
        place.wait_ready(seconds=60, name=name)
    place.operator.require_alive()
    for name, database in databases.items():
        place.judge(m.ready(), ["a1"], {1: "a1"}, jobs=MIGRATIONS, name=name, database=database)


@case(10, "an outage of 20 s: at most 2 requests a second for each kind")
def _(place):
    place.start("a1")
    place.wait_ready()
    place.settle()
    refused = place.proxy.add(verbs.cut_before_forward)
    place.proxy.cut_all()
    begin = len(place.proxy.requests)
    time.sleep(20)
    tries = requests_by_kind(place, begin)
    place.proxy.clear()
    require(refused.seen > 0, "nobody tried")
    require(all(count <= 40 for count in tries.values()), f"requests in 20 s: {tries}")
    place.change(target={"revision": "a1"})
    place.judge(m.ready(2), ["a1"], {1: "a1", 2: "a1"}, jobs=2)
    return f"{tries}"


@case(10, "the API server is killed and started again in mid-run", alone=True)
def _(place):
    place.database.make_gate()
    place.start("a1", "b2", gate="b2")
    place.wait_at_gate()
    server = place.bench.plane.servers[0]
    server.kill()
    place.database.open_gate()
    server.start()
    server.wait_until_ready()
    place.bench.plane.wait_until_served()
    place.wait_ready(seconds=60)
    place.judge(m.ready(), ["a1", "b2"], {1: "b2"}, jobs=1)
